"""Which policy and risk model decisions are taken under here.

A proposer names both, and with the policy the quorum. Until somebody adopts a policy, approvers are told what
was chosen; from then on nothing else may be proposed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.canonical import canonical_json, digest
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.openness import PolicyAdopted
from halfdoor.services.decide.documents import check_documents
from halfdoor.store import decisions as store
from halfdoor.store.models import put_document

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from halfdoor.core.governance.actor import Actor
    from halfdoor.core.policy.document import Policy
    from halfdoor.core.question import Question
    from halfdoor.core.risk.document import RiskModel
    from halfdoor.services.commit import Commits
    from halfdoor.store.decisions import AdoptedPolicyRow


def adopt_policy(
    commits: Commits, actor: Actor, *, policy: Policy, risk_model: RiskModel
) -> AdoptedPolicyRow:
    """From now on decisions are proposed under these alone; those in force stay. By an administrator.

    Raises Refused `not-your-role`, `already-so`; InputError for documents that do not hold; LogUnavailable.
    """
    actor.require("admin")
    check_documents(policy, risk_model)
    with commits.change() as change:
        connection, now = change.connection, change.now_ms
        row = store.AdoptedPolicyRow(
            put_document(connection, "policy", canonical_json(policy), now),
            put_document(connection, "risk-model", canonical_json(risk_model), now),
            actor.person,
            now,
        )
        known = store.policy_adopted(connection)
        if known is not None and (known.policy, known.risk_model) == (row.policy, row.risk_model):
            raise Refused("already-so", "these two are adopted already")
        entry = change.tell(PolicyAdopted, by=actor.person, policy=row.policy, risk_model=row.risk_model)
        store.adopt_policy(connection, row, entry)
        change.announce("policy-adopted", row.policy)
    return row


def policy_adopted(commits: Commits) -> AdoptedPolicyRow | None:
    """What decisions are taken under; None: nothing was adopted yet."""
    with commits.reading() as connection:
        return store.policy_adopted(connection)


def check_adopted(connection: Connection, question: Question) -> None:
    """Raises Refused `not-adopted` where another policy or risk model was adopted here."""
    adopted = store.policy_adopted(connection)
    if adopted is None:
        return
    other = [
        kind
        for kind, wanted, value in (
            ("policy", adopted.policy, question.policy),
            ("risk model", adopted.risk_model, question.risk_model),
        )
        if digest(value) != wanted
    ]
    if other:
        raise Refused(
            "not-adopted",
            f"this proposal has another {' and another '.join(other)} than was adopted here",
            remedy="assess with --policy and --risk-model as adopted: halfdoor decide policy",
        )
