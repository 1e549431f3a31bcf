"""Showing and proving single entries from a log's public files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.checkpoint import Checkpoint, parse_checkpoint
from halfdoor.core.log.merkle import inclusion_proof
from halfdoor.core.log.note import NOTE_BYTES_MAX, Note, parse_note
from halfdoor.core.log.proof import Proof
from halfdoor.core.log.tiles import WIDTH, TiledTree, tile_at
from halfdoor.services.log.reading import LogReader, open_reader

if TYPE_CHECKING:
    from halfdoor.ports import LogSource


class OpenedLog(msgspec.Struct, frozen=True):
    """A log as it is published now. Nothing of it is verified by having been opened."""

    note: Note
    checkpoint: Checkpoint
    reader: LogReader
    tree: TiledTree

    def entry(self, index: int) -> bytes:
        """The entry at `index`. Raises InputError `no-entry`, VerificationError where its file is damaged."""
        return self.entries(index, index + 1)[0]

    def entries(self, begin: int, end: int) -> list[bytes]:
        """The entries at [begin, end). Raises as `entry`."""
        size = self.checkpoint.size
        if not 0 <= begin < end <= size:
            there = f"the log has {size:,}, from 0 to {size - 1:,}" if size else "the log has none yet"
            raise InputError("no-entry", f"there is no entry {end - 1}: {there}")
        found: list[bytes] = []
        for index in range(begin // WIDTH, -(-end // WIDTH)):
            bundle = self.reader.entries(tile_at(0, index, size))
            first = index * WIDTH
            found += bundle[max(begin - first, 0) : end - first]
        return found

    def prove(self, index: int) -> tuple[bytes, Proof]:
        """The entry and the proof that it stands in the published tree; already verified against that tree.

        Raises InputError `no-entry`, VerificationError `not-included` where the log's files do not fit.
        """
        entry = self.entry(index)
        hashes = inclusion_proof(index, self.checkpoint.size, self.tree.node)
        proof = Proof(index, tuple(hashes), self.note)
        proof.verify(entry)
        return entry, proof


def open_log(source: LogSource) -> OpenedLog:
    """Open a log. Raises VerificationError where it has no checkpoint, or none that can be read."""
    data = source.read("checkpoint", NOTE_BYTES_MAX)
    if data is None:
        raise VerificationError("missing", "there is no checkpoint", where=source.name)
    note = parse_note(data)
    checkpoint = parse_checkpoint(note.text)
    reader = open_reader(source, checkpoint.size)
    return OpenedLog(note, checkpoint, reader, TiledTree(checkpoint.size, reader.tile))
