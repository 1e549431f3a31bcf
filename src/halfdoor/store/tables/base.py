"""What all tables share: how constraints are named, and the types of their columns.

Times are POSIX milliseconds, UTC. Ids are those of core/log/events/base.py. A column `entry` holds the number
under which the change's log entry waited (log_leaf.pending): what the row opens takes effect once that entry
stands in the log, and not before.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)
# SQLite numbers rows by itself only where the key is an INTEGER; there it has 64 bits too.
number = BigInteger().with_variant(Integer(), "sqlite")


def key(name: str = "id") -> Column[str]:
    """A primary key of text."""
    return Column(name, Text, primary_key=True)


def text(name: str, *, optional: bool = False) -> Column[str]:
    """Text; JSON is text too."""
    return Column(name, Text, nullable=optional)


def whole(name: str, *, optional: bool = False) -> Column[int]:
    """A whole number: a time (`…_ms`), a count (`…_count`), a size (`…_bytes`), an entry."""
    return Column(name, BigInteger, nullable=optional)


def of(name: str, target: str, *, optional: bool = False, **options: Any) -> Column[str]:  # noqa: ANN401  SQLAlchemy's own
    """A reference to `target`, written table.column."""
    return Column(name, Text, ForeignKey(target), nullable=optional, **options)
