"""People: let in by invitation or by registering, recognised by a token, given roles, let go."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.governance.actor import Actor
from halfdoor.core.governance.people import checked_email, checked_role, checked_text
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.tokens import INVITATION, RANDOM_BYTES, new_secret, secret_hash
from halfdoor.core.log.events.access import PersonInvited, PersonJoined
from halfdoor.services import tokens
from halfdoor.services.commit import milliseconds, moment
from halfdoor.services.membership import (
    add_organisation,
    add_ssh_key,
    check_not_oneself,
    erase_person,
    found,
    give,
    give_role,
    leave,
    organisation_id,
    organisations,
    place,
    remove_ssh_key,
    ssh_keys,
    take_role,
)
from halfdoor.services.tokens import DAY_MS, Issued
from halfdoor.store import people as store
from halfdoor.store.access import key_of, tokens_of
from halfdoor.store.people import PersonRow

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from halfdoor.services.commit import Change, Commits

__all__ = [
    "Invitation",
    "PersonRow",
    "add_organisation",
    "add_ssh_key",
    "authenticate",
    "erase_person",
    "first_admin",
    "give_role",
    "invite",
    "join",
    "leave",
    "organisations",
    "people",
    "person",
    "person_actor",
    "place",
    "register",
    "remove_ssh_key",
    "ssh_keys",
    "take_role",
]

INVITED_DAYS, INVITED_DAYS_MAX = 7, 30
FIRST_ADMIN = "Administrator"  # until they say who they are


class Invitation(msgspec.Struct, frozen=True):
    """An invitation. `secret` is shown this once and lets somebody in once, until then."""

    person: str
    secret: str
    until: dt.datetime


def authenticate(commits: Commits, secret: str) -> Actor:
    """Who shows this token, at the control plane. Raises Refused `bad-token`.

    Whatever is shown is hashed and looked up in one way, so that the time it takes tells nothing.
    """
    with commits.reading() as connection:
        key = key_of(connection, secret_hash(secret), milliseconds(commits.now()))
        row = store.person_of(connection, key.person if key is not None else "")
    if key is not None and key.grant is not None:
        raise Refused(
            "bad-token",
            "this token is for downloads: it stands for a grant, not for you",
            remedy="use your own token: halfdoor token issue",
        )
    if key is None or row is None or not row.acts:
        raise Refused(
            "bad-token",
            "this token is not known here, was revoked, or is out of date",
            remedy="issue a new one with `halfdoor token issue`, or ask an administrator to invite you again",
        )
    return _actor(row, key.token)


def person_actor(commits: Commits, name_or_id: str) -> Actor:
    """Somebody by e-mail address or id, for commands on the machine itself. Raises Refused `not-found`."""
    with commits.reading() as connection:
        row = found(connection, name_or_id)
    if not row.acts:
        raise Refused(
            "not-found", f"{name_or_id!r} has not joined, or has left", remedy="halfdoor people list"
        )
    return _actor(row, None)


def register(commits: Commits, *, name: str, email: str, organisation: str) -> tuple[str, Issued]:
    """Somebody lets themselves in, to apply: their id, and their token. They hold no role.

    organisation: as they say; it makes them nobody's member. Whether this is open to all is for the caller.
    Raises InputError `bad-text`, `bad-email`, Refused `already-so`, LogUnavailable.
    """
    name, email = checked_text(name, "the name"), checked_email(email)
    said = checked_text(organisation, "the organisation")
    with commits.change() as change:
        store.alone(change.connection)
        _check_free(change.connection, email)
        person = change.new_id("per")
        private = {"identity": {"name": name, "email": email}, "organisation": said}
        entry = change.tell(PersonJoined, private, by=person, person=person)
        row = PersonRow(
            id=person,
            name=name,
            email=email,
            organisation=None,
            affiliation=said,
            invited_ms=change.now_ms,
            joined_ms=change.now_ms,
            left_ms=None,
            logged=False,
        )
        store.add_person(change.connection, row, entry)
        return person, tokens.issued(change, person)


def invite(
    commits: Commits,
    actor: Actor,
    *,
    name: str,
    email: str,
    organisation: str | None = None,
    roles: Iterable[str] = (),
    days: int = INVITED_DAYS,
) -> Invitation:
    """Ask somebody in, or again somebody who is known: a new secret, in the place of earlier ones.

    organisation: an id, or the name of one that was added
    Whoever had joined already gets in again, and the tokens that they had work no longer then.
    By an administrator. Raises Refused `not-your-role`, `not-found`, InputError, LogUnavailable.
    """
    actor.require("admin")
    name, email = checked_text(name, "the name"), checked_email(email)
    wanted = sorted({checked_role(one) for one in roles})
    if not 1 <= days <= INVITED_DAYS_MAX:
        raise InputError("bad-days", f"an invitation holds for 1 to {INVITED_DAYS_MAX} days")
    with commits.change() as change:
        store.alone(change.connection)
        of = None if organisation is None else organisation_id(change.connection, organisation)
        known = store.person_with_email(change.connection, email)
        if known is not None and known.left_ms is not None:
            store.release_email(change.connection, known.id)
            known = None
        if known is None:
            person = _add(change, name, email, of, by=actor.person)
        else:
            person = known.id
            check_not_oneself(actor, person, wanted)
            change.tell(PersonInvited, by=actor.person, person=person, organisation=known.organisation)
        for role in wanted:
            give(change, person, role, actor.person)
        return _invitation(change, person, days)


def first_admin(commits: Commits) -> Invitation | None:
    """An invitation for the first administrator; None where there is one who can act.

    Each call makes a new secret, and earlier ones let nobody in any more.
    """
    with commits.reading() as connection:
        if store.admins(connection):
            return None
    with commits.change() as change:
        store.alone(change.connection)
        if store.admins(change.connection):
            return None
        person = store.awaited_admin(change.connection)
        if person is None:
            person = _add(change, FIRST_ADMIN, None, None, by=None)
            give(change, person, "admin", None)
        else:
            change.tell(PersonInvited, person=person)
        return _invitation(change, person, INVITED_DAYS)


def join(commits: Commits, secret: str, *, name: str | None = None, email: str | None = None) -> Issued:
    """Take up an invitation, once; the person's token.

    name, email: for whom nobody has named yet, such as the first administrator
    Raises Refused `bad-invitation`, `already-so`, InputError, LogUnavailable.
    """
    named = checked_text(name, "the name") if name else None
    address = checked_email(email) if email else None
    with commits.change() as change:
        store.alone(change.connection)
        person = store.use_invitation(change.connection, secret_hash(secret), change.now_ms)
        row = None if person is None else store.person_of(change.connection, person)
        if row is None or row.left_ms is not None or not row.logged:
            raise Refused(
                "bad-invitation",
                "this invitation is not known here, was used already, or is out of date",
                remedy="ask an administrator for a new one",
            )
        if row.email is None and address is not None:
            _check_free(change.connection, address)
        row = msgspec.structs.replace(
            row,
            name=named if named and row.joined_ms is None else row.name,
            email=row.email or address,
        )
        private = {"identity": {"name": row.name, "email": row.email}}
        change.tell(PersonJoined, private, by=row.id, person=row.id)
        joined_ms = row.joined_ms or change.now_ms
        store.set_joined(change.connection, row.id, joined_ms, name=row.name, email=row.email)
        for one in tokens_of(change.connection, row.id):
            if one.grant is None:
                tokens.revoked(change, one.id, row.id)
        return tokens.issued(change, row.id)


def people(commits: Commits) -> list[PersonRow]:
    """Everybody, the earliest first. Names and addresses: for administrators' eyes."""
    with commits.reading() as connection:
        return store.people(connection)


def person(commits: Commits, name_or_id: str) -> PersonRow:
    """One person, by e-mail address or id. Raises Refused `not-found`."""
    with commits.reading() as connection:
        return found(connection, name_or_id)


def _add(change: Change, name: str, email: str | None, organisation: str | None, *, by: str | None) -> str:
    person = change.new_id("per")
    private = {"identity": {"name": name, "email": email}}
    entry = change.tell(PersonInvited, private, by=by, person=person, organisation=organisation)
    row = PersonRow(
        id=person,
        name=name,
        email=email,
        organisation=organisation,
        affiliation=None,
        invited_ms=change.now_ms,
        joined_ms=None,
        left_ms=None,
        logged=False,
    )
    store.add_person(change.connection, row, entry)
    return person


def _invitation(change: Change, person: str, days: int) -> Invitation:
    secret = new_secret(change.random(RANDOM_BYTES), INVITATION)
    until_ms = change.now_ms + days * DAY_MS
    store.invite(change.connection, secret_hash(secret), person, until_ms)
    return Invitation(person, secret, moment(until_ms))


def _check_free(connection: Connection, email: str) -> None:
    known = store.person_with_email(connection, email)
    if known is None:
        return
    if known.left_ms is not None:
        store.release_email(connection, known.id)
        return
    raise Refused(
        "already-so",
        "somebody with this address is here already",
        remedy="if that is you and your token is lost, ask an administrator to invite you again",
    )


def _actor(row: PersonRow, token: str | None) -> Actor:
    return Actor(row.id, frozenset(row.roles), row.organisation, token)
