"""Entries: a closed set of events, one encoding each, nothing personal."""

import json
import string
from typing import get_args

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from entries import AT, events, issued
from halfdoor.core.errors import InputError
from halfdoor.core.log.entry import ENTRY, EVENTS, decode_entry, encode_entry, fault_of, is_entry
from halfdoor.core.log.events.access import GrantRevoked
from halfdoor.core.log.events.base import ALPHABET, PREFIXES, SCHEMA, new_id
from halfdoor.core.log.tiles import ENTRY_BYTES_MAX


@given(events())
@settings(max_examples=300, deadline=None)
def test_every_event_is_encoded_as_rfc_8785_asks_and_read_back(event):
    data = encode_entry(event)
    assert data == rfc8785.dumps(json.loads(data))
    assert decode_entry(data) == event
    assert is_entry(data)
    assert len(data) <= ENTRY_BYTES_MAX


def test_the_set_of_events_is_closed_and_named_area_subject_action():
    assert len(EVENTS) == len(get_args(ENTRY)) > 40
    for tag, kind in EVENTS.items():
        assert len(tag.split(":")) == 3
        assert set(tag) <= set(string.ascii_lowercase + ":-")
        assert kind.__doc__.strip()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"grant:issue", b"grant:give"),
        (b'"schema":"halfdoor/entry/1"', b'"schema":"halfdoor/entry/2"'),
        (b'{"at"', b'{ "at"'),
        (b'"group":"vetted"', b'"group":"vetted","group":"vetted"'),
        (b'"group":"vetted"', b'"group":"anyone","group":"vetted"'),
        (b'"group":"vetted"', b'"group":"vetted","note":"x"'),
        (b'"group":"vetted",', b""),
        (b'"group":"vetted"', b'"group":"vett\\u0065d"'),
        (b".456000Z", b".456Z"),
        (b".456000Z", b".456000+00:00"),
        (b"2026-11-28", b"2026-02-30"),
        (b'"commitments":{"identity"', b'"commitments":{"shoe-size"'),
    ],
)
def test_what_is_not_an_entry_has_a_fault(old, new):
    data = encode_entry(issued())
    assert old in data
    assert fault_of(data.replace(old, new, 1))
    with pytest.raises(InputError) as refusal:
        decode_entry(data.replace(old, new, 1))
    assert refusal.value.code == "bad-entry"


PERSONAL = [
    "Jane Doe",
    "jane.doe@example.org",
    "+44 20 7946 0000",
    "198.51.100.7",
    "per_jane",
    "per_janedoe0000000000000000000",
    "Étienne",
    "vetted\n",
    "",
]


def places(document):
    """Every field that holds a string, as the keys that lead to it."""
    for key, value in document.items():
        if isinstance(value, str):
            yield (key,)
        elif isinstance(value, dict):
            yield from ((key, inner) for inner in value)
        elif isinstance(value, list):
            yield (key, 0)


@pytest.mark.parametrize("text", PERSONAL)
def test_no_field_takes_a_name_an_address_or_a_number(text):
    """Invariant 8: nothing personal in a leaf."""
    document = json.loads(encode_entry(issued(application=new_id("app", 4))))
    tried = 0
    for path in places(document):
        changed = json.loads(json.dumps(document))
        *above, last = path
        at = changed
        for step in above:
            at = at[step]
        at[last] = text
        assert fault_of(rfc8785.dumps(changed)), path
        tried += 1
    assert tried > 8


@given(st.binary(max_size=300))
def test_bytes_that_are_no_entry_have_a_fault_and_nothing_worse(data):
    assert fault_of(data)


@given(st.text(max_size=40))
def test_free_text_never_gets_in(text):
    with pytest.raises(InputError):
        encode_entry(GrantRevoked(schema=SCHEMA, at=AT, grant=text, cause="holder"))


def test_an_entry_is_never_longer_than_a_bundle_can_hold():
    assert "longer" in fault_of(b" " * (ENTRY_BYTES_MAX + 1))
    longest = issued(items=tuple("a" * 100 + f"{n:04}:sampling" for n in range(64)))
    assert len(encode_entry(longest)) < ENTRY_BYTES_MAX / 4


def test_ids_are_random_alone():
    ids = {new_id("grt", n << 5 * place) for n in range(32) for place in range(26)}
    assert len(ids) == 1 + 31 * 26
    assert all(set(one.partition("_")[2]) <= set(ALPHABET) for one in ids)
    with pytest.raises(KeyError):
        new_id("xyz", 1)
    assert all(len(prefix) == 3 for prefix in PREFIXES)
