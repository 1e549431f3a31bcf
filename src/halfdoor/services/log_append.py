"""Appending: an event becomes an entry, what is personal in it becomes commitments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.log.commitment import SALT_BYTES, Opening, opened
from halfdoor.core.log.entry import ENTRY, encode_entry
from halfdoor.core.log.events.base import SCHEMA
from halfdoor.store.log import New

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Mapping

    from halfdoor.core.log.events.base import Event


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


_REMEDY = "the events and their fields are listed in docs/reference/log-events.md"
