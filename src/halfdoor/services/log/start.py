"""What is looked at before a log is written on: that all is there, the newest, and its own.

A log forks when it goes on from an old copy of itself. So the newest checkpoint is looked for in four places:
in the database, in the second store, in what was published, and with the witnesses. The database must be as
new as all others, and hold each of their trees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.errors import HalfdoorError, VerificationError
from halfdoor.core.log.merkle import HASH_BYTES, leaf_hash
from halfdoor.core.log.tiles import WIDTH, Edge, Tile, TiledTree
from halfdoor.services.log.signing import own_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from halfdoor.core.log.checkpoint import Checkpoint
    from halfdoor.core.log.keys import VerifierKey
    from halfdoor.ports import LatestCheckpoint, LogFiles
    from halfdoor.store.log import Head, LogStore

CHECKPOINT_BYTES_MAX = 1_000_000
READ_AT_ONCE = 65_536
_RESTORED = (
    "this is an old copy: going on from it would fork the log. Bring back the newest data; if they are lost, "
    "the log has ended: begin a new one with another origin"
)


def check_start(
    head: Head,
    *,
    store: LogStore,
    latest: LatestCheckpoint,
    files: LogFiles,
    keys: tuple[VerifierKey, ...],
    advance: Callable[[int], None] = lambda _: None,
) -> Edge:
    """Everything that can be known here; brings the second store up to the head, as after a crash.

    Returns the edge of what was published, from which publishing goes on. advance: told of entries read.
    Raises VerificationError: `log-damaged`, `data-older`, `forked`, `second-store-empty`.
    """
    own = own_checkpoint(head.checkpoint, head.origin, keys, "the database")
    if own.size != head.frontier.size or own.root != head.frontier.root():
        message = "the head of the log does not fit its own checkpoint"
        raise VerificationError("log-damaged", message, where="the database")
    second = latest.load(head.origin)
    if second is None:
        raise VerificationError(
            "second-store-empty",
            f"the second store knows nothing of {head.origin}, and the database holds {own.size:,} entries",
            remedy="is it the right store? If it is lost for good: halfdoor home adopt --home DIR",
        )
    noted = own_checkpoint(second, head.origin, keys, "the second store")
    published = files.read("checkpoint", CHECKPOINT_BYTES_MAX)
    seen = own_checkpoint(published, head.origin, keys, files.name) if published else None
    for place, other in (("the second store", noted), (files.name, seen)):
        if other is not None and other.size > own.size:
            message = f"the database holds {own.size:,} entries, {place} has a checkpoint of {other.size:,}"
            raise VerificationError("data-older", message, where="the database", remedy=_RESTORED)
    others = [("the second store", noted), *([(files.name, seen)] if seen else [])]
    edge = _published_edge(files, seen)
    # From what is published, or from the beginning where another tree ends before.
    _replay(
        edge if all(other.size >= edge.size for _, other in others) else Edge(), head, others, store, advance
    )
    # Whoever wrote before may just have noted its last batch, which is this head, too.
    if (
        second != head.checkpoint
        and not latest.swap(head.origin, second, head.checkpoint)
        and latest.load(head.origin) != head.checkpoint
    ):
        raise VerificationError(
            "forked", "somebody else writes to the second store", remedy="stop one of them"
        )
    return edge


def _published_edge(files: LogFiles, seen: Checkpoint | None) -> Edge:
    """The edge of what is published, where it is whole and gives the root that was signed; else an empty one.

    Then what is published is made anew from the database.
    """
    if seen is None or seen.size == 0:
        return Edge()

    def fetch(tile: Tile) -> bytes:
        data = files.read(tile.path, WIDTH * HASH_BYTES)
        if data is None and tile != tile.whole:
            whole = files.read(tile.whole.path, WIDTH * HASH_BYTES)
            data = whole[: tile.width * HASH_BYTES] if whole else None
        if data is None:
            raise VerificationError("not-there", f"{tile.path} is missing", where=files.name)
        return data

    try:
        edge = TiledTree(seen.size, fetch).edge()
    except HalfdoorError:
        return Edge()
    return edge if edge.frontier().root() == seen.root else Edge()


def _replay(
    edge: Edge,
    head: Head,
    others: list[tuple[str, Checkpoint]],
    store: LogStore,
    advance: Callable[[int], None],
) -> None:
    """From a published edge over the stored entries to the head: each other tree must lie on the way."""
    frontier = edge.frontier()
    roots = {frontier.size: frontier.root()}
    for size in sorted({head.frontier.size, *(other.size for _, other in others)}):
        while frontier.size < size:
            stop = min(frontier.size + READ_AT_ONCE, size)
            hashes = [leaf_hash(entry) for entry in store.entries(frontier.size, stop)]
            frontier = frontier.extended(hashes)
            advance(len(hashes))
        roots[frontier.size] = frontier.root()
    if frontier.root() != head.frontier.root():
        message = "the stored entries do not give the root of the stored checkpoint"
        remedy = "a stored byte was changed: run `halfdoor home check --home DIR`, then bring back a backup"
        raise VerificationError("log-damaged", message, where="the database", remedy=remedy)
    for place, other in others:
        _same(place, other, roots[other.size])


def _same(place: str, other: Checkpoint, root: bytes) -> None:
    if other.root != root:
        message = f"{place} has another tree of {other.size:,} entries than the database"
        raise VerificationError("forked", message, remedy="keep both as evidence; do not go on with either")
