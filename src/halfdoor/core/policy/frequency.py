"""Frequency rows: how often a configuration may add events of at least a band's severity.

P_φ(added events per year > the policy's line) ≤ 1 - confidence.

Nothing shared adds nothing, so a frequency row can always be kept by withholding. Rows are held against gross
exposure, which is monotone; where a policy says why, a proposal may keep a row by its net exposure instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from halfdoor.core.policy.harm.net import averted, defences_open

if TYPE_CHECKING:
    from halfdoor.core.model.configuration import Configuration
    from halfdoor.core.policy.document import Band, Frequency
    from halfdoor.core.risk.access import AccessModel
    from halfdoor.core.risk.harm.exposure import ThreatExposure
    from halfdoor.core.risk.uncertainty.distributions import Floats


class FrequencyInForce:
    """One row with the threats of its unit that a configuration can add to."""

    def __init__(
        self,
        row: Frequency,
        id_: str,
        *,
        band: Band,
        threats: tuple[ThreatExposure, ...],
        access: AccessModel,
        tolerated: int,
        uses_net: bool,
    ) -> None:
        """`tolerated`: so many draws may have more events than the row allows."""
        self.row = row
        self.id = id_
        self.band = band
        self.threats = threats
        self.tolerated = tolerated
        self.uses_net = uses_net
        self.items = tuple(sorted({item for threat in threats for item in threat.items}))
        self._access = access
        self._seen: dict[tuple[frozenset[str], ...], int] = {}

    @property
    def complete(self) -> bool:
        """False where access is only bounded from above."""
        return all(threat.complete for threat in self.threats)

    def added(self, config: Configuration, *, net: bool = False) -> Floats:
        """Added events per year of at least the band's severity, in each draw."""
        total = np.zeros(self._access.draws.count)
        for threat in self.threats:
            events = threat.added(self.band.at_least, config.groups_with)
            total += events * (1.0 - self._averted(threat.threat.domain, config)) if net else events
        return total

    def _averted(self, domain: str, config: Configuration) -> Floats:
        holdings = self._access.holdings
        free = frozenset(item for item in holdings.items if holdings.is_free(item))
        rows = defences_open(self._access.model, domain, config, free)
        return averted(self._access.model, rows, self._access.draws)

    def violations(self, config: Configuration) -> int:
        """How many draws have more added events than the row allows."""
        holders = tuple(config.groups_with(item) for item in self.items)
        if holders not in self._seen:
            self._seen[holders] = int((self.added(config) > float(self.row.per_year)).sum())
        return self._seen[holders]

    def share(self, config: Configuration) -> float:
        """P_φ(more added events than the row allows)."""
        return self.violations(config) / self._access.draws.count

    def kept(self, config: Configuration) -> bool:
        """Whether the configuration keeps the row, gross."""
        return self.violations(config) <= self.tolerated

    def kept_as_proposed(self, config: Configuration) -> bool:
        """Whether it keeps the row gross, or net where the policy says why net may count."""
        if self.kept(config) or not self.uses_net:
            return self.kept(config)
        over = self.added(config, net=True) > float(self.row.per_year)
        return int(over.sum()) <= self.tolerated

    def chief(self, config: Configuration) -> ThreatExposure:
        """The threat that adds most of these events at a configuration."""
        return max(
            self.threats,
            key=lambda t: (float(t.added(self.band.at_least, config.groups_with).mean()), t.threat.id),
        )
