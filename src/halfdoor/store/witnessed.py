"""What a witness has seen: for each log the tree that it cosigned last. It goes forward only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, Table, Text, insert, select, update
from sqlalchemy.exc import IntegrityError

from halfdoor.core.log.witnessing import NOTHING_SEEN, Seen
from halfdoor.store.engine import READS

if TYPE_CHECKING:
    from sqlalchemy import Engine

metadata = MetaData()
witnessed = Table(
    "witnessed",
    metadata,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("checkpoint", LargeBinary, nullable=False),
)


class WitnessedStore:
    """The trees seen, over a durable engine. Safe for threads."""

    def __init__(self, engine: Engine) -> None:
        """`engine`: durable. The table is made where there is none."""
        self._engine = engine
        metadata.create_all(engine)

    def seen(self, origin: str) -> Seen:
        """The tree of this log that was cosigned last; the empty one where none was."""
        query = select(witnessed.c.size, witnessed.c.root).where(witnessed.c.origin == origin)
        with self._engine.connect().execution_options(**READS) as connection:
            found = connection.execute(query).one_or_none()
        return NOTHING_SEEN if found is None else Seen(found.size, bytes(found.root))

    def advance(self, origin: str, old: Seen, new: Seen, checkpoint: bytes) -> bool:
        """Put `new` where `old` stands, durable on return. False, and nothing changed, where another stands.

        checkpoint: the signed note that says so, kept as evidence
        """
        values = {"size": new.size, "root": new.root, "checkpoint": checkpoint}
        step = (
            update(witnessed)
            .where(witnessed.c.origin == origin, witnessed.c.size == old.size, witnessed.c.root == old.root)
            .values(**values)
        )
        with self._engine.begin() as connection:
            if connection.execute(step).rowcount == 1:
                return True
        if old != NOTHING_SEEN:
            return False
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(witnessed).values(origin=origin, **values))
        except IntegrityError:
            return False
        return True

    def checkpoint(self, origin: str) -> bytes | None:
        """The signed note of the tree that was cosigned last, as the log sent it."""
        query = select(witnessed.c.checkpoint).where(witnessed.c.origin == origin)
        with self._engine.connect().execution_options(**READS) as connection:
            found = connection.execute(query).scalar_one_or_none()
        return None if found is None else bytes(found)

    def close(self) -> None:
        """Let the database go."""
        self._engine.dispose()
