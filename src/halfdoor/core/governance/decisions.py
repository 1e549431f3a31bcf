"""Decisions: the document that people approve, whose approvals count, and what ends it.

A proposal names everything it rests on by digest. Its own digest is what an approver says to have seen, and
its bytes are what an SSH signature covers. Nothing here is stored or looked up; dates are UTC.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from halfdoor.core.canonical import canonical_json
from halfdoor.core.errors import InputError
from halfdoor.core.governance.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA: Final = "halfdoor/proposal/1"
PEOPLE_MIN = 2  # approve, besides the proposer, whatever the policy says
REASON_MAX = 10_000  # characters

Cause = Literal["condition", "evidence", "ledger", "replaced", "review", "withdrawn"]
CAUSES: dict[str, str] = {
    "condition": "what was to void it has happened",
    "evidence": "its evidence is stale or gone",
    "ledger": "what was to replace a restriction is overdue",
    "replaced": "another decision about this version took its place",
    "review": "it was due for review",
    "withdrawn": "it was withdrawn",
}


class Seat(msgspec.Struct, frozen=True):
    """How many people with a role have to approve, by the policy's [[role]].

    distinct_organisations: each from another organisation, and none from the proposer's
    signed:                 with an SSH signature
    """

    role: str
    people: int = 1
    distinct_organisations: bool = False
    signed: bool = False
    clause: str = ""


class Condition(msgspec.Struct, frozen=True):
    """The decision is void once `input comparator at` holds. number: from 1, to name it by."""

    number: int
    input: str
    comparator: Literal[">=", "<"] | None
    at: str
    unit: str
    sentence: str


class Promise(msgspec.Struct, frozen=True):
    """What is to replace a restriction, by whom, until when (the day itself included). due None: no date."""

    item: str
    withheld_from: str
    replacement: str
    owner: str
    due: dt.date | None


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What people approve, as canonical JSON.

    decision:       its own id, so that no approval of one decision ever serves another
    manifest:       digest of the version's manifest
    assessment:     its id; `outputs` its outputs' digest; `question` digest of what it answers, as stored
    policy, risk_model: name and version; with `_digest` the digest of the whole document
    headline:       the assessment's verdict, in its own words
    configuration:  item -> the widest groups that may have it; stricter groups inside them may too
    people_min:     so many different people at least
    review:         not in force from this day on
    evidence_until: nor from this day on, for on it the evidence would no longer permit this; None: not before
                    the review
    """

    schema: Literal["halfdoor/proposal/1"]
    decision: str
    version: str
    repository: str
    label: str
    manifest: str
    assessment: str
    outputs: str
    question: str
    engine: str
    as_of: dt.date
    policy: str
    policy_digest: str
    risk_model: str
    risk_model_digest: str
    in_scope: bool
    headline: str
    configuration: dict[str, list[str]]
    quorum: list[Seat]
    people_min: int
    conditions: list[Condition]
    ledger: list[Promise]
    proposer: str
    proposer_organisation: str | None
    proposed: dt.date
    review: dt.date
    evidence_until: dt.date | None


class Approval(msgspec.Struct, frozen=True):
    """One approval as it counts. roles: held when approving, and still."""

    person: str
    organisation: str | None
    roles: frozenset[str]
    signed: bool = False


def encode(proposal: Proposal) -> bytes:
    """The document's bytes: what is digested, downloaded and signed."""
    return canonical_json(proposal)


def decode(document: bytes) -> Proposal:
    """The proposal that these bytes are. Raises InputError `bad-proposal` where they are none."""
    try:
        found = msgspec.json.decode(document, type=Proposal)
    except msgspec.MsgspecError as error:
        raise InputError("bad-proposal", f"this is no proposal of a decision: {error}") from error
    if encode(found) != document:
        raise InputError("bad-proposal", "this proposal is not written as it was made")
    return found


def lapse(proposal: Proposal, today: dt.date) -> tuple[Cause | None, str]:
    """What has ended the decision by itself until `today`, the earliest first; and in a sentence."""
    one_day = dt.timedelta(days=1)
    ends: list[tuple[dt.date, Cause, str]] = [
        (proposal.review, "review", f"its review was due on {proposal.review}")
    ]
    if proposal.evidence_until is not None:
        until = proposal.evidence_until
        ends.append((until, "evidence", f"since {until} its evidence is too old to permit this"))
    ends += [
        (
            row.due + one_day,
            "ledger",
            f"what replaces {row.item} was due on {row.due} ({row.owner or 'nobody'})",
        )
        for row in proposal.ledger
        if row.due is not None
    ]
    day, cause, why = min(ends, key=lambda end: end[0])
    return (cause, why) if day <= today else (None, "")


def why_not_in_force(
    proposal: Proposal, *, adopted_ms: int | None, ended_cause: str | None, today: dt.date
) -> list[str]:
    """Why the decision permits nothing today, in sentences; empty where it is in force.

    adopted_ms:  None unless its adoption stands in the log
    ended_cause: None unless it was ended
    """
    why = []
    if ended_cause is not None:
        why.append(f"The decision ended: {CAUSES.get(ended_cause, ended_cause)}.")
    elif adopted_ms is None:
        why.append("The decision was not adopted.")
    _, lapsed = lapse(proposal, today)
    if lapsed:
        why.append(f"The decision is no longer in force: {lapsed}.")
    return why


def counted(proposal: Proposal, seat: Seat, approvals: Iterable[Approval]) -> int:
    """How many of the people whom a seat asks for have approved."""
    people = [
        one
        for one in approvals
        if seat.role in one.roles and one.person != proposal.proposer and (one.signed or not seat.signed)
    ]
    if not seat.distinct_organisations:
        return len({one.person for one in people})
    theirs = {one.organisation for one in people} - {None, proposal.proposer_organisation}
    return len(theirs)


def missing(proposal: Proposal, approvals: Iterable[Approval]) -> list[str]:
    """What the quorum still lacks, in sentences; empty where it is met."""
    given = list(approvals)
    lacking = [(seat, seat.people - counted(proposal, seat, given)) for seat in proposal.quorum]
    found = [_asked(seat, count) for seat, count in lacking if count > 0]
    roles = {seat.role for seat in proposal.quorum}
    people = {one.person for one in given if one.roles & roles} - {proposal.proposer}
    short = max(proposal.people_min, PEOPLE_MIN) - len(people)
    if short > max((count for _, count in lacking), default=0):
        which = " or ".join(sorted(roles))
        found.append(f"{_people(short)} with the role {which}: two different people decide at least.")
    return found


def _asked(seat: Seat, count: int) -> str:
    text = f"{_people(count)} with the role {seat.role}"
    if seat.distinct_organisations:
        other = "each from an organisation of its own" if count > 1 else "from an organisation"
        text += (
            f", {other} that is neither the proposer's nor that of somebody who counts in this role already"
        )
    if seat.signed:
        text += ", with a signature"
    return f"{text}."


def _people(count: int) -> str:
    return "One more person" if count == 1 else f"{count} more people"


def approving(
    proposal: Proposal, approval: Approval, *, digest: str, seen: str, already: bool, ended: str | None
) -> None:
    """Whether somebody may approve, as things stand. Silence means yes.

    digest:  of the document; `seen`: what the approver states
    already: the person approved this decision before
    ended:   its cause, where it was ended
    Raises Refused: `changed-meanwhile`, `ended`, `own-proposal`, `not-your-role`, `already-so`, `unsigned`.
    """
    check_seen(proposal, digest=digest, seen=seen)
    if ended is not None:
        raise Refused("ended", f"there is nothing to approve any more: {CAUSES.get(ended, ended)}")
    if approval.person == proposal.proposer:
        raise Refused("own-proposal", "whoever proposes a decision does not approve it, in whatever role")
    named = [seat for seat in proposal.quorum if seat.role in approval.roles]
    if not named:
        roles = " or ".join(seat.role for seat in proposal.quorum)
        raise Refused(
            "not-your-role",
            f"this decision is approved by people with the role {roles}",
            remedy="ask an administrator for it: halfdoor people role give",
        )
    if already:
        raise Refused("already-so", "you have approved this already")
    if any(seat.signed for seat in named) and not approval.signed:
        raise Refused(
            "unsigned",
            "the policy asks for a signature in your role",
            remedy="register an SSH key, and sign the document: halfdoor decide approve --help",
        )


def check_seen(proposal: Proposal, *, digest: str, seen: str) -> None:
    """Raises Refused `changed-meanwhile` unless `seen` is the digest of the document."""
    if seen != digest:
        raise Refused(
            "changed-meanwhile",
            f"what you say you saw ({seen[:80]}) is not what this decision is ({digest})",
            remedy=f"look at it again: halfdoor decide show {proposal.decision}",
        )


def checked_reason(reason: str) -> str:
    """The reason of an objection. Raises InputError `bad-reason`."""
    text = reason.strip()
    if not 1 <= len(text) <= REASON_MAX:
        raise InputError(
            "bad-reason", f"a reason has 1 to {REASON_MAX} characters", remedy="say what is wrong"
        )
    return text


def condition(proposal: Proposal, number: int) -> Condition:
    """The condition of that number. Raises Refused `not-found`."""
    found = next((one for one in proposal.conditions if one.number == number), None)
    if found is None:
        count = len(proposal.conditions)
        has = f"conditions 1 to {count}" if count else "no condition"
        raise Refused("not-found", f"there is no condition {number}: the decision has {has}")
    return found
