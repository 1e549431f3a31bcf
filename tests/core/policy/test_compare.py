"""Two policies on one model: the same answer is no difference, and every difference is said."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from assessments import heron, llama, own_groups, wren
from halfdoor.core.assess import assess
from halfdoor.core.policy.compare import compared, no_answer, side
from worlds import example, policies, questions

change = msgspec.structs.replace


def both(first, second):
    return compared("m", "2026-01-01", side("A", first), side("B", second))


@pytest.mark.parametrize("made", [heron, llama, wren, own_groups], ids=lambda f: f.__name__)
def test_a_policy_against_itself_changes_nothing(made):
    found = both(made(), made())
    assert found.same
    assert found.further == found.less_far == []
    assert not any("may go" in sentence for sentence in found.sentences)


def test_in_and_out_of_scope():
    inside = heron()
    outside = change(
        inside, scope=change(inside.scope, in_scope=False), verdict=change(inside.verdict, permitted=True)
    )
    found = both(inside, outside)
    assert not found.same
    assert found.sentences[0] == "Not permitted under A, out of scope under B."
    assert both(outside, inside).sentences[0] == "Out of scope under A, not permitted under B."


def test_tiers_that_differ_alike_share_a_sentence():
    base = heron()
    tiers = {name: change(found, tier="critical") for name, found in base.tiers.items()}
    lower = {name: change(found, tier="high") for name, found in base.tiers.items()}
    said = both(change(base, tiers=tiers), change(base, tiers=lower)).sentences
    assert sum("tier critical under A, tier high under B" in sentence for sentence in said) == 1


def test_what_may_go_further_is_said_by_part_and_group():
    base = heron()
    borders = base.widest or base.widest_setting_security_aside
    name = "widest" if base.widest else "widest_setting_security_aside"
    wider = {**borders[0], "final-parameters": ["anyone"]}
    narrower = {item: groups for item, groups in borders[0].items() if item != "model-card"}
    assert both(base, change(base, **{name: [wider]})).further == ["final-parameters"]
    found = both(base, change(base, **{name: [narrower]}))
    assert found.less_far == ["model-card"]
    assert not found.same
    said = " ".join(found.sentences)
    assert "odel card may go to anyone under A, to nobody under B." in said


def test_no_answer_is_an_answer_of_its_own():
    refused = no_answer("B", "domain 'd' is in scope. Add a row.")
    found = compared("m", "d", side("A", heron()), refused)
    assert not found.same
    assert found.sentences == [
        "Not permitted under A, no answer under B.",
        "B: domain 'd' is in scope. Add a row.",
    ]
    assert found.further == []


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(questions(draws=100), policies())
def test_differences_are_those_of_the_assessments(question, policy):
    """Same verdict, scope, tiers and borders is the same; turned round, what goes further goes less far."""
    first = assess(change(question, configuration=None))
    second = assess(change(question, policy=change(policy, group=question.policy.group)))
    found, turned = both(first, second), both(second, first)
    assert found.same == turned.same
    assert set(found.further) == set(turned.less_far)
    alike = (
        first.verdict.permitted == second.verdict.permitted
        and {d.domain: d.in_scope for d in first.scope.domains}
        == {d.domain: d.in_scope for d in second.scope.domains}
        and {n: t.tier for n, t in first.tiers.items()} == {n: t.tier for n, t in second.tiers.items()}
        and sorted(map(str, first.widest)) == sorted(map(str, second.widest))
        and sorted(map(str, first.widest_setting_security_aside))
        == sorted(map(str, second.widest_setting_security_aside))
    )
    assert found.same == alike
    if found.further or found.less_far:
        assert any("may go" in sentence for sentence in found.sentences)


def test_a_looser_policy_lets_nothing_go_less_far():
    question = example()
    loose = change(
        question.policy, limit=(change(question.policy.limit[0], access_probability=Decimal("0.6")),)
    )
    found = both(assess(question), assess(change(question, policy=loose)))
    assert found.less_far == []
    assert found.further
