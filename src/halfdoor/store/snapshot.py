"""A copy of an SQLite database as it is at one moment, while others read and write it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote

from halfdoor.store.engine import BUSY_SECONDS

if TYPE_CHECKING:
    from pathlib import Path


def snapshot(database: Path, to: Path) -> None:
    """Copy it into a new file that its owner alone may read; whole and durable on return.

    Raises sqlite3.Error, OSError; then what was written so far is left to the caller.
    """
    os.close(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    source = f"file:{quote(str(database))}?mode=rw"  # readers of a journal note themselves beside it
    with (
        closing(sqlite3.connect(source, uri=True, timeout=BUSY_SECONDS)) as old,
        closing(sqlite3.connect(to, timeout=BUSY_SECONDS)) as new,
    ):
        old.backup(new)  # in one step: SQLite would begin again with each write in between
        new.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
    descriptor = os.open(to, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
