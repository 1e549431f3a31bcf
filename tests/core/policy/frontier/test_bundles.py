"""Bundles against brute force: exchanging two items of one bundle changes neither border."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.groups import Groups
from halfdoor.core.policy.frontier.borders import frontier
from halfdoor.core.policy.frontier.bundles import bundles
from worlds import OWN_GROUPS

CHAIN = Groups()
PARTIAL = Groups((g.id, g.contains, g.inside) for g in OWN_GROUPS)
ITEMS = ("final-parameters", "intermediate-parameters", "model-card", "sampling")


@st.composite
def borders(draw):
    groups = draw(st.sampled_from((CHAIN, PARTIAL)))
    blocks = draw(
        st.lists(
            st.dictionaries(st.sampled_from(ITEMS), st.sampled_from([["vetted"], ["anyone"]]), min_size=1),
            max_size=4,
        )
    )
    minimal = [Configuration(block, groups) for block in blocks]
    found = frontier(ITEMS, groups, lambda config: not any(block <= config for block in minimal))
    return groups, found


def exchanged(config, one, other, groups):
    turn = {one: other, other: one}
    return Configuration({turn.get(i, i): config.groups_with(i) for i in ITEMS}, groups)


def same(configs, one, other, groups):
    return {exchanged(c, one, other, groups) for c in configs} == set(configs)


@given(borders())
@settings(max_examples=150, deadline=None)
def test_items_are_in_one_bundle_exactly_where_every_border_treats_them_alike(world):
    groups, found = world
    rows = bundles(ITEMS, found.widest, found.blocking, groups)
    assert sorted(item for row in rows for item in row.items) == sorted(ITEMS)
    of = {item: n for n, row in enumerate(rows) for item in row.items}
    for one, other in itertools.combinations(ITEMS, 2):
        alike = (
            all(c.groups_with(one) == c.groups_with(other) for c in found.widest)
            and same(found.widest, one, other, groups)
            and same(found.blocking, one, other, groups)
        )
        assert (of[one] == of[other]) == alike


def test_the_most_restricted_comes_first_and_what_is_open_is_all_else():
    items = (*ITEMS, "architecture", "datasets", "technical-report")
    kept = Configuration({"final-parameters": ["anyone"]}, CHAIN)
    found = frontier(items, CHAIN, lambda config: not kept <= config)
    rows = bundles(items, found.widest, found.blocking, CHAIN)
    assert [row.words for row in rows] == ["weights", "all else"]
    shut = bundles(items, (), (Configuration({}, CHAIN),), CHAIN)
    assert [row.words for row in shut] == ["architecture, datasets and 5 more"]
    alternatives = frontier(ITEMS[:2], CHAIN, lambda c: len(list(c.cells())) < 2)
    assert len(bundles(ITEMS[:2], alternatives.widest, alternatives.blocking, CHAIN)) == 2
