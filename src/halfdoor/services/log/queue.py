"""The queue before the log's writer: bounded, so that a flood is refused instead of filling the memory."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING

import msgspec

from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.log import New

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halfdoor.core.errors import HalfdoorError


class Waiting(msgspec.Struct, frozen=True):
    """Entries that stand or fall together, and who waits for the position of the first of them."""

    news: tuple[New, ...]
    future: Future[int]
    bytes: int


class Queue:
    """First in, first out. Safe for threads."""

    def __init__(self, entries_max: int, bytes_max: int) -> None:
        self._entries_max, self._bytes_max = entries_max, bytes_max
        self._waiting: deque[Waiting] = deque()
        self._entries = self._bytes = 0
        self._changed = threading.Condition()
        self._nudged = False
        self._closed: HalfdoorError | None = None

    def put(self, news: Sequence[New], seconds_max: float) -> Future[int]:
        """Join the queue, waiting for room. Raises LogUnavailable `log-busy`, or why the log stopped."""
        size = sum(new.weight for new in news)
        waiting = Waiting(tuple(news), Future(), size)
        with self._changed:
            if not self._changed.wait_for(
                lambda: self._closed or self._has_room(len(news), size), seconds_max
            ):
                raise LogUnavailable(
                    "log-busy",
                    f"{self._entries:,} entries wait already, and none left in {seconds_max:g} s",
                    remedy="try again later",
                )
            if self._closed is not None:
                raise anew(self._closed)
            self._waiting.append(waiting)
            self._entries += len(news)
            self._bytes += size
            self._changed.notify_all()
        return waiting.future

    def _has_room(self, entries: int, size: int) -> bool:
        fits = self._entries + entries <= self._entries_max and self._bytes + size <= self._bytes_max
        return fits or not self._waiting  # what is larger than the queue goes alone

    def take(self, entries_max: int, seconds_max: float) -> list[Waiting]:
        """The next in line, up to so many entries, at least one who waits. Empty: nudged, or time is up.

        Who was cancelled is left out; who is taken can be cancelled no longer.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._nudged or self._closed, seconds_max)
            self._nudged = False
            taken: list[Waiting] = []
            count = 0
            while self._waiting and (not taken or count + len(self._waiting[0].news) <= entries_max):
                one = self._waiting.popleft()
                self._entries -= len(one.news)
                self._bytes -= one.bytes
                if one.future.set_running_or_notify_cancel():
                    taken.append(one)
                    count += len(one.news)
            self._changed.notify_all()
            return taken

    def nudge(self) -> None:
        """Have `take` return at once."""
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def close(self, why: HalfdoorError, *, drop: bool = False) -> None:
        """Refuse whoever comes, with this reason; `drop`: those who wait too."""
        with self._changed:
            self._closed = self._closed or why
            left = list(self._waiting) if drop else []
            if drop:
                self._waiting.clear()
                self._entries = self._bytes = 0
            self._changed.notify_all()
        refuse((one for one in left if one.future.set_running_or_notify_cancel()), why)

    @property
    def closed(self) -> bool:
        """True once nobody is let in."""
        return self._closed is not None


def refuse(waiting: Iterable[Waiting], why: HalfdoorError) -> None:
    """Tell those who were taken that their entries do not come."""
    for one in waiting:
        one.future.set_exception(anew(why))


def anew(error: HalfdoorError) -> HalfdoorError:
    """The same refusal once more: an exception raised again and again would keep every caller's frames."""
    new = type(error).__new__(type(error), *error.args)
    new.__dict__.update(error.__dict__)
    new.__cause__ = error.__cause__
    return new
