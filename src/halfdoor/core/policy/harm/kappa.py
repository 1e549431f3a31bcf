"""Capability as draws: κ of a domain in each mode, from the evidence that its tier rests on.

The claim's posterior goes through the risk model's map. The policy's margins are read as gaps of uncertain
size, uniform between nothing and twice the margin, each only where that step was not itself measured. What
is not measured counts at its worst: κ = 1. filtered ≤ unfiltered ≤ fine-tuned holds in every draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from halfdoor.core.evidence.claim import Claim
from halfdoor.core.evidence.estimate import is_score, score_quantiles
from halfdoor.core.model.dossier import Mode
from halfdoor.core.policy.tiers import METHODS_IN_EARNEST, chance_of, claims_of, kappa, margins_for
from halfdoor.core.risk.uncertainty.distributions import Floats

if TYPE_CHECKING:
    from halfdoor.core.policy.document import Policy
    from halfdoor.core.policy.scope import DomainStanding
    from halfdoor.core.policy.tiers import Grounds
    from halfdoor.core.risk.document import ClaimKind, Domain
    from halfdoor.core.risk.uncertainty.draws import Draws

MODES: tuple[Mode, ...] = ("filtered", "unfiltered", "fine-tuned")
_TABLE_POINTS = 2001


class Kappa(msgspec.Struct, frozen=True):
    """κ of one domain: an array over the draws for each mode, rising along the modes.

    reference: κ of a comparable public model, None where none was measured with equal effort
    words:     what was assumed for want of evidence, as sentences
    """

    modes: dict[Mode, Floats]
    reference: Floats | None = None
    words: tuple[str, ...] = ()

    def within(self, low: float, high: float) -> Kappa:
        """The same, were it known to lie between two capabilities."""
        return Kappa({mode: np.clip(k, low, high) for mode, k in self.modes.items()}, self.reference)


def capability_draws(
    domain: Domain,
    standing: DomainStanding,
    grounds: Grounds,
    draws: Draws,
    correlation: float | None = None,
) -> Kappa:
    """κ of a domain in scope. `correlation` takes the place of the domain's own, of elicitation gaps."""
    found = standing.capability
    chosen = _chosen(domain, standing, grounds)
    if found.quantile is None or chosen is None:
        worst = np.ones(draws.count)
        why = f"{standing.words}: {found.why_open or 'not measured'}; counted as fully capable."
        return Kappa(dict.fromkeys(MODES, worst), words=(why,))
    base = _Score(domain, grounds, draws)
    hang = domain.elicitation_correlation if correlation is None else correlation
    u = draws.correlated(f"elicitation gap/{domain.id}", "elicitation gap", hang)
    elicitation = 2.0 * float(found.margins.get("elicitation", 0)) * u

    def gap(name: str) -> Floats | float:
        margin = float(found.margins.get(name, 0))
        return 2.0 * margin * draws.uniform(f"{name} gap/{domain.id}") if margin else 0.0

    floor = found.against
    measured = base.of(chosen) + elicitation
    unfiltered = measured + gap("circumvention")
    tuned = unfiltered + gap("growth")
    filtered = measured if chosen.mode == "filtered" else base.in_mode("filtered", chosen, unfiltered)
    if chosen.mode == "fine-tuned":
        unfiltered = base.in_mode("unfiltered", chosen, tuned)
        filtered = np.minimum(filtered, unfiltered)
    modes = dict(zip(MODES, (filtered, unfiltered, tuned), strict=True))
    words = []
    if floor > 0:
        words.append(
            f"{standing.words}: evidence that may not count in favour still counts against: "
            f"capability at least {floor:.2f}."
        )
    reference = _reference(domain, standing, grounds, draws)
    return Kappa({mode: np.clip(k, floor, 1.0) for mode, k in modes.items()}, reference, tuple(words))


def _chosen(domain: Domain, standing: DomainStanding, grounds: Grounds) -> Claim | None:
    """The claim that the domain's capability was read off."""
    found = standing.capability
    for claim in grounds.claims:
        if claim.id not in found.claims or not is_score(claim) or grounds.why_not(claim):
            continue
        at = kappa(claim, domain, grounds.kind(claim.id), float(grounds.policy.quantile))
        if at == found.quantile and margins_for(claim, grounds.policy.margins) == found.margins:
            return claim
    return None


class _Score:
    """Draws of κ from claims of one domain. One uniform: whoever did well at one run does at the next."""

    def __init__(self, domain: Domain, grounds: Grounds, draws: Draws) -> None:
        self._domain = domain
        self._grounds = grounds
        self._u = draws.uniform(f"score/{domain.id}")

    def of(self, claim: Claim) -> Floats:
        """κ from the posterior of a claim's chance-corrected score."""
        kind = self._grounds.kind(claim.id)
        return posterior(claim, self._domain, kind, self._u)

    def in_mode(self, mode: Mode, chosen: Claim, wider: Floats) -> Floats:
        """κ in a mode with less freedom than the chosen claim's, where it was measured; else as in `wider`.

        Each capability claim of the domain has to be measured in that mode: a filter shown to stop one
        kind of misuse says nothing about the next.
        """
        grounds = self._grounds
        wanted = [c for c in claims_of(self._domain, grounds) if not _is_inability(grounds.kind(c))]
        needed = {chosen.id} if _is_inability(grounds.kind(chosen.id)) else {*wanted, chosen.id}
        own = [
            c for c in grounds.claims
            if c.id in needed and c.mode == mode and is_score(c) and not grounds.why_not(c)
        ]  # fmt: skip
        if {c.id for c in own} != needed:
            return wider
        if any(len(set(c.methods)) < METHODS_IN_EARNEST for c in own):
            return wider  # a filter that nobody tried in earnest to get round
        shown: Floats = np.max([self.of(c) for c in own], axis=0)
        return np.minimum(wider, shown)


def posterior(claim: Claim, domain: Domain, kind: ClaimKind | None, u: Floats) -> Floats:
    """κ at the uniforms `u` from a claim's posterior: rising in `u`; 1 where no map says what it bounds."""
    points = kind.map if kind is not None and kind.map else domain.map
    if not points:
        return np.ones_like(u)
    grid = np.sin(np.linspace(0, np.pi / 2, _TABLE_POINTS)) ** 2
    scores = score_quantiles(claim, chance_of(claim, domain, kind), grid)
    return np.asarray(
        np.interp(np.interp(u, grid, scores), [x for x, _ in points], [y for _, y in points]),
        dtype=np.float64,
    )


def _is_inability(kind: ClaimKind | None) -> bool:
    return kind is not None and kind.kind == "inability"


def _reference(domain: Domain, standing: DomainStanding, grounds: Grounds, draws: Draws) -> Floats | None:
    """κ of the best public reference, without any margin and never above what the scope test grants it.

    A yardstick that is too good would hide what the model adds, so no gap is counted in its favour.
    """
    best = standing.reference
    stated = next((r for r in grounds.references if best is not None and r.id == best.id), None)
    if best is None or stated is None:
        return None
    u = draws.uniform(f"score/{domain.id}/reference")
    values = [
        posterior(
            Claim(row.claim, stated.id, passes=row.passes, trials=row.trials),
            domain,
            grounds.kind(row.claim),
            u,
        )
        for row in stated.claim
        if row.claim in standing.capability.claims
    ]
    return np.minimum(np.min(values, axis=0), best.capability) if values else None


def tier_span(domain: str, tier: str, policy: Policy) -> tuple[float, float]:
    """The capabilities that a tier stands for: from its own threshold to the next one."""
    levels = sorted((float(t.capability), t.name) for t in policy.tier if t.domain == domain)
    low = next((at for at, name in levels if name == tier), 0.0)
    high = min((at for at, _ in levels if at > low), default=1.0)
    return low, high
