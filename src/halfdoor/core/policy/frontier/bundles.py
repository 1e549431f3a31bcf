"""Bundles: items that every border treats alike, so that people read a few rows and not twenty-two.

Alike means: shared with the same groups by every widest configuration, and interchangeable in the minimal
blocking combinations. Exchanging two items of a bundle changes neither border, so nothing is lost by showing
them as one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.annex import Bundle
from halfdoor.core.model.words import item_words, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halfdoor.core.model.configuration import Configuration
    from halfdoor.core.model.groups import Groups

_NAMED_MAX = 3  # items of a bundle that its words name


def bundles(
    items: Iterable[str], widest: Sequence[Configuration], blocking: Sequence[Configuration], groups: Groups
) -> list[Bundle]:
    """All items in as few bundles as hold: the most restricted first, then the larger ones.

    Each item is in exactly one. How restricted a bundle is, the smallest share of groups tells that a widest
    configuration leaves it.
    """
    blocks = {frozenset((item, block.groups_with(item)) for item, _ in block.cells()) for block in blocking}
    named = {item for block in blocks for item, _ in block}
    alike: dict[tuple[frozenset[str], ...], list[list[str]]] = {}
    for item in sorted(items):
        kinds = alike.setdefault(tuple(config.groups_with(item) for config in widest), [])
        own = next((kind for kind in kinds if _exchangeable(kind[0], item, blocks, named)), None)
        if own is None:
            kinds.append([item])
        else:
            own.append(item)
    rows = [
        (min((len(having) for having in treated), default=0), -len(members), members)
        for treated, kinds in alike.items()
        for members in kinds
    ]
    rows.sort()
    open_to_all = len(groups.shareable)
    last = len(rows) - 1
    return [
        Bundle("all else" if last == place > 0 and width == open_to_all else _words(members), members)
        for place, (width, _, members) in enumerate(rows)
    ]


def _exchangeable(
    one: str, other: str, blocks: set[frozenset[tuple[str, frozenset[str]]]], named: set[str]
) -> bool:
    """Whether exchanging two items leaves the blocking combinations the same."""
    if one not in named and other not in named:
        return True
    turn = {one: other, other: one}
    touched = (block for block in blocks if any(item in turn for item, _ in block))
    return all(frozenset((turn.get(i, i), having) for i, having in block) in blocks for block in touched)


def _words(members: Sequence[str]) -> str:
    """The first few by name, the rest by number."""
    if len(members) <= _NAMED_MAX:
        return listed(item_words(item) for item in members)
    shown = [item_words(item) for item in members[: _NAMED_MAX - 1]]
    return f"{', '.join(shown)} and {len(members) - len(shown)} more"
