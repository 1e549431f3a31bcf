"""Whether a decision still is what was decided: everything it rests on, made again from what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.assess import assess
from halfdoor.core.canonical import digest
from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.governance import proposals, ssh_signature
from halfdoor.core.governance.decisions import missing
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.staleness import permitted_on
from halfdoor.core.tolerance import agree, is_intact
from halfdoor.services.decide.documents import basis_of, intact, not_found, proposal_of
from halfdoor.services.decide.views import why_not
from halfdoor.store import decisions as store
from halfdoor.store.models import version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from halfdoor.core.governance.decisions import Proposal
    from halfdoor.services.commit import Commits
    from halfdoor.services.decide.documents import Basis
    from halfdoor.store.decisions import DecisionRow


def recheck(commits: Commits, decision: str) -> list[str]:
    """Assess the stored question again and hold everything against the decision; what differs, in sentences.

    Takes as long as the assessment did. Raises Refused `not-found`.
    """
    today = commits.now().date()
    with commits.reading() as connection:
        row = store.decision_of(connection, decision)
        if row is None:
            raise not_found(decision)
        try:
            proposal = proposal_of(connection, row)
            basis = basis_of(connection, proposal)
            found = [*_stored(connection, row, proposal, basis)]
        except VerificationError as error:
            return [f"{error.message[:1].upper()}{error.message[1:]}."]
        in_force = not why_not(connection, row, proposal, today)
    found += _again(proposal, basis)
    if in_force and not permitted_on(basis.question, assess, today):
        found.append(
            "Assessed as of today, its configuration is not permitted, though it counts as in force."
        )
    return found


def _stored(connection: Connection, row: DecisionRow, proposal: Proposal, basis: Basis) -> Iterator[str]:
    """What does not belong together among the documents and rows."""
    about = version_of(connection, row.version)
    if about is None or about.manifest != proposal.manifest:
        yield "The version is gone, or its manifest is not the one that the decision names."
    else:
        manifest = msgspec.json.decode(intact(connection, about.manifest), type=proposals.Manifest)
        for difference in proposals.differences(basis.question, manifest):
            yield f"The question was not about this version: {difference}."
    if digest(basis.question.policy) != proposal.policy_digest:
        yield "The policy is not the one that the decision names."
    if proposals.seats(basis.question.policy) != proposal.quorum:
        yield "The quorum is not the one that the policy asks for."
    given = store.approvals(connection, row.id)
    for one in given:
        if one.seen != row.document:
            yield f"{one.person} approved another document."
        if one.signature is not None:
            yield from _signed(connection, row, one)
    counting = [proposals.as_given(one.person, one.organisation, one.roles, one.signature) for one in given]
    if row.adopted_ms is not None and missing(proposal, counting):
        yield "It was adopted without its quorum."


def _signed(connection: Connection, row: DecisionRow, one: store.ApprovalRow) -> Iterator[str]:
    """A signature must still hold. Its key was the person's then; it may have been taken away since."""
    assert one.signature is not None
    try:
        text = intact(connection, one.signature).decode()
        ssh_signature.verify(text, intact(connection, row.document), None)
    except Refused as refused:
        yield f"The signature of {one.person}: {refused.message}."


def _again(proposal: Proposal, basis: Basis) -> list[str]:
    """What differs where the question is assessed again."""
    stated = basis.assessment
    if (stated.id, stated.outputs_digest) != (proposal.assessment, proposal.outputs) or not is_intact(stated):
        return ["The stored assessment is not the one that the decision names."]
    try:
        again = assess(basis.question)
    except InputError as error:
        return [f"The question cannot be assessed any more: {error.message}."]
    if again.engine != stated.engine:
        return [f"It was assessed by {stated.engine}; this is {again.engine}, which may answer otherwise."]
    if again.id != stated.id:
        return ["The stored question is not the one that was assessed."]
    if again.outputs_digest != stated.outputs_digest and not agree(stated, again):
        return ["The same question has another answer than the stored one."]
    if again.proposed != proposal.configuration or not again.verdict.permitted:
        return ["The assessment does not permit the decision's configuration."]
    return []
