"""What knowing is worth: published cases, another library's influence diagrams, what must always hold."""

import importlib
import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special
from scipy.stats import qmc

from halfdoor.core.risk.value.information import cells, evpi, evppi, evsi, held_out, noise_bound

unhurried = settings(deadline=None, max_examples=60)


def test_published_net_benefits_of_two_options():
    """The vignette of the R package voi: (0, p1 - p2), p1 ~ N(1, 1), p2 ~ N(0, 2)."""
    points = np.clip(qmc.Sobol(2, rng=1).random_base2(20), 1e-9, 1 - 1e-9)
    p1 = 1 + special.ndtri(points[:, 0])
    p2 = 2 * special.ndtri(points[:, 1])
    utility = np.stack([np.zeros_like(p1), p1 - p2])
    assert evpi(utility) == pytest.approx(0.4798107, abs=2e-5)
    assert evppi(utility, p1, bins=256) == pytest.approx(0.083315, abs=5e-5)
    assert evppi(utility, p2, bins=256) == pytest.approx(0.395593, abs=5e-5)
    assert evppi(utility, p1, p2, bins=1024) == pytest.approx(0.4798107, abs=5e-3)


# Raiffa 1968, Decision Analysis: the oil wildcatter. States: (oil, what the seismic test shows).
OIL = {"dry": 0.5, "wet": 0.3, "soaking": 0.2}
PAY = {"dry": -70.0, "wet": 50.0, "soaking": 200.0}
SHOWS = {"dry": (0.1, 0.3, 0.6), "wet": (0.3, 0.4, 0.3), "soaking": (0.5, 0.4, 0.1)}  # closed, open, diffuse
TEST_COST = 10.0


def wildcatter():
    states = [(oil, shown) for oil in OIL for shown in range(3)]
    weights = np.array([OIL[oil] * SHOWS[oil][shown] for oil, shown in states])
    utility = np.array([[0.0] * len(states), [PAY[oil] for oil, _ in states]])
    return utility, weights, np.array([shown for _, shown in states])


def test_the_oil_wildcatter():
    utility, weights, shown = wildcatter()
    without = float((utility @ weights).max())
    gross = evsi(utility, shown, weights=weights)
    assert without == pytest.approx(20)
    assert gross == pytest.approx(12.5)
    assert gross - TEST_COST == pytest.approx(2.5)
    assert without + gross - TEST_COST == pytest.approx(22.5)
    assert evpi(utility, weights=weights) == pytest.approx(35)


# That library warns in its C++ part, where a warning that is an error ends the process.
lenient = pytest.mark.filterwarnings("ignore")


def meu(prior, likelihood, pay, *, informed):
    """Best expected utility by an influence diagram: state -> signal -> decision -> utility."""
    gum = importlib.import_module("pyagrum")
    diagram = gum.InfluenceDiagram()
    state = diagram.addChanceNode(gum.LabelizedVariable("state", "", len(prior)))
    signal = diagram.addChanceNode(gum.LabelizedVariable("signal", "", likelihood.shape[1]))
    choice = diagram.addDecisionNode(gum.LabelizedVariable("choice", "", pay.shape[0]))
    value = diagram.addUtilityNode(gum.LabelizedVariable("value", "", 1))
    for tail, head in ((state, signal), (state, value), (choice, value)):
        diagram.addArc(tail, head)
    if informed:
        diagram.addArc(signal, choice)
    diagram.cpt(state).fillWith([float(p) for p in prior])
    for i, row in enumerate(likelihood):
        diagram.cpt(signal)[{"state": i}] = [float(p) for p in row]
    for i, j in itertools.product(range(len(prior)), range(pay.shape[0])):
        diagram.utility(value)[{"state": i, "choice": j}] = [float(pay[j, i])]
    engine = gum.ShaferShenoyLIMIDInference(diagram)
    engine.makeInference()
    return engine.MEU()["mean"]


@lenient
def test_an_influence_diagram_agrees_on_the_wildcatter():
    prior = np.array(list(OIL.values()))
    likelihood = np.array(list(SHOWS.values()))
    pay = np.array([[0.0] * 3, list(PAY.values())])
    assert meu(prior, likelihood, pay, informed=False) == pytest.approx(20)
    assert meu(prior, likelihood, pay, informed=True) == pytest.approx(32.5)


@lenient
@pytest.mark.parametrize("seed", range(8))
def test_an_influence_diagram_agrees_on_random_problems(seed):
    rng = np.random.default_rng(seed)
    states, signals, options = rng.integers(2, 6, 3)
    prior = rng.dirichlet(np.ones(states))
    likelihood = rng.dirichlet(np.ones(signals) * 0.5, states)
    pay = rng.normal(size=(options, states)) * 10
    weights = (prior[:, None] * likelihood).ravel()
    utility = np.repeat(pay, signals, axis=1)
    signal = np.tile(np.arange(signals), states)
    gain = meu(prior, likelihood, pay, informed=True) - meu(prior, likelihood, pay, informed=False)
    assert evsi(utility, signal, weights=weights) == pytest.approx(gain, abs=1e-9)
    perfect = meu(prior, np.eye(states), pay, informed=True) - float((pay @ prior).max())
    assert evpi(pay, weights=prior) == pytest.approx(perfect, abs=1e-9)


utilities = st.tuples(st.integers(1, 5), st.integers(2, 200), st.integers(0, 999)).map(
    lambda t: np.random.default_rng(t[2]).standard_t(2, size=t[:2])
)


@unhurried
@given(utilities, st.integers(2, 50), st.integers(0, 4))
def test_knowing_more_is_never_worth_less_and_knowing_all_is_worth_most(utility, bins, now):
    count = utility.shape[1]
    rng = np.random.default_rng(count)
    coarse = rng.integers(0, 4, count)
    fine = coarse * 10 + rng.integers(0, 3, count)
    chosen = now if now < len(utility) else None
    values = [evsi(utility, s, now=chosen) for s in (np.zeros(count, int), coarse, fine, np.arange(count))]
    assert all(less <= more + 1e-12 for less, more in itertools.pairwise(values))
    assert values[0] == pytest.approx(0) or chosen is not None
    assert values[-1] == pytest.approx(evpi(utility, now=chosen))
    continuous = rng.normal(size=count)
    found = evppi(utility, continuous, bins=bins, now=chosen)
    assert 0 <= found <= evpi(utility, now=chosen) + 1e-12
    assert held_out(utility, continuous, bins=bins, now=chosen).value >= 0


@unhurried
@given(st.lists(st.sampled_from([0.0, 0.25, 1.0, 7.0]), min_size=2, max_size=80), st.integers(2, 20))
def test_equal_values_stay_together(values, bins):
    values = np.array(values)
    found = cells((values,), bins, np.full(values.size, 1 / values.size))
    for value in set(values):
        assert len(set(found[values == value])) == 1
    assert set(found) == set(range(len(set(found))))
    if len(set(values)) <= bins:
        assert len(set(found)) == len(set(values))


def test_noise_overstates_within_the_bound_and_holding_out_does_not():
    """An input that says nothing about the utility is worth nothing."""
    rng = np.random.default_rng(3)
    utility = np.stack([np.zeros(4000), rng.normal(0, 4, 4000), rng.normal(0, 4, 4000)])
    binned = [evppi(utility, rng.random(4000), bins=40, now=0) for _ in range(60)]
    held = [held_out(utility, rng.random(4000), bins=40, now=0) for _ in range(60)]
    assert 0.1 < np.mean(binned) < noise_bound(utility, 40) * math.sqrt(1.5)
    assert np.mean([gain.value for gain in held]) < 0.05
    assert np.mean([gain.value > 2 * gain.error for gain in held]) <= 0.1
    assert noise_bound(utility[:1], 40) == 0


def test_holding_out_finds_what_is_there():
    rng = np.random.default_rng(5)
    p1, p2 = 1 + rng.normal(size=200_000), 2 * rng.normal(size=200_000)
    utility = np.stack([np.zeros_like(p1), p1 - p2])
    for values, published in ((p1, 0.083315), (p2, 0.395593)):
        gain = held_out(utility, values)
        assert gain.value == pytest.approx(published, abs=4 * gain.error + 1e-3)
        assert 0 < gain.error < 0.01
