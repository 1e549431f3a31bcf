"""A rising chain of configurations: what opens first, what last, in few stages.

What can be withdrawn opens before what cannot, smaller variants before larger, narrower groups before
wider. Every configuration inside a permitted one is permitted, so each stage is, whatever the order.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.ids import parse_item
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.risk.abilities import OF_ONE_VARIANT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halfdoor.core.model.dossier import Dossier
    from halfdoor.core.model.groups import Groups

# "124M", "1.5B", "8x7b" standing alone in an id: so many parameters.
_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)([kmbt])(?![a-z0-9])", re.IGNORECASE)
_UNIT = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
# Weights are of no use without these, so they go with the smallest variant; other shared files go last.
_RUNS_WITH = frozenset({"architecture", "inference-code", "libraries-and-tools", "metadata"})
_SERVICE, _DOWNLOAD = 0, 1
_CLOSE = 2  # circles up to vetted groups: somebody lets each of them in
_NOTHING, _LITTLE, _SOMETHING, _LAST, _MUCH = range(5)  # what is lost by opening two legs at once


class _Place(msgspec.Struct, frozen=True, order=True):
    """Where a cell stands. Between two stations services come first, by circle; then downloads, by size."""

    segment: int
    kind: int
    major: int
    minor: int


class _Leg(msgspec.Struct, frozen=True):
    """Cells (item, group) that open together, and the first and last place among them."""

    cells: tuple[tuple[str, str], ...]
    first: _Place
    last: _Place


def chain(
    stations: Sequence[Configuration],
    groups: Groups,
    dossier: Dossier,
    stages_max: int,
    *,
    fine: bool = False,
) -> list[Configuration]:
    """The stages after `stations[0]` up to the last station, through all between. Stations rise.

    At most `stages_max` of them, but never fewer than one for the services and one for the downloads
    between two stations. Groups that are let in one by one go together, unless `fine`.
    """
    sizes = size_ranks(sorted({item for station in stations for item, _ in station.cells()}), dossier)
    placed: dict[_Place, list[tuple[str, str]]] = {}
    for segment, (before, after) in enumerate(itertools.pairwise(stations)):
        for item, group in after.cells():
            if group in before.groups_with(item):
                continue
            circle, size = _circle(group, groups), sizes[item]
            place = (
                _Place(segment, _DOWNLOAD, size, circle)
                if leaves(item, group, groups)
                else _Place(segment, _SERVICE, circle, size)
            )
            placed.setdefault(place, []).append((item, group))
    legs = [_Leg(tuple(placed[place]), place, place) for place in sorted(placed)]
    legs = _merged(legs, max(sizes.values(), default=0), stages_max, _NOTHING if fine else _LITTLE)
    opened = (Configuration.from_cells(leg.cells, groups) for leg in legs)
    return list(itertools.accumulate(opened, Configuration.join, initial=stations[0]))[1:]


def leaves(item: str, group: str, groups: Groups) -> bool:
    """Whether sharing hands a copy to somebody outside: it cannot be called back."""
    return not parse_item(item).is_service and group not in groups.below("staff")


def size_ranks(items: Iterable[str], dossier: Dossier) -> dict[str, int]:
    """Item -> rank of its variant by size, from 0; one whose size nothing tells counts as the largest."""
    listed = list(items)
    variants = {item: parse_item(item).variant for item in listed}
    own = {item for item in listed if variants[item] or parse_item(item).component in OF_ONE_VARIANT}
    known = {item: _size_of(variants[item], dossier) for item in own}
    rising = sorted({size for size in known.values() if size is not None})
    last = max(len(rising) - 1, 0)
    return {
        item: rising.index(size)
        if (size := known.get(item)) is not None
        else 0
        if item not in own and parse_item(item).component in _RUNS_WITH
        else last
        for item in listed
    }


def _size_of(variant: str, dossier: Dossier) -> float | None:
    """Parameters, from the variant's id, else from those it was made from, else from the model's name."""
    parents = {row.id: row.parent for row in dossier.variant}
    seen: set[str] = set()
    name: str | None = variant
    while name and name not in seen:
        seen.add(name)
        found = _SIZE.search(name)
        if found:
            return _parameters(found)
        name = parents.get(name)
    found = _SIZE.search(dossier.model.name)
    return _parameters(found) if found else None


def _parameters(found: re.Match[str]) -> float:
    times, number, unit = found.groups()
    return int(times or 1) * float(number) * _UNIT[unit.lower()]


def _circle(group: str, groups: Groups) -> int:
    """0 staff, 1 auditors, 2 vetted, 3 identified, 4 anyone; a group of its own as the widest inside it."""
    return sum(other in groups.below(group) for other in ("auditors", "vetted", "identified", "anyone"))


def _merged(legs: list[_Leg], largest: int, stages_max: int, always: int) -> list[_Leg]:
    """Put neighbours together where `always` or less is lost, then until there are few enough."""
    while True:
        costs = [
            (cost, -i if pair[0].last.kind == _SERVICE else i, i)
            for i, pair in enumerate(itertools.pairwise(legs))
            if (cost := _cost(*pair, largest)) is not None
        ]
        if not costs or (len(legs) <= stages_max and min(costs)[0] > always):
            return legs
        at = min(costs)[2]
        one, other = legs[at], legs[at + 1]
        legs[at : at + 2] = [_Leg(one.cells + other.cells, one.first, other.last)]


def _cost(one: _Leg, other: _Leg, largest: int) -> int | None:
    """What is lost by opening two legs at once; None: too much (a station, or what cannot be undone).

    Code and data without weights wait for nobody's use of them: they go with the leg before. Services lose
    least, since they can be withdrawn; sizes are what a staged release is about, so they lose most.
    """
    here, there = one.last, other.first
    if (here.segment, here.kind) != (there.segment, there.kind):
        return None
    if here.kind == _SERVICE:
        return _SOMETHING if here.major <= _CLOSE < there.major else _LITTLE
    if not any(parse_item(item).component in OF_ONE_VARIANT for item, _ in other.cells):
        return _NOTHING
    if here.major != there.major:
        return _MUCH
    if there.minor <= _CLOSE:
        return _LITTLE
    return _LAST if here.major == largest else _SOMETHING
