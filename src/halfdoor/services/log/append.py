"""Appending: an event becomes an entry, what is personal in it becomes commitments."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.log.commitment import SALT_BYTES, Opening, opened
from halfdoor.core.log.entry import ENTRY, encode_entry
from halfdoor.core.log.events.base import SCHEMA
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.log import WAITING_MAX, LeaseHeld, New, TooManyWaiting, add_waiting

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager

    from halfdoor.core.log.events.base import Event
    from halfdoor.services.log.writer import LogWriter
    from halfdoor.store.log import LogStore

_POLL_SECONDS = 0.02
_MARGIN_SECONDS = 0.1
_REMEDY = "the events and their fields are listed in docs/reference/log-events.md"


def composed(event: Event, private: Mapping[str, Any], random: Callable[[int], bytes]) -> New:
    """The entry of an event, with a commitment for each private value, each under a salt of its own.

    random: gives so many random bytes, as `os.urandom`
    Raises InputError `bad-entry`.
    """
    openings: list[Opening] = [opened(name, value, random(SALT_BYTES)) for name, value in private.items()]
    commitments: dict[str, str] = {one.name: one.commitment() for one in openings}
    for name, commitment in event.commitments.items():
        commitments.setdefault(name, commitment)
    entry = encode_entry(msgspec.structs.replace(event, commitments=commitments))
    return New(entry, tuple(openings))


def event_from(document: Any, now: dt.datetime) -> tuple[Event, dict[str, Any]]:  # noqa: ANN401  any JSON
    """An event that somebody wrote as JSON, and its private values (under `private`).

    `schema` and `at` may be left out. Raises InputError `bad-entry`.
    """
    if not isinstance(document, dict):
        raise InputError("bad-entry", "an event is a JSON object", remedy=_REMEDY)
    fields = {"schema": SCHEMA, "at": now, **document}
    private = fields.pop("private", {})
    if not isinstance(private, dict):
        raise InputError("bad-entry", "`private` is an object of names and values", remedy=_REMEDY)
    try:
        event: Event = msgspec.convert(fields, ENTRY)
    except msgspec.ValidationError as error:
        raise InputError("bad-entry", f"this is no event: {error}", remedy=_REMEDY) from error
    return event, private


class Appended(msgspec.Struct, frozen=True):
    """Entries that are durable, and where each stands. published: their checkpoint is; None: not known."""

    positions: list[int]
    published: bool | None = None


def append_now(
    news: list[New],
    store: LogStore,
    write: Callable[[], AbstractContextManager[LogWriter]],
    *,
    report: Callable[[str], None] = lambda _: None,
    seconds_max: float = 60.0,
) -> Appended:
    """Append as the writer where there is none, else leave it to the one there is; wait until it is durable.

    write:  becomes the writer (bootstrap.writing). On return what was written so is published too.
    report: told what is waited for
    Raises LogUnavailable `log-busy` where neither happens in time: the entries wait, and will be appended.
    """
    numbers: list[int] = []
    until = time.monotonic() + seconds_max
    while True:
        try:
            with write() as writer:
                if numbers:
                    found = _settled(numbers, store, until)
                else:
                    first = writer.submit(news).result()
                    found = Appended(list(range(first, first + len(news))))
            if found is not None:
                return Appended(found.positions, writer.published_size > max(found.positions))
        except LeaseHeld as held:
            if not numbers:
                report("another process writes this log; waiting for it")
                numbers = _wait_in_line(news, store)
            lapses = time.monotonic() + max(0.0, held.until_ms / 1000 - time.time()) + _MARGIN_SECONDS
            found = _settled(numbers, store, min(until, lapses))
            if found is not None:
                return found
        if time.monotonic() >= until:
            _raise_busy(len(news))


def _wait_in_line(news: list[New], store: LogStore) -> list[int]:
    """Store entries for whoever writes; their numbers. Raises LogUnavailable `log-busy`."""
    try:
        with store.engine.begin() as connection:
            return [add_waiting(connection, new) for new in news]
    except TooManyWaiting as error:
        message = f"{WAITING_MAX:,} entries wait already, and nobody takes them"
        remedy = "start what writes the log; nothing was stored"
        raise LogUnavailable("log-busy", message, remedy=remedy) from error


def _settled(numbers: list[int], store: LogStore, until: float) -> Appended | None:
    """Where entries that wait have come to stand, once all have; None at that moment."""
    while True:
        positions = [store.position_of(number) for number in numbers]
        known = [one for one in positions if one is not None]
        if len(known) == len(numbers):
            return Appended(known)
        if time.monotonic() >= until:
            return None
        time.sleep(_POLL_SECONDS)


def _raise_busy(count: int) -> NoReturn:
    raise LogUnavailable(
        "log-busy",
        f"{count} entries wait in the database, and the process that writes the log has not taken them yet",
        remedy="they are stored and will be appended; look again with `halfdoor log show`",
    )
