"""A new home, whole: folder, keys, settings, database, and a log with its first entry."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING

from halfdoor.adapters.clock import SystemClock
from halfdoor.bootstrap.log import begin_log, keys_event, log_store, writing
from halfdoor.services.home import prepare_home
from halfdoor.services.log.append import append_now, composed

if TYPE_CHECKING:
    from pathlib import Path

    from halfdoor.core.log.events.base import Event
    from halfdoor.services.home import Home


def make_home(
    folder: Path, origin: str, *, database: str | None, latest: str | None, secret: bytes | None
) -> Home:
    """Make it. As services.home.prepare_home; raises what that and begin_log raise."""
    home = prepare_home(folder, origin, database=database, latest=latest, secret=secret)
    begin_log(home)
    append_keys(home)
    return home


def append_keys(home: Home) -> None:
    """Have the log told of the newest keys."""
    append_event(home, keys_event(home, SystemClock().now()))


def append_event(home: Home, event: Event) -> None:
    """Have the log told of something that has no row in the tables."""
    with closing(log_store(home)) as store:
        append_now([composed(event, {}, os.urandom)], store, lambda: writing(home))
