"""Every threat's exposure under the standings as they are, or as they would be at other tiers.

A domain out of scope adds no harm by this model: its threats keep their baseline. At another tier than its
own a domain's capability is what it is, moved into what that tier stands for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from halfdoor.core.ids import parse_item
from halfdoor.core.policy.frequency import FrequencyInForce
from halfdoor.core.policy.harm.kappa import Kappa, capability_draws, tier_span
from halfdoor.core.policy.requirements import covers
from halfdoor.core.risk.document import Domain
from halfdoor.core.risk.harm.exposure import ThreatExposure, Uses
from halfdoor.core.risk.harm.surface import Surface, Years

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halfdoor.core.model.dossier import Dossier
    from halfdoor.core.policy.constraints import TierInScope
    from halfdoor.core.policy.document import Policy
    from halfdoor.core.policy.scope import DomainStanding
    from halfdoor.core.policy.tiers import Grounds
    from halfdoor.core.risk.access import AccessModel
    from halfdoor.core.risk.document import RiskModel, Threat
    from halfdoor.core.risk.harm.success import Together


class Exposures:
    """Layer B of one model: exposures by threat and tier, each made once."""

    def __init__(
        self,
        grounds: Grounds,
        dossier: Dossier,
        standings: Mapping[str, DomainStanding],
        access: AccessModel,
    ) -> None:
        """`access` holds the draws; `standings` as the evidence has them."""
        self.policy: Policy = grounds.policy
        self.model: RiskModel = grounds.model
        self.standings = standings
        self.access = access
        self._grounds = grounds
        self._dossier = dossier
        horizon, credit = float(self.policy.horizon_years), float(self.policy.exposure.credit_max)
        years = Years.of(access, horizon, credit)
        self.surface = Surface(access, stops_over(self.model, dossier, access.holdings.items), years)
        self._domains = {domain.id: domain for domain in self.model.domain}
        self._kappas: dict[tuple[str, float | None], Kappa] = {}
        self._uses: dict[tuple[str, str], Uses] = {}
        self._frequencies: dict[tuple[tuple[str, str, bool], ...], tuple[FrequencyInForce, ...]] = {}
        self._made: dict[tuple[str, str], ThreatExposure] = {}

    def on(self, access: AccessModel) -> Exposures:
        """The same with another access model: other draws, security or measured costs."""
        return Exposures(self._grounds, self._dossier, self.standings, access)

    def kappa(self, domain: str, correlation: float | None = None) -> Kappa:
        """κ of a domain as measured; `correlation` of elicitation gaps in the place of the stated one."""
        key = (domain, correlation)
        if key not in self._kappas:
            self._kappas[key] = capability_draws(
                self._domains.get(domain, Domain(id=domain)),
                self.standings[domain],
                self._grounds,
                self.access.draws,
                correlation,
            )
        return self._kappas[key]

    def threat(self, threat: Threat, tiers: Mapping[str, TierInScope] | None = None) -> ThreatExposure:
        """A threat's exposure with its domain at the tier given, else at its own."""
        own = self.standings.get(threat.domain)
        at = (tiers or {}).get(threat.domain, own)
        out = at is None or own is None or not at.in_scope
        tier = "" if at is None or out else at.tier
        key = (threat.id, tier)
        if key not in self._made:
            uses = None if out else self._at_tier(threat.domain, tier)
            self._made[key] = ThreatExposure(threat, self.surface, uses)
        return self._made[key]

    def _at_tier(self, domain: str, tier: str) -> Uses:
        """One set of arrays for all threats of a domain at a tier."""
        if (domain, tier) not in self._uses:
            kappa, own = self.kappa(domain), self.standings[domain]
            if tier != own.tier or not own.in_scope:
                kappa = kappa.within(*tier_span(domain, tier, self.policy))
            self._uses[domain, tier] = Uses(kappa.modes, kappa.reference)
        return self._uses[domain, tier]

    def under(self, threat: Threat, *, steps: Together, correlation: float | None) -> ThreatExposure:
        """The same with other things hanging together."""
        standing = self.standings.get(threat.domain)
        if standing is None or not standing.in_scope:
            return ThreatExposure(threat, self.surface, None, steps=steps)
        kappa = self.kappa(threat.domain, correlation)
        return ThreatExposure(threat, self.surface, Uses(kappa.modes, kappa.reference), steps=steps)

    def frequencies(self, tiers: Mapping[str, TierInScope] | None = None) -> tuple[FrequencyInForce, ...]:
        """The policy's [[frequency]] rows, ready to be asked of configurations."""
        now = {d: (s.tier, s.in_scope) for d, s in (tiers or self.standings).items()}
        key = tuple(sorted((domain, *at) for domain, at in now.items()))
        if key not in self._frequencies:
            self._frequencies[key] = self._rows(tiers)
        return self._frequencies[key]

    def _rows(self, tiers: Mapping[str, TierInScope] | None) -> tuple[FrequencyInForce, ...]:
        bands = {band.id: band for band in self.policy.band}
        rows = []
        for number, row in enumerate(self.policy.frequency, 1):
            band = bands[row.band]
            threats = [self.threat(t, tiers) for t in self.model.threat if t.unit == band.unit]
            rows.append(
                FrequencyInForce(
                    row,
                    f"frequency {number}",
                    band=band,
                    threats=tuple(t for t in threats if t.items),
                    access=self.access,
                    tolerated=math.floor(self.access.draws.count * (1 - row.confidence)),
                    uses_net=self.policy.net is not None and bool(self.policy.net.why),
                )
            )
        return tuple(rows)


def stops_over(model: RiskModel, dossier: Dossier, items: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Service item -> numbers of the [[stop]] rows whose safeguard the dossier has over it."""
    guards = {
        item: {s.kind for s in dossier.safeguard if not s.items or any(covers(i, item) for i in s.items)}
        for item in items
        if parse_item(item).is_service
    }
    return {
        item: tuple(n for n, stop in enumerate(model.stop) if stop.safeguard in kinds)
        for item, kinds in guards.items()
    }
