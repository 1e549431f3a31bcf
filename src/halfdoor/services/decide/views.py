"""Decisions as people see them: the document, who approved or objected, what is missing or against it."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.canonical import digest
from halfdoor.core.errors import VerificationError
from halfdoor.core.governance.decisions import Approval, Proposal, missing, why_not_in_force
from halfdoor.readers.library import load_policy, load_risk_model, names
from halfdoor.services.commit import moment
from halfdoor.services.decide.documents import basis_of, not_found, proposal_of
from halfdoor.store import decisions as store
from halfdoor.store.models import version_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from halfdoor.services.commit import Commits
    from halfdoor.store.decisions import ApprovalRow, DecisionRow

State = Literal["proposed", "adopted", "ended"]


class ApprovalView(msgspec.Struct, frozen=True):
    """One approval. counts: towards the quorum as people hold their roles now, once the log has it."""

    person: str
    organisation: str | None
    roles: list[str]
    signed: bool
    at: dt.datetime
    counts: bool


class ObjectionView(msgspec.Struct, frozen=True):
    """One objection."""

    number: int
    person: str
    seen: str
    reason: str
    at: dt.datetime


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it stands.

    document: what people approve; `seen` its digest, which approvers state
    missing:  what the quorum lacks; empty once adopted
    notes:    what approvers should know of policy and risk model, which the proposer chose
    why:      why it is not in force, in sentences
    """

    id: str
    version: str
    state: State
    seen: str
    document: Proposal
    proposed: dt.datetime
    adopted: dt.datetime | None
    ended: dt.datetime | None
    ended_cause: str | None
    approvals: list[ApprovalView]
    objections: list[ObjectionView]
    missing: list[str]
    notes: list[str]
    in_force: bool
    why: list[str]


def show(commits: Commits, decision: str) -> DecisionView:
    """One decision. Raises Refused `not-found`, VerificationError `damaged-document`."""
    today = commits.now().date()
    with commits.reading() as connection:
        row = store.decision_of(connection, decision)
        if row is None:
            raise not_found(decision)
        return view(connection, row, today)


def listed(commits: Commits, version: str | None = None) -> list[DecisionView]:
    """All decisions, or those about one version; the newest first. Raises VerificationError."""
    today = commits.now().date()
    with commits.reading() as connection:
        return [view(connection, row, today) for row in store.decisions(connection, version)]


def view(connection: Connection, row: DecisionRow, today: dt.date) -> DecisionView:
    """A decision as it stands on a day. Raises VerificationError `damaged-document`."""
    proposal = proposal_of(connection, row)
    given = store.approvals(connection, row.id)
    counting = counting_of(connection, given, row.document)
    seats = {seat.role for seat in proposal.quorum}
    why = why_not(connection, row, proposal, today)
    return DecisionView(
        id=row.id,
        version=row.version,
        state="ended" if row.ended_ms is not None else "adopted" if row.adopted else "proposed",
        seen=row.document,
        document=proposal,
        proposed=moment(row.proposed_ms),
        adopted=None if row.adopted_ms is None or not row.adopted else moment(row.adopted_ms),
        ended=None if row.ended_ms is None else moment(row.ended_ms),
        ended_cause=row.ended_cause,
        approvals=[
            ApprovalView(
                one.person,
                one.organisation,
                list(one.roles),
                one.signature is not None,
                moment(one.at_ms),
                counts=any(c.person == one.person and c.roles & seats for c in counting),
            )
            for one in given
        ],
        objections=[
            ObjectionView(one.number, one.person, one.seen, one.reason, moment(one.at_ms))
            for one in store.objections(connection, row.id)
        ],
        missing=[] if row.adopted else missing(proposal, counting),
        notes=notes(connection, proposal),
        in_force=not why,
        why=why,
    )


def counting_of(connection: Connection, given: list[ApprovalRow], document: str) -> list[Approval]:
    """Approvals as they count now: in the log, of this document, in roles that the person still holds."""
    held = store.roles_now(connection, (one.person for one in given))
    return [
        Approval(
            one.person,
            one.organisation,
            frozenset(one.roles) & held.get(one.person, frozenset()),
            signed=one.signature is not None,
        )
        for one in given
        if one.logged and one.seen == document
    ]


def notes(connection: Connection, proposal: Proposal) -> list[str]:
    """Whether policy and risk model are shipped ones, and those of the decision that was adopted last."""
    pairs = (
        ("policy", proposal.policy, proposal.policy_digest),
        ("risk model", proposal.risk_model, proposal.risk_model_digest),
    )
    known = shipped_documents()
    found = [
        f"The {kind} {name} is {'the one' if digest_ in known else 'not one'} that Halfdoor ships."
        for kind, name, digest_ in pairs
    ]
    last = store.adopted_last(connection, proposal.decision)
    if last is None:
        return found
    try:
        before = proposal_of(connection, last)
    except VerificationError:  # said where that decision is shown
        return found
    theirs = ((before.policy, before.policy_digest), (before.risk_model, before.risk_model_digest))
    for (kind, name, digest_), (was, was_digest) in zip(pairs, theirs, strict=True):
        if digest_ != was_digest:
            other = was if was != name else f"another {was}"
            found.append(f"The decision adopted last was made under {other}: this {kind} is not that one.")
    return found


@cache
def shipped_documents() -> frozenset[str]:
    """Digests of the policies and risk models that come with the program."""
    policies = [load_policy(name) for name in names("policies")]
    return frozenset(map(digest, [*policies, *(load_risk_model(name) for name in names("risk_models"))]))


def why_not(connection: Connection, row: DecisionRow, proposal: Proposal, today: dt.date) -> list[str]:
    """Why a decision is not in force, what is stored about it included; empty where it is."""
    why = why_not_in_force(
        proposal,
        adopted_ms=row.adopted_ms if row.adopted else None,
        ended_cause=row.ended_cause or (None if row.ended_ms is None else "ended"),
        today=today,
    )
    about = version_of(connection, row.version)
    if about is None or about.withdrawn_ms is not None:
        why.append("The version was withdrawn.")
    try:
        basis_of(connection, proposal)
    except VerificationError as error:
        why.append(f"What it rests on is damaged: {error.message}.")
    return why
