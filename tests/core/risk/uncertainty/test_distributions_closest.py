"""The distribution for stated percentiles is the closest one: no other solver finds a closer."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, special

from halfdoor.core.risk.document import Spread
from halfdoor.core.risk.uncertainty.distributions import fit


@given(st.lists(st.floats(0.01, 0.99), min_size=3, max_size=3, unique=True))
@settings(max_examples=60, deadline=None)
def test_no_other_solver_finds_a_closer_beta(values):
    low, mode, high = sorted(values)
    found = fit(Spread(p5=low, mode=mode, p95=high), "probability")
    if found.kind != "beta":
        return

    def misses(logs):
        a, b = np.exp(logs)
        peak = (a - 1) / (a + b - 2) if a > 1 and b > 1 else float(a >= b)
        return np.array([*(special.betaincinv(a, b, [0.05, 0.95]) - [low, high]), peak - mode])

    ours = np.sum(misses(np.log(found.parameters)) ** 2)
    for start in ((0.5, 0.5), (1.5, 3.0), (3.0, 1.5), (-0.5, 0.5)):
        other = optimize.least_squares(misses, start, bounds=(-7, 16))
        assert ours <= 2 * other.cost * 1.02 + 1e-6


@given(st.lists(st.floats(0.1, 1e4), min_size=3, max_size=3, unique=True), st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_other_solver_finds_a_closer_lognormal(values, with_mode):
    low, middle, high = sorted(values)
    stated = {"mode": middle} if with_mode else {"p50": middle}
    found = fit(Spread(p5=low, p95=high, **stated), "positive")
    if found.kind != "lognormal":
        return
    z = special.ndtri([0.05, 0.95])

    def misses(x):
        third = x[0] - (np.exp(2 * x[1]) if with_mode else 0) - np.log(middle)
        return np.array([*(x[0] + np.exp(x[1]) * z - np.log([low, high])), third])

    mu, sigma = found.parameters
    ours = np.sum(misses([mu, np.log(sigma)]) ** 2)
    other = optimize.least_squares(misses, [np.log(middle), 0.0])
    assert ours <= 2 * other.cost * (1 + 1e-6) + 1e-12


@given(st.floats(1e-3, 1e6), st.lists(st.integers(0, 4), min_size=2, max_size=2), st.booleans())
def test_values_that_differ_in_their_last_digits_are_as_good_as_one(value, steps, with_mode):
    values = [value]
    for step in steps:
        values.append(values[-1] * (1 + step * 2.0**-52))
    stated = {"mode": values[1]} if with_mode else {"p50": values[1]}
    found = fit(Spread(p5=values[0], p95=values[2], **stated), "positive")
    drawn = found.quantile(np.array([0.05, 0.5, 0.95]))
    assert np.allclose(drawn, value, rtol=1e-9)
    assert np.all(np.diff(drawn) >= 0)
