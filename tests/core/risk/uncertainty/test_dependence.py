"""Dependent draws against numpy, against the distributions' own quantiles, and against independent draws."""

import numpy as np
import pytest
from scipy import special, stats

from halfdoor.core.errors import InputError
from halfdoor.core.risk.document import Spread
from halfdoor.core.risk.uncertainty.dependence import Dependence, Logarithms, products
from halfdoor.core.risk.uncertainty.distributions import fit
from halfdoor.core.risk.uncertainty.draws import Draws

NAMES = ("a", "b", "c")
MATRIX = [[1.0, 0.8, -0.3], [0.8, 1.0, 0.1], [-0.3, 0.1, 1.0]]


def test_the_factor_is_that_of_numpy():
    assert np.allclose(Dependence(NAMES, MATRIX).factor, np.linalg.cholesky(MATRIX), atol=1e-12)


def test_uniforms_are_uniform_and_correlated_as_stated():
    drawn = Dependence(NAMES, MATRIX).uniforms(Draws(1, 40_000))
    scores = special.ndtri(np.array([drawn[name] for name in NAMES]))
    assert np.allclose(np.corrcoef(scores), MATRIX, atol=0.02)
    for name in NAMES:
        assert stats.kstest(drawn[name], "uniform").pvalue > 0.001


def test_without_correlation_the_draws_are_those_of_the_streams():
    draws = Draws(5, 500)
    alone = Dependence.alike(NAMES, 0.0).uniforms(draws)
    for name in NAMES:
        assert np.allclose(alone[name], draws.uniform(name), rtol=0, atol=1e-12)
    together = Dependence.alike(NAMES, 1.0).uniforms(draws)
    assert np.allclose(together["c"], draws.uniform("a"), rtol=0, atol=1e-12)


def test_chunks_change_nothing():
    some = Dependence(NAMES, MATRIX)
    whole = np.concatenate(list(some.normals(3, 1000, chunk=1000)), axis=1)
    parts = np.concatenate(list(some.normals(3, 1000, chunk=77)), axis=1)
    assert np.array_equal(whole, parts)
    assert np.array_equal(special.ndtr(whole[0]), some.uniforms(Draws(3, 1000))["a"])


def test_logarithms_are_those_of_the_quantiles():
    inputs = [
        fit(Spread(p5=0.2, mode=0.5, p95=0.9), "probability"),
        fit(Spread(p5=0.001, mode=0.01, p95=0.04), "probability"),
        fit(Spread(p5=1, p50=10, p95=100), "positive"),
        fit(Spread(p5=1, mode=2, p95=1000), "positive"),
        fit(3.0, "positive"),
    ]
    z = np.linspace(-4, 4, 1500)
    found = Logarithms(inputs).of(np.tile(z, (len(inputs), 1)))
    for row, fitted in enumerate(inputs):
        assert np.max(np.abs(found[row] - np.log(fitted.quantile(special.ndtr(z))))) < 2e-6


def test_products_of_powers_both_ways():
    rng = np.random.default_rng(0)
    values = rng.random((4, 200)) + 0.1
    exponents = rng.integers(0, 3, (6, 4)).astype(float)
    expected = np.array([np.prod(values.T**row, axis=1) for row in exponents])
    for same_everywhere in (True, False):
        found = products(np.log(values), exponents, same_everywhere=same_everywhere)
        assert np.allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "matrix",
    [
        [[1.0, 0.5], [0.4, 1.0]],
        [[1.0, 1.1], [1.1, 1.0]],
        [[2.0, 0.0], [0.0, 1.0]],
        [[1.0]],
        [[1.0, float("nan")], [float("nan"), 1.0]],
    ],
)
def test_what_is_no_correlation_matrix_is_refused(matrix):
    with pytest.raises(InputError) as error:
        Dependence(("a", "b"), matrix)
    assert error.value.code == "bad-correlation"


def test_three_that_cannot_all_be_opposed_are_refused():
    with pytest.raises(InputError):
        Dependence.alike(NAMES, -0.9)
