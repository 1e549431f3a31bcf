"""Routes to misuse: by which doors an actor comes to an ability, and what the best of them is worth.

An actor uses what it has: of all routes within its limits and its reach, the one that is worth most, the
route without this model always among them. X_j(r, φ) is the probability of reaching route j at all, as in
access.py. Someone who gets as deep as u ∈ [0, 1] has every route with X_j ≥ u, so the mean over u of the best
of them is what a configuration is worth to the actor: never less when more is shared, in any draw.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from halfdoor.core.ids import parse_item
from halfdoor.core.model.dossier import Mode
from halfdoor.core.risk.abilities import is_item, usable_rules
from halfdoor.core.risk.access import without_redundant
from halfdoor.core.risk.uncertainty.draws import all_bits, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halfdoor.core.risk.access import AccessModel, HasGroups
    from halfdoor.core.risk.uncertainty.distributions import Floats
    from halfdoor.core.risk.uncertainty.kept import Kept


class Kind(msgspec.Struct, frozen=True, order=True):
    """Routes that are alike in what they are worth.

    mode:    the capability that the ability is used with
    stops:   numbers of the risk model's [[stop]] rows that watch over a service on the way
    service: passes through a service, so it ends when that is withdrawn
    """

    mode: Mode
    stops: tuple[int, ...]
    service: bool


class Doors:
    """How likely one actor class is to have an item, by the groups that have it: arrays over the draws."""

    def __init__(self, access: AccessModel, actor: str, kept: Kept) -> None:
        self.kept = kept
        self._reach = access.reach(actor)
        self._nothing = np.zeros(access.draws.count)
        self._made: dict[tuple[bool, frozenset[str]], Floats] = {}

    def through(self, groups: frozenset[str], *, service: bool) -> Floats:
        """α_i for an item that these groups have; a file may be stolen where nobody has it."""
        key = (service, groups)
        if key not in self._made:
            ways_in = [self._reach.access(g, service=service) for g in sorted(groups)]
            ways_in.append(self._nothing if service else self._reach.theft)
            self._made[key] = np.max(ways_in, axis=0)
        return self._made[key]


class Routes:
    """All routes of one actor class to any of some abilities, grouped by kind."""

    def __init__(
        self,
        access: AccessModel,
        actor: str,
        abilities: Mapping[str, Mode],
        stops: Mapping[str, tuple[int, ...]],
        doors: Doors,
    ) -> None:
        """`abilities`: ability -> mode; `stops`: service item -> the [[stop]] rows that watch over it."""
        self._access = access
        self._doors = doors
        self._count = access.draws.count
        found: dict[Kind, dict[frozenset[str], int]] = {}
        self.complete = True
        for ability, mode in abilities.items():
            enough = access.enough(actor, ability)
            if enough is None:
                self.complete = False
                kind = Kind(mode, (), service=False)
                always = all_bits(self._count)
                found.setdefault(kind, {}).update(
                    (frozenset((i,)), always) for i in _leading(access, ability)
                )
                continue
            for items, affordable in enough:
                services = [item for item in items if parse_item(item).is_service]
                watched = tuple(sorted({row for item in services for row in stops.get(item, ())}))
                of_kind = found.setdefault(Kind(mode, watched, bool(services)), {})
                of_kind[items] = of_kind.get(items, 0) | affordable
        self._sets = {kind: sets for kind in sorted(found) if (sets := without_redundant(found[kind]))}
        self.kinds = tuple(self._sets)
        self.items = tuple(sorted({i for sets in self._sets.values() for items, _ in sets for i in items}))
        self._service = {item: parse_item(item).is_service for item in self.items}
        self._kept = doors.kept
        self._key = object()

    def holders(self, groups_with: HasGroups) -> tuple[frozenset[str], ...]:
        """What of a configuration matters here: the groups that have each of `items`."""
        return tuple(frozenset(groups_with(item)) for item in self.items)

    def reached(self, holders: tuple[frozenset[str], ...]) -> list[Floats]:
        """X of each kind in each draw: 0 where no route of the kind is within the actor's limits."""
        size = 8 * self._count * len(self.kinds)
        return self._kept.get((self._key, holders), size, lambda: self._reached(holders))

    def _reached(self, holders: tuple[frozenset[str], ...]) -> list[Floats]:
        having = {i: (groups, self._service[i]) for i, groups in zip(self.items, holders, strict=True)}
        result = []
        for sets in self._sets.values():
            # Items that the same groups have are behind the same door.
            behind: dict[frozenset[tuple[frozenset[str], bool]], int] = {}
            for items, affordable in sets:
                doors = frozenset(having[item] for item in items)
                behind[doors] = behind.get(doors, 0) | affordable
            best = np.zeros(self._count)
            for doors, affordable in behind.items():
                through = [self._doors.through(groups, service=service) for groups, service in doors]
                reach = functools.reduce(np.minimum, through, unpacked(affordable, self._count))
                np.maximum(best, reach, out=best)
            result.append(best)
        return result


def _leading(access: AccessModel, ability: str) -> list[str]:
    """Every item that any rule on the way to an ability asks for.

    Where there are too many derivations to list, whoever has one of these counts as having the ability at no
    cost: an upper bound on access.
    """
    items: set[str] = set()
    for variant in access.holdings.variants:
        usable = usable_rules(access.model, access.holdings, variant)
        giving: dict[str, list[int]] = {}
        for index in usable:
            giving.setdefault(access.model.rule[index].gives, []).append(index)
        seen, waiting = {ability}, [ability]
        while waiting:
            for index in giving.get(waiting.pop(), ()):
                items.update(item for slot in usable[index] for item in slot)
                below = {n for n in access.model.rule[index].needs if not is_item(n)} - seen
                seen |= below
                waiting.extend(below)
    return sorted(items)


class Choice:
    """What the best of some routes is worth beyond the route without this model, averaged over depth.

    With the routes sorted by worth v_1 ≥ v_2 ≥ …, each at least the worth v_0 without the model, and M_k the
    furthest reach among the first k, the mean over u of the best route is v_0 + Σ (v_k - v_k+1) · M_k. Every
    term only grows with reach, so the sum is monotone to the last bit.
    """

    def __init__(self, worth: Sequence[Floats], without: Floats) -> None:
        """`worth` of each route and `without` this model: arrays over the draws, at least 0."""
        rows = [np.maximum(v, without) for v in worth]
        # Often one order holds in every draw; then nothing has to be gathered.
        order = sorted(range(len(rows)), key=lambda j: -float(rows[j].sum()))
        self._fixed = all(np.all(rows[a] >= rows[b]) for a, b in itertools.pairwise(order))
        self._order = np.asarray(order, dtype=np.intp)
        if not rows:
            self._gains = np.zeros((0, without.size))
            return
        stacked = np.stack(rows)
        if not self._fixed:
            self._order = np.argsort(-stacked, axis=0, kind="stable")
            stacked = np.take_along_axis(stacked, self._order, axis=0)
        else:
            stacked = stacked[self._order]
        self._gains = stacked - np.concatenate([stacked[1:], without[None, :]])
        self._idle = not self._gains.any()

    @property
    def idle(self) -> bool:
        """Whether no route is ever worth more than going without."""
        return len(self._gains) == 0 or self._idle

    def beyond(self, reached: Sequence[Floats]) -> Floats:
        """Σ (v_k - v_k+1) · M_k in each draw, for the reach X of each route."""
        if self.idle:
            return np.zeros(self._gains.shape[1])
        if self._fixed:
            ordered = [reached[j] for j in self._order]
        else:
            ordered = list(np.take_along_axis(np.stack(reached), self._order, axis=0))
        total = np.zeros(self._gains.shape[1])
        furthest = np.zeros(self._gains.shape[1])
        for gain, reach in zip(self._gains, ordered, strict=True):
            furthest = np.maximum(furthest, reach)
            total += gain * furthest
        return total
