"""The surface of a model: every actor's routes and doors, what watches over them, and how long they last."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from halfdoor.core.ids import COMPONENTS, SERVICES
from halfdoor.core.risk.abilities import Holdings
from halfdoor.core.risk.access import AccessModel
from halfdoor.core.risk.harm.routes import Doors, Routes
from halfdoor.core.risk.uncertainty.distributions import Floats, Mask
from halfdoor.core.risk.uncertainty.draws import unpacked
from halfdoor.core.risk.uncertainty.kept import KEPT_BYTES_MAX, Kept

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from halfdoor.core.model.dossier import Mode

DAYS_A_YEAR = 365.25


class Years(msgspec.Struct, frozen=True):
    """How long routes last, in years within the horizon: arrays over the draws, service ≤ copy."""

    service: Floats
    copy: Floats
    horizon: float

    @classmethod
    def of(cls, access: AccessModel, horizon: float, credit_max: float) -> Years:
        """What is not stated lasts as long as it can.

        `credit_max`: the most that a coming public model may take off, as a share of the horizon.
        """
        draws, stated = access.draws, access.model.exposure
        copy = np.full(draws.count, horizon)
        if stated is not None and stated.public_lag_days is not None and credit_max > 0:
            mean = draws.of("exposure/public_lag_days", stated.public_lag_days, "positive") / DAYS_A_YEAR
            public = -mean * np.log(draws.uniform("exposure/public"))
            copy = np.clip(public, horizon * (1 - min(credit_max, 1.0)), horizon)
        service = copy
        if stated is not None and stated.withdrawal_days is not None:
            days = draws.of("exposure/withdrawal_days", stated.withdrawal_days, "positive")
            service = np.minimum(days / DAYS_A_YEAR, copy)
        return cls(service, copy, horizon)

    def first(self, years: float) -> Years:
        """The same within the first years only."""
        return Years(np.minimum(self.service, years), np.minimum(self.copy, years), min(self.horizon, years))

    def total(self, every: Floats, copies: Floats) -> Floats:
        """Over the whole time: `every` per year while services last, `copies` per year after that."""
        return every * self.service + copies * (self.copy - self.service)


class Surface:
    """Routes and doors of all actors under one risk model, shared by all threats."""

    def __init__(self, access: AccessModel, stops: Mapping[str, tuple[int, ...]], years: Years) -> None:
        """`stops`: service item -> numbers of the risk model's [[stop]] rows that watch over it."""
        self.access = access
        self.years = years
        self.modes: dict[str, Mode] = {ability.id: ability.mode for ability in access.model.ability}
        self.stops = stops
        self.kept = Kept(KEPT_BYTES_MAX // 2)
        self._doors: dict[str, Doors] = {}
        self._routes: dict[tuple[str, tuple[str, ...]], Routes] = {}
        self._public: AccessModel | None = None

    def routes(self, actor: str, abilities: tuple[str, ...]) -> Routes:
        """All routes of an actor to any of these abilities."""
        key = (actor, abilities)
        if key not in self._routes:
            if actor not in self._doors:
                self._doors[actor] = Doors(self.access, actor, self.kept)
            modes = {ability: self.modes.get(ability, "unfiltered") for ability in abilities}
            self._routes[key] = Routes(self.access, actor, modes, self.stops, self._doors[actor])
        return self._routes[key]

    def elsewhere(self, actor: str, abilities: tuple[str, ...]) -> Mask:
        """Draws in which the actor could get one of the abilities from the files of a public model."""
        if self._public is None:
            files = [component for component in COMPONENTS if component not in SERVICES]
            held = Holdings.of(files, files, files)
            access = self.access
            self._public = AccessModel(access.model, held, access.draws, access.around)
        found = 0
        for ability in abilities:
            for items, affordable in self._public.enough(actor, ability) or ():
                found |= 0 if items else affordable
        return unpacked(found, self.access.draws.count)

    def stopped(self, rows: Iterable[int]) -> Floats:
        """P(stopped in time) where these [[stop]] rows watch: that of the best of them."""
        model, draws = self.access.model, self.access.draws
        each = [draws.of(f"stop/{model.stop[n].safeguard}", model.stop[n].p, "probability") for n in rows]
        return np.asarray(np.max(each, axis=0)) if each else np.zeros(draws.count)
