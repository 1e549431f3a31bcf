"""What a risk model says about its threats by themselves: chance of success, yearly harm, how often how much.

Nothing is shared or withheld here: the plain figures are without a model's help, the uplifted ones with a
model of capability 1. Means and event frequencies are exact for the fitted numbers, which are independent of
each other: products of means and survival functions. Percentiles come from the draws, which are stratified
(a Latin hypercube), so that those of a single number are right to a part in the number of draws.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from halfdoor.core.errors import InputError
from halfdoor.core.ids import did_you_mean
from halfdoor.core.risk.basis import Basis, threat_bases
from halfdoor.core.risk.harm.expected import (
    Expected,
    StepFigure,
    curve_points,
    rounded,
    shares,
    standard_error,
)
from halfdoor.core.risk.harm.success import Success, Together, damage, tries
from halfdoor.core.risk.uncertainty.stratified import Stratified

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from halfdoor.core.risk.document import RiskModel, Threat
    from halfdoor.core.risk.uncertainty.distributions import Floats
    from halfdoor.core.risk.uncertainty.draws import Draws

HEAVY_TAIL = 0.05  # a mean whose standard error is above this share of it is flagged


class Summary(msgspec.Struct, frozen=True):
    """A figure over the draws."""

    mean: float
    p5: float
    p50: float
    p95: float


class Chance(Summary, frozen=True):
    """P(success). `groups`: the alternatives that share an `any_of`, taken together."""

    steps: dict[str, StepFigure]
    groups: dict[str, StepFigure]


class YearlyHarm(msgspec.Struct, frozen=True):
    """Harm a year, with damage read as an uncertain mean.

    mean: exact. mean_se: the standard error that the plain mean of so many draws would have, exact too; it
    measures how far the mean hangs on rare draws, and above 5 % of the mean the tail is called heavy
    """

    mean: float
    mean_se: float
    p5: float
    p50: float
    p95: float
    unit: str
    heavy_tailed: bool


class Comonotone(msgspec.Struct, frozen=True):
    """The same with all steps good or bad together; means over the draws."""

    p_success: Summary
    annual_harm: Summary


class Figures(msgspec.Struct, frozen=True):
    """One threat at one capability. Means of how often: successes, and [x, those with damage above x]."""

    p_success: Chance
    successes_per_year: float
    annual_harm: YearlyHarm
    event_frequency: list[tuple[float, float]]
    comonotone: Comonotone


class ThreatFigures(Figures, frozen=True):
    """One threat without a model's help; `uplifted`: the same at capability 1.

    has_uplift: some number of it grows with capability
    basis: whose numbers these are
    """

    uplifted: Figures
    has_uplift: bool
    basis: Basis
    words: str
    domain: str


class Simulation(msgspec.Struct, frozen=True):
    """All threats asked for, by id, in the document's order."""

    risk_model: str
    version: str
    seed: int
    draws: int
    threats: dict[str, ThreatFigures]


def simulate(
    model: RiskModel,
    threats: Sequence[str] = (),
    *,
    seed: int = 1,
    draws: int = 20_000,
    done: Callable[[], object] = lambda: None,
) -> Simulation:
    """Simulate these threats, or all; `done` is called after each. Raises InputError `unknown-threat`."""
    known = {threat.id: threat for threat in model.threat}
    for name in threats:
        if name not in known:
            raise InputError(
                "unknown-threat",
                f"{name!r} is no threat of {model.name}",
                where="--threat",
                remedy=did_you_mean(name, known),
            )
    found, bases = {}, threat_bases(model)
    for id_, threat in known.items():
        if not threats or id_ in threats:
            found[id_] = simulate_threat(threat, Stratified(seed, draws), bases[id_])
            done()
    return Simulation(model.name, model.version, seed, draws, found)


def simulate_threat(threat: Threat, draws: Draws, rests_on: Basis) -> ThreatFigures:
    """One threat, plain and uplifted."""
    success = Success(threat, draws)
    with np.errstate(over="ignore", invalid="ignore"):  # what leaves the range of a float is infinite
        curve = curve_points(threat)
        plain, full = (_figures(threat, success, draws, capability, curve) for capability in (0, 1))
    return ThreatFigures(
        p_success=plain.p_success,
        successes_per_year=plain.successes_per_year,
        annual_harm=plain.annual_harm,
        event_frequency=plain.event_frequency,
        comonotone=plain.comonotone,
        uplifted=full,
        has_uplift=_has_uplift(threat),
        basis=rests_on,
        words=threat.words,
        domain=threat.domain,
    )


def _has_uplift(threat: Threat) -> bool:
    stated = [threat.damage_uplifted, *(step.uplifted for step in threat.step)]
    return any(v is not None for v in stated) or bool(threat.actors_uplifted or threat.attempts_uplifted)


def _figures(
    threat: Threat, success: Success, draws: Draws, capability: Literal[0, 1], curve: list[float]
) -> Figures:
    parts = Expected(threat, uplifted=capability == 1)
    chance, chance_square = parts.chance()
    rate, rate_square = parts.rate()
    cost = parts.damage
    mean = chance * rate * cost.moment(1)
    square = chance_square * rate_square * cost.moment(2)
    trying = sum((tries(threat, actor, draws, capability) for actor in threat.actors), np.zeros(draws.count))
    each = trying * damage(threat, draws, capability)
    runs: tuple[Together, Together] = ("independent", "comonotone")
    apart, together = (success.at(capability, steps=steps) for steps in runs)
    error = standard_error(mean, square, draws.count)
    return Figures(
        p_success=Chance(rounded(chance), *_percentiles(apart), *shares(threat, parts.steps)),
        successes_per_year=rounded(rate * chance),
        annual_harm=YearlyHarm(
            rounded(mean),
            rounded(error),
            *_percentiles(apart * each),
            unit=threat.unit,
            heavy_tailed=error > HEAVY_TAIL * mean or not math.isfinite(error),
        ),
        event_frequency=[(x, rounded(rate * chance * cost.survival(x))) for x in curve],
        comonotone=Comonotone(_summary(together), _summary(together * each)),
    )


def _percentiles(values: Floats) -> tuple[float, float, float]:
    p5, p50, p95 = np.quantile(values, (0.05, 0.5, 0.95))
    return rounded(p5), rounded(p50), rounded(p95)


def _summary(values: Floats) -> Summary:
    return Summary(rounded(float(values.mean())), *_percentiles(values))
