"""Parts of a tree, each proven from its root before it is used: for whoever reads a log that may lie.

A consistency proof that fails says only that something is wrong. Here it is told apart: a tile that is not
the tree's is a `bad-tile`; an earlier root that the proven tree does not have is a fork, and cannot be
explained by a damaged file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.errors import VerificationError
from halfdoor.core.log.audit import hash_over
from halfdoor.core.log.merkle import EMPTY_ROOT, HASH_BYTES, range_hash
from halfdoor.core.log.tiles import HEIGHT, WIDTH, Tile, TiledTree

if TYPE_CHECKING:
    from collections.abc import Callable

    from halfdoor.core.log.checkpoint import Checkpoint


class ProvenTree:
    """The tree that a checkpoint states, read from tiles of which none is trusted."""

    def __init__(self, checkpoint: Checkpoint, fetch: Callable[[Tile], bytes]) -> None:
        """`fetch` finds a tile's bytes, or raises VerificationError where there is none.

        Raises VerificationError `bad-tile` where the tiles at the right edge have another root.
        """
        self._size = checkpoint.size
        self._fetch = fetch
        self._tree = TiledTree(checkpoint.size, self._proven)
        edge = TiledTree(checkpoint.size, fetch).edge()
        if edge.frontier().root() != checkpoint.root:
            raise VerificationError("bad-tile", "the tiles at the right edge do not give the root")
        self._edge = {(tile.level, tile.index): data for tile, data in edge.partial()}

    def root_at(self, size: int) -> bytes:
        """The root that this tree had when it held `size` entries (at most as many as now).

        Raises VerificationError `bad-tile`, or as `fetch`.
        """
        if not 0 <= size <= self._size:
            raise ValueError(f"a tree of {self._size} never had {size}")
        return range_hash(0, size, self._tree.node) if size else EMPTY_ROOT

    def _proven(self, tile: Tile) -> bytes:
        place = (tile.level, tile.index)
        if place in self._edge:
            return self._edge[place]
        want = self._tree.node(HEIGHT * (tile.level + 1), tile.index)
        data = self._fetch(tile)
        if len(data) != WIDTH * HASH_BYTES or hash_over(data) != want:
            raise VerificationError("bad-tile", "it is not the tile that the tree has here", where=tile.path)
        return data


def check_extends(new: Checkpoint, old: Checkpoint, fetch: Callable[[Tile], bytes]) -> None:
    """The log of `new` is that of `old`, grown. Both are of one origin; signatures are not looked at.

    Raises VerificationError: `not-consistent` where it is another, which no damaged file explains; `bad-tile`
    or as `fetch` where the tiles do not tell.
    """
    if old.size > new.size:
        raise VerificationError("not-consistent", f"it held {old.size} entries, and now holds {new.size}")
    if old.size == new.size:
        found = new.root
    else:
        found = ProvenTree(new, fetch).root_at(old.size) if old.size else EMPTY_ROOT
    if found != old.root:
        message = f"its first {old.size} entries are not those that an earlier checkpoint stands for"
        raise VerificationError("not-consistent", message)
