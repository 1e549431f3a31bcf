"""What the binding rows rest on."""

import math

import msgspec
import pytest
from hypothesis import assume, given, settings

from assessments import HERON, asked
from halfdoor.core.policy.outlook.driving import attained, drivers
from halfdoor.core.policy.outlook.driving_harm import added_events, harm_labels
from halfdoor.core.policy.outlook.knobs import labels
from halfdoor.core.risk.document import Spread, Step, Threat
from halfdoor.core.risk.uncertainty.draws import Draws
from harms import situation
from situations import situation_of
from worlds import example, questions, score

replace = msgspec.structs.replace


@given(questions())
@settings(max_examples=60, deadline=None)
def test_access_probability_is_what_the_gates_count(question):
    """X > x in a draw exactly where the gate says so."""
    situation = situation_of(question)
    assume(situation is not None)
    access = situation.gates.access
    for limit in situation.gates.limits(situation.policy, situation.tiers()):
        row = limit.row
        x = attained(access, row.actor, row.ability, situation.proposed.groups_with)
        over = int((x > float(row.access_probability)).sum())
        assert over == limit.gate.violations(situation.proposed.groups_with)
        assert ((x >= 0) & (x <= 1)).all()


def test_a_row_rests_on_what_decides_it():
    question = example(group="anyone", draws=3000)
    situation = situation_of(question)
    (driver,) = drivers(situation, situation.rows())
    assert driver.input == "rule strip <- run, cost"  # what varies most, and who has the money is fixed
    assert float(driver.total) > 0.9
    rich = tuple(replace(actor, budget=1e6) for actor in question.risk_model.actor)
    certain = situation_of(replace(question, risk_model=replace(question.risk_model, actor=rich)))
    assert drivers(certain, certain.rows()) == []  # everybody can pay: access does not vary


def test_a_real_row_names_its_inputs_with_their_errors():
    situation = situation_of(asked(HERON))
    all_found = drivers(situation, situation.rows())
    found = [driver for driver in all_found if driver.outcome.startswith("access")]
    assert found
    for driver in found:
        assert driver.outcome == "access of OC1 to strip-safeguards"
        assert float(driver.total) > 2 * float(driver.error) > 0
        assert "OC1's access to strip-safeguards" in driver.sentence
    totals = [float(d.total) for d in found]
    assert totals == sorted(totals, reverse=True)
    assert all_found == drivers(situation, situation.rows())


def test_nothing_in_force_has_no_drivers():
    situation = situation_of(example(claims=(score(30),)))
    assert drivers(situation, situation.rows()) == []


def frequent(**fields):
    """One threat whose attempts alone are unsure; its actors get everything from the weights for nothing."""
    question = example(group="anyone", draws=2000)
    row = Threat(
        id="t",
        domain="d",
        needs="strip",
        damage=10.0,
        actors={"a": 3.0},
        attempts={"a": Spread(p5=1, p50=10, p95=100)},
        step=(Step(name="s", p=0.1, uplifted=0.9),),
        words="somebody does harm",
    )
    free = tuple(replace(rule, cost=0.0, days=0.0) for rule in question.risk_model.rule)
    threat = replace(row, **fields)
    return situation(replace(question, risk_model=replace(question.risk_model, rule=free, threat=(threat,))))


def test_added_events_rest_on_what_is_unsure_about_them():
    now = frequent()
    (driver,) = drivers(now, now.rows())
    assert driver.outcome == "events added to t"
    assert driver.input == "t/attempts/a"
    assert float(driver.total) > 0.95
    assert "somebody does harm" in driver.sentence


def test_shares_of_log_frequency_are_those_of_the_sum_of_logarithms():
    """Of a product of lognormals each has its share of the variance in the logarithm, exactly."""
    now = frequent(actors={"a": Spread(p5=1, p50=4, p95=16)})  # σ of log 4 and of log 10, over 1.645
    found = {driver.input: driver for driver in drivers(now, now.rows())}
    wide, narrow = math.log(10) ** 2, math.log(4) ** 2
    for name, share in (("attempts", wide), ("actors", narrow)):
        driver = found[f"t/{name}/a"]
        error = 4 * float(driver.error)
        assert float(driver.total) == pytest.approx(share / (wide + narrow), abs=error)


def test_what_adds_nothing_or_is_certain_has_no_drivers():
    for now in (frequent(step=(Step(name="s", p=0.5),)), frequent(attempts={"a": 2.0})):
        assert drivers(now, now.rows()) == []


def test_the_words_of_real_drivers_say_what_is_unsure():
    now = situation(asked(HERON))
    found = [driver for driver in drivers(now, now.rows()) if driver.outcome.startswith("events")]
    assert found
    for driver in found:
        assert "because of this model" in driver.sentence
        assert driver.input not in driver.sentence  # in words, not by the name of a stream
    known = {*labels(now.model), *harm_labels(now.model)}
    assert set(added_events(now, Draws(1, 50)).streams) <= known
