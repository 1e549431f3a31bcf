"""Flaws spread with copies, and never less when more groups have the weights."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.model.groups import Groups
from halfdoor.core.risk.document import Flaw, Spread
from halfdoor.core.risk.harm.flaws import copies, flaw_harm
from halfdoor.core.risk.uncertainty.draws import Draws
from worlds import OWN_GROUPS

CHAIN = Groups()
PARTIAL = Groups((g.id, g.contains, g.inside) for g in OWN_GROUPS)
DRAWS = Draws(1, 200)


def flaw(**fields):
    given_ = {"open": 2.0, "harm": 3.0, "uptake": 0.25, "copies": {"vetted": 10.0, "anyone": 1000.0}}
    return Flaw(id="f", **(given_ | fields))


def test_the_closed_form():
    assert flaw_harm(flaw(), {"vetted"}, CHAIN, DRAWS) == pytest.approx(2 * 3 * 10 * 0.75)
    assert flaw_harm(flaw(), {"anyone"}, CHAIN, DRAWS) == pytest.approx(2 * 3 * 1000 * 0.75)
    assert not flaw_harm(flaw(), (), CHAIN, DRAWS).any()
    assert not flaw_harm(flaw(uptake=1.0), {"anyone"}, CHAIN, DRAWS).any()


def test_a_group_without_a_number_counts_as_the_next_wider_one_and_else_as_the_largest():
    assert copies(flaw(), {"staff"}, CHAIN, DRAWS) == pytest.approx(10)
    assert copies(flaw(), {"identified"}, CHAIN, DRAWS) == pytest.approx(1000)
    assert copies(flaw(copies={"vetted": 10.0}), {"anyone"}, CHAIN, DRAWS) == pytest.approx(10)


def test_groups_that_do_not_include_each_other_add_up():
    rows = flaw(copies={"staff": 1.0, "auditors": 2.0, "bio": 12.0, "cyber": 31.0, "anyone": 90.0})
    assert copies(rows, {"bio", "cyber"}, PARTIAL, DRAWS) == pytest.approx(12 + 30)


amounts = st.sampled_from((3.0, 50.0, Spread(p5=1, mode=9, p95=200)))


@given(st.dictionaries(st.sampled_from(PARTIAL.shareable), amounts, min_size=1))
@settings(max_examples=60, deadline=None)
def test_more_groups_never_hold_fewer_copies_in_any_draw(stated):
    rows = flaw(copies=stated, uptake=Spread(p5=0.1, mode=0.5, p95=0.8))
    downsets = {PARTIAL.close(s) for n in range(3) for s in itertools.combinations(PARTIAL.shareable, n)}
    harm = {groups: flaw_harm(rows, groups, PARTIAL, DRAWS) for groups in downsets}
    for fewer, more in itertools.permutations(downsets, 2):
        if fewer < more:
            assert (harm[more] >= harm[fewer]).all()
    assert np.all(harm[frozenset()] == 0)
