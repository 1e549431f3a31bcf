"""Draws are the same whether kept or not, and tables as good as what they stand for."""

import numpy as np
import pytest
from scipy import special

from halfdoor.core.risk.document import Spread
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.risk.uncertainty.kept import Kept
from halfdoor.core.risk.uncertainty.quantiles import GRID, Levels, gamma_probability


def test_what_is_not_kept_is_drawn_again_the_same():
    roomy, tight = Draws(1, 500), Draws(1, 500)
    tight.kept = Kept(5_000)
    wide = Spread(p5=1, p50=5, p95=90)
    names = [f"n{k}" for k in range(9)]
    for name in names * 2:
        assert np.array_equal(roomy.of(name, wide, "positive"), tight.of(name, wide, "positive"))
        assert tight.kept.bytes <= 5_000
    assert roomy.of("n0", wide, "positive") is roomy.of("n0", wide, "positive")


def test_a_table_of_quantiles_is_read_as_interpolation_would():
    u = np.random.default_rng(2).random(50_000)
    values = special.betaincinv(2, 7, GRID)
    assert np.allclose(Levels(u).interpolate(values), np.interp(u, GRID, values), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("shape", "exposure"), [(0.5, 0.2), (0.5, 3.0), (1.5, 1 / 3), (8.5, 0.1)])
def test_the_table_of_leaks_is_off_by_less_than_a_millionth(shape, exposure):
    u = np.concatenate([np.random.default_rng(3).random(20_000), [1e-12, 1e-6, 1 - 1e-6, 1 - 1e-12]])
    exact = -np.expm1(-special.gammaincinv(shape, u) * exposure)
    assert np.max(np.abs(gamma_probability(Levels(u), shape, exposure) - exact)) < 1e-6
