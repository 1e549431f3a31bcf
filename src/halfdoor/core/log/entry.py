"""An entry of the log as bytes: the canonical JSON (RFC 8785) of one of the events, at most 65,535 bytes.

The closed set of events, their fields and what these may hold are in events/; docs/reference/log-events.md
is written from them. An entry has one encoding, so a key that stands twice, a space or another order of keys
is a fault, as is every event and field that is not known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.log.events.access import ACCESS
from halfdoor.core.log.events.openness import OPENNESS
from halfdoor.core.log.events.oversight import OVERSIGHT
from halfdoor.core.log.shape import Shapes
from halfdoor.core.log.tiles import ENTRY_BYTES_MAX

if TYPE_CHECKING:
    from halfdoor.core.log.events.base import Event

ENTRY = OPENNESS | ACCESS | OVERSIGHT
EVENTS: dict[str, type[Event]] = {
    str(kind.__struct_config__.tag): kind for kind in sorted(get_args(ENTRY), key=str)
}
_FAMILY = b'"schema":"halfdoor/entry/'

# Keys in order, no spaces: for the values that events may hold this is RFC 8785, and some sixty times as fast
# as the library (tests/core/log/test_entry.py compares the two).
_encoder = msgspec.json.Encoder(order="sorted")
_shapes = Shapes(EVENTS)
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(ENTRY)


def encode_entry(event: Event) -> bytes:
    """The entry's bytes. Raises InputError `bad-entry` where a field holds what it may not."""
    data = _encoder.encode(event)
    fault = fault_of(data)
    if fault:
        raise InputError("bad-entry", fault, where=str(type(event).__struct_config__.tag))
    return data


def decode_entry(data: bytes) -> Event:
    """The event. Raises InputError `bad-entry`."""
    fault = fault_of(data)
    if fault:
        raise InputError("bad-entry", fault, remedy="see docs/reference/log-events.md")
    event: Event = _decoder.decode(data)
    return event


def fault_of(data: bytes) -> str:
    """What is wrong with an entry, as one sentence without a full stop; empty where nothing is."""
    if _shapes.fits(data) and len(data) <= ENTRY_BYTES_MAX:
        return ""
    if len(data) > ENTRY_BYTES_MAX:
        return f"the entry is longer than {ENTRY_BYTES_MAX:,} bytes"
    try:
        event = _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return f"the entry does not fit its schema: {error}"
    if _encoder.encode(event) != data:
        return "the entry is not in its canonical form (RFC 8785), or holds a key twice"
    return ""


def is_entry(data: bytes) -> bool:
    """True where bytes claim to be an entry of a log of Halfdoor's, of whatever version."""
    return data[:1] == b"{" and _FAMILY in data
