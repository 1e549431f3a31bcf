"""The memo: `report.html`, one page for a board, then annexes. One file, no script, no network.

Everything from the assessment is escaped by Jinja (autoescape on); the page's own policy forbids scripts
and requests, should anything ever get past that. What is too long for the page is cut with `…` there and
stands whole in the annexes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import jinja2

from halfdoor.reports import annexes as annexed
from halfdoor.reports import board as boards
from halfdoor.reports import charts, drawings, summary, words
from halfdoor.reports.combination_text import cheapest
from halfdoor.reports.combinations import combination_table
from halfdoor.reports.room import room_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halfdoor.core.assessment import Assessment, Binding, Configuration, Derivation
    from halfdoor.reports.charts import Frequencies
    from halfdoor.reports.drawings import Graph

GRAPH_WIDTH, GRAPH_WIDTH_ANNEX, GRAPH_WIDTH_WHOLE = 470.0, 640.0, 1020.0
_WAYS_DRAWN = 2
BORDERS_MAX = 40  # listed in the annex; all of them stand in assessment.json


def render_memo(assessment: Assessment) -> str:
    """The whole HTML document as text."""
    ways = binding_ways(assessment)
    room = room_for(assessment)
    annexes = annexed.annexes(assessment)
    page = (
        environment()
        .get_template("report.html.j2")
        .render(
            a=assessment,
            room=room,
            board=boards.release_board(assessment, rows_max=room.bundles),
            every_item=boards.release_board(assessment),
            summary=summary,
            say=words.Dictionary(assessment),
            ways=ways,
            graph=_graph([row.derivation for row in ways if row.derivation], GRAPH_WIDTH) if ways else None,
            derivations=derivations(assessment),
            table=combination_table(assessment),
            cheapest=cheapest(assessment.combinations),
            widest=_widest(assessment),
            borders_max=BORDERS_MAX,
            interval=drawings.interval,
            annexes=annexes,
            annex_of={annex.name: f"annex {annex.letter}" for annex in annexes}.get,
            withheld=annexed.withheld(assessment),
            whole_graph=_whole_graph(assessment),
            stairs=charts.stairs(assessment.plan) if assessment.plan else None,
            curves=_curves(assessment),
        )
    )
    return "\n".join(line for line in page.splitlines() if line.strip()) + "\n"


@dataclass(frozen=True)
class Drawn:
    """A binding derivation with its drawing and the reasons that rest on it."""

    graph: Graph
    derivation: Derivation
    actor: str
    cost: str
    reasons: tuple[str, ...]


def binding_ways(assessment: Assessment) -> list[Binding]:
    """The reasons whose ways the memo draws: those it gives, else the cheapest; at most two ways."""
    shown = [row for _, row in summary.reasons(assessment) if row is not None and row.derivation]
    others = [row for row in assessment.verdict.binding if row.derivation and row.cost]
    others.sort(key=lambda row: row.cost.usd_p50 if row.cost else 0.0)
    different = {_way(row.derivation): row for row in reversed(shown or others[:1]) if row.derivation}
    return list(different.values())[::-1][:_WAYS_DRAWN]


def derivations(assessment: Assessment) -> list[Drawn]:
    """Every binding derivation once, drawn for the annex."""
    dictionary = words.Dictionary(assessment)
    rows: dict[str, list[Binding]] = {}
    for row in assessment.verdict.binding:
        if row.derivation:
            rows.setdefault(_way(row.derivation), []).append(row)
    return [
        Drawn(
            graph=_graph([first.derivation], GRAPH_WIDTH_ANNEX),
            derivation=first.derivation,
            actor=dictionary.of(first.actor),
            cost=words.money_range(first.cost) if first.cost else "",
            reasons=tuple(dict.fromkeys(row.row for row in same)),
        )
        for same in rows.values()
        if (first := same[0]).derivation
    ]


def _way(derivation: Derivation) -> str:
    """The same for derivations that take the same steps from the same items."""
    steps = "; ".join(f"{step.gives} <- {' '.join(step.needs)}" for step in derivation.rules)
    return f"{derivation.ability}: {steps} ({' '.join(derivation.items)})"


def _graph(ways: Sequence[Derivation], width: float) -> Graph:
    return drawings.derivation_graph(ways, short_name, width=width)


def short_name(name: str) -> str:
    """A name for a small box: an item in plain words, an ability by its id, with spaces."""
    said = words.item(name)
    return said.replace("-", " ") if said == name else said


def _whole_graph(assessment: Assessment) -> Graph | None:
    """The derivation graph of what the dossier has; None where there is none to draw."""
    if not assessment.graph:
        return None
    title = f"Who gets what from which parts of {assessment.subject.name}"
    return drawings.whole_graph(assessment.graph, short_name, title, width=GRAPH_WIDTH_WHOLE)


def _curves(assessment: Assessment) -> list[Frequencies]:
    """The F–N curves that have something to show."""
    harm = assessment.harm
    drawn = [charts.frequencies(curve, harm.bands) for curve in harm.curves] if harm else []
    return [curve for curve in drawn if curve]


def _widest(assessment: Assessment) -> list[tuple[Configuration, list[str]]]:
    """The widest permitted configurations, best first, with how each differs from the one on the board."""
    shown, aside = boards.shown_configuration(assessment)
    choices = assessment.widest_setting_security_aside if aside else assessment.widest
    return [(choice, boards.differences(shown, choice, assessment)) for choice in choices[:BORDERS_MAX]]


@cache
def environment() -> jinja2.Environment:
    """The templates, everything escaped."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("halfdoor.reports", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        {
            "item": words.item,
            "short": short_name,
            "percent": words.percent,
            "in_hundred": words.in_hundred,
            "cases": words.cases,
            "harm": words.harm,
            "amount": words.amount,
            "figure": words.figure,
            "per_year": words.per_year,
            "measured": words.measured,
            "money": words.money,
            "money_range": words.money_range,
            "duration": words.duration,
            "day": words.date,
            "day_text": words.date_text,
            "digest": words.short_digest,
            "tier": words.tier,
            "sentence": words.sentence,
            "sentence_end": words.ended,
            "capital_first": words.capital,
            "clip": words.clipped,
            "some": words.some,
        }
    )
    made.globals["count"] = words.count
    return made
