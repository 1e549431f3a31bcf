"""Canonical JSON on conformance data that others wrote, and the JSON that is too ambiguous for it.

The data are those of cyberphone/json-canonicalization (Apache-2.0).
"""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.canonical import DEPTH_MAX, INTEGER_MAX, canonical_json, parse_json
from halfdoor.core.errors import InputError

VECTORS = os.environ.get("HALFDOOR_VECTORS")
FOLDER = Path(VECTORS or "") / "jcs"
CASES = sorted(FOLDER.glob("input/*.json")) if VECTORS else []

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
scalars = (
    st.none()
    | st.booleans()
    | texts
    | st.integers(-INTEGER_MAX, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not INTEGER_MAX < abs(x) < 1e21)
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner))


def refused(data):
    with pytest.raises(InputError) as error:
        parse_json(data if isinstance(data, bytes) else data.encode())
    return error.value.code == "bad-json"


@pytest.mark.skipif(not VECTORS, reason="HALFDOOR_VECTORS is not set: the conformance data was not tried")
def test_there_are_as_many_cases_as_were_published():
    assert len(CASES) == 6


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_published_case(path):
    assert canonical_json(parse_json(path.read_bytes())) == (FOLDER / "output" / path.name).read_bytes()


@given(values)
def test_what_is_written_canonically_is_read_again_and_has_one_form(value):
    data = canonical_json(value)
    assert parse_json(data) == value
    assert canonical_json(parse_json(data)) == data
    assert canonical_json(parse_json(json.dumps(value, indent=2).encode())) == data


@pytest.mark.parametrize(
    "data",
    [
        '{"a": 1, "a": 1}',
        '{"a": 1, "b": {"c": [{"d": 1, "e": 2, "d": 3}]}}',
        r'{"a": 1, "\u0061": 2}',
        '{"": 1, "": 2}',
    ],
)
def test_a_key_given_twice_is_refused(data):
    assert refused(data)


@pytest.mark.parametrize(
    "data",
    [
        "NaN",
        "Infinity",
        '{"a": -Infinity}',
        "1e999",
        "[-1e999]",
        "9007199254740992",
        "[-9007199254740992]",
        "1" + "0" * 5000,
        "9007199254740992.0",
        "1e20",
        "-1e17",
    ],
)
def test_a_number_that_readers_may_take_differently_is_refused(data):
    assert refused(data)


def test_integers_go_as_far_as_doubles_hold_them_all():
    assert INTEGER_MAX == 2**53 - 1
    assert parse_json(b"[9007199254740991, -9007199254740991]") == [INTEGER_MAX, -INTEGER_MAX]
    assert canonical_json(parse_json(b"[1e21, 0.1, -0, -0.0, 1.0]")) == b"[1e+21,0.1,0,0,1]"


@pytest.mark.parametrize(
    "data",
    [
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\xc0\x80"',
        b'\xef\xbb\xbf"a byte-order mark"',
        '"a"'.encode("utf-16"),
        '"a"'.encode("utf-32-le"),
        b'"\\ud800"',
        b'{"\\udc00": 1}',
        b'["\\ude00\\ud83d"]',
    ],
)
def test_text_that_is_not_utf_8_is_refused(data):
    assert refused(data)


def test_a_whole_surrogate_pair_is_one_character():
    assert parse_json(rb'"\ud83d\ude00"') == "\U0001f600"


@pytest.mark.parametrize(
    "data",
    [
        "",
        " ",
        "{",
        '{"a"}',
        "[1,]",
        '{"a": 1,}',
        "1 2",
        "{} {}",
        "01",
        "+1",
        ".5",
        "1.",
        "0x10",
        "'a'",
        "nul",
        "True",
        "// a comment\n1",
        '"a\nb"',
        '"\x00"',
        '"\\x41"',
        "[1\u00a0]",
    ],
)
def test_what_is_no_json_is_refused(data):
    assert refused(data)


@pytest.mark.parametrize(("left", "right"), [("[", "]"), ('{"a":', "}")])
def test_nesting_has_an_end(left, right):
    def nested(depth, inside):
        return left * depth + inside + right * depth

    for inside in ("[]", "1") if left == "[" else ("{}", "1"):
        deep = DEPTH_MAX - (inside != "1")
        assert parse_json(nested(deep, inside).encode())
        assert refused(nested(deep + 1, inside))
    assert refused(nested(100_000, "1"))
    assert refused(left * 100_000)


def test_breadth_has_none():
    assert len(parse_json(b"[" + b"[]," * 50_000 + b"[]]")) == 50_001


@given(st.binary(max_size=60) | st.text('[]{}:,"\\u0e1-. NaItrf', max_size=30).map(str.encode))
def test_whatever_is_read_can_be_written(data):
    try:
        value = parse_json(data)
    except InputError:
        return
    assert canonical_json(parse_json(canonical_json(value))) == canonical_json(value)
