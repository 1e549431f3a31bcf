"""A plan rises through what is permitted to the widest permitted, and says what comes after."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal

import msgspec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from assessments import HERON, asked, wren
from halfdoor.core.assess import assess
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.dossier import ItemTable, SafeguardTable
from halfdoor.core.policy.document import Expect, PlanTable, Requirement
from halfdoor.core.question import groups_of
from halfdoor.core.risk.document import Benefit
from worlds import DAY, example, questions, score

replace = msgspec.structs.replace
EXPECTED = (Expect(item="sampling", group="auditors"), Expect(item="architecture", group="anyone"))
COUNTED = PlanTable(soak_days=30, no_new_safeguards_days=60, incidents_at_most=Decimal("0.01"))


def permitted(question, shared):
    configuration = {item: tuple(groups) for item, groups in shared.items()}
    return assess(replace(question, configuration=configuration)).verdict.permitted


@given(questions(items=4), st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_plan_rises_and_each_stage_is_permitted(question, data):
    public = data.draw(st.booleans())
    items = question.dossier.item
    first = replace(items[0], public_since=DAY) if public else items[0]
    question = replace(question, dossier=replace(question.dossier, item=(first, *items[1:])))
    result = assess(question)
    plan, groups = result.plan, groups_of(question.policy)
    assert plan.today == ({first.id: ["anyone"]} if public else {})
    if not result.widest:
        assert plan.stages == []
        assert plan.beyond
        return
    assert plan.target in result.widest
    assert len(plan.stages) <= 6
    on = [Configuration(shared, groups) for shared in (plan.today, *(s.configuration for s in plan.stages))]
    assert on[-1].as_dict() == plan.target
    for before, after, stage in zip(on, on[1:], plan.stages, strict=False):
        assert before <= after
        assert before != after
        assert before.join(Configuration(stage.opens, groups)) == after
        assert permitted(question, stage.configuration)
    dates = [stage.earliest for stage in plan.stages]
    assert dates == sorted(dates)
    assert dates[:1] in ([], [question.as_of])
    benefits = [float(stage.benefit) for stage in plan.stages]
    assert benefits == sorted(benefits)


@given(questions(items=4))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_permitted_proposal_is_a_station(question):
    result = assess(question)
    assume(result.verdict.permitted)
    groups = groups_of(question.policy)
    proposed = Configuration(result.proposed, groups)
    assume(result.plan.stages)
    assert proposed <= Configuration(result.plan.target, groups)
    first = Configuration(result.plan.stages[0].configuration, groups)
    free = Configuration({item: ["anyone"] for item in result.free_items}, groups)
    stations = {first.join(proposed), free.join(proposed)}
    assert stations & {Configuration(stage.configuration, groups) for stage in result.plan.stages}


@given(questions(items=4))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_lies_beyond_rises_from_the_target_to_everything_and_none_of_it_is_permitted(question):
    result = assess(question)
    plan, groups = result.plan, groups_of(question.policy)
    everything = {item.id: ["anyone"] for item in question.dossier.item}
    on = [Configuration(c, groups) for c in (plan.target, *(s.configuration for s in plan.beyond))]
    assert len(plan.beyond) <= 4
    assert all(before <= after for before, after in itertools.pairwise(on))
    assert on[-1] == Configuration(everything, groups)
    for stage in plan.beyond:
        assert not permitted(question, stage.configuration)
        assert stage.conditions
        assert stage.earliest is None
    proposed = Configuration(result.proposed, groups)
    free = Configuration({item: ["anyone"] for item in result.free_items}, groups)
    start = on[0] if result.widest else on[0].join(free)
    if plan.beyond and not proposed <= start:
        assert start.join(proposed) in on


@given(questions(items=4))
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_from_the_first_stage_on_what_the_policy_expects_is_shared(question):
    question = replace(question, policy=replace(question.policy, expect=EXPECTED))
    plan = assess(question).plan
    assume(plan.stages)
    groups = groups_of(question.policy)
    first, target = (Configuration(c, groups) for c in (plan.stages[0].configuration, plan.target))
    for row in EXPECTED:
        for item in question.dossier.item:
            wanted = item.id.endswith(row.item) and row.group in target.groups_with(item.id)
            assert not wanted or row.group in first.groups_with(item.id)


def gentle(**fields):
    """The example, permitted through and through: too dear for the actor; services beside the weights."""
    question = example(claims=(score(95),), **fields)
    costly = tuple(replace(rule, cost=1e6) for rule in question.risk_model.rule)
    item = (*question.dossier.item, ItemTable(id="sampling", group="anyone"), ItemTable(id="fine-tuning"))
    rows = (
        Requirement(item="sampling", group="vetted", kind="safeguard", evidence="filter", tier="high"),
        Requirement(
            item="final-parameters",
            group="anyone",
            evidence="tamper-cost",
            threshold=Decimal(1000),
            unit="steps",
            max_age_days=50,
        ),
    )
    tamper = replace(score(0), id="tamper-cost", passes=None, trials=None, value=5e3, low=2e3, unit="steps")
    filtered = (SafeguardTable(kind="filter", items=("sampling",)),)
    return replace(
        question,
        dossier=replace(question.dossier, item=item, safeguard=filtered),
        risk_model=replace(
            question.risk_model,
            rule=costly,
            benefit=(Benefit(item="sampling", group="vetted", objective="use", kept=0.5),),
        ),
        policy=replace(question.policy, requirement=rows, plan=COUNTED),
        claims=(*question.claims, tamper),
    )


def test_each_stage_says_what_has_to_be_shown_first():
    plan = assess(gentle()).plan
    assert plan.beyond == []
    opened = [stage.opens for stage in plan.stages]
    assert opened == [
        {"fine-tuning": ["anyone"], "model-card": ["anyone"]},
        {"final-parameters": ["staff"], "sampling": ["vetted"]},
        {"sampling": ["anyone"]},
        {"final-parameters": ["vetted"]},
        {"final-parameters": ["identified"]},
        {"final-parameters": ["anyone"]},
    ]
    given_, first, wide, *downloads = plan.stages
    assert given_.conditions == []  # no row is about it, and nobody learns anything from waiting
    (monitored,) = first.conditions
    assert monitored.startswith("Monitoring is in place on sampling")
    for stage in (given_, first):
        assert stage.earliest == DAY
        assert stage.asks == type(stage.asks)()
    assert (wide.asks.soak_days, wide.asks.no_new_safeguards_days) == (30, 0)  # can be withdrawn
    assert all(stage.asks.no_new_safeguards_days == 60 for stage in downloads)
    assert all(stage.asks.clean_uses == 680 for stage in (wide, *downloads))
    days = [(after.earliest - before.earliest).days for before, after in itertools.pairwise(plan.stages)]
    assert days == [0, 30, 60, 60, 60]
    assert [stage.irreversible for stage in plan.stages] == [["model-card"], [], []] + [
        ["final-parameters"]
    ] * 3
    # The evidence that lets the weights go to anyone will be too old by then.
    assert next(s for s in plan.stages[-1].conditions if "tamper-cost" in s).startswith(
        f"Measured again, since what there is counts until {DAY + dt.timedelta(days=50)}"
    )
    assert not any("tamper-cost" in s for stage in plan.stages[:-1] for s in stage.conditions)


def test_sizes_go_out_one_after_the_other_smallest_first_each_after_its_soak():
    question = gentle()
    sizes = ("774M", "124M", "1.5B", "355M")
    items = tuple(ItemTable(id=f"{size}:final-parameters", group="anyone") for size in sizes)
    question = replace(question, dossier=replace(question.dossier, item=items))
    plan = assess(question).plan
    out = {
        item: stage for stage in plan.stages for item, groups in stage.opens.items() if groups == ["anyone"]
    }
    rising = [out[f"{size}:final-parameters"] for size in ("124M", "355M", "774M", "1.5B")]
    assert len({stage.number for stage in rising}) == 4
    for smaller, larger in itertools.pairwise(rising):
        assert (larger.earliest - smaller.earliest).days >= 60
        assert larger.asks.no_new_safeguards_days == 60


def test_a_safeguard_in_place_and_evidence_in_date_still_have_to_hold():
    question = gentle()
    monitored = (*question.dossier.safeguard, SafeguardTable(kind="monitoring"))
    rows = tuple(replace(row, max_age_days=None) for row in question.policy.requirement)
    question = replace(
        question,
        dossier=replace(question.dossier, safeguard=monitored),
        policy=replace(question.policy, requirement=rows),
    )
    plan = assess(question).plan
    assert plan.stages[1].conditions == []
    assert next(s for s in plan.stages[-1].conditions if "tamper-cost" in s).startswith("Still so")


def test_out_of_scope_is_one_stage_today():
    plan = wren().plan
    (stage,) = plan.stages
    assert stage.conditions == []
    assert stage.earliest == wren().as_of
    assert plan.today == {"final-parameters": ["anyone"]}
    assert "final-parameters" not in stage.opens
    assert "internals-read" not in stage.irreversible
    assert "model-card" in stage.irreversible
    assert plan.beyond == []


def test_security_comes_first_where_the_weights_can_be_stolen():
    question = asked(HERON.replace('security = "SL4"\n', ""))
    plan = assess(question).plan
    assert plan.stages == []
    assert "Security level" in plan.sentence
    assert "stated: none" in plan.beyond[0].conditions[-1]
