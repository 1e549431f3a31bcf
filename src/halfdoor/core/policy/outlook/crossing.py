"""Where a yes-or-no answer changes along a scale, by bisection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[[float], bool]

COARSE = 0.02  # widths on the scale: log units or log odds, about 2 %
FINE = 0.002
_WIDENINGS = 6


class Crossing(msgspec.Struct, frozen=True):
    """The answer changes between `before`, where it is as it was, and `beyond`, where it is not."""

    before: float
    beyond: float

    @property
    def above(self) -> bool:
        """Whether the changed answers lie above."""
        return self.beyond > self.before


def cross(ask: Ask, low: float, high: float, now: bool, width: float) -> Crossing | None:  # noqa: FBT001  an answer
    """Bisect from `low` to `high` down to `width`. None where both ends answer alike.

    `now` is the answer as it stands; one of the ends has to give it.
    """
    at_low, at_high = ask(low), ask(high)
    if at_low == at_high:
        return None
    before, beyond = (low, high) if at_low == now else (high, low)
    while abs(beyond - before) > width:
        middle = (before + beyond) / 2
        if ask(middle) == now:
            before = middle
        else:
            beyond = middle
    return Crossing(before, beyond)


def polish(ask: Ask, rough: Crossing, now: bool) -> Crossing | None:  # noqa: FBT001  an answer, not an option
    """The same crossing for a dearer question whose answers are nearly those of the cheap one.

    None where no change is found near by.
    """
    step = rough.beyond - rough.before
    before, beyond = rough.before, rough.beyond
    for _ in range(_WIDENINGS):
        kept, changed = ask(before) == now, ask(beyond) != now
        if kept and changed:
            return cross(ask, before, beyond, now, FINE)
        step *= 2
        if not kept:
            before, beyond = before - step, before
        elif not changed:
            before, beyond = beyond, beyond + step
    return None
