"""Bringing a database to the tables that this version expects, and refusing one that has others.

Alembic's batch mode would rebuild a table and drop its triggers, so the tables of the log are never altered
in a batch (tests/store checks that the triggers are there after every step).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.store.engine import READS

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, Engine

HEAD_REVISION = "0003"
_GROWS = frozenset({"log_leaf_no_update", "log_leaf_no_delete", "log_head_no_delete", "log_head_no_return"})
TRIGGERS = {
    "sqlite": _GROWS | {"log_leaf_no_replace", "log_head_no_replace"},
    "postgresql": _GROWS | {"log_leaf_no_truncate", "log_head_no_truncate"},
}
_FIND = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": (  # those of this schema that fire for everybody
        "SELECT tgname FROM pg_trigger "
        "WHERE NOT tgisinternal AND tgenabled IN ('O', 'A') AND pg_table_is_visible(tgrelid)"
    ),
}


def migrate(engine: Engine, revision: str = "head") -> None:
    """Bring the database to `revision`, step by step, each in a transaction."""
    from alembic import command  # noqa: PLC0415  slow, and needed once

    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)


def _config(connection: Connection) -> Config:
    from alembic.config import Config  # noqa: PLC0415  as above

    config = Config()
    config.set_main_option("script_location", "halfdoor.store:migrations")
    config.attributes["connection"] = connection
    return config


def check_schema(engine: Engine) -> None:
    """The database has this version's tables, and what keeps the log from being changed.

    Raises InputError `needs-migration`, VerificationError `triggers-missing`.
    """
    with engine.connect().execution_options(**READS) as connection:
        found = engine.dialect.has_table(connection, "alembic_version")
        version = (
            connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
            if found
            else None
        )
        if version != HEAD_REVISION:
            raise InputError(
                "needs-migration",
                f"the database is at {version or 'no version'}, this program needs {HEAD_REVISION}",
                remedy="stop what uses it, make a backup, then run: halfdoor home migrate --home DIR",
            )
        triggers = set(connection.execute(text(_FIND[engine.dialect.name])).scalars())
    if missing := TRIGGERS[engine.dialect.name] - triggers:
        raise VerificationError(
            "triggers-missing",
            f"the database lacks what keeps log entries from being changed: {', '.join(sorted(missing))}",
            remedy="find out who took it away; run `halfdoor home check --home DIR` before anything else",
        )
