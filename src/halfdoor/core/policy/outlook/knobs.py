"""The inputs of a verdict: what they are called, where they stand, how far they go."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np
from scipy import special

from halfdoor.core.model.words import group_words
from halfdoor.core.risk.document import Leak
from halfdoor.core.risk.uncertainty.distributions import fit
from halfdoor.core.risk.uncertainty.variation import Fixed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halfdoor.core.risk.document import RiskModel
    from halfdoor.core.risk.uncertainty.draws import Draws
    from halfdoor.core.risk.uncertainty.variation import Recorded

_TAILS = np.array([0.001, 0.5, 0.999])
_BEYOND = 10.0  # how far past its own tails an input is tried
_CHANCE = "probability a year"
_EDGE = 1e-6  # probabilities are tried from here to 1 less this


class Knob(msgspec.Struct, frozen=True):
    """One number that can be held at a value: `low` to `high` is its plausible range, `now` its median.

    stream: where it is a leak rate, the stream of uniforms it is drawn from, and the row that says how
    """

    name: str
    words: str
    unit: str
    now: float
    low: float
    high: float
    scale: Literal["log", "logit"] = "log"
    leak: Leak | None = None

    def at(self, x: float) -> float:
        """The value at a point of the scale."""
        return math.exp(x) if self.scale == "log" else 1 / (1 + math.exp(-x))

    def point(self, value: float) -> float:
        """The point of the scale at a value."""
        return math.log(value) if self.scale == "log" else math.log(value / (1 - value))

    def held(self, draws: Draws, value: float) -> Draws:
        """The draws with this number held at the value, all else as it was."""
        if self.leak is None:
            return Fixed(draws, {self.name: value})
        level = float(special.gammainc(self.leak.leaks + 0.5, value * self.leak.years))
        return Fixed(draws, {}, {self.name: level})

    @property
    def moves_reach(self) -> bool:
        """Whether it says how likely somebody gets at what a group has."""
        return self.leak is not None or self.name.startswith("reach ")


def knobs(asked: Recorded, model: RiskModel) -> list[Knob]:
    """What a gate asked for while it was made, but for constants of 0, which say that nothing is needed."""
    words = labels(model)
    found = []
    for number in asked.numbers.values():
        low, now, high = (float(v) for v in fit(number.stated, number.quantity).quantile(_TAILS))
        if high <= 0:
            continue
        told, unit = words.get(number.name, (number.name, ""))
        if number.quantity == "positive":
            found.append(Knob(number.name, told, unit, now, low / _BEYOND, high * _BEYOND))
        else:
            now = min(max(now, _EDGE), 1 - _EDGE)
            least = max(_EDGE, low / _BEYOND**2)
            found.append(Knob(number.name, told, unit, now, least, 1 - _EDGE, "logit"))
    return found + _leaks(model.leak, asked, words)


def _leaks(rows: Iterable[Leak], asked: Recorded, words: dict[str, tuple[str, str]]) -> list[Knob]:
    found = []
    for row in rows:
        name = f"leak/{row.group}"
        if name in asked.streams:
            low, now, high = (float(v) for v in special.gammaincinv(row.leaks + 0.5, _TAILS) / row.years)
            found.append(Knob(name, *words[name], now, low / _BEYOND, high * _BEYOND, leak=row))
    return found


def labels(model: RiskModel) -> dict[str, tuple[str, str]]:
    """Name of an input's draws -> words for it, and its unit."""
    actors = {a.id: f"{a.words} ({a.id})" if a.words else a.id for a in model.actor}
    told: dict[str, tuple[str, str]] = {}
    for id_, words in actors.items():
        told[f"actor {id_}, budget"] = (f"the budget of {words}", "USD")
        told[f"actor {id_}, days"] = (f"the time that {words} has", "days")
        told[f"reach/{id_}"] = (f"how well {words} gets in", "")
    for rule in model.rule:
        name = f"rule {rule.gives} <- {' + '.join(rule.needs)}"
        way = f"{rule.gives} from {' and '.join(rule.needs)}"
        told[f"{name}, cost"] = (f"the cost of {way}", "USD")
        told[f"{name}, days"] = (f"the time that {way} takes", "days")
        told[f"{name}, usd_per_unit"] = (f"the cost of one unit of {rule.measured_by}", "USD")
    for row in model.reach:
        name = f"reach {row.actor}, {row.group} {row.security}".rstrip()
        who = actors.get(row.actor, row.actor)
        if row.group == "nobody":
            level = f" at security level {row.security}" if row.security else ""
            told[name] = (f"the chance that {who} steals the files{level}", _CHANCE)
        else:
            told[name] = (f"the chance that {who} gets in as {group_words(row.group)}", _CHANCE)
    for leak in model.leak:
        told[f"leak/{leak.group}"] = (f"leaks of what {group_words(leak.group)} hold", "a year")
    return told
