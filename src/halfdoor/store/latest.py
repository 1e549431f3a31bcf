"""The second place of the newest checkpoint, as a small database of its own (ports.LatestCheckpoint).

Any database will do, best on another disk or machine than the log's own. A compare-and-swap is one UPDATE
that names what must stand there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import Column, LargeBinary, MetaData, Table, Text, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from halfdoor.store.engine import READS, write_journal_back
from halfdoor.store.quick import Quick

if TYPE_CHECKING:
    from sqlalchemy import Engine

metadata = MetaData()
latest = Table(
    "latest_checkpoint",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("checkpoint", LargeBinary, nullable=False),
)

_SWAP = (
    update(latest)
    .where(latest.c.origin == bindparam("of_origin"), latest.c.checkpoint == bindparam("old"))
    .values(checkpoint=bindparam("new"))
)


class LatestStore:
    """Keeps the contract of `LatestCheckpoint` over a durable engine."""

    def __init__(self, engine: Engine) -> None:
        """`engine`: durable. The table is made where there is none."""
        self.engine = engine
        with engine.connect().execution_options(**READS) as connection:
            there = engine.dialect.has_table(connection, latest.name)
        if not there:
            metadata.create_all(engine)
        self._quick = Quick(engine)
        self._swap = self._quick.statement(_SWAP)

    def load(self, origin: str) -> bytes | None:
        """As the port says."""
        query = select(latest.c.checkpoint).where(latest.c.origin == origin)
        with self.engine.connect().execution_options(**READS) as connection:
            found = connection.execute(query).scalar_one_or_none()
        return found if isinstance(found, bytes) else None if found is None else b"not a checkpoint"

    def tidy(self) -> None:
        """As LogStore.tidy does, whole."""
        write_journal_back(self.engine, whole=True)

    def close(self) -> None:
        """Let every connection go."""
        self._quick.close()
        self.engine.dispose()

    def swap(self, origin: str, old: bytes | None, new: bytes) -> bool:
        """As the port says."""
        if old is None:
            try:
                with self.engine.begin() as connection:
                    connection.execute(insert(latest).values(origin=origin, checkpoint=new))
            except IntegrityError:
                return False
            return True
        with self._quick.transaction() as cursor:
            return self._swap.run(cursor, {"of_origin": origin, "old": old, "new": new}) == 1
