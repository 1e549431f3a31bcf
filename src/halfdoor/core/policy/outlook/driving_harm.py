"""What added harm rests on: the logarithm of how often the chief threat succeeds because of the proposal.

Raw harm would not do: its tails make such shares worthless. In draws in which next to nothing is added the
frequency counts as a thousandth of its mean, so that the logarithm is finite and bounded from below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from halfdoor.core.risk.harm.steps import step_names
from halfdoor.core.risk.uncertainty.variation import Varied
from halfdoor.core.risk.value.drivers import streams_of

if TYPE_CHECKING:
    from halfdoor.core.policy.harm.exposures import Exposures
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.risk.document import RiskModel, Threat
    from halfdoor.core.risk.uncertainty.distributions import Floats
    from halfdoor.core.risk.uncertainty.draws import Draws
    from halfdoor.core.risk.value.drivers import Outcome

DRAWS = 1000
STREAMS_MAX = 100  # one simulation each: beyond that it would take seconds
_WAYS_MAX = 400  # the same
_LEAST = 1e-3  # of the mean


@dataclass(frozen=True)
class Rests:
    """One outcome to be explained.

    name:    of the outcome
    subject: "of the spread in …"
    streams: what it may rest on
    """

    name: str
    subject: str
    outcome: Outcome
    streams: tuple[str, ...]


def added_events(situation: Situation, base: Draws) -> Rests | None:
    """Log frequency of the events that the proposal adds to its chief threat.

    None where it adds none, or where asking would take too long.
    """
    exposures = situation.gates.exposures
    if exposures is None:
        return None
    chief = _chief(situation, exposures)
    if chief is None:
        return None
    having, access = situation.proposed.groups_with, exposures.access
    abilities = {ability for ability in (chief.needs, *chief.routes) if ability}
    if sum(len(access.ways(ability).ways) for ability in abilities) > _WAYS_MAX:
        return None

    def events(draws: Draws) -> Floats:
        return exposures.on(Varied(access, draws)).threat(chief).added("events", having)

    floor = _LEAST * float(events(base).mean())
    if floor <= 0:
        return None

    def outcome(draws: Draws) -> Floats:
        return np.log(np.maximum(events(draws), floor))

    streams = streams_of(outcome, base.seed)
    if len(streams) > STREAMS_MAX:
        return None
    subject = f"how often, because of this model, {chief.words or chief.id} (as a logarithm)"
    return Rests(f"events added to {chief.id}", subject, outcome, streams)


def _chief(situation: Situation, exposures: Exposures) -> Threat | None:
    """The threat of the frequency row nearest to being broken; without any, the one that grows most."""
    proposed = situation.proposed
    rows = [row for row in exposures.frequencies() if row.threats]
    if rows:
        nearest = max(rows, key=lambda row: (row.violations(proposed) - row.tolerated, row.id))
        return nearest.chief(proposed).threat

    def growth(threat: Threat) -> float:
        exposure = exposures.threat(threat)
        more = float(exposure.added("harm", proposed.groups_with).mean())
        return more / (float(exposure.baseline("harm").mean()) or 1.0)

    return max(situation.model.threat, key=growth, default=None)


def harm_labels(model: RiskModel) -> dict[str, str]:
    """Stream of uniforms -> words for what is drawn from it, beside those of `knobs.labels`."""
    actors = {actor.id: actor.words or actor.id for actor in model.actor}
    told = {
        "elicitation gap": "how much more better elicitation would show, in all domains",
        "exposure/withdrawal_days": "how soon a service is withdrawn",
        "exposure/public_lag_days": "how soon a comparable model is public, on average",
        "exposure/public": "when a comparable model is public",
    }
    for domain in model.domain:
        words = domain.words or domain.id
        told[f"score/{domain.id}"] = f"how capable the model is, given its scores ({words})"
        told[f"score/{domain.id}/reference"] = f"how capable the public reference is ({words})"
        told[f"elicitation gap/{domain.id}"] = f"how much more better elicitation would show ({words})"
        told[f"circumvention gap/{domain.id}"] = f"how much its safeguards hold back ({words})"
        told[f"growth gap/{domain.id}"] = f"how much fine-tuning and tools add ({words})"
    for stop in model.stop:
        told[f"stop/{stop.safeguard}"] = f"how often {stop.safeguard} stops somebody in time"
    for threat in model.threat:
        for name in step_names(threat.step):
            told[f"{threat.id}/step/{name}"] = f"how often the step “{name}” succeeds"
        for actor in threat.actors:
            who = actors.get(actor, actor)
            told[f"{threat.id}/actors/{actor}"] = f"how many actors there are ({who})"
            told[f"{threat.id}/attempts/{actor}"] = f"how often each actor tries ({who})"
    return told
