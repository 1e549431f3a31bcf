"""What an outcome rests on: closed forms, another library, and what must always hold."""

import importlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.risk.value.drivers import shapley, streams_of, total_indices

SHARES = (0.0, 0.5, 3.0, 9.0, 99.0)


def sobol_g(draws):
    """Sobol's g function: product of (|4x - 2| + a) / (1 + a)."""
    factors = [(np.abs(4 * draws.uniform(f"x{i}") - 2) + a) / (1 + a) for i, a in enumerate(SHARES)]
    return np.prod(factors, axis=0)


def g_totals():
    """Closed form (Saltelli et al. 2010): V_i = 1 / 3(1 + a_i)², V = Π(1 + V_i) - 1."""
    parts = [1 / (3 * (1 + a) ** 2) for a in SHARES]
    whole = math.prod(1 + v for v in parts)
    return {f"x{i}": v * whole / (1 + v) / (whole - 1) for i, v in enumerate(parts)}


def ishigami(draws):
    x, y, z = (math.pi * (2 * draws.uniform(n) - 1) for n in "xyz")
    return np.sin(x) + 7 * np.sin(y) ** 2 + 0.1 * z**4 * np.sin(x)


ISHIGAMI_TOTALS = {"x": 0.5576, "y": 0.4424, "z": 0.2437}  # Ishigami and Homma 1990, a = 7, b = 0.1


@pytest.mark.parametrize(("outcome", "totals"), [(sobol_g, g_totals()), (ishigami, ISHIGAMI_TOTALS)])
def test_closed_forms(outcome, totals):
    for index in total_indices(outcome, Draws(4, 100_000)):
        assert index.total == pytest.approx(totals[index.stream], abs=4 * index.error + 1e-4)
        assert index.error < 0.01


@pytest.mark.filterwarnings("ignore")  # that library's own
def test_another_library_agrees():
    sample = importlib.import_module("SALib.sample.sobol")
    analyze = importlib.import_module("SALib.analyze.sobol")
    problem = {"num_vars": 3, "names": ["x", "y", "z"], "bounds": [[0.0, 1.0]] * 3}
    points = sample.sample(problem, 8192, calc_second_order=False, seed=1)

    class Points(Draws):
        def uniform(self, name):
            return points[:, "xyz".index(name)]

    theirs = analyze.analyze(problem, ishigami(Points(0, len(points))), calc_second_order=False, seed=1)
    ours = {index.stream: index for index in total_indices(ishigami, Draws(9, 60_000))}
    for name, total in zip("xyz", theirs["ST"], strict=True):
        assert ours[name].total == pytest.approx(total, abs=4 * ours[name].error + 0.01)


def test_the_standard_error_is_what_replicates_show():
    runs = [total_indices(sobol_g, Draws(seed, 2000), ["x0", "x1"]) for seed in range(120)]
    for name in ("x0", "x1"):
        found = [index for run in runs for index in run if index.stream == name]
        spread = np.std([index.total for index in found])
        assert np.mean([index.error for index in found]) == pytest.approx(spread, rel=0.25)


def test_a_constant_among_the_inputs_counts_for_nothing():
    def frequency(draws):
        return 2.0 * draws.of("a", 1.0, "positive") + np.log(
            draws.uniform("b") / (1 - draws.uniform("b"))
        ) * math.sqrt(3)

    (only,) = total_indices(frequency, Draws(1, 2000))
    assert only.stream == "b"
    assert only.total == pytest.approx(1, abs=4 * only.error)


def test_streams_are_those_that_are_asked_for():
    assert streams_of(sobol_g, 1) == tuple(f"x{i}" for i in range(len(SHARES)))


def test_a_constant_has_no_drivers():
    assert total_indices(lambda draws: np.full(draws.count, 0.3), Draws(1, 500)) == []
    assert total_indices(lambda draws: draws.uniform("x") * 0, Draws(1, 500)) == []
    assert shapley("abc", lambda _: 7.0) == {}


def test_a_few_draws_that_differ_are_no_basis():
    def rare(draws):
        return (draws.uniform("x") < 0.001) * 1.0

    assert total_indices(rare, Draws(1, 5000)) == []
    (only,) = total_indices(rare, Draws(1, 200_000))
    assert only.total == pytest.approx(1, abs=4 * only.error)


def test_an_infinite_outcome_is_refused():
    with pytest.raises(ValueError, match="logarithm"):
        total_indices(lambda draws: 1 / (draws.uniform("x") * 0 + np.inf) + np.inf, Draws(1, 10))


@given(st.integers(1, 6), st.integers(0, 999))
@settings(deadline=None, max_examples=40)
def test_shapley_shares_are_averages_over_orders(count, seed):
    rng = np.random.default_rng(seed)
    names = [f"f{i}" for i in range(count)]
    table = {
        frozenset(s): float(rng.normal()) for n in range(count + 1) for s in itertools.combinations(names, n)
    }
    shares = shapley(names, table.__getitem__)
    assert sum(shares.values()) == pytest.approx(table[frozenset(names)] - table[frozenset()])
    orders = list(itertools.permutations(names))
    for name in names:
        added = [
            table[frozenset(o[: o.index(name) + 1])] - table[frozenset(o[: o.index(name)])] for o in orders
        ]
        assert shares[name] == pytest.approx(sum(added) / len(orders))


def test_an_airport_is_paid_for_by_who_needs_its_length():
    """Littlechild and Owen 1973: each stretch of runway is shared by those who need it."""
    cost = {"small": 8.0, "middle": 11.0, "large": 13.0}
    shares = shapley(list(cost), lambda chosen: max((cost[c] for c in chosen), default=0.0))
    assert shares == pytest.approx({"small": 8 / 3, "middle": 8 / 3 + 1.5, "large": 8 / 3 + 1.5 + 2})


def test_too_many_factors_are_refused():
    assert len(shapley([str(i) for i in range(12)], len)) == 12
    with pytest.raises(ValueError, match="12"):
        shapley([str(i) for i in range(13)], len)
