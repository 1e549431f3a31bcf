"""What a measurement might show, before it is made."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.policy.constraints import TierInScope
from halfdoor.core.policy.outlook.odds import (
    _facts,
    _runs,
    customary_trials,
    knowing,
    measuring,
    passes_chances,
    reaching,
)
from halfdoor.core.policy.scope import standing
from halfdoor.core.risk.document import ClaimKind, PublishedClaim, Reference, References, Spread
from situations import situation_of
from worlds import example, score

replace = msgspec.structs.replace
KIND = ClaimKind(id="d.score", prior=Spread(p5=0.05, mode=0.3, p95=0.9), judgement="j")


def test_passes_before_a_trial_follow_the_beta_binomial():
    """Under a uniform prior every number of passes is as likely as any other."""
    flat = Spread(p5=0.05, p50=0.5, p95=0.95)
    assert passes_chances(flat, 20) == pytest.approx(np.full(21, 1 / 21), abs=0.002)
    chances = passes_chances(KIND.prior, 40)
    assert chances.sum() == pytest.approx(1)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=60).map(sorted))
@settings(deadline=None)
def test_stretches_that_stand_alike_cover_everything(levels):
    where = [TierInScope(str(level), in_scope=True) for level in levels]
    runs = sorted(_runs(where.__getitem__, 0, len(levels) - 1))
    covered = [(n, at) for low, high, at in runs for n in range(low, high + 1)]
    assert covered == list(enumerate(where))


def test_each_number_of_passes_stands_where_it_would_if_measured():
    situation = situation_of(example())
    (domain,) = situation.model.domain
    odds = measuring(situation, domain, KIND, "d.score")
    assert sum(odds.values()) == pytest.approx(1)
    chances = passes_chances(KIND.prior, 100)
    by_hand = {}
    for passes, chance in enumerate(chances):
        claims = (score(passes, methods=("one", "another")),)
        found = standing(domain, replace(situation.grounds, claims=claims), _facts(situation))
        key = TierInScope(found.tier, found.in_scope)
        by_hand[key] = by_hand.get(key, 0) + chance
    assert odds == pytest.approx(by_hand)
    assert {at.tier for at in odds} == {"none", "notable", "high"}


def test_as_many_trials_as_others_took():
    situation = situation_of(example())
    assert customary_trials(situation, "d.score") == 100
    rows = tuple(PublishedClaim(claim="d.score", passes=1, trials=n) for n in (40, 40, 300))
    registry = References(
        "halfdoor/references/1",
        "r",
        "1",
        reference=(Reference(id="ref", public_since=situation.grounds.as_of, claim=rows),),
    )
    known = situation_of(example(references=registry))
    assert customary_trials(known, "d.score") == 40


def test_a_measured_domain_is_known_exactly_by_its_posterior():
    situation = situation_of(example(claims=(score(62),)))
    (domain,) = situation.model.domain
    odds = knowing(situation, domain)
    assert sum(odds.values()) == pytest.approx(1)
    # 62 of 100 and .05 for growth against .6: mostly above, not surely.
    assert 0.5 < odds[TierInScope("high", in_scope=True)] < 1


def test_a_threshold_in_its_own_unit():
    prior = Spread(p5=10, p50=100, p95=1000)
    assert reaching(prior, 100) == pytest.approx(0.5, abs=0.01)
    assert reaching(prior, 1000) == pytest.approx(0.05, abs=0.005)
    assert reaching(None, 5) == reaching(prior, None) == 0
