"""Nothing goes to a group outside what stage and decision both open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.stages import closed, includes
from halfdoor.core.governance.standing import Standing, meet, permit
from halfdoor.core.model.groups import Groups

ITEMS = ("model-card", "final-parameters", "base:final-parameters", "sampling")
GROUPS = Groups(
    [("bio-vetted", ["auditors"], ["identified"]), ("cyber-vetted", ["auditors"], ["identified"])]
)
INCLUDES = includes(GROUPS)

shared = st.dictionaries(
    st.sampled_from(ITEMS), st.lists(st.sampled_from(["nobody", *GROUPS.shareable, "strangers"]), max_size=3)
)
wanted = st.lists(st.sampled_from([*ITEMS, "datasets"]), max_size=3)
groups = st.none() | st.sampled_from([*GROUPS.names, "strangers"])
granted = st.none() | st.lists(st.sampled_from(ITEMS), max_size=3)


def standing(stage, decision, **changes):
    opened = meet(closed(stage, INCLUDES), closed(decision, INCLUDES))
    return Standing("ver_x", "1.0", "a/b", stage=1, opened=opened, listed=frozenset(opened), **changes)


def allowed(*arguments):
    try:
        permit(*arguments)
    except Refused as refused:
        return refused.code
    return "yes"


def within(shared, item, group):
    """Whether a configuration has an item for a group, by the definition."""
    return any(group in GROUPS.below(wide) for wide in shared.get(item, ()) if wide in GROUPS.shareable)


@given(shared, shared, wanted, groups, granted)
def test_nothing_is_permitted_outside_what_stage_and_decision_both_open(stage, decision, items, group, has):
    if allowed(standing(stage, decision), items, group, has) != "yes":
        return
    assert items
    for item in items:
        by_grant = group is not None and item in (has or ())
        to = group if by_grant and not within(stage, item, "anyone") else "anyone"
        to = group if by_grant and not within(decision, item, "anyone") else to
        assert within(stage, item, to)
        assert within(decision, item, to)


@given(shared, shared, st.sampled_from(ITEMS), st.sampled_from(GROUPS.shareable))
def test_what_both_open_to_a_group_is_permitted_to_whom_it_was_granted(stage, decision, item, group):
    open_ = within(stage, item, group) and within(decision, item, group)
    assert (allowed(standing(stage, decision), [item], group, [item]) == "yes") == open_


@given(shared, wanted, groups, granted)
def test_nothing_is_permitted_of_what_is_disabled(stage, items, group, has):
    assert allowed(standing(stage, stage, disabled=True), items, group, has) == "disabled"


@given(shared, wanted, wanted, groups, granted)
def test_several_items_are_permitted_where_each_is(stage, some, more, group, has):
    now = standing(stage, stage)
    each = all(allowed(now, [item], group, has) == "yes" for item in [*some, *more])
    assert (allowed(now, [*some, *more], group, has) == "yes") == (each and bool(some or more))


@given(shared, wanted)
def test_whoever_has_no_grant_has_what_anyone_has(stage, items):
    open_ = bool(items) and all(within(stage, item, "anyone") for item in items)
    for group, has in ((None, None), (None, list(ITEMS)), ("staff", None), ("vetted", ())):
        assert (allowed(standing(stage, stage), items, group, has) == "yes") == open_


@given(shared, wanted, groups, granted)
def test_a_grant_takes_nothing_away_from_what_anyone_has(stage, items, group, has):
    now = standing(stage, stage)
    if allowed(now, items, None, None) == "yes":
        assert allowed(now, items, group, has) == "yes"


@pytest.mark.parametrize(
    ("items", "group", "has", "code"),
    [
        (["final-parameters"], "vetted", ["final-parameters"], "yes"),
        (["final-parameters"], "vetted", ["model-card"], "gated"),
        (["final-parameters"], "identified", ["final-parameters"], "gated"),
        (["final-parameters"], None, None, "gated"),
        (["sampling"], "vetted", ["sampling"], "not-listed"),
        ([], "vetted", ["final-parameters"], "not-listed"),
    ],
)
def test_the_group_the_grant_and_the_stage_must_agree(items, group, has, code):
    now = standing({"final-parameters": ["vetted"]}, {"final-parameters": ["anyone"], "sampling": ["anyone"]})
    assert allowed(now, items, group, has) == code


def test_groups_of_a_policy_include_what_it_says_and_not_one_another():
    now = standing({"sampling": ["bio-vetted"]}, {"sampling": ["identified"]})
    assert now.opened == {"sampling": {"bio-vetted", "auditors", "staff"}}
    assert allowed(now, ["sampling"], "cyber-vetted", ["sampling"]) == "gated"
