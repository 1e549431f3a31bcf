"""The frontier: all widest permitted configurations and all minimal blocking combinations.

Sharing more never turns a violated row into a kept one, so the permitted configurations are a
downward-closed part of the lattice, described by either border; see search.py for how both are found.

Groups that include each other in turn have few borders; groups that do not can have tens of thousands. Where
there are more than can be found, the search is complete over ranks, groups of one rank opening together, and
what it finds is widened and narrowed in the full lattice: no border is wrong, some are missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.model.configuration import Configuration
from halfdoor.core.policy.frontier import search as searching
from halfdoor.core.policy.frontier.cells import Cells
from halfdoor.core.policy.frontier.search import Row, Search

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from halfdoor.core.model.groups import Groups
    from halfdoor.core.policy.frontier.search import Gain, Permitted


class Frontier(msgspec.Struct, frozen=True):
    """Both borders of what is permitted.

    complete: all borders of the full lattice are here
    by_rank:  all borders over ranks are here, each widened or narrowed in the full lattice
    beyond:   a widest permitted configuration around the proposal, where that is permitted
    within:   a minimal blocking combination inside the proposal, where that is not
    Where not complete, these come first; then, in order of benefit, those over ranks, then others up to
    BORDERS_MAX: configurations that keep most, combinations that forbid most, those of least benefit.
    """

    widest: tuple[Configuration, ...]
    blocking: tuple[Configuration, ...]
    complete: bool
    by_rank: bool = True
    beyond: Configuration | None = None
    within: Configuration | None = None


def frontier(
    items: Iterable[str],
    groups: Groups,
    permitted: Permitted | Sequence[Row],
    *,
    ranks: Mapping[str, int] | None = None,
    proposed: Configuration | None = None,
    gain: Gain | None = None,
) -> Frontier:
    """Search the lattice of `items` and `groups` for the borders of what keeps every row.

    `ranks`: of groups, by default how many stand inside each other below; used where the borders are too
    many. `gain` orders them then. Both borders around `proposed` are exact in any case.
    """
    listed = tuple(sorted(items))
    rows = [Row(frozenset(listed), permitted)] if callable(permitted) else list(permitted)
    gain = gain or (lambda _, having: float(len(having)))
    search = Search(Cells(listed, [(g,) for g in groups.shareable], groups), rows, gain)
    widest, blocking, complete = search.borders()
    beyond, within = search.near(proposed)
    if complete:
        return Frontier(
            _sorted(map(search.cells.configuration, widest)),
            _sorted(map(search.cells.configuration, blocking)),
            complete=True,
            beyond=beyond,
            within=within,
        )
    steps = rank_steps(groups, ranks or {})
    over_ranks: tuple[list[Configuration], list[Configuration], bool] = [], [], False
    if len(steps) < len(groups.shareable):  # else each rank is one group, and the search has just been done
        over_ranks = _over_ranks(search, Search(Cells(listed, steps, groups), rows, gain))
    return Frontier(
        _ranked(beyond, over_ranks[0], widest, search, sign=-1),
        _ranked(within, over_ranks[1], blocking, search, sign=1),
        complete=False,
        by_rank=over_ranks[2],
        beyond=beyond,
        within=within,
    )


def _over_ranks(fine: Search, coarse: Search) -> tuple[list[Configuration], list[Configuration], bool]:
    """The borders over ranks, widened and narrowed in the full lattice; and whether these are all."""
    widest, blocking, complete = coarse.borders()
    fine.operations = 0
    wide = list(fine.lifted(map(coarse.cells.configuration, widest), fine.grow))
    block = list(fine.lifted(map(coarse.cells.configuration, blocking), fine.shrink))
    return wide, block, complete and (len(wide), len(block)) == (len(widest), len(blocking))


def _ranked(
    near: Configuration | None,
    over_ranks: Iterable[Configuration],
    others: Iterable[int],
    search: Search,
    *,
    sign: int,
) -> tuple[Configuration, ...]:
    """The one around the proposal, all over ranks, and of the others the best, up to BORDERS_MAX."""

    def best(found: Iterable[Configuration]) -> list[Configuration]:
        return sorted(found, key=lambda c: (sign * search.benefit(c), tuple(c.cells())))

    first = dict.fromkeys([*([near] if near is not None else []), *best(over_ranks)])
    further = best({search.cells.configuration(mask) for mask in others} - set(first))
    most = max(searching.BORDERS_MAX - len(first), 0 if first else 1)
    return (*first, *further[:most])


def rank_steps(groups: Groups, ranks: Mapping[str, int]) -> list[frozenset[str]]:
    """Rising sets of groups: with each rank, all groups up to it. Groups without a rank stand by depth.

    A group's depth is the length of the longest chain of groups inside it; a group never opens after one
    that includes it.
    """
    rank: dict[str, int] = {}
    for group in groups.shareable:  # stricter ones first
        inside = [rank[g] for g in groups.below(group) if g in rank]
        depth = max(inside, default=0) + 1
        rank[group] = max(ranks.get(group, depth), depth - 1)
    steps = {groups.close(g for g in groups.shareable if rank[g] <= r) for r in rank.values()}
    return sorted(steps, key=len)


def grow(start: Configuration, items: Iterable[str], groups: Groups, permitted: Permitted) -> Configuration:
    """A widest permitted configuration that includes a permitted one. Wider groups are tried first."""
    widest_first = sorted(groups.shareable, key=lambda g: -len(groups.below(g)))
    current = start
    for item in sorted(items):
        for group in widest_first:
            if group in current.groups_with(item):
                continue
            wider = current.join(Configuration({item: [group]}, groups))
            if permitted(wider):
                current = wider
    return current


def shrink(
    start: Configuration,
    permitted: Permitted,
    order: Callable[[str], tuple[int, bool, str]] = lambda item: (0, False, item),
) -> Configuration:
    """A minimal blocking combination inside a forbidden one. Items that sort first are dropped first."""
    current = start
    for item in sorted((item for item, _ in start.widest_cells()), key=order):
        without = current.without(item)
        if not permitted(without):
            current = without
    narrowed = True
    while narrowed:
        narrowed = False
        for item, group in sorted(current.widest_cells(), key=lambda cell: (order(cell[0]), cell[1])):
            less = current.withhold(item, group)
            if not permitted(less):
                current, narrowed = less, True
    return current


def _sorted(found: Iterable[Configuration]) -> tuple[Configuration, ...]:
    return tuple(sorted(found, key=lambda c: tuple(c.cells())))
