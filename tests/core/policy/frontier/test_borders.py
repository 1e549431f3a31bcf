"""Both borders against brute force, on chains and on partial orders."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.errors import InputError
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.groups import Groups
from halfdoor.core.policy.frontier import search as module
from halfdoor.core.policy.frontier.borders import frontier, grow, shrink
from worlds import OWN_GROUPS

CHAIN = Groups()
PARTIAL = Groups((g.id, g.contains, g.inside) for g in OWN_GROUPS)


def brute(items, groups, permitted):
    downsets = {groups.close(s) for n in range(4) for s in itertools.combinations(groups.shareable, n)}
    every = [
        Configuration(dict(zip(items, pick, strict=True)), groups)
        for pick in itertools.product(downsets, repeat=len(items))
    ]
    good = [c for c in every if permitted(c)]
    bad = [c for c in every if not permitted(c)]
    widest = {c for c in good if not any(c <= d and c != d for d in good)}
    blocking = {c for c in bad if not any(d <= c and c != d for d in bad)}
    return widest, blocking


@st.composite
def monotone_policies(draw):
    groups, items = draw(st.sampled_from(((CHAIN, ("a", "b", "c")), (PARTIAL, ("a", "b")))))
    blocks = draw(
        st.lists(
            st.dictionaries(
                st.sampled_from(items),
                st.lists(st.sampled_from(groups.shareable), min_size=1, max_size=2),
                min_size=1,
            ),
            max_size=4,
        )
    )
    minimal = [Configuration(block, groups) for block in blocks]
    return items, groups, lambda config: not any(block <= config for block in minimal)


@given(monotone_policies())
@settings(max_examples=80, deadline=None)
def test_both_borders_are_those_of_brute_force(world):
    items, groups, permitted = world
    found = frontier(items, groups, permitted)
    widest, blocking = brute(items, groups, permitted)
    assert found.complete
    assert set(found.widest) == widest
    assert set(found.blocking) == blocking


@given(monotone_policies())
@settings(max_examples=60, deadline=None)
def test_with_too_many_borders_what_is_found_is_still_exact(world):
    items, groups, permitted = world
    most, module.BORDERS_MAX = module.BORDERS_MAX, 0
    try:
        found = frontier(items, groups, permitted)
    finally:
        module.BORDERS_MAX = most
    widest, blocking = brute(items, groups, permitted)
    assert not found.complete
    assert set(found.widest) <= widest
    assert set(found.blocking) <= blocking


@given(monotone_policies(), st.data())
@settings(max_examples=60, deadline=None)
def test_grow_and_shrink_reach_the_border(world, data):
    items, groups, permitted = world
    shared = {i: data.draw(st.lists(st.sampled_from(groups.shareable), max_size=2)) for i in items}
    start = Configuration(shared, groups)
    widest, blocking = brute(items, groups, permitted)
    if permitted(start):
        top = grow(start, items, groups, permitted)
        assert start <= top
        assert top in widest
    else:
        bottom = shrink(start, permitted)
        assert bottom <= start
        assert bottom in blocking


def test_nothing_and_everything():
    free = frontier(("a",), CHAIN, lambda _: True)
    assert [c.as_dict() for c in free.widest] == [{"a": ["anyone"]}]
    assert free.blocking == ()
    shut = frontier(("a",), CHAIN, lambda _: False)
    assert shut.widest == ()
    assert [c.as_dict() for c in shut.blocking] == [{}]


def test_a_group_inside_another_is_had_by_both():
    config = Configuration({"a": ["identified"]}, PARTIAL)
    assert config.groups_with("a") == {"staff", "auditors", "bio", "vetted", "identified"}
    assert config.as_dict() == {"a": ["identified"]}
    assert config.withhold("a", "bio").as_dict() == {"a": ["vetted"]}
    assert config.withhold("a", "staff").as_dict() == {}


def test_groups_that_include_each_other_are_refused():

    with pytest.raises(InputError, match="include each other"):
        Groups([("x", ["anyone"], ["staff"])])
    with pytest.raises(InputError) as error:
        Groups([("x", ["stuff"], [])])
    assert error.value.remedy == "did you mean 'staff'?"
