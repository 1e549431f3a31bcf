"""Strict TOML: bytes in, a typed document out, errors that name the key, the file and the line."""

from __future__ import annotations

import functools
import re
import tomllib
from typing import TYPE_CHECKING, TypeVar

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.ids import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

T = TypeVar("T")
BYTES_MAX = 4 * 1024 * 1024
DEPTH_MAX = 32

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""\s*("[^"]*"|'[^']*'|[A-Za-z0-9_-]+)\s*(?:\.[^=]*)?=""")
_AT = re.compile(r" - at `\$?([^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`")
_TOML_LINE = re.compile(r"line (\d+)")


def read_toml(path: Path, kind: type[T]) -> T:
    """Read a document of type `kind` from a file.

    Raises InputError: `not-found`, `too-large`, `not-text`, `bad-toml`, `unknown-key`, `missing-key` or
    `bad-value`.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(BYTES_MAX + 1)
    except OSError as error:
        raise InputError(
            "not-found", f"cannot read it: {error.strerror}", where=str(path), remedy="check the path"
        ) from error
    return parse_toml(data, kind, str(path))


def parse_toml(data: bytes, kind: type[T], name: str) -> T:
    """As `read_toml`, from bytes; `name` stands in errors."""
    if len(data) > BYTES_MAX:
        raise InputError("too-large", f"more than {BYTES_MAX} bytes", where=name, remedy="split the document")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("not-text", "not UTF-8 text", where=name, remedy="save the file as UTF-8") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = _TOML_LINE.search(str(error))
        where = f"{name}:{line[1]}" if line else name
        raise InputError("bad-toml", str(error), where=where, remedy="see https://toml.io") from error
    except (RecursionError, ValueError) as error:
        raise InputError("bad-toml", "nested too deeply or a number too long", where=name) from error
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        raise _explain(str(error), text, kind, name) from error


def _explain(message: str, text: str, kind: type, name: str) -> InputError:
    """Turn msgspec's message into code, place and remedy."""
    at = _AT.search(message)
    path = at[1].lstrip(".") if at else ""
    message = message[: at.start()] if at else message
    unknown = _UNKNOWN.match(message)
    key = f"{path}.{unknown[1]}" if unknown and path else unknown[1] if unknown else path
    line = line_of(text, key)
    where = f"{name}:{line}, {key}" if line else f"{name}, {key}" if key else name
    if unknown:
        known = _fields_at(kind, path)
        remedy = did_you_mean(unknown[1], known) if known else ""
        return InputError("unknown-key", f"unknown key {unknown[1]!r}", where=where, remedy=remedy)
    if "missing required field" in message:
        missing = message.rsplit("`", 2)[-2]
        return InputError(
            "missing-key", f"the key {missing!r} is missing", where=where, remedy=f"add {missing} = …"
        )
    return InputError("bad-value", message[:1].lower() + message[1:], where=where, remedy="correct the value")


def line_of(text: str, key: str) -> int | None:
    """The line (from 1) where `item[2].group` stands; else of the nearest table around it."""
    lines = _lines(text)
    while key:
        if key in lines:
            return lines[key]
        key = re.sub(r"(\.[^.\[\]]+|\[[^\]]*\]|^[^.\[\]]+)$", "", key)
    return None


@functools.lru_cache(maxsize=2)  # asked for each problem of a document in turn
def _lines(text: str) -> dict[str, int]:
    """Key path -> line, by reading headers and keys in order. Good enough to point with."""
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = _HEADER.match(line)
        if header:
            table = ""
            parts = [part.strip(" \"'") for part in header[2].split(".")]
            for i, part in enumerate(parts):
                table = f"{table}.{part}" if table else part
                last = i == len(parts) - 1
                if last and header[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                if table in counts:
                    table = f"{table}[{counts[table]}]"
            lines.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key:
            name = key[1].strip("\"'")
            lines.setdefault(f"{table}.{name}" if table else name, number)
    return lines


def _fields_at(kind: type, path: str) -> list[str]:
    """The field names allowed at a path of the document."""
    node: msgspec.inspect.Type | None = msgspec.inspect.type_info(kind)
    for part in re.findall(r"[^.\[\]]+|\[[^\]]*\]", path):
        node = _step(node, part) if node is not None else None
    struct = _struct(node) if node is not None else None
    return [field.encode_name for field in struct.fields] if struct else []


def _step(node: msgspec.inspect.Type, part: str) -> msgspec.inspect.Type | None:
    if part.startswith("["):
        for option in _options(node):
            if isinstance(option, msgspec.inspect.VarTupleType | msgspec.inspect.ListType):
                return option.item_type
            if isinstance(option, msgspec.inspect.DictType):
                return option.value_type
        return None
    struct = _struct(node)
    return next((f.type for f in struct.fields if f.encode_name == part), None) if struct else None


def _options(node: msgspec.inspect.Type) -> tuple[msgspec.inspect.Type, ...]:
    return tuple(node.types) if isinstance(node, msgspec.inspect.UnionType) else (node,)


def _struct(node: msgspec.inspect.Type) -> msgspec.inspect.StructType | None:
    return next((o for o in _options(node) if isinstance(o, msgspec.inspect.StructType)), None)
