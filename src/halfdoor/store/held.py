"""Rows beside the log entries that they are under, for whoever holds the two against each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import func, select

from halfdoor.store.tables import metadata
from halfdoor.store.tables.access import delivery
from halfdoor.store.tables.decisions import approval, decision
from halfdoor.store.tables.log import log_leaf, log_pending
from halfdoor.store.tables.models import document, version_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_AT_ONCE = 1000


class Held(msgspec.Struct, frozen=True):
    """A row, and what stands under the number that it names: the entry, or nothing; or it still waits."""

    table: str
    values: Mapping[str, Any]
    entry: bytes | None
    waits: bool


def tables_with_entries() -> dict[str, list[str]]:
    """Each table whose rows name log entries, and the columns that do."""
    return {
        table.name: names
        for table in metadata.sorted_tables
        if not table.name.startswith("log_")
        and (
            names := [one.name for one in table.columns if one.name == "entry" or one.name.endswith("_entry")]
        )
    }


def held_rows(connection: Connection, table: str, column: str) -> Iterator[Held]:
    """Every row of a table that names an entry in `column`, in no order."""
    kept = metadata.tables[table]
    query = (
        select(
            *(one.label(f"row_{one.name}") for one in kept.columns),
            log_leaf.c.entry.label("leaf"),
            log_pending.c.number.label("waiting"),
        )
        .select_from(
            kept.outerjoin(log_leaf, log_leaf.c.pending == kept.c[column]).outerjoin(
                log_pending, log_pending.c.number == kept.c[column]
            )
        )
        .where(kept.c[column].is_not(None))
    )
    names = [one.name for one in kept.columns]
    for row in connection.execution_options(yield_per=_AT_ONCE).execute(query):
        values = dict(zip(names, row, strict=False))
        yield Held(table, values, row.leaf, row.waiting is not None)


def row_where(connection: Connection, table: str, where: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The one row with these values; None where there is none."""
    kept = metadata.tables[table]
    query = select(kept).where(*(kept.c[name] == value for name, value in where.items()))
    found = connection.execute(query).mappings().first()
    return None if found is None else dict(found)


def blobs_named(connection: Connection) -> dict[str, int]:
    """The digest and size of every file of every version."""
    query = select(version_file.c.digest, version_file.c.size_bytes).distinct()
    return {str(row.digest): int(row.size_bytes) for row in connection.execute(query)}


def documents(connection: Connection) -> Iterator[tuple[str, str]]:
    """The digest and body of every document that is kept."""
    query = select(document.c.digest, document.c.body)
    for digest, body in connection.execution_options(yield_per=_AT_ONCE).execute(query):
        yield str(digest), str(body)


def decided_otherwise(connection: Connection) -> list[str]:
    """Decisions whose document is not the one that somebody approved."""
    query = (
        select(decision.c.id)
        .join(approval, approval.c.decision == decision.c.id)
        .where(approval.c.seen != decision.c.document)
        .distinct()
    )
    return list(connection.execute(query.order_by(decision.c.id)).scalars())


def deliveries_begun_before(connection: Connection, at_ms: int) -> int:
    """How many deliveries that were begun before that time have no end."""
    query = (
        select(func.count())
        .select_from(delivery)
        .where(delivery.c.ended_ms.is_(None), delivery.c.begun_ms < at_ms)
    )
    return int(connection.execute(query).scalar_one())
