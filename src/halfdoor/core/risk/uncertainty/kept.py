"""Results kept as long as there is room: what does not fit is worked out anew, and comes out the same."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

KEPT_BYTES_MAX = 256_000_000

T = TypeVar("T")


class Kept:
    """The most recently used results, of at most `bytes_max` together."""

    def __init__(self, bytes_max: int = KEPT_BYTES_MAX) -> None:
        """Start with none."""
        self.bytes_max = bytes_max
        self.bytes = 0
        self._results: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()

    def get(self, key: Hashable, size: int, make: Callable[[], T]) -> T:
        """The result under `key`, made when it is not kept; it counts for `size` bytes."""
        if key in self._results:
            self._results.move_to_end(key)
            return cast("T", self._results[key][0])
        made = make()
        self._results[key] = made, size
        self.bytes += size
        while self.bytes > self.bytes_max and len(self._results) > 1:
            self.bytes -= self._results.popitem(last=False)[1][1]
        return made
