from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.reports import layered
from halfdoor.reports.layered import Link, Node, lay_out

EDGES = st.lists(
    st.tuples(st.integers(0, 11), st.integers(0, 11)).filter(lambda pair: pair[0] != pair[1]),
    min_size=1,
    max_size=30,
    unique=True,
)


def graph(edges):
    nodes = [Node(str(i), "ability", (str(i),), width=20 + i, height=10 + i) for i in range(12)]
    return nodes, [Link(nodes[a], nodes[b]) for a, b in edges]


@settings(deadline=None)
@given(EDGES, st.booleans())
def test_boxes_and_lanes_never_meet_and_edges_run_from_left_to_right(edges, near):
    nodes, links = graph(edges)
    width = lay_out(nodes, links, 300, near=near)
    for link in links:
        path = link.path
        assert all(a.layer + 1 == b.layer for a, b in itertools.pairwise(path))
        assert all(a.x + a.width < b.x for a, b in itertools.pairwise(path))
    everything = [*nodes, *(bend for link in links for bend in link.bends)]
    for one, other in itertools.combinations(everything, 2):
        if one.layer == other.layer:
            assert one.y + one.height <= other.y or other.y + other.height <= one.y
    assert min(n.y for n in everything) >= -1e-6
    assert max(n.x + n.width for n in everything) <= width + 1e-6


@settings(deadline=None)
@given(EDGES)
def test_only_circles_are_broken(edges):
    nodes, links = graph(edges)
    lay_out(nodes, links, 300)
    reach = {i: {b for a, b in edges if a == i} for i in range(12)}
    for middle, one in itertools.product(range(12), repeat=2):
        if middle in reach[one]:
            reach[one] |= reach[middle]
    for link, (a, b) in zip(links, edges, strict=True):
        assert not link.back or a in reach[b]


@given(st.lists(st.tuples(st.floats(-100, 100), st.floats(1, 30)), min_size=1, max_size=8), st.randoms())
def test_no_other_stack_is_nearer_to_what_is_wanted(wishes, random):
    layer = [Node("", "ability", (), height=height) for _, height in wishes]
    wanted = [want for want, _ in wishes]
    layered._stack(layer, wanted)
    found = [node.y for node in layer]
    gap = layered._GAP_Y

    def far(places):
        return sum((place - want) ** 2 for place, want in zip(places, wanted, strict=True))

    for (y, node), after in zip(zip(found, layer, strict=True), found[1:], strict=False):
        assert y + node.height + gap <= after + 1e-6
    for _ in range(30):
        places, least = [], float("-inf")
        for y, node in zip(found, layer, strict=True):
            places.append(max(y + random.uniform(-5, 5), least))
            least = places[-1] + node.height + gap
        assert far(found) <= far(places) + 1e-6


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_crossings_are_counted_as_by_hand(pairs):
    left = [Node(f"l{i}", "ability", ()) for i in range(6)]
    right = [Node(f"r{i}", "ability", (), layer=1) for i in range(6)]
    joined = layered._Joined([Link(left[a], right[b]) for a, b in pairs])
    by_hand = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in itertools.combinations(pairs, 2))
    assert joined.crossings([left, right]) == by_hand


def test_a_long_chain_and_a_great_circle_end():
    nodes = [Node(str(i), "ability", (str(i),), width=10, height=10) for i in range(3000)]
    links = [Link(a, b) for a, b in itertools.pairwise(nodes)]
    lay_out(nodes, [*links, Link(nodes[5], nodes[1])], 300)
    assert nodes[-1].layer == 2999


@settings(deadline=None)
@given(EDGES)
def test_the_order_chosen_never_crosses_more_than_the_one_given(edges):
    nodes, links = graph(edges)
    layered._break_circles(nodes, links)
    layered._choose_layers(nodes, links, near=False)
    layers = [[] for _ in range(max(node.layer for node in nodes) + 1)]
    for node in nodes:
        layers[node.layer].append(node)
    for link in links:
        layered._bend(link, layers)
    joined = layered._Joined(links)
    before = joined.crossings(layers)
    ordered = layered._ordered([list(layer) for layer in layers], joined)
    assert joined.crossings(ordered) <= before
    assert [sorted(map(id, layer)) for layer in ordered] == [sorted(map(id, layer)) for layer in layers]


def test_what_can_be_drawn_without_crossings_is():
    left = [Node(f"l{i}", "item", ()) for i in range(8)]
    right = [Node(f"r{i}", "ability", ()) for i in range(8)]
    links = [Link(left[i], right[(5 * i + 3) % 8]) for i in range(8)]
    lay_out([*left, *right], links, 300)
    places = [(link.source.y, link.target.y) for link in links]
    assert all((a - c) * (b - d) >= 0 for (a, b), (c, d) in itertools.combinations(places, 2))
