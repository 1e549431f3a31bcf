"""P(success) of a threat: exact where it can be worked out, and never lower with more capability."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.risk.document import Spread, Step
from halfdoor.core.risk.harm.steps import step_groups, step_names
from halfdoor.core.risk.harm.success import Success, damage, scaled, tries
from halfdoor.core.risk.uncertainty.distributions import fit
from halfdoor.core.risk.uncertainty.draws import Draws
from threats import RM6, threat, threats

CAPABILITIES = (0.0, 1e-6, 0.1, 0.3, 0.5, 0.7, 0.9, 1 - 1e-6, 1.0)


def test_a_published_chain_with_alternatives_comes_out_to_the_digits():
    p = Success(threat(*RM6), Draws(1, 10)).at(0.0)
    assert p == pytest.approx(np.full(10, 0.2313951), abs=5e-8)


def test_a_threat_without_steps_always_succeeds():
    assert (Success(threat(), Draws(1, 7)).at(0.5) == 1).all()


def test_at_the_ends_stand_the_stated_numbers_themselves():
    draws = Draws(3, 500)
    one = Step(name="x", p=Spread(p5=0.1, mode=0.2, p95=0.5), uplifted=Spread(p5=0.3, mode=0.5, p95=0.9))
    success = Success(threat(one), draws)
    plain, full = success.pair(0)
    assert (success.at(0.0) == plain).all()
    assert (success.at(1.0) == full).all()
    assert plain.mean() == pytest.approx(fit(one.p, "probability").mean(), abs=0.02)
    assert full.mean() == pytest.approx(fit(one.uplifted, "probability").mean(), abs=0.02)


@pytest.mark.parametrize("capability", [0.25, 0.5, 0.8])
def test_between_the_ends_the_logit_is_interpolated(capability):
    p = Success(threat(Step(name="x", p=0.2, uplifted=0.9)), Draws(1, 3)).at(capability)

    def logit(x):
        return math.log(x / (1 - x))

    wanted = (1 - capability) * logit(0.2) + capability * logit(0.9)
    assert p == pytest.approx(np.full(3, 1 / (1 + math.exp(-wanted))), rel=1e-12)


def test_each_draw_may_have_its_own_capability():
    draws = Draws(5, 200)
    success = Success(threat(Step(name="x", p=Spread(p5=0.1, mode=0.2, p95=0.5), uplifted=0.9)), draws)
    capability = draws.uniform("capability")
    each = [success.at(float(c))[i] for i, c in enumerate(capability)]
    assert success.at(capability) == pytest.approx(np.asarray(each), rel=1e-12)


def test_negative_uplift_is_not_used():
    draws = Draws(2, 400)
    worse = Step(name="x", p=Spread(p5=0.3, mode=0.5, p95=0.7), uplifted=Spread(p5=0.1, mode=0.2, p95=0.4))
    success = Success(threat(worse), draws)
    assert (success.at(1.0) == success.at(0.0)).all()


def test_comonotone_steps_are_good_or_bad_together():
    """Against the integral by brute force: the mean of the product of the quantiles at one level."""
    spreads = [Spread(p5=0.1, mode=0.3, p95=0.6), Spread(p5=0.2, mode=0.5, p95=0.9)]
    levels = (np.arange(20_000) + 0.5) / 20_000
    quantiles = [fit(s, "probability").quantile(levels) for s in spreads]
    together, apart = float((quantiles[0] * quantiles[1]).mean()), math.prod(q.mean() for q in quantiles)
    success = Success(threat(*(Step(name=f"s{i}", p=s) for i, s in enumerate(spreads))), Draws(1, 60_000))
    assert success.at(0.0, steps="comonotone").mean() == pytest.approx(together, rel=0.01)
    assert success.at(0.0).mean() == pytest.approx(apart, rel=0.01)
    assert together > 1.1 * apart  # or the two could not be told apart


def test_a_step_moves_no_other_step():
    step = Step(name="x", p=Spread(p5=0.1, mode=0.2, p95=0.5))
    other = Step(name="y", p=Spread(p5=0.2, mode=0.4, p95=0.9))
    alone = Success(threat(step), Draws(1, 50)).pair(0)[0]
    second = Success(threat(other, step), Draws(1, 50)).pair(1)[0]
    assert (alone == second).all()


def test_steps_of_one_name_are_told_apart():
    steps = [Step(name="access", p=Spread(p5=0.1, mode=0.2, p95=0.5))] * 2
    assert step_names(steps) == ["access", "access (2)"]
    first, second = (Success(threat(*steps), Draws(1, 50)).pair(index)[0] for index in (0, 1))
    assert (first != second).any()
    assert list(step_groups(RM6).values()) == [[0, 1], [2, 3], [4], [5], [6], [7, 8]]


def test_amounts_grow_geometrically_and_from_zero_in_proportion():
    draws = Draws(1, 4)
    assert scaled(draws, "a", 10.0, 1000.0, 0.5) == pytest.approx(np.full(4, 100.0))
    assert scaled(draws, "b", 0.0, 8.0, 0.25) == pytest.approx(np.full(4, 2.0))
    assert (scaled(draws, "c", 10.0, 3.0, 1.0) == 10.0).all()
    assert (scaled(draws, "d", 5.0, None, 1.0) == 5.0).all()


def test_tries_and_damage_follow_the_threat():
    row = threat(
        damage=2.0,
        damage_uplifted=8.0,
        actors={"a": 3.0},
        attempts={"a": 4.0},
        attempts_uplifted={"a": 16.0},
    )
    draws = Draws(1, 2)
    assert (tries(row, "a", draws, 0.0) == 12).all()
    assert (tries(row, "a", draws, 1.0) == 48).all()
    assert tries(row, "a", draws, 0.5) == pytest.approx(np.full(2, 24.0))
    assert damage(row, draws, 0.5) == pytest.approx(np.full(2, 4.0))


@settings(max_examples=200, deadline=None)
@given(threats(), st.sampled_from(("independent", "comonotone")))
def test_more_capability_never_lowers_any_draw(row, steps):
    success = Success(row, Draws(1, 60))
    levels = [success.at(c, steps=steps) for c in CAPABILITIES]
    for less, more in itertools.pairwise(levels):
        assert (more >= less - 1e-15).all()
    assert (levels[0] >= 0).all()
    assert (levels[-1] <= 1).all()
    plain = threat(*(Step(name=s.name, p=s.p, any_of=s.any_of) for s in row.step))
    assert (levels[0] == Success(plain, Draws(1, 60)).at(1.0, steps=steps)).all()


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0, 1e9) | st.just(Spread(p5=1, mode=20, p95=300)),
    st.floats(0, 1e9) | st.just(Spread(p5=0.5, mode=50, p95=100)),
)
def test_more_capability_never_lowers_an_amount(stated, uplifted):
    draws = Draws(1, 60)
    levels = [scaled(draws, "n", stated, uplifted, c) for c in CAPABILITIES]
    for less, more in itertools.pairwise(levels):
        assert (more >= less * (1 - 1e-13)).all()
    assert (levels[0] == draws.of("n", stated, "positive")).all()
