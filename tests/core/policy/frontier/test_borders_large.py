"""Frontiers with more borders than can be listed: what is found is exact, and the work is bounded."""

import contextlib
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.groups import Groups
from halfdoor.core.policy.constraints import Gates, TierInScope, constraints
from halfdoor.core.policy.frontier import search
from halfdoor.core.policy.frontier.borders import Row, frontier, rank_steps
from halfdoor.core.policy.requirements import RequirementFinding
from halfdoor.core.risk.abilities import Holdings
from halfdoor.core.risk.access import AccessModel, Surroundings
from halfdoor.core.risk.uncertainty.draws import Draws
from worlds import ITEMS, OWN_GROUPS, policies, risk_models

PARTIAL = Groups((g.id, g.contains, g.inside) for g in OWN_GROUPS)
WIDE = Groups((f"g{n}", ("staff",), ("anyone",)) for n in range(12))  # twelve groups in no order


@contextlib.contextmanager
def caps(*, borders=search.BORDERS_MAX, operations=search.OPERATIONS_MAX):
    before = search.BORDERS_MAX, search.OPERATIONS_MAX
    search.BORDERS_MAX, search.OPERATIONS_MAX = borders, operations
    try:
        yield
    finally:
        search.BORDERS_MAX, search.OPERATIONS_MAX = before


def blocking_rows(groups, items, count, size, seed):
    """Rows that forbid one combination each, and how often they are asked."""
    rng, asked = random.Random(seed), []

    def row(block):
        def kept(config):
            asked.append(1)
            return not block <= config

        return Row(frozenset(i for i, _ in block.cells()), kept, 10)

    blocks = [
        Configuration({i: [rng.choice(groups.shareable)] for i in rng.sample(items, size)}, groups)
        for _ in range(count)
    ]
    return blocks, [row(block) for block in blocks], asked


def is_widest(config, items, groups, blocks):
    def permitted(c):
        return not any(block <= c for block in blocks)

    return permitted(config) and not any(
        permitted(config.join(Configuration({item: [group]}, groups)))
        for item in items
        for group in groups.shareable
        if group not in config.groups_with(item)
    )


def is_minimal(config, blocks):
    return any(block <= config for block in blocks) and not any(
        any(block <= config.withhold(item, group) for block in blocks)
        for item, group in config.widest_cells()
    )


def test_forty_items_and_twelve_groups_in_no_order():
    items = [f"i{n}" for n in range(40)]
    blocks, rows, asked = blocking_rows(WIDE, items, 60, 4, 1)
    everything = Configuration({i: ["anyone"] for i in items}, WIDE)
    little = Configuration({items[0]: ["staff"]}, WIDE)
    with caps(borders=60, operations=200_000):
        found = frontier(items, WIDE, rows, proposed=everything)
        also = frontier(items, WIDE, rows, proposed=little)
    assert not found.complete
    assert found.beyond is None
    assert is_minimal(found.within, blocks)
    assert found.within == found.blocking[0]
    assert also.within is None
    assert little <= also.beyond
    assert also.beyond == also.widest[0]
    for config in (also.beyond, *found.widest[:20]):
        assert is_widest(config, items, WIDE, blocks)
    for config in found.blocking:
        assert is_minimal(config, blocks)
    assert max(len(found.widest), len(found.blocking)) <= 3 * 60
    # Two frontiers, each of two searches and one lifting; the last walk of each may end beyond its cap.
    cells = len(items) * len(WIDE.shareable)
    assert len(asked) * 30 <= 6 * (200_000 + 2 * cells * len(rows) * 30)


def test_a_search_that_may_do_next_to_nothing_still_has_one_of_each():
    items = [f"i{n}" for n in range(12)]
    blocks, rows, _ = blocking_rows(WIDE, items, 30, 3, 2)
    with caps(borders=0, operations=0):
        found = frontier(items, WIDE, rows)
    assert not found.complete
    assert not found.by_rank
    assert found.widest
    assert found.blocking
    assert all(is_widest(c, items, WIDE, blocks) for c in found.widest)
    assert all(is_minimal(c, blocks) for c in found.blocking)


def test_more_borders_than_the_cap_on_a_chain():
    """Any three of twelve items block: hundreds of borders on either side."""
    items, chain = [f"i{n:02}" for n in range(12)], Groups()
    with caps(borders=40):
        found = frontier(items, chain, lambda c: len({i for i, _ in c.cells()}) < 3)
    assert not found.complete
    assert 1 < len(found.widest) + len(found.blocking) <= 45
    assert all(len(c.as_dict()) == 2 for c in found.widest)
    assert all(len(c.as_dict()) == 3 for c in found.blocking)
    everything = frontier(items, chain, lambda c: len({i for i, _ in c.cells()}) < 3)
    assert everything.complete
    assert len(everything.widest) == 12 * 11 / 2
    assert len(everything.blocking) == 12 * 11 * 10 / 6


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_complete_over_ranks(seed):
    """Each border of the coarser lattice has one of the full lattice beyond it, or within it."""
    items = ["a", "b", "c"]
    blocks, rows, _ = blocking_rows(PARTIAL, items, 4, 2, seed)
    steps = rank_steps(PARTIAL, {})
    ladder = [Configuration({"x": step}, PARTIAL).groups_with("x") for step in steps]
    every = [
        Configuration({"a": x, "b": y, "c": z}, PARTIAL)
        for x in [(), *ladder]
        for y in [(), *ladder]
        for z in [(), *ladder]
    ]
    good = [c for c in every if not any(b <= c for b in blocks)]
    bad = [c for c in every if any(b <= c for b in blocks)]
    full = frontier(items, PARTIAL, rows)
    with caps(borders=max(len(full.widest) + len(full.blocking) - 2, 0)):
        found = frontier(items, PARTIAL, rows, proposed=Configuration({"a": ["bio"]}, PARTIAL))
    assert full.complete
    if found.complete or not found.by_rank:
        return
    assert set(found.widest) <= set(full.widest)
    assert set(found.blocking) <= set(full.blocking)
    for config in good:
        if not any(config <= d and config != d for d in good):
            assert any(config <= top for top in found.widest)
    for config in bad:
        if not any(d <= config and d != config for d in bad):
            assert any(block <= config for block in found.blocking)


def test_ranks_of_the_policy_and_of_inclusion():
    assert rank_steps(Groups(), {}) == [Groups().below(g) for g in Groups().shareable]
    steps = rank_steps(PARTIAL, {})
    assert [sorted(step) for step in steps][:2] == [["staff"], ["auditors", "cyber", "staff"]]
    assert all(a < b for a, b in itertools.pairwise(steps))
    late = rank_steps(PARTIAL, {"cyber": 4})
    assert "cyber" not in late[2]
    assert "cyber" in late[3]
    early = rank_steps(PARTIAL, {"bio": -5})  # never before what it includes
    assert next(step for step in early if "bio" in step) >= PARTIAL.below("bio")


@given(risk_models(), policies(), st.data())
@settings(max_examples=80, deadline=None)
def test_the_rows_one_by_one_are_the_policy(model, policy, data):
    groups = Groups((g.id, g.contains, g.inside) for g in policy.group)
    holdings = Holdings.of(ITEMS, (), [row.item for row in model.commonplace])
    gates = Gates(AccessModel(model, holdings, Draws(1, 40), Surroundings(groups)))
    findings = [
        RequirementFinding(
            row, f"row {n}", (row.item,), "", "", data.draw(st.sampled_from(("pass", "missing")))
        )
        for n, row in enumerate(policy.requirement)
    ]
    rows = constraints(policy, {"d": TierInScope("high", in_scope=True)}, findings, gates)
    shared = data.draw(
        st.dictionaries(st.sampled_from(ITEMS), st.lists(st.sampled_from(groups.shareable), max_size=2))
    )
    config = Configuration(shared, groups)
    for strict, permitted in ((True, rows.permitted), (False, rows.permitted_setting_security_aside)):
        parts = rows.parts(strict=strict)
        assert all(part.kept(config) for part in parts) == permitted(config)
        for part in parts:
            assert part.kept(config.only(part.items)) == part.kept(config)


@pytest.mark.parametrize("chain", [True, False])
def test_a_frontier_over_nothing(chain):
    found = frontier((), Groups() if chain else PARTIAL, [Row(frozenset(), lambda _: False)])
    assert found.complete
    assert (found.widest, [c.as_dict() for c in found.blocking]) == ((), [{}])
