"""What a configuration adds to a threat: events and harm per year, and over the horizon, draw by draw.

Added is what is beyond nothing shared: theft and what is public already are part of the baseline. So nothing
shared adds nothing, and sharing more never adds less, in any draw (see routes.py).

Time. Routes through a service last until it is withdrawn, copies until the horizon; both end when a
comparable model is public, as far as the policy gives credit for that. From its withdrawal on a service is as
if it had never been shared, so the added harm is that of all routes at first, and of copies alone afterwards.
(The best route's own time would not do: a slightly better route that ends sooner would lower the sum.) As
exposure only falls with time, the worst twelve months are the first.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from halfdoor.core.model.dossier import Mode
from halfdoor.core.risk.harm.events import Damage
from halfdoor.core.risk.harm.routes import Choice
from halfdoor.core.risk.harm.success import Success, tries
from halfdoor.core.risk.uncertainty.distributions import Floats

if TYPE_CHECKING:
    from halfdoor.core.risk.access import HasGroups
    from halfdoor.core.risk.document import Threat
    from halfdoor.core.risk.harm.success import Together
    from halfdoor.core.risk.harm.surface import Surface, Years

Measure = Literal["events", "harm"] | float  # a float x: events of at least that damage


class Uses(msgspec.Struct, frozen=True):
    """What a capability is to the actors of a domain: by mode, and of a comparable public model if any."""

    modes: Mapping[Mode, Floats]
    reference: Floats | None = None


class _Class:
    """One actor class of a threat: its routes, and what each kind of them is worth."""

    def __init__(self, owner: ThreatExposure, actor: str) -> None:
        threat, surface = owner.threat, owner.surface
        abilities = tuple(dict.fromkeys(a for a in (threat.needs, *threat.routes) if a))
        self.routes = surface.routes(actor, abilities)
        zero = owner.zero
        self._owner = owner
        self._options = [(owner.events(actor, zero), zero)]  # the route without any model
        if owner.uses is not None and owner.uses.reference is not None:
            elsewhere = owner.uses.reference
            within = surface.elsewhere(actor, abilities)
            self._options.append((owner.events(actor, elsewhere) * within, elsewhere))
        self._kinds: list[tuple[Floats, Floats]] = []
        if owner.uses is not None:
            for kind in self.routes.kinds:
                capability = owner.uses.modes[kind.mode]
                passed = 1.0 - surface.stopped(kind.stops)
                self._kinds.append((owner.events(actor, capability) * passed, capability))
        self._key = object()

    def choice(self, measure: Measure) -> tuple[Floats, Choice, Choice]:
        """(worth without this model, choice among all routes, choice among copies) in that measure."""
        kept = self._owner.surface.kept
        size = 8 * self._options[0][0].size * (2 * len(self._kinds) + 1)
        return kept.get((self._key, measure), size, lambda: self._choice(measure))

    def _choice(self, measure: Measure) -> tuple[Floats, Choice, Choice]:
        value = self._owner.value
        without = np.max([value(measure, e, k) for e, k in self._options], axis=0)
        worth = [value(measure, e, k) for e, k in self._kinds]
        copies = [w for w, kind in zip(worth, self.routes.kinds, strict=False) if not kind.service]
        every = Choice(worth, without)
        return without, every, every if len(copies) == len(worth) else Choice(copies, without)

    def rates(self, measure: Measure, holders: tuple[frozenset[str], ...]) -> tuple[Floats, Floats]:
        """Beyond the route without this model, per year: through all routes, and through copies alone."""
        _, every, copies = self.choice(measure)
        if every.idle:
            nothing = every.beyond(())
            return nothing, nothing
        reached = self.routes.reached(holders)
        through_all = every.beyond(reached)
        if copies is every:
            return through_all, through_all
        kept = [x for x, kind in zip(reached, self.routes.kinds, strict=True) if not kind.service]
        return through_all, copies.beyond(kept)


class ThreatExposure:
    """One threat under one set of assumptions: its baseline, and what configurations add."""

    def __init__(
        self, threat: Threat, surface: Surface, uses: Uses | None, *, steps: Together = "independent"
    ) -> None:
        """`uses` None: the model adds nothing to this threat (its domain is out of scope)."""
        self.threat = threat
        self.surface = surface
        self.uses = uses if grows(threat) else None
        self.damage = Damage(threat, surface.access.draws)
        self._steps = steps
        self._success = Success(threat, surface.access.draws)
        self._chance: dict[int, tuple[Floats, Floats]] = {}
        self.zero = np.zeros(surface.access.draws.count)
        self._classes = [_Class(self, actor) for actor in threat.actors]
        self._shared_by_nobody = [c.routes.holders(lambda _: ()) for c in self._classes]
        self._key = object()

    @property
    def items(self) -> frozenset[str]:
        """The items that what is added may turn on."""
        if self.uses is None:
            return frozenset()
        return frozenset(item for c in self._classes for item in c.routes.items)

    @property
    def complete(self) -> bool:
        """False where there were too many derivations, so that what is added is an upper bound."""
        return self.uses is None or all(c.routes.complete for c in self._classes)

    def events(self, actor: str, capability: Floats) -> Floats:
        """Successful events per year by a class of actors that all work at this capability."""
        if id(capability) not in self._chance:
            # The array is kept beside its result, so that its id is not given to another.
            self._chance[id(capability)] = capability, self._success.at(capability, steps=self._steps)
        chance = self._chance[id(capability)][1]
        return tries(self.threat, actor, self.surface.access.draws, capability) * chance

    def value(self, measure: Measure, events: Floats, capability: Floats) -> Floats:
        """Events per year, in a measure that may weigh them by their damage at this capability."""
        if measure == "events" or not self.damage.grows:
            return events
        if measure == "harm":
            return events * self.damage.mean(capability)
        return events * self.damage.at_least(measure, capability)

    def baseline(self, measure: Measure) -> Floats:
        """Per year with nothing shared: without this model, through theft, and by what is public already."""
        chosen = self._chosen_by(measure)
        kept = self.surface.kept
        return kept.get((self._key, chosen), self.zero.nbytes, lambda: self._before(chosen)) * self._factor(
            measure
        )

    def _before(self, measure: Measure) -> Floats:
        total = self.zero.copy()
        for actor, nobody in zip(self._classes, self._shared_by_nobody, strict=True):
            total += actor.choice(measure)[0]
            total += actor.rates(measure, nobody)[0]
        return total

    def added(self, measure: Measure, groups_with: HasGroups) -> Floats:
        """Beyond the baseline in the worst twelve months."""
        return self._added(measure, groups_with, self.surface.years.first(1.0))

    def committed(self, groups_with: HasGroups) -> Floats:
        """Harm beyond the baseline over the whole horizon."""
        return self._added("harm", groups_with, self.surface.years)

    def _added(self, measure: Measure, groups_with: HasGroups, years: Years) -> Floats:
        chosen = self._chosen_by(measure)
        total = self.zero.copy()
        for number, actor in enumerate(self._classes if self.uses is not None else ()):
            holders = actor.routes.holders(groups_with)
            if holders != self._shared_by_nobody[number]:
                total += self.surface.kept.get(
                    (self._key, number, chosen, holders, years.horizon),
                    total.nbytes,
                    functools.partial(self._beyond, number, chosen, holders, years),
                )
        return total * self._factor(measure)

    def _beyond(
        self, number: int, measure: Measure, holders: tuple[frozenset[str], ...], years: Years
    ) -> Floats:
        actor, nobody = self._classes[number], self._shared_by_nobody[number]
        shared, unshared = (years.total(*actor.rates(measure, h)) for h in (holders, nobody))
        return shared - unshared

    def _chosen_by(self, measure: Measure) -> Measure:
        """Where damage is alike on all routes, the most events are the most harm too."""
        return measure if self.damage.grows else "events"

    def _factor(self, measure: Measure) -> Floats:
        """What turns events into the measure, where damage is alike on all routes."""
        nothing = np.zeros(1)
        if measure == "events" or self.damage.grows:
            return np.ones(1)
        return self.damage.mean(nothing) if measure == "harm" else self.damage.at_least(measure, nothing)


def grows(threat: Threat) -> bool:
    """Whether capability makes any difference to a threat."""
    grown = (threat.damage_uplifted, threat.actors_uplifted, threat.attempts_uplifted)
    return any(grown) or any(step.uplifted is not None for step in threat.step)
