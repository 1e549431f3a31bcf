"""Value of information in decision units: never negative, and never for a forbidden configuration's sake."""

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from assessments import HERON, asked
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.policy.ledger import Benefits
from halfdoor.core.policy.outlook.stakes import Stakes
from halfdoor.core.policy.outlook.worth import worth
from halfdoor.core.risk.document import Benefit, ClaimKind, Exposure, Spread
from situations import situation_of
from worlds import GROUPS, ITEMS, example, questions, score

replace = msgspec.structs.replace
KEPT = tuple(
    Benefit(item=item, group=group, objective="use", kept=(i + 1) * (j + 1) / 40, judgement="made up")
    for i, item in enumerate(ITEMS)
    for j, group in enumerate(GROUPS)
)


def with_benefits(question):
    return replace(question, risk_model=replace(question.risk_model, benefit=KEPT))


def staked(situation, options):
    benefits = Benefits(situation.model, situation.policy, situation.gates.access.around.groups)
    return Stakes(situation, benefits, options)


def widest(situation):
    """As the assessment hands them in, without its free items."""
    return list(situation.border(situation.rows()).widest)


def some_options(data, situation):
    groups = situation.gates.access.around.groups
    names = st.sampled_from(["nobody", *groups.shareable])
    drawn = data.draw(st.lists(st.tuples(*[names for _ in situation.items]), min_size=1, max_size=6))
    return [
        Configuration(dict(zip(situation.items, ([g] for g in row), strict=True)), groups) for row in drawn
    ]


@given(questions(), st.data())
@settings(max_examples=80, deadline=None)
def test_a_forbidden_configuration_is_never_preferred(question, data):
    situation = situation_of(with_benefits(question))
    assume(situation is not None)
    stakes = staked(situation, some_options(data, situation))
    rows = situation.rows()
    in_force = stakes.rows(situation.tiers())
    values = stakes.values(in_force)
    assert values[0] == 0
    for option, value in zip(stakes.options[1:], values[1:], strict=True):
        if not rows.permitted_setting_security_aside(option):
            assert value <= 0
    several = sum(stakes.weight(row) > 0 for row in in_force)
    if several == 1:  # under one row exactly the permitted ones are worth something
        for option, benefit, value in zip(stakes.options[1:], stakes.benefit[1:], values[1:], strict=True):
            if benefit > 0:
                permitted = rows.permitted_setting_security_aside(option)
                assert (value >= -1e-9) == permitted


@given(questions(), st.data())
@settings(max_examples=40, deadline=None)
def test_bits_and_arrays_say_the_same(question, data):
    """The heaviest violated row counts in each draw."""
    situation = situation_of(with_benefits(question))
    assume(situation is not None)
    stakes = staked(situation, some_options(data, situation))
    in_force = stakes.rows(situation.tiers())
    draws = stakes.over_draws(in_force, 10_000)
    assert draws.mean(axis=1) == pytest.approx(stakes.values(in_force))
    assert draws.max(axis=0).mean() == pytest.approx(stakes.foreseen(in_force))
    for fewer in itertools.islice(itertools.combinations(sorted(in_force), max(0, len(in_force) - 1)), 3):
        assert (stakes.values(frozenset(fewer)) >= stakes.values(in_force) - 1e-9).all()


@given(questions(), st.sampled_from([None, 5, 40, 70, 95]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_no_gain_is_negative_and_everything_is_worth_most_of_its_parts(question, passes, late):
    asked_for = with_benefits(question)
    if passes is not None:
        asked_for = replace(asked_for, claims=(score(passes),))
    if late:
        model = replace(asked_for.risk_model, exposure=Exposure(public_lag_days=200.0, judgement="made up"))
        asked_for = replace(asked_for, risk_model=model)
    situation = situation_of(asked_for)
    assume(situation is not None)
    benefits = Benefits(situation.model, situation.policy, situation.gates.access.around.groups)
    found = worth(situation, benefits, widest(situation))
    assert found[0].kind == "perfect"
    assert all(float(row.gain) >= 0 for row in found)
    parts = [float(row.gain) for row in found if row.kind == "partial-perfect" and "capability" in row.what]
    assert all(part <= float(found[0].gain) + 1e-3 for part in parts)
    assert found == worth(situation, benefits, widest(situation))


def measurable(**fields):
    """One claim whose prior says that the model is probably harmless; unmeasured it counts as high."""
    question = with_benefits(example(group="anyone"))
    kind = ClaimKind(
        id="d.score", words="a benign test", prior=Spread(p5=0.02, mode=0.1, p95=0.3), judgement="j", **fields
    )
    return replace(question, risk_model=replace(question.risk_model, claim=(kind,)))


def by_kind(question):
    situation = situation_of(question)
    benefits = Benefits(situation.model, situation.policy, situation.gates.access.around.groups)
    rows = worth(situation, benefits, widest(situation))
    return {(row.kind, row.what): row for row in rows}


def test_what_is_forbidden_for_want_of_evidence_makes_the_evidence_worth_it():
    found = by_kind(measurable())
    sample = found["sample", "d.score"]
    assert float(sample.gain) > 0.1
    assert "a benign test (100 trials)" in sample.sentence
    (waiting,) = (row for (kind, _), row in found.items() if kind == "waiting")
    assert 0 < float(waiting.gain) <= float(sample.gain)


def test_evidence_that_is_there_is_worth_nothing_more():
    found = by_kind(replace(measurable(), claims=(score(90),)))
    assert not [row for (kind, _), row in found.items() if kind in ("sample", "waiting")]


def test_a_benefit_that_decays_makes_waiting_worth_less():
    def gain(question):
        return next(float(row.gain) for (kind, _), row in by_kind(question).items() if kind == "waiting")

    question = measurable()
    hurried = replace(
        question,
        risk_model=replace(question.risk_model, exposure=Exposure(public_lag_days=90.0, judgement="j")),
    )
    # 180 days of a lag of 90: exp(-2) of it is left.
    assert gain(hurried) == pytest.approx(gain(question) * np.exp(-2), abs=2e-3)


def test_a_real_dossier_in_real_time():
    situation = situation_of(asked(HERON))
    benefits = Benefits(situation.model, situation.policy, situation.gates.access.around.groups)
    rows = worth(situation, benefits, widest(situation))
    kinds = [row.kind for row in rows]
    assert kinds[0] == "perfect"
    assert kinds[-1] == "waiting"
    assert {"partial-perfect", "sample"} <= set(kinds)
    assert any(row.what == "capability in cyber" and float(row.gain) > 0 for row in rows)
