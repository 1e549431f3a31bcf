"""Least squares in two unknowns, as small and fast as fitting a distribution needs.

Damped Gauss-Newton with central differences; all points of an iteration are evaluated in one call. A model
has a hundred numbers to fit, and a general solver takes 3 ms for each. Where this one does not settle, or
leaves the bounds, scipy's trust region is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]

_STEP = 6e-6  # cube root of the rounding error: best for central differences
_SETTLED = 1e-10  # relative to 1 + |x|
_ITERATIONS_MAX = 60
_DAMPING_MIN, _DAMPED_LITTLE, _DAMPING_MAX = 1e-9, 1e-3, 1e8  # a step that damping made small settles nothing


def least_squares(misses: Callable[[Floats], Floats], start: Floats, low: float, high: float) -> Floats:
    """The x in [low, high]² with the least sum of squared misses.

    `misses` takes points (n × 2) and gives their residuals (n × m).
    """
    found = _settle(misses, start, low, high)
    if found is not None:
        return found
    solution = optimize.least_squares(
        lambda x: misses(np.asarray(x)[None, :])[0],
        np.clip(start, low + 1e-9, high - 1e-9),
        bounds=(low, high),
        xtol=1e-12,
        ftol=1e-12,
    )
    return np.asarray(solution.x)


def _settle(misses: Callable[[Floats], Floats], start: Floats, low: float, high: float) -> Floats | None:
    """The minimum inside the bounds, or None where the steps do not settle there."""
    around = np.array([[0, 0], [_STEP, 0], [-_STEP, 0], [0, _STEP], [0, -_STEP]])
    x, damping = np.asarray(start, dtype=np.float64), 1e-6
    here = misses(x + around)
    for _ in range(_ITERATIONS_MAX):
        slope = (here[1::2] - here[2::2]).T / (2 * _STEP)
        curve, down = slope.T @ slope, slope.T @ here[0]
        while True:
            a, b, c = curve[0, 0] * (1 + damping), curve[0, 1], curve[1, 1] * (1 + damping)
            det = a * c - b * b
            if not det > 0 or damping > _DAMPING_MAX:
                return None
            step = np.array([b * down[1] - c * down[0], b * down[0] - a * down[1]]) / det
            to = x + step
            if not (np.all(to > low) and np.all(to < high)):
                damping *= 10
                continue
            if np.all(np.abs(step) <= _SETTLED * (1 + np.abs(x))):
                return to if damping <= _DAMPED_LITTLE else None
            there = misses(to + around)
            if float(there[0] @ there[0]) <= float(here[0] @ here[0]):
                break
            damping *= 10
        x, here, damping = to, there, max(damping / 10, _DAMPING_MIN)
    return None
