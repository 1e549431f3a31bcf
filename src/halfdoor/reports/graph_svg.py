"""The derivation graph as an SVG file of its own: the drawing, and under it the same as a table.

It asks for nothing from any network, follows the light or dark setting of whoever looks at it, and tells
screen readers every rule in its description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.errors import InputError
from halfdoor.reports import drawings, words
from halfdoor.reports.files import write_file
from halfdoor.reports.memo import environment, short_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from halfdoor.core.annex import GraphRule

_WIDTH, _MARGIN = 1060.0, 24
_NEEDS_CHARS, _ROW = 78, 18
_LEGEND = (
    "From left to right: what is held, what a rule costs (middle) and the skill it takes, what that gives.",
    "All that runs into a rule is needed together. Each rule that runs into an ability is a way of its own.",
)
_FREE = "Dashed box: anybody has it already."
_BACK = "Dashed line: back to the left, a circle; it helps nobody who does not have its start otherwise."


def write_graph(path: Path, rules: Sequence[GraphRule], title: str) -> None:
    """Write the drawing. Raises InputError `nothing-to-draw`, `cannot-write`."""
    if not rules:
        raise InputError(
            "nothing-to-draw",
            "there is no rule to draw that these parts can take, or there are too many to be read",
            where=str(path),
            remedy="draw what leads to one ability: --ability A",
        )
    write_file(path, render_graph(rules, title).encode())


def render_graph(rules: Sequence[GraphRule], title: str) -> str:
    """The SVG document as text."""
    graph = drawings.whole_graph(rules, short_name, title, width=_WIDTH)
    width = max(round(graph.width) + 2 * _MARGIN, round(_WIDTH) + 2 * _MARGIN)
    legend = [*_LEGEND, *([_FREE] if any(r.free for r in rules) else [])]
    legend += [_BACK] if any(edge.back for edge in graph.edges) else []
    top = 54 + 15 * len(legend) + 6
    table_top = top + round(graph.height) + 40
    page = (
        environment()
        .get_template("graph.svg.j2")
        .render(
            graph=graph,
            legend=legend,
            margin=_MARGIN,
            width=width,
            height=table_top + _ROW * len(rules) + _MARGIN,
            drawing_top=top,
            table_top=table_top,
            columns=_columns(width),
            rows=[_cells(number, rule) for number, rule in enumerate(rules, 1)],
        )
    )
    return "\n".join(line for line in page.splitlines() if line.strip()) + "\n"


def _columns(width: int) -> list[tuple[str, int, str]]:
    """Name, place and side of each column of the table."""
    right = width - _MARGIN
    return [
        ("", _MARGIN + 16, "end"),
        ("needs", _MARGIN + 30, "start"),
        ("gives", right - 470, "start"),
        ("money (90\u00a0%)", right - 150, "end"),
        ("time", right - 60, "end"),
        ("skill", right - 4, "end"),
    ]


def _cells(number: int, rule: GraphRule) -> tuple[str, ...]:
    low, middle, high = (words.money(v) for v in (rule.usd_p5, rule.usd_p50, rule.usd_p95))
    span = "" if low == high else f" ({low}{words.DASH}{high})"
    return (
        str(number),
        words.clipped(" + ".join(map(short_name, rule.needs)), _NEEDS_CHARS),
        short_name(rule.gives),
        middle + span,
        words.duration(rule.days_p50),
        str(rule.skill),
    )
