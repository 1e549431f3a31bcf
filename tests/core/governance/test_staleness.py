"""Until when evidence permits a configuration."""

import datetime as dt
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds import DAY, example, score

from halfdoor.core.assess import assess
from halfdoor.core.errors import InputError
from halfdoor.core.governance.staleness import evidence_until, permitted_on
from halfdoor.core.policy.document import Requirement

REVIEW = DAY + dt.timedelta(days=180)


def on(days):
    return DAY + dt.timedelta(days=days)


def aged(question, **fields):
    return msgspec.structs.replace(question, policy=msgspec.structs.replace(question.policy, **fields))


def until(question, *, today=DAY, review=REVIEW, ask=assess):
    return evidence_until(question, ask, today=today, review=review)


WEAK = example(claims=(score(2),))  # permitted because it was measured to be weak


def test_evidence_that_does_not_age_holds_until_the_review():
    assert assess(WEAK).verdict.permitted
    assert until(WEAK) is None


@pytest.mark.parametrize("age", [1, 30, 178])
def test_it_ends_on_the_first_day_that_the_evidence_is_too_old(age):
    question = aged(WEAK, evidence_max_age_days=age)
    assert until(question) == on(age + 1)
    assert permitted_on(question, assess, on(age))
    assert not permitted_on(question, assess, on(age + 1))


@pytest.mark.parametrize("age", [179, 365, 10**9])
def test_what_ages_after_the_review_does_not_matter(age):
    assert until(aged(WEAK, evidence_max_age_days=age)) is None


def test_a_row_may_ask_for_younger_evidence():
    row = Requirement(
        item="final-parameters",
        group="anyone",
        evidence="d.score",
        threshold=Decimal("0.5"),
        comparator="<=",
        statistic="upper-bound",
        max_age_days=40,
    )
    question = aged(WEAK, requirement=(row,), evidence_max_age_days=100)
    assert assess(question).verdict.permitted
    assert until(question) == on(41)


def test_what_is_stale_already_is_told_for_today():
    question = aged(WEAK, evidence_max_age_days=30)
    assert until(question, today=on(50)) == on(50)


def test_a_model_out_of_scope_has_nothing_that_ages():
    calls = []

    def counting(question):
        calls.append(question.as_of)
        return assess(question)

    assert until(example(compute=1e22), ask=counting) is None
    assert calls == [DAY]


def test_what_begins_to_count_later_is_looked_at_too():
    """A strong result that is dated ahead counts against the model from the start; a failing row does not."""
    row = Requirement(
        item="final-parameters", group="anyone", evidence="tamper", threshold=Decimal(100), unit="steps"
    )
    good = msgspec.structs.replace(score(0), id="tamper", passes=None, trials=None, value=500.0, low=400.0)
    good = msgspec.structs.replace(good, unit="steps")
    bad = msgspec.structs.replace(good, low=5.0, value=6.0, measured=on(20))
    question = aged(example(claims=(score(2), good, bad)), requirement=(row,), evidence_max_age_days=300)
    assert assess(question).verdict.permitted
    assert until(question) == on(20)


def test_what_cannot_be_assessed_is_not_permitted():
    def failing(question):
        if question.as_of > DAY:
            raise InputError("domain-without-rows", "it says nothing")
        return assess(question)

    assert until(aged(WEAK, evidence_max_age_days=30), ask=failing) == on(31)


class Answer(msgspec.Struct):
    verdict: object


class Verdict(msgspec.Struct):
    permitted: bool


@given(st.lists(st.integers(0, 200), min_size=1, max_size=8), st.integers(0, 200), st.integers(1, 60))
def test_halving_finds_what_looking_at_every_day_finds(measured, last, age):
    """Any verdict that is lost once and for all on the day that some claim goes stale."""
    claims = tuple(
        msgspec.structs.replace(score(2), measured=DAY - dt.timedelta(days=200 - days)) for days in measured
    )
    question = aged(example(claims=claims), evidence_max_age_days=age + 200)
    turns = sorted({claim.measured + dt.timedelta(days=age + 201) for claim in claims})
    lost = turns[last % len(turns)]

    def ask(asked):
        return Answer(Verdict(asked.as_of < lost))

    days = (DAY + dt.timedelta(days=n) for n in range(180))
    expected = next(
        (day for day in days if not ask(msgspec.structs.replace(question, as_of=day)).verdict.permitted), None
    )
    assert until(question, ask=ask) == expected
