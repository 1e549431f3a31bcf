"""Severity in closed form and years of events, against theory and against counting."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special, stats

from halfdoor.core.risk.document import Spread, Threat
from halfdoor.core.risk.harm.events import EVENTS_MAX, Damage, _smaller, exceedance, year_of_events
from halfdoor.core.risk.uncertainty.distributions import fit
from halfdoor.core.risk.uncertainty.draws import Draws

NORMAL = Spread(p5=2, p50=20, p95=200)  # lognormal, sigma 1.4
SPLIT = Spread(p5=1, mode=2, p95=400)
POOL = Spread(pool=(NORMAL, SPLIT))
STATED = (7.0, NORMAL, SPLIT, POOL)
DRAWS = Draws(5, 40_000)


def threat(**fields):
    return Threat(id="t", domain="d", **{"damage": NORMAL, "spread": "event", **fields})


@pytest.mark.parametrize("stated", STATED)
@pytest.mark.parametrize("x", [0.5, 1.9, 7.0, 30.0, 900.0])
def test_exceedance_is_the_share_of_quantiles_above(stated, x):
    fitted = fit(stated, "positive")
    share = (fitted.quantile((np.arange(200_001) + 0.5) / 200_001) >= x).mean()
    assert exceedance(fitted, x) == pytest.approx(share, abs=2e-4)


@pytest.mark.parametrize("stated", [Spread(p5=0.1, mode=0.2, p95=0.5), Spread(p5=0.2, mode=0.5, p95=1.0)])
def test_exceedance_of_a_probability(stated):
    fitted = fit(stated, "probability")
    for x in (0.05, 0.3, 0.8):
        share = (fitted.quantile((np.arange(100_001) + 0.5) / 100_001) >= x).mean()
        assert exceedance(fitted, x) == pytest.approx(share, abs=1e-3)


def test_far_out_in_the_tail_exceedance_is_exact():
    fitted = fit(NORMAL, "positive")
    mu, sigma = fitted.parameters
    x = math.exp(mu + 8 * sigma)
    assert exceedance(fitted, x) == pytest.approx(special.ndtr(-8.0), rel=1e-9)  # 6e-16


def test_damage_that_grows_is_read_off_between_its_ends():
    size = Damage(threat(damage_uplifted=Spread(p5=4, p50=60, p95=900)), DRAWS)
    plain, full = fit(NORMAL, "positive"), fit(Spread(p5=4, p50=60, p95=900), "positive")
    (m0, s0), (m1, s1) = plain.parameters, full.parameters
    for k in (0.0, 0.31, 0.5, 1.0):
        mu, sigma = (1 - k) * m0 + k * m1, (1 - k) * s0 + k * s1  # quantiles interpolated in the logarithm
        assert size.mean(np.array([k]))[0] == pytest.approx(math.exp(mu + sigma**2 / 2), rel=3e-3)
        for x in (10.0, 1e4):
            expected = special.ndtr((mu - math.log(x)) / sigma)
            assert size.at_least(x, np.array([k]))[0] == pytest.approx(expected, rel=2e-2)
    finer = np.linspace(0, 1, 1000)
    assert (np.diff(size.at_least(1e4, finer)) >= 0).all()
    assert (np.diff(size.mean(finer)) >= 0).all()


def test_damage_of_an_event_that_is_ignorance_is_above_or_below():
    size = Damage(threat(spread="ignorance"), DRAWS)
    share = size.at_least(30.0, 0.0)
    assert set(np.unique(share)) == {0.0, 1.0}
    assert share.mean() == pytest.approx(exceedance(fit(NORMAL, "positive"), 30.0), abs=0.01)


@pytest.mark.parametrize("stated", [7.0, NORMAL, SPLIT])
@pytest.mark.parametrize("rate", [0.05, 1.7, 300.0])
def test_the_mean_of_a_year_is_rate_times_mean_damage(stated, rate):
    size = Damage(threat(damage=stated), DRAWS)
    mean = float(size.mean(0.0)[0])
    total = year_of_events(threat(damage=stated), size, np.full(DRAWS.count, rate * mean), DRAWS)
    error = total.std() / math.sqrt(DRAWS.count)
    assert abs(total.mean() - rate * mean) < 4.5 * error + 2e-3 * rate * mean


@pytest.mark.parametrize("rate", [0.3, 3.0])
def test_the_variance_of_a_year_is_rate_times_mean_squared_damage(rate):
    stated = Spread(p5=5, p50=10, p95=20)
    mu, sigma = fit(stated, "positive").parameters
    size = Damage(threat(damage=stated), DRAWS)
    total = year_of_events(threat(damage=stated), size, np.full(DRAWS.count, rate) * size.mean(0.0), DRAWS)
    assert total.var() == pytest.approx(rate * math.exp(2 * mu + 2 * sigma**2), rel=0.05)


def panjer(rate, chances):
    """P(sum = 0, 1, …) of a compound Poisson sum of sizes 1, 2, … with these chances (Panjer 1981)."""
    sums = [math.exp(-rate)]
    for s in range(1, 60):
        sums.append(
            rate / s * sum(j * chances[j - 1] * sums[s - j] for j in range(1, min(s, len(chances)) + 1))
        )
    return np.array(sums)


def test_constant_damage_gives_a_poisson_number_of_events():
    size = Damage(threat(damage=2.0), DRAWS)
    total = year_of_events(threat(damage=2.0), size, np.full(DRAWS.count, 2.0 * 4.2), DRAWS)
    counts = np.bincount((total / 2.0).round().astype(int), minlength=60)[:60] / DRAWS.count
    expected = panjer(4.2, [1.0])
    np.testing.assert_allclose(expected[:12], stats.poisson(4.2).pmf(np.arange(12)), atol=1e-12)
    np.testing.assert_allclose(counts[:12], expected[:12], atol=0.01)


def test_sums_of_two_sizes_are_those_of_the_panjer_recursion():
    """Sizes 1 and 3 with chances .7 and .3: two threats of constant damage, added up."""
    total = np.zeros(DRAWS.count)
    for size, rate in ((1.0, 2.0 * 0.7), (3.0, 2.0 * 0.3)):
        row = Threat(id=f"t{size}", domain="d", damage=size)
        total += year_of_events(row, Damage(row, DRAWS), np.full(DRAWS.count, size * rate), DRAWS)
    counts = np.bincount(total.round().astype(int), minlength=60)[:60] / DRAWS.count
    np.testing.assert_allclose(counts[:15], panjer(2.0, [0.7, 0.0, 0.3])[:15], atol=0.01)


def test_the_largest_events_of_many_are_not_lost_to_the_mean():
    """With hundreds of events a year it is the rare large one that makes a bad year."""
    heavy = Spread(p5=0.5, p50=20, p95=800)  # lognormal, sigma 2.2
    mu, sigma = fit(heavy, "positive").parameters
    draws = Draws(5, 4000)
    size = Damage(threat(damage=heavy), draws)
    total = year_of_events(threat(damage=heavy), size, np.full(4000, 300.0) * size.mean(0.0), draws)
    random = np.random.default_rng(1)
    counted = [random.lognormal(mu, sigma, n).sum() for n in random.poisson(300.0, 4000)]
    for q in (0.1, 0.5, 0.9, 0.99):
        assert np.quantile(total, q) == pytest.approx(np.quantile(counted, q), rel=0.2 if q > 0.9 else 0.08)
    assert np.quantile(counted, 0.99) > 2 * np.median(counted)


@given(st.sampled_from(STATED), st.sampled_from(("event", "ignorance")), st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_more_harm_a_year_is_never_a_smaller_sum_in_any_draw(stated, spread, seed):
    draws = Draws(seed % 97, 300)
    row = threat(damage=stated, spread=spread)
    size = Damage(row, draws)
    random = np.random.default_rng(seed)
    rate = random.lognormal(0, 3, 300) * (random.random(300) < 0.8)
    low = year_of_events(row, size, rate * size.mean(0.0), draws)
    high = year_of_events(row, size, (rate + random.lognormal(-3, 3, 300)) * size.mean(0.0), draws)
    assert (high >= low * (1 - 1e-12)).all()


def test_numbers_drawn_anew_for_each_rate_would_not_be_monotone():
    """Trap: Poisson sampling. With numbers of its own a wider configuration may come out better."""
    random = np.random.default_rng(1)
    naive_low, naive_high = random.poisson(3.0, 2000), random.poisson(3.3, 2000)
    assert (naive_high < naive_low).mean() > 0.2
    row = threat(damage=1.0)
    draws = Draws(1, 2000)
    size = Damage(row, draws)
    low, high = (year_of_events(row, size, np.full(2000, rate), draws) for rate in (3.0, 3.3))
    assert (high >= low).all()
    assert (high > low).any()


def test_beyond_the_largest_events_the_rest_comes_by_its_mean():
    draws = Draws(1, 500)
    row = threat(damage=1.0)
    total = year_of_events(row, Damage(row, draws), np.full(500, 1e6), draws)
    assert total == pytest.approx(1e6, abs=6 * math.sqrt(EVENTS_MAX))
    mean, _ = integrate.quad(lambda u: float(fit(NORMAL, "positive").quantile(np.array([u]))[0]), 0, 0.5)
    size = Damage(threat(), draws)
    half = _smaller(size, np.array([5.0]), np.array([10.0]), size.mean(0.0))
    assert half[0] == pytest.approx(10.0 * mean, rel=1e-2)
