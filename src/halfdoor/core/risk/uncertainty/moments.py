"""What is known of an uncertain number without drawing it: P(value > x), and the means of its powers.

Closed forms for every kind of fitted distribution. Two draws from one uniform (plain and uplifted, the larger
counts) need an integral over that uniform only where their quantiles cross.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, assert_never

import msgspec
import numpy as np
from scipy import special

from halfdoor.core.risk.uncertainty.distributions import Fitted

if TYPE_CHECKING:
    from halfdoor.core.risk.uncertainty.distributions import Floats

# Levels of the integral over the common uniform, dense at both ends: u = sin²(angle), with their weights.
_ANGLES = (np.arange(4000) + 0.5) * (math.pi / 2) / 4000
_LEVELS = np.sin(_ANGLES) ** 2
_WEIGHTS = np.sin(2 * _ANGLES) / np.sin(2 * _ANGLES).sum()


def survival(fitted: Fitted, x: float) -> float:
    """P(value > x), exactly."""
    p = fitted.parameters
    match fitted.kind:
        case "constant":
            return float(p[0] > x)
        case "beta":
            return _beta_survival(p[0], p[1], x)
        case "pert":
            a, b, low, high = p
            return _beta_survival(a, b, (x - low) / (high - low)) if high > low else float(low > x)
        case "lognormal":
            return float(special.ndtr((p[0] - math.log(x)) / p[1])) if x > 0 else 1.0
        case "split-lognormal":
            return _split_survival(p[0], p[1], p[2], math.log(x)) if x > 0 else 1.0
        case "mixture":
            return sum(w * survival(part, x) for w, part in zip(p, fitted.parts, strict=True))
        case _ as never:
            assert_never(never)


def moment(fitted: Fitted, power: int) -> float:
    """The mean of value ** power, for power 1 or 2; infinite where it leaves the range of a float."""
    p = fitted.parameters
    with np.errstate(over="ignore"):
        match fitted.kind:
            case "constant":
                return float(np.float64(p[0]) ** power)
            case "beta":
                return _beta_moment(p[0], p[1], power)
            case "pert":
                a, b, low, high = p
                first, second = (_beta_moment(a, b, k) for k in (1, 2))
                size = high - low
                if power == 1:
                    return low + size * first
                return low * low + 2 * low * size * first + size * size * second
            case "lognormal":
                return float(np.exp(power * p[0] + (power * p[1]) ** 2 / 2))
            case "split-lognormal":
                return _split_moment(p[0], p[1], p[2], power)
            case "mixture":
                return sum(w * moment(part, power) for w, part in zip(p, fitted.parts, strict=True))
            case _ as never:
                assert_never(never)


class Larger(msgspec.Struct, frozen=True):
    """The larger of two numbers drawn from one uniform: plain and uplifted. `uplifted` None: plain alone."""

    plain: Fitted
    uplifted: Fitted | None = None

    def survival(self, x: float) -> float:
        """P(value > x): from one uniform, the larger exceeds x where the likelier of the two does."""
        own = survival(self.plain, x)
        return own if self.uplifted is None else max(own, survival(self.uplifted, x))

    def moment(self, power: int) -> float:
        """The mean of value ** power (power 1 or 2): in closed form unless the quantiles cross."""
        if self.uplifted is None:
            return moment(self.plain, power)
        with np.errstate(over="ignore", invalid="ignore"):
            one, other = (f.quantile(_LEVELS) ** power for f in (self.plain, self.uplifted))
            # The one with the heavier tail in closed form; of the other, only where it is the larger.
            upper = self.plain if one[-1] > other[-1] else self.uplifted
            gap = one - other if upper is self.uplifted else other - one
            both = moment(upper, power) + float(np.sum(np.where(gap > 0, gap, 0.0) * _WEIGHTS))
        # The larger of two has at least the mean of either: what the integral misses never shows as a loss.
        return max(both, moment(self.plain, power), moment(self.uplifted, power))

    def quantile(self, u: Floats) -> Floats:
        """Values at the probabilities `u`."""
        own = self.plain.quantile(u)
        return own if self.uplifted is None else np.maximum(own, self.uplifted.quantile(u))


def _beta_survival(a: float, b: float, x: float) -> float:
    return float(special.betaincc(a, b, min(max(x, 0.0), 1.0)))


def _beta_moment(a: float, b: float, power: int) -> float:
    first = a / (a + b)
    return first if power == 1 else first * (a + 1) / (a + b + 1)


def _split_survival(peak: float, below: float, above: float, z: float) -> float:
    """Of the two-piece normal with density ∝ exp(-(z - peak)²/2s²), s by side."""
    if z <= peak:
        return 1 - 2 * below / (below + above) * float(special.ndtr((z - peak) / below))
    return 2 * above / (below + above) * float(special.ndtr((peak - z) / above))


def _split_moment(peak: float, below: float, above: float, power: int) -> float:
    """E[exp(power · z)] of the two-piece normal, from the moment-generating function of each half."""
    half = [special.erfcx(power * s / math.sqrt(2)) / 2 for s in (below, -above)]  # exp(s²/2) · Φ(∓s)
    return float(np.exp(power * peak) * 2 * (below * half[0] + above * half[1]) / (below + above))
