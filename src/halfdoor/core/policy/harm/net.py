"""Net of defence: how much of the gross exposure what is open lets the defenders of a domain avert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from halfdoor.core.policy.requirements import covers

if TYPE_CHECKING:
    from halfdoor.core.model.configuration import Configuration
    from halfdoor.core.risk.document import Defence, RiskModel
    from halfdoor.core.risk.uncertainty.distributions import Floats
    from halfdoor.core.risk.uncertainty.draws import Draws


def defences_open(
    model: RiskModel, domain: str, config: Configuration, free: frozenset[str]
) -> list[Defence]:
    """The [[defence]] rows of a domain whose item that group or a wider one has, or anybody anyway."""
    return [
        row
        for row in model.defence
        if row.domain == domain
        and (
            any(covers(row.item, i) for i in free)
            or any(covers(row.item, item) and group == row.group for item, group in config.cells())
        )
    ]


def averted(model: RiskModel, rows: list[Defence], draws: Draws) -> Floats:
    """Share of gross exposure averted in each draw: 1 - Π(1 - finding × fixing × rollout × uptake).

    It grows with openness, so net exposure may fall when more is shared: gross is monotone, net is not.
    """
    left = np.ones(draws.count)
    for row in rows:
        name = f"defence {model.defence.index(row)}"
        share = np.ones(draws.count)
        for part in ("finding", "fixing", "rollout", "uptake"):
            share = share * draws.of(f"{name}, {part}", getattr(row, part), "probability")
        left *= 1.0 - share
    return 1.0 - left
