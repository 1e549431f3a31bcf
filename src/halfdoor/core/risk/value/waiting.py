"""The value of waiting: what learning meanwhile adds to it, and whether that pays for the delay.

Two periods. What is opened stays open, so a later choice can only be wider. Quasi-option value is the value
of waiting for who learns meanwhile, less the value of waiting for who does not (Arrow and Fisher 1974; Henry
1974; Hanemann 1989). It is never negative, and it alone does not say that waiting is better: the delay costs
what the wider option would have brought in the first period, and the later benefit has decayed by then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from halfdoor.core.risk.value.information import evsi

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from halfdoor.core.risk.uncertainty.distributions import Floats


class Waiting(msgspec.Struct, frozen=True):
    """Values of the three ways to go about it, in the units of the utility.

    now:        decide now, for good
    learning:   wait, learn, then decide
    unlearning: wait, then decide knowing no more
    """

    now: float
    learning: float
    unlearning: float

    @property
    def quasi_option(self) -> float:
        """What learning adds to waiting; at least 0."""
        return max(0.0, self.learning - self.unlearning)

    @property
    def pays(self) -> bool:
        """Whether to wait and learn is better than to decide now."""
        return self.learning > self.now


def waiting(
    first: Floats,
    later: Floats,
    signal: Floats | NDArray[np.int64],
    *,
    stay: int = 0,
    decay: float = 1.0,
    weights: Floats | None = None,
    taken: int | None = None,
) -> Waiting:
    """Compare deciding now with staying at option `stay` for the first period and choosing after it.

    first:  [options, states], what an option brings in the first period
    later:  [options, states], what it brings from then on, as seen today
    signal: what will have been learnt by then, over the states
    decay:  what is left of `later` after the delay, 0-1 (the baseline moves on: others publish)
    taken:  the option taken by who decides without knowing more (None: the best on average)

    Who decides now opens at once, before the baseline has moved: `later` reaches him undecayed.
    """
    p = np.full(first.shape[1], 1 / first.shape[1]) if weights is None else weights / weights.sum()
    whole = (first + later) @ p
    after = later @ p
    best_later = float(after.max() if taken is None else after[taken])
    resting = float(first[stay] @ p)
    gain = evsi(later, signal, weights=p, now=taken)
    return Waiting(
        now=float(whole.max() if taken is None else whole[taken]),
        learning=resting + decay * (best_later + gain),
        unlearning=resting + decay * best_later,
    )
