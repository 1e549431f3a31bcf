"""Bringing entries that wait into the log: once, for a command, or all the time, for a server."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from halfdoor.core.errors import HalfdoorError
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.log import LeaseHeld, LogStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from halfdoor.services.log.writer import LogWriter

    Write = Callable[[], AbstractContextManager[LogWriter]]

_LOGGER = logging.getLogger("halfdoor.log")
_SOONEST_SECONDS, _LATEST_SECONDS = 0.0005, 0.02
_AGAIN_SECONDS = 0.5  # before trying again to become the writer
_LOOK_SECONDS = 0.1  # how often the keeper looks at its writer


class Passing:
    """For a command that runs once: becomes the writer where there is none, else leaves it to that one."""

    def __init__(self, store: LogStore, write: Write) -> None:
        """`write` becomes the writer (bootstrap.log.writing)."""
        self._store, self._write = store, write

    def check(self) -> None:
        """Nothing is known beforehand."""

    def settle(self, numbers: Sequence[int], seconds_max: float) -> bool:
        """As services.commit.Settling. Raises what stops the log."""
        until = time.monotonic() + seconds_max
        while True:
            try:
                with self._write() as writer:
                    writer.nudge()
                    if _settled(self._store, numbers, until):
                        return True
            except LeaseHeld as held:
                lapses = time.monotonic() + max(0.0, held.until_ms / 1000 - time.time()) + _LATEST_SECONDS
                if _settled(self._store, numbers, min(until, lapses)):
                    return True
            if time.monotonic() >= until:
                return False


class Keeper:
    """For a server: a thread that is the log's writer whenever nobody else is. Safe for threads."""

    def __init__(self, store: LogStore, write: Write) -> None:
        """As Passing."""
        self._store, self._write = store, write
        self._writer: LogWriter | None = None
        self._held_until = 0.0  # POSIX seconds, of another process's lease
        self._why: HalfdoorError | None = LogUnavailable("log-down", "the log's writer has not started yet")
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="log-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Write and publish what was taken, and let others write."""
        self._stopping.set()
        self._thread.join()

    @property
    def writer(self) -> LogWriter | None:
        """The writer, where it is in this process."""
        return self._writer

    def nudge(self) -> None:
        """Say that something waits, so that it is seen at once."""
        if (writer := self._writer) is not None:
            writer.nudge()

    def check(self) -> None:
        """As services.commit.Settling."""
        writer = self._writer
        if writer is not None and writer.failure is None:
            return
        if writer is None and time.time() < self._held_until:
            return  # another replica writes
        why = writer.failure if writer is not None else self._why
        told = f": {why.message}" if why is not None else ""
        raise LogUnavailable(
            "log-down",
            f"the log takes nothing at the moment{told}",
            remedy="nothing can be opened meanwhile; see `halfdoor doctor`",
        )

    def settle(self, numbers: Sequence[int], seconds_max: float) -> bool:
        """As services.commit.Settling."""
        self.nudge()
        return _settled(self._store, numbers, time.monotonic() + seconds_max)

    def _keep(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._write() as writer:
                    self._writer, self._why = writer, None
                    while writer.failure is None and not self._stopping.wait(_LOOK_SECONDS):
                        pass
                    if self._stopping.is_set():
                        return
            except LeaseHeld as held:
                self._held_until = held.until_ms / 1000
            except Exception as error:  # the log stays down until this passes; `check` says why
                self._why = (
                    error if isinstance(error, HalfdoorError) else LogUnavailable("log-down", str(error))
                )
                _LOGGER.exception("the log's writer stopped")
            finally:
                self._writer = None
            self._stopping.wait(_AGAIN_SECONDS)


def _settled(store: LogStore, numbers: Sequence[int], until: float) -> bool:
    for pause in _pauses():
        if store.are_settled(numbers):
            return True
        left = until - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
    raise AssertionError("pauses do not end")


def _pauses() -> Iterator[float]:
    pause = _SOONEST_SECONDS
    while True:
        yield pause
        pause = min(pause * 2, _LATEST_SECONDS)
