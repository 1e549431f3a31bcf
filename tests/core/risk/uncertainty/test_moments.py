"""Closed forms against scipy and against brute force over a fine grid of levels."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from halfdoor.core.risk.document import Spread
from halfdoor.core.risk.uncertainty.distributions import Fitted, fit
from halfdoor.core.risk.uncertainty.moments import Larger, moment, survival

U = (np.arange(400_000) + 0.5) / 400_000
KINDS = {
    "constant": Fitted("constant", (3.0,)),
    "beta": fit(Spread(p5=0.1, mode=0.3, p95=0.6), "probability"),
    "pert": fit(Spread(p5=0.7, mode=0.9, p95=1.0), "probability"),
    "lognormal": fit(Spread(p5=1, p50=10, p95=100), "positive"),
    "split-lognormal": fit(Spread(p5=1, mode=2, p95=1000), "positive"),
    "mixture": fit(
        Spread(pool=(Spread(p5=1, p50=2, p95=4), Spread(p5=3, p50=30, p95=300, weight=2))), "positive"
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_stands_for_itself(kind):
    assert KINDS[kind].kind == kind


@pytest.mark.parametrize("kind", KINDS)
def test_survival_is_the_share_of_values_above(kind):
    values = KINDS[kind].quantile(U)
    for x in (0.0, *np.quantile(values, [0.01, 0.2, 0.5, 0.8, 0.99]), float(values.max()) * 1.01):
        assert survival(KINDS[kind], float(x)) == pytest.approx(float((values > x).mean()), abs=2e-3)


def test_survival_of_a_lognormal_is_scipys():
    mu, sigma = KINDS["lognormal"].parameters
    for x in (0.5, 3.0, 10.0, 400.0, 1e4, 1e9):
        assert survival(KINDS["lognormal"], x) == pytest.approx(
            stats.lognorm.sf(x, sigma, scale=math.exp(mu)), rel=1e-9
        )
    a, b = KINDS["beta"].parameters
    for x in (0.0, 0.2, 0.9, 1.0):
        assert survival(KINDS["beta"], x) == pytest.approx(stats.beta.sf(x, a, b), rel=1e-9)


def test_a_value_is_not_above_itself():
    assert survival(KINDS["constant"], 3.0) == 0
    assert survival(KINDS["constant"], math.nextafter(3, 0)) == 1


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "constant"])
@pytest.mark.parametrize("power", [1, 2])
def test_moments_are_the_integral_of_survival(kind, power):
    """E[X^k] = ∫ k x^(k-1) P(X > x) dx, over z = ln x."""
    got, _ = integrate.quad(
        lambda z: power * math.exp(power * z) * survival(KINDS[kind], math.exp(z)), -30, 60, limit=2000,
        points=(0.0, 5.0, 10.0, 20.0),
    )  # fmt: skip
    assert moment(KINDS[kind], power) == pytest.approx(got, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_moment_is_the_mean(kind):
    assert moment(KINDS[kind], 1) == pytest.approx(KINDS[kind].mean(), rel=1e-12)


def test_what_leaves_the_floats_is_infinite():
    wide = fit(Spread(p5=1e-300, p50=1, p95=1e300), "positive")
    assert moment(wide, 1) == math.inf
    assert moment(Fitted("split-lognormal", (0.0, 100.0, 100.0)), 2) == math.inf
    assert math.isfinite(moment(Fitted("split-lognormal", (0.0, 100.0, 1.0)), 1))


def pairs(low, middle, high):
    """Percentiles in hundredths from `low` to `high`."""
    rising = st.lists(st.integers(low, high), min_size=3, max_size=3, unique=True).map(sorted)
    return rising.map(lambda v: Spread(p5=v[0] / 100, **{middle: v[1] / 100}, p95=v[2] / 100))


@settings(max_examples=60, deadline=None)
@given(pairs(2, "mode", 98), pairs(2, "p50", 98), st.sampled_from((1, 2)))
def test_the_larger_of_two_probabilities(plain, uplifted, power):
    pair = Larger(fit(plain, "probability"), fit(uplifted, "probability"))
    values = np.maximum(pair.plain.quantile(U), pair.uplifted.quantile(U))
    assert pair.moment(power) == pytest.approx(float((values**power).mean()), abs=2e-5)
    for x in (0.1, 0.4, 0.8):
        assert pair.survival(x) == pytest.approx(float((values > x).mean()), abs=1e-4)
    assert (pair.quantile(U) == values).all()


@settings(max_examples=60, deadline=None)
@given(pairs(50, "p50", 800), pairs(50, "mode", 800))
def test_the_larger_of_two_amounts(plain, uplifted):
    pair = Larger(fit(plain, "positive"), fit(uplifted, "positive"))
    values = np.maximum(pair.plain.quantile(U), pair.uplifted.quantile(U))
    assert pair.moment(1) == pytest.approx(float(values.mean()), rel=2e-3)
    assert pair.moment(1) >= max(moment(pair.plain, 1), moment(pair.uplifted, 1)) * (1 - 1e-12)
    assert Larger(pair.plain).moment(2) == moment(pair.plain, 2)
