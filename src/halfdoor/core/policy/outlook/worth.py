"""What knowing something is worth before deciding, as a share of full openness's benefit.

Who decides now takes the option that is worth most under the rows as the verdict has them: what is not
measured counts at its worst. What he could learn is simulated from the stated priors, and what it would be
worth is the gain over what he takes now, judged by the same simulation. So no gain is ever negative, and a
configuration that is forbidden only for want of evidence gives that evidence its worth.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np

from halfdoor.core.annex import Worth
from halfdoor.core.policy.constraints import TierInScope
from halfdoor.core.policy.outlook.axes import Axis, Outcome, capabilities, decay, options, samples
from halfdoor.core.policy.outlook.knobs import labels
from halfdoor.core.policy.outlook.stakes import Stakes
from halfdoor.core.risk.access import Gate
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.risk.uncertainty.variation import Recorded, Varied
from halfdoor.core.risk.value.information import Gain, held_out
from halfdoor.core.risk.value.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halfdoor.core.model.configuration import Configuration
    from halfdoor.core.policy.ledger import Benefits
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.risk.uncertainty.distributions import Floats

INPUTS_MAX = 5  # inputs shown
_DRAWS_MAX = 20_000
_BINS = 12  # of 20,000 draws: 800 for each half of a bin
_STREAMS_MAX = 40
_LEAST = 5e-4  # a gain below this is shown as none
_ERRORS = 2.0  # a gain has to stand out from noise by so many standard errors
_DAYS = 365.25


def worth(situation: Situation, benefits: Benefits, widest: list[Configuration]) -> list[Worth]:
    """Of knowing everything, of single inputs, of each missing measurement, and of waiting for them."""
    if not any(s.in_scope for s in situation.standings.values()):
        return []
    missing, known = samples(situation), capabilities(situation)
    case = _Case(Stakes(situation, benefits, options(situation, benefits, widest, (*missing, *known))))
    perfect = case.perfect([*known, *(axis for axis in missing if not axis.domain)])
    found = [_worth("everything", "perfect", "everything that is uncertain here", perfect)]
    partial = [(case.learning([axis]), axis.what, axis.words) for axis in known]
    partial += [(gain.value, stream, words) for gain, stream, words in case.inputs()]
    for gain, what, words in sorted(partial, key=lambda row: (-row[0], row[1]))[:INPUTS_MAX]:
        if gain >= _LEAST:
            found.append(_worth(what, "partial-perfect", words, gain))
    found += [_worth(axis.what, "sample", axis.words, case.learning([axis])) for axis in missing]
    return [*found, case.waiting(missing)] if missing else found


class _Case:
    """The decision as it stands, and what learning along some axes would add to it."""

    def __init__(self, stakes: Stakes) -> None:
        self._stakes = stakes
        self._situation = stakes.situation
        self._tiers = self._situation.tiers()
        self._rows = stakes.rows(self._tiers)
        values = stakes.values(self._rows)
        self._taken = int(np.argmax(values)) if values.max() > 0 else 0

    def learning(self, axes: Sequence[Axis]) -> float:
        """What knowing the outcomes along these axes is worth."""
        gains = [
            p * float(values.max() - values[self._taken])
            for p, rows in self._outcomes(axes)
            for values in [self._stakes.values(rows)]
        ]
        return max(0.0, math.fsum(gains))

    def perfect(self, axes: Sequence[Axis]) -> float:
        """What knowing the outcomes along these axes, and every draw, is worth."""
        gains = [
            p * (self._stakes.foreseen(rows) - float(self._stakes.values(rows)[self._taken]))
            for p, rows in self._outcomes(axes)
        ]
        return max(0.0, math.fsum(gains))

    def inputs(self) -> Iterator[tuple[Gain, str, str]]:
        """What knowing each stream of draws is worth, where it stands out from noise."""
        every = self._stakes.over_draws(self._rows, _DRAWS_MAX)
        now = every[self._taken]
        rivals = [row for row in _undominated(every) if (row > now).any()]
        if not rivals:
            return
        utility = np.stack([now, *rivals])
        words = labels(self._situation.model)
        for stream in self._streams():
            values = self._situation.gates.access.draws.uniform(stream)[: utility.shape[1]]
            gain = held_out(utility, values, bins=_BINS, now=0)
            if gain.value > _ERRORS * gain.error:
                yield gain, stream, words.get(stream, (stream, ""))[0]

    def _streams(self) -> list[str]:
        """What the rows in force ask for at any option."""
        access = self._situation.gates.access
        asked = Recorded(Draws(access.draws.seed, 8))
        varied = Varied(access, asked)
        for limit in self._situation.gates.limits(self._situation.policy, self._tiers):
            if limit.applies and limit.gate.complete:
                row = limit.row
                gate = Gate(varied, row.actor, row.ability, float(row.access_probability))
                for option in self._stakes.options:
                    gate.violations(option.groups_with)
        return list(asked.streams)[:_STREAMS_MAX]

    def waiting(self, axes: Sequence[Axis]) -> Worth:
        """Deciding now, or resting for a review period while these are measured."""
        outcomes = self._outcomes(axes)
        policy = self._situation.policy
        days = policy.review_days
        share = min(1.0, days / (_DAYS * float(policy.horizon_years)))
        utility = np.stack([self._stakes.values(rows) for _, rows in outcomes], axis=1)
        found = waiting(
            share * utility,
            (1 - share) * utility,
            np.arange(len(outcomes)),
            decay=decay(self._situation, days),
            weights=np.array([p for p, _ in outcomes]),
            taken=self._taken,
        )
        better = "wait and measure" if found.pays else "decide now"
        what = "the missing measurement" if len(axes) == 1 else f"the {len(axes)} missing measurements"
        return Worth(
            what=f"waiting {days} days",
            kind="waiting",
            gain=_shown(found.quasi_option),
            sentence=(
                f"Deciding now is worth {_shown(found.now)} of full openness's benefit; waiting {days} days "
                f"with {what} made meanwhile, {_shown(found.learning)}, of which learning adds "
                f"{_shown(found.quasi_option)}: {better}."
            ),
        )

    def _outcomes(self, axes: Sequence[Axis]) -> list[tuple[float, frozenset[str]]]:
        """Sets of rows in force with their probabilities: what leads to the same rows is one outcome."""
        moved = {axis.domain for axis in axes}
        still = {domain: at for domain, at in self._tiers.items() if domain not in moved}
        odds = {(self._stakes.rows(still), frozenset[str]()): 1.0}
        for axis in axes:
            effects: dict[tuple[frozenset[str], frozenset[str]], float] = {}
            for p, outcome in axis.outcomes:
                effect = self._effect(axis, outcome)
                effects[effect] = effects.get(effect, 0.0) + p
            then: dict[tuple[frozenset[str], frozenset[str]], float] = {}
            for (held, met), before in odds.items():
                for (adds, meets), p in effects.items():
                    key = held | adds, met | meets
                    then[key] = then.get(key, 0.0) + before * p
            odds = then
        return [(p, held - met) for (held, met), p in odds.items()]

    def _effect(self, axis: Axis, outcome: Outcome) -> tuple[frozenset[str], frozenset[str]]:
        """Rows that an outcome puts in force, and requirements that it meets."""
        if isinstance(outcome, TierInScope):
            return self._stakes.rows({axis.domain: outcome}), frozenset()
        return frozenset(), self._stakes.asking_for(axis.what) if outcome else frozenset()


def _undominated(utility: Floats) -> list[Floats]:
    """The options that are not at most as good as another one in every draw."""
    kept: list[Floats] = []
    for row in sorted(utility, key=lambda u: -float(u.mean())):
        if not any((row <= other).all() for other in kept):
            kept.append(row)
    return kept


def _worth(
    what: str, kind: Literal["perfect", "partial-perfect", "sample"], words: str, gain: float
) -> Worth:
    doing = "Measuring" if kind == "sample" else "Knowing"
    told = (
        f"{doing} {words} by itself would not change what is best to do."
        if gain < _LEAST
        else f"{doing} {words} is worth {_shown(gain)} of full openness's benefit."
    )
    return Worth(what, kind, _shown(gain), told)


def _shown(value: float) -> str:
    return f"{value + 0.0:.3f}"
