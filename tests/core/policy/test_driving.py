"""What the binding rows rest on."""

import msgspec
from hypothesis import assume, given, settings

from assessments import HERON, asked
from halfdoor.core.policy.driving import attained, drivers
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
    found = drivers(situation, situation.rows())
    assert found
    for driver in found:
        assert driver.outcome == "access of OC1 to strip-safeguards"
        assert float(driver.total) > 2 * float(driver.error) > 0
        assert "OC1's access to strip-safeguards" in driver.sentence
    totals = [float(d.total) for d in found]
    assert totals == sorted(totals, reverse=True)
    assert found == drivers(situation, situation.rows())


def test_nothing_in_force_has_no_drivers():
    situation = situation_of(example(claims=(score(30),)))
    assert drivers(situation, situation.rows()) == []
