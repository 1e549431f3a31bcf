"""Grants: issued, renewed, narrowed, revoked. One person, one version, as a group, until a date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.governance.applications import Case, after
from halfdoor.core.governance.limits import DAYS_MAX, Limits, checked, days_of, narrowed
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.access import (
    GrantExpired,
    GrantIssued,
    GrantNarrowed,
    GrantRenewed,
    GrantRevoked,
)
from halfdoor.services.basis import required
from halfdoor.services.commit import moment
from halfdoor.services.tokens import DAY_MS
from halfdoor.store.access import (
    GrantRow,
    add_grant,
    delivered,
    expired_grants,
    grant_of,
    grants,
    limit_grant,
    renew_grant,
    revoke_grant,
)
from halfdoor.store.applications import (
    ActRow,
    add_act,
    application_of,
    done_with,
    rule_of,
    set_application,
)
from halfdoor.store.people import lock_person, person_of

if TYPE_CHECKING:
    from halfdoor.core.governance.actor import Actor
    from halfdoor.services.basis import Basis
    from halfdoor.services.commit import Change, Commits
    from halfdoor.store.access import Delivered
    from halfdoor.store.applications import RuleRow

Cause = Literal["holder", "order", "reviewer", "terms"]
WITHOUT_APPLICATION = ("auditors", "staff")  # let in directly; everybody else applies
OFFLOADED_SECONDS_MAX = 60
_AT_ONCE = 100


class Revoked(msgspec.Struct, frozen=True):
    """What became of a revocation.

    logged:     the log has it already; it is in effect either way
    unreached:  what it cannot undo, in sentences
    """

    grant: GrantRow
    logged: bool
    unreached: list[str]


def issue(
    commits: Commits,
    actor: Actor,
    *,
    person: str,
    version: str,
    group: str,
    limits: Limits = Limits(),  # noqa: B008  frozen
) -> GrantRow:
    """A grant without an application, for staff and auditors. By a reviewer or an administrator, for others.

    limits: narrower ones than the group's rule, and for how many days
    Raises Refused `not-your-role`, `own-grant`, `needs-application`, `no-decision`, `nothing-to-get`,
    `not-found`, InputError `bad-limits`, LogUnavailable.
    """
    actor.require("reviewer", "admin")
    if person == actor.person:
        raise Refused("own-grant", "nobody issues a grant to themselves", remedy="ask a reviewer")
    if group not in WITHOUT_APPLICATION:
        raise _needs_application(
            f"only {' and '.join(WITHOUT_APPLICATION)} get a grant without an application"
        )
    limits = checked(limits)
    with commits.change() as change:
        basis = required(change.connection, version, change.now)
        reviewers = basis.row(group).reviewers
        if reviewers > 1:
            raise _needs_application(f"the policy asks for {reviewers} reviewers of whoever is of {group}")
        rule = rule_of(change.connection, group)
        held = msgspec.structs.replace(
            narrowed(rule.limits, limits), days=_days(basis, rule, group, limits.days)
        )
        return issued(change, basis, person=person, group=group, limits=held, by=actor.person)


def _needs_application(message: str) -> Refused:
    return Refused("needs-application", message, remedy="have them apply: halfdoor apply")


def issued(
    change: Change,
    basis: Basis,
    *,
    person: str,
    group: str,
    limits: Limits,
    by: str,
    application: str | None = None,
) -> GrantRow:
    """A new grant as part of a change: of what the decision in force gives the group beyond anyone.

    limits: with their days. Raises Refused `nothing-to-get`, `not-found`.
    """
    items = basis.items(group)
    check_acts(change, person)
    assert limits.days is not None
    row = GrantRow(
        id=change.new_id("grt"),
        person=person,
        version=basis.version,
        group=group,
        items=items,
        until_ms=change.now_ms + limits.days * DAY_MS,
        revoked_ms=None,
        networks=limits.networks,
        bytes_max=limits.bytes,
        downloads_max=limits.downloads,
        application=application,
        issued_ms=change.now_ms,
    )
    entry = change.tell(
        GrantIssued,
        by=by,
        grant=row.id,
        holder=row.person,
        application=application,
        version=row.version,
        group=group,
        items=items,
        until=moment(row.until_ms),
    )
    add_grant(change.connection, row, entry)
    change.announce("grant-issued", row.id)
    return row


def limits_of(basis: Basis, rule: RuleRow, group: str) -> Limits:
    """What a grant after an application is limited to: by the group's rule and the policy's days."""
    return msgspec.structs.replace(rule.limits, days=_days(basis, rule, group, None))


def renew(commits: Commits, actor: Actor, grant: str, *, days: int | None = None) -> GrantRow:
    """The grant holds longer, from now on for so many days. By a reviewer who is not its holder.

    Raises Refused `not-your-role`, `own-grant`, `not-found`, `not-live`, `no-decision`, `nothing-to-get`,
    `already-so`, InputError `bad-days`, LogUnavailable.
    """
    actor.require("reviewer")
    if days is not None and not 1 <= days <= DAYS_MAX:
        raise InputError("bad-days", f"a grant holds for 1 to {DAYS_MAX} days")
    with commits.change() as change:
        row = _known(grant_of(change.connection, grant), grant)
        lock_person(change.connection, row.person)
        row = _known(grant_of(change.connection, grant, lock=True), grant)
        if row.person == actor.person:
            raise Refused("own-grant", "nobody renews a grant of their own", remedy="ask another reviewer")
        basis = required(change.connection, row.version, change.now)
        rule = rule_of(change.connection, row.group)
        return renewed(change, row, basis, _days(basis, rule, row.group, days), by=actor.person)


def renewed(change: Change, row: GrantRow, basis: Basis, days: int, *, by: str) -> GrantRow:
    """The same as part of a change that has locked the grant. Never of more than the grant had."""
    check_acts(change, row.person)
    if not row.is_live(change.now_ms):
        raise Refused("not-live", "the grant opens nothing any more", remedy="a new application is needed")
    if not set(row.items) <= set(basis.items(row.group)):
        raise Refused(
            "nothing-to-get",
            "the decision in force no longer gives the group all that the grant names",
            remedy="a new application asks for what it does give",
        )
    until_ms = change.now_ms + days * DAY_MS
    if until_ms <= row.until_ms:
        raise Refused("already-so", f"the grant holds until {moment(row.until_ms):%Y-%m-%d} already")
    entry = change.tell(GrantRenewed, by=by, grant=row.id, until=moment(until_ms))
    renew_grant(change.connection, row.id, from_ms=row.until_ms, until_ms=until_ms, entry=entry)
    change.announce("grant-renewed", row.id)
    return msgspec.structs.replace(row, until_ms=until_ms)


def narrow(commits: Commits, actor: Actor, grant: str, limits: Limits) -> GrantRow:
    """Hold the grant to tighter limits, at once. By a reviewer or an administrator.

    Raises Refused `not-your-role`, `not-found`, `not-live`, `not-narrower`, InputError `bad-limits`.
    """
    actor.require("reviewer", "admin")
    with commits.closing() as change:
        row = _known(grant_of(change.connection, grant, lock=True), grant)
        if row.revoked_ms is not None:
            raise Refused("not-live", "the grant opens nothing any more")
        now = narrowed(Limits(row.bytes_max, row.downloads_max, row.networks), limits)
        limit_grant(
            change.connection,
            row.id,
            bytes_max=now.bytes,
            downloads_max=now.downloads,
            networks=now.networks,
        )
        change.tell(GrantNarrowed, by=actor.person, grant=row.id)
        change.announce("grant-narrowed", row.id)
    return msgspec.structs.replace(
        row, bytes_max=now.bytes, downloads_max=now.downloads, networks=now.networks
    )


def revoke(commits: Commits, actor: Actor, grant: str, *, cause: Cause | None = None) -> Revoked:
    """The grant opens nothing from now on, whatever the log does.

    cause: reviewers and administrators say `reviewer` or `terms`, overseers `order`, holders `holder`
    Raises Refused `not-your-role`, `not-found`, `already-so`.
    """
    with commits.closing() as change:
        row = grant_of(change.connection, grant, lock=True)
        may = _causes(actor, row)
        if row is None or not may:
            raise _not_found(grant)
        if cause is not None and cause not in may:
            raise Refused("not-your-role", f"you may revoke it for: {', '.join(may)}; not for: {cause}")
        left = delivered(change.connection, row.id)
        if not revoked(change, row, cause or may[0], actor.person):
            raise Refused("already-so", "the grant was revoked before, or its date has passed")
    gone = msgspec.structs.replace(row, revoked_ms=change.now_ms, revoked_cause=cause or may[0])
    return Revoked(gone, change.logged, unreached(left))


def revoked(change: Change, row: GrantRow, cause: Cause, by: str | None) -> bool:
    """The same as part of a change; False where it opened nothing already."""
    if not revoke_grant(change.connection, row.id, change.now_ms, cause):
        return False
    change.tell(GrantRevoked, by=by, grant=row.id, cause=cause)
    change.announce("grant-revoked", row.id)
    if row.application is not None:
        _revoke_application(change, row.application)
    return True


def unreached(left: Delivered) -> list[str]:
    """What a revocation cannot undo, in sentences for whoever revokes."""
    said = []
    if left.files or left.bytes:
        said.append(
            f"{left.files:,} file{'' if left.files == 1 else 's'} left under this grant"
            f" ({left.bytes:,} bytes were counted); copies of them stay where they are."
        )
        said.append(
            "Clients keep what they downloaded in a cache and go on using it, without a message, when they"
            " are refused: only its holder can delete it."
        )
    else:
        said.append("Nothing had left under this grant.")
    if left.unknown:
        said.append(
            f"Of {left.unknown:,} deliveries another server sent the bytes and did not say how many: count"
            " them as complete."
        )
    if left.running:
        said.append(f"{left.running:,} transfers were running here; they are cut within a second.")
    if left.offloaded:
        said.append(
            f"{left.offloaded:,} transfers run through another server (nginx or a bucket) and go on to their"
            f" end; their links open nothing after {OFFLOADED_SECONDS_MAX} seconds."
        )
    return said


def show(commits: Commits, actor: Actor, grant: str) -> GrantRow:
    """One grant: of the actor's own, or any for those who look after grants. Raises Refused `not-found`."""
    with commits.reading() as connection:
        row = grant_of(connection, grant)
    if row is None or (row.person != actor.person and not actor.roles & _SEE_ALL):
        raise _not_found(grant)
    return row


def listed(
    commits: Commits,
    actor: Actor,
    *,
    person: str | None = None,
    version: str | None = None,
    everybody: bool = False,
) -> list[GrantRow]:
    """The actor's grants; those of another person or of everybody for those who look after grants."""
    if everybody or (person is not None and person != actor.person):
        actor.require(*sorted(_SEE_ALL))
    whose = person if everybody else person or actor.person
    with commits.reading() as connection:
        return grants(connection, whose, version)


def expire_due(commits: Commits) -> int:
    """Close grants whose date has passed and have it logged; how many. For the worker: several may run."""
    count = 0
    while True:
        with commits.closing() as change:
            due = expired_grants(change.connection, change.now_ms, _AT_ONCE)
            for row in due:
                revoke_grant(change.connection, row.id, change.now_ms, "expired")
                change.tell(GrantExpired, grant=row.id)
        count += len(due)
        if len(due) < _AT_ONCE:
            return count


_SEE_ALL = frozenset({"admin", "auditor", "overseer", "reviewer"})


def _revoke_application(change: Change, application: str) -> None:
    row = application_of(change.connection, application, lock=True)
    if row is None or row.state != "approved":
        return
    moved = after(Case(row.person, 1, row.state, done_with(change.connection, row.id)), "revoke", None)
    set_application(change.connection, msgspec.structs.replace(row, state=moved.state))
    add_act(change.connection, row.id, ActRow("revoke", None, "", change.now_ms), None)


def _causes(actor: Actor, row: GrantRow | None) -> list[Cause]:
    """The causes for which the actor may revoke it, the usual one first."""
    found: list[Cause] = []
    if row is not None and row.person == actor.person:
        found.append("holder")
    if actor.roles & {"reviewer", "admin"}:
        found += ["reviewer", "terms"]
    if "overseer" in actor.roles:
        found.append("order")
    return found


def _days(basis: Basis, rule: RuleRow, group: str, asked: int | None) -> int:
    return days_of(basis.days(group), rule.limits.days, asked)


def check_acts(change: Change, person: str) -> None:
    """The person has joined, and does not leave meanwhile. Raises Refused `not-found`."""
    lock_person(change.connection, person)
    row = person_of(change.connection, person)
    if row is None or not row.acts:
        raise Refused("not-found", f"nobody who acts here has the id {person[:40]!r}")


def _known(row: GrantRow | None, id_: str) -> GrantRow:
    if row is None:
        raise _not_found(id_)
    return row


def _not_found(id_: str) -> Refused:
    return Refused("not-found", f"there is no grant {id_[:40]!r} here for you", remedy="halfdoor grant list")
