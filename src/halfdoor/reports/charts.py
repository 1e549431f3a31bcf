"""Charts of the annexes: where each mark stands. Templates draw them as SVG, and a table says the same.

How often harm is at least so great is drawn on logarithmic axes (an F–N curve), for both span many powers of
ten; a frequency of none has no place there, so its line ends.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from halfdoor.reports import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halfdoor.core.annex import BandHarm, Curve, Plan, Stage

_LEFT, _TOP, _WIDTH, _HEIGHT = 92.0, 10.0, 400.0, 210.0
_DECADES_MAX = 9  # lower frequencies are off the chart
_TICKS_MAX = 6
_COLUMN, _COLUMN_GAP, _COLUMN_HEIGHT = 46.0, 10.0, 90.0


@dataclass(frozen=True)
class Tick:
    """A label and its place along the axis, in px."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """A curve as SVG paths. `name`: nothing, proposed, widest."""

    name: str
    words: str
    path: str


@dataclass(frozen=True)
class Bound:
    """A line of the policy: events at least so severe, at most so often."""

    x: float
    y: float
    label: str
    broken: bool


@dataclass(frozen=True)
class Frequencies:
    """An F–N curve: axes, lines and the policy's bounds, in px; `rows` are the table beside it."""

    unit: str
    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    lines: tuple[Line, ...]
    bounds: tuple[Bound, ...]
    rows: tuple[tuple[str, str, str, str], ...]


_SERIES = (("nothing", "nothing shared"), ("proposed", "as proposed"), ("widest", "the widest permitted"))


def frequencies(curve: Curve, bands: Iterable[BandHarm]) -> Frequencies | None:
    """Draw one curve with the policy's lines in its unit; None where nothing on it ever happens."""
    lines = [b for b in bands if b.unit == curve.unit and b.allowed_per_year and b.at_least > 0]
    series = {name: getattr(curve, name) for name, _ in _SERIES}
    xs = [x for x in (*curve.x, *(b.at_least for b in lines)) if x > 0 and math.isfinite(x)]
    allowed = [float(b.allowed_per_year or 0) for b in lines]
    ys = [y for y in itertools.chain(*series.values(), allowed) if y > 0 and math.isfinite(y)]
    if not xs or not any(y > 0 for values in series.values() for y in values):
        return None
    across = _Axis(min(xs), max(xs), _LEFT, _LEFT + _WIDTH)
    up = _Axis(max(min(ys), max(ys) / 10**_DECADES_MAX), max(ys), _TOP + _HEIGHT, _TOP)
    shown = [Line(name, said, _path(curve.x, series[name], across, up)) for name, said in _SERIES]
    bounds = [
        Bound(
            across.place(b.at_least),
            up.place(float(b.allowed_per_year or 0)),
            f"{b.band}: {words.per_year(float(b.allowed_per_year or 0))}",
            b.outcome == "fail",
        )
        for b in lines
        if float(b.allowed_per_year or 0) > 0
    ]
    return Frequencies(
        unit=curve.unit,
        width=_LEFT + _WIDTH + 46,
        height=_TOP + _HEIGHT + 45,
        left=_LEFT,
        top=_TOP,
        right=_LEFT + _WIDTH,
        bottom=_TOP + _HEIGHT,
        across=tuple(Tick(at, words.amount(v, curve.unit)) for v, at in across.ticks()),
        up=tuple(Tick(at, _often(v)) for v, at in up.ticks()),
        lines=tuple(line for line in shown if line.path),
        bounds=tuple(bounds),
        rows=tuple(_rows(curve)),
    )


def _rows(curve: Curve) -> Iterable[tuple[str, str, str, str]]:
    for x, nothing, proposed, widest in zip(
        curve.x, curve.nothing, curve.proposed, curve.widest, strict=False
    ):
        yield words.amount(x, curve.unit), _often(nothing), _often(proposed), _often(widest)


def _often(frequency: float) -> str:
    """Short, for axes and tables: `3.2`, `1 in 40`; a year is understood."""
    if frequency <= 0:
        return "0"
    return (
        words.figure(frequency)
        if frequency >= 1
        else f"1{words.NBSP}in{words.NBSP}{words.figure(1 / frequency)}"
    )


class _Axis:
    """A logarithmic axis in whole decades, from `low` at `start` px to `high` at `end` px."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low = math.floor(math.log10(low) + 1e-9)
        self._high = max(math.ceil(math.log10(high) - 1e-9), self._low + 1)
        self._start, self._end = start, end

    def place(self, value: float) -> float:
        """In px, held within the axis."""
        share = (math.log10(value) - self._low) / (self._high - self._low)
        return round(self._start + (self._end - self._start) * min(max(share, 0.0), 1.0), 1)

    def shows(self, value: float) -> bool:
        """Whether it is not below the axis."""
        return value > 0 and math.log10(value) >= self._low - 1e-9

    def ticks(self) -> list[tuple[float, float]]:
        """(value, px), each a power of ten."""
        step = math.ceil((self._high - self._low) / _TICKS_MAX)
        powers = range(self._low, self._high + 1, step)
        return [(10.0**power, self.place(10.0**power)) for power in powers]


def _path(xs: Sequence[float], ys: Sequence[float], across: _Axis, up: _Axis) -> str:
    """A polyline, broken where there is no frequency to draw."""
    said, drawing = [], False
    for x, y in zip(xs, ys, strict=False):
        seen = x > 0 and math.isfinite(x) and math.isfinite(y) and up.shows(y)
        if seen:
            said.append(f"{'L' if drawing else 'M'}{across.place(x):.1f} {up.place(y):.1f}")
        drawing = seen
    return " ".join(said) if len(said) > 1 else ""


@dataclass(frozen=True)
class Column:
    """One stage: how much benefit is kept from here on. `later`: not permitted yet."""

    number: int
    x: float
    y: float
    width: float
    height: float
    share: str
    later: bool
    irreversible: bool


@dataclass(frozen=True)
class Stairs:
    """The stages of a plan as rising columns, in px."""

    columns: tuple[Column, ...]
    width: float
    height: float
    base: float


def stairs(plan: Plan) -> Stairs | None:
    """Draw a plan; None where it has no stages."""
    stages: list[tuple[Stage, bool]] = [(s, False) for s in plan.stages] + [(s, True) for s in plan.beyond]
    if not stages:
        return None
    top = 16.0
    base = top + _COLUMN_HEIGHT
    columns = []
    for place, (stage, later) in enumerate(stages):
        height = round(_COLUMN_HEIGHT * min(max(float(stage.benefit or 0), 0.0), 1.0), 1)
        columns.append(
            Column(
                number=stage.number,
                x=round(place * (_COLUMN + _COLUMN_GAP), 1),
                y=base - height,
                width=_COLUMN,
                height=height,
                share=words.percent(stage.benefit),
                later=later,
                irreversible=bool(stage.irreversible),
            )
        )
    return Stairs(tuple(columns), len(columns) * (_COLUMN + _COLUMN_GAP) - _COLUMN_GAP, base + 18, base)
