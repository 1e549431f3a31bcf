"""What a configuration adds, draw by draw: never less when more is shared, and what the closed forms say."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.groups import Groups
from halfdoor.core.risk.abilities import Holdings
from halfdoor.core.risk.access import AccessModel, Surroundings
from halfdoor.core.risk.document import (
    Ability,
    Actor,
    Exposure,
    Leak,
    Reach,
    RiskModel,
    Rule,
    Spread,
    Step,
    Stop,
    Threat,
)
from halfdoor.core.risk.harm.events import year_of_events
from halfdoor.core.risk.harm.exposure import ThreatExposure, Uses
from halfdoor.core.risk.harm.surface import DAYS_A_YEAR, Surface, Years
from halfdoor.core.risk.uncertainty.draws import Draws
from harms import harmful, rising, situation

GROUPS = Groups()
COUNT = 400


def test_sharing_more_never_adds_less_in_any_draw():
    """Events, harm, severe events, a year's sum and the committed sum, from nothing to everything shared."""
    pairs = []

    @given(harmful(draws=60, items=4), st.integers(0, 2**32))
    @settings(max_examples=200, deadline=None)
    def climb(question, seed):
        now = situation(question)
        groups = now.gates.access.around.groups
        for threat in question.risk_model.threat:
            exposure = now.gates.exposures.threat(threat)
            before = None
            for config in rising(seed, now.items, groups):
                here = measures(threat, exposure, config, now.gates.access.draws)
                if before is None:
                    assert not any(values.any() for values in here)  # nothing shared adds nothing
                else:
                    pairs.append(any((a > b).any() for a, b in zip(here, before, strict=True)))
                    for wider, narrower in zip(here[:4], before[:4], strict=True):
                        assert (wider >= narrower).all()
                    assert (here[4] >= before[4] * (1 - 1e-12)).all()
                before = here

    climb()
    assert len(pairs) > 3000
    assert sum(pairs) > 200  # and not idle


def measures(threat, exposure, config, draws):
    harm = exposure.added("harm", config.groups_with)
    return [
        exposure.added("events", config.groups_with),
        harm,
        exposure.added(25.0, config.groups_with),
        exposure.committed(config.groups_with),
        year_of_events(threat, exposure.damage, harm, draws),
    ]


def world(threat, *, draws=COUNT, services=(), horizon=1.0, credit=0.0, uses=None, rule=(), **fields):
    """One actor with a full purse, `strip` from the weights and `ask` from sampling."""
    model = RiskModel(
        schema="halfdoor/risk-model/1",
        name="r",
        version="0",
        actor=(Actor(id="a", domain="d", budget=100, days=9, skill=1),),
        ability=(Ability(id="strip", mode="fine-tuned"), Ability(id="ask", mode="filtered")),
        rule=rule
        or (Rule(gives="strip", needs=("final-parameters",)), Rule(gives="ask", needs=("sampling",))),
        threat=(threat,),
        **fields,
    )
    held = Holdings.of(("final-parameters", "sampling"), (), ())
    access = AccessModel(model, held, Draws(2, draws), Surroundings(GROUPS, horizon_years=horizon))
    stops = dict.fromkeys(services, (0,))
    surface = Surface(access, stops, Years.of(access, horizon, credit))
    modes = {"filtered": 0.3, "unfiltered": 0.6, "fine-tuned": 1.0} if uses is None else uses
    return ThreatExposure(threat, surface, Uses({mode: np.full(draws, k) for mode, k in modes.items()}))


def threat(**fields):
    given_ = {
        "needs": "strip",
        "routes": ("ask",),
        "damage": 10.0,
        "actors": {"a": 4.0},
        "attempts": {"a": 5.0},
        "step": (Step(name="s", p=0.2, uplifted=0.8),),
    }
    return Threat(id="t", domain="d", **(given_ | fields))


def at(**shared):
    names = {"weights": "final-parameters", "sampling": "sampling"}
    return Configuration({names[k]: [g] for k, g in shared.items()}, GROUPS).groups_with


def test_the_closed_form_of_one_route():
    exposure = world(threat(), reach=(Reach(actor="a", group="vetted", p=0.25),))
    assert exposure.baseline("events") == pytest.approx(20 * 0.2)
    added = exposure.added("harm", at(weights="vetted"))
    assert added == pytest.approx(0.25 * 20 * (0.8 - 0.2) * 10)
    assert exposure.added("events", at(weights="anyone")) == pytest.approx(20 * 0.6)
    assert not exposure.added(10.5, at(weights="anyone")).any()
    assert exposure.added(10.0, at(weights="anyone")) == pytest.approx(12.0)


def test_what_can_be_stolen_is_part_of_the_baseline():
    exposure = world(threat(), reach=(Reach(actor="a", group="nobody", p=0.5),))
    assert exposure.baseline("events") == pytest.approx(20 * (0.5 * 0.8 + 0.5 * 0.2))
    assert exposure.added("events", at(weights="anyone")) == pytest.approx(20 * 0.5 * 0.6)


def test_a_worse_tool_is_not_used():
    """Trap: negative uplift. Taken at its word, a tool that makes things worse would prevent harm."""
    worse = threat(step=(Step(name="s", p=0.6, uplifted=Spread(p5=0.1, mode=0.5, p95=0.7)),))
    exposure = world(worse)
    added = exposure.added("events", at(weights="anyone"))
    assert (added >= 0).all()
    uplifted = exposure.surface.access.draws.of(
        "uplifted/t/step/s", worse.step[0].uplifted, "probability", stream="t/step/s"
    )
    naive = 20 * (uplifted - 0.6)
    assert (naive < 0).mean() > 0.5
    np.testing.assert_allclose(added, np.maximum(naive, 0), atol=1e-6)


def test_the_best_routes_own_time_would_lower_the_sum():
    """Trap: exposure. A service better than the weights, soon withdrawn, would take their place."""
    exposure = world(
        threat(),
        uses={"filtered": 1.0, "unfiltered": 1.0, "fine-tuned": 0.9},  # the service is worth a little more
        exposure=Exposure(withdrawal_days=36.525),
        horizon=2.0,
    )
    weights, both = at(weights="anyone"), at(weights="anyone", sampling="anyone")
    rate_weights = float(exposure.added("harm", weights)[0])
    rate_asked = 20 * (0.8 - 0.2) * 10
    assert rate_weights < rate_asked
    naive = rate_asked * 0.1  # the best route, for as long as it is open
    assert naive < exposure.committed(weights)[0]
    assert exposure.committed(both) == pytest.approx(0.1 * rate_asked + 1.9 * rate_weights)
    assert exposure.committed(at(sampling="anyone")) == pytest.approx(0.1 * rate_asked)
    assert exposure.added("harm", both) == pytest.approx(0.1 * rate_asked + 0.9 * rate_weights)


def test_who_is_stopped_in_time_is_stopped_on_watched_services_only():
    watched = world(threat(), services=("sampling",), stop=(Stop(safeguard="monitoring", p=0.9),))
    free = world(threat(), stop=(Stop(safeguard="monitoring", p=0.9),))
    assert (
        watched.added("events", at(sampling="anyone")) < free.added("events", at(sampling="anyone"))
    ).all()
    assert watched.added("events", at(weights="anyone")) == pytest.approx(12.0)
    both = watched.added("events", at(weights="anyone", sampling="anyone"))
    assert both == pytest.approx(12.0)  # a route on which more are stopped is not taken


def test_a_leak_counts_from_the_moment_the_files_are_shared():
    exposure = world(
        threat(),
        reach=(Reach(actor="a", group="staff", p=0.0),),
        leak=(Leak(group="staff", leaks=1, years=2),),
    )
    leaked = exposure.surface.access.reach("a").access("staff", service=False)
    assert exposure.added("events", at(weights="staff")) == pytest.approx(12.0 * leaked)
    assert not exposure.added("events", at(sampling="staff")).any()


@pytest.mark.parametrize("credit", [0.0, 0.25, 1.0])
def test_a_coming_public_model_takes_off_no_more_than_the_policy_credits(credit):
    exposure = world(
        threat(), draws=20_000, horizon=3.0, credit=credit, exposure=Exposure(public_lag_days=DAYS_A_YEAR)
    )
    years = exposure.surface.years
    assert years.copy.min() >= 3.0 * (1 - credit) - 1e-12
    assert years.copy.max() <= 3.0
    if credit == 1.0:  # E min(T, 3) for a mean of one year
        assert years.copy.mean() == pytest.approx(1 - np.exp(-3.0), abs=0.02)
        assert exposure.committed(at(weights="anyone")).mean() == pytest.approx(
            120 * (1 - np.exp(-3)), rel=0.02
        )
    if credit == 0.0:
        assert exposure.committed(at(weights="anyone")) == pytest.approx(360.0)


def test_no_twelve_months_are_worse_than_the_first():
    exposure = world(threat(), horizon=3.0, exposure=Exposure(withdrawal_days=500))
    every, copies = 7.0, 2.0
    years = exposure.surface.years
    end = np.array(
        [years.first(t).total(np.full(COUNT, every), np.full(COUNT, copies))[0] for t in (0, 1, 2, 3)]
    )
    assert np.argmax(np.diff(end)) == 0


def test_growing_numbers_grow_with_capability_and_never_lower_anything():
    grown = threat(
        damage_uplifted=30.0, actors_uplifted={"a": 8.0}, attempts_uplifted={"a": 10.0}, spread="event"
    )
    exposure = world(grown)
    everything = at(weights="anyone")
    assert exposure.added("events", everything) == pytest.approx(80 * 0.8 - 20 * 0.2)
    assert exposure.added("harm", everything) == pytest.approx(80 * 0.8 * 30 - 20 * 0.2 * 10)
    assert exposure.added(20.0, everything) == pytest.approx(80 * 0.8)
    year = year_of_events(
        grown, exposure.damage, exposure.added("harm", everything), exposure.surface.access.draws
    )
    assert year.mean() == pytest.approx(80 * 0.8 * 30 - 40, rel=0.03)


def test_what_a_public_model_can_do_already_is_not_added():
    plain = world(threat())
    uses = msgspec.structs.replace(plain.uses, reference=np.full(COUNT, 1.0))
    known = ThreatExposure(plain.threat, plain.surface, uses)
    assert not known.added("events", at(weights="anyone")).any()
    assert known.baseline("events") == pytest.approx(20 * 0.8)
    less = ThreatExposure(
        plain.threat, plain.surface, msgspec.structs.replace(plain.uses, reference=np.full(COUNT, 0.3))
    )
    assert (less.added("events", at(weights="anyone")) < plain.added("events", at(weights="anyone"))).all()


def test_of_several_safeguards_the_best_one_stops():
    rows = (Stop(safeguard="filter", p=0.25), Stop(safeguard="monitoring", p=0.5))
    exposure = world(threat(), services=("sampling",), stop=rows)
    assert exposure.surface.stopped((0, 1)) == pytest.approx(0.5)
    assert exposure.surface.stopped((0,)) == pytest.approx(0.25)
    assert not exposure.surface.stopped(()).any()


def test_a_public_model_helps_those_who_can_run_it_and_nobody_else():
    costly = (
        Rule(gives="strip", needs=("final-parameters",), cost=500),
        Rule(gives="ask", needs=("sampling",)),
    )
    plain = world(threat(), rule=costly)
    elsewhere = msgspec.structs.replace(plain.uses, reference=np.full(COUNT, 1.0))
    known = ThreatExposure(plain.threat, plain.surface, elsewhere)
    assert known.baseline("events") == pytest.approx(20 * 0.2)


def test_out_of_scope_adds_nothing_and_leaves_the_baseline():
    plain = world(threat())
    out = ThreatExposure(plain.threat, plain.surface, None)
    assert not out.added("harm", at(weights="anyone")).any()
    assert (out.baseline("harm") == plain.baseline("harm")).all()
    assert out.items == frozenset()
