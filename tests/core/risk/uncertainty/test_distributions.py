import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.errors import InputError
from halfdoor.core.risk.document import Spread
from halfdoor.core.risk.uncertainty.distributions import fit
from halfdoor.core.risk.uncertainty.draws import Draws, all_bits, bits

U = (np.arange(20_000) + 0.5) / 20_000

# SaferAI's cyber risk model RM4 (MIT): step, (p5, mode, p95), share of ln(1/p) with means of fitted Betas.
RM4 = {
    "access": ((0.25, 0.6, 0.9), 0.231),
    "execution": ((0.2, 0.5, 0.9), 0.274),
    "escalation": ((0.25, 0.7, 0.9), 0.204),
    "lateral movement": ((0.5, 0.65, 0.8), 0.180),
    "impact": ((0.6, 0.8, 0.9), 0.110),
}


def test_published_bottlenecks_come_out_in_order():
    weights = {
        name: -math.log(fit(Spread(p5=low, mode=mode, p95=high), "probability").mean())
        for name, ((low, mode, high), _) in RM4.items()
    }
    shares = {name: weight / sum(weights.values()) for name, weight in weights.items()}
    for name, (_, published) in RM4.items():
        assert shares[name] == pytest.approx(published, abs=0.001), name
    order = sorted(shares, key=lambda name: -shares[name])
    assert order == ["execution", "access", "escalation", "lateral movement", "impact"]


def test_a_lognormal_meets_its_percentiles():
    found = fit(Spread(p5=10, p50=100, p95=1000), "positive")
    assert found.kind == "lognormal"
    assert found.quantile(np.array([0.05, 0.5, 0.95])) == pytest.approx([10, 100, 1000], rel=1e-6)
    assert found.mean() == pytest.approx(float(found.quantile(U).mean()), rel=0.02)


def test_a_skewed_quantity_is_split_and_says_so():
    found = fit(Spread(p5=1, mode=2, p95=1000), "positive")
    assert found.kind == "split-lognormal"
    assert found.quantile(np.array([0.05, 0.95])) == pytest.approx([1, 1000], rel=1e-6)
    million = np.random.default_rng(0).random(1_000_000)
    assert found.mean() == pytest.approx(float(found.quantile(million).mean()), rel=0.1)


def test_a_probability_that_may_be_one_is_pert():
    found = fit(Spread(p5=0.95, mode=0.99, p95=1.0), "probability")
    assert found.kind == "pert"
    values = found.quantile(U)
    assert values.max() <= 1
    assert found.residual < 0.01


def test_an_interval_with_its_confidence():
    found = fit(Spread(low=0.1, high=0.3, confidence=0.8), "probability")
    assert found.quantile(np.array([0.1, 0.9])) == pytest.approx([0.1, 0.3], abs=1e-4)


def test_mode_alone_is_a_constant():
    assert fit(Spread(mode=3), "positive").kind == "constant"
    assert fit(0.25, "probability").mean() == 0.25


@pytest.mark.parametrize(
    ("stated", "quantity", "code"),
    [
        (1.2, "probability", "bad-probability"),
        (Spread(p5=0.1, mode=0.5, p95=1.1), "probability", "bad-probability"),
        (Spread(p5=3, mode=2, p95=4), "positive", "bad-percentiles"),
        (Spread(p5=3, mode=5, p95=4), "positive", "bad-percentiles"),
        (Spread(p5=0, mode=2, p95=4), "positive", "bad-percentiles"),
        (Spread(p5=1, p95=2, low=1), "positive", "bad-percentiles"),
        (Spread(low=1, high=2, confidence=1.5), "positive", "bad-probability"),
        (-1.0, "positive", "bad-number"),
        (math.nan, "positive", "bad-number"),
        (math.inf, "positive", "bad-number"),
        (Spread(), "positive", "bad-percentiles"),
    ],
)
def test_impossible_numbers_are_refused_with_their_place(stated, quantity, code):
    with pytest.raises(InputError) as error:
        fit(stated, quantity, where="rule[3].cost")
    assert error.value.code == code
    assert error.value.where == "rule[3].cost"


@given(st.lists(st.floats(0.001, 0.999), min_size=3, max_size=3))
def test_every_rising_probability_fits_and_rises(values):
    low, mode, high = sorted(values)
    found = fit(Spread(p5=low, mode=mode, p95=high), "probability")
    drawn = found.quantile(U[::40])
    assert np.all(np.diff(drawn) >= -1e-12)
    assert drawn.min() >= 0
    assert drawn.max() <= 1


@given(st.lists(st.floats(1e-3, 1e9), min_size=3, max_size=3))
def test_every_rising_quantity_fits_and_rises(values):
    low, mode, high = sorted(values)
    found = fit(Spread(p5=low, mode=mode, p95=high), "positive")
    drawn = found.quantile(U[::40])
    assert np.all(np.isfinite(drawn))
    assert np.all(np.diff(drawn) >= -1e-9 * np.abs(drawn[:-1]))


def test_draws_are_the_same_for_a_seed_and_no_input_moves_another():
    alone = Draws(7, 50).uniform("b")
    beside = Draws(7, 50)
    beside.uniform("a")
    assert np.array_equal(alone, beside.uniform("b"))
    assert not np.array_equal(alone, Draws(8, 50).uniform("b"))
    assert alone.min() > 0
    assert alone.max() < 1


@given(st.lists(st.booleans(), min_size=1, max_size=70))
def test_bits_count_as_the_array_does(values):
    mask = np.array(values)
    packed = bits(mask)
    assert packed.bit_count() == mask.sum()
    assert packed & all_bits(len(values)) == packed
    assert all_bits(len(values)).bit_count() == len(values)
