"""Approving and objecting; and adopting, once the quorum is met."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from halfdoor.core.governance import ssh_signature
from halfdoor.core.governance.decisions import (
    Approval,
    approving,
    check_seen,
    checked_reason,
    lapse,
    missing,
)
from halfdoor.core.governance.proposals import configuration_digest
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.openness import (
    DecisionAdopted,
    DecisionApproved,
    DecisionEnded,
    DecisionObjected,
)
from halfdoor.services.decide.documents import basis_of, intact, not_found, proposal_of
from halfdoor.services.decide.views import DecisionView, counting_of, show
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store import decisions as store
from halfdoor.store.decisions import ApprovalRow, ObjectionRow
from halfdoor.store.models import put_document, version_of
from halfdoor.store.people import person_of, ssh_keys

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from halfdoor.core.governance.actor import Actor
    from halfdoor.services.commit import Change, Commits
    from halfdoor.store.decisions import DecisionRow
    from halfdoor.store.people import PersonRow


def approve(
    commits: Commits, actor: Actor, decision: str, *, seen: str, signature: str | None = None
) -> DecisionView:
    """Approve a decision; it is adopted with the approval that completes the quorum.

    seen:      the digest of the document that the approver looked at
    signature: over that document's bytes, as ssh-keygen -Y sign makes it (core.governance.ssh_signature)
    Raises Refused `not-found`, and as core.governance.decisions.approving and ssh_signature.verify;
    VerificationError `damaged-document`; LogUnavailable.
    """
    with commits.change() as change:
        connection = change.connection
        row = _locked(connection, decision)
        proposal = proposal_of(connection, row)
        person = _acting(connection, actor)
        already = any(one.person == actor.person for one in store.approvals(connection, decision))
        roles = {seat.role for seat in proposal.quorum} & set(person.roles)
        given = Approval(person.id, person.organisation, frozenset(roles), signed=signature is not None)
        approving(proposal, given, digest=row.document, seen=seen, already=already, ended=row.ended_cause)
        cause, why = lapse(proposal, change.now.date())
        if cause is not None:
            raise Refused("ended", f"there is nothing to approve any more: {why}")
        kept = _signature(change, person, row, signature)
        entry = change.tell(
            DecisionApproved,
            by=person.id,
            decision=decision,
            seen=seen,
            organisation=person.organisation,
            signature=kept,
        )
        stored = ApprovalRow(
            person=person.id,
            organisation=person.organisation,
            roles=tuple(sorted(roles)),
            seen=seen,
            signature=kept,
            at_ms=change.now_ms,
            logged=False,
        )
        store.add_approval(connection, decision, stored, entry)
        change.announce("decision-approved", decision)
    with suppress(LogUnavailable):  # the approval stands; what remains is done once the log goes on
        adopt_if_met(commits, decision)
    return show(commits, decision)


def object_to(commits: Commits, actor: Actor, decision: str, *, seen: str, reason: str) -> DecisionView:
    """Object to a decision, before or after it is taken; that is kept whatever the outcome.

    By anyone who has a role here. Raises Refused `not-found`, `not-your-role`, `changed-meanwhile`;
    InputError `bad-reason`; VerificationError `damaged-document`; LogUnavailable.
    """
    text = checked_reason(reason)
    with commits.change() as change:
        connection = change.connection
        row = _locked(connection, decision)
        person = _acting(connection, actor)
        if not person.roles:
            raise Refused("not-your-role", "objections are for people who have a role here")
        check_seen(proposal_of(connection, row), digest=row.document, seen=seen)
        entry = change.tell(DecisionObjected, {"reason": text}, by=person.id, decision=decision, seen=seen)
        stored = ObjectionRow(number=0, person=person.id, seen=seen, reason=text, at_ms=change.now_ms)
        store.add_objection(connection, decision, stored, entry)
        change.announce("decision-objected", decision)
    return show(commits, decision)


def adopt_if_met(commits: Commits, decision: str) -> bool:
    """Adopt a decision whose quorum is met by approvals in the log; whether it was adopted now.

    It takes the place of the one that was adopted for the version before. Raises LogUnavailable;
    VerificationError `damaged-document`.
    """
    with commits.reading() as connection:
        row = store.decision_of(connection, decision)
        if row is None or not _may_adopt(connection, row):
            return False
    with commits.change() as change:
        connection = change.connection
        store.lock_version(connection, row.version)
        row = store.lock(connection, decision)
        if row is None or not _may_adopt(connection, row):
            return False
        proposal = proposal_of(connection, row)
        basis_of(connection, proposal)
        if lapse(proposal, change.now.date())[0] is not None:
            return False
        entry = change.tell(
            DecisionAdopted,
            decision=decision,
            configuration=configuration_digest(proposal),
            review=proposal.review,
        )
        store.set_adopted(connection, decision, change.now_ms, entry)
        change.announce("decision-adopted", decision)
        for other in store.others_adopted(connection, row.version, decision):
            store.set_ended(connection, other, change.now_ms, "replaced")
            change.tell(DecisionEnded, decision=other, cause="replaced")
            change.announce("decision-ended", other)
    return True


def _may_adopt(connection: Connection, row: DecisionRow) -> bool:
    if row.adopted_ms is not None or row.ended_ms is not None:
        return False
    about = version_of(connection, row.version)
    if about is None or about.withdrawn_ms is not None:
        return False
    given = counting_of(connection, store.approvals(connection, row.id), row.document)
    return not missing(proposal_of(connection, row), given)


def _locked(connection: Connection, decision: str) -> DecisionRow:
    row = store.lock(connection, decision)
    if row is None:
        raise not_found(decision)
    return row


def _acting(connection: Connection, actor: Actor) -> PersonRow:
    """The person as the tables have them now: roles may have been taken since they were recognised."""
    person = person_of(connection, actor.person)
    if person is None or not person.acts:
        raise Refused("not-your-role", "you do not act here any more")
    return person


def _signature(change: Change, person: PersonRow, row: DecisionRow, signature: str | None) -> str | None:
    """Check a signature and keep it; its digest."""
    if signature is None:
        return None
    document = intact(change.connection, row.document)
    ssh_signature.verify(signature, document, ssh_keys(change.connection, person.id))
    return put_document(change.connection, "signature", signature.encode(), change.now_ms)
