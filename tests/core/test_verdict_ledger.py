"""A policy may ask that every restriction be answered for; by default the ledger is only shown."""

from __future__ import annotations

import datetime as dt

import msgspec
from hypothesis import HealthCheck, given, settings

from halfdoor.core.assess import assess
from halfdoor.core.model.dossier import LedgerTable
from halfdoor.core.policy.requirements import covers
from worlds import DAY, example, questions, score

replace = msgspec.structs.replace
HELD = {"final-parameters": ("vetted",), "model-card": ("anyone",)}
ANSWER = LedgerTable(item="final-parameters", replacement="research access", owner="panel", due=DAY)


def required(question, *rows):
    policy = replace(question.policy, ledger="required")
    return replace(question, policy=policy, dossier=replace(question.dossier, ledger=rows))


def kinds(result):
    return [reason.kind for reason in result.verdict.binding]


def test_a_restriction_without_an_answer_fails_only_where_the_policy_requires_one():
    question = example(configuration=HELD, claims=(score(95),))
    question = replace(question, risk_model=replace(question.risk_model, rule=costly(question)))
    shown = assess(question)
    assert shown.verdict.permitted
    assert [row.outcome for row in shown.ledger] == ["missing"]
    asked = assess(required(question))
    assert not asked.verdict.permitted
    assert kinds(asked) == ["ledger"]
    assert "Permitted:" not in asked.verdict.headline
    # The rows shown are those that the reasons are about, not those of the widest configuration.
    assert [row.item for row in asked.ledger] == ["final-parameters"]
    assert assess(required(question, ANSWER)).verdict.permitted


def test_an_overdue_answer_reopens_the_decision_the_day_after():
    question = example(configuration=HELD, claims=(score(95),))
    question = required(
        replace(question, risk_model=replace(question.risk_model, rule=costly(question))), ANSWER
    )
    assert assess(question).verdict.permitted
    late = assess(replace(question, as_of=DAY + dt.timedelta(days=1)))
    assert not late.verdict.permitted
    assert str(DAY) in late.verdict.binding[0].sentence


def costly(question):
    return tuple(replace(rule, cost=1e6) for rule in question.risk_model.rule)


@given(questions(items=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_answering_what_the_reasons_name_leaves_the_verdict_of_the_other_rows(question):
    """Each ledger reason is a cause: with its row, and that alone, it is gone."""
    plain, asked = assess(question), assess(required(question))
    named = [reason for reason in asked.verdict.binding if reason.kind == "ledger"]
    assert asked.verdict.permitted == (plain.verdict.permitted and not named)
    assert asked.widest == plain.widest
    answers = [replace(ANSWER, item=item) for reason in named for item in reason.items]
    answered = assess(required(question, *answers)).verdict
    assert answered.permitted == plain.verdict.permitted
    assert [r.sentence for r in answered.binding] == plain.verdict.sentences
    for left_out in answers:
        others = [row for row in answers if row is not left_out]
        if not any(covers(row.item, left_out.item) for row in others):
            assert not assess(required(question, *others)).verdict.permitted
