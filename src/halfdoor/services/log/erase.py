"""Erasure: what a commitment stands for is destroyed, and the log stays whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.log.entry import decode_entry
from halfdoor.core.log.events.base import SCHEMA
from halfdoor.core.log.events.oversight import RecordErased
from halfdoor.services.log.append import append_now, composed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from typing import Literal

    from halfdoor.services.log.writer import LogWriter
    from halfdoor.store.log import LogStore


class Erased(msgspec.Struct, frozen=True):
    """How many private values are gone, and where the entry stands that says so."""

    count: int
    position: int


def erase(
    indices: Sequence[int],
    cause: Literal["order", "request", "retention"],
    *,
    store: LogStore,
    now: dt.datetime,
    random: Callable[[int], bytes],
    write: Callable[[], AbstractContextManager[LogWriter]],
) -> Erased:
    """Destroy salts and values of these entries, then have it logged.

    In this order: a person's right does not wait for the log. Erasing again is no mistake, so that whoever
    was interrupted between the two can do it again.
    Raises InputError `no-entry`, LogUnavailable where what was erased could not be logged.
    """
    size = store.head().frontier.size
    for index in indices:
        if not 0 <= index < size:
            raise InputError("no-entry", f"there is no entry {index}: the log has {size:,}")
    entries = [next(store.entries(index, index + 1)) for index in indices]
    commitments = [one for entry in entries for one in decode_entry(entry).commitments.values()]
    if not commitments:
        raise InputError("nothing-private", "these entries commit to nothing private")
    count = store.erase(commitments)
    event = RecordErased(schema=SCHEMA, at=now, entries=tuple(sorted(set(indices))), cause=cause)
    appended = append_now([composed(event, {}, random)], store, write)
    return Erased(count, appended.positions[0])
