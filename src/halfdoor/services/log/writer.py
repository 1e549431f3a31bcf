"""The one writer of a log: batches what waits into the tree, durably, and only then lets it take effect.

For each batch: leaves, root and signed checkpoint in one durable transaction; then the checkpoint into the
second store; then whoever waits goes on. Tiles and publication follow in a thread of their own. After any
error whose outcome is not known the writer stops for good: starting again looks at what is really there.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from halfdoor.adapters.keys import CannotSign
from halfdoor.core.errors import HalfdoorError, VerificationError
from halfdoor.core.log.merkle import leaf_hash
from halfdoor.services.log.queue import Queue, Waiting, refuse
from halfdoor.services.log.signing import LogUnavailable, NoteKey, signed_checkpoint
from halfdoor.store.engine import said
from halfdoor.store.log import Head, LeaseLost, LogStore, New, check_new

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from halfdoor.ports import Clock, LatestCheckpoint
    from halfdoor.services.log.publish import Publisher

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
        """`head` is under this writer's lease, and was checked (start.check_start)."""
        self._store, self._latest, self._publisher = store, latest, publisher
        self._head, self._keys, self._clock, self._free_bytes = head, keys, clock, free_bytes
        self._limits = limits or Limits()
        self._queue = Queue(self._limits.queue_entries_max, self._limits.queue_bytes_max)
        self._failure: HalfdoorError | None = None
        self._published_size = publisher.size
        self._changed = threading.Condition()
        self._stopping = False
        self._taken: list[Waiting] = []  # by the writing thread, and not answered yet
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

        Raises InputError `bad-entry`, LogUnavailable `log-busy` or `log-stopped`; the future too, `disk-full`
        or `cannot-sign`. Where it fails with `outcome-unknown` the entries may stand in the log or not: only
        starting again can tell. Who cancels the future before its turn has come has no entry.
        """
        if not news:
            raise ValueError("no entry was given")
        for new in news:
            check_new(new)
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
        with suppress(Exception):  # all is published; a lease that is not given up, or lost, runs out
            self._store.give_up_lease(self._head)

    # The writing thread.

    def _write(self) -> None:
        poll = renew = time.monotonic()
        while True:
            closing = self._queue.closed
            taken = self._queue.take(self._limits.batch_entries_max, self._limits.waiting_poll_seconds)
            self._taken = taken
            if self._failure is not None:
                raise self._failure  # publishing failed: no more is signed
            now = time.monotonic()
            stored: list[New] = []
            if not taken or now - poll >= self._limits.waiting_poll_seconds:
                poll = now
                stored = self._store.waiting(self._limits.batch_entries_max)
            written = bool(taken or stored) and self._batch(taken, stored)
            if written:
                renew = now
            elif now - renew >= self._limits.lease_seconds / 3:
                renew = now
                self._store.renew_lease(self._head, self._lease_until_ms())
            if closing and not taken and not (written and len(stored) == self._limits.batch_entries_max):
                return  # who goes on adding to what waits, waits for the next start

    def _batch(self, taken: list[Waiting], stored: list[New]) -> bool:
        """Write what was taken and what waited; False where there is no room, or nobody to sign."""
        news = [*stored, *(new for one in taken for new in one.news)]
        try:
            after = None if self._full() else self._grown(news)
        except CannotSign as error:
            refusal: HalfdoorError = error
            after = None
        else:
            refusal = LogUnavailable(
                "disk-full",
                f"less than {self._limits.free_bytes_min:,} bytes are free where the log is kept",
                remedy="make room; nothing was lost, and the log goes on by itself",
            )
        if after is None:
            self._taken = []
            refuse(taken, refusal)
            time.sleep(self._limits.waiting_poll_seconds)
            return False
        first = self._head.frontier.size + len(stored)
        self._commit(after, news)
        self._taken = []
        for one in taken:
            one.future.set_result(first)
            first += len(one.news)
        return True

    def _grown(self, news: list[New]) -> Head:
        """The head with these entries, signed; nothing is stored yet."""
        before = self._head
        frontier = before.frontier.extended([leaf_hash(new.entry) for new in news])
        return msgspec.structs.replace(
            before,
            frontier=frontier,
            checkpoint=signed_checkpoint(before.origin, frontier, self._keys),
            lease_until_ms=self._lease_until_ms(),
        )

    def _commit(self, after: Head, news: list[New]) -> None:
        """One durable step of the tree, in both stores."""
        before = self._head
        self._store.commit(before, after, news)
        if not self._latest.swap(before.origin, before.checkpoint, after.checkpoint):
            if self._store.head().epoch != before.epoch:
                message = "another writer took over while this one wrote"
                raise LogUnavailable("outcome-unknown", message, remedy="ask that one")
            raise VerificationError(
                "forked", "somebody else wrote to the second store", remedy="stop one of them"
            )
        self._head = after
        with self._changed:
            self._changed.notify_all()

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
                self._changed.wait_for(lambda: self._stopping or self._failure, self._limits.publish_seconds)

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
        self._queue.close(self._failure, drop=True)
        if threading.current_thread() is self._threads[0]:
            taken, self._taken = self._taken, []
            refuse(taken, _unknown(error))


def _unknown(error: BaseException) -> HalfdoorError:
    """What to tell whoever waits: the log's own refusal, or that nobody knows what was written."""
    if isinstance(error, HalfdoorError):
        return error
    if isinstance(error, LeaseLost):
        return LogUnavailable("lease-lost", "another writer took over this log", remedy="ask that one")
    return LogUnavailable(
        "outcome-unknown",
        f"the log's writer stopped: {said(error)}",
        remedy="find out what is wrong with disk or database, then start again: that shows what was written",
    )
