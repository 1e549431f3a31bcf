"""Uncertain numbers: percentiles stated by people become distributions that can be drawn from.

Probabilities become Betas and positive quantities lognormals, by least squares on what is stated. Where
such a fit misses a stated percentile (by more than 0.05 for a probability, 25 % for a positive quantity),
a scaled Beta (PERT) or a split lognormal is used instead and says so in `kind`.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Literal, assert_never

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import special

from halfdoor.core.errors import InputError
from halfdoor.core.risk.uncertainty.least_squares import least_squares
from halfdoor.core.risk.uncertainty.quantiles import TABLE_POINTS, Levels, beta_quantile, split_quantile

if TYPE_CHECKING:
    from halfdoor.core.risk.document import Spread, Uncertain

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Quantity = Literal["probability", "positive"]
Kind = Literal["constant", "beta", "pert", "lognormal", "split-lognormal", "mixture"]

PROBABILITY_MISS_MAX = 0.05
POSITIVE_MISS_MAX = math.log(1.25)
_SIGMA_MIN = 1e-12  # below it, rounding decides
_ROOT_IMAGINARY_MAX = 1e-6  # more than rounding makes of a double root
_BETA_LOGS = (-7.0, 16.0)  # bounds of log a and log b
_PEAKED = 0.1  # log a, log b above 0: the density has a peak inside
_Z95 = 1.6448536269514722  # standard normal quantile of .95


class Fitted(msgspec.Struct, frozen=True):
    """A distribution and how well it meets what was stated.

    `parameters` by kind: constant (value); beta (a, b); pert (a, b, low, high); lognormal (mu, sigma);
    split-lognormal (log mode, sigma below, sigma above). `residual` is the largest miss of a stated
    percentile: absolute for probabilities, in log space for positive quantities. A mixture's parameters are
    the weights of its `parts`, which add up to 1.
    """

    kind: Kind
    parameters: tuple[float, ...]
    residual: float = 0.0
    parts: tuple[Fitted, ...] = ()

    def quantile(self, u: Floats | Levels) -> Floats:
        """Values at the probabilities `u` (any shape, each in (0, 1)); increasing in `u`.

        Levels share what several quantile functions need of the same probabilities. A constant is a
        read-only view that takes no memory.
        """
        levels = u if isinstance(u, Levels) else Levels(u)
        match self.kind:
            case "constant":
                return np.broadcast_to(np.float64(self.parameters[0]), levels.u.shape)
            case "beta":
                return beta_quantile(levels, *self.parameters)
            case "pert":
                a, b, low, high = self.parameters
                return low + (high - low) * beta_quantile(levels, a, b)
            case "lognormal":
                mu, sigma = self.parameters
                return np.asarray(np.exp(mu + sigma * levels.normal))
            case "split-lognormal":
                return np.exp(split_quantile(levels.u, *self.parameters))
            case "mixture":
                return _mixture_quantile(levels.u, self.parameters, self.parts)
            case _ as never:
                assert_never(never)

    def mean(self) -> float:
        """The mean of the fitted distribution (closed form but for the split lognormal)."""
        match self.kind:
            case "constant":
                return self.parameters[0]
            case "beta":
                a, b = self.parameters
                return a / (a + b)
            case "pert":
                a, b, low, high = self.parameters
                return low + (high - low) * a / (a + b)
            case "lognormal":
                mu, sigma = self.parameters
                return math.exp(mu + sigma * sigma / 2)
            case "split-lognormal":
                return _split_mean(*self.parameters)
            case "mixture":
                return sum(w * part.mean() for w, part in zip(self.parameters, self.parts, strict=True))
            case _ as never:
                assert_never(never)


def fit(stated: Uncertain, quantity: Quantity, *, where: str = "") -> Fitted:
    """The distribution for a stated number. Raises InputError naming `where` for impossible percentiles."""
    try:
        return _fit(stated, quantity)
    except InputError as error:
        raise InputError(error.code, error.message, where=where, remedy=error.remedy) from None


@functools.lru_cache(maxsize=4096)  # the same numbers stand in many rows
def _fit(stated: Uncertain, quantity: Quantity) -> Fitted:
    if isinstance(stated, float | int):
        return _constant(float(stated), quantity)
    if stated.pool:
        return _fit_pool(stated.pool, quantity)
    given = {
        key: value for key in ("p5", "mode", "p50", "p95") if (value := getattr(stated, key)) is not None
    }
    if set(given) == {"mode"} and stated.low is None:
        return _constant(given["mode"], quantity)
    points, mode = _points(stated, given)
    values = [value for _, value in points] if mode is None else sorted([points[0][1], mode, points[-1][1]])
    stated_order = [
        points[0][1],
        *([mode] if mode is not None else [v for _, v in points[1:-1]]),
        points[-1][1],
    ]
    if stated_order != sorted(stated_order):
        raise InputError(
            "bad-percentiles",
            f"the percentiles do not rise: {', '.join(f'{v:g}' for v in stated_order)}",
            remedy="state p5 ≤ mode or p50 ≤ p95",
        )
    for value in values:
        _check(value, quantity)
    if values[0] == values[-1]:
        return _constant(values[0], quantity)
    if quantity == "probability":
        return _fit_probability(points, mode)
    if values[0] <= 0:
        raise InputError(
            "bad-percentiles",
            "the lowest percentile of a positive quantity must be above zero",
            remedy="state a small positive number, or the constant 0",
        )
    return _fit_positive(points, mode)


def _fit_pool(pool: tuple[Spread, ...], quantity: Quantity) -> Fitted:
    """Experts' distributions, weighted; all alike where no weight is stated."""
    weights = [1.0 if part.weight is None else part.weight for part in pool]
    if min(weights) < 0 or sum(weights) <= 0:
        raise InputError(
            "bad-weights",
            "the weights of a pool must be at least 0, and not all 0",
            remedy="correct them, or leave them all out",
        )
    parts = tuple(_fit(part, quantity) for part in pool)
    return Fitted("mixture", tuple(w / sum(weights) for w in weights), max(p.residual for p in parts), parts)


def _mixture_quantile(u: Floats, weights: tuple[float, ...], parts: tuple[Fitted, ...]) -> Floats:
    """Quantiles of a mixture: where its weighted distribution function, on the parts' own points, meets u."""
    levels = np.sin(np.linspace(0, np.pi / 2, TABLE_POINTS + 2)[1:-1]) ** 2
    curves = [part.quantile(levels) for part in parts]
    points = np.unique(np.concatenate(curves))
    cumulated = np.zeros_like(points)
    for weight, curve in zip(weights, curves, strict=True):
        distinct = np.concatenate([curve[1:] > curve[:-1], [True]])  # of a step, the upper end counts
        cumulated += weight * np.interp(points, curve[distinct], levels[distinct], left=0.0, right=1.0)
    return np.asarray(np.interp(u, cumulated, points))


def _constant(value: float, quantity: Quantity) -> Fitted:
    _check(value, quantity)
    return Fitted("constant", (value,))


def _check(value: float, quantity: Quantity) -> None:
    if quantity == "probability" and not 0 <= value <= 1:
        raise InputError(
            "bad-probability",
            f"{value:g} is not a probability",
            remedy="state a number from 0 to 1",
        )
    if not math.isfinite(value) or value < 0:
        raise InputError(
            "bad-number",
            f"{value:g} is not a finite number of at least 0",
            remedy="correct the value",
        )


def _points(stated: Uncertain, given: dict[str, float]) -> tuple[list[tuple[float, float]], float | None]:
    """[(probability, value), …] rising in probability, and the mode if one is stated."""
    low, high, confidence = (getattr(stated, key) for key in ("low", "high", "confidence"))
    if not given and low is not None and high is not None and confidence is not None:
        if not 0 < confidence < 1:
            raise InputError("bad-probability", f"{confidence:g} is not a confidence")
        return [((1 - confidence) / 2, low), ((1 + confidence) / 2, high)], None
    if low is None and high is None and confidence is None:
        if set(given) == {"p5", "mode", "p95"}:
            return [(0.05, given["p5"]), (0.95, given["p95"])], given["mode"]
        if set(given) == {"p5", "p50", "p95"}:
            return [(0.05, given["p5"]), (0.5, given["p50"]), (0.95, given["p95"])], None
        if set(given) == {"p5", "p95"}:
            return [(0.05, given["p5"]), (0.95, given["p95"])], None
    raise InputError(
        "bad-percentiles",
        "the percentiles do not make a distribution",
        remedy="state {p5, mode, p95}, {p5, p50, p95}, {low, high, confidence} or one number",
    )


def _fit_probability(points: list[tuple[float, float]], mode: float | None) -> Fitted:
    """A Beta by least squares; PERT where that misses, or where p95 is 1."""
    if points[-1][1] == 1:
        return _fit_pert(points, mode)
    beta = _fit_beta(points, mode)
    if beta.residual <= PROBABILITY_MISS_MAX:
        return beta
    pert = _fit_pert(points, mode)
    return beta if beta.residual <= pert.residual else pert


def _fit_beta(points: list[tuple[float, float]], mode: float | None) -> Fitted:
    levels = np.asarray([level for level, _ in points])
    stated = np.asarray([value for _, value in points] + ([mode] if mode is not None else []))

    def misses(logs: Floats) -> Floats:
        a, b = np.exp(logs).T
        got = special.betaincinv(a[:, None], b[:, None], levels)
        if mode is not None:
            got = np.concatenate([got, _beta_modes(a, b)[:, None]], axis=1)
        return np.asarray(got - stated)

    centre = mode if mode is not None else float(np.mean(stated))
    centre = min(max(centre, 0.01), 0.99)
    spread = max((points[-1][1] - points[0][1]) / (2 * _Z95), 1e-4)
    size = max(centre * (1 - centre) / spread**2 - 1, 0.5)
    start = np.log([centre * size, (1 - centre) * size])

    def cost(logs: Floats) -> float:
        return float(np.sum(misses(logs[None, :]) ** 2))

    found = None
    if mode is not None:  # where the peak is inside; elsewhere it is missed by its distance to 0 or 1
        found = least_squares(misses, np.maximum(start, _PEAKED), 0, _BETA_LOGS[1])
    if found is None or mode is None or cost(found) > min(mode, 1 - mode) ** 2:
        anywhere = least_squares(misses, start, *_BETA_LOGS)
        found = anywhere if found is None or cost(anywhere) < cost(found) else found
    residual = float(np.max(np.abs(misses(found[None, :])[0, : len(points)])))
    a, b = np.exp(found)
    return Fitted("beta", (float(a), float(b)), residual)


def _beta_modes(a: Floats, b: Floats) -> Floats:
    inside = (a > 1) & (b > 1)
    middle = (a - 1) / np.where(inside, a + b - 2, 1.0)
    return np.where(inside, middle, np.where(a < b, 0.0, 1.0))


def _fit_pert(points: list[tuple[float, float]], mode: float | None) -> Fitted:
    """A Beta scaled to [low, high] within [0, 1], a + b = 6, its peak at the mode."""
    levels = np.asarray([level for level, _ in points])
    stated = np.asarray([value for _, value in points])
    peak = mode if mode is not None else float(np.median(stated))

    def shape(x: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        low = x[:, 0] * min(stated[0], peak)
        high = 1 - x[:, 1] * (1 - max(stated[-1], peak))
        a = 1 + 4 * (peak - low) / np.maximum(high - low, 1e-12)
        return a, 6 - a, low, high

    def misses(x: Floats) -> Floats:
        a, b, low, high = (part[:, None] for part in shape(x))
        return np.asarray(low + (high - low) * special.betaincinv(a, b, levels) - stated)

    found = least_squares(misses, np.array([0.5, 0.5]), 0, 1)[None, :]
    a, b, low, high = (float(part[0]) for part in shape(found))
    return Fitted("pert", (a, b, low, high), float(np.max(np.abs(misses(found)))))


def _fit_positive(points: list[tuple[float, float]], mode: float | None) -> Fitted:
    """A lognormal by least squares in log space; split at the mode where that misses."""
    z = special.ndtri([level for level, _ in points])
    logs = np.log([value for _, value in points])
    sigma = max(_least_sigma(z, logs, None if mode is None else math.log(mode)), _SIGMA_MIN)
    mu = float(np.mean(logs - sigma * z))
    if mode is not None:
        mu = float(np.sum(logs - sigma * z) + math.log(mode) + sigma * sigma) / (len(points) + 1)
    residual = float(np.max(np.abs(mu + sigma * z - logs)))
    if residual <= POSITIVE_MISS_MAX:
        return Fitted("lognormal", (mu, sigma), residual)
    return _fit_split(logs, mode)


def _least_sigma(z: Floats, logs: Floats, log_mode: float | None) -> float:
    """The sigma of the closest lognormal, its mu eliminated: in closed form, or a root of a cubic.

    With a mode the misses are mu + sigma z - log of each value, and mu - sigma² - log of the mode.
    """
    if log_mode is None:
        centred = z - np.mean(z)
        return float(np.sum(centred * logs) / np.sum(centred * centred))
    ends = np.append(logs, log_mode)
    linear, square = np.append(z, 0.0), np.append(np.zeros_like(z), -1.0)
    # Each miss is a parabola in sigma; the slope of the sum of their squares is a cubic.
    misses = [part - np.mean(part) for part in (-ends, linear, square)]
    m01, m02, m11, m12, m22 = (
        float(np.sum(misses[i] * misses[j])) for i, j in ((0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    )
    cubic = (2 * m22, 3 * m12, m11 + 2 * m02, m01)
    costs = {}
    for root in np.roots(cubic):
        if abs(root.imag) < _ROOT_IMAGINARY_MAX and root.real > 0:
            sigma = float(root.real)
            for _ in range(3):  # to the last digit, whatever the library that found the root
                slope = 3 * cubic[0] * sigma**2 + 2 * cubic[1] * sigma + cubic[2]
                if slope > 0:
                    sigma -= (((cubic[0] * sigma + cubic[1]) * sigma + cubic[2]) * sigma + cubic[3]) / slope
            costs[sigma] = m22 * sigma**4 + 2 * m12 * sigma**3 + (m11 + 2 * m02) * sigma**2 + 2 * m01 * sigma
    return min(costs, key=lambda sigma: (costs[sigma], sigma), default=0.0)  # all but a constant


def _fit_split(logs: Floats, mode: float | None) -> Fitted:
    """Two half-normals in log space that meet at the stated mode (or median) and hit p5 and p95."""
    peak = math.log(mode) if mode is not None else float(logs[len(logs) // 2])
    ends = np.asarray([logs[0], logs[-1]])
    levels = np.asarray([0.05, 0.95])

    def misses(x: Floats) -> Floats:
        below, above = np.exp(x[:, :1]), np.exp(x[:, 1:])
        return np.asarray(split_quantile(levels, peak, below, above) - ends)

    start = np.log(np.maximum([peak - ends[0], ends[1] - peak], 1e-3) / _Z95)
    found = least_squares(misses, start, -14, 6)
    below, above = (float(s) for s in np.exp(found))
    residual = float(np.max(np.abs(misses(found[None, :]))))
    return Fitted("split-lognormal", (peak, below, above), residual)


def _split_mean(peak: float, below: float, above: float) -> float:
    """E[exp(z)] of the two-piece normal, from the moment-generating function of each half."""
    left = 2 * below / (below + above) * math.exp(below**2 / 2) * float(special.ndtr(-below))
    right = 2 * above / (below + above) * math.exp(above**2 / 2) * float(special.ndtr(above))
    return math.exp(peak) * (left + right)
