"""The same figures were other things to hang together: steps of a threat, elicitation gaps of domains.

A mean over the draws does not depend on how domains hang together, a high percentile does; so the runs over
steps give means and those over elicitation gaps 95th percentiles. Fewer draws do: the first of the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from halfdoor.core import annex
from halfdoor.core.policy.harm.words import HEAVY
from halfdoor.core.risk.access import AccessModel
from halfdoor.core.risk.uncertainty.draws import Draws

if TYPE_CHECKING:
    from halfdoor.core.model.configuration import Configuration
    from halfdoor.core.policy.harm.exposures import Exposures
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.risk.harm.success import Together
    from halfdoor.core.risk.uncertainty.distributions import Floats

CORRELATIONS = (0.0, 0.5, 0.9)
DRAWS_MAX = 4000  # for each run: enough to see whether it matters


def runs(situation: Situation, exposures: Exposures, proposed: Configuration) -> list[annex.Run]:
    """Added harm per year, unit by unit, under each assumption that can make a difference."""
    model = situation.model
    adding = [t for t in model.threat if exposures.threat(t).items]
    domains = {t.domain for t in adding}
    margins = {d for d in domains if situation.standings[d].capability.margins.get("elicitation")}
    if not adding:
        return []
    full = exposures.access
    few = AccessModel(
        model, full.holdings, Draws(full.draws.seed, min(full.draws.count, DRAWS_MAX)), full.around
    )
    less = exposures.on(few)

    def added(unit: str, steps: Together, correlation: float | None) -> Floats:
        total = np.zeros(few.draws.count)
        for threat in adding:
            if threat.unit == unit:
                under = less.under(threat, steps=steps, correlation=correlation)
                total += under.added("harm", proposed.groups_with)
        return total

    found = []
    for unit in dict.fromkeys(threat.unit for threat in adding):
        for steps, words in (("independent", "independent"), ("comonotone", "all good or bad together")):
            harm = added(unit, "comonotone" if steps == "comonotone" else "independent", None)
            found.append(annex.Run(f"steps {words}: mean{_error(harm)}", unit, float(f"{harm.mean():.3g}")))
        for correlation in CORRELATIONS if len(margins) > 1 else ():
            high = float(np.quantile(added(unit, "independent", correlation), 0.95))
            words = f"elicitation gaps correlated {correlation:g} across domains: 95th percentile"
            found.append(annex.Run(words, unit, float(f"{high:.3g}")))
    return found


def _error(values: Floats) -> str:
    """How far off a mean over so few draws may be: no mean without its standard error."""
    mean = float(values.mean())
    if mean <= 0 or float(values.min()) == float(values.max()):
        return ""
    share = float(values.std(ddof=1)) / float(np.sqrt(values.size)) / mean
    doubt = ": do not rely on it" if share > HEAVY else ""
    return f" (standard error {max(1, round(share * 100))} %{doubt})"
