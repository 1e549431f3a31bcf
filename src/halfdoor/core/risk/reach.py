"""Reach and leak: how likely an actor gets at what a group has, as draws.

ρ_k: the actor gets in as group k or a stricter one included in it, within the horizon. ℓ_k: a download
shared with k leaks. `nobody` is not zero: files are under theft, by the security level that the
developer states. A missing number never helps: a group without a row counts as the nearest wider group
that has one, and as `anyone` (certain) where none has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from halfdoor.core.risk.uncertainty.distributions import Floats, fit
from halfdoor.core.risk.uncertainty.draws import bits
from halfdoor.core.risk.uncertainty.quantiles import Levels, gamma_probability

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halfdoor.core.model.groups import Groups
    from halfdoor.core.risk.document import Leak, Reach, RiskModel
    from halfdoor.core.risk.uncertainty.draws import Draws

_DOUBLE = 8  # bytes


class ReachDraws:
    """Access by group for one actor class: arrays over draws, rising along inclusion."""

    def __init__(
        self,
        model: RiskModel,
        actor: str,
        groups: Groups,
        draws: Draws,
        *,
        horizon_years: float,
        security: str | None,
    ) -> None:
        """`security` is the level the developer states ("SL2"), None where none is stated."""
        stated = dict.fromkeys(row.group for row in model.reach if row.actor == actor)
        self._rows = {group: _row_at(model, actor, group, security) for group in stated}
        self._theft = self._rows.pop("nobody", None)
        self._leaks = {row.group: row for row in model.leak}
        self._actor = actor
        self._groups = groups
        self._draws = draws
        self._horizon = horizon_years
        self._above: dict[tuple[str, bool, float], int] = {}
        self._stolen: dict[float, int] = {}

    @property
    def theft(self) -> Floats:
        """The chance over draws that a file is stolen, whoever it is shared with."""
        return np.zeros(self._draws.count) if self._theft is None else self._within_horizon(self._theft)

    def access(self, group: str, *, service: bool) -> Floats:
        """ρ_{k,i} over draws through a group, for a service or a download. Theft comes beside it."""
        rho = self._running("entry", group)
        if service or not self._leaks:
            return rho
        return 1 - (1 - rho) * (1 - self._running("leak", group))

    def above(self, group: str, x: float, *, service: bool) -> int:
        """The draws in which access through a group is above x, as bits."""
        key = (group, service, x)
        if key not in self._above:
            self._above[key] = bits(self.access(group, service=service) > x)
        return self._above[key]

    def stolen(self, x: float) -> int:
        """The draws in which theft is above x, as bits."""
        if x not in self._stolen:
            self._stolen[x] = bits(self.theft > x)
        return self._stolen[x]

    def _running(self, kind: Literal["entry", "leak"], group: str) -> Floats:
        """The maximum over a group and all included in it."""
        stated: dict[str, Reach] | dict[str, Leak] = self._rows if kind == "entry" else self._leaks
        inside = {_nearest_wider(g, self._groups, stated) for g in self._groups.below(group)}
        if kind == "entry" and not inside.isdisjoint((None, "anyone")):  # certain, whatever a row says
            return np.broadcast_to(np.float64(1), (self._draws.count,))
        rows = tuple(sorted(g for g in inside if g is not None))

        def make() -> Floats:
            result = np.zeros(self._draws.count)
            for name in rows:
                result = np.maximum(result, self._one(kind, name))
            return result

        # What is kept depends on nothing but what the key names.
        key = (kind, self._actor, self._horizon, tuple(stated[name] for name in rows))
        return self._draws.kept.get(key, _DOUBLE * self._draws.count, make)

    def _one(self, kind: Literal["entry", "leak"], group: str) -> Floats:
        if kind == "entry":
            return self._within_horizon(self._rows[group])
        return _leaked(self._leaks[group], self._draws, self._horizon)

    def _within_horizon(self, row: Reach) -> Floats:
        # One uniform per actor class: whoever is good at getting in is good at every door.
        name = f"reach {row.actor}, {row.group} {row.security}".rstrip()
        yearly = self._draws.of(name, row.p, "probability", stream=f"reach/{self._actor}")
        return np.asarray(1 - (1 - yearly) ** self._horizon)


def _leaked(row: Leak, draws: Draws, horizon_years: float) -> Floats:
    """1 - exp(-R · horizon), R ~ Gamma(leaks + ½, watched years) (Jeffreys' prior for a Poisson rate).

    The same for every actor: made once.
    """
    name = f"leak/{row.group}"
    shape, exposure = row.leaks + 0.5, horizon_years / row.years
    return draws.kept.get(
        (name, shape, exposure),
        _DOUBLE * draws.count,
        lambda: gamma_probability(Levels(draws.uniform(name)), shape, exposure),
    )


def _nearest_wider(group: str, groups: Groups, stated: Iterable[str]) -> str | None:
    wider = groups.above(group).intersection(stated)
    return min(wider, key=lambda g: (len(groups.below(g)), g)) if wider else None


def _row_at(model: RiskModel, actor: str, group: str, security: str | None) -> Reach:
    """The row for the stated security level, else the one for every level, else the worst of them."""
    rows = [row for row in model.reach if row.actor == actor and row.group == group]
    for level in (security or "", ""):
        for row in rows:
            if row.security == level:
                return row
    return max(rows, key=lambda row: fit(row.p, "probability").mean())
