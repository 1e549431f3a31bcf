"""Tiles: the tree and its entries as files that any web server serves (C2SP tlog-tiles 0.1.0).

A tile holds up to 256 hashes of one level; level L counts the roots of 256^L leaves. A bundle holds the
entries that belong to a tile of level 0, each behind its length (two bytes, big-endian). The last tile of a
level is partial until it is full, and named by its width.
"""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import VerificationError
from halfdoor.core.log.merkle import HASH_BYTES, Frontier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

HEIGHT = 8
WIDTH = 1 << HEIGHT
ENTRY_BYTES_MAX = 0xFFFF
TILES_KEPT = 256  # 8 KiB each, and their inner nodes once asked for


class Tile(msgspec.Struct, frozen=True, order=True):
    """Where a tile stands: the `index`-th of its level, `width` hashes wide (1 to 256)."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where its hashes lie below the log's address, for example `tile/0/x001/234.p/7`."""
        return f"tile/{self.level}/{_numbered(self.index, self.width)}"

    @property
    def entries_path(self) -> str:
        """Where the entries of a tile of level 0 lie."""
        return f"tile/entries/{_numbered(self.index, self.width)}"

    @property
    def whole(self) -> Tile:
        """The full tile in whose place a partial one stands until it is full."""
        return Tile(self.level, self.index)


def _numbered(index: int, width: int) -> str:
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.append(f"x{index % 1000:03}")
    partial = f".p/{width}" if width < WIDTH else ""
    return "/".join(reversed(groups)) + partial


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """Every tile that a tree of `size` has and a tree of `since` (a multiple of anything) has not.

    Level by level, from the left; the partial one of a level last.
    """
    level = 0
    while size >> (HEIGHT * level):
        hashes, before = size >> (HEIGHT * level), since >> (HEIGHT * level)
        if hashes > before:
            for index in range(before // WIDTH, hashes // WIDTH):
                yield Tile(level, index)
            if hashes % WIDTH:
                yield Tile(level, hashes // WIDTH, hashes % WIDTH)
        level += 1


def tile_at(level: int, index: int, size: int) -> Tile:
    """The tile of this place in a tree of `size`, full or partial."""
    return Tile(level, index, min(WIDTH, (size >> (HEIGHT * level)) - index * WIDTH))


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """A bundle of entries. Raises OverflowError where one is longer than 65,535 bytes."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """The entries of a bundle. Raises VerificationError `bad-bundle` unless there are exactly `width`."""
    entries, at, end = [], 0, len(data)
    while at + 2 <= end:
        start = at + 2
        at = start + (data[at] << 8 | data[at + 1])
        entries.append(data[start:at])
    if at != end or len(entries) != width:
        raise VerificationError("bad-bundle", f"a bundle that should hold {width} entries does not")
    return entries


def decode_tile(data: bytes, width: int) -> list[bytes]:
    """The hashes of a tile. Raises VerificationError `bad-tile` unless there are exactly `width`."""
    if len(data) != width * HASH_BYTES:
        raise VerificationError("bad-tile", f"a tile that should hold {width} hashes does not")
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


def rows_above(hashes: Sequence[bytes]) -> list[list[bytes]]:
    """The nodes over neighbouring hashes, row by row: the whole subtrees of 1, 2, 4, … of them."""
    rows = [list(hashes)]
    while len(rows[-1]) > 1:
        below = iter(rows[-1])
        rows.append([sha256(b"\x01" + a + b).digest() for a, b in zip(below, below, strict=False)])
    return rows


class Edge:
    """The right edge of a tiled tree: for each level the hashes of its last, partial tile.

    What makes tiles, and what checks them: `grow` gives each tile as it becomes full.
    """

    def __init__(self, size: int = 0, levels: Sequence[Sequence[bytes]] = ()) -> None:
        """A tree of `size` leaves with these partial tiles, level 0 first. ValueError where they misfit."""
        self.size = size
        self.levels = [list(level) for level in levels]
        widths = [size >> (HEIGHT * level) & (WIDTH - 1) for level in range(len(self.levels))]
        if size >> (HEIGHT * len(self.levels)) or widths != [len(level) for level in self.levels]:
            raise ValueError(f"these are not the partial tiles of a tree of {size}")

    def grow(self, leaves: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
        """Append leaf hashes; yield every tile that becomes full, with its hashes joined."""
        at = 0
        while at < len(leaves):
            room = WIDTH - (self.size % WIDTH)
            taken = leaves[at : at + room]
            at += len(taken)
            self.size += len(taken)
            yield from self._put(0, taken)

    def _put(self, level: int, hashes: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
        if level == len(self.levels):
            self.levels.append([])
        held = self.levels[level]
        held.extend(hashes)
        if len(held) == WIDTH:
            index = (self.size >> (HEIGHT * (level + 1))) - 1
            yield Tile(level, index), b"".join(held)
            self.levels[level] = []
            yield from self._put(level + 1, [rows_above(held)[HEIGHT][0]])

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """The partial tiles as they stand, with their hashes joined."""
        for level, hashes in enumerate(self.levels):
            if hashes:
                index = (self.size >> (HEIGHT * level)) // WIDTH
                yield Tile(level, index, len(hashes)), b"".join(hashes)

    def frontier(self) -> Frontier:
        """The same tree as its widest whole subtrees; with it, the root."""
        peaks: list[bytes] = []
        for hashes in reversed(self.levels):
            rows, at = rows_above(hashes), 0
            for row in reversed(range(len(hashes).bit_length())):
                if len(hashes) >> row & 1:
                    peaks.append(rows[row][at >> row])
                    at += 1 << row
        return Frontier(self.size, tuple(peaks))


class TiledTree:
    """A tree of `size` leaves read from its tiles, as proofs need it. Keeps the tiles it used last."""

    def __init__(self, size: int, fetch: Callable[[Tile], bytes]) -> None:
        """`fetch` finds a tile's bytes; they are checked for length here, for truth by the proof's reader."""
        self.size = size
        self._fetch = fetch
        self._rows: OrderedDict[tuple[int, int], list[list[bytes]]] = OrderedDict()

    def node(self, level: int, index: int) -> bytes:
        """The hash over leaves [index · 2^level, (index + 1) · 2^level). Raises as `fetch`, `decode_tile`."""
        above = level % HEIGHT
        first = index << above
        rows = self._tile(level // HEIGHT, first // WIDTH)
        return rows[above][(first % WIDTH) >> above]

    def _tile(self, level: int, index: int) -> list[list[bytes]]:
        place = (level, index)
        if place in self._rows:
            self._rows.move_to_end(place)
            return self._rows[place]
        tile = tile_at(level, index, self.size)
        rows = rows_above(decode_tile(self._fetch(tile), tile.width))
        self._rows[place] = rows
        if len(self._rows) > TILES_KEPT:
            self._rows.popitem(last=False)
        return rows

    def edge(self) -> Edge:
        """The right edge, for whoever appends."""
        levels: list[list[bytes]] = []
        while self.size >> (HEIGHT * len(levels)):
            level = len(levels)
            hashes = self.size >> (HEIGHT * level)
            levels.append(self._tile(level, hashes // WIDTH)[0] if hashes % WIDTH else [])
        return Edge(self.size, levels)
