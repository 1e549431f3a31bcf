"""Both borders of what is permitted, by seed, grow and shrink under a SAT solver.

The solver holds what is still unexplored; each configuration it gives is walked to the border it is on the
side of (MARCO: Liffiton et al. 2016). Rows are asked about the items they turn on, and only once for each way
these are shared.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import msgspec
from pysat.solvers import Minisat22

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from halfdoor.core.model.configuration import Configuration
    from halfdoor.core.policy.frontier.cells import Cells

    Permitted = Callable[[Configuration], bool]
    Gain = Callable[[str, frozenset[str]], float]  # item, groups that have it -> benefit kept

BORDERS_MAX = 2_000
OPERATIONS_MAX = 20_000_000  # of all rows together, in one search
_OVERHEAD = 20  # of asking a row, beside its operations
_TEST = 2  # of looking up what rows have answered
_REMEMBERED_MAX = 500_000  # answers of all rows


class Row(msgspec.Struct, frozen=True):
    """One condition of a policy. It must be monotone: broken, it stays so however much more is shared.

    items:      all that it turns on
    operations: what one answer costs, beside that of other rows
    """

    items: frozenset[str]
    kept: Permitted
    operations: int = 1


class Search:
    """A lattice of cells and the rows that cut it, each asked once for each way its own items are shared."""

    def __init__(self, cells: Cells, rows: Iterable[Row], gain: Gain) -> None:
        self.cells = cells
        self.operations = 0
        self._rows = [(cells.block(row.items), row) for row in rows]
        self._remembered = 0
        self._asked: list[dict[int, bool]] = [{} for _ in self._rows]
        about = {i: [n for n, (_, row) in enumerate(self._rows) if i in row.items] for i in cells.items}
        self._gain = functools.cache(gain)
        everyone = cells.everyone
        # What keeps most benefit is opened first, and dropped first from a combination that blocks.
        self._order = sorted(cells.every(), key=lambda cell: -self._gain(cell[0], everyone))
        self._steps = [(cells.bit(*cell), cells.inside(*cell), about[cell[0]]) for cell in self._order]

    def benefit(self, config: Configuration) -> float:
        """What a configuration keeps, rounded so that no last digit decides an order."""
        return round(sum(self._gain(item, config.groups_with(item)) for item in self.cells.items), 9)

    def broken(self, mask: int, among: Iterable[int] | None = None) -> int | None:
        """A row that a configuration breaks, of all or of some; None where it keeps them."""
        self.operations += _TEST
        for number in range(len(self._rows)) if among is None else among:
            block, row = self._rows[number]
            asked, key = self._asked[number], mask & block
            kept = asked.get(key)
            if kept is None:
                if self._remembered >= _REMEMBERED_MAX:
                    self._forget()
                self._remembered += 1
                self.operations += row.operations + _OVERHEAD
                kept = asked[key] = row.kept(self.cells.configuration(key))
            if not kept:
                return number
        return None

    def _forget(self) -> None:
        self._remembered = 0
        for asked in self._asked:
            asked.clear()

    def grow(self, mask: int) -> int:
        """A widest permitted configuration around a permitted one."""
        for alone, wide, about in self._steps:
            if not mask & alone:
                wider = mask | wide
                if self.broken(wider, about) is None:
                    mask = wider
        return mask

    def shrink(self, mask: int) -> int:
        """A minimal blocking combination inside a forbidden one."""
        row = self.broken(mask)
        if row is None:
            raise ValueError("a permitted configuration blocks nothing")
        mask &= self._rows[row][0]
        for item, step in self._order:
            if mask & self.cells.bit(item, step):
                less = mask & ~self.cells.around(item, step)
                if self.broken(less, (row,)) is not None or self.broken(less) is not None:
                    mask = less
        return mask

    def borders(self) -> tuple[list[int], list[int], bool]:
        """Take an unexplored configuration, walk to the border it is on the side of, block that side.

        Widest, blocking, and whether these are all. Where they are not, the widest one that opens what keeps
        most benefit first is among them, and one combination that blocks everything open.
        """
        widest: list[int] = []
        blocking: list[int] = []
        size = len(self.cells.items) * self.cells.width
        full = (1 << size) - 1
        with Minisat22(bootstrap_with=self.cells.inclusion()) as solver:
            solver.set_phases(list(range(1, size + 1)))  # start from wide configurations
            while len(widest) + len(blocking) <= BORDERS_MAX and self.operations <= OPERATIONS_MAX:
                if not solver.solve():
                    return widest, blocking, True
                seed = sum(1 << (n - 1) for n in solver.get_model() if 0 < n <= size)
                if self.broken(seed) is None:
                    top = self.grow(seed)
                    widest.append(top)
                    solver.add_clause(self.cells.numbers(full & ~top))
                else:
                    bottom = self.shrink(seed)
                    blocking.append(bottom)
                    solver.add_clause([-n for n in self.cells.numbers(bottom)])
        if self.broken(0) is None:
            widest.append(self.grow(0))
        if self.broken(full) is not None:
            blocking.append(self.shrink(full))
        return widest, blocking, False

    def near(self, proposed: Configuration | None) -> tuple[Configuration | None, Configuration | None]:
        """A widest permitted configuration around the proposal, or a minimal block inside it."""
        if proposed is None:
            return None, None
        mask = self.cells.mask(proposed)
        if self.broken(mask) is None:
            return self.cells.configuration(self.grow(mask)), None
        return None, self.cells.configuration(self.shrink(mask))

    def lifted(self, configs: Iterable[Configuration], walk: Callable[[int], int]) -> Iterable[Configuration]:
        """Borders of a coarser lattice walked on to those of this one, as long as operations are left."""
        for config in configs:
            if self.operations > OPERATIONS_MAX:
                return
            yield self.cells.configuration(walk(self.cells.mask(config)))
