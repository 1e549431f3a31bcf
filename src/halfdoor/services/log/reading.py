"""A log's public files as tiles and entries, from wherever they are served. Nothing is trusted here.

What is wrong with a file is a VerificationError with its place: `missing`, `malformed`. That it cannot be
told whether there is one is an InputError, and ends the reading.
"""

from __future__ import annotations

import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.entry import is_entry
from halfdoor.core.log.merkle import HASH_BYTES
from halfdoor.core.log.static_ct import DATA_BYTES_MAX, data_path, decode_data_tile
from halfdoor.core.log.tiles import ENTRY_BYTES_MAX, WIDTH, Tile, decode_bundle, tile_at
from halfdoor.ports import LogSource

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

A = TypeVar("A")
B = TypeVar("B")
Layout = Literal["bundles", "data tiles"]
TILE_BYTES = WIDTH * HASH_BYTES
BUNDLE_BYTES_MAX = WIDTH * (2 + ENTRY_BYTES_MAX)
_GZIP = b"\x1f\x8b"
_GZIP_WINDOW = 31  # of zlib: 15 bits, with a gzip header


class LogReader(msgspec.Struct, frozen=True):
    """The files of one log.

    layout: how entries are served
    ours:   they are entries of Halfdoor's
    served: there are entries to read
    """

    source: LogSource
    layout: Layout = "bundles"
    ours: bool = False
    served: bool = False

    def tile(self, tile: Tile) -> bytes:
        """The hashes of a tile, joined; of a partial one also from the full one that took its place."""
        data, expected = self._read(tile.path, TILE_BYTES), tile.width
        if data is None and tile.width < WIDTH:
            data, expected = self._read(tile.whole.path, TILE_BYTES), WIDTH
        if data is None:
            raise VerificationError("missing", "the tile is not there", where=tile.path)
        if len(data) != expected * HASH_BYTES:
            message = f"a tile of {expected} hashes is not {len(data)} bytes long"
            raise VerificationError("malformed", message, where=tile.path)
        return data[: tile.width * HASH_BYTES]

    def entries(self, tile: Tile) -> list[bytes]:
        """The entries below a tile of level 0, as the tree hashes them."""
        path, limit = self.entries_path(tile), self._bytes_max
        data, expected = self._read(path, limit), tile.width
        if data is None and tile.width < WIDTH:
            data, expected = self._read(self.entries_path(tile.whole), limit), WIDTH
        if data is None:
            raise VerificationError("missing", "the entries are not there", where=path)
        try:
            return self._decoded(data, expected)[: tile.width]
        except VerificationError as error:
            raise VerificationError("malformed", error.message, where=path) from error

    def entries_path(self, tile: Tile) -> str:
        """Where the entries below a tile lie."""
        return tile.entries_path if self.layout == "bundles" else data_path(tile.entries_path)

    def _read(self, path: str, bytes_max: int) -> bytes | None:
        try:
            return self.source.read(path, bytes_max)
        except InputError as error:
            if error.code != "too-large":
                raise
            raise VerificationError("malformed", f"it is {error.message}", where=path) from error

    def _decoded(self, data: bytes, width: int) -> list[bytes]:
        decode = decode_bundle if self.layout == "bundles" else decode_data_tile
        try:
            return decode(data, width)
        except VerificationError:
            if not data.startswith(_GZIP):
                raise
        # Some logs keep these files compressed, and their web server says so. A copied folder does not.
        return decode(_unzipped(data, self._bytes_max), width)

    @property
    def _bytes_max(self) -> int:
        return BUNDLE_BYTES_MAX if self.layout == "bundles" else DATA_BYTES_MAX


def open_reader(source: LogSource, size: int) -> LogReader:
    """The files of a log of this size: how it serves its entries, and whether Halfdoor wrote them."""
    if size == 0:
        return LogReader(source)
    tiles = dict.fromkeys((tile_at(0, 0, size), tile_at(0, (size - 1) // WIDTH, size)))
    layouts: tuple[Layout, ...] = ("bundles", "data tiles")
    for tile in tiles:
        for layout in layouts:
            reader = LogReader(source, layout, served=True)
            try:
                entries = reader.entries(tile)
            except VerificationError as error:
                if error.code == "missing":
                    continue
                return reader
            return LogReader(source, layout, ours=layout == "bundles" and is_entry(entries[0]), served=True)
    return LogReader(source)


def ahead(work: Callable[[A], B], items: Iterable[A], at_once: int) -> Generator[B]:
    """`work` on each item in order, up to `at_once` of them together and a few ahead of who takes them."""
    if at_once == 1:
        yield from map(work, items)
        return
    waiting: deque[Future[B]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 2 * at_once:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _unzipped(data: bytes, bytes_max: int) -> bytes:
    unzip = zlib.decompressobj(_GZIP_WINDOW)
    try:
        found = unzip.decompress(data, bytes_max)
    except zlib.error as error:
        raise VerificationError("malformed", f"it is compressed, and cut off or damaged: {error}") from error
    if not unzip.eof:
        raise VerificationError("malformed", "it is compressed, and cut off or too long")
    return found
