"""The shape of an entry says yes only where decoding and encoding again would."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entries import events, issued
from halfdoor.core.log import entry as entries
from halfdoor.core.log.entry import EVENTS, encode_entry
from halfdoor.core.log.shape import Shapes

SHAPES = Shapes(EVENTS)


def slow_fault(data):
    """What `fault_of` says without the shortcut."""
    try:
        event = entries._decoder.decode(data)
    except ValueError as error:  # msgspec's and Unicode's
        return str(error)
    return "" if entries._encoder.encode(event) == data else "another encoding"


@given(events())
@settings(max_examples=300, deadline=None)
def test_every_event_has_its_shape_but_for_leap_days(event):
    data = encode_entry(event)
    assert slow_fault(data) == ""
    assert SHAPES.fits(data) or b"-02-29" in data or re.search(rb"[:,\[]\d{16}", data)


@given(events(), st.data())
@settings(max_examples=400, deadline=None)
def test_a_changed_entry_that_still_fits_is_an_entry(event, data):
    """Bytes changed, cut, doubled and swapped: where the shape says yes, the slow way does too."""
    text = bytearray(encode_entry(event))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        match data.draw(st.sampled_from(["change", "cut", "insert", "double"])):
            case "change":
                text[at] = data.draw(st.sampled_from(b'0129az:,."{}[]-TZ_ \\\n'))
            case "cut":
                del text[at : at + data.draw(st.integers(1, 20))]
            case "insert":
                text[at:at] = data.draw(st.sampled_from([b"0", b",", b'"', b"\n", b"{}", b"29", b".000000"]))
            case "double":
                text[at:at] = text[at : at + data.draw(st.integers(1, 60))]
        if not text:
            return
    if SHAPES.fits(bytes(text)):
        assert slow_fault(bytes(text)) == ""


@pytest.mark.parametrize(
    ("day", "fits"),
    [("2026-02-28", True), ("2024-02-29", False), ("2026-02-30", False), ("2026-04-31", False),
     ("2026-12-31", True), ("2026-04-30", True), ("0000-01-01", False), ("2026-13-01", False)],
)  # fmt: skip
def test_days_that_no_calendar_has_do_not_fit(day, fits):
    data = encode_entry(issued()).replace(b"2026-11-28", day.encode())
    assert SHAPES.fits(data) is fits
    if fits:
        assert slow_fault(data) == ""


@pytest.mark.parametrize("extra", [{"commitments": {}}, {"x": 1}, {"by": None}])
def test_what_the_encoding_leaves_out_does_not_fit(extra):
    document = json.loads(encode_entry(issued(by=None, commitments={})))
    assert SHAPES.fits(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())
    document |= extra
    assert not SHAPES.fits(json.dumps(document, sort_keys=True, separators=(",", ":")).encode())


def test_an_item_longer_than_its_field_does_not_fit():
    data = encode_entry(issued(items=("a" * 111 + ":sampling",)))
    assert SHAPES.fits(data)
    assert not SHAPES.fits(data.replace(b"aaa:", b"aaaa:"))
