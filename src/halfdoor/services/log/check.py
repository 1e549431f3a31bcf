"""Holding all that is kept of a log against each other: entries, head, second store, public files.

Nothing is changed. Starting a log looks only at what is new; this looks at every byte that means something.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import HalfdoorError
from halfdoor.core.log.entry import fault_of
from halfdoor.core.log.merkle import Frontier, leaf_hash
from halfdoor.core.log.note import NOTE_BYTES_MAX
from halfdoor.core.log.tiles import WIDTH
from halfdoor.services.log.audit import Effort, audit_log
from halfdoor.services.log.reading import open_reader
from halfdoor.services.log.signing import own_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from halfdoor.core.log.checkpoint import Checkpoint
    from halfdoor.core.log.keys import VerifierKey
    from halfdoor.ports import LatestCheckpoint, LogFiles
    from halfdoor.store.log import LogStore

FAULTS_MAX = 100


class Checked(msgspec.Struct, frozen=True):
    """What was found. faults: sentences, empty where all agrees; waiting: entries not in the tree yet."""

    size: int
    published: int
    waiting: int
    faults: list[str]


def check_log(
    store: LogStore,
    latest: LatestCheckpoint,
    files: LogFiles,
    keys: tuple[VerifierKey, ...],
    advance: Callable[[int], None] = lambda _: None,
) -> Checked:
    """Check a log, also while it is written. Raises where the database cannot be read at all."""
    faults = [f"the database: {problem}" for problem in store.problems()]
    origin = store.head().origin
    # The head last, so that somebody who writes meanwhile makes it newer than the others, never older.
    second, public = latest.load(origin), files.read("checkpoint", NOTE_BYTES_MAX)
    head = store.head()
    kept: dict[str, Checkpoint] = {}
    for place, data in (
        ("the database", head.checkpoint),
        ("the second store", second),
        (files.name, public),
    ):
        try:
            if data is not None:
                kept[place] = own_checkpoint(data, head.origin, keys, place)
            elif head.frontier.size or place == "the second store":
                faults.append(f"{place}: there is no checkpoint")
        except HalfdoorError as error:
            faults.append(f"{place}: {error.message}")
    faults += _entries(store, head.frontier, kept, advance)
    published = kept.get(files.name)
    if published is not None:
        effort = Effort(processes=os.cpu_count() or 1)
        audited = audit_log(open_reader(files, published.size), published.size, published.root, effort=effort)
        faults += [f"{fault.where}: {fault.message}" for fault in (*audited.listed, *audited.absent)]
    size = published.size if published else 0
    return Checked(head.frontier.size, size, store.waiting_count(), faults[:FAULTS_MAX])


def _entries(
    store: LogStore, head: Frontier, kept: dict[str, Checkpoint], advance: Callable[[int], None]
) -> list[str]:
    """Every stored entry: its form, and the trees that it is part of."""
    faults: list[str] = []
    frontier = Frontier()
    roots = {one.size: b"" for one in kept.values()} | {0: frontier.root()}
    size = head.size
    for stop in sorted({*range(WIDTH, size, WIDTH), size, *(one for one in roots if one < size)} - {0}):
        try:
            entries = list(store.entries(frontier.size, stop))
        except HalfdoorError as error:
            return [*faults, f"the database: {error.message}"]
        faults += [
            f"entry {frontier.size + place}: {fault}"
            for place, entry in enumerate(entries)
            if (fault := fault_of(entry))
        ]
        frontier = frontier.extended(map(leaf_hash, entries))
        if stop in roots:
            roots[stop] = frontier.root()
        advance(len(entries))
    if frontier != head:
        faults.append("the database: the stored entries do not give the stored tree")
    for place, one in kept.items():
        if one.size > size:
            faults.append(f"{place}: has a checkpoint of {one.size:,} entries, the database holds {size:,}")
        elif roots[one.size] != one.root:
            faults.append(f"{place}: has another tree of {one.size:,} entries than the database")
    return faults
