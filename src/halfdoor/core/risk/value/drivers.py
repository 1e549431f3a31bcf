"""What an outcome rests on: how much of its spread is due to each input.

Total Sobol index of an input: the share of the outcome's variance that would remain, on average, if all
other inputs were known. By Jansen's estimator: draw that one input again, T = E[(f - f')²] / 2 Var f. Inputs
are independent latents (streams of uniforms), also where the numbers made of them hang together.

Never take raw harm as the outcome: its tails make the estimate worthless. Take log frequency, or access
probability.

Shapley shares divide an outcome among factors exactly, whatever it is made of, for up to 12 of them.

Sources: Jansen 1999 and Saltelli et al. 2010 (total indices); Shapley 1953; Efron 1982 (the infinitesimal
jackknife, for the standard errors).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.risk.uncertainty.variation import Recorded, Swapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from halfdoor.core.risk.uncertainty.distributions import Floats

    Outcome = Callable[[Draws], Floats]  # one value for each draw

FACTORS_MAX = 12
_NAMING_DRAWS = 8  # enough to see which streams an outcome asks for
_CARRIERS_MIN = 30  # draws; fewer make neither an index nor a standard error
_EVEN = 1e-24  # a variance below this share of the squared mean is rounding


class Index(msgspec.Struct, frozen=True):
    """The total index of one input (0: it does not matter) and its standard error."""

    stream: str
    total: float
    error: float


def streams_of(outcome: Outcome, seed: int) -> tuple[str, ...]:
    """The streams of uniforms that an outcome asks for, in the order in which it does."""
    recorded = Recorded(Draws(seed, _NAMING_DRAWS))
    outcome(recorded)
    return tuple(recorded.streams)


def total_indices(outcome: Outcome, draws: Draws, streams: Iterable[str] | None = None) -> list[Index]:
    """The total index of each stream (None: all that the outcome asks for), the largest first.

    None at all where the outcome is constant, or so nearly that its spread is a matter of a few draws.
    Raises ValueError where it is not finite.
    """
    plain = outcome(draws)
    if not np.isfinite(plain).all():
        raise ValueError("an outcome has to be finite: take the logarithm of a positive number")
    centre = float(plain.mean())
    squared = (plain - centre) ** 2
    variance = float(squared.mean())
    if variance <= _EVEN * max(1.0, centre * centre) or _carriers(squared) < _CARRIERS_MIN:
        return []
    named = tuple(streams) if streams is not None else streams_of(outcome, draws.seed)
    other = Draws(_second(draws.seed), draws.count)
    found = []
    for name in named:
        squares = (plain - outcome(Swapped(draws, other, (name,)))) ** 2
        found.append(Index(name, *_jansen(squares, plain - centre, variance)))
    return sorted(found, key=lambda index: (-index.total, index.stream))


def _jansen(squares: Floats, deviations: Floats, variance: float) -> tuple[float, float]:
    """T and its standard error, from what one draw more or less would change in both averages."""
    total = float(squares.mean()) / (2 * variance)
    influence = (squares / 2 - total * deviations**2) / variance
    return total, float(influence.std()) / math.sqrt(squares.size)


def _carriers(squared: Floats) -> float:
    """How many draws the variance rests on (Kish's effective number)."""
    return float(squared.sum() ** 2 / (squared**2).sum())


def _second(seed: int) -> int:
    """A seed whose streams have nothing in common with those of `seed`."""
    return -1 - seed


def shapley(factors: Sequence[str], worth: Callable[[frozenset[str]], float]) -> dict[str, float]:
    """Factor -> its exact share of worth(all) - worth(none); they add up to it.

    `worth` is asked once of each set of factors. Empty where it says the same of all of them. Raises
    ValueError above FACTORS_MAX factors.
    """
    count = len(factors)
    if count > FACTORS_MAX:
        raise ValueError(f"{count} factors; exact shares are for at most {FACTORS_MAX}")
    sets = [frozenset(f for i, f in enumerate(factors) if code >> i & 1) for code in range(1 << count)]
    values = [worth(chosen) for chosen in sets]
    if max(values) == min(values):
        return {}
    weight = [math.factorial(n) * math.factorial(count - n - 1) / math.factorial(count) for n in range(count)]
    return {
        factor: sum(
            weight[code.bit_count()] * (values[code | 1 << i] - values[code])
            for code in range(1 << count)
            if not code >> i & 1
        )
        for i, factor in enumerate(factors)
    }
