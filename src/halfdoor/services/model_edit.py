"""Putting pools into a risk model's text: comments, order and spacing stay as their author left them.

tomlkit edits the document; the edited text is then read back with the standard library's parser and held
against the change that was meant, so that nothing else can have moved.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import msgspec
import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from halfdoor.core.errors import InputError
from halfdoor.core.risk.document import Spread
from halfdoor.core.risk.experts.numbers import Key

if TYPE_CHECKING:
    from collections.abc import Iterable


class Edit(msgspec.Struct, frozen=True):
    """Put `value` at `key`: keys and positions from the top of the document."""

    key: Key
    value: Spread | str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """The text with every edit made. Raises InputError `cannot-edit` rather than change anything else."""
    wanted = list(edits)
    try:
        document: Any = tomlkit.parse(text)
        for edit in wanted:
            _put(document, edit)
        result = tomlkit.dumps(document)
        meant: Any = tomllib.loads(text)
        for edit in wanted:
            _mean(meant, edit)
        same = tomllib.loads(result) == meant
    except (TOMLKitError, tomllib.TOMLDecodeError) as error:
        raise _cannot(str(error)) from error
    if not same:
        raise _cannot("an edit would have moved something else")
    return result


def _cannot(why: str) -> InputError:
    return InputError(
        "cannot-edit",
        f"the model is written in a way that cannot be edited: {why}",
        remedy="write its rows as [[table]] with one key on each line, as the shipped models are",
    )


def _put(document: Any, edit: Edit) -> None:  # noqa: ANN401  any container of a TOML document
    """Into tomlkit's document. A number written as a table of its own keeps its place and header."""
    parent = _parent(document, edit.key, tomlkit.inline_table)
    last = edit.key[-1]
    if isinstance(edit.value, str):
        parent[last] = edit.value
        return
    old = parent.get(last) if hasattr(parent, "get") else None
    if isinstance(old, Table):
        for name in list(old):
            old.remove(name)
        old["pool"] = _array(edit.value)
        return
    fresh = tomlkit.inline_table()
    fresh["pool"] = _array(edit.value)
    parent[last] = fresh


def _array(value: Spread) -> Any:  # noqa: ANN401  tomlkit's array
    array = tomlkit.array()
    for row in _rows(value):
        table = tomlkit.inline_table()
        table.update(row)
        array.append(table)
    return array


def _mean(document: Any, edit: Edit) -> None:  # noqa: ANN401  plain lists and dictionaries
    parent = _parent(document, edit.key, dict)
    parent[edit.key[-1]] = edit.value if isinstance(edit.value, str) else {"pool": _rows(edit.value)}


def _parent(document: Any, key: Key, empty: Any) -> Any:  # noqa: ANN401  as `_put`
    """What holds the last key; tables that are not there yet are made."""
    node = document
    for part in key[:-1]:
        if isinstance(part, str) and part not in node:
            node[part] = empty()
        node = node[part]
    return node


def _rows(value: Spread) -> list[dict[str, Any]]:
    """The pool as TOML knows it."""
    return [msgspec.to_builtins(part) for part in value.pool]
