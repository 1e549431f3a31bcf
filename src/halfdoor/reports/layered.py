"""A layered drawing, left to right: boxes in columns, edges through lanes kept free for them.

Sugiyama, Tagawa and Toda 1981: break circles, put each box behind all that leads to it, keep a lane in every
column that an edge passes, order the columns so that few edges cross, then move boxes towards what they are
joined to. The same graph is drawn the same way every time; large ones get fewer tries at a good order.
"""

from __future__ import annotations

import bisect
import itertools
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Kind = Literal["item", "ability", "goal", "cost", "bend"]

_GAP_X, _GAP_X_MAX, _GAP_X_NEAR, _GAP_Y = 20.0, 34.0, 60.0, 9.0
_LANE = 6.0
_SWEEPS = 8
_EXCHANGED_MAX = 600  # boxes and bends; in larger graphs the sweeps have to do
_TRIES_MAX, _TRIED_MAX = 24, 3000  # tries at one graph; boxes and bends over all tries


@dataclass(eq=False)
class Node:
    """A box with its text, or a bend in an edge; `x`, `y` is its left upper corner, in px."""

    key: str
    kind: Kind
    lines: tuple[str, ...]
    layer: int = 0
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0
    free: bool = False  # anybody has it

    @property
    def middle(self) -> float:
        """Height of its middle."""
        return self.y + self.height / 2


@dataclass(eq=False)
class Link:
    """From one box to another. `back`: it closes a circle and runs from right to left."""

    source: Node
    target: Node
    back: bool = False
    bends: list[Node] = field(default_factory=list)

    @property
    def rightwards(self) -> tuple[Node, Node]:
        """Its ends as the columns have them, left one first."""
        return (self.target, self.source) if self.back else (self.source, self.target)

    @property
    def path(self) -> list[Node]:
        """Left end, bends, right end."""
        left, right = self.rightwards
        return [left, *self.bends, right]


def lay_out(nodes: Sequence[Node], links: Sequence[Link], width: float, *, near: bool = False) -> float:
    """Place nodes and bends; returns the width that was needed. `width` (px) is aimed at.

    near: what nothing leads to stands just before what it leads to first, not in the first column.
    """
    _break_circles(nodes, links)
    _choose_layers(nodes, links, near=near)
    layers: list[list[Node]] = [[] for _ in range(max((n.layer for n in nodes), default=-1) + 1)]
    for node in nodes:
        layers[node.layer].append(node)
    for link in links:
        _bend(link, layers)
    joined = _Joined(links)
    layers = _ordered(layers, joined)
    return _place(layers, joined, width, _GAP_X_NEAR if near else _GAP_X_MAX)


def _break_circles(nodes: Sequence[Node], links: Sequence[Link]) -> None:
    """Mark each link that leads back to where a walk along the links came from."""
    out: dict[Node, list[Link]] = {node: [] for node in nodes}
    entered = {link.target for link in links}
    for link in links:
        out[link.source].append(link)
    state: dict[Node, int] = {}  # 1: on the way, 2: done
    for start in sorted(nodes, key=lambda node: node in entered):
        if start in state:
            continue
        state[start] = 1
        stack = [(start, iter(out[start]))]
        while stack:
            node, rest = stack[-1]
            onward = next(rest, None)
            if onward is None:
                state[node] = 2
                stack.pop()
            elif state.get(onward.target) == 1:
                onward.back = True
            elif onward.target not in state:
                state[onward.target] = 1
                stack.append((onward.target, iter(out[onward.target])))


def _choose_layers(nodes: Sequence[Node], links: Sequence[Link], *, near: bool) -> None:
    """The longest way from the left, circles broken."""
    after: dict[Node, list[Node]] = {node: [] for node in nodes}
    waits = dict.fromkeys(nodes, 0)
    for link in links:
        left, right = link.rightwards
        after[left].append(right)
        waits[right] += 1
    starts = [node for node in nodes if not waits[node]]
    ready = list(starts)
    for node in ready:
        for right in after[node]:
            right.layer = max(right.layer, node.layer + 1)
            waits[right] -= 1
            if not waits[right]:
                ready.append(right)
    if near:
        for node in starts:
            node.layer = min((right.layer - 1 for right in after[node]), default=0)


def _bend(link: Link, layers: list[list[Node]]) -> None:
    """A bend in each column that a link passes."""
    left, right = link.rightwards
    for layer in range(left.layer + 1, right.layer):
        bend = Node("", "bend", (), layer, height=_LANE)
        link.bends.append(bend)
        layers[layer].append(bend)


class _Joined:
    """What each box or bend is joined to, in the columns beside it."""

    def __init__(self, links: Sequence[Link]) -> None:
        self.before: dict[Node, list[Node]] = {}
        self.after: dict[Node, list[Node]] = {}
        for link in links:
            path = link.path
            for left, right in itertools.pairwise(path):
                self.after.setdefault(left, []).append(right)
                self.before.setdefault(right, []).append(left)

    def crossings(self, layers: Sequence[Sequence[Node]]) -> int:
        """Pairs of edges that cross, over all gaps between columns."""
        place = {node: i for layer in layers for i, node in enumerate(layer)}
        total = 0
        for layer in layers:
            seen: list[int] = []
            for node in layer:
                ends = sorted(place[right] for right in self.after.get(node, ()))
                total += sum(len(seen) - bisect.bisect_right(seen, end) for end in ends)
                for end in ends:
                    bisect.insort(seen, end)
        return total


def _ordered(layers: list[list[Node]], joined: _Joined) -> list[list[Node]]:
    """The order with the fewest crossings of several tries: as given, then from shuffled columns."""
    size = sum(map(len, layers))
    shuffled = random.Random(0)  # noqa: S311  no secret: the same drawing every time
    best, fewest = layers, joined.crossings(layers)
    for number in range(max(1, min(_TRIES_MAX, _TRIED_MAX // max(size, 1)))):
        if number and not fewest:
            break
        columns = [list(layer) for layer in layers]
        if number:
            for column in columns:
                shuffled.shuffle(column)
        best, fewest = min((best, fewest), _untangled(columns, joined), key=lambda found: found[1])
    return best


def _untangled(layers: list[list[Node]], joined: _Joined) -> tuple[list[list[Node]], int]:
    """Nodes towards the mean place of their neighbours, there and back, then exchanged; crossings counted."""

    def settle(layer: list[Node], neighbours: Callable[[Node], Sequence[Node]]) -> None:
        mean = {n: _mean([place[m] for m in neighbours(n)], float(i)) for i, n in enumerate(layer)}
        layer.sort(key=mean.__getitem__)
        place.update({node: i for i, node in enumerate(layer)})

    place = {node: i for layer in layers for i, node in enumerate(layer)}
    best, fewest = [list(layer) for layer in layers], joined.crossings(layers)
    exchanging = len(place) <= _EXCHANGED_MAX
    for _ in range(_SWEEPS if fewest else 1):
        for layer in layers[1:]:
            settle(layer, lambda n: joined.before.get(n, ()))
        for layer in reversed(layers[:-1]):
            settle(layer, lambda n: joined.after.get(n, ()))
        if exchanging:
            _exchange(layers, joined, place)
        crossings = joined.crossings(layers)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    return best, fewest


def _exchange(layers: list[list[Node]], joined: _Joined, place: dict[Node, int]) -> None:
    """Exchange neighbours in a column as long as that takes crossings away; each takes at least one."""

    def crossed(upper: Node, lower: Node) -> int:
        return sum(
            place[a] > place[b]
            for side in (joined.before, joined.after)
            for a in side.get(upper, ())
            for b in side.get(lower, ())
        )

    better = True
    while better:
        better = False
        for layer in layers:
            for i in range(len(layer) - 1):
                upper, lower = layer[i], layer[i + 1]
                if crossed(upper, lower) > crossed(lower, upper):
                    layer[i], layer[i + 1] = lower, upper
                    place[lower], place[upper] = i, i + 1
                    better = True


def _place(layers: list[list[Node]], joined: _Joined, width: float, gap_max: float) -> float:
    """Coordinates from (0, 0); returns the width that was needed."""
    wide = [max((n.width for n in layer), default=0.0) for layer in layers]
    spare = width - sum(wide)
    gap = min(max(spare / max(len(layers) - 1, 1), _GAP_X), gap_max)
    x = 0.0
    for layer, column in zip(layers, wide, strict=True):
        for node in layer:
            node.x = x if node.kind in {"item", "bend"} else x + (column - node.width) / 2
            if node.kind == "bend":
                node.width = column
        x += column + gap
        middle = sum(node.height + _GAP_Y for node in layer) / 2
        _stack(layer, [-middle] * len(layer))
    for _ in range(_SWEEPS):
        for layer in [*layers, *reversed(layers)]:
            _stack(layer, [_wanted(node, joined) for node in layer])
    top = min((node.y for layer in layers for node in layer), default=0.0)
    for layer in layers:
        for node in layer:
            node.y -= top
    return x - gap if layers else 0.0


def _wanted(node: Node, joined: _Joined) -> float:
    around = [m.middle for m in (*joined.before.get(node, ()), *joined.after.get(node, ()))]
    return _mean(around, node.middle) - node.height / 2


def _stack(layer: list[Node], wanted: Sequence[float]) -> None:
    """In order, without overlap, as near to the wanted heights as that allows (least squares).

    Pooling adjacent violators: neighbours that want to be closer than they can move as one block.
    """
    blocks: list[list[float]] = []  # [sum of wishes, number of nodes]: each block's first edge is their mean
    offset, offsets = 0.0, []
    for node, want in zip(layer, wanted, strict=True):
        offsets.append(offset)
        blocks.append([want - offset, 1.0])
        offset += node.height + _GAP_Y
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            wish, number = blocks.pop()
            blocks[-1][0] += wish
            blocks[-1][1] += number
    starts = [wish / number for wish, number in blocks for _ in range(int(number))]
    for node, start, along in zip(layer, starts, offsets, strict=True):
        node.y = start + along


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
