"""Hostile bytes for what reads keys and data tiles: a refusal with a code, never a surprise."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.static_ct import decode_data_tile
from halfdoor.core.log.trust import joined, read_trust
from logs import new_key

KEYS = [new_key(name) for name in ("a.example.org", "b.example.org")]
TEXT = "".join(f"{key.verifier}\n" for key in KEYS).encode()


@given(
    st.binary(max_size=300)
    | st.text(max_size=200).map(str.encode)
    | st.integers(0, 400).map(lambda n: TEXT[:n])
)
def test_a_file_of_keys_is_read_or_refused(data):
    refused = ""
    try:
        assert read_trust(data, where="keys")
    except InputError as error:
        refused = error.code
    assert refused in {"", "bad-key"}


@given(st.binary(max_size=400), st.integers(1, 256))
def test_a_data_tile_is_decoded_or_refused(data, width):
    refused = ""
    try:
        assert len(decode_data_tile(data, width)) == width
    except VerificationError as error:
        refused = error.code
    assert refused in {"", "bad-bundle"}


def test_files_of_keys_are_joined_and_each_key_is_for_its_own_log():
    trust = joined([read_trust(TEXT), read_trust(TEXT), KEYS[0].trust])
    assert trust.keys == tuple(key.verifier for key in KEYS)
    assert trust.of("a.example.org") == (KEYS[0].verifier,)
    assert trust.of("another name") == trust.keys
    assert not joined([])
