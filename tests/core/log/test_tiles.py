"""Tiles and bundles: their names, which there are, and what is refused."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.errors import VerificationError
from halfdoor.core.log.merkle import Frontier, node_hash
from halfdoor.core.log.tiles import (
    ENTRY_BYTES_MAX,
    Edge,
    Tile,
    TiledTree,
    decode_bundle,
    decode_tile,
    encode_bundle,
    rows_above,
    tile_at,
    tiles_of,
)

HASHES = [sha256(b"%d" % number).digest() for number in range(300)]


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 1234067), "tile/0/x001/x234/067"),  # this index is C2SP tlog-tiles' own example
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 999), "tile/0/999"),
        (Tile(0, 1000), "tile/0/x001/000"),
        (Tile(2, 1000000, 255), "tile/2/x001/x000/000.p/255"),
        (Tile(1, 0, 1), "tile/1/000.p/1"),
        (Tile(63, 7, 256), "tile/63/007"),
    ],
)
def test_a_tile_lies_where_the_specification_says(tile, path):
    assert tile.path == path


def test_entries_lie_beside_the_tiles_of_level_0():
    assert Tile(0, 1234067, 5).entries_path == "tile/entries/x001/x234/067.p/5"
    assert Tile(0, 3).entries_path == "tile/entries/003"


def test_a_partial_tile_s_place_is_that_of_the_full_one():
    assert Tile(1, 1001, 17).whole == Tile(1, 1001) == Tile(1, 1001, 256)
    assert Tile(1, 1001, 17).path == Tile(1, 1001).path + ".p/17"


def test_a_tree_of_70_000_has_the_tiles_that_the_specification_counts():
    tiles = list(tiles_of(70_000))
    assert [(t.level, t.index, t.width) for t in tiles if t.width < 256] == [
        (0, 273, 112), (1, 1, 17), (2, 0, 1),
    ]  # fmt: skip
    assert [t.index for t in tiles if t.level == 0 and t.width == 256] == list(range(273))
    assert [t.index for t in tiles if t.level == 1 and t.width == 256] == [0]
    assert len(tiles) == 273 + 1 + 1 + 1 + 1


def test_a_tree_of_256_has_a_full_tile_and_one_of_width_1_above():
    assert [tile.path for tile in tiles_of(256)] == ["tile/0/000", "tile/1/000.p/1"]


def test_an_empty_tree_has_no_tiles():
    assert not list(tiles_of(0))


@given(st.integers(0, 200_000), st.integers(0, 3000))
def test_what_is_new_is_what_was_not_there_before(since, more):
    before, after = set(tiles_of(since)), list(tiles_of(since + more))
    assert list(tiles_of(since + more, since)) == [tile for tile in after if tile not in before]


@given(st.integers(1, 2**62))
def test_a_partial_tile_is_as_wide_as_the_specification_says(size):
    partial = {tile.level: tile.width for tile in tiles_of(size, size - 1) if tile.width < 256}
    for level in range(8):
        width = size // 256**level % 256
        if level in partial:
            assert partial[level] == width
            index = size // 256**level // 256
            assert tile_at(level, index, size) == Tile(level, index, width)
            if index:
                assert tile_at(level, index - 1, size) == Tile(level, index - 1)


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_a_bundle_gives_back_its_entries(entries):
    data = encode_bundle(entries)
    assert decode_bundle(data, len(entries)) == entries


def test_a_bundle_is_lengths_and_entries():
    assert encode_bundle([b"", b"ab", b"c" * 256]) == b"\0\0" + b"\0\2ab" + b"\1\0" + b"c" * 256


def test_an_entry_has_at_most_65_535_bytes():
    longest = bytes(ENTRY_BYTES_MAX)
    assert decode_bundle(encode_bundle([longest]), 1) == [longest]
    with pytest.raises(OverflowError):
        encode_bundle([longest + b"!"])


@pytest.mark.parametrize(
    ("data", "width"),
    [
        (b"", 1),
        (b"\0", 0),
        (b"\0\1", 1),
        (b"\0\1a\0", 1),
        (b"\0\1ab", 1),
        (b"\0\1a", 2),
        (b"\0\1a\0\1b", 1),
        (b"\xff\xffa", 1),
    ],
)
def test_a_bundle_with_more_or_less_than_it_should_hold_is_refused(data, width):
    with pytest.raises(VerificationError) as refused:
        decode_bundle(data, width)
    assert refused.value.code == "bad-bundle"


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=20), st.data())
def test_a_bundle_that_is_cut_off_is_refused(entries, data):
    whole = encode_bundle(entries)
    with pytest.raises(VerificationError):
        decode_bundle(whole[: data.draw(st.integers(0, len(whole) - 1))], len(entries))


def test_a_tile_gives_back_its_hashes():
    assert decode_tile(b"".join(HASHES[:256]), 256) == HASHES[:256]
    assert decode_tile(HASHES[0], 1) == [HASHES[0]]


@pytest.mark.parametrize(
    ("size", "width"), [(0, 1), (31, 1), (33, 1), (64, 1), (32, 2), (8191, 256), (32, 0)]
)
def test_a_tile_of_another_length_is_refused(size, width):
    with pytest.raises(VerificationError) as refused:
        decode_tile(bytes(size), width)
    assert refused.value.code == "bad-tile"


def test_the_rows_above_a_tile_hold_whole_subtrees_only():
    a, b, c, d, e = HASHES[:5]
    ab, cd = node_hash(a, b), node_hash(c, d)
    assert rows_above([a, b, c, d, e]) == [[a, b, c, d, e], [ab, cd], [node_hash(ab, cd)]]
    assert rows_above([a]) == [[a]]
    assert [len(row) for row in rows_above(HASHES[:256])] == [256, 128, 64, 32, 16, 8, 4, 2, 1]


@pytest.mark.parametrize(
    ("size", "levels"),
    [
        (1, []),
        (0, [HASHES[:1]]),
        (2, [HASHES[:1]]),
        (256, [[]]),
        (256, [HASHES[:256], []]),
        (257, [HASHES[:1]]),
        (257, [HASHES[:1], HASHES[:2]]),
        (3, [HASHES[:3], HASHES[:1]]),
    ],
)
def test_an_edge_that_misfits_its_size_is_refused(size, levels):
    with pytest.raises(ValueError):
        Edge(size, levels)


def test_an_edge_keeps_its_own_lists():
    level = HASHES[:2]
    edge = Edge(2, [level])
    assert not list(edge.grow(HASHES[2:5]))
    assert level == HASHES[:2]
    assert [(tile.path, len(data)) for tile, data in edge.partial()] == [("tile/0/000.p/5", 160)]


def test_an_edge_of_nothing_is_the_empty_tree():
    assert Edge().frontier() == Frontier()
    assert not list(Edge().partial())
    assert TiledTree(0, pytest.fail).edge().size == 0


def test_a_full_tile_comes_as_soon_as_it_is_full_and_is_partial_no_more():
    edge = Edge()
    assert not list(edge.grow(HASHES[:255]))
    assert [tile.path for tile, _ in edge.partial()] == ["tile/0/000.p/255"]
    assert [(tile.path, data) for tile, data in edge.grow(HASHES[255:256])] == [
        ("tile/0/000", b"".join(HASHES[:256]))
    ]
    assert [tile.path for tile, _ in edge.partial()] == ["tile/1/000.p/1"]


def test_a_tree_refuses_a_tile_of_the_wrong_length():
    tree = TiledTree(5, lambda tile: bytes(32 * tile.width - 1))
    with pytest.raises(VerificationError) as refused:
        tree.node(0, 0)
    assert refused.value.code == "bad-tile"
