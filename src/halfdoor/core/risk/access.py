"""Who can do what: the combination table, and whether an actor gets an ability from a configuration.

X(a, b; r, φ) > x exactly when some derivation of b is within a's limits in draw φ and each of its items
is within a's reach with probability above x. Draws are bits of one integer, so a verdict over all draws
is a handful of integer operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from halfdoor.core.ids import parse_item
from halfdoor.core.model.groups import Groups
from halfdoor.core.risk.abilities import (
    STEPS_MAX,
    STEPS_TOTAL_MAX,
    Graph,
    Holdings,
    Way,
    Ways,
    derive,
    graphs_of,
)
from halfdoor.core.risk.bound import Bound, upper_bound
from halfdoor.core.risk.reach import ReachDraws
from halfdoor.core.risk.uncertainty.distributions import Floats, Mask
from halfdoor.core.risk.uncertainty.draws import Draws, all_bits, bits
from halfdoor.core.risk.uncertainty.kept import KEPT_BYTES_MAX, Kept

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from halfdoor.core.risk.document import Actor, RiskModel

    HasGroups = Callable[[str], Iterable[str]]  # item -> groups that have it
    Combinations = list[tuple[frozenset[str], int]]  # items, and the draws in which they are enough

# Where these are used up, access is bounded from above instead.
PAYMENTS_MAX = 200_000  # rules paid over all actors and derivations: some ten seconds at 20,000 draws
BITS_MAX = 4_000_000_000  # derivations × draws that are remembered: half a gigabyte
DRAWN_ANEW = 20  # so many times dearer is a rule whose numbers are not kept
COMPARED_MAX = 2_000  # sets of items that are compared with each other
_SPEND_BYTES = 16  # two doubles for each draw
_SEEN_MAX = 100_000  # answers of one gate that are remembered


class Spend(msgspec.Struct, frozen=True):
    """What a derivation takes: USD and days as arrays over draws, and the highest skill tier."""

    usd: Floats
    days: Floats
    skill: int


class Surroundings(msgspec.Struct, frozen=True):
    """What does not depend on the configuration: groups, horizon, security, measured attack costs."""

    groups: Groups
    horizon_years: float = 1.0
    security: str | None = None
    measured: dict[str, float] = {}  # claim id -> lower bound that evidence supports, in the claim's unit


class AccessModel:
    """Derivations, costs and reach of one model under one risk model, computed once and kept."""

    def __init__(self, model: RiskModel, holdings: Holdings, draws: Draws, around: Surroundings) -> None:
        """All arrays have `draws.count` entries."""
        self.model = model
        self.holdings = holdings
        self.draws = draws
        self.around = around
        self._actors = {actor.id: actor for actor in model.actor}
        self._ways: dict[str, Ways] = {}
        self._steps = 0
        self._graphs: dict[str, Graph] = {}
        self._kept = Kept()
        self._combinations: dict[tuple[str, str], Combinations | None] = {}
        self._reach: dict[str, ReachDraws] = {}
        self._payments_left = PAYMENTS_MAX
        self._bits_left = BITS_MAX
        fits = len(model.rule) * _SPEND_BYTES * draws.count <= KEPT_BYTES_MAX
        self._dearness = 1 if fits else DRAWN_ANEW
        self.unlisted: list[str] = []

    def ways(self, ability: str) -> Ways:
        """All minimal derivations of an ability."""
        if ability not in self._ways:
            left = min(STEPS_MAX, STEPS_TOTAL_MAX - self._steps)
            self._graphs = self._graphs or graphs_of(self.model, self.holdings)
            self._ways[ability] = derive(self.model, ability, self.holdings, left, self._graphs)
            self._steps += self._ways[ability].steps
        return self._ways[ability]

    def reach(self, actor: str) -> ReachDraws:
        """The actor's access by group."""
        if actor not in self._reach:
            self._reach[actor] = ReachDraws(
                self.model,
                actor,
                self.around.groups,
                self.draws,
                horizon_years=self.around.horizon_years,
                security=self.around.security,
            )
        return self._reach[actor]

    def spend(self, way: Way, *, complete: bool = True) -> Spend:
        """Each rule paid once: money and days add up, skill is the highest.

        Where the search met its cap (`complete` False) some derivation is unknown, so the dearest rule
        alone stands for the whole: a lower bound on cost, hence an upper bound on access.
        """
        if not complete:
            dearest = self._rule(way.rules[0])
            for rule in way.rules[1:]:
                part = self._rule(rule)
                dearest = Spend(
                    np.maximum(dearest.usd, part.usd),
                    np.maximum(dearest.days, part.days),
                    min(dearest.skill, part.skill),
                )
            return dearest
        return self._kept.get(way.rules, _SPEND_BYTES * self.draws.count, lambda: self._sum(way.rules))

    def _sum(self, rules: tuple[int, ...]) -> Spend:
        total = self._rule(rules[0])
        for rule in rules[1:]:  # one at a time: a long derivation does not fit in memory whole
            part = self._rule(rule)
            total = Spend(total.usd + part.usd, total.days + part.days, max(total.skill, part.skill))
        return total

    def _rule(self, index: int) -> Spend:
        rule = self.model.rule[index]
        name = f"rule {rule.gives} <- {' + '.join(rule.needs)}"
        usd = self.draws.of(f"{name}, cost", rule.cost, "positive")
        low = self.around.measured.get(rule.measured_by)
        if low is not None and rule.usd_per_unit is not None:
            per_unit = self.draws.of(f"{name}, usd_per_unit", rule.usd_per_unit, "positive")
            usd = np.maximum(usd, low * per_unit)
        return Spend(usd, self.draws.of(f"{name}, days", rule.days, "positive"), rule.skill)

    def affords(self, actor_id: str, spend: Spend) -> Mask:
        """Boolean array over draws: money, days and skill all within the actor's limits, jointly."""
        actor = self._actors[actor_id]
        budget = self.draws.of(f"actor {actor.id}, budget", actor.budget, "positive")
        days = self.draws.of(f"actor {actor.id}, days", actor.days, "positive")
        within = (spend.usd <= budget) & (spend.days <= days)
        return within if spend.skill <= actor.skill else np.zeros_like(within)

    def enough(self, actor: str, ability: str) -> Combinations | None:
        """The sets of items that are enough for an ability, each with the draws in which the actor can pay.

        None where there are too many derivations to go through them all.
        """
        key = (actor, ability)
        if key not in self._combinations:
            self._combinations[key] = self._enough(actor, ability)
        return self._combinations[key]

    def _enough(self, actor: str, ability: str) -> Combinations | None:
        found = self.ways(ability)
        able = [way for way in found.ways if self._skill(way) <= self._actors[actor].skill]
        to_pay = sum(len(way.rules) for way in able)
        if not found.complete or not self._spare(to_pay, len(able)):
            return None
        within: dict[frozenset[str], int] = {}
        for way in able:
            items = frozenset(way.items)
            within[items] = within.get(items, 0) | bits(self.affords(actor, self.spend(way)))
        return without_redundant(within) if len(within) <= COMPARED_MAX else list(within.items())

    def affordable(self, actor: str, rule: int) -> int:
        """The draws in which an actor can carry out one rule, as bits; all where that is too long to tell."""
        if self.model.rule[rule].skill > self._actors[actor].skill:
            return 0
        if not self._spare(1, 1):
            return all_bits(self.draws.count)
        return bits(self.affords(actor, self._rule(rule)))

    def _spare(self, payments: int, kept: int) -> bool:
        """Take what is needed from what is left; False where it is not enough."""
        payments *= self._dearness
        remember = kept * self.draws.count
        if payments > self._payments_left or remember > self._bits_left:
            return False
        self._payments_left -= payments
        self._bits_left -= remember
        return True

    def _skill(self, way: Way) -> int:
        return max(self.model.rule[r].skill for r in way.rules)

    def means(self, actor_id: str) -> float:
        """The actor's median budget in USD."""
        actor = self._actors[actor_id]
        return float(np.median(self.draws.of(f"actor {actor.id}, budget", actor.budget, "positive")))

    def combinations(
        self, actors: Iterable[Actor] | None = None
    ) -> Iterable[tuple[str, Actor, Way, float, Spend, bool]]:
        """Rows of the combination table: one per ability, actor and minimal set of items.

        Yields (ability, actor, cheapest way with those items, P(within limits), its spend, is upper bound).
        Abilities whose derivations are too long to go through have no rows; `unlisted` names them.
        """
        chosen = tuple(actors if actors is not None else self.model.actor)
        self.unlisted = []
        left = PAYMENTS_MAX
        for ability in dict.fromkeys(rule.gives for rule in self.model.rule):
            found = self.ways(ability) if left >= 0 else None
            left -= self._dearness * sum(len(way.rules) for way in found.ways) if found else 0
            if found is None or left < 0:
                self.unlisted.append(ability)
                continue
            by_items: dict[tuple[tuple[str, ...], str], list[Way]] = {}
            for way in found.ways:
                by_items.setdefault((way.items, way.variant), []).append(way)
            bounds = [] if found.complete else [self._at_most(actor.id, ability) for actor in chosen]
            for ways in by_items.values():
                cheapest, spend, shares = self._row(ways, chosen, complete=found.complete)
                for actor, share in zip(chosen, bounds or shares, strict=True):
                    yield (ability, actor, cheapest, share, spend, not found.complete)

    def bound(self, actor: str, ability: str) -> Bound:
        """An upper bound on an actor's access to an ability with too many derivations to go through."""
        return upper_bound(
            self.model,
            self.holdings,
            ability,
            lambda rule: self.affordable(actor, rule),
            everything=all_bits(self.draws.count),
        )

    def _at_most(self, actor: str, ability: str) -> float:
        """How often an actor may have an ability with every item in hand, hence with any of them."""
        bound, everything = self.bound(actor, ability), all_bits(self.draws.count)
        got = bound.attained(dict.fromkeys(bound.items, everything)) & everything
        return got.bit_count() / self.draws.count

    def _row(
        self, ways: list[Way], actors: tuple[Actor, ...], *, complete: bool
    ) -> tuple[Way, Spend, list[float]]:
        """Of several ways with the same items: the cheapest, its spend, and how often each actor has one."""
        best: tuple[float, Way, Spend] | None = None
        within: list[Mask | bool] = [False] * len(actors)
        for way in ways:
            spend = self.spend(way, complete=complete)
            usd = float(np.median(spend.usd))
            if best is None or usd < best[0]:
                best = usd, way, spend
            within = [w | self.affords(a.id, spend) for w, a in zip(within, actors, strict=True)]
        assert best is not None
        return best[1], best[2], [float(np.mean(w)) for w in within]


class Gate:
    """One policy limit made ready: whether an actor gets an ability with access probability above x.

    complete:   False where access is bounded from above
    operations: integer operations that one answer takes, at most
    """

    def __init__(self, access: AccessModel, actor: str, ability: str, x: float) -> None:
        """`x` in [0, 1)."""
        self.draws = access.draws.count
        self._all = all_bits(self.draws)
        self._reach = access.reach(actor)
        self._x = x
        self._attained: Callable[[Mapping[str, int]], int]
        ways = access.enough(actor, ability)
        self.complete = ways is not None
        if ways is not None:
            self._attained = lambda reached: _by_ways(ways, reached)
            self.items = tuple(sorted({item for items, _ in ways for item in items}))
            self.operations = sum(2 + len(items) for items, _ in ways)
        else:
            bound = access.bound(actor, ability)
            self._attained = bound.attained
            self.items = bound.items
            self.operations = bound.operations
        self._is_service = {item: parse_item(item).is_service for item in self.items}
        self._reached: dict[tuple[bool, bool, frozenset[str]], int] = {}
        self._seen: dict[tuple[object, ...], int] = {}

    def violations(self, groups_with: HasGroups, *, theft: bool = True) -> int:
        """How many draws have X > x, given the groups that have each item."""
        holders = tuple(frozenset(groups_with(item)) for item in self.items)
        key = (theft, holders)
        if key not in self._seen:
            reached = {
                item: self._within_reach(groups, service=self._is_service[item], theft=theft)
                for item, groups in zip(self.items, holders, strict=True)
            }
            if len(self._seen) >= _SEEN_MAX:
                self._seen.clear()
            self._seen[key] = (self._attained(reached) & self._all).bit_count()
        return self._seen[key]

    def violating(self, groups_with: HasGroups, *, theft: bool = True) -> int:
        """The draws that have X > x, as bits."""
        reached = {
            item: self._within_reach(frozenset(groups_with(item)), service=service, theft=theft)
            for item, service in self._is_service.items()
        }
        return self._attained(reached) & self._all

    def _within_reach(self, groups: frozenset[str], *, service: bool, theft: bool) -> int:
        """The draws in which an item that these groups have is reached."""
        stolen = theft and not service
        key = (service, stolen, groups)
        if key not in self._reached:
            here = self._reach.stolen(self._x) if stolen else 0
            for group in groups:
                here |= self._reach.above(group, self._x, service=service)
            self._reached[key] = here
        return self._reached[key]


def _by_ways(ways: Combinations, reached: Mapping[str, int]) -> int:
    """Draws in which some affordable way has all its items within reach."""
    got = 0
    for items, affordable in ways:
        here = affordable & ~got
        for item in items:
            if not here:
                break
            here &= reached[item]
        got |= here
    return got


def without_redundant(within: Mapping[frozenset[str], int]) -> Combinations:
    """Leave out a set of items that adds no draw to what its own subsets give."""
    kept: Combinations = []
    for items, affordable in sorted(within.items(), key=lambda pair: (len(pair[0]), sorted(pair[0]))):
        covered = 0
        for small, also in kept:
            if small <= items:
                covered |= also
        if affordable & ~covered:
            kept.append((items, affordable))
    return kept
