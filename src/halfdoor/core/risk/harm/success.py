"""P(success) of a threat at a capability, draw by draw; and the other numbers that grow with capability.

Each step stands between its plain draw (capability 0) and its uplifted draw (capability 1), interpolated in
the logit. Both draws come from one uniform, and an uplifted draw below the plain one counts as the plain one:
a worse tool is not used, so uplift is never negative. P(success) is the product over the steps; alternatives
that share an `any_of` succeed where one of them does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from halfdoor.core.risk.harm.steps import step_groups, step_names
from halfdoor.core.risk.uncertainty.distributions import Floats

if TYPE_CHECKING:
    from halfdoor.core.risk.document import Threat, Uncertain
    from halfdoor.core.risk.uncertainty.draws import Draws

Together = Literal["independent", "comonotone"]
Capability = Floats | float  # 0-1, for every draw or one for all
Pair = tuple[Floats, Floats]  # plain and uplifted draws, plain <= uplifted

# Between an impossible step (p = 0) and a likely one there is no logit to interpolate: such a p counts as
# this near to 0 or 1 strictly between the two ends, and exactly at them.
_EDGE = 1e-9


class Success:
    """A threat's P(success) over the draws, for any capability. The draws keep what there is room for."""

    def __init__(self, threat: Threat, draws: Draws) -> None:
        """Using it raises InputError, naming the step, where its percentiles are impossible."""
        self._threat = threat
        self._draws = draws
        self._names = step_names(threat.step)
        self._groups = step_groups(threat.step)

    def at(self, capability: Capability, *, steps: Together = "independent") -> Floats:
        """P(success) in each draw at `capability`: never falls as it rises; a threat without steps gets 1.

        `steps`: "independent", each with a stream of its own; or "comonotone", all good or bad together.
        """
        result = np.ones(self._draws.count)
        for group in self._groups.values():
            if len(group) == 1:
                result *= self._step(group[0], capability, steps)
                continue
            failing = np.ones(self._draws.count)
            for index in group:
                failing *= 1.0 - self._step(index, capability, steps)
            result *= 1.0 - failing
        return result

    def _step(self, index: int, capability: Capability, steps: Together) -> Floats:
        return _between_logits(*self.pair(index, steps=steps), capability)

    def pair(self, index: int, *, steps: Together = "independent") -> Pair:
        """Plain and uplifted draws of one step, by its place in the document."""
        step, name = self._threat.step[index], f"{self._threat.id}/step/{self._names[index]}"
        common = f"{self._threat.id}/steps" if steps == "comonotone" else ""
        return _pair(self._draws, name, step.p, step.uplifted, stream=common)


def scaled(
    draws: Draws, name: str, stated: Uncertain, uplifted: Uncertain | None, capability: Capability
) -> Floats:
    """A number of at least 0 that grows with capability, draw by draw: actors, attempts, damage.

    Interpolated geometrically between its plain and its uplifted draw (linearly from 0); never falls. `name`
    names its stream. Raises InputError for impossible percentiles.
    """
    plain, full = _pair(draws, name, stated, uplifted, positive=True)
    if uplifted is None:
        return plain
    share = np.asarray(capability, dtype=np.float64)
    low, high = (np.log(x, out=np.zeros_like(x), where=plain > 0) for x in (plain, full))
    grown = np.clip(np.where(plain > 0, np.exp(low + share * (high - low)), full * share), plain, full)
    return np.asarray(np.where(share <= 0, plain, np.where(share >= 1, full, grown)))


def tries(threat: Threat, actor: str, draws: Draws, capability: Capability) -> Floats:
    """Attempts a year by one class of actors, all of it together: actors × attempts of each."""
    each = [
        scaled(draws, f"{threat.id}/{name}/{actor}", plain.get(actor, 0.0), full.get(actor), capability)
        for name, plain, full in (
            ("actors", threat.actors, threat.actors_uplifted),
            ("attempts", threat.attempts, threat.attempts_uplifted),
        )
    ]
    return each[0] * each[1]


def damage(threat: Threat, draws: Draws, capability: Capability) -> Floats:
    """Damage of one success, in the threat's unit."""
    return scaled(draws, f"{threat.id}/damage", threat.damage, threat.damage_uplifted, capability)


def _pair(
    draws: Draws,
    name: str,
    stated: Uncertain,
    uplifted: Uncertain | None,
    *,
    stream: str = "",
    positive: bool = False,
) -> Pair:
    """Plain and uplifted draws from one uniform; the uplifted never below the plain."""
    quantity: Literal["positive", "probability"] = "positive" if positive else "probability"
    plain = draws.of(name, stated, quantity, stream=stream)
    if uplifted is None:
        return plain, plain
    full = draws.of(f"uplifted/{name}", uplifted, quantity, stream=stream or name)
    return plain, np.maximum(plain, full)


def _between_logits(plain: Floats, full: Floats, capability: Capability) -> Floats:
    """Probabilities between the two ends: rising in `plain`, in `full` and in `capability`."""
    if full is plain or (isinstance(capability, float | int) and capability <= 0):
        return plain
    if isinstance(capability, float | int) and capability >= 1:
        return full
    share = np.asarray(capability, dtype=np.float64)
    low, high = (special.logit(np.clip(p, _EDGE, 1 - _EDGE)) for p in (plain, full))
    # This form, unlike (1 - share) * low + share * high, rises with the share in floating point too.
    between = np.clip(special.expit(low + share * (high - low)), plain, full)
    return np.asarray(np.where(share <= 0, plain, np.where(share >= 1, full, between)))
