"""Opening a database: SQLite or PostgreSQL, and how much a commit promises.

A `durable` engine has every commit on the disk before it returns. Another one returns earlier, and loses on a
power cut what no later durable commit came after: both databases write one sequential journal, so the log
writer's durable commit carries all earlier ones with it. Services use that: their change waits for its entry
to be under a durable checkpoint anyway, so one flush serves many of them.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from halfdoor.core.errors import HalfdoorError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import URL, Connection
    from sqlalchemy.engine.interfaces import DBAPIConnection

BUSY_SECONDS = 30  # to wait for somebody who holds the database: then the statement fails, and says so
READS = {"halfdoor_reads": True}  # execution option of a connection that writes nothing


class DatabaseFailed(HalfdoorError):  # noqa: N818  a state, and the next one's turn to say why
    """A database could not be opened, read or written. Exit code 1."""

    exit_code = 1


def said(error: BaseException) -> str:
    """What went wrong, on one line: of a database's error, what the database said."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__}: {cause}".strip().partition("\n")[0]


def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database; None of another. Raises InputError `bad-database`."""
    parsed = _parsed(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


@contextmanager
def database_errors(url: str) -> Iterator[None]:
    """Errors of a database within the block become DatabaseFailed `database-failed`, with its place."""
    try:
        yield
    except Exception as error:
        if not _is_of_database(error):
            raise
        raise DatabaseFailed(
            "database-failed",
            f"the database cannot be used: {said(error)}",
            where=_without_password(url),
            remedy="is it there, may this user write to it, and does its disk have room?",
        ) from error


def _is_of_database(error: Exception) -> bool:
    """SQLAlchemy's errors, and those of the drivers where they are used without it (quick.py)."""
    of_postgresql = type(error).__module__.partition(".")[0] == "psycopg"  # which need not be installed
    return of_postgresql or isinstance(error, SQLAlchemyError | sqlite3.Error)


def open_engine(url: str, *, durable: bool) -> Engine:
    """An engine for `sqlite:///PATH` or `postgresql://…`. Nothing is connected to yet.

    Raises InputError `bad-database`.
    """
    parsed = _parsed(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        return _sqlite(parsed.set(drivername="sqlite"), durable=durable)
    if kind == "postgresql":
        commits = "on" if durable else "off"
        try:
            return create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                connect_args={
                    "options": f"-c synchronous_commit={commits} -c lock_timeout={BUSY_SECONDS}s",
                    "connect_timeout": BUSY_SECONDS,
                    "tcp_user_timeout": BUSY_SECONDS * 1000,  # a server that is gone is noticed
                },
                pool_pre_ping=True,
            )
        except (NoSuchModuleError, ModuleNotFoundError) as error:
            raise InputError(
                "no-driver",
                "the driver for PostgreSQL is not installed",
                remedy="pip install 'halfdoor[postgres]'",
            ) from error
    raise _bad(f"{kind!r} is neither sqlite nor postgresql", url)


def _sqlite(url: URL, *, durable: bool) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _: Any) -> None:  # noqa: ANN401  SQLAlchemy's own record
        connection.isolation_level = None  # sqlite3 begins nothing by itself
        cursor = connection.cursor()
        for pragma in (
            "journal_mode = WAL",
            f"synchronous = {'FULL' if durable else 'NORMAL'}",
            "wal_autocheckpoint = 20000",  # LogStore.tidy comes first
            "foreign_keys = ON",
            "secure_delete = ON",  # what is erased is overwritten
            "trusted_schema = OFF",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A plain BEGIN that turns to writing later fails with "database is locked" instead of waiting.
        reads = connection.get_execution_options().get("halfdoor_reads")
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise _bad("this is no database URL", url) from error


def _bad(message: str, url: str) -> InputError:
    remedy = "write sqlite:///path/to/file.db or postgresql://user@host/name"
    return InputError("bad-database", message, where=_without_password(url), remedy=remedy)


def _without_password(url: str) -> str:
    return url.rsplit("@", maxsplit=1)[-1]


def write_journal_back(engine: Engine, *, whole: bool) -> None:
    """Bring what SQLite's journal holds into the database file: beside whoever uses it, or waiting for them.

    Where somebody reads on, some of it stays for the next time.
    """
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            cursor = connection.connection.cursor()  # outside a transaction, as SQLite asks
            cursor.execute(f"PRAGMA wal_checkpoint({'FULL' if whole else 'PASSIVE'})")
            cursor.close()
