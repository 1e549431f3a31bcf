"""Everything of one database in another one of the same version, such as from SQLite to PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select, text

from halfdoor.core.errors import InputError
from halfdoor.store.engine import READS
from halfdoor.store.tables import log_leaf, log_pending, metadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Engine

ROWS_AT_ONCE = 2000


def copy_all(source: Engine, target: Engine, advance: Callable[[int], object]) -> dict[str, int]:
    """Copy every row, in one transaction; table -> rows. Both are migrated, and nobody writes to `source`.

    advance: told of rows
    Raises InputError `not-empty` where `target` holds something.
    """
    counts: dict[str, int] = {}
    with (
        source.connect().execution_options(**READS) as reading,
        target.begin() as writing,
    ):
        for table in metadata.sorted_tables:
            if writing.execute(select(table).limit(1)).first() is not None:
                raise InputError(
                    "not-empty",
                    f"there is something in the table {table.name} already",
                    where=target.url.render_as_string(),
                    remedy="give the home a database of its own",
                )
        for table in metadata.sorted_tables:
            counts[table.name] = 0
            rows = reading.execute(select(table).order_by(*table.primary_key), execution_options=_STREAM)
            for part in rows.mappings().partitions(ROWS_AT_ONCE):
                writing.execute(insert(table), [dict(row) for row in part])
                counts[table.name] += len(part)
                advance(len(part))
        _go_on_numbering(writing)
    return counts


_STREAM = {"yield_per": ROWS_AT_ONCE}


def _go_on_numbering(connection: Connection) -> None:
    """Numbers that rows get by themselves go on where they were: none is ever given twice."""
    waited = connection.execute(select(func.max(log_leaf.c.pending))).scalar_one() or 0
    for table in metadata.sorted_tables:
        if not table.dialect_options["sqlite"]["autoincrement"]:
            continue
        (column,) = table.primary_key
        newest = connection.execute(select(func.max(column))).scalar_one() or 0
        if table is log_pending:
            newest = max(newest, waited)
        if not newest:
            continue
        values = {"name": table.name, "column": column.name, "newest": newest}
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT setval(pg_get_serial_sequence(:name, :column), :newest)"), values)
        else:
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
            connection.execute(
                text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :newest)"), values
            )
