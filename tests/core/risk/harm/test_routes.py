"""The best of several routes, averaged over depth, against the integral itself; and who reaches which."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.groups import Groups
from halfdoor.core.risk import abilities
from halfdoor.core.risk.abilities import Holdings
from halfdoor.core.risk.access import AccessModel, Gate, Surroundings
from halfdoor.core.risk.document import Actor, Reach, RiskModel, Rule
from halfdoor.core.risk.harm.routes import Choice, Doors, Kind, Routes
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.risk.uncertainty.kept import Kept
from worlds import ABILITIES, ITEMS, OWN_GROUPS, risk_models

GROUPS = Groups((g.id, g.contains, g.inside) for g in OWN_GROUPS)
numbers = st.floats(0, 1).map(lambda x: round(x, 2))


def routes_of(model, actor, ability, *, draws=60, items=ITEMS, stops=None, mode="unfiltered"):
    held = Holdings.of(items, (), [row.item for row in model.commonplace])
    access = AccessModel(model, held, Draws(3, draws), Surroundings(GROUPS))
    return access, Routes(access, actor, {ability: mode}, stops or {}, Doors(access, actor, Kept()))


@given(st.integers(0, 4), st.integers(0, 2**32))
@settings(max_examples=120, deadline=None)
def test_the_mean_over_depth_is_the_integral_of_the_best_route(kinds, seed):
    random = np.random.default_rng(seed)
    worth, reach = random.integers(0, 9, (2, kinds, 40)) / 8
    without = random.integers(0, 9, 40) / 8
    got = Choice(list(worth), without).beyond(list(reach))
    depth = (np.arange(800) + 0.5) / 800  # reach is in eighths, so midpoints of this grid are exact
    within = np.where(reach[:, :, None] >= depth, worth[:, :, None], 0.0)
    best = np.concatenate([within, np.broadcast_to(without[:, None], (1, 40, 800))]).max(axis=0)
    np.testing.assert_allclose(without + got, best.mean(axis=1), atol=1e-12)


@given(st.integers(1, 4), st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_further_route_or_a_further_reach_never_takes_anything_away(kinds, seed):
    random = np.random.default_rng(seed)
    worth, reach = random.random((2, kinds, 200))
    without = random.random(200)
    fewer = Choice(list(worth[:-1]), without).beyond(list(reach[:-1]))
    more = Choice(list(worth), without).beyond(list(reach))
    np.testing.assert_array_less(fewer, more + 1e-12)
    further = np.minimum(1.0, reach + random.random(reach.shape) * (random.random(reach.shape) < 0.3))
    assert (Choice(list(worth), without).beyond(list(further)) >= more).all()


def test_differences_of_reach_go_negative_and_the_mean_over_depth_does_not():
    """Traps: reach and leak. Weights among staff leak more than the service that a wider group has."""
    leaked, entered = np.array([0.5]), np.array([0.3])
    weights, service = np.array([0.9]), np.array([0.4])
    before = Choice([weights], np.zeros(1)).beyond([leaked])
    after = Choice([weights, service], np.zeros(1)).beyond([leaked, entered])
    # Group by group, each with what it adds to the stricter one: sharing more comes out as less harm.
    naive = leaked * weights + (entered - leaked) * service
    assert naive[0] < before[0]
    assert after[0] == before[0] == pytest.approx(0.45)
    assert Choice([weights, service], np.zeros(1)).beyond([leaked, np.array([0.7])])[0] > before[0]


def test_a_cheaper_route_through_a_watched_service_does_not_lower_harm():
    """Trap: cheaper service route. Whoever takes the cheapest route is stopped more often than before."""
    through_weights, through_service = np.array([0.8]), np.array([0.8 * (1 - 0.6)])
    certain = np.ones(1)
    before = Choice([through_weights], np.zeros(1)).beyond([certain])
    naive = through_service * certain  # the service costs less, so all take it
    after = Choice([through_weights, through_service], np.zeros(1)).beyond([certain, certain])
    assert naive[0] < before[0]
    assert after[0] == before[0]


@given(risk_models(), st.sampled_from(("a1", "a2")), st.sampled_from(ABILITIES), st.data())
@settings(max_examples=60, deadline=None)
def test_reach_is_the_access_probability_of_the_gates(model, actor, ability, data):
    access, routes = routes_of(model, actor, ability)
    shared = {i: data.draw(st.lists(st.sampled_from(GROUPS.shareable), max_size=2)) for i in ITEMS}
    config = Configuration(shared, GROUPS)
    reached = routes.reached(routes.holders(config.groups_with))
    best = np.max(reached, axis=0) if reached else np.zeros(60)
    for x in (0.0, 0.02, 0.2, 0.5, 0.9):
        assert Gate(access, actor, ability, x).violations(config.groups_with) == (best > x).sum()


def world(*rules, reach=()):
    return RiskModel(
        schema="halfdoor/risk-model/1",
        name="r",
        version="0",
        actor=(Actor(id="a", domain="d", budget=100, days=9, skill=1),),
        rule=rules,
        reach=reach,
    )


def test_what_watches_over_a_service_stands_on_routes_through_it_only():
    model = world(
        Rule(gives="run", needs=("sampling",)),
        Rule(gives="run", needs=("final-parameters",)),
        Rule(gives="run", needs=("final-parameters", "fine-tuning")),  # adds nothing to the weights alone
        Rule(gives="run", needs=("logprobs",)),
        Rule(gives="run", needs=("fine-tuning",), cost=101),
    )
    stops = {"sampling": (0, 2), "logprobs": (1,), "final-parameters": (0,)}
    _, routes = routes_of(model, "a", "run", items=(*ITEMS, "logprobs"), stops=stops)
    assert routes.kinds == (
        Kind("unfiltered", (), service=False),
        Kind("unfiltered", (0, 2), service=True),
        Kind("unfiltered", (1,), service=True),
    )
    assert routes.items == ("base:final-parameters", "final-parameters", "logprobs", "sampling")


def test_where_there_are_too_many_derivations_access_is_bounded_from_above(monkeypatch):
    rules = [Rule(gives="run", needs=("final-parameters", f"m{n}")) for n in range(4)]
    rules += [Rule(gives=f"m{n}", needs=("architecture",), cost=500) for n in range(4)]
    model = world(*rules, reach=(Reach(actor="a", group="staff", p=0.1),))
    exact = routes_of(model, "a", "run")[1]
    monkeypatch.setattr(abilities, "DERIVATIONS_MAX", 2)
    bounded = routes_of(model, "a", "run")[1]
    assert exact.complete
    assert not bounded.complete
    assert exact.kinds == ()  # nobody can pay for it
    config = Configuration({"final-parameters": ["staff"]}, GROUPS)
    assert bounded.reached(bounded.holders(config.groups_with))[0] == pytest.approx(0.1)
