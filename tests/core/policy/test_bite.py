"""Rows that never or always decide, held against what the frontier itself says."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from halfdoor.core.assess import assess
from halfdoor.core.policy.bite import idle
from halfdoor.core.policy.check import check
from halfdoor.core.policy.document import Inability, Requirement, Tier
from halfdoor.core.risk.document import Actor, ClaimKind, Domain, Reach
from worlds import example, questions

change = msgspec.structs.replace


def codes(policy, model):
    return {(problem.code, problem.where) for problem in idle(policy, model)}


@pytest.fixture
def world():
    """A sound policy on a small risk model, no row of which is idle."""
    question = example()
    reach = tuple(
        Reach(actor="a", group=g, p=p, source="s")
        for g, p in (("identified", 0.5), ("vetted", 0.01), ("nobody", 0.001))
    )
    model = change(question.risk_model, reach=reach)
    assert idle(question.policy, model) == ()
    return question.policy, model


def limit(policy, **fields):
    return change(policy, limit=(change(policy.limit[0], **fields),))


def test_a_limit_on_what_nobody_can_afford_never_binds(world):
    policy, model = world
    poor = Actor(id="poor", domain="d", budget=0.01, days=30, skill=2, source="s")
    model = change(model, actor=(*model.actor, poor))
    assert codes(limit(policy, actor="poor"), model) == {("never-binds", "limit[0]")}


def test_a_limit_that_theft_breaks_at_the_best_security_always_binds(world):
    policy, model = world
    model = change(model, reach=(Reach(actor="a", group="nobody", p=0.5, source="s"),))
    assert codes(policy, model) == {("always-binds", "limit[0]")}


def test_of_two_limits_the_laxer_never_decides(world):
    policy, model = world
    strict = policy.limit[0]
    for lax in (
        strict,
        change(strict, access_probability=Decimal("0.1")),
        change(strict, confidence=Decimal("0.9")),
    ):
        both = change(policy, limit=(strict, lax))
        assert codes(both, model) == {("implied", "limit[1]")}
        if lax != strict:
            assert codes(change(policy, limit=(lax, strict)), model) == {("implied", "limit[0]")}
    apart = change(strict, access_probability=Decimal("0.1"), confidence=Decimal("0.99"))
    assert ("implied", "limit[1]") not in codes(change(policy, limit=(strict, apart)), model)


def requirement(**fields):
    given_ = {
        "item": "final-parameters",
        "group": "vetted",
        "evidence": "d.score",
        "threshold": Decimal("0.5"),
    }
    return Requirement(**(given_ | fields))


def test_a_score_above_one_is_never_reached(world):
    policy, model = world
    model = change(model, claim=(ClaimKind(id="d.score", source="s"),))
    for comparator, threshold, bites in (
        (">=", "1.5", True),
        (">", "1", True),
        ("<", "0", True),
        (">=", "1", False),
    ):
        row = requirement(comparator=comparator, threshold=Decimal(threshold))
        found = codes(change(policy, requirement=(row,)), model)
        assert (("always-binds", "requirement[0].threshold") in found) == bites


def test_a_requirement_asked_twice(world):
    policy, model = world
    wide, narrow = requirement(), requirement(item="base:final-parameters", tier="high", domain="d")
    assert codes(change(policy, requirement=(wide, narrow)), model) == {("implied", "requirement[1]")}
    assert codes(change(policy, requirement=(narrow, wide)), model) == set()


def test_domains_passed_over(world):
    policy, model = world
    model = change(model, domain=(*model.domain, Domain(id="other", source="s")))
    assert [p.code for p in idle(policy, model)] == ["silent"]
    spoken = change(policy, requirement=(requirement(),))
    assert [p.code for p in idle(spoken, model)] == ["no-tiers"]
    tiered = change(spoken, tier=(*policy.tier, Tier(domain="other", name="high", capability=Decimal("0.5"))))
    assert idle(tiered, model) == ()


def test_no_score_is_below_nothing(world):
    policy, model = world
    row = Inability(domain="d", claim="d.score", at_most=Decimal(0))
    assert codes(change(policy, inability=(row,)), model) == {("never-met", "inability[0].at_most")}


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(questions(draws=2_000))
def test_what_never_decides_never_decides_an_assessment(question):
    """Tried on assessments that share all there is: a row called idle fails only beside the stricter one."""
    if any(not problem.lint for problem in check(question.policy, question.risk_model)):
        return
    everything = {item.id: ("anyone",) for item in question.dossier.item}
    failing = [
        question.policy.limit[number]
        for number, row in enumerate(assess(change(question, configuration=everything)).limits)
        if row.outcome == "fail"
    ]
    for code, where in codes(question.policy, question.risk_model):
        if not where.startswith("limit") or code == "always-binds":
            continue
        row = question.policy.limit[int(where[len("limit[") : -1])]
        if code == "never-binds":
            assert row not in failing
        elif row in failing:
            kin = [other for other in failing if (other.actor, other.ability) == (row.actor, row.ability)]
            assert len(kin) > 1
