"""Auditing a log's files: what core/log/audit.py asks for is read, hashed and held against its schema here.

A large log in a folder is audited in several processes, each taking the part below one tile of level 1
(65,536 entries); over a network one process reads several files at once.
"""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import VerificationError
from halfdoor.core.log.audit import Audit, Fault, Step, steps, steps_below
from halfdoor.core.log.entry import fault_of
from halfdoor.core.log.tiles import WIDTH, Tile
from halfdoor.services.log.reading import LogReader, ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FAULTS_LISTED = 100
FAULTS_MAX = 1000  # then the audit ends: such a log needs no further proof
PART_LEVEL = 1
PART_ENTRIES = WIDTH**2
PARTS_MIN = 3  # fewer are done sooner than other processes have started


class Audited(msgspec.Struct, frozen=True):
    """What an audit found. `listed` are the first of `faults_count` faults.

    tiles:   files of hashes that were read
    entries: entries that were read and hashed
    absent:  bundles of entries that are not there; whoever asked decides whether that is a fault
    ended:   the audit was given up at too many faults
    """

    listed: tuple[Fault, ...] = ()
    faults_count: int = 0
    schema_faults: int = 0
    tiles: int = 0
    entries: int = 0
    absent: tuple[Fault, ...] = ()
    absent_count: int = 0
    ended: bool = False


class Effort(msgspec.Struct, frozen=True):
    """How hard to work: reads at once (for a network), processes (for a large log in a folder)."""

    reads: int = 1
    processes: int = 1


class _Enough(Exception):  # noqa: N818  no error: the way out of the recursion
    """So many faults that further ones say nothing new."""


def audit_log(
    reader: LogReader,
    size: int,
    root: bytes,
    *,
    since: int = 0,
    effort: Effort = Effort(),  # noqa: B008  frozen
    progress: Callable[[int], object] = lambda _: None,
) -> Audited:
    """Audit what a tree of `size` with this root has and one of `since` has not.

    `progress` is called with numbers of entries done. Raises InputError `unreadable`.
    """
    parts = max(size // PART_ENTRIES - since // PART_ENTRIES, 0)
    if effort.processes == 1 or parts < PARTS_MIN:
        run = _Run(reader, steps(size, since), since, effort.reads, progress)
        run.guarded(lambda: Audit(run.read, run.report, since=since).tree(size, root))
        return run.found()
    run = _Run(reader, steps(size, since, PART_LEVEL), since, effort.reads, progress)
    # Not forked: a program that uses this may have threads.
    with ProcessPoolExecutor(
        min(effort.processes, parts), get_context("spawn"), initializer=_leave_interrupts_to_the_parent
    ) as pool:

        def others(tiles: list[Tile], wants: list[bytes | None]) -> Iterator[bytes | None]:
            jobs = [
                pool.submit(_part, reader, tile, want, since) for tile, want in zip(tiles, wants, strict=True)
            ]
            for job in jobs:
                above, found = job.result()
                run.add(found)
                yield above

        audit = Audit(run.read, run.report, since=since, parts=(PART_LEVEL, others))
        try:
            run.guarded(lambda: audit.tree(size, root))
        finally:
            pool.shutdown(cancel_futures=True)
    return run.found()


def _part(reader: LogReader, tile: Tile, want: bytes | None, since: int) -> tuple[bytes | None, Audited]:
    """The part below one full tile, in a process of its own."""
    run = _Run(reader, steps_below(tile, since), since)
    above = run.guarded(lambda: Audit(run.read, run.report, since=since).full(tile, want))
    return above, run.found()


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class _Run:
    """Reads for one audit, and counts."""

    def __init__(
        self,
        reader: LogReader,
        plan: Iterator[Step],
        since: int = 0,
        reads: int = 1,
        progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        self._reader = reader
        self._since = since
        self._progress = progress
        self._files = ahead(self._fetch, plan, reads)
        self._listed: list[Fault] = []
        self._absent: list[Fault] = []
        self._faults = self._schema = self._tiles = self._entries = self._absent_count = 0
        self._ended = False

    def _fetch(self, step: Step) -> bytes | list[bytes] | VerificationError:
        try:
            return self._reader.entries(step.tile) if step.entries else self._reader.tile(step.tile)
        except VerificationError as error:
            return error

    def read(self, step: Step) -> bytes | None:
        """The next file, as `Audit` wants it."""
        found = next(self._files)
        if isinstance(found, VerificationError):
            fault = Fault(found.code, found.where, found.message)
            if step.entries and found.code == "missing":
                self._absent_count += 1
                self._absent += [fault] if len(self._absent) < FAULTS_LISTED else []
            else:
                self.report(fault)
            return None
        if isinstance(found, bytes):
            self._tiles += 1
            return found
        self._entries += len(found)
        self._progress(len(found))
        if self._reader.ours:
            self._check_schema(found, step.tile.index * WIDTH)
        return b"".join([sha256(b"\x00" + entry).digest() for entry in found])

    def _check_schema(self, entries: Iterable[bytes], first: int) -> None:
        for number, entry in enumerate(entries, first):
            if (fault := fault_of(entry)) and number >= self._since:
                self._schema += 1
                self.report(Fault("schema", f"entry {number}", fault))

    def report(self, fault: Fault) -> None:
        """One more fault. Raises _Enough."""
        self._faults += 1
        if len(self._listed) < FAULTS_LISTED:
            self._listed.append(fault)
        if self._faults >= FAULTS_MAX:
            raise _Enough

    def add(self, part: Audited) -> None:
        """What another process found."""
        self._listed += part.listed[: FAULTS_LISTED - len(self._listed)]
        self._absent += part.absent[: FAULTS_LISTED - len(self._absent)]
        self._faults += part.faults_count
        self._schema += part.schema_faults
        self._tiles += part.tiles
        self._entries += part.entries
        self._absent_count += part.absent_count
        self._progress(part.entries)
        if part.ended or self._faults >= FAULTS_MAX:
            raise _Enough

    def guarded(self, audit: Callable[[], bytes | None]) -> bytes | None:
        """Run an audit until it ends or has found enough."""
        try:
            return audit()
        except _Enough:
            self._ended = True
            return None
        finally:
            self._files.close()

    def found(self) -> Audited:
        """All of it."""
        return Audited(
            tuple(self._listed),
            self._faults,
            self._schema,
            self._tiles,
            self._entries,
            tuple(self._absent),
            self._absent_count,
            self._ended,
        )
