"""Configurations as integers: one bit for each cell (item, step), so that a search compares them at once.

A step is a set of groups that open together: one group in the full lattice, all groups up to a rank in the
coarser one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.model.configuration import Configuration

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halfdoor.core.model.groups import Groups


class Cells:
    """The cells of some items; a mask is a configuration, closed downwards along inclusion."""

    def __init__(self, items: Sequence[str], steps: Sequence[Iterable[str]], groups: Groups) -> None:
        """`steps` without repetition, each a set of groups."""
        self.items = tuple(items)
        self.width = len(steps)
        self._groups = groups
        self._closed = [groups.close(step) for step in steps]
        self.everyone = groups.close(groups.shareable)
        inside = [[j for j, c in enumerate(self._closed) if c <= wide] for wide in self._closed]
        around = [[j for j, c in enumerate(self._closed) if narrow <= c] for narrow in self._closed]
        self._inside = [sum(1 << j for j in steps_) for steps_ in inside]
        self._around = [sum(1 << j for j in steps_) for steps_ in around]
        # Wider steps first: one accepted saves trying those inside it, one dropped takes those around it.
        self.wide_first = sorted(range(self.width), key=lambda step: (-len(self._closed[step]), step))
        self._named: dict[int, tuple[str, ...]] = {}
        self._place = {item: n * self.width for n, item in enumerate(self.items)}

    def every(self) -> list[tuple[str, int]]:
        """All cells, item by item, wider steps first."""
        return [(item, step) for item in self.items for step in self.wide_first]

    def bit(self, item: str, step: int) -> int:
        """The mask of one cell by itself."""
        return 1 << (self._place[item] + step)

    def inside(self, item: str, step: int) -> int:
        """The cell and those that come with it."""
        return self._inside[step] << self._place[item]

    def around(self, item: str, step: int) -> int:
        """The cell and those that go with it."""
        return self._around[step] << self._place[item]

    def block(self, items: Iterable[str]) -> int:
        """All cells of some items; items that are not here have none."""
        whole = (1 << self.width) - 1
        return sum(whole << self._place[item] for item in items if item in self._place)

    def mask(self, config: Configuration) -> int:
        """A configuration, as far as it is about these items and steps."""
        mask = 0
        for item in self.items:
            having = config.groups_with(item)
            if having:
                steps = sum(1 << j for j, closed in enumerate(self._closed) if closed <= having)
                mask |= steps << self._place[item]
        return mask

    def configuration(self, mask: int) -> Configuration:
        """The configuration of a mask."""
        shared: dict[str, tuple[str, ...]] = {}
        whole = (1 << self.width) - 1
        while mask:
            place = ((mask & -mask).bit_length() - 1) // self.width
            shared[self.items[place]] = self._widest(mask >> (place * self.width) & whole)
            mask &= ~(whole << (place * self.width))
        return Configuration(shared, self._groups)

    def _widest(self, steps: int) -> tuple[str, ...]:
        """The widest groups of the steps in the mask of one item."""
        if steps not in self._named:
            open_to = frozenset[str]().union(*(c for j, c in enumerate(self._closed) if steps >> j & 1))
            self._named[steps] = self._groups.widest(open_to)
        return self._named[steps]

    def numbers(self, mask: int) -> list[int]:
        """The cells of a mask as numbers from 1."""
        numbers = []
        while mask:
            low = mask & -mask
            numbers.append(low.bit_length())
            mask ^= low
        return numbers

    def inclusion(self) -> list[list[int]]:
        """Clauses over the cells' numbers: what a step has, every step inside it has."""
        return [
            [-(place + i + 1), place + j + 1]
            for place in self._place.values()
            for i in range(self.width)
            for j in range(self.width)
            if i != j and self._inside[i] >> j & 1
        ]
