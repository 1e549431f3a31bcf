"""Plans rise inside the decision, and ask at least what the policy asks."""

import datetime as dt
import itertools

import msgspec
import pytest

from assessments import HERON, asked, heron, wren
from halfdoor.core.annex import Asks
from halfdoor.core.assess import assess
from halfdoor.core.errors import InputError
from halfdoor.core.governance.entering import Seen, why_not_enter, why_not_permitted
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.stages import Ground, StageSpec, begins_at, closed, includes, stages_of
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.groups import Groups

NOW = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
SHARED = {"model-card": ("anyone",)}
SERVED = {"model-card": ("anyone",), "sampling": ("vetted",)}
WIDER = {"model-card": ("anyone",), "sampling": ("anyone",)}
WIDEST = {**WIDER, "inference-code": ("anyone",)}


def policy():
    return asked(HERON).policy


def quick():
    return msgspec.structs.replace(asked(HERON), draws=100)


def ground(decided=None, former=None, **changes):
    groups = Groups()
    return Ground(
        policy=msgspec.structs.replace(policy(), **changes),
        assessment=heron(),
        decided=decided or heron().widest[0],
        former=closed(former or {}, includes(groups)),
    )


def refused(make):
    with pytest.raises(Refused) as caught:
        make()
    return caught.value


def test_the_assessments_own_chain_ends_with_exactly_what_was_decided():
    groups = Groups()
    for decided in (heron().widest[0], WIDER, {"sampling": ("auditors",), "technical-report": ("staff",)}):
        stages = stages_of(ground(decided), None)
        configs = [Configuration(stage.configuration, groups) for stage in stages]
        assert configs[-1] == Configuration(decided, groups)
        assert all(one <= other and one != other for one, other in itertools.pairwise(configs))
        assert [stage.number for stage in stages] == list(range(1, len(stages) + 1))
        for stage, config in zip(stages, configs, strict=True):
            assert stage.cells == {i: sorted(config.groups_with(i)) for i in stage.configuration}


def test_its_conditions_are_those_that_the_assessment_names():
    stages = stages_of(ground(), None)
    planned = heron().plan.stages
    assert [s.asks for s in stages] == [s.asks for s in planned]
    assert any(s.asks.soak_days for s in stages)
    assert stages[-1].irreversible
    assert "cannot be called back" in stages[-1].sentence


def test_out_of_scope_everything_opens_in_one_stage_that_asks_nothing():
    decided = {"model-card": ("anyone",), "final-parameters": ("anyone",)}
    stages = stages_of(Ground(policy=policy(), assessment=wren(), decided=decided), None)
    assert [s.asks for s in stages] == [Asks()]
    assert stages[0].irreversible == ["model-card"], "the weights are public elsewhere"


def test_without_a_plan_there_is_one_stage():
    bare = msgspec.structs.replace(ground(WIDEST), assessment=msgspec.structs.replace(heron(), plan=None))
    assert [dict(s.configuration) for s in stages_of(bare, None)] == [{i: list(g) for i, g in WIDEST.items()}]


@pytest.mark.parametrize(
    ("specs", "code", "named"),
    [
        (
            [SERVED, {**WIDER, "datasets": ("anyone",)}],
            "wider-than-decided",
            ("stage 2", "datasets", "anyone"),
        ),
        ([WIDER, {**SERVED, "inference-code": ("anyone",)}], "not-rising", ("stage 2", "sampling", "anyone")),
        ([SERVED, SERVED], "not-rising", ("stage 2",)),
        ([{}], "not-rising", ("stage 1",)),
        ([], "bad-plan", ("0",)),
    ],
)
def test_a_chain_that_does_not_rise_inside_the_decision_is_refused_with_what_is_wrong(specs, code, named):
    error = refused(lambda: stages_of(ground(WIDEST), [StageSpec(spec) for spec in specs]))
    assert error.code == code
    assert all(word in error.message for word in named)


def test_a_group_that_nobody_defined_is_named():
    with pytest.raises(InputError) as caught:
        stages_of(ground(WIDEST), [StageSpec({"sampling": ("strangers",)})])
    assert caught.value.code == "unknown-group"


def test_own_stages_ask_what_the_policy_asks_once_something_at_stake_is_open():
    specs = [StageSpec(c) for c in (SHARED, SERVED, WIDER, WIDEST)]
    stages = stages_of(ground(WIDEST), specs)
    table = policy().plan
    assert [s.asks.soak_days for s in stages] == [0, 0, table.soak_days, table.soak_days]
    assert [s.asks.no_new_safeguards_days for s in stages] == [0, 0, 0, table.no_new_safeguards_days]
    assert stages[2].asks.incidents_at_most == f"{table.incidents_at_most:f}"


def test_nobody_softens_what_the_policy_asks():
    specs = [StageSpec(SERVED), StageSpec(WIDER, soak_days=3)]
    assert refused(lambda: stages_of(ground(WIDEST), specs)).code == "softer-than-policy"
    plan = msgspec.structs.replace(policy().plan, approvals=2)
    specs = [StageSpec(SERVED, approvals=1)]
    assert refused(lambda: stages_of(ground(WIDEST, plan=plan), specs)).code == "softer-than-policy"
    (stage,) = stages_of(ground(WIDEST, plan=plan), [StageSpec(SERVED)])
    assert stage.approvals == 2


def test_a_caller_may_ask_for_more():
    specs = [StageSpec(SHARED), StageSpec(SERVED, soak_days=5), StageSpec(WIDER, soak_days=200, approvals=3)]
    _, second, third = stages_of(ground(WIDEST), specs)
    assert (second.asks.soak_days, third.asks.soak_days, third.approvals) == (5, 200, 3)


def test_what_was_opened_under_a_former_plan_counts():
    first, second = stages_of(ground(WIDEST, SERVED), [StageSpec(SERVED), StageSpec(WIDER)])
    assert first.asks == Asks(), "nothing is opened that was not"
    assert second.asks.soak_days == policy().plan.soak_days
    (at_once,) = stages_of(ground(WIDEST, SERVED), [StageSpec(WIDEST)])
    assert at_once.asks.soak_days == policy().plan.soak_days


def test_a_plan_may_begin_with_exactly_what_is_open_and_nothing_else():
    stages = stages_of(ground(WIDEST), [StageSpec(c) for c in (SHARED, SERVED, WIDER)])
    assert begins_at(stages, stages[1].cells) == 2
    assert begins_at(stages, {**stages[1].cells, "datasets": ["staff"]}) is None
    assert begins_at(stages, {}) is None


def soaked():
    _, stage = stages_of(ground(WIDEST), [StageSpec(SERVED), StageSpec(WIDER, approvals=2)])
    return stage


def days_ago(days):
    return NOW - dt.timedelta(days=days)


def test_a_stage_may_be_entered_when_all_is_met():
    seen = Seen(opened_at=days_ago(90), uses=10_000, approved_by=frozenset({"a", "b"}))
    assert why_not_enter(soaked(), seen, "c", NOW) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"opened_at": days_ago(89)}, "Open for 89 days; 90 are asked for"),
        ({"until": days_ago(1)}, "Open for 89 days"),
        ({"uses": 5000}, "0 incidents in 5,000"),
        ({"incidents": 100}, "100 incidents"),
        ({"approved_by": frozenset({"a", "c"})}, "1 did"),
        ({"closed": ("It is over.",)}, "It is over."),
    ],
)
def test_each_condition_that_is_not_met_is_said(changes, words):
    seen = Seen(opened_at=days_ago(90), uses=10_000, approved_by=frozenset({"a", "b"}))
    (reason,) = why_not_enter(soaked(), msgspec.structs.replace(seen, **changes), "c", NOW)
    assert words in reason


def test_all_reasons_are_said_at_once():
    stage = msgspec.structs.replace(soaked(), not_before=dt.date(2026, 11, 26))
    assert len(why_not_enter(stage, Seen(opened_at=NOW, closed=("Closed.",)), "c", NOW)) == 5
    assert not any("before" in r for r in why_not_enter(stage, Seen(), "c", NOW + dt.timedelta(days=1)))


def test_a_safeguard_that_had_to_be_added_holds_back_files():
    plan = msgspec.structs.replace(policy().plan, incidents_at_most=None)
    *_, stage = stages_of(ground(WIDEST, plan=plan), [StageSpec(WIDER), StageSpec(WIDEST)])
    seen = Seen(opened_at=days_ago(100), safeguard_at=days_ago(30))
    (reason,) = why_not_enter(stage, seen, "c", NOW)
    assert "safeguard had to be added 30 days ago" in reason


def test_it_is_assessed_again_as_of_the_day():
    question, widest = quick(), heron().widest[0]
    assert why_not_permitted(question, widest, question.as_of) == []
    reasons = why_not_permitted(question, {"final-parameters": ["anyone"]}, question.as_of)
    assert reasons
    assert all(reason.startswith("Assessed again as of 2026-11-23: ") for reason in reasons)


def test_evidence_that_is_stale_by_then_stands_against_it():
    question = quick()
    later = dt.date(2029, 1, 1)
    again = assess(msgspec.structs.replace(question, as_of=later, configuration=dict(heron().widest[0])))
    assert not again.verdict.permitted, "the example has evidence that grows stale"
    assert why_not_permitted(question, heron().widest[0], later)


def test_being_narrower_than_the_policy_expects_is_no_reason_against_a_stage():
    question = quick()
    required = msgspec.structs.replace(
        question, policy=msgspec.structs.replace(question.policy, ledger="required")
    )
    verdict = assess(msgspec.structs.replace(required, configuration={"architecture": ("staff",)})).verdict
    assert {row.kind for row in verdict.binding} <= {"ledger", "expectation"}
    assert not verdict.permitted
    assert why_not_permitted(required, {"architecture": ["staff"]}, question.as_of) == []
