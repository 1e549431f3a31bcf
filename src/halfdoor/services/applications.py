"""Applications: stated, submitted, decided by reviewers, closed when nobody decides in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.errors import HalfdoorError, InputError
from halfdoor.core.governance.applications import REVIEWER, Act, State, after, checked_fields
from halfdoor.core.governance.people import REASON_MAX, checked_lines
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.statistics import Figures, figures
from halfdoor.core.governance.terms import agree
from halfdoor.core.log.events.access import ApplicationSubmitted
from halfdoor.services import grants
from halfdoor.services.basis import basis_of, required
from halfdoor.services.commit import milliseconds
from halfdoor.services.handling import (
    SEE_ALL,
    ApplicationView,
    Form,
    approve_automatically,
    approved,
    case_of,
    check_seen,
    done,
    form_of,
    locked,
    may_see,
    not_found,
    own,
    until_of,
    view_of,
)
from halfdoor.store import applications as store
from halfdoor.store.access import grant_of
from halfdoor.store.applications import ActRow, ApplicationRow
from halfdoor.store.people import lock_person

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halfdoor.core.governance.actor import Actor
    from halfdoor.services.commit import Change, Commits

OPEN_MAX = 20  # applications of one person
BULK_MAX = 200
_AT_ONCE = 100


class Outcome(msgspec.Struct, frozen=True):
    """What became of one application of many: its state, or why nothing happened."""

    application: str
    state: State | None = None
    code: str = ""
    message: str = ""


def form(commits: Commits, version: str, group: str) -> Form:
    """What to state as this group. Raises Refused `no-decision`, `nothing-to-get`."""
    with commits.reading() as connection:
        basis = required(connection, version, commits.now())
        return form_of(connection, basis, group)


def groups(commits: Commits, version: str) -> list[str]:
    """As which groups one may apply for this version, the strictest first; none without a decision."""
    with commits.reading() as connection:
        basis = basis_of(connection, version, commits.now())
    return [] if basis is None else basis.askable()


def draft(
    commits: Commits,
    actor: Actor,
    *,
    version: str,
    group: str,
    fields: Mapping[str, str],
    renews: str | None = None,
) -> ApplicationView:
    """Begin an application; nobody else sees it before it is submitted.

    renews: a live grant of the applicant's own, of the same version and group, that it would prolong
    Raises Refused `no-decision`, `nothing-to-get`, `already-so`, `too-many-requests`, `not-found`,
    `not-live`; InputError; LogUnavailable.
    """
    with commits.change() as change:
        lock_person(change.connection, actor.person)
        grants.check_acts(change, actor.person)
        basis = required(change.connection, version, change.now)
        asked = form_of(change.connection, basis, group)
        if (other := store.open_one(change.connection, actor.person, version, group)) is not None:
            raise Refused("already-so", "you have an open application for this", remedy=f"go on with {other}")
        if store.open_count(change.connection, actor.person) >= OPEN_MAX:
            raise Refused(
                "too-many-requests", f"you have {OPEN_MAX} open applications", remedy="withdraw some"
            )
        if renews is not None:
            _check_renews(change, actor, renews, version, group)
        row = ApplicationRow(
            id=change.new_id("app"),
            person=actor.person,
            version=version,
            group=group,
            state="draft",
            fields=checked_fields(fields, asked.fields, whole=False),
            terms=None,
            renews=renews,
            created_ms=change.now_ms,
            until_ms=until_of(change, basis, group),
        )
        store.add_application(change.connection, row)
        return view_of(change.connection, row)


def edit(commits: Commits, actor: Actor, application: str, fields: Mapping[str, str]) -> ApplicationView:
    """Put other statements in the place of those of a draft, or of one that was returned."""
    with commits.change() as change:
        row = own(change, actor, application)
        if row.state not in {"draft", "returned"}:
            raise Refused("wrong-state", f"the application is {row.state} and can no longer be changed")
        basis = required(change.connection, row.version, change.now)
        stated = checked_fields(fields, basis.row(row.group).fields, whole=False)
        row = msgspec.structs.replace(row, fields=stated)
        store.set_application(change.connection, row)
        return view_of(change.connection, row)


def submit(
    commits: Commits,
    actor: Actor,
    application: str,
    *,
    terms: str | None = None,
    fields: Mapping[str, str] | None = None,
) -> ApplicationView:
    """Ask for a decision; where the policy says so and somebody answers for it, it is approved at once.

    terms: digest of the terms that the applicant was shown and agrees to
    Raises Refused `not-found`, `wrong-state`, `no-decision`, `nothing-to-get`, `no-agreement`,
    `changed-meanwhile`, InputError `missing-field` and the like, LogUnavailable.
    """
    with commits.change() as change:
        row = own(change, actor, application)
        basis = required(change.connection, row.version, change.now)
        asked = form_of(change.connection, basis, row.group)
        case = after(case_of(change.connection, row, asked.reviewers), "submit", actor.person)
        row = msgspec.structs.replace(
            row,
            state=case.state,
            fields=checked_fields(row.fields if fields is None else fields, asked.fields, whole=True),
            terms=agree(terms, asked.terms),
            submitted_ms=row.submitted_ms or change.now_ms,
            until_ms=until_of(change, basis, row.group),
        )
        entry = change.tell(
            ApplicationSubmitted,
            {"text": row.fields},
            by=actor.person,
            application=row.id,
            version=row.version,
            group=row.group,
            terms=row.terms,
        )
        store.add_act(change.connection, row.id, ActRow("submit", actor.person, "", change.now_ms), entry)
        store.set_application(change.connection, row)
        if asked.automatic:
            row = approve_automatically(change, basis, row, case)
        return view_of(change.connection, row)


def approve(
    commits: Commits,
    actor: Actor,
    application: str,
    *,
    reason: str = "",
    seen: str | None = None,
    wait: bool = True,
) -> ApplicationView:
    """A reviewer agrees; with the last of those who are needed, the grant is issued.

    seen: digest of what the reviewer judged (ApplicationView.seen)
    wait: False where the caller waits for the log itself
    Raises Refused: those of core.governance.applications.after, `not-found`, `changed-meanwhile`,
    `no-decision`, `nothing-to-get`; LogUnavailable.
    """
    reason = _checked_reason(reason)
    with commits.change(wait=wait) as change:
        row = locked(change, application)
        basis = required(change.connection, row.version, change.now)
        case = case_of(change.connection, row, basis.row(row.group).reviewers)
        moved = after(case, "approve", actor.person, actor.roles)
        check_seen(row, seen)
        row = approved(change, basis, row, moved, by=actor.person, reason=reason)
        return view_of(change.connection, row)


def return_(
    commits: Commits, actor: Actor, application: str, *, reason: str, seen: str | None = None
) -> ApplicationView:
    """A reviewer asks for more; the applicant may submit again. Raises Refused as `approve`."""
    return _closed(commits, actor, application, "return", reason=reason, seen=seen)


def reject(
    commits: Commits, actor: Actor, application: str, *, reason: str, seen: str | None = None
) -> ApplicationView:
    """A reviewer refuses; the applicant may appeal once, or apply anew. Raises Refused as `approve`."""
    return _closed(commits, actor, application, "reject", reason=reason, seen=seen)


def appeal(commits: Commits, actor: Actor, application: str, *, reason: str) -> ApplicationView:
    """The applicant asks for another reviewer's look at a rejection."""
    reason = _checked_reason(reason, needed=True)
    with commits.change() as change:
        row = own(change, actor, application)
        basis = required(change.connection, row.version, change.now)
        if store.open_one(change.connection, row.person, row.version, row.group) is not None:
            raise Refused("already-so", "you have applied anew for this already")
        row = msgspec.structs.replace(row, until_ms=until_of(change, basis, row.group), decided_ms=None)
        row = done(change, row, "appeal", actor, reason=reason)
        return view_of(change.connection, row)


def withdraw(commits: Commits, actor: Actor, application: str) -> ApplicationView:
    """The applicant no longer asks."""
    return _closed(commits, actor, application, "withdraw")


def bulk(
    commits: Commits,
    actor: Actor,
    act: Literal["approve", "return", "reject"],
    applications: Sequence[str],
    *,
    reason: str = "",
) -> list[Outcome]:
    """Decide on many: each by itself, so that one that cannot be decided stops no other.

    Raises InputError `too-many`, Refused `not-your-role`; LogUnavailable `log-late` once all are stored.
    """
    actor.require(REVIEWER)
    if len(applications) > BULK_MAX:
        raise InputError("too-many", f"at most {BULK_MAX} applications are decided on at once")
    found = []
    for application in dict.fromkeys(applications):
        try:
            if act == "approve":
                view = approve(commits, actor, application, reason=reason)
            elif act == "return":
                view = return_(commits, actor, application, reason=reason)
            else:
                view = reject(commits, actor, application, reason=reason)
            found.append(Outcome(application, view.application.state))
        except HalfdoorError as error:
            found.append(Outcome(application, None, error.code, error.message))
    return found


def show(commits: Commits, actor: Actor, application: str) -> ApplicationView:
    """One application, for its applicant, and for those who look after them once it was submitted."""
    with commits.reading() as connection:
        row = store.application_of(connection, application)
        if row is None or not may_see(actor, row):
            raise not_found(application)
        return view_of(connection, row)


def listed(
    commits: Commits,
    actor: Actor,
    *,
    everybody: bool = False,
    states: Sequence[State] = (),
    version: str | None = None,
    group: str | None = None,
) -> list[ApplicationRow]:
    """The actor's applications; everybody's submitted ones for those who look after them."""
    if everybody:
        actor.require(*sorted(SEE_ALL))
    whose = None if everybody else actor.person
    with commits.reading() as connection:
        rows = store.applications(connection, person_id=whose, states=states, version=version, group=group)
    return [row for row in rows if may_see(actor, row)]


def statistics(commits: Commits, actor: Actor) -> list[Figures]:
    """How many there are in each state, and how long deciding takes, by group."""
    actor.require(*sorted(SEE_ALL))
    with commits.reading() as connection:
        return figures(store.cases(connection), milliseconds(commits.now()))


def expire_due(commits: Commits) -> int:
    """Close what nobody decided in time, and grants whose date has passed; how many.

    For the worker: several may run it at once, and doing it again does nothing.
    """
    count = 0
    while True:
        with commits.closing() as change:
            due = store.due_applications(change.connection, change.now_ms, _AT_ONCE)
            for row in due:
                done(change, row, "expire", None)
        count += len(due)
        if len(due) < _AT_ONCE:
            return count + grants.expire_due(commits)


def _closed(
    commits: Commits, actor: Actor, application: str, act: Act, *, reason: str = "", seen: str | None = None
) -> ApplicationView:
    """What opens nothing: it acts whatever the log does."""
    reason = _checked_reason(reason, needed=act != "withdraw")
    with commits.closing() as change:
        row = own(change, actor, application) if act == "withdraw" else locked(change, application)
        check_seen(row, seen)
        row = done(change, row, act, actor, reason=reason)
        return view_of(change.connection, row)


def _check_renews(change: Change, actor: Actor, renews: str, version: str, group: str) -> None:
    grant = grant_of(change.connection, renews)
    if grant is None or (grant.person, grant.version, grant.group) != (actor.person, version, group):
        raise Refused("not-found", "you have no such grant of this version as this group")
    if not grant.is_live(change.now_ms):
        raise Refused("not-live", "the grant opens nothing any more", remedy="apply without renewing it")


def _checked_reason(reason: str, *, needed: bool = False) -> str:
    return checked_lines(reason, "the reason", REASON_MAX) if reason.strip() or needed else ""
