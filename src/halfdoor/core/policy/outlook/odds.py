"""What a measurement might show: odds of a domain's standing, before it is made.

In the verdict what is not measured counts at its worst. Here it is simulated from the risk model's stated
priors, so that measuring can be worth something.
"""

from __future__ import annotations

import statistics
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from scipy import special

from halfdoor.core.evidence.claim import Claim
from halfdoor.core.policy.constraints import TierInScope
from halfdoor.core.policy.scope import ModelFacts, standing
from halfdoor.core.policy.tiers import tier_at
from halfdoor.core.risk.uncertainty.distributions import fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.risk.document import ClaimKind, Domain, Spread
    from halfdoor.core.risk.uncertainty.distributions import Floats

    Odds = dict[TierInScope, float]

TRIALS = 100  # of a measurement whose kind has never been published with a number of its own
_PRIOR_POINTS = 2000  # quantiles of a prior over capability: probabilities to ± 0.0005
_SCORE_POINTS = 200  # of a prior over a score, each with its own binomial
_POSTERIOR_POINTS = 40  # quantiles of a posterior over capability: probabilities to ± 0.0125


def customary_trials(situation: Situation, claim: str) -> int:
    """As many trials as published results of this claim usually have."""
    published = [p.trials for r in situation.grounds.references for p in r.claim if p.claim == claim]
    return round(statistics.median(published)) if published else TRIALS


def measuring(situation: Situation, domain: Domain, kind: ClaimKind | None, claim: str) -> Odds | None:
    """Where the domain would stand once this claim was measured with the customary number of trials.

    Unfiltered, elicited by several methods and as hard as any reference was. None without a prior.
    """
    if kind is None or kind.prior is None or kind.unit not in ("", "score"):
        return knowing(situation, domain)
    trials = customary_trials(situation, claim)
    chances = passes_chances(kind.prior, trials)
    references = situation.grounds.references
    methods = {m for r in references for p in r.claim if p.claim == claim for m in p.methods}

    def stands(passes: int) -> TierInScope:
        supposed = Claim(
            id=claim,
            origin="supposed",
            passes=passes,
            trials=trials,
            mode="unfiltered",
            methods=("one", "another", *sorted(methods)),
            by="third-party",
            measured=situation.grounds.as_of,
            binding="bound",
        )
        changed = msgspec.structs.replace(
            situation.grounds, claims=(*(c for c in situation.grounds.claims if c.id != claim), supposed)
        )
        found = standing(domain, changed, _facts(situation))
        return TierInScope(found.tier, found.in_scope)

    odds: Odds = {}
    for low, high, where in _runs(stands, 0, trials):
        odds[where] = odds.get(where, 0.0) + float(chances[low : high + 1].sum())
    return odds


def knowing(situation: Situation, domain: Domain) -> Odds | None:
    """Where the domain would stand were its capability known exactly. None where nothing is stated of it."""
    here = situation.standings[domain.id]
    if here.capability.total is not None:
        return _exactly(situation, domain)
    if domain.prior is None:
        return None
    fitted = fit(domain.prior, "probability", where=f"prior of {domain.id}")
    capability = fitted.quantile(_middles(_PRIOR_POINTS)) + float(situation.policy.margins.growth)
    tiers = [tier_at(domain.id, min(1.0, float(value)), situation.policy) for value in capability]
    odds: Odds = {}
    for tier in tiers:
        where = situation.with_tier(domain.id, tier)[domain.id]
        odds[where] = odds.get(where, 0.0) + 1 / len(tiers)
    return odds


def _exactly(situation: Situation, domain: Domain) -> Odds:
    """A measured domain: the policy's quantile of capability put at every level of the posterior in turn."""
    odds: Odds = {}
    for level in _middles(_POSTERIOR_POINTS):
        policy = msgspec.structs.replace(situation.policy, quantile=Decimal(f"{level:.4f}"))
        found = standing(domain, msgspec.structs.replace(situation.grounds, policy=policy), _facts(situation))
        where = TierInScope(found.tier, found.in_scope)
        odds[where] = odds.get(where, 0.0) + 1 / _POSTERIOR_POINTS
    return odds


def passes_chances(prior: Spread, trials: int) -> Floats:
    """The probability of each number of passes, 0 to `trials`, before any of them."""
    score = np.clip(fit(prior, "probability").quantile(_middles(_SCORE_POINTS)), 1e-12, 1 - 1e-12)[:, None]
    passes = np.arange(trials + 1)
    ways = special.gammaln(trials + 1) - special.gammaln(passes + 1) - special.gammaln(trials - passes + 1)
    logs = ways + passes * np.log(score) + (trials - passes) * np.log1p(-score)
    return np.asarray(np.exp(logs).mean(axis=0))


def reaching(prior: Spread | None, threshold: float | None) -> float:
    """The chance that a measurement in a unit of its own shows at least `threshold`."""
    if prior is None or threshold is None:
        return 0.0
    return float((fit(prior, "positive").quantile(_middles(_PRIOR_POINTS)) >= threshold).mean())


def _facts(situation: Situation) -> ModelFacts:
    """What does not hang on the measurement, read so that it never helps."""
    return ModelFacts(
        training_compute_flop=situation.dossier.model.training_compute_flop,
        weights_public=False,
        weights_leave=True,
    )


def _middles(count: int) -> Floats:
    return np.asarray((np.arange(count) + 0.5) / count)


def _runs(stands: Callable[[int], TierInScope], low: int, high: int) -> list[tuple[int, int, TierInScope]]:
    """Stretches of passes that stand alike, by bisection: more passes never mean a lower tier."""
    at_low, at_high = stands(low), stands(high)
    found: list[tuple[int, int, TierInScope]] = []
    waiting = [(low, at_low, high, at_high)]
    while waiting:
        left, at_left, right, at_right = waiting.pop()
        if at_left == at_right:
            found.append((left, right, at_left))
        elif right - left == 1:
            found += [(left, left, at_left), (right, right, at_right)]
        else:
            middle = (left + right) // 2
            at = stands(middle)
            waiting += [(left, at_left, middle, at), (middle + 1, stands(middle + 1), right, at_right)]
    return found
