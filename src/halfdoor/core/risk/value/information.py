"""What knowing something before deciding is worth, in the units of the utility.

utility: array [options, states], what each option is worth in each state of the world (draws, or the
states of a discrete problem with their `weights`). Who learns something chooses an option for each thing
he may learn; who does not chooses one for all. The difference is the value of the information:

    EVPI   everything is learnt           E[max U] - max E[U]
    EVPPI  one input, or several jointly  E[max E[U | input]] - max E[U]
    EVSI   the outcome of a measurement   E[max E[U | signal]] - max E[U]

None of the three is ever negative: a maximum of averages is at most the average of maxima, also of a sample.

Conditioning. An input with few distinct values is conditioned on exactly, others by quantile bins. A bin
says less than the value in it, so coarse bins understate. The average of n draws in a bin is noisy, and
picking the best of noisy averages overstates, by at most sqrt(2 ln options · bins / draws) · s, where s is
the largest standard deviation of a difference between two options in a bin: `noise_bound`. `held_out`
chooses on one half of the draws and scores on the other, so it never overstates on average; it has a
standard error and is cut off at 0.

Sources: Raiffa and Schlaifer 1961 (pre-posterior analysis); Strong and Oakley 2013 (EVPPI from one sample).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from halfdoor.core.risk.uncertainty.distributions import Floats

    Cells = NDArray[np.intp]

BINS = 64  # of one continuous input
_OPTIONS = 2  # fewer leave nothing to choose


class Gain(msgspec.Struct, frozen=True):
    """What knowing is worth, at least 0, and the standard error of the estimate."""

    value: float
    error: float


def evpi(utility: Floats, *, weights: Floats | None = None, now: int | None = None) -> float:
    """What knowing the state is worth. `now`: the option taken unknowing (None: the best on average)."""
    p = _shares(utility, weights)
    return max(0.0, float(utility.max(axis=0) @ p) - _unknowing(utility, p, now))


def evppi(
    utility: Floats,
    *inputs: Floats,
    bins: int = BINS,
    weights: Floats | None = None,
    now: int | None = None,
) -> float:
    """What knowing these inputs jointly is worth; each input is an array over the states.

    Several inputs share the number of bins: each is cut into the k-th root of it.
    """
    p = _shares(utility, weights)
    return max(0.0, _knowing(utility, cells(inputs, bins, p), p) - _unknowing(utility, p, now))


def evsi(
    utility: Floats,
    signal: Floats | NDArray[np.int64],
    *,
    bins: int = BINS,
    weights: Floats | None = None,
    now: int | None = None,
) -> float:
    """What a measurement is worth that would have shown `signal` in each state (gross of its cost).

    Counts and other whole numbers are conditioned on value by value, other signals by quantile bins.
    """
    p = _shares(utility, weights)
    whole = np.issubdtype(signal.dtype, np.integer) or signal.dtype == np.bool_
    found = np.unique(signal, return_inverse=True)[1] if whole else cells((np.asarray(signal),), bins, p)
    return max(0.0, _knowing(utility, found, p) - _unknowing(utility, p, now))


def held_out(
    utility: Floats, *inputs: Floats, bins: int = BINS, now: int | None = None, weights: Floats | None = None
) -> Gain:
    """EVPPI chosen on every other draw and scored on the rest, then the other way round.

    On average at most what the bins are worth, so that noise is not taken for knowledge.
    """
    p = _shares(utility, weights)
    found = cells(inputs, bins, p)
    count = utility.shape[1]
    taken = int(np.argmax(utility @ p)) if now is None else now
    chosen = np.full(count, taken, dtype=np.intp)
    even = np.arange(count) % 2 == 0
    for learn in (even, ~even):
        sums = _sums(utility[:, learn], found[learn], p[learn], int(found.max()) + 1)
        best = np.argmax(sums, axis=0)
        best[sums[best, np.arange(sums.shape[1])] <= sums[taken]] = taken
        chosen[~learn] = best[found[~learn]]
    differences = utility[chosen, np.arange(count)] - utility[taken]
    mean = float(differences @ p)
    error = math.sqrt(float((differences - mean) ** 2 @ p) / count)
    return Gain(max(0.0, mean), error)


def noise_bound(utility: Floats, bins: int) -> float:
    """By how much, at most and on average, noise in `bins` quantile bins overstates an EVPPI."""
    options, count = utility.shape
    if options < _OPTIONS:
        return 0.0
    spread = max(float((utility[a] - utility[b]).std()) for a in range(options) for b in range(a))
    return math.sqrt(2 * math.log(options) * min(bins, count) / count) * spread


def cells(inputs: tuple[Floats, ...], bins: int, shares: Floats) -> Cells:
    """For each state the number of the cell that these inputs put it in, from 0 without gaps.

    Equal values stay together, so a cell never tells apart what the inputs do not.
    """
    each = max(2, round(bins ** (1 / max(1, len(inputs)))))
    label = np.zeros(shares.size, dtype=np.intp)
    for values in inputs:
        distinct, which = np.unique(values, return_inverse=True)
        if distinct.size > each:
            held = np.bincount(which, weights=shares, minlength=distinct.size)
            middle = np.cumsum(held) - held / 2
            which = np.minimum((middle * each).astype(np.intp), each - 1)[which]
        label = label * (int(which.max()) + 1) + which
    return np.asarray(np.unique(label, return_inverse=True)[1], dtype=np.intp)


def _shares(utility: Floats, weights: Floats | None) -> Floats:
    """The probability of each state."""
    count = utility.shape[1]
    if weights is None:
        return np.full(count, 1 / count)
    return np.asarray(weights / weights.sum())


def _unknowing(utility: Floats, shares: Floats, now: int | None) -> float:
    values = utility @ shares
    return float(values.max() if now is None else values[now])


def _knowing(utility: Floats, found: Cells, shares: Floats) -> float:
    return float(_sums(utility, found, shares, int(found.max()) + 1).max(axis=0).sum())


def _sums(utility: Floats, found: Cells, shares: Floats, count: int) -> Floats:
    """[options, cells]: each option's utility summed over a cell, weighted."""
    return np.stack([np.bincount(found, weights=row * shares, minlength=count) for row in utility])
