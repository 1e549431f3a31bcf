"""Where things stand in the drawings: derivation graphs and measuring scales. Templates draw them as SVG.

A derivation graph runs from items on the left to abilities on the right. Rules are nodes too, shown by
their cost, so an edge label is never squeezed in afterwards and cannot cover another. Everything that runs
into a rule is needed together; each rule that runs into an ability is a way of its own.
"""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from halfdoor.core.model.words import listed
from halfdoor.reports import words
from halfdoor.reports.layered import Kind, Link, Node, lay_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from halfdoor.core.annex import GraphRule
    from halfdoor.core.assessment import Derivation, DerivationStep, EvidenceRow

CHAR = 6.7  # px of the widest common sans-serif at 11 px, so that no font overflows its box
LINE = 13.0
_LABEL_CHARS = 15


@dataclass(frozen=True)
class Edge:
    """A curve as an SVG path; with an arrow where it ends at an ability."""

    path: str
    arrow: str  # points of the arrow head; empty where there is none
    last: bool  # it leads to the goal
    back: bool = False  # it closes a circle: from right to left


@dataclass(frozen=True)
class Graph:
    """A drawing of derivations, with the same said in a sentence."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: float
    height: float
    title: str
    sentence: str


def derivation_graph(derivations: Sequence[Derivation], name: Callable[[str], str], *, width: float) -> Graph:
    """Lay out derivations of one ability or several. `name` says ids in words; `width` (px) is aimed at."""
    sketch = _Sketch(name, goals={d.ability for d in derivations})
    sketch.given = {step.gives for d in derivations for step in d.rules}
    for derivation in derivations:
        for step in derivation.rules:
            sketch.rule(_rule_key(step), step.gives, step.needs, (words.money(step.usd_p50),))
    goals = list(dict.fromkeys(name(d.ability) for d in derivations))
    said = " ".join(_said(d, name) for d in derivations)
    return sketch.drawn(width, f"How to {listed(goals)}", said)


def whole_graph(rules: Sequence[GraphRule], name: Callable[[str], str], title: str, *, width: float) -> Graph:
    """Lay out a derivation graph, circles and all; rules are numbered from 1 as in a table beside it."""
    sketch = _Sketch(name, goals=set())
    sketch.given = {rule.gives for rule in rules}
    sketch.free = {need for rule in rules for need in rule.free}
    for number, rule in enumerate(rules, 1):
        lines = (f"{number}: {words.money(rule.usd_p50)}", f"skill {rule.skill}")
        sketch.rule(f"rule {number}", rule.gives, rule.needs, lines)
    said = " ".join(f"{number}: {rule_said(rule, name)}." for number, rule in enumerate(rules, 1))
    return sketch.drawn(width, title, said, near=True)


def rule_said(rule: GraphRule, name: Callable[[str], str]) -> str:
    """`weights and architecture give run unfiltered for $20 (90 %: $1–$300), skill 1`."""
    verb = "gives" if len(rule.needs) == 1 else "give"
    low, middle, high = (words.money(v) for v in (rule.usd_p5, rule.usd_p50, rule.usd_p95))
    span = "" if low == high else f" (90{words.NBSP}%: {low}{words.DASH}{high})"
    return (
        f"{listed([name(n) for n in rule.needs])} {verb} {name(rule.gives)} for {middle}{span}, "
        f"skill {rule.skill}"
    )


def _said(derivation: Derivation, name: Callable[[str], str]) -> str:
    steps = [
        f"{listed([name(n) for n in step.needs])} {'gives' if len(step.needs) == 1 else 'give'} "
        f"{name(step.gives)} for {words.money(step.usd_p50)}"
        for step in derivation.rules
    ]
    return words.sentence("; ".join(steps))


class _Sketch:
    """Items, abilities and rules as joined nodes; a rule used twice is drawn once."""

    def __init__(self, name: Callable[[str], str], goals: set[str]) -> None:
        self._name = name
        self._goals = goals
        self.given: set[str] = set()  # by some rule: abilities; all else are items
        self.free: set[str] = set()
        self._nodes: dict[str, Node] = {}
        self._links: list[Link] = []

    def rule(self, key: str, gives: str, needs: Iterable[str], lines: tuple[str, ...]) -> None:
        """Add a rule with what it needs and gives; `lines` stand in its box."""
        if key in self._nodes:
            return
        wide = max(map(len, lines)) * CHAR + 6
        sources = [self._thing(need) for need in needs]
        rule = self._nodes[key] = Node(key, "cost", lines, width=wide, height=len(lines) * LINE + 3)
        self._links += [Link(source, rule) for source in sources]
        self._links.append(Link(rule, self._thing(gives)))

    def _thing(self, key: str) -> Node:
        if key not in self._nodes:
            kind: Kind = "goal" if key in self._goals else "ability" if key in self.given else "item"
            lines = tuple(textwrap.wrap(words.capital(self._name(key)), _LABEL_CHARS)) or (key,)
            wide = max(len(line) for line in lines) * CHAR + 16
            height = len(lines) * LINE + 9
            self._nodes[key] = Node(key, kind, lines, width=wide, height=height, free=key in self.free)
        return self._nodes[key]

    def drawn(self, width: float, title: str, sentence: str, *, near: bool = False) -> Graph:
        """Laid out."""
        nodes = tuple(self._nodes.values())
        total = lay_out(nodes, self._links, width, near=near)
        bends = [bend for link in self._links for bend in link.bends]
        height = max((n.y + n.height for n in (*nodes, *bends)), default=0.0)
        edges = tuple(_edge(link) for link in self._links)
        return Graph(nodes, edges, round(total, 1), round(height, 1), title, sentence)


def _rule_key(step: DerivationStep) -> str:
    return f"{step.gives} <- {' '.join(sorted(step.needs))}"


def _edge(link: Link) -> Edge:
    """A curve through the bends, with an arrow where it ends at an ability, or runs back."""
    path = link.path
    start, end = path[0], path[-1]
    arrow = link.back or link.target.kind in {"ability", "goal"}
    x, y = start.x + start.width + (5 if link.back else 0), start.middle
    said = [f"M{x:.1f} {y:.1f}"]
    for node in path[1:]:
        left = node.x - (5 if node is end and arrow and not link.back else 0)
        half = (x + left) / 2
        said.append(f"C{half:.1f} {y:.1f} {half:.1f} {node.middle:.1f} {left:.1f} {node.middle:.1f}")
        x, y = node.x + node.width, node.middle
        if node.kind == "bend":
            said.append(f"L{x:.1f} {y:.1f}")
    tip, back = (start.x + start.width, 6.0) if link.back else (end.x, -6.0)
    at = link.target.middle
    corners = ((tip + back, at - 3.5), (tip, at), (tip + back, at + 3.5))
    head = " ".join(f"{px:.1f},{py:.1f}" for px, py in corners)
    return Edge(" ".join(said), head if arrow else "", last=link.target.kind == "goal", back=link.back)


@dataclass(frozen=True)
class Interval:
    """Marks on a line from 0 to 100, in per cent of its length. None where there is nothing to mark."""

    low: float | None
    high: float | None
    estimate: float | None
    asked: float | None
    open_end: bool  # no upper bound is stated: the interval goes on


def interval(row: EvidenceRow) -> Interval:
    """A measured interval against what is asked: from 0 to 1 for scores, else to the largest number shown."""
    low, high, estimate, asked = (_number(v) for v in (row.low, row.high, row.estimate, row.asked_at))
    largest = max((v for v in (low, high, estimate, asked) if v is not None), default=0.0) * 1.1
    top = 1.0 if row.unit in {"", "score"} else largest or 1.0

    def place(value: float | None) -> float | None:
        return None if value is None else round(100 * min(max(value / top, 0.0), 1.0), 2)

    open_end = low is not None and high is None
    return Interval(
        place(low), 100.0 if open_end else place(high), place(estimate), place(asked), open_end=open_end
    )


def _number(text: str | None) -> float | None:
    """A decimal string as a number; None where there is none, or no finite one."""
    if not text:
        return None
    value = float(text)
    return value if math.isfinite(value) else None
