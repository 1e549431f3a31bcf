"""Statements that run for every batch, straight on the driver: compiled once instead of each time.

The statements are the same SQLAlchemy ones for both databases; what is saved is most of a millisecond for
each commit, more than the flush to a quick disk takes.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import Engine
    from sqlalchemy.engine.interfaces import DBAPICursor
    from sqlalchemy.sql import ClauseElement


class Quick:
    """One connection of its own, for one thread, and the statements that it runs."""

    def __init__(self, engine: Engine) -> None:
        """Connects at the first transaction."""
        self._engine = engine
        self._sqlite = engine.dialect.name == "sqlite"
        self._connection: Any = None

    def statement(self, clause: ClauseElement, columns: Sequence[str] | None = None) -> Statement:
        """The statement, compiled for this database. `columns`: those that an INSERT fills."""
        compiled = clause.compile(dialect=self._engine.dialect, column_keys=columns)
        order = getattr(compiled, "positiontup", None)
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        return Statement(str(compiled), tuple(order) if order is not None else None, fixed)

    @contextmanager
    def transaction(self) -> Iterator[DBAPICursor]:
        """A cursor within a transaction that writes: committed at the end, taken back after an error.

        Raises sqlalchemy.exc.DBAPIError, as an engine's own connections do.
        """
        if self._connection is None:
            self._connection = self._engine.raw_connection()
        try:
            cursor: DBAPICursor = self._connection.cursor()
            if self._sqlite:
                cursor.execute("BEGIN IMMEDIATE")
            yield cursor
            self._connection.commit()
            cursor.close()
        except self._engine.dialect.loaded_dbapi.Error as error:
            self.close()
            raise DBAPIError(None, None, error) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the connection go; what was not committed is taken back."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()  # after an error nothing is known of it: never used again


class Statement:
    """SQL as the driver takes it, and the order in which it takes its values."""

    def __init__(self, sql: str, order: tuple[str, ...] | None, fixed: Mapping[str, Any]) -> None:
        self._sql = sql
        self._order = order
        self._fixed = fixed  # values that the statement itself names

    def run(self, cursor: DBAPICursor, values: Mapping[str, Any]) -> int:
        """Run it with these values; how many rows it touched."""
        cursor.execute(self._sql, self._placed({**self._fixed, **values}))
        return int(cursor.rowcount)

    def run_each(self, cursor: DBAPICursor, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for each row."""
        cursor.executemany(self._sql, [self._placed(row) for row in rows])

    def _placed(self, values: Mapping[str, Any]) -> Any:  # noqa: ANN401  as the driver asks
        return values if self._order is None else tuple([values[name] for name in self._order])
