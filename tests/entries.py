"""Events for tests: one grant, and whatever the schema allows."""

import datetime as dt
from typing import get_args

import msgspec
from hypothesis import strategies as st

from halfdoor.core.log.entry import ENTRY
from halfdoor.core.log.events.access import GrantIssued
from halfdoor.core.log.events.base import PREFIXES, SCHEMA, new_id

AT = dt.datetime(2026, 11, 28, 1, 2, 3, 456000, tzinfo=dt.UTC)


def issued(**changes):
    fields = {
        "schema": SCHEMA,
        "at": AT,
        "by": new_id("per", 1),
        "grant": new_id("grt", 2),
        "holder": new_id("per", 4),
        "version": new_id("ver", 3),
        "group": "vetted",
        "items": ("base:final-parameters",),
        "until": AT + dt.timedelta(days=30),
        "commitments": {"identity": "sha256:" + "0" * 64},
    }
    return GrantIssued(**{**fields, **changes})


def values(node):  # noqa: PLR0911  one for each type
    """Whatever a field of this type may hold, as msgspec describes it, patterns included."""
    match node:
        case msgspec.inspect.UnionType(types=types):
            return st.one_of(*map(values, types))
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.LiteralType(values=allowed):
            return st.sampled_from(allowed)
        case msgspec.inspect.IntType(ge=low, le=high):
            return st.integers(low, high)
        case msgspec.inspect.DateTimeType():
            return st.integers(0, 2**47).map(lambda n: dt.datetime.fromtimestamp(n / 1000, dt.UTC))
        case msgspec.inspect.DateType():
            return st.dates(dt.date(1970, 1, 1))
        case msgspec.inspect.VarTupleType(item_type=item, min_length=low, max_length=high):
            return st.lists(values(item), min_size=low or 0, max_size=min(high, 5)).map(tuple)
        case msgspec.inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(values(key), values(value))
        case msgspec.inspect.StrType(pattern=pattern, max_length=length) if pattern:
            if pattern[1:4] in PREFIXES:
                return st.integers(0, 2**130 - 1).map(lambda number: new_id(pattern[1:4], number))
            if pattern.startswith("^sha256"):
                return st.integers(0, 2**256 - 1).map(lambda number: f"sha256:{number:064x}")
            return st.from_regex(pattern).filter(lambda text: len(text) <= length and "\n" not in text)
    raise AssertionError(node)


@st.composite
def events(draw):
    kind = draw(st.sampled_from(get_args(ENTRY)))
    described = msgspec.inspect.type_info(kind)
    fields = {f.name: draw(values(f.type)) for f in described.fields if f.required or draw(st.booleans())}
    return kind(**fields)
