"""Canonical JSON (RFC 8785) and the digests built on it."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any

import msgspec
import rfc8785

from halfdoor.core.errors import InputError

INTEGER_MAX = 2**53 - 1  # beyond it, RFC 8785's numbers (IEEE 754 doubles) skip integers
_EXPONENT_MIN = 1e21  # from here on RFC 8785 writes an exponent; below, 1e20 would be written as an integer
DEPTH_MAX = 64


def sha256_bytes(data: bytes) -> str:
    """`sha256:` and the hexadecimal SHA-256 of `data`."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def canonical_json(value: Any) -> bytes:  # noqa: ANN401  any JSON-like value or struct
    """RFC 8785 bytes of a JSON-like value or msgspec struct (dates become strings, structs objects)."""
    return rfc8785.dumps(msgspec.to_builtins(value, str_keys=True, order="deterministic"))


def digest(value: Any) -> str:  # noqa: ANN401  as canonical_json
    """SHA-256 over the canonical JSON of `value`, as `sha256:…`."""
    return sha256_bytes(canonical_json(value))


def parse_json(data: bytes) -> Any:  # noqa: ANN401  any JSON value
    """The one value that these bytes mean to every reader, so that `canonical_json` can write it.

    Raises InputError `bad-json` for what readers may take differently: a key given twice, a number that a
    double does not hold (NaN, infinities, 1e999, integers beyond 2^53 - 1 and what RFC 8785 would write as
    one), half a surrogate pair, text that is not UTF-8, more than 64 levels.
    """
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_each_once,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_exact,
        )
        _check_depth(value)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # fails on half a surrogate pair
    except (ValueError, RecursionError) as error:
        message = f"this is no JSON that every reader understands alike: {error}"
        raise InputError("bad-json", message) from error
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has the same key twice")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number) or INTEGER_MAX < abs(number) < _EXPONENT_MIN:
        raise ValueError(f"{text[:30]} is a number that doubles do not hold exactly")
    return number


def _exact(text: str) -> int:
    number = int(text)
    if abs(number) > INTEGER_MAX:
        raise ValueError(f"{text[:30]} is beyond 2^53 - 1")
    return number


def _check_depth(value: Any) -> None:  # noqa: ANN401  any JSON value
    level = [value]
    for _ in range(DEPTH_MAX):
        values = (
            one.values() if isinstance(one, dict) else one for one in level if isinstance(one, dict | list)
        )
        level = [each for inside in values for each in inside if isinstance(each, dict | list)]
    if level:
        raise ValueError(f"it has more than {DEPTH_MAX} levels")
