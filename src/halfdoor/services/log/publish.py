"""Publishing: from what is durable to what everybody can read, never a byte that was not verified anew.

Leaves and root are computed here a second time, from the entries as they are stored, by other code than the
writer's; a bit that flipped in memory or on the disk stops the log before any reader sees it. First come the
bundles and tiles, then the witnesses, then the checkpoint: whoever sees a checkpoint finds its tree.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from halfdoor.core.errors import VerificationError
from halfdoor.core.log.merkle import leaf_hash
from halfdoor.core.log.note import Note, parse_note
from halfdoor.core.log.tiles import HEIGHT, WIDTH, Edge, Tile, encode_bundle
from halfdoor.services.log.signing import own_checkpoint
from halfdoor.store.log import LeaseLost

if TYPE_CHECKING:
    from collections.abc import Callable

    from halfdoor.core.log.checkpoint import Checkpoint
    from halfdoor.core.log.keys import VerifierKey
    from halfdoor.ports import LogFiles
    from halfdoor.store.log import Head, LogStore

    # A note and its size -> the note with cosignatures, or None where too few came.
    Cosign = Callable[[Note, int], Note | None]


class Publisher:
    """Writes a log's public files. For one thread."""

    def __init__(
        self,
        store: LogStore,
        files: LogFiles,
        keys: tuple[VerifierKey, ...],
        edge: Edge,
        cosign: Cosign | None = None,
    ) -> None:
        """`edge`: of what is published (start.check_start). `cosign`: asks the witnesses."""
        self._store = store
        self._files = files
        self._keys = keys
        self._edge = edge
        self._published = edge.size
        self._cosign = cosign

    @property
    def size(self) -> int:
        """How many entries have their tiles in place."""
        return self._edge.size

    def publish(self, head: Head) -> bool:
        """Publish up to the head; False where too few witnesses cosigned, and the checkpoint waits.

        Raises VerificationError `log-damaged` before it is published, OSError where writing failed, LeaseLost
        where another writer has taken over.
        """
        checkpoint = own_checkpoint(head.checkpoint, head.origin, self._keys, "the database")
        if checkpoint.size > self._edge.size:
            self._write_tree(checkpoint)
        note: Note | None = parse_note(head.checkpoint)
        if self._cosign is not None and note is not None:
            note = self._cosign(note, checkpoint.size)
        if note is None:
            return False
        if self._store.head().epoch != head.epoch:
            raise LeaseLost  # whoever writes now may have published more than this
        self._files.write("checkpoint", note.encode())
        self._remove_partial(self._published, checkpoint.size)
        self._published = checkpoint.size
        self._store.tidy()
        return True

    def _write_tree(self, checkpoint: Checkpoint) -> None:
        """The bundles and tiles that the tree of this checkpoint has and the one before had not."""
        old, grown = self._edge, Edge(self._edge.size, self._edge.levels)
        hashes = [leaf_hash(entry) for entry in self._store.entries(old.size, checkpoint.size)]
        full = list(grown.grow(hashes))
        if grown.frontier().root() != checkpoint.root:
            message = "the stored entries do not give the root that was signed; nothing was published"
            raise VerificationError("log-damaged", message, where="the database")
        self._write_bundles([*(old.levels[0] if old.levels else ()), *hashes], checkpoint.size)
        for tile, data in (*full, *grown.partial()):
            self._files.write(tile.path, data)
        self._edge = grown

    def _write_bundles(self, hashes: list[bytes], end: int) -> None:
        """Every bundle that grew, whose leaves have these hashes.

        The entries are read again, not kept, so that memory stays bounded. So they are hashed again: those
        before the ones that are new, in the first bundle, for the first time since they were published.
        """
        first = end - len(hashes)
        entries = self._store.entries(first, end)
        for at in range(0, len(hashes), WIDTH):
            bundle = list(islice(entries, WIDTH))
            if [leaf_hash(entry) for entry in bundle] != hashes[at : at + WIDTH]:
                message = (
                    f"an entry from {first + at} to {first + at + WIDTH - 1} is not the one that was signed"
                )
                raise VerificationError("log-damaged", message, where="the database")
            tile = Tile(0, (first + at) // WIDTH, len(bundle))
            self._files.write(tile.entries_path, encode_bundle(bundle))

    def _remove_partial(self, begin: int, end: int) -> None:
        """The partial tiles that full ones replaced, once the checkpoint that needs the full ones is out."""
        level = 0
        while end >> (HEIGHT * (level + 1)):
            full = range((begin >> (HEIGHT * level)) // WIDTH, (end >> (HEIGHT * level)) // WIDTH)
            for whole in (Tile(level, index) for index in full):
                self._files.remove(f"{whole.path}.p")
                if level == 0:
                    self._files.remove(f"{whole.entries_path}.p")
            level += 1
