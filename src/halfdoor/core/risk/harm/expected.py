"""What is known of a threat without drawing it: means of products of its numbers, exact as they are fitted.

Its numbers are independent of each other, so the mean of a product is the product of the means.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from halfdoor.core.risk.harm.steps import step_groups, step_names
from halfdoor.core.risk.uncertainty.distributions import fit
from halfdoor.core.risk.uncertainty.moments import Larger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halfdoor.core.risk.document import Threat, Uncertain
    from halfdoor.core.risk.uncertainty.distributions import Quantity

_DIGITS = 8  # significant; the last ones of a float differ between machines
_SAME = 1e-12  # a relative variance below this is rounding
_CURVE_ENDS = (1e-3, 1 - 1e-4)  # quantiles of damage that the curve reaches from and to
_DAMAGE_MAX = 1e300
_CURVE_POINTS_MAX = 40  # beyond this, one point to the decade, or to several


class StepFigure(msgspec.Struct, frozen=True):
    """One step, or alternatives taken together.

    mean: of the fitted distribution
    share: of all that stops attempts; null for one of several alternatives, whose group has it
    """

    mean: float
    share: float | None


class Expected:
    """The fitted numbers of a threat at one end of capability, and what products of them come to."""

    def __init__(self, threat: Threat, *, uplifted: bool) -> None:
        self._threat = threat
        self._uplifted = uplifted
        self.steps = [
            self._number(step.p, step.uplifted, "probability", f"{threat.id}/step/{name}")
            for name, step in zip(step_names(threat.step), threat.step, strict=True)
        ]
        self.damage = self._number(threat.damage, threat.damage_uplifted, "positive", f"{threat.id}/damage")

    def _number(self, plain: Uncertain, full: Uncertain | None, quantity: Quantity, where: str) -> Larger:
        used = full if self._uplifted else None
        return Larger(
            fit(plain, quantity, where=where), None if used is None else fit(used, quantity, where=where)
        )

    def chance(self) -> tuple[float, float]:
        """The means of P(success) and of its square, the steps independent."""
        mean = square = 1.0
        for group in step_groups(self._threat.step).values():
            firsts = [self.steps[index].moment(1) for index in group]
            seconds = [self.steps[index].moment(2) for index in group]
            if len(group) == 1:
                mean, square = mean * firsts[0], square * seconds[0]
                continue
            none = math.prod(1 - m for m in firsts)
            mean *= 1 - none
            square *= 1 - 2 * none + math.prod(1 - 2 * m + s for m, s in zip(firsts, seconds, strict=True))
        return mean, square

    def rate(self) -> tuple[float, float]:
        """The means of attempts a year, over all classes of actors, and of its square."""
        row, mean, variance = self._threat, 0.0, 0.0
        for actor in row.actors:
            first = second = 1.0
            for plain, full in ((row.actors, row.actors_uplifted), (row.attempts, row.attempts_uplifted)):
                number = self._number(
                    plain.get(actor, 0.0), full.get(actor), "positive", f"{row.id}, {actor}"
                )
                first, second = first * number.moment(1), second * number.moment(2)
            mean, variance = mean + first, variance + second - first * first
        return mean, variance + mean * mean


def shares(threat: Threat, steps: Sequence[Larger]) -> tuple[dict[str, StepFigure], dict[str, StepFigure]]:
    """Each step and each group of alternatives, with its share ln(1/p) / Σ ln(1/p) of what stops attempts."""
    means = [step.moment(1) for step in steps]
    groups = step_groups(threat.step)
    chances = {
        key: means[group[0]] if len(group) == 1 else 1 - math.prod(1 - means[i] for i in group)
        for key, group in groups.items()
    }
    weights = {key: math.inf if p <= 0 else max(-math.log(p), 0.0) for key, p in chances.items()}
    total = sum(weights.values())
    impossible = sum(math.isinf(w) for w in weights.values())

    def share(key: tuple[str, int]) -> float:
        if impossible:  # where a step never succeeds, nothing else matters
            return 1 / impossible if math.isinf(weights[key]) else 0.0
        return rounded(weights[key] / total) if total else 0.0

    names = step_names(threat.step)
    figures = {
        names[index]: StepFigure(rounded(means[index]), None if key[0] else share(key))
        for key, group in groups.items()
        for index in group
    }
    alternatives = {key[0]: StepFigure(rounded(p), share(key)) for key, p in chances.items() if key[0]}
    return {name: figures[name] for name in names}, alternatives


def standard_error(mean: float, square: float, count: int) -> float:
    """Of the plain mean of `count` draws, from the means of the number and of its square; may be infinite."""
    variance = square - mean * mean
    if not math.isfinite(variance):
        return math.inf
    return math.sqrt(variance / count) if variance > _SAME * mean * mean else 0.0


def curve_points(threat: Threat) -> list[float]:
    """Damages 1, 2, 5, 10, … from below almost all of it to above almost all of it, uplifted too."""
    number = Expected(threat, uplifted=True).damage
    low, high = (float(q) for q in number.quantile(np.array(_CURVE_ENDS)))
    low = min((q for q in (low, float(number.plain.quantile(np.array(_CURVE_ENDS))[0])) if q > 0), default=0)
    if not 0 < high < _DAMAGE_MAX:
        return []
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    points = _between(low, high, [float(f"{step}e{decade}") for decade in decades for step in (1, 2, 5)])
    every = 1
    while len(points) > _CURVE_POINTS_MAX:
        rough = range(decades.start // every * every, decades.stop + every, every)
        points = _between(low, high, [float(f"1e{decade}") for decade in rough])
        every *= 2
    return points


def _between(low: float, high: float, grid: list[float]) -> list[float]:
    """The part of the grid from the last point below `low` to the first that is not below `high`."""
    below = [x for x in grid if x < low]
    return [*below[-1:], *(x for x in grid if low <= x < high), *[x for x in grid if x >= high][:1]]


def rounded(value: float) -> float:
    """To eight significant digits."""
    return float(f"{value:.{_DIGITS}g}")
