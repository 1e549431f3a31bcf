"""Every tile and every entry of a log held against each other, up to the root: which of them is wrong.

A tile is known twice: as it is served, and as it follows from what lies below it (tiles of the next level, or
entries). Where the two differ, the hash that the tile above gives for it says which of them is right, and so
one flipped bit is one fault in one place instead of a different root. Over the partial tiles at the right
edge the root itself judges.

Tiles come in the order of `steps`, so whoever reads them can read ahead.
"""

from __future__ import annotations

import itertools
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.log.merkle import EMPTY_ROOT, HASH_BYTES
from halfdoor.core.log.tiles import HEIGHT, WIDTH, Edge, Tile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Read = Callable[["Step"], bytes | None]
    Report = Callable[["Fault"], None]
    Parts = Callable[[list[Tile], list[bytes | None]], Iterator[bytes | None]]

ENTRIES_NAMED_MAX = 16  # wrong entries that are named, of one bundle


class Fault(msgspec.Struct, frozen=True):
    """Something that is not as it should be.

    code:    missing, malformed, wrong-tile, wrong-entry, wrong-root, schema, …: for programs
    where:   the file below the log's address, or the entry
    message: one sentence without a full stop
    """

    code: str
    where: str
    message: str


class Step(msgspec.Struct, frozen=True):
    """A file to read: a tile, or the entries below a tile of level 0."""

    tile: Tile
    entries: bool = False

    @property
    def path(self) -> str:
        """Where it lies below the log's address."""
        return self.tile.entries_path if self.entries else self.tile.path


def steps(size: int, since: int = 0, parts: int | None = None) -> Iterator[Step]:
    """The files of a tree of `size` that one of `since` has not: the right edge, then the rest from above.

    parts: full tiles of this level and what lies below them are left out; somebody else audits them
    """
    edge = _edge(size)
    for tile in edge:
        yield Step(tile)
    if edge and edge[-1].level == 0:
        yield Step(edge[-1], entries=True)
    for tile in edge:
        for below in _below(tile):
            yield from steps_below(below, since, parts)


def steps_below(tile: Tile, since: int = 0, parts: int | None = None) -> Iterator[Step]:
    """A full tile and everything below it, in the order in which `Audit.full` takes them."""
    if tile.level == parts or _seen(tile, since):
        return
    yield Step(tile)
    if tile.level == 0:
        yield Step(tile, entries=True)
    for below in _below(tile):
        yield from steps_below(below, since, parts)


def _edge(size: int) -> list[Tile]:
    """The partial tiles of a tree, the widest level first."""
    levels = reversed(range(size.bit_length() // HEIGHT + 1))
    counts = [(level, size >> (HEIGHT * level)) for level in levels]
    return [Tile(level, count // WIDTH, count % WIDTH) for level, count in counts if count % WIDTH]


def _below(tile: Tile) -> Iterator[Tile]:
    """The full tiles whose roots a tile of a level above 0 holds."""
    if tile.level:
        first = tile.index * WIDTH
        for index in range(first, first + tile.width):
            yield Tile(tile.level - 1, index)


def _seen(tile: Tile, since: int) -> bool:
    return (tile.index + 1) << (HEIGHT * (tile.level + 1)) <= since


class Audit:
    """One audit of one tree, or of the part below one tile."""

    def __init__(
        self,
        read: Read,
        report: Report,
        *,
        since: int = 0,
        parts: tuple[int, Parts] | None = None,
    ) -> None:
        """`read` is asked for each of `steps`, in their order.

        read:   a tile's hashes, or the hashes of entries as leaves, joined; None where they are not to be had
                (which it has reported itself)
        since:  what lies wholly in the tree of this size was audited earlier
        parts:  a level, and who audits full tiles of it: given those and what their hashes should be, it
                gives what `full` would
        """
        self._read = read
        self._report = report
        self._since = since
        self._parts = parts
        self._told: set[Tile] = set()

    def tree(self, size: int, root: bytes) -> None:
        """Audit a tree whose root is known."""
        if size == 0:
            if root != EMPTY_ROOT:
                self._wrong_root()
            return
        edge = _edge(size)
        said = [self._read(Step(tile)) for tile in edge]
        last = self._entries(edge[-1]) if edge[-1].level == 0 else None
        got = [
            self._gathered(tile, mine) if tile.level else last for tile, mine in zip(edge, said, strict=True)
        ]
        self._judge_edge(edge, said, got, size, root)

    def full(self, tile: Tile, want: bytes | None) -> bytes | None:
        """The hash over a full tile, from what is served; None where it cannot be told.

        want: what the tile above gives for it, by which faults are told; None where that is not known
        """
        if _seen(tile, self._since):
            return want
        said = self._read(Step(tile))
        got = self._gathered(tile, said) if tile.level else self._entries(tile)
        if said is None or got is None or said == got:
            known = said if said is not None else got
            return None if known is None else hash_over(known)
        if (above := hash_over(got)) == want:
            self._wrong_tile(tile, "it does not hold the hashes of what lies below it, and the tree does")
        elif hash_over(said) == want:
            self._wrong_below(tile, said, got)
            return want
        else:
            self._wrong_tile(tile, "it and what lies below it do not fit each other, nor the tree")
        return above

    def _entries(self, tile: Tile) -> bytes | None:
        return self._read(Step(tile, entries=True))

    def _gathered(self, tile: Tile, said: bytes | None) -> bytes | None:
        """The hashes of a tile of a level above 0, each from below; as it is served where that has a gap."""
        below = list(_below(tile))
        wants = [None if said is None else _hash(said, at) for at in range(tile.width)]
        if self._parts and self._parts[0] == tile.level - 1:
            open_ = [at for at, one in enumerate(below) if not _seen(one, self._since)]
            found = list(wants)
            hashes = self._parts[1]([below[at] for at in open_], [wants[at] for at in open_])
            for at, got in zip(open_, hashes, strict=True):
                found[at] = got
        else:
            found = [self.full(one, want) for one, want in zip(below, wants, strict=True)]
        known = [got if got is not None else want for got, want in zip(found, wants, strict=True)]
        hashes_ = [one for one in known if one is not None]
        return b"".join(hashes_) if len(hashes_) == tile.width else None

    def _judge_edge(
        self, edge: list[Tile], said: list[bytes | None], got: list[bytes | None], size: int, root: bytes
    ) -> None:
        """Which of the two versions of each partial tile the root speaks for."""
        versions = [
            list(dict.fromkeys(one for one in pair if one is not None))
            for pair in zip(got, said, strict=True)
        ]
        for chosen in itertools.product(*versions):
            if _edge_root(edge, chosen, size) == root:
                for tile, one, mine, below in zip(edge, chosen, said, got, strict=True):
                    if mine is not None and mine != one:
                        self._wrong_tile(tile, "it does not hold the hashes of what lies below it")
                    elif mine is not None and below is not None and below != one:
                        self._wrong_below(tile, mine, below)
                return
        for tile, mine, below in zip(edge, said, got, strict=True):
            if mine is not None and below is not None and mine != below:
                self._wrong_tile(tile, "it and what lies below it do not fit each other, nor the tree")
        if all(versions):
            self._wrong_root()

    def _wrong_root(self) -> None:
        message = "the root it states is not that of the tiles and entries"
        self._report(Fault("wrong-root", "checkpoint", message))

    def _wrong_tile(self, tile: Tile, message: str) -> None:
        if tile not in self._told:
            self._told.add(tile)
            self._report(Fault("wrong-tile", tile.path, message))

    def _wrong_below(self, tile: Tile, said: bytes, got: bytes) -> None:
        """The tile is the tree's, so whatever below it hashes to something else is not."""
        differ = [at for at in range(tile.width) if _hash(said, at) != _hash(got, at)]
        if tile.level:
            for at in differ:
                below = Tile(tile.level - 1, tile.index * WIDTH + at)
                self._wrong_tile(below, "it and what lies below it are not what the tree holds in this place")
            return
        path = Step(tile, entries=True).path
        for at in differ[:ENTRIES_NAMED_MAX]:
            number = tile.index * WIDTH + at
            message = f"entry {number} is not the one that the tree holds in this place"
            self._report(Fault("wrong-entry", path, message))
        if len(differ) > ENTRIES_NAMED_MAX:
            message = f"nor are {len(differ) - ENTRIES_NAMED_MAX} further entries of it"
            self._report(Fault("wrong-entry", path, message))


def hash_over(hashes: bytes) -> bytes:
    """The hash over a full tile, whose hashes are given joined."""
    while len(hashes) > HASH_BYTES:
        pairs = range(0, len(hashes), 2 * HASH_BYTES)
        hashes = b"".join([sha256(b"\x01" + hashes[at : at + 2 * HASH_BYTES]).digest() for at in pairs])
    return hashes


def _hash(hashes: bytes, at: int) -> bytes:
    return hashes[at * HASH_BYTES : (at + 1) * HASH_BYTES]


def _edge_root(edge: list[Tile], hashes: tuple[bytes, ...], size: int) -> bytes:
    """The root of a tree from the partial tiles of its edge."""
    levels: list[list[bytes]] = [[] for _ in range(edge[0].level + 1)]
    for tile, joined in zip(edge, hashes, strict=True):
        levels[tile.level] = [_hash(joined, at) for at in range(tile.width)]
    return Edge(size, levels).frontier().root()
