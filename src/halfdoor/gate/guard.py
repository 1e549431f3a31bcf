"""Running transfers are asked for their permit again whenever something changed, and twice a second.

Who cannot be asked is cut: where the feed is lost or the database does not answer in time, all are.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

from halfdoor.core.governance.refusal import Refused
from halfdoor.gate.permit import refusals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halfdoor.core.errors import HalfdoorError
    from halfdoor.gate.permit import Asked
    from halfdoor.services.commit import Commits
    from halfdoor.services.feed import Feed
    from halfdoor.store.runtime import Changed

AGAIN_SECONDS = 0.5
LATE_SECONDS = 0.6  # an answer that takes longer is taken for no
_LOGGER = logging.getLogger("halfdoor.gate")


class Transfer(Protocol):
    """Something that is being sent."""

    asked: Asked

    def cut(self, why: HalfdoorError) -> None:
        """Send nothing more. Called from any thread; may be called again, and after the end."""


class Guard:
    """Watches over the transfers of this process. Safe for threads."""

    def __init__(self, commits: Commits, feed: Feed) -> None:
        """Listens to the feed as long as that runs."""
        self._commits, self._feed = commits, feed
        self._lock = threading.Lock()
        self._running: set[Transfer] = set()
        self._due: float | None = None  # since when an answer is awaited
        self._asked = 0.0
        self._asking = False
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="gate-guard")
        feed.subscribe(self._heard)

    def check(self) -> None:
        """Raises Refused `no-feed` where nothing may be sent."""
        if not self._feed.alive():
            raise _no_feed()

    def add(self, transfer: Transfer) -> None:
        """Watch over it from now on. Ask for its permit once more after this: nothing is missed then."""
        with self._lock:
            self._running.add(transfer)

    def remove(self, transfer: Transfer) -> None:
        """It is over."""
        with self._lock:
            self._running.discard(transfer)

    def _heard(self, news: Sequence[Changed], alive: bool) -> None:  # noqa: FBT001  the feed's signature
        now = time.monotonic()
        with self._lock:
            if not self._running:
                self._due = None
                return
            if self._due is None and (news or now - self._asked >= AGAIN_SECONDS):
                self._due = now
            late = self._due is not None and now - self._due > LATE_SECONDS
            start = self._due is not None and not self._asking and alive and not late
            self._asking = self._asking or start
        if not alive:
            self._cut_all(_no_feed())
        elif late:
            self._cut_all(Refused("no-feed", "the database did not answer in time"))
        if start:
            self._threads.submit(self._ask)

    def _ask(self) -> None:
        begun = time.monotonic()
        try:
            with self._lock:
                running = list(self._running)
            with self._commits.reading() as connection:
                found = refusals(connection, [one.asked for one in running], self._commits.now())
            for transfer, why in zip(running, found, strict=True):
                if why is not None:
                    transfer.cut(why)
            with self._lock:
                self._asked = begun
                if self._due is not None and self._due <= begun:
                    self._due = None
        except Exception as error:  # noqa: BLE001  it is asked again, and soon it is late
            _LOGGER.warning("permits could not be asked for: %s", error)
        finally:
            with self._lock:
                self._asking = False

    def _cut_all(self, why: HalfdoorError) -> None:
        with self._lock:
            running = list(self._running)
            self._due = None
        for transfer in running:
            transfer.cut(why)


def _no_feed() -> Refused:
    return Refused(
        "no-feed",
        "this server does not hear of changes at the moment, so it sends nothing",
        remedy="try again in a moment",
    )
