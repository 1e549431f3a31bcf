"""Tokens and grants: what the gate asks at every request, and what people change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import and_, bindparam, case, func, insert, or_, select, update

from halfdoor.store.log import in_log
from halfdoor.store.tables.access import access_grant, delivery
from halfdoor.store.tables.people import person, token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

_TEXTS = msgspec.json.Decoder(tuple[str, ...])


class GrantRow(msgspec.Struct, frozen=True):
    """A grant. Times are POSIX milliseconds.

    until_ms:       as renewed, where the log knows of it
    networks:       prefixes; empty: from anywhere
    bytes_reserved: of deliveries that are under way, part of neither `bytes_used` nor what is left
    logged:         its entry stands in the log
    """

    id: str
    person: str
    version: str
    group: str
    items: tuple[str, ...]
    until_ms: int
    revoked_ms: int | None
    networks: tuple[str, ...]
    bytes_max: int | None
    downloads_max: int | None
    bytes_used: int = 0
    bytes_reserved: int = 0
    downloads_used: int = 0
    application: str | None = None
    issued_ms: int = 0
    revoked_cause: str | None = None
    logged: bool = True

    def is_live(self, now_ms: int) -> bool:
        """Opens something at that time, as far as it goes."""
        return self.logged and self.revoked_ms is None and self.until_ms > now_ms


class Key(msgspec.Struct, frozen=True):
    """What a secret stands for. grant None: the person at the control plane."""

    token: str
    person: str
    grant: GrantRow | None


class TokenRow(msgspec.Struct, frozen=True):
    """A token, without its secret."""

    id: str
    person: str
    grant: str | None
    issued_ms: int
    until_ms: int
    revoked_ms: int | None
    logged: bool


class Delivered(msgspec.Struct, frozen=True):
    """What left under a grant so far.

    files:     different files, of which at least a byte left or nobody knows how many
    bytes:     that were counted
    unknown:   deliveries by another server that did not say how much it sent
    running:   deliveries that this software sends at the moment
    offloaded: deliveries that another server was asked to send, and whose end is not known
    """

    files: int
    bytes: int
    unknown: int
    running: int
    offloaded: int


_UNTIL = case(
    (in_log(access_grant.c.renewed_entry), access_grant.c.renewed_until_ms), else_=access_grant.c.until_ms
)
_GRANT = (
    access_grant.c.id,
    access_grant.c.person,
    access_grant.c.version,
    access_grant.c.access_group,
    access_grant.c["items"],
    _UNTIL.label("until_ms"),
    access_grant.c.revoked_ms,
    access_grant.c.networks,
    access_grant.c.bytes_max,
    access_grant.c.downloads_max,
    access_grant.c.bytes_used,
    access_grant.c.bytes_reserved,
    access_grant.c.downloads_used,
    access_grant.c.application,
    access_grant.c.issued_ms,
    access_grant.c.revoked_cause,
    in_log(access_grant.c.entry).label("logged"),
)
_LIVE = (
    select(token.c.id, token.c.person, *_GRANT)
    .join_from(token, person, person.c.id == token.c.person)
    .outerjoin(access_grant, access_grant.c.id == token.c.access_grant)
    .where(
        token.c.revoked_ms.is_(None),
        token.c.until_ms > bindparam("now_ms"),
        in_log(token.c.entry),
        person.c.left_ms.is_(None),
        or_(
            token.c.access_grant.is_(None),
            and_(
                access_grant.c.person == token.c.person,
                access_grant.c.revoked_ms.is_(None),
                bindparam("now_ms") < _UNTIL,
                in_log(access_grant.c.entry),
            ),
        ),
    )
)
_KEY = _LIVE.where(token.c.secret_hash == bindparam("secret_hash"))
_KEYS = _LIVE.add_columns(token.c.secret_hash).where(
    token.c.secret_hash.in_(bindparam("secret_hashes", expanding=True))
)


def key_of(connection: Connection, secret_hash: bytes, now_ms: int) -> Key | None:
    """What the secret stands for, if anything opens by it now. One query.

    None where the token or its grant is unknown, revoked, out of date or not in the log, or its person left.
    """
    row = connection.execute(_KEY, {"secret_hash": secret_hash, "now_ms": now_ms}).one_or_none()
    if row is None:
        return None
    return Key(row[0], row[1], None if row[2] is None else _grant(row[2:]))


def keys_of(connection: Connection, secret_hashes: Sequence[bytes], now_ms: int) -> dict[bytes, Key]:
    """The same for many at once, by their hashes; those that open nothing are left out."""
    values = {"secret_hashes": list(secret_hashes), "now_ms": now_ms}
    return {
        bytes(row[-1]): Key(row[0], row[1], None if row[2] is None else _grant(row[2:-1]))
        for row in connection.execute(_KEYS, values)
    }


def add_token(connection: Connection, row: TokenRow, secret_hash: bytes, entry: int) -> None:
    """Store a token."""
    values = {
        "id": row.id,
        "secret_hash": secret_hash,
        "person": row.person,
        "access_grant": row.grant,
        "issued_ms": row.issued_ms,
        "until_ms": row.until_ms,
        "entry": entry,
    }
    connection.execute(insert(token).values(values))


def token_of(connection: Connection, id_: str, *, lock: bool = False) -> TokenRow | None:
    """The token with that id. lock: nobody else changes it until this transaction ends."""
    return next(iter(_tokens(connection, token.c.id == id_, lock=lock)), None)


def tokens_of(connection: Connection, person_id: str) -> list[TokenRow]:
    """The person's tokens, the earliest first."""
    return _tokens(connection, token.c.person == person_id)


def live_token_count(connection: Connection, person_id: str, grant: str | None, now_ms: int) -> int:
    """How many tokens of the person for this grant (None: without one) are not revoked and in date."""
    of_grant = token.c.access_grant.is_(None) if grant is None else token.c.access_grant == grant
    query = (
        select(func.count())
        .select_from(token)
        .where(token.c.person == person_id, of_grant, token.c.revoked_ms.is_(None), token.c.until_ms > now_ms)
    )
    return int(connection.execute(query).scalar_one())


def shorten_token(connection: Connection, id_: str, until_ms: int) -> None:
    """The token works no longer than until then; it never works longer than before."""
    sooner = update(token).where(token.c.id == id_, token.c.until_ms > until_ms)
    connection.execute(sooner.values(until_ms=until_ms))


def revoke_token(connection: Connection, id_: str, at_ms: int) -> bool:
    """The token works no longer; False where that was so already."""
    gone = update(token).where(token.c.id == id_, token.c.revoked_ms.is_(None)).values(revoked_ms=at_ms)
    return connection.execute(gone).rowcount == 1


def add_grant(connection: Connection, row: GrantRow, entry: int) -> None:
    """Store a grant under which nothing left yet."""
    values = {
        "id": row.id,
        "person": row.person,
        "version": row.version,
        "access_group": row.group,
        "items": _json(row.items),
        "application": row.application,
        "issued_ms": row.issued_ms,
        "until_ms": row.until_ms,
        "networks": _json(row.networks),
        "bytes_max": row.bytes_max,
        "downloads_max": row.downloads_max,
        "bytes_used": 0,
        "bytes_reserved": 0,
        "downloads_used": 0,
        "entry": entry,
    }
    connection.execute(insert(access_grant).values(values))


def grant_of(connection: Connection, id_: str, *, lock: bool = False) -> GrantRow | None:
    """The grant with that id. lock: nobody else changes it until this transaction ends."""
    return next(iter(_grants(connection, access_grant.c.id == id_, lock=lock)), None)


def grants(
    connection: Connection, person_id: str | None = None, version: str | None = None
) -> list[GrantRow]:
    """Grants of a person, of a version, of both, or all; the earliest first."""
    conditions: list[ColumnElement[bool]] = []
    if person_id is not None:
        conditions.append(access_grant.c.person == person_id)
    if version is not None:
        conditions.append(access_grant.c.version == version)
    return _grants(connection, *conditions)


def expired_grants(connection: Connection, now_ms: int, most: int) -> list[GrantRow]:
    """Grants whose date has passed and that were not closed yet; those that others look at are left out.

    Whose renewal waits for the log is not among them.
    """
    latest = func.coalesce(access_grant.c.renewed_until_ms, access_grant.c.until_ms)
    query = (
        select(*_GRANT)
        .where(access_grant.c.revoked_ms.is_(None), access_grant.c.until_ms <= now_ms, latest <= now_ms)
        .order_by(access_grant.c.until_ms)
        .limit(most)
        .with_for_update(of=access_grant, skip_locked=True)
    )
    return [_grant(row) for row in connection.execute(query)]


def renew_grant(connection: Connection, id_: str, *, from_ms: int, until_ms: int, entry: int) -> None:
    """The grant holds until the later date once the entry stands in the log; meanwhile until `from_ms`."""
    values = {"until_ms": from_ms, "renewed_until_ms": until_ms, "renewed_entry": entry}
    connection.execute(update(access_grant).where(access_grant.c.id == id_).values(values))


def revoke_grant(connection: Connection, id_: str, at_ms: int, cause: str) -> bool:
    """The grant opens nothing any more; False where that was so already."""
    gone = (
        update(access_grant)
        .where(access_grant.c.id == id_, access_grant.c.revoked_ms.is_(None))
        .values(revoked_ms=at_ms, revoked_cause=cause)
    )
    return connection.execute(gone).rowcount == 1


def limit_grant(
    connection: Connection,
    id_: str,
    *,
    bytes_max: int | None,
    downloads_max: int | None,
    networks: tuple[str, ...],
) -> None:
    """Hold the grant to these limits."""
    values = {"bytes_max": bytes_max, "downloads_max": downloads_max, "networks": _json(networks)}
    connection.execute(update(access_grant).where(access_grant.c.id == id_).values(values))


def delivered(connection: Connection, grant: str) -> Delivered:
    """What left under the grant."""
    out = or_(delivery.c.sent_bytes > 0, delivery.c.sent_bytes.is_(None))
    ended = delivery.c.ended_ms.is_not(None)
    query = select(
        func.count(case((out, delivery.c.digest)).distinct()),
        func.coalesce(func.sum(delivery.c.sent_bytes), 0),
        func.count(case((and_(ended, delivery.c.sent_bytes.is_(None)), 1))),
        func.count(case((and_(~ended, ~delivery.c.offloaded), 1))),
        func.count(case((and_(~ended, delivery.c.offloaded), 1))),
    ).where(delivery.c.access_grant == grant)
    return Delivered(*(int(one) for one in connection.execute(query).one()))


def _tokens(connection: Connection, *conditions: ColumnElement[bool], lock: bool = False) -> list[TokenRow]:
    query = (
        select(
            token.c.id,
            token.c.person,
            token.c.access_grant,
            token.c.issued_ms,
            token.c.until_ms,
            token.c.revoked_ms,
            in_log(token.c.entry),
        )
        .where(*conditions)
        .order_by(token.c.issued_ms, token.c.id)
    )
    if lock:
        query = query.with_for_update(of=token)
    return [TokenRow(*row) for row in connection.execute(query)]


def _grants(connection: Connection, *conditions: ColumnElement[bool], lock: bool = False) -> list[GrantRow]:
    query = select(*_GRANT).where(*conditions).order_by(access_grant.c.issued_ms, access_grant.c.id)
    if lock:
        query = query.with_for_update(of=access_grant)
    return [_grant(row) for row in connection.execute(query)]


def _grant(row: Any) -> GrantRow:  # noqa: ANN401  a row of _GRANT
    values = list(row)
    values[4], values[7] = _TEXTS.decode(values[4]), _TEXTS.decode(values[7])
    values[-1] = bool(values[-1])
    return GrantRow(*values)


def _json(texts: tuple[str, ...]) -> str:
    return msgspec.json.encode(texts).decode()
