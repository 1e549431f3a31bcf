"""Organisations, people, their roles and keys, and the invitations that let them in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, func, insert, select, update

from halfdoor.store.log import in_log
from halfdoor.store.tables.people import invitation, organisation, person, role, ssh_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement, Connection

_LOCK = 0x68640001  # of PostgreSQL's advisory locks: any number that nothing else here uses


class OrganisationRow(msgspec.Struct, frozen=True):
    """An organisation that people belong to."""

    id: str
    name: str


class PersonRow(msgspec.Struct, frozen=True):
    """A person. Times are POSIX milliseconds.

    organisation: its id, set by an administrator
    affiliation:  what people who registered themselves say of theirs; nobody has checked it
    roles:        those whose entry stands in the log
    logged:       the person's own entry stands in the log
    """

    id: str
    name: str
    email: str | None
    organisation: str | None
    affiliation: str | None
    invited_ms: int
    joined_ms: int | None
    left_ms: int | None
    logged: bool
    roles: tuple[str, ...] = ()

    @property
    def acts(self) -> bool:
        """Has joined, has not left, and the log knows of it."""
        return self.logged and self.joined_ms is not None and self.left_ms is None


def alone(connection: Connection) -> None:
    """Wait until no other change of people is under way; SQLite has one writer at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def lock_person(connection: Connection, id_: str) -> None:
    """Nobody else changes what hangs on this person until the transaction ends, where they lock it too."""
    connection.execute(select(person.c.id).where(person.c.id == id_).with_for_update())


def add_organisation(connection: Connection, id_: str, name: str, at_ms: int, entry: int) -> None:
    """Store an organisation."""
    connection.execute(insert(organisation).values(id=id_, name=name, added_ms=at_ms, entry=entry))


def organisations(connection: Connection) -> list[OrganisationRow]:
    """All of them that stand in the log, by name."""
    query = select(organisation.c.id, organisation.c.name).where(in_log(organisation.c.entry))
    return [OrganisationRow(*row) for row in connection.execute(query.order_by(organisation.c.name))]


def organisation_named(connection: Connection, name: str) -> str | None:
    """The id of the organisation of that name, whether the log has it yet or not."""
    query = select(organisation.c.id).where(organisation.c.name == name)
    return connection.execute(query).scalar_one_or_none()


def add_person(
    connection: Connection,
    row: PersonRow,
    entry: int,
) -> None:
    """Store a person; roles are not."""
    values = msgspec.structs.asdict(row)
    del values["roles"], values["logged"]
    connection.execute(insert(person).values(**values, entry=entry))


def person_of(connection: Connection, id_: str) -> PersonRow | None:
    """The person with that id."""
    return next(iter(_people(connection, person.c.id == id_)), None)


def person_with_email(connection: Connection, email: str) -> PersonRow | None:
    """The person with that address, as checked_email writes it."""
    return next(iter(_people(connection, person.c.email == email)), None)


def people(connection: Connection) -> list[PersonRow]:
    """Everybody, the earliest first."""
    return _people(connection)


def admins(connection: Connection) -> list[str]:
    """The administrators who can act: they have joined, have not left, and the log knows their role."""
    query = (
        select(person.c.id)
        .join(role, role.c.person == person.c.id)
        .where(
            role.c.role == "admin",
            in_log(role.c.entry),
            in_log(person.c.entry),
            person.c.joined_ms.is_not(None),
            person.c.left_ms.is_(None),
        )
    )
    return list(connection.execute(query).scalars())


def awaited_admin(connection: Connection) -> str | None:
    """Somebody who was to be the administrator and has not joined: the earliest, where there are several."""
    query = (
        select(person.c.id)
        .join(role, role.c.person == person.c.id)
        .where(role.c.role == "admin", person.c.joined_ms.is_(None), person.c.left_ms.is_(None))
        .order_by(person.c.invited_ms, person.c.id)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none()


def set_joined(connection: Connection, id_: str, at_ms: int, *, name: str, email: str | None) -> None:
    """The person took up the invitation."""
    values = {"joined_ms": at_ms, "name": name, "email": email}
    connection.execute(update(person).where(person.c.id == id_).values(values))


def set_left(connection: Connection, id_: str, at_ms: int) -> None:
    """The person acts here no longer: without roles, keys and invitations."""
    connection.execute(update(person).where(person.c.id == id_).values(left_ms=at_ms))
    for table in (role, ssh_key, invitation):
        connection.execute(delete(table).where(table.c.person == id_))


def set_organisation(connection: Connection, id_: str, to: str | None) -> None:
    """Whom the person acts for."""
    connection.execute(update(person).where(person.c.id == id_).values(organisation=to))


def release_email(connection: Connection, id_: str) -> None:
    """The address may be somebody else's: of people who have left."""
    connection.execute(update(person).where(person.c.id == id_).values(email=None))


def erase_person(connection: Connection, id_: str, name: str) -> None:
    """Put `name` in the place of what named the person."""
    values = {"name": name, "email": None, "affiliation": None}
    connection.execute(update(person).where(person.c.id == id_).values(values))


def give_role(connection: Connection, id_: str, name: str, at_ms: int, entry: int) -> None:
    """Store a role that the person did not have."""
    connection.execute(insert(role).values(person=id_, role=name, since_ms=at_ms, entry=entry))


def take_role(connection: Connection, id_: str, name: str) -> bool:
    """Take the role away; False where the person did not have it."""
    taken = delete(role).where(role.c.person == id_, role.c.role == name)
    return connection.execute(taken).rowcount == 1


def has_role(connection: Connection, id_: str, name: str) -> bool:
    """The person was given the role, whether the log has it yet or not."""
    query = select(role.c.person).where(role.c.person == id_, role.c.role == name)
    return connection.execute(query).first() is not None


def invite(connection: Connection, secret_hash: bytes, id_: str, until_ms: int) -> None:
    """Store an invitation in the place of earlier ones."""
    connection.execute(delete(invitation).where(invitation.c.person == id_))
    connection.execute(insert(invitation).values(secret_hash=secret_hash, person=id_, until_ms=until_ms))


def use_invitation(connection: Connection, secret_hash: bytes, now_ms: int) -> str | None:
    """Use the invitation up; whose it is. None where there is none that can be used, or somebody just did."""
    usable = (
        invitation.c.secret_hash == secret_hash,
        invitation.c.used_ms.is_(None),
        invitation.c.until_ms > now_ms,
    )
    used = connection.execute(update(invitation).where(*usable).values(used_ms=now_ms))
    if used.rowcount != 1:
        return None
    query = select(invitation.c.person).where(invitation.c.secret_hash == secret_hash)
    return str(connection.execute(query).scalar_one())


def add_ssh_key(connection: Connection, id_: str, public: str, at_ms: int, entry: int) -> None:
    """Store a key, as core.governance.people.checked_ssh_key writes it."""
    connection.execute(insert(ssh_key).values(person=id_, public=public, added_ms=at_ms, entry=entry))


def has_ssh_key(connection: Connection, public: str) -> bool:
    """Somebody registered this key."""
    return connection.execute(select(ssh_key.c.person).where(ssh_key.c.public == public)).first() is not None


def remove_ssh_key(connection: Connection, id_: str, public: str) -> bool:
    """Take a key away; False where the person had none such."""
    gone = delete(ssh_key).where(ssh_key.c.person == id_, ssh_key.c.public == public)
    return connection.execute(gone).rowcount == 1


def ssh_keys(connection: Connection, id_: str) -> list[str]:
    """The person's keys that stand in the log."""
    query = select(ssh_key.c.public).where(ssh_key.c.person == id_, in_log(ssh_key.c.entry))
    return list(connection.execute(query.order_by(ssh_key.c.public)).scalars())


def names_of(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Names by id, for lists."""
    query = select(person.c.id, person.c.name).where(person.c.id.in_(sorted(set(ids))))
    return {row.id: row.name for row in connection.execute(query)}


def _people(connection: Connection, *conditions: ColumnElement[bool]) -> list[PersonRow]:
    columns = [person.c[name] for name in PersonRow.__struct_fields__[:-2]]
    query = select(*columns, in_log(person.c.entry)).where(*conditions)
    found = connection.execute(query.order_by(person.c.invited_ms, person.c.id))
    rows = [PersonRow(*list(row)) for row in found]
    roles: dict[str, list[str]] = {}
    held = select(role.c.person, role.c.role).where(in_log(role.c.entry))
    if conditions:
        held = held.where(role.c.person.in_([row.id for row in rows]))
    for id_, name in connection.execute(held.order_by(role.c.role)):
        roles.setdefault(id_, []).append(name)
    return [msgspec.structs.replace(row, roles=tuple(roles.get(row.id, ()))) for row in rows]
