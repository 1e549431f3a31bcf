"""What people are here, once they are in: their organisation, roles and keys; and their leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.canonical import sha256_bytes
from halfdoor.core.governance.actor import Actor
from halfdoor.core.governance.applications import OPEN
from halfdoor.core.governance.people import checked_email, checked_role, checked_ssh_key, checked_text
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.access import (
    KeyRegistered,
    KeyWithdrawn,
    OrganisationAdded,
    PersonLeft,
    PersonPlaced,
    RoleGiven,
    RoleTaken,
)
from halfdoor.services import grants, tokens
from halfdoor.services.handling import done
from halfdoor.store import people as store
from halfdoor.store.access import grants as grants_of
from halfdoor.store.access import tokens_of
from halfdoor.store.applications import application_of, applications, erase_applications

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from halfdoor.services.commit import Change, Commits
    from halfdoor.store.people import OrganisationRow, PersonRow

KEYS_MAX = 10
OF_ONESELF = ("auditor", "publisher")  # what an administrator may also give themselves: they decide nothing
ERASED = "(erased)"


def add_organisation(commits: Commits, actor: Actor, name: str) -> str:
    """An organisation that people belong to; its id. By an administrator.

    Raises Refused `not-your-role`, `already-so`, InputError `bad-text`, LogUnavailable.
    """
    actor.require("admin")
    name = checked_text(name, "the name")
    with commits.change() as change:
        store.alone(change.connection)
        if store.organisation_named(change.connection, name) is not None:
            raise Refused("already-so", f"there is an organisation {name!r} already")
        one = change.new_id("org")
        entry = change.tell(
            OrganisationAdded, {"organisation": {"name": name}}, by=actor.person, organisation=one
        )
        store.add_organisation(change.connection, one, name, change.now_ms, entry)
    return one


def organisations(commits: Commits) -> list[OrganisationRow]:
    """All organisations, by name."""
    with commits.reading() as connection:
        return store.organisations(connection)


def place(commits: Commits, actor: Actor, person: str, organisation: str | None) -> None:
    """Say for which organisation (id or name) somebody acts; None: for none. By an administrator.

    Raises Refused `not-your-role`, `not-found`, LogUnavailable.
    """
    actor.require("admin")
    with commits.change() as change:
        store.alone(change.connection)
        row = found(change.connection, person)
        to = None if organisation is None else organisation_id(change.connection, organisation)
        change.tell(PersonPlaced, by=actor.person, person=row.id, organisation=to)
        store.set_organisation(change.connection, row.id, to)


def give_role(commits: Commits, actor: Actor, person: str, role: str) -> None:
    """Give somebody a role: one of the application's, or one that policies name. By an administrator.

    Nobody gives themselves a role that decides.
    Raises Refused `not-your-role`, `not-yourself`, `not-found`, `already-so`, InputError `bad-role`,
    LogUnavailable.
    """
    actor.require("admin")
    role = checked_role(role)
    with commits.change() as change:
        store.alone(change.connection)
        row = found(change.connection, person)
        check_not_oneself(actor, row.id, [role])
        if row.left_ms is not None:
            raise Refused("not-found", "this person has left")
        if not give(change, row.id, role, actor.person):
            raise Refused("already-so", f"they hold the role {role} already")


def take_role(commits: Commits, actor: Actor, person: str, role: str) -> bool:
    """Take a role from somebody, at once; whether the log has it already. By an administrator, or of oneself.

    Raises Refused `not-your-role`, `not-found`, `already-so`, `last-admin`.
    """
    with commits.closing() as change:
        store.alone(change.connection)
        row = found(change.connection, person)
        if row.id != actor.person:
            actor.require("admin")
        if role == "admin":
            _check_not_last(change.connection, row.id)
        if not store.take_role(change.connection, row.id, role):
            raise Refused("already-so", f"they do not hold the role {role[:40]}")
        change.tell(RoleTaken, by=actor.person, person=row.id, role=role)
        change.announce("role-taken", row.id)
    return change.logged


def add_ssh_key(commits: Commits, actor: Actor, line: str) -> str:
    """Register a key of the actor's own, for signing approvals; as it is kept, without its comment.

    Raises InputError `bad-key`, Refused `already-so`, `too-many-keys`, LogUnavailable.
    """
    public = checked_ssh_key(line)
    with commits.change() as change:
        store.alone(change.connection)
        if store.has_ssh_key(change.connection, public):
            raise Refused("already-so", "this key is registered already", remedy="each person has their own")
        if len(store.ssh_keys(change.connection, actor.person)) >= KEYS_MAX:
            raise Refused("too-many-keys", f"{KEYS_MAX} keys are registered already", remedy="remove one")
        entry = change.tell(KeyRegistered, by=actor.person, person=actor.person, key=_digest(public))
        store.add_ssh_key(change.connection, actor.person, public, change.now_ms, entry)
    return public


def remove_ssh_key(commits: Commits, actor: Actor, line: str, person: str | None = None) -> bool:
    """The key signs nothing from now on; whether the log has it already. One's own, or by an administrator.

    Raises InputError `bad-key`, Refused `not-found`, `not-your-role`.
    """
    public = checked_ssh_key(line)
    if person is not None and person != actor.person:
        actor.require("admin")
    whose = person or actor.person
    with commits.closing() as change:
        if not store.remove_ssh_key(change.connection, whose, public):
            raise Refused("not-found", "no such key is registered")
        change.tell(KeyWithdrawn, by=actor.person, person=whose, key=_digest(public))
    return change.logged


def ssh_keys(commits: Commits, person: str) -> list[str]:
    """The keys that somebody signs with."""
    with commits.reading() as connection:
        return store.ssh_keys(connection, person)


def leave(commits: Commits, actor: Actor, person: str | None = None) -> bool:
    """Somebody acts here no longer, from now on; whether the log has it already.

    Their tokens and grants open nothing any more, their roles and keys are gone, and what they applied for
    is withdrawn. By themselves, or by an administrator.
    Raises Refused `not-your-role`, `not-found`, `already-so`, `last-admin`.
    """
    with commits.closing() as change:
        store.alone(change.connection)
        row = found(change.connection, person or actor.person)
        if row.id != actor.person:
            actor.require("admin")
        if row.left_ms is not None:
            raise Refused("already-so", "this person left before")
        _check_not_last(change.connection, row.id)
        store.lock_person(change.connection, row.id)
        # Applications first: what somebody approves meanwhile is then among the grants.
        for one in applications(change.connection, person_id=row.id, states=tuple(OPEN)):
            held = application_of(change.connection, one.id, lock=True)
            if held is not None and held.state in OPEN:
                done(change, held, "withdraw", Actor(row.id), by=actor.person)
        cause: grants.Cause = "holder" if row.id == actor.person else "reviewer"
        for grant in grants_of(change.connection, row.id):
            grants.revoked(change, grant, cause, actor.person)
        for token in tokens_of(change.connection, row.id):
            tokens.revoked(change, token.id, actor.person)
        store.set_left(change.connection, row.id, change.now_ms)
        change.tell(PersonLeft, by=actor.person, person=row.id)
        change.announce("person-left", row.id)
    return change.logged


def erase_person(commits: Commits, actor: Actor, person: str) -> None:
    """Forget the names of somebody who has left, and what they stated. By an administrator.

    What the log's commitments stand for is destroyed by `halfdoor log erase`.
    Raises Refused `not-your-role`, `not-found`, `has-not-left`.
    """
    actor.require("admin")
    with commits.closing() as change:
        row = found(change.connection, person)
        if row.left_ms is None:
            raise Refused("has-not-left", "only who has left can be forgotten", remedy="let them leave first")
        store.erase_person(change.connection, row.id, ERASED)
        erase_applications(change.connection, row.id)


def organisation_id(connection: Connection, name_or_id: str) -> str:
    """The id of an organisation, by its name or id. Raises Refused `not-found`."""
    for one in store.organisations(connection):
        if name_or_id in {one.id, one.name}:
            return one.id
    raise Refused(
        "not-found",
        f"there is no organisation {name_or_id[:80]!r}",
        remedy="add it first: halfdoor people organisation add",
    )


def give(change: Change, person: str, role: str, by: str | None) -> bool:
    """Give a role as part of a change; False where the person was given it before."""
    if store.has_role(change.connection, person, role):
        return False
    entry = change.tell(RoleGiven, by=by, person=person, role=role)
    store.give_role(change.connection, person, role, change.now_ms, entry)
    change.announce("role-given", person)
    return True


def check_not_oneself(actor: Actor, person: str, roles: Iterable[str]) -> None:
    """Nobody gives themselves a role that decides. Raises Refused `not-yourself`."""
    for role in roles:
        if person == actor.person and role not in OF_ONESELF:
            raise Refused(
                "not-yourself",
                f"nobody gives themselves the role {role}",
                remedy="invite a second administrator, who can",
            )


def found(connection: Connection, name_or_id: str) -> PersonRow:
    """Somebody by e-mail address or id. Raises Refused `not-found`."""
    row = store.person_of(connection, name_or_id)
    if row is None and "@" in name_or_id:
        row = store.person_with_email(connection, checked_email(name_or_id))
    if row is None:
        raise Refused("not-found", f"nobody here is {name_or_id[:80]!r}", remedy="halfdoor people list")
    return row


def _check_not_last(connection: Connection, person: str) -> None:
    if store.admins(connection) == [person]:
        raise Refused(
            "last-admin",
            "this is the only administrator; without one nobody could be let in any more",
            remedy="make somebody else an administrator first",
        )


def _digest(public: str) -> str:
    return sha256_bytes(public.encode())
