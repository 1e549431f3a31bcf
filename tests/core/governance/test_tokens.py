"""Secrets: recognised without a lookup, hashed without a trace."""

import hashlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.governance.tokens import INVITATION, looks_right, new_secret, secret_hash

RANDOM = st.binary(min_size=32, max_size=40)
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@given(RANDOM)
def test_a_new_secret_looks_right_and_only_as_what_it_is(random):
    secret = new_secret(random)
    assert secret.startswith("hd_")
    assert len(secret) == 39
    assert secret.isascii()
    assert looks_right(secret)
    assert not looks_right(secret, INVITATION)
    assert not looks_right(new_secret(random, INVITATION))


def test_a_secret_holds_at_least_160_bits():
    assert math.log2(62**30) > 160
    assert len({new_secret(number.to_bytes(32, "big")) for number in range(2000)}) == 2000


def test_too_little_randomness_makes_no_secret():
    with pytest.raises(ValueError):
        new_secret(b"x" * 31)


@given(RANDOM, st.integers(3, 38), st.sampled_from(ALPHABET))
def test_a_character_that_was_changed_is_noticed(random, place, character):
    secret = new_secret(random)
    other = secret[:place] + character + secret[place + 1 :]
    assert looks_right(other) == (other == secret)


@given(st.text(max_size=60))
def test_whatever_is_shown_can_be_hashed_and_seldom_looks_right(text):
    assert len(secret_hash(text)) == 32
    assert not looks_right(text)
    assert not looks_right("hd_" + text)


def test_half_a_surrogate_pair_is_hashed_too():
    assert len(secret_hash("hd_\ud800")) == 32


def test_a_hash_is_that_of_the_whole_token():
    secret = new_secret(bytes(range(32)))
    assert secret_hash(secret) == hashlib.sha256(secret.encode()).digest()
    assert secret_hash(secret + "\n") != secret_hash(secret)
    assert not looks_right(secret + "\n")
