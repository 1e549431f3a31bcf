"""Damage of an event, how often it is so severe, and what a year of events adds up to.

Two kinds of chance are kept apart: what is unknown (one value in each draw) and what happens (from event to
event). Damage whose spread is ignorance has one value in each draw; where the spread is between events, how
often an event is at least so severe is a closed form of the fitted distribution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

import numpy as np
from scipy import special

from halfdoor.core.risk.harm.success import damage
from halfdoor.core.risk.uncertainty.distributions import Fitted, Floats, fit
from halfdoor.core.risk.uncertainty.draws import Draws

if TYPE_CHECKING:
    from halfdoor.core.risk.document import Threat
    from halfdoor.core.risk.harm.success import Capability

EVENTS_MAX = 16  # of one year that are drawn, the largest first; the rest enters by its mean
_CAPABILITIES = np.linspace(0.0, 1.0, 33)  # between which what grows with capability is read off
_BISECTIONS = 60
_TINY = 1e-16  # as near to certainty as a probability can be told from it
_NORMALS = np.linspace(-8.0, 8.0, 1601)  # of the trapezoid rule for a mean


def exceedance(fitted: Fitted, x: float) -> float:
    """P(value ≥ x) for a fitted number of at least 0, in closed form: exact far out in the tail too."""
    match fitted.kind:
        case "constant":
            return float(fitted.parameters[0] >= x)
        case "lognormal":
            mu, sigma = fitted.parameters
            return 1.0 if x <= 0 else float(special.ndtr((mu - np.log(x)) / sigma))
        case "split-lognormal":
            return 1.0 if x <= 0 else _split_exceedance(float(np.log(x)), *fitted.parameters)
        case "beta":
            a, b = fitted.parameters
            return float(special.betaincc(a, b, np.clip(x, 0.0, 1.0)))
        case "pert":
            a, b, low, high = fitted.parameters
            return float(special.betaincc(a, b, np.clip((x - low) / (high - low), 0.0, 1.0)))
        case "mixture":
            parts = zip(fitted.parameters, fitted.parts, strict=True)
            return sum(weight * exceedance(part, x) for weight, part in parts)
        case _ as never:
            assert_never(never)


def _split_exceedance(log_x: float, peak: float, below: float, above: float) -> float:
    """Two half-normals in log space: above the peak the upper one, below it 1 minus the lower one."""
    if log_x >= peak:
        return 2 * above / (below + above) * float(special.ndtr((peak - log_x) / above))
    return 1 - 2 * below / (below + above) * float(special.ndtr((log_x - peak) / below))


class Damage:
    """Damage of one event of a threat. It grows with capability where the risk model says so."""

    def __init__(self, threat: Threat, draws: Draws) -> None:
        """Raises InputError where the percentiles are impossible."""
        self._threat = threat
        self._draws = draws
        self.per_event = threat.spread == "event"
        self.grows = threat.damage_uplifted is not None
        self._stated = fit(threat.damage, "positive", where=f"threat {threat.id}, damage")
        self._full = self._stated
        if threat.damage_uplifted is not None:
            where = f"threat {threat.id}, damage_uplifted"
            self._full = fit(threat.damage_uplifted, "positive", where=where)
        self._means: Floats | None = None

    def mean(self, capability: Capability) -> Floats:
        """Expected damage of an event: in each draw, or one number where it is the same in all."""
        if not self.per_event:
            return damage(self._threat, self._draws, capability)
        if not self.grows:
            return np.full(1, self._stated.mean())
        if self._means is None:
            self._means = self._growing_means()
        return self._read_off(self._means, capability)

    def at_least(self, x: float, capability: Capability) -> Floats:
        """P(damage ≥ x) of an event: in each draw (0 or 1), or one number where the spread is of events."""
        if not self.per_event:
            return (damage(self._threat, self._draws, capability) >= x).astype(np.float64)
        if not self.grows:
            return np.full(1, exceedance(self._stated, x))
        return self._read_off(self._growing_exceedance(x), capability)

    def quantile(self, u: Floats, capability: Capability) -> Floats:
        """Damage of an event at the probabilities `u`, rising in both."""
        plain = self._stated.quantile(u)
        if not self.grows:
            return plain
        full = np.maximum(plain, self._full.quantile(u))
        share = np.asarray(capability, dtype=np.float64)
        above = np.divide(full, plain, out=np.ones_like(plain), where=plain > 0)
        between = np.clip(np.where(plain > 0, plain * above**share, full * share), plain, full)
        return np.asarray(np.where(share >= 1, full, between))

    def _read_off(self, table: Floats, capability: Capability) -> Floats:
        return np.atleast_1d(np.interp(capability, _CAPABILITIES, table))

    def _growing_means(self) -> Floats:
        """Mean at each of the table's capabilities, by the trapezoid rule over normal scores."""
        u = special.ndtr(_NORMALS)
        weight = np.exp(-(_NORMALS**2) / 2) / np.sqrt(2 * np.pi) * (_NORMALS[1] - _NORMALS[0])
        means = [float((self.quantile(u, float(k)) * weight).sum()) for k in _CAPABILITIES]
        ends = self._stated.mean(), max(self._stated.mean(), means[-1])
        return np.asarray(np.clip(np.maximum.accumulate(means), *ends))

    def _growing_exceedance(self, x: float) -> Floats:
        """P(damage ≥ x) at each of the table's capabilities, by bisection for where the quantile meets x."""
        low, high = np.zeros_like(_CAPABILITIES), np.ones_like(_CAPABILITIES)
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            enough = self.quantile(np.clip(middle, _TINY, 1 - _TINY), _CAPABILITIES) >= x
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        return np.asarray(np.maximum.accumulate(1.0 - high))


def year_of_events(threat: Threat, size: Damage, harm_per_year: Floats, draws: Draws) -> Floats:
    """What one year of added events comes to in each draw, where they add `harm_per_year` on average.

    Compound Poisson, largest events first (Ferguson and Klass 1972): with arrivals Γ_1 < Γ_2 < … of a unit
    Poisson process, those below the rate R are events, and the i-th has the size at probability 1 - Γ_i / R.
    The arrivals are fixed in each draw; so more events, or larger ones, only ever add to the sum. Beyond the
    EVENTS_MAX largest, the rest enters by its mean. Of a threat whose damage grows with capability, the
    events are of their full size and as many as come to the same mean.
    """
    mean = np.broadcast_to(size.mean(1.0), harm_per_year.shape)
    rate = np.divide(harm_per_year, mean, out=np.zeros_like(harm_per_year), where=mean > 0)
    total = np.zeros_like(rate)
    here = np.flatnonzero(rate)
    arrival = np.zeros(here.size)
    passing = Draws(draws.seed, draws.count)  # no other question asks for these streams: they are not kept
    for event in range(EVENTS_MAX):
        arrival = arrival - np.log(passing.uniform(f"{threat.id}/arrival {event} in a year")[here])
        happens = arrival < rate[here]
        here, arrival = here[happens], arrival[happens]
        if not here.size:
            return total
        total[here] += size.quantile(1.0 - arrival / rate[here], 1.0) if size.per_event else mean[here]
    total[here] += _smaller(size, arrival, rate[here], mean[here])
    return total


def _smaller(size: Damage, last: Floats, rate: Floats, mean: Floats) -> Floats:
    """Expected sum of the events after the last arrival: smaller, all of them, than the one it brought."""
    if not size.per_event:
        return np.asarray((rate - last) * mean)
    u = special.ndtr(_NORMALS)
    weight = np.exp(-(_NORMALS**2) / 2) / np.sqrt(2 * np.pi) * (_NORMALS[1] - _NORMALS[0])
    up_to = np.cumsum(size.quantile(u, 1.0) * weight)
    return np.asarray(rate * np.interp(special.ndtri(1.0 - last / rate), _NORMALS, up_to))
