"""A log as its server keeps it, tile by tile, against the naive tree."""

from functools import partial
from hashlib import sha256

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.log import naive_tree as naive
from halfdoor.core.log.merkle import Frontier, consistency_proof, inclusion_proof
from halfdoor.core.log.tiles import HASH_BYTES, Edge, TiledTree, tile_at, tiles_of

LEAVES = [sha256(b"leaf %d" % number).digest() for number in range(70_000)]


class Server:
    """Tiles by path: what is published of a log. A full tile takes the place of its partial ones."""

    def __init__(self):
        self.files = {}

    def publish(self, edge, leaves):
        """Append, and return the tiles that were written, full ones first."""
        full = list(edge.grow(leaves))
        written = [*full, *edge.partial()]
        for tile, data in written:
            self.files[tile.path] = data
        for tile, _ in full:
            for path in [path for path in self.files if path.startswith(f"{tile.path}.p/")]:
                del self.files[path]
        return {tile for tile, _ in written}

    def fetch(self, tile):
        """The tile, else as many hashes of the full one."""
        data = self.files.get(tile.path)
        return self.files[tile.whole.path][: tile.width * HASH_BYTES] if data is None else data


class GrowingTree(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.server = Server()
        self.frontier, self.edge = Frontier(), Edge()
        self.size = 0
        self.published = set()  # sizes

    @property
    def leaves(self):
        return tuple(LEAVES[: self.size])

    def tree(self, size):
        return TiledTree(size, self.server.fetch)

    @rule(count=st.integers(0, 20) | st.sampled_from([100, 255, 256, 257, 512, 700]))
    def append(self, count):
        new, before = LEAVES[self.size : self.size + count], self.size
        written = self.server.publish(self.edge, new)
        self.frontier = self.frontier.extended(new)
        self.size += count
        self.published.add(self.size)
        assert set(tiles_of(self.size, before)) == {
            one for one in written if one not in set(tiles_of(before))
        }

    @rule()
    def restart(self):
        self.edge = self.tree(self.size).edge()
        self.frontier = self.edge.frontier()

    @precondition(lambda self: self.size)
    @rule(data=st.data())
    def prove_inclusion(self, data):
        size = data.draw(st.sampled_from(sorted(self.published - {0})))
        index = data.draw(st.integers(0, size - 1))
        assert inclusion_proof(index, size, self.tree(size).node) == naive.path(index, self.leaves[:size])

    @precondition(lambda self: self.size)
    @rule(data=st.data())
    def prove_consistency(self, data):
        old = data.draw(st.integers(1, self.size))
        proof = consistency_proof(old, self.size, self.tree(self.size).node)
        assert proof == naive.proof(old, self.leaves)

    @precondition(lambda self: self.size)
    @rule(data=st.data())
    def look_at_a_node(self, data):
        level = data.draw(st.integers(0, self.size.bit_length() - 1))
        index = data.draw(st.integers(0, (self.size >> level) - 1))
        assert self.tree(self.size).node(level, index) == naive.nodes(self.leaves)(level, index)

    @invariant()
    def all_have_one_root(self):
        assert self.frontier.root() == naive.root(self.leaves)
        assert self.edge.size == self.size
        assert self.edge.frontier() == self.frontier
        assert self.tree(self.size).edge().frontier() == self.frontier

    @invariant()
    def what_a_tree_of_this_size_has_is_there(self):
        for tile in tiles_of(self.size):
            assert self.server.files[tile.path] == b"".join(
                naive.root(self.leaves[at << 8 * tile.level : (at + 1) << 8 * tile.level])
                for at in range(256 * tile.index, 256 * tile.index + tile.width)
            )
            assert tile_at(tile.level, tile.index, self.size) == tile


GrowingTree.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
test_a_growing_tree_is_the_naive_tree = GrowingTree.TestCase


def test_three_levels_of_tiles_are_the_naive_tree_too():
    server, edge, leaves = Server(), Edge(), tuple(LEAVES)
    wanted = naive.root(leaves)
    server.publish(edge, leaves[:65_530])
    server.publish(edge, leaves[65_530:65_536])
    assert [len(level) for level in edge.levels] == [0, 0, 1]
    assert edge.frontier().root() == naive.root(leaves[:65_536])
    server.publish(edge, leaves[65_536:])
    assert edge.frontier().root() == wanted == Frontier().extended(leaves).root()
    assert {tile.path for tile in tiles_of(70_000)} <= set(server.files)
    tree = TiledTree(70_000, server.fetch)
    assert tree.edge().levels == edge.levels
    for index in (0, 255, 256, 65_535, 65_536, 69_887, 69_999):
        assert inclusion_proof(index, 70_000, tree.node) == naive.path(index, leaves)
    for old in (1, 256, 65_536, 65_537, 69_999):
        assert consistency_proof(old, 70_000, tree.node) == naive.proof(old, leaves)


def test_a_tree_asks_for_each_tile_once():
    server, asked = Server(), []
    server.publish(Edge(), LEAVES[:1000])
    tree = TiledTree(1000, lambda tile: asked.append(tile) or server.fetch(tile))
    for _ in range(2):
        inclusion_proof(999, 1000, tree.node)
    assert len(asked) == len(set(asked))


def test_a_tree_keeps_only_so_many_tiles(monkeypatch):
    monkeypatch.setattr("halfdoor.core.log.tiles.TILES_KEPT", 2)
    server = Server()
    server.publish(Edge(), LEAVES[:2000])
    tree = TiledTree(2000, server.fetch)
    assert [tree.node(0, index) for index in range(0, 2000, 256)] == LEAVES[:2000:256]
    assert len(tree._rows) == 2
    assert partial(tree.node, 0)(0) == LEAVES[0]
