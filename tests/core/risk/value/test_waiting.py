"""Waiting: a published example, brute force over strategies, and what must always hold."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.risk.value.waiting import waiting


def test_a_factory_that_cannot_be_sold_again():
    """Dixit and Pindyck 1994, chapter 2: it costs 1600; the price is 200, then 300 or 100 for good; 10 %.

    Building now is worth 600; waiting a year to see the price is worth 773.
    """
    rate, cost, price = 1.1, 1600.0, 200.0
    later_prices = np.array([300.0, 100.0])
    built_later = (later_prices * 11 - cost) / rate  # a year's delay: eleven times the price is its worth
    first = np.array([[0.0, 0.0], [price - cost + cost / rate] * 2])
    found = waiting(first, np.stack([np.zeros(2), built_later]), np.array([0, 1]))
    assert found.now == pytest.approx(600)
    assert found.learning == pytest.approx(773, abs=0.5)
    assert found.pays
    assert found.quasi_option == pytest.approx(773 - 6000 / 11, abs=0.5)  # who waits and learns nothing: 545


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_all_strategies_tried_one_by_one_agree(seed, decay):
    rng = np.random.default_rng(seed)
    options, states = rng.integers(1, 4), rng.integers(2, 7)
    first, later = rng.normal(size=(2, options, states))
    weights = rng.dirichlet(np.ones(states))
    signal = rng.integers(0, 3, states)
    found = waiting(first, later, signal, decay=decay, weights=weights)
    rest = float(first[0] @ weights)
    rules = itertools.product(range(options), repeat=3)
    best = max(float(sum(weights[s] * later[rule[signal[s]], s] for s in range(states))) for rule in rules)
    assert found.learning == pytest.approx(rest + decay * best)
    assert found.unlearning == pytest.approx(rest + decay * float((later @ weights).max()))
    assert found.now == pytest.approx(float(((first + later) @ weights).max()))
    assert found.quasi_option >= 0
    blind = waiting(first, later, np.zeros(states, int), decay=decay, weights=weights)
    assert blind.quasi_option == pytest.approx(0, abs=1e-12)
    bound = waiting(first, later, signal, decay=decay, weights=weights, taken=0)
    assert bound.now <= found.now + 1e-12
