"""The log: its head, its leaves, what waits, what commitments stand for."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, Table, Text

from halfdoor.store.tables.base import metadata, number

# What a bundle can hold (core.log.tiles.ENTRY_BYTES_MAX): a longer entry could never be published.
_FITS = "length(entry) <= 65535"

# One row: how far the log has come, and who may write on. Locked by every write.
log_head = Table(
    "log_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("peaks", LargeBinary, nullable=False),  # 32 bytes each, the widest subtree first
    Column("checkpoint", LargeBinary, nullable=False),  # the signed note
    Column("epoch", BigInteger, nullable=False),  # counts the writers that there were
    Column("holder", Text),  # the writer, where there is one
    Column("lease_until_ms", BigInteger, nullable=False),  # POSIX milliseconds
    CheckConstraint("id = 1", name="one_row"),
)

# The entries. Triggers refuse every change but adding.
log_leaf = Table(
    "log_leaf",
    metadata,
    Column("position", number, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),
    Column("pending", BigInteger),  # the number under which it waited, where it did
    CheckConstraint(_FITS, name="entry_length"),
)
Index(
    "uq_log_leaf_pending",
    log_leaf.c.pending,
    unique=True,
    sqlite_where=log_leaf.c.pending.is_not(None),
    postgresql_where=log_leaf.c.pending.is_not(None),
)

# Entries whose change is stored, on their way into the tree. Numbers are never used twice.
log_pending = Table(
    "log_pending",
    metadata,
    Column("number", number, primary_key=True),
    Column("entry", LargeBinary, nullable=False),
    CheckConstraint(_FITS, name="entry_length"),
    sqlite_autoincrement=True,
)

# What commitments stand for, until it is erased.
log_opening = Table(
    "log_opening",
    metadata,
    Column("commitment", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("salt", Text, nullable=False),
    Column("value", Text, nullable=False),  # JSON
)
