"""The ledger: every restriction a row, answered for or not; and the order of what is permitted."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.assess import assess
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.dossier import ItemTable, LedgerTable
from halfdoor.core.policy.document import Objective
from halfdoor.core.policy.ledger import Benefits, ledger, unledgered
from halfdoor.core.question import groups_of
from halfdoor.core.risk.document import Alternative, Benefit, Commonplace
from worlds import DAY, example, questions

replace = msgspec.structs.replace
BENEFITS = (
    Benefit(objective="use", item="final-parameters", group="vetted", kept=0.4, source="s"),
    Benefit(objective="safety", item="final-parameters", group="vetted", kept=0.5, judgement="j"),
    Benefit(objective="profit", item="final-parameters", group="vetted", kept=0.9, judgement="j"),
)
ALTERNATIVES = (
    Alternative(objective="use", words="a hosted service", adds=0.5, source="s"),
    Alternative(objective="use", words="a lesser service", adds=0.2, source="s"),
    Alternative(objective="safety", words="funded access", adds=0.8, items=("datasets",), source="s"),
    Alternative(objective="profit", words="dividends", adds=1.0, source="s"),
)
WHOLE = LedgerTable(item="final-parameters", replacement="research access", owner="panel", due=DAY)


def world(*own, **items):
    """The example with benefits; `items`: id (with _ for -) -> fields of its table."""
    question = example()
    table = tuple(ItemTable(id=name.replace("_", "-"), **fields) for name, fields in items.items())
    model = replace(question.risk_model, benefit=BENEFITS, alternative=ALTERNATIVES)
    weights = (Objective(id="use", weight=Decimal(2)), Objective(id="safety"), Objective(id="profit"))
    return replace(
        question,
        dossier=replace(question.dossier, item=table or question.dossier.item, ledger=own),
        risk_model=model,
        policy=replace(question.policy, objective=weights),
    )


def rows_of(question, shared, as_of=DAY):
    groups = groups_of(question.policy)
    benefits = Benefits(question.risk_model, question.policy, groups)
    config = Configuration(shared, groups)
    return ledger(config, question.dossier, question.risk_model, benefits, as_of=as_of)


@pytest.mark.parametrize(
    ("own", "outcome"),
    [
        ((), "missing"),
        ((WHOLE,), "pass"),
        ((replace(WHOLE, due=DAY - dt.timedelta(days=1)),), "fail"),
        ((replace(WHOLE, owner="", due=DAY - dt.timedelta(days=1)),), "fail"),
        ((replace(WHOLE, due=None),), "missing"),
        ((replace(WHOLE, owner=""),), "missing"),
        ((replace(WHOLE, replacement=""),), "missing"),  # a suggestion of the risk model is no promise
        ((replace(WHOLE, item="datasets"),), "missing"),
    ],
)
def test_a_restriction_passes_when_replacement_owner_and_date_stand_and_it_is_not_overdue(own, outcome):
    (row,) = rows_of(world(*own), {"final-parameters": ["vetted"], "model-card": ["anyone"]})
    assert row.outcome == outcome
    reasons = unledgered([row])
    assert [r.row for r in reasons] == ([] if outcome == "pass" else ["ledger final-parameters"])
    assert all(r.kind == "ledger" for r in reasons)
    if outcome == "fail":
        assert row.due in reasons[0].sentence


def test_what_alternatives_add_back_is_a_share_of_what_is_lost():
    (row,) = rows_of(world(), {"final-parameters": ["vetted"], "model-card": ["anyone"]})
    # kept: (2·.4 + 1·.5 + 1·.9) / 4 = .55; lost: use 1.2, safety .5, profit .1
    assert row.kept == "0.55"
    assert row.lost == {"use": "1.20", "safety": "0.50", "profit": "0.10"}
    # Of the two that lose most only "use" has one that fits, and it adds half of 1.2 back.
    assert row.kept_with_alternatives == "0.70"
    assert row.replacement == "a hosted service"


def test_the_row_of_the_very_item_speaks_before_that_of_its_component():
    own = (WHOLE, LedgerTable(item="base:final-parameters", replacement="another", owner="o", due=DAY))
    question = world(*own, final_parameters={}, model_card={})
    base = ItemTable(id="base:final-parameters")
    question = replace(question, dossier=replace(question.dossier, item=(*question.dossier.item, base)))
    found = {row.item: row.replacement for row in rows_of(question, {})}
    assert found["final-parameters"] == "research access"
    assert found["base:final-parameters"] == "another"


def test_what_is_public_or_commonplace_is_not_restricted():
    question = world(
        final_parameters={"public_since": DAY},
        datasets={"public_since": DAY + dt.timedelta(days=1)},
        architecture={},
        model_card={},
    )
    model = replace(question.risk_model, commonplace=(Commonplace(item="architecture"),))
    question = replace(question, risk_model=model)
    assert {row.item for row in rows_of(question, {})} == {"datasets", "model-card"}


@given(questions(items=4), st.data())
@settings(max_examples=30, deadline=None)
def test_sharing_what_a_reason_names_or_answering_for_it_removes_the_reason(question, data):
    groups = groups_of(question.policy)
    shared = {item.id: [data.draw(st.sampled_from(groups.names))] for item in question.dossier.item}
    reasons = unledgered(rows_of(question, shared))
    opened = dict(shared)
    answers = []
    for reason in reasons:
        opened |= reason.items
        answers += [replace(WHOLE, item=item) for item in reason.items]
    assert unledgered(rows_of(question, opened)) == []
    answered = replace(question, dossier=replace(question.dossier, ledger=tuple(answers)))
    assert unledgered(rows_of(answered, shared)) == []
    late = DAY + dt.timedelta(days=1)
    assert {r.row for r in unledgered(rows_of(answered, shared, late))} == {r.row for r in reasons}


@given(questions(items=4), st.permutations((0.2, 0.5, 0.8)))
@settings(max_examples=30, deadline=None)
def test_permitted_configurations_stand_in_the_order_of_benefit_kept_and_ties_are_settled(question, kept):
    rows = tuple(
        Benefit(objective="use", item=item, group=group, kept=share)
        for item in ("final-parameters", "sampling", "architecture")
        for group, share in zip(("auditors", "vetted", "identified"), sorted(kept), strict=True)
    )
    question = replace(question, risk_model=replace(question.risk_model, benefit=rows))
    result = assess(question)
    groups = groups_of(question.policy)
    benefits = Benefits(question.risk_model, question.policy, groups)
    items = [item.id for item in question.dossier.item]
    found = [Configuration(shared, groups) for shared in result.widest]
    keys = [(-round(benefits.share(c, items), 9), tuple(c.cells())) for c in found]
    assert all(one < other for one, other in itertools.pairwise(keys))
    turned = replace(question.dossier, item=question.dossier.item[::-1])
    assert assess(replace(question, dossier=turned)).widest == result.widest


def test_the_table_of_benefits_names_each_objective():
    question = world()
    groups = groups_of(question.policy)
    benefits = Benefits(question.risk_model, question.policy, groups)
    table = benefits.table(
        {
            "proposed": Configuration({"final-parameters": ["vetted"]}, groups),
            "widest": Configuration({"final-parameters": ["anyone"]}, groups),
        },
        ["final-parameters", "model-card"],
    )
    assert table["proposed"] == "0.55"
    assert table["proposed: use"] == "0.40"
    assert {v for k, v in table.items() if k.startswith("widest")} == {"1.00"}
