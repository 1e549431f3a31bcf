from __future__ import annotations

import math
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annexed import harm, heron_filled, plan
from halfdoor.core.annex import Curve
from halfdoor.reports import charts

POSITIVE = st.floats(1e-12, 1e12)


@st.composite
def curves(draw):
    """x rises, frequencies fall and may end at 0, as the engine's do."""
    x = sorted(draw(st.lists(POSITIVE, min_size=2, max_size=12, unique=True)))

    def falling():
        ys = sorted(draw(st.lists(st.one_of(st.just(0.0), POSITIVE), min_size=len(x), max_size=len(x))))
        return ys[::-1]

    return Curve("USD", x, falling(), falling(), falling())


def points(path):
    return [tuple(map(float, at)) for at in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path)]


@given(curves())
def test_every_mark_is_within_the_axes_and_falls_from_left_to_right(curve):
    drawn = charts.frequencies(curve, harm().bands)
    if drawn is None:
        assert not any(y > 0 for y in (*curve.nothing, *curve.proposed, *curve.widest))
        return
    for line in drawn.lines:
        at = points(line.path)
        assert all(drawn.left <= x <= drawn.right and drawn.top <= y <= drawn.bottom for x, y in at)
        assert [x for x, _ in at] == sorted(x for x, _ in at)
        assert [y for _, y in at] == sorted(y for _, y in at)  # downwards on the screen
    for bound in drawn.bounds:
        assert drawn.left <= bound.x <= drawn.right
        assert drawn.top <= bound.y <= drawn.bottom
    for ticks, low, high in ((drawn.across, drawn.left, drawn.right), (drawn.up, drawn.top, drawn.bottom)):
        assert 2 <= len(ticks) <= 7
        assert all(low <= tick.at <= high for tick in ticks)
        assert len({tick.label for tick in ticks}) == len(ticks)
    assert len(drawn.rows) == len(curve.x)


def test_a_power_of_ten_is_the_same_way_anywhere():
    curve = Curve("USD", [1.0, 10.0, 100.0], [1.0, 0.1, 0.01], [1.0, 0.1, 0.01], [0.0, 0.0, 0.0])
    drawn = charts.frequencies(curve, [])
    (x0, y0), (x1, y1), (x2, y2) = points(drawn.lines[0].path)
    assert math.isclose(x1 - x0, x2 - x1, abs_tol=0.2)
    assert math.isclose(y1 - y0, y2 - y1, abs_tol=0.2)
    assert [line.name for line in drawn.lines] == ["nothing", "proposed"]  # never: no line


def test_the_policy_is_drawn_in_its_own_unit_only():
    usd, deaths = harm().curves
    drawn = charts.frequencies(usd, harm().bands)
    assert [(bound.label, bound.broken) for bound in drawn.bounds] == [
        (f"catastrophic: once in 5,000{chr(0xA0)}years", True)
    ]
    assert charts.frequencies(deaths, harm().bands) is None
    assert drawn.rows[3][0] == "$1B"
    assert drawn.rows[4][1] == "0"


def test_columns_rise_with_the_benefit_and_say_what_cannot_be_undone():
    drawn = charts.stairs(plan())
    assert [(column.number, column.later, column.irreversible) for column in drawn.columns] == [
        (1, False, False),
        (2, False, True),
        (3, True, True),
    ]
    heights = [column.height for column in drawn.columns]
    assert heights == sorted(heights)
    assert all(
        column.y >= 0 and column.y + column.height == pytest.approx(drawn.base) for column in drawn.columns
    )
    assert drawn.columns[-1].x + drawn.columns[-1].width == pytest.approx(drawn.width)
    bare = msgspec.structs.replace(heron_filled().plan, stages=[], beyond=[])
    assert charts.stairs(bare) is None
