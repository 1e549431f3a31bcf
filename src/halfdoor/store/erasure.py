"""Destroying what commitments stand for, in every byte of the database's files that can be reached.

SQLite overwrites what is deleted (`secure_delete`), but not the copies of a row that it leaves in a page's
free space when it moves rows from page to page (tests/store/test_erasure.py finds them). So the rows that
stay are written anew: a table that is emptied is overwritten page by page. Then the journal is emptied too.
In PostgreSQL VACUUM FULL does the same; its own journal keeps old rows until it is recycled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from halfdoor.core.errors import HalfdoorError
from halfdoor.store.engine import BUSY_SECONDS
from halfdoor.store.tables import log_opening

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Engine

ERASED_AT_ONCE = 500
ERASE_SECONDS_MAX = float(BUSY_SECONDS)  # to wait for those who still read the old state


class NotErased(HalfdoorError):  # noqa: N818  a state: erasing again goes on
    """The rows are gone, but not yet every trace of them. Exit code 1."""

    exit_code = 1


def erase(engine: Engine, commitments: Sequence[str]) -> int:
    """Destroy what these commitments stand for; how many there were. Raises NotErased `still-read`.

    Also where there were none: so erasing again finishes what was interrupted.
    """
    with engine.begin() as connection:
        erased = 0
        for start in range(0, len(commitments), ERASED_AT_ONCE):
            some = commitments[start : start + ERASED_AT_ONCE]
            gone = connection.execute(delete(log_opening).where(log_opening.c.commitment.in_(some)))
            erased += gone.rowcount
        if engine.dialect.name == "sqlite":
            _write_anew(connection)
    if engine.dialect.name == "sqlite":
        _empty_journal(engine)
    else:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM (FULL) log_opening")
    return erased


def _write_anew(connection: Connection) -> None:
    stays = connection.execute(select(log_opening)).mappings().all()
    connection.execute(delete(log_opening))  # without a condition: every page is overwritten with zeroes
    if stays:
        connection.execute(insert(log_opening), [dict(row) for row in stays])


def _empty_journal(engine: Engine) -> None:
    with engine.connect() as connection:
        cursor = connection.connection.cursor()  # outside a transaction, as SQLite asks
        try:
            cursor.execute(f"PRAGMA busy_timeout = {int(ERASE_SECONDS_MAX * 1000)}")
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            blocked = [row[0] for row in cursor.fetchall()] != [0]
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
        finally:
            cursor.close()
    if blocked:
        raise NotErased(
            "still-read",
            "what was erased is gone from the database, but not from its journal: somebody still reads it",
            remedy="end long reading (a backup?), then erase the same again",
        )
