"""A home's database moves: all of it into another one, and the settings say so from then on."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import msgspec

from halfdoor.bootstrap.log import latest_store, log_store, migrate_home
from halfdoor.core.errors import InputError, VerificationError
from halfdoor.services.home import Home, only_ours, write_settings
from halfdoor.store.copying import copy_all
from halfdoor.store.engine import database_errors, open_engine
from halfdoor.store.log import LeaseHeld

if TYPE_CHECKING:
    from collections.abc import Callable

MOVING_SECONDS = 24 * 3600  # the lease, so that nobody writes meanwhile; given up at the end


def move_home(home: Home, database: str, now_ms: int, advance: Callable[[int], object]) -> dict[str, int]:
    """Copy the database to `database`, and have the home use that one; table -> rows. The old one stays.

    now_ms: POSIX milliseconds
    Raises InputError `in-use` where a server runs, `same-database`, `not-empty`; DatabaseFailed;
    VerificationError `log-damaged` where the copy's log is not the one that the second store knows.
    """
    moved = Home(home.folder, msgspec.structs.replace(home.settings, database=database))
    url = moved.url(database)
    if url == home.url(home.settings.database):
        raise InputError("same-database", "the home uses this database already", where=database)
    with closing(log_store(home)) as store, database_errors(url):
        try:
            head = store.take_lease("moving", now_ms, now_ms + MOVING_SECONDS * 1000)
        except LeaseHeld as held:
            remedy = "stop it, wait some seconds, and try again"
            raise InputError("in-use", f"{held.holder} writes the log", remedy=remedy) from held
        try:
            only_ours(url)
            migrate_home(moved)
            target = open_engine(url, durable=True)
            try:
                counts = copy_all(store.engine, target, advance)
            finally:
                target.dispose()
            with closing(log_store(moved)) as copied, closing(latest_store(home)) as latest:
                if copied.head().checkpoint != latest.load(head.origin):
                    raise VerificationError(
                        "log-damaged",
                        "the log in the copy is not the one that the second store knows",
                        remedy="look the home over first: halfdoor home check",
                    )
                copied.give_up_lease(copied.head())
        finally:
            store.give_up_lease(head)
        write_settings(moved)
    return counts
