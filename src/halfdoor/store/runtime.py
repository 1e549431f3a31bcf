"""The clock's high-water mark, and the outbox that tells what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, func, insert, select, text, update

from halfdoor.store.tables.runtime import clock_mark, outbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

READ_AT_ONCE = 1000
CHANNEL = "halfdoor_outbox"  # PostgreSQL's NOTIFY


class Changed(msgspec.Struct, frozen=True):
    """One row of the outbox: what kind of thing happened, to whom."""

    number: int
    kind: str
    subject: str


def mark(connection: Connection) -> int:
    """The latest time that was acted on, POSIX milliseconds; 0 before any."""
    return int(connection.execute(select(clock_mark.c.at_ms)).scalar_one_or_none() or 0)


def set_mark(connection: Connection, at_ms: int) -> None:
    """Move the mark on; it never goes back."""
    moved = connection.execute(update(clock_mark).where(clock_mark.c.at_ms < at_ms).values(at_ms=at_ms))
    if moved.rowcount == 0 and mark(connection) == 0:
        connection.execute(insert(clock_mark).values(id=1, at_ms=at_ms))


def announce(connection: Connection, at_ms: int, kind: str, subject: str) -> None:
    """Write to the outbox, in the transaction of the change; listeners on PostgreSQL hear of it at once."""
    connection.execute(insert(outbox).values(at_ms=at_ms, kind=kind, subject=subject))
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, kind)))


def listen(connection: Connection, statement_ms: int) -> None:
    """Make the connection one that hears of changes, and on which no statement waits longer than that."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET statement_timeout = {int(statement_ms)}"))
        connection.execute(text(f"LISTEN {CHANNEL}"))
    else:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(statement_ms)}")


def newest_change(connection: Connection) -> int:
    """The number of the newest row; 0 where there never was one that is still kept."""
    return int(connection.execute(select(func.max(outbox.c.number))).scalar_one() or 0)


def changes_after(connection: Connection, number: int) -> Sequence[Changed]:
    """Rows after `number`, the oldest first, at most so many at once."""
    query = (
        select(outbox.c.number, outbox.c.kind, outbox.c.subject)
        .where(outbox.c.number > number)
        .order_by(outbox.c.number)
        .limit(READ_AT_ONCE)
    )
    return [Changed(*row) for row in connection.execute(query)]


def forget_changes(connection: Connection, before_ms: int) -> int:
    """Take away rows from before that time; how many."""
    return connection.execute(delete(outbox).where(outbox.c.at_ms < before_ms)).rowcount
