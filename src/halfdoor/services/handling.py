"""One application within a change: found and locked, moved on by the rules, granted in the same transaction.

Locks are taken in one order, so that nobody waits in a circle: the person, the application, the grant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.canonical import digest
from halfdoor.core.governance.applications import REVIEWER, Act, Case, after
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.access import (
    ApplicationAppealed,
    ApplicationApproved,
    ApplicationExpired,
    ApplicationRejected,
    ApplicationReturned,
    ApplicationWithdrawn,
)
from halfdoor.services import grants
from halfdoor.services.tokens import DAY_MS
from halfdoor.store import applications as store
from halfdoor.store.access import grant_of
from halfdoor.store.applications import ActRow, ApplicationRow
from halfdoor.store.people import lock_person, person_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from halfdoor.core.governance.actor import Actor
    from halfdoor.core.log.events.base import Event
    from halfdoor.services.basis import Basis
    from halfdoor.services.commit import Change

SEE_ALL = frozenset({"admin", "auditor", "overseer", REVIEWER})
AUTOMATICALLY = "Automatic, as the policy says; the named person answers for it."
_EVENTS: dict[Act, type[Event]] = {
    "approve": ApplicationApproved,
    "return": ApplicationReturned,
    "reject": ApplicationRejected,
    "appeal": ApplicationAppealed,
    "withdraw": ApplicationWithdrawn,
    "expire": ApplicationExpired,
}


class Form(msgspec.Struct, frozen=True):
    """What an applicant of a group has to state, and what they would get.

    terms:     digest of the terms to agree to; None: there are none
    reviewers: how many different people have to approve
    automatic: it is approved at once, in the name of somebody who answers for that
    days:      for which the grant would hold
    """

    version: str
    group: str
    fields: tuple[str, ...]
    items: tuple[str, ...]
    terms: str | None
    reviewers: int
    automatic: bool
    days: int


class ApplicationView(msgspec.Struct, frozen=True):
    """An application with what was done to it.

    seen:      digest of what a reviewer judges; a decision that names another one is refused
    approvals: by whom, since it was last submitted
    """

    application: ApplicationRow
    acts: list[ActRow]
    seen: str
    approvals: list[str]


def form_of(connection: Connection, basis: Basis, group: str) -> Form:
    """What to state as this group. Raises Refused `nothing-to-get`, `no-applications`."""
    if group not in basis.askable():
        basis.items(group)  # says why not, where the group has nothing
        raise Refused(
            "no-applications",
            f"nobody applies as {group}: a reviewer lets them in",
            remedy="ask a reviewer for a grant",
        )
    row = basis.row(group)
    rule = store.rule_of(connection, group)
    days = grants.limits_of(basis, rule, group).days
    assert days is not None
    automatic = row.automatic and rule.responsible is not None
    return Form(
        basis.version, group, row.fields, basis.items(group), rule.terms, row.reviewers, automatic, days
    )


def case_of(connection: Connection, row: ApplicationRow, needed: int) -> Case:
    """The application as its rules see it; `needed` reviewers have to approve."""
    return Case(row.person, needed, row.state, store.done_with(connection, row.id))


def view_of(connection: Connection, row: ApplicationRow) -> ApplicationView:
    """The application with what was done to it."""
    acts = store.acts_of(connection, row.id)
    return ApplicationView(row, acts, _seen(row), sorted(case_of(connection, row, 1).approvers))


def check_seen(row: ApplicationRow, seen: str | None) -> None:
    """The application is the one that was shown; None: nobody says what was. Raises `changed-meanwhile`."""
    if seen is not None and seen != _seen(row):
        raise Refused(
            "changed-meanwhile", "the application is not the one that you were shown", remedy="read it again"
        )


def locked(change: Change, application: str) -> ApplicationRow:
    """A submitted application that nobody else changes meanwhile. Raises Refused `not-found`."""
    row = store.application_of(change.connection, application)
    if row is not None:
        lock_person(change.connection, row.person)
        row = store.application_of(change.connection, application, lock=True)
    if row is None or row.submitted_ms is None:
        raise not_found(application)
    return row


def own(change: Change, actor: Actor, application: str) -> ApplicationRow:
    """The actor's own application, likewise."""
    lock_person(change.connection, actor.person)
    row = store.application_of(change.connection, application, lock=True)
    if row is None or row.person != actor.person:
        raise not_found(application)
    return row


def may_see(actor: Actor, row: ApplicationRow) -> bool:
    """The applicant may; once it was submitted, those who look after applications too."""
    return row.person == actor.person or (row.submitted_ms is not None and bool(actor.roles & SEE_ALL))


def until_of(change: Change, basis: Basis, group: str) -> int:
    """Until when somebody has to decide, POSIX milliseconds."""
    return change.now_ms + basis.row(group).undecided_days * DAY_MS


def approved(
    change: Change, basis: Basis, row: ApplicationRow, moved: Case, *, by: str, reason: str
) -> ApplicationRow:
    """Note an approval and, where it was the last that was needed, issue or renew the grant."""
    private = {"reason": reason} if reason else {}
    entry = change.tell(ApplicationApproved, private, by=by, application=row.id)
    store.add_act(change.connection, row.id, ActRow("approve", by, reason, change.now_ms), entry)
    if moved.state == "approved":
        row = msgspec.structs.replace(row, state=moved.state, decided_ms=change.now_ms)
        _grant(change, basis, row, by)
    store.set_application(change.connection, row)
    return row


def _grant(change: Change, basis: Basis, row: ApplicationRow, by: str) -> None:
    rule = store.rule_of(change.connection, row.group)
    limits = grants.limits_of(basis, rule, row.group)
    if row.renews is not None:
        old = grant_of(change.connection, row.renews, lock=True)
        if old is not None and old.is_live(change.now_ms) and old.items == basis.items(row.group):
            assert limits.days is not None
            grants.renewed(change, old, basis, limits.days, by=by)
            return
    grants.issued(change, basis, person=row.person, group=row.group, limits=limits, by=by, application=row.id)


def approve_automatically(change: Change, basis: Basis, row: ApplicationRow, case: Case) -> ApplicationRow:
    """Approve in the name of the person who answers for it, where one can; else it waits for reviewers."""
    responsible = store.rule_of(change.connection, row.group).responsible
    person = None if responsible is None else person_of(change.connection, responsible)
    if person is None or not person.acts or person.id == row.person or REVIEWER not in person.roles:
        return row
    moved = after(case, "approve", person.id, person.roles)
    return approved(change, basis, row, moved, by=person.id, reason=AUTOMATICALLY)


def done(
    change: Change,
    row: ApplicationRow,
    act: Act,
    actor: Actor | None,
    *,
    reason: str = "",
    by: str | None = None,
) -> ApplicationRow:
    """Do what needs no decision in force to an application that is locked.

    actor: None where it happens by itself
    by:    who is to be told to have done it, where that is somebody else (an administrator lets a person go)
    """
    person, roles = (None, frozenset[str]()) if actor is None else (actor.person, actor.roles)
    moved = after(case_of(change.connection, row, 1), act, person, roles)
    row = msgspec.structs.replace(row, state=moved.state)
    if act == "reject":
        row = msgspec.structs.replace(row, decided_ms=change.now_ms)
    entry = None
    if row.submitted_ms is not None:  # a draft is nobody else's business
        private = {"reason": reason} if reason else {}
        entry = change.tell(_EVENTS[act], private, by=by or person, application=row.id)
    store.add_act(change.connection, row.id, ActRow(act, person, reason, change.now_ms), entry)
    store.set_application(change.connection, row)
    return row


def not_found(application: str) -> Refused:
    """There is none, or it is not the actor's to see."""
    return Refused(
        "not-found", f"there is no application {application[:40]!r} for you", remedy="halfdoor apply list"
    )


def _seen(row: ApplicationRow) -> str:
    return digest([row.id, row.person, row.version, row.group, row.fields, row.terms, row.renews])
