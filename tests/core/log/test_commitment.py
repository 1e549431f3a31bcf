"""Commitments: checkable while the salt is there, meaningless without it."""

import hashlib
import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.errors import VerificationError
from halfdoor.core.log.commitment import Opening, opened, verify_opening

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["identity", "purpose"]), JSON, st.binary(min_size=32, max_size=32))
def test_a_stranger_computes_the_same_commitment(name, value, salt):
    opening = opened(name, value, salt)
    text = rfc8785.dumps([name, salt.hex(), value])
    assert opening.commitment() == f"sha256:{hashlib.sha256(text).hexdigest()}"
    verify_opening(opening, opening.commitment())
    verify_opening(Opening(name, salt.hex(), json.loads(json.dumps(value))), opening.commitment())


@pytest.mark.parametrize(
    "other",
    [
        Opening("purpose", "00" * 32, "Jane Doe"),
        Opening("identity", "01" + "00" * 31, "Jane Doe"),
        Opening("identity", "00" * 32, "Jane Do"),
    ],
)
def test_another_name_salt_or_value_is_refused(other):
    commitment = opened("identity", "Jane Doe", bytes(32)).commitment()
    with pytest.raises(VerificationError):
        verify_opening(other, commitment)


def test_the_same_value_under_another_salt_has_nothing_in_common():
    first, second = (opened("identity", "Jane Doe", bytes([n]) * 32).commitment() for n in (1, 2))
    assert first != second


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_salt_has_32_bytes(length):
    with pytest.raises(ValueError, match="32 bytes"):
        opened("identity", "Jane Doe", bytes(length))
