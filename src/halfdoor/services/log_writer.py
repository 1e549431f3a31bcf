"""The one writer of a log: batches what waits into the tree, durably, and only then lets it take effect.

For each batch: leaves, root and signed checkpoint in one durable transaction; then the checkpoint into the
second store; then whoever waits goes on. Tiles and publication follow in a thread of their own. After any
error whose outcome is not known the writer stops for good: starting again looks at what is really there.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import HalfdoorError, VerificationError
from halfdoor.core.log.merkle import leaf_hash
from halfdoor.services.log_queue import Queue, Waiting
from halfdoor.services.log_signing import LogUnavailable, NoteKey, signed_checkpoint
from halfdoor.store.log import Head, LeaseLost, LogStore, New

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from halfdoor.ports import Clock, LatestCheckpoint
    from halfdoor.services.log_publish import Publisher

STOPPED = LogUnavailable("log-stopped", "the log's writer has stopped", remedy="start it again")


class Limits(msgspec.Struct, frozen=True):
    """How much, how long, how often."""

    batch_entries_max: int = 4096
    queue_entries_max: int = 20_000
    queue_bytes_max: int = 64 * 1024 * 1024
    queue_seconds_max: float = 10.0  # to wait for room
    lease_seconds: float = 15.0
    waiting_poll_seconds: float = 0.05  # how soon entries of other processes are seen
    publish_seconds: float = 0.2  # at least between two publications
    free_bytes_min: int = 256 * 1024 * 1024
    free_check_seconds: float = 1.0


class LogWriter:
    """Runs in two threads of its own; `submit` is safe for any."""

    def __init__(
        self,
        *,
        store: LogStore,
        latest: LatestCheckpoint,
        publisher: Publisher,
        head: Head,
        keys: tuple[NoteKey, ...],
        clock: Clock,
        free_bytes: Callable[[], int],
        limits: Limits | None = None,
    ) -> None:
        """`head` is under this writer's lease, and was checked (log_start.check_start)."""
        self._store, self._latest, self._publisher = store, latest, publisher
        self._head, self._keys, self._clock, self._free_bytes = head, keys, clock, free_bytes
        self._limits = limits or Limits()
        self._queue = Queue(self._limits.queue_entries_max, self._limits.queue_bytes_max)
        self._failure: HalfdoorError | None = None
        self._published_size = publisher.size
        self._changed = threading.Condition()
        self._stopping = False
        self._free_checked = float("-inf")
        self._is_full = False
        self._threads = [
            threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
            for name, work in (("log-writer", self._write), ("log-publisher", self._publish))
        ]

    def start(self) -> None:
        """Begin to write."""
        for thread in self._threads:
            thread.start()

    @property
    def head(self) -> Head:
        """The newest durable head."""
        return self._head

    @property
    def published_size(self) -> int:
        """How many entries everybody can read, under a published checkpoint."""
        return self._published_size

    @property
    def failure(self) -> HalfdoorError | None:
        """Why the writer stopped by itself, where it did."""
        return self._failure

    def submit(self, news: Sequence[New]) -> Future[int]:
        """Have entries appended, all or none; the future gives the first one's position once it is durable.

        Raises LogUnavailable `log-busy` or `log-stopped`, the future `disk-full` too. Where it fails with
        `outcome-unknown` the entries may stand in the log or not: only starting again can tell.
        """
        return self._queue.put(news, self._limits.queue_seconds_max)

    def nudge(self) -> None:
        """Say that an entry waits in the database, so that it is seen at once."""
        self._queue.nudge()

    def wait_published(self, size: int, seconds_max: float) -> bool:
        """Wait until so many entries are published; False where it took too long, or the writer stopped."""
        with self._changed:
            self._changed.wait_for(lambda: self._published_size >= size or self._failure, seconds_max)
            return self._published_size >= size

    def stop(self) -> None:
        """Write and publish what was submitted, give up the lease, end. Raises why it stopped, if it did."""
        self._queue.close(STOPPED)
        self._threads[0].join()
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._threads[1].join()
        if self._failure is not None:
            raise self._failure
        self._store.give_up_lease(self._head)

    # The writing thread.

    def _write(self) -> None:
        poll = renew = time.monotonic()
        while True:
            taken = self._queue.take(self._limits.batch_entries_max, self._limits.waiting_poll_seconds)
            now = time.monotonic()
            stored: list[New] = []
            if not taken or now - poll >= self._limits.waiting_poll_seconds:
                poll = now
                stored = self._store.waiting(self._limits.batch_entries_max)
            if taken or stored:
                self._batch(taken, stored)
                renew = now
            elif self._queue.closed:
                return
            elif now - renew >= self._limits.lease_seconds / 3:
                renew = now
                self._store.renew_lease(self._head, self._lease_until_ms())

    def _batch(self, taken: list[Waiting], stored: list[New]) -> None:
        if self._full():
            error = LogUnavailable(
                "disk-full",
                f"less than {self._limits.free_bytes_min:,} bytes are free where the log is kept",
                remedy="make room; nothing was lost, and the log goes on by itself",
            )
            for one in taken:
                one.future.set_exception(error)
            time.sleep(self._limits.waiting_poll_seconds)
            return
        try:
            first = self._commit([*stored, *(new for one in taken for new in one.news)]) + len(stored)
        except BaseException as error:
            for one in taken:
                one.future.set_exception(_unknown(error))
            raise
        for one in taken:
            one.future.set_result(first)
            first += len(one.news)

    def _commit(self, news: list[New]) -> int:
        """One durable step of the tree; the position of the first entry."""
        before = self._head
        frontier = before.frontier.extended([leaf_hash(new.entry) for new in news])
        after = msgspec.structs.replace(
            before,
            frontier=frontier,
            checkpoint=signed_checkpoint(before.origin, frontier, self._keys),
            lease_until_ms=self._lease_until_ms(),
        )
        self._store.commit(before, after, news)
        if not self._latest.swap(before.origin, before.checkpoint, after.checkpoint):
            raise VerificationError(
                "forked", "somebody else wrote to the second store", remedy="stop one of them"
            )
        self._head = after
        with self._changed:
            self._changed.notify_all()
        return before.frontier.size

    def _full(self) -> bool:
        now = time.monotonic()
        if now - self._free_checked >= self._limits.free_check_seconds or self._is_full:
            self._free_checked = now
            self._is_full = self._free_bytes() < self._limits.free_bytes_min
        return self._is_full

    def _lease_until_ms(self) -> int:
        return int((self._clock.now().timestamp() + self._limits.lease_seconds) * 1000)

    # The publishing thread.

    def _publish(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._head.frontier.size > self._published_size or self._stopping or self._failure
                )
                if self._failure or (self._stopping and self._head.frontier.size == self._published_size):
                    return
                head, last = self._head, self._stopping
            published = self._publisher.publish(head)
            with self._changed:
                if published:
                    self._published_size = head.frontier.size
                elif last:
                    return  # too few witnesses; the next start publishes
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._stopping, self._limits.publish_seconds)

    # Both.

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  whatever it was: stop, and say it to all who wait
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._failure = self._failure or _unknown(error)
            self._changed.notify_all()
        for one in self._queue.close(self._failure):
            if not one.future.done():
                one.future.set_exception(self._failure)


def _unknown(error: BaseException) -> HalfdoorError:
    """What to tell whoever waits: the log's own refusal, or that nobody knows what was written."""
    if isinstance(error, HalfdoorError):
        return error
    if isinstance(error, LeaseLost):
        return LogUnavailable("lease-lost", "another writer took over this log", remedy="ask that one")
    return LogUnavailable(
        "outcome-unknown",
        f"the log's writer stopped: {type(error).__name__}: {error}",
        remedy="find out what is wrong with disk or database, then start again: that shows what was written",
    )
