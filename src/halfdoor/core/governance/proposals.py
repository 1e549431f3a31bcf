"""Making the document that people approve, from an assessment and the policy that it was made under."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.canonical import digest
from halfdoor.core.governance.decisions import (
    PEOPLE_MIN,
    SCHEMA,
    Approval,
    Condition,
    Promise,
    Proposal,
    Seat,
    lapse,
)
from halfdoor.core.governance.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from halfdoor.core.assessment import Assessment
    from halfdoor.core.evidence.claim import Claim
    from halfdoor.core.policy.document import Policy
    from halfdoor.core.question import Question

ROLE_DEFAULT = "approver"  # decides where the policy names no role


class Subject(msgspec.Struct, frozen=True):
    """The version that a decision is about, and who proposes it."""

    decision: str
    version: str
    repository: str
    label: str
    manifest: str
    proposer: str
    proposer_organisation: str | None


def seats(policy: Policy) -> list[Seat]:
    """Who has to approve under a policy. One that names nobody leaves it to two approvers."""
    named = [
        Seat(role.name, role.quorum, role.distinct_organisations, role.signed, role.clause)
        for role in policy.role
        if role.decides
    ]
    return named or [Seat(ROLE_DEFAULT, PEOPLE_MIN)]


def build(
    subject: Subject,
    assessment: Assessment,
    policy: Policy,
    *,
    question: str,
    proposed: dt.date,
    review: dt.date | None,
    evidence_until: dt.date | None,
) -> Proposal:
    """The document. question: its digest, as stored; review None: as late as the policy allows.

    Raises Refused: `not-permitted`, `bad-review`, `no-organisation`, `not-in-force`.
    """
    quorum = seats(policy)
    check_permitted(assessment)
    found = Proposal(
        schema=SCHEMA,
        decision=subject.decision,
        version=subject.version,
        repository=subject.repository,
        label=subject.label,
        manifest=subject.manifest,
        assessment=assessment.id,
        outputs=assessment.outputs_digest,
        question=question,
        engine=assessment.engine,
        as_of=assessment.as_of,
        policy=f"{policy.name} {policy.version}",
        policy_digest=assessment.inputs["policy"],
        risk_model=assessment.subject.risk_model,
        risk_model_digest=assessment.inputs["risk_model"],
        in_scope=assessment.scope.in_scope,
        headline=assessment.verdict.headline,
        configuration=assessment.proposed,
        quorum=quorum,
        people_min=PEOPLE_MIN,
        conditions=conditions(assessment),
        ledger=promises(assessment),
        proposer=subject.proposer,
        proposer_organisation=subject.proposer_organisation,
        proposed=proposed,
        review=reviewed(policy, proposed, review),
        evidence_until=evidence_until,
    )
    if subject.proposer_organisation is None and any(seat.distinct_organisations for seat in quorum):
        raise Refused(
            "no-organisation",
            "the policy asks for approvals from organisations other than the proposer's, which is not known",
            remedy="have an administrator say which organisation you belong to",
        )
    _, why = lapse(found, proposed)
    if why:
        raise Refused("not-in-force", f"as proposed it would not be in force today: {why}")
    return found


def check_permitted(assessment: Assessment) -> None:
    """Raises Refused `not-permitted`, with the verdict's sentences."""
    verdict = assessment.verdict
    if not verdict.permitted:
        raise Refused(
            "not-permitted",
            " ".join((verdict.headline, *verdict.sentences)),
            remedy="propose less, or measure what is missing: halfdoor assess says what would change it",
        )
    if not any(assessment.proposed.values()):
        raise Refused("not-permitted", "nothing is proposed to be shared, so there is nothing to decide")


def reviewed(policy: Policy, proposed: dt.date, review: dt.date | None) -> dt.date:
    """The day of the review. Raises Refused `bad-review`: past, or later than the policy allows."""
    latest = proposed + dt.timedelta(days=policy.review_days)
    chosen = latest if review is None else review
    if not proposed < chosen <= latest:
        raise Refused(
            "bad-review",
            f"a review on {chosen} does not lie within the {policy.review_days} days that the policy allows",
            remedy=f"choose a day from {proposed + dt.timedelta(days=1)} to {latest}",
        )
    return chosen


def conditions(assessment: Assessment) -> list[Condition]:
    """What voids a decision: the flip points that narrow what is permitted."""
    narrowing = (flip for flip in assessment.flips if flip.direction == "narrows")
    return [
        Condition(number, flip.input, flip.comparator, flip.at, flip.unit, flip.sentence)
        for number, flip in enumerate(narrowing, 1)
    ]


def promises(assessment: Assessment) -> list[Promise]:
    """What the assessment's ledger says that somebody does."""
    return [
        Promise(
            row.item,
            row.withheld_from,
            row.replacement,
            row.owner,
            dt.date.fromisoformat(row.due) if row.due else None,
        )
        for row in assessment.ledger
    ]


class Listed(msgspec.Struct, frozen=True):
    """An item of a manifest. weights: digest over its files; none where it has none."""

    id: str
    weights: str | None = None


class Manifest(msgspec.Struct, frozen=True):
    """What a decision needs of a version's manifest."""

    model: str
    version: str
    items: tuple[Listed, ...]


def differences(question: Question, manifest: Manifest) -> list[str]:
    """Why a question is not about this version; empty where it is. Evidence must be bound to its weights."""
    model = question.dossier.model
    found = []
    if (model.name, model.version) != (manifest.model, manifest.version):
        found.append(
            f"it is about {model.name} {model.version}, the version is {manifest.model} {manifest.version}"
        )
    asked, listed = {item.id for item in question.dossier.item}, {item.id for item in manifest.items}
    if asked != listed:
        found.append(f"the items differ: {', '.join(sorted(asked ^ listed))}")
    weights = {item.id: item.weights for item in manifest.items if item.weights}
    others = {
        item for item in {*weights, *question.weights} if weights.get(item) != question.weights.get(item)
    }
    if others:
        found.append(f"the files of {', '.join(sorted(others))} are others")
    known = set(weights.values())
    found += [
        f"the evidence {claim.id} ({claim.origin}) is said to be {claim.binding}, and is not"
        for claim in question.claims
        if not _bound_as_stated(claim, known)
    ]
    return found


def _bound_as_stated(claim: Claim, known: Collection[str]) -> bool:
    """Whoever sends a question states how its evidence is bound; see core.evidence.binding."""
    match claim.binding:
        case "bound":
            return claim.weights in known
        case "other-weights":
            return claim.weights is not None and claim.weights not in known
        case "published":
            return not known
        case "unbound":
            return True


def configuration_digest(proposal: Proposal) -> str:
    """The digest that the log names a decision's configuration by."""
    return digest(proposal.configuration)


def as_given(person: str, organisation: str | None, roles: Iterable[str], signature: str | None) -> Approval:
    """An approval as it counted when it was given."""
    return Approval(person, organisation, frozenset(roles), signed=signature is not None)
