"""Entries told by their shape: one pattern over the bytes of each event, made from its fields.

An auditor reads millions of entries. A pattern says in one step what decoding, checking each field and
encoding again say in many: that these bytes are the one encoding of an event. It says yes only where those
would; where it does not, they decide (a leap day, say, and every fault). tests/core/log/test_shape.py holds
the two against each other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec
from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_TAG = b'"event":"'
# Every day but the 29th of February, which only a calendar knows.
_DAY = (
    r"(?!0000)\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)"
    r"|(?:0[13578]|1[02])-31)"
)
_TIME = _DAY + r"T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.(?!000000)\d{6})?Z"
_NUMBER = r"(?:0|[1-9]\d{0,14})"


class Shapes:
    """The shapes of a closed set of events."""

    def __init__(self, events: Mapping[str, type[msgspec.Struct]]) -> None:
        """`events`: tag -> its struct, of fields that this module knows."""
        self._patterns = {tag.encode(): _pattern(kind) for tag, kind in events.items()}

    def fits(self, data: bytes) -> bool:
        """True where these bytes certainly are an entry; False where it takes a closer look."""
        at = data.find(_TAG) + len(_TAG)
        pattern = self._patterns.get(data[at : data.find(b'"', at)])
        return pattern is not None and pattern.fullmatch(data) is not None


def _pattern(kind: type[msgspec.Struct]) -> re.Pattern[bytes]:
    described = inspect.type_info(kind)
    if not isinstance(described, inspect.StructType):
        raise TypeError(f"{kind} is no struct")
    members = [(field.encode_name, _value(field.type), field.required) for field in described.fields]
    members.append((str(described.tag_field), _quoted(re.escape(str(described.tag))), True))
    return re.compile(_object(members).encode("ascii"), re.ASCII)


def _object(members: Iterable[tuple[str, str, bool]]) -> str:
    """Members in the order of their names, a comma between those that are there; at least one."""
    ordered = [(f'"{re.escape(name)}":{value}', required) for name, value, required in sorted(members)]
    first = next((at for at, (_, required) in enumerate(ordered) if required), None)
    if first is None:
        return "{(?!})" + "".join(f"(?:{member}(?:,(?!}})|(?=}})))?" for member, _ in ordered) + "}"
    before = "".join(f"(?:{member},)?" for member, _ in ordered[:first])
    after = "".join(
        f",{member}" if required else f"(?:,{member})?" for member, required in ordered[first + 1 :]
    )
    return f"{{{before}{ordered[first][0]}{after}}}"


def _value(node: inspect.Type) -> str:
    match node:
        case inspect.UnionType(types=types):
            return "|".join(_value(one) for one in types if not isinstance(one, inspect.NoneType))
        case inspect.LiteralType(values=allowed):
            return _quoted("(?:" + "|".join(re.escape(str(one)) for one in allowed) + ")")
        case inspect.IntType():
            return _NUMBER
        case inspect.DateTimeType():
            return _quoted(_TIME)
        case inspect.DateType():
            return _quoted(_DAY)
        case inspect.VarTupleType(item_type=item, min_length=least, max_length=most):
            one = _value(item)
            return rf"\[{one}(?:,{one}){{{(least or 1) - 1},{(most or 1) - 1}}}\]"
        case inspect.DictType(key_type=inspect.LiteralType(values=names), value_type=value):
            return _object([(str(name), _value(value), False) for name in names])
        case inspect.StrType(pattern=str(pattern), max_length=int(most)):
            inner = pattern.removeprefix("^").removesuffix("$").removesuffix(r"(?!\n)")
            has_one_length = "*" not in inner and "+" not in inner
            return _quoted(f"(?:{inner})" if has_one_length else rf'(?=[^"]{{1,{most}}}")(?:{inner})')
    raise TypeError(f"no shape for {node}")


def _quoted(inner: str) -> str:
    return f'"{inner}"'
