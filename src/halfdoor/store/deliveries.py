"""Deliveries: what was begun, by which process, and how it ended; and what they take of their grants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import and_, func, insert, or_, select, update

from halfdoor.store.tables.access import access_grant, delivery

if TYPE_CHECKING:
    from sqlalchemy import Connection


class DeliveryRow(msgspec.Struct, frozen=True):
    """A delivery. Times are POSIX milliseconds.

    length_bytes: asked for, from `first_byte` on; reserved of the grant until the end
    offloaded:    another server sends the bytes
    holder:       the process that sends it, or had it sent
    """

    id: str
    grant: str | None
    token: str | None
    version: str
    path: str
    digest: str
    first_byte: int
    length_bytes: int
    offloaded: bool
    holder: str
    begun_ms: int


_ROW = (
    delivery.c.id,
    delivery.c.access_grant,
    delivery.c.token,
    delivery.c.version,
    delivery.c.path,
    delivery.c.digest,
    delivery.c.first_byte,
    delivery.c.length_bytes,
    delivery.c.offloaded,
    delivery.c.holder,
    delivery.c.begun_ms,
)


def add_delivery(connection: Connection, row: DeliveryRow, entry: int) -> None:
    """Store one that begins."""
    values = msgspec.structs.asdict(row)
    values["access_grant"] = values.pop("grant")
    connection.execute(insert(delivery).values(**values, alive_ms=row.begun_ms, entry=entry))


def began_before(connection: Connection, grant: str, digest: str) -> bool:
    """Some delivery of this file was begun under the grant."""
    query = select(delivery.c.id).where(delivery.c.access_grant == grant, delivery.c.digest == digest)
    return connection.execute(query.limit(1)).first() is not None


def reserve(connection: Connection, grant: str, length_bytes: int, downloads: int) -> None:
    """Take it of what the grant may have."""
    values = {
        "bytes_reserved": access_grant.c.bytes_reserved + length_bytes,
        "downloads_used": access_grant.c.downloads_used + downloads,
    }
    connection.execute(update(access_grant).where(access_grant.c.id == grant).values(values))


def running(connection: Connection, id_: str) -> DeliveryRow | None:
    """The delivery, where it has not ended."""
    query = select(*_ROW).where(delivery.c.id == id_, delivery.c.ended_ms.is_(None))
    row = connection.execute(query).one_or_none()
    return None if row is None else DeliveryRow(*row)


def end_delivery(connection: Connection, row: DeliveryRow, at_ms: int, sent_bytes: int | None) -> bool:
    """Note its end and settle with the grant; False where it had ended.

    sent_bytes: None: nobody knows, and the grant is charged with all that was asked for
    """
    ended = update(delivery).where(delivery.c.id == row.id, delivery.c.ended_ms.is_(None))
    if connection.execute(ended.values(ended_ms=at_ms, sent_bytes=sent_bytes)).rowcount == 0:
        return False
    if row.grant is not None:
        used = row.length_bytes if sent_bytes is None else sent_bytes
        values = {
            "bytes_reserved": access_grant.c.bytes_reserved - row.length_bytes,
            "bytes_used": access_grant.c.bytes_used + used,
        }
        connection.execute(update(access_grant).where(access_grant.c.id == row.grant).values(values))
    return True


def keep_alive(connection: Connection, holder: str, at_ms: int) -> int:
    """Say that a process is at work on its deliveries; how many those are."""
    own = update(delivery).where(delivery.c.holder == holder, delivery.c.ended_ms.is_(None))
    return connection.execute(own.values(alive_ms=at_ms)).rowcount


def has_running(connection: Connection) -> bool:
    """Some delivery has no end yet, whoever sends it."""
    return (
        connection.execute(select(delivery.c.id).where(delivery.c.ended_ms.is_(None)).limit(1)).first()
        is not None
    )


def left_behind(
    connection: Connection, *, silent_before_ms: int, offloaded_before_ms: int, most: int
) -> list[DeliveryRow]:
    """Deliveries of processes that have been silent since then, and offloaded ones that began before.

    Those that another replica looks at are left out.
    """
    heard = func.coalesce(delivery.c.alive_ms, delivery.c.begun_ms)
    query = (
        select(*_ROW)
        .where(
            delivery.c.ended_ms.is_(None),
            or_(
                and_(~delivery.c.offloaded, heard < silent_before_ms),
                and_(delivery.c.offloaded, delivery.c.begun_ms < offloaded_before_ms),
            ),
        )
        .order_by(delivery.c.begun_ms)
        .limit(most)
        .with_for_update(of=delivery, skip_locked=True)
    )
    return [DeliveryRow(*row) for row in connection.execute(query)]
