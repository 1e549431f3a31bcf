"""Which inputs the answer rests on: access under the limit rows that bind, and the harm that is added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from halfdoor.core.annex import Driver
from halfdoor.core.ids import parse_item
from halfdoor.core.policy.outlook import driving_harm
from halfdoor.core.policy.outlook.knobs import labels
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.risk.uncertainty.variation import Varied
from halfdoor.core.risk.value.drivers import total_indices

if TYPE_CHECKING:
    from halfdoor.core.policy.constraints import Constraints, LimitInForce
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.risk.access import AccessModel, HasGroups
    from halfdoor.core.risk.uncertainty.distributions import Floats
    from halfdoor.core.risk.value.drivers import Index

DRAWS = 2000
ROWS_MAX = 3
INPUTS_MAX = 5  # of one row
_LEAST = 0.05  # a smaller share is not shown
_ERRORS = 2.0  # nor one that does not stand out from noise
_WAYS_MAX = 400  # beyond that a row would take seconds


def drivers(situation: Situation, rows: Constraints) -> list[Driver]:
    """The inputs that carry most of the spread of access, for each row that binds, and of added events.

    Rows that the proposal breaks, the worst first; where it breaks none, the one nearest to it.
    """
    access = situation.gates.access
    base = Draws(access.draws.seed, min(DRAWS, access.draws.count))
    words = {stream: told for stream, (told, _) in labels(situation.model).items()}
    found = []
    for limit in _binding(situation, rows):
        actor, ability = limit.row.actor, limit.row.ability

        def outcome(draws: Draws, actor: str = actor, ability: str = ability) -> Floats:
            return attained(Varied(access, draws), actor, ability, situation.proposed.groups_with)

        indices = total_indices(outcome, base)
        subject = f"{actor}'s access to {ability}"
        found += _largest(indices, f"access of {actor} to {ability}", subject, words)
    fewer = Draws(access.draws.seed, min(driving_harm.DRAWS, access.draws.count))
    often = driving_harm.added_events(situation, fewer)
    if often is not None:
        indices = total_indices(often.outcome, fewer, often.streams)
        words |= driving_harm.harm_labels(situation.model)
        found += _largest(indices, often.name, often.subject, words)
    return found


def _largest(indices: list[Index], name: str, subject: str, words: dict[str, str]) -> list[Driver]:
    """The few that matter and stand out from noise."""
    return [
        Driver(
            outcome=name,
            input=index.stream,
            total=f"{min(1.0, index.total):.2f}",
            error=f"{index.error:.2f}",
            sentence=(
                f"{min(1.0, index.total) * 100:.0f} % of the spread in {subject} "
                f"rests on {words.get(index.stream, index.stream)} (± {index.error * 100:.0f} points)."
            ),
        )
        for index in indices[:INPUTS_MAX]
        if index.total >= _LEAST and index.total > _ERRORS * index.error
    ]


def _binding(situation: Situation, rows: Constraints) -> list[LimitInForce]:
    """One row for each actor and ability, those that are furthest over what they tolerate first."""
    proposed = situation.proposed
    over: dict[tuple[str, str], tuple[float, LimitInForce]] = {}
    for limit in (*rows.limits, *rows.hopeless):
        ways = situation.gates.access.ways(limit.row.ability)
        if not limit.gate.complete or len(ways.ways) > _WAYS_MAX:
            continue
        key = limit.row.actor, limit.row.ability
        excess = limit.share(proposed) - float(1 - limit.row.confidence)
        if key not in over or excess > over[key][0]:
            over[key] = excess, limit
    ranked = sorted(over.values(), key=lambda pair: (-pair[0], pair[1].id))
    broken = [limit for excess, limit in ranked if excess > 0]
    return broken[:ROWS_MAX] or [limit for _, limit in ranked[:1]]


def attained(access: AccessModel, actor: str, ability: str, groups_with: HasGroups) -> Floats:
    """X over the draws: the largest chance with which all items of an affordable derivation are reached."""
    reach = access.reach(actor)
    skill = next(a.skill for a in access.model.actor if a.id == actor)
    item_reach: dict[str, Floats] = {}

    def reached(item: str) -> Floats:
        if item not in item_reach:
            service = parse_item(item).is_service
            best = np.zeros(access.draws.count) if service else np.asarray(reach.theft)
            for group in groups_with(item):
                best = np.maximum(best, reach.access(group, service=service))
            item_reach[item] = best
        return item_reach[item]

    result = np.zeros(access.draws.count)
    for way in access.ways(ability).ways:
        spend = access.spend(way)
        if spend.skill > skill:
            continue
        within = access.affords(actor, spend).astype(np.float64)
        for item in way.items:
            within = np.where(within > 0, np.minimum(within, reached(item)), 0.0)
        result = np.maximum(result, within)
    return result
