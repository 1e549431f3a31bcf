"""The feed: what changed in the database, told to this process, whoever changed it.

Every replica polls the outbox; PostgreSQL's NOTIFY makes it look at once. A process that has not seen the
outbox for a while does not know whether it may go on: it fails closed (`alive`). What is told is only that
something changed: whoever listens asks the database what is so now.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from halfdoor.store.engine import READS
from halfdoor.store.runtime import READ_AT_ONCE, changes_after, listen, newest_change

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine

    from halfdoor.services.commit import Commits
    from halfdoor.store.runtime import Changed

    Listener = Callable[[Sequence[Changed], bool], None]

ALIVE_SECONDS = 0.8  # after the start of the last look that succeeded
POLL_SECONDS = 0.2
TICK_SECONDS = 0.1
_STATEMENT_MS = 400  # no look takes longer
_AGAIN_SECONDS = 0.1  # before connecting anew
_LOGGER = logging.getLogger("halfdoor.feed")


class Feed:
    """Looks at the outbox in one thread, and tells listeners in another. Safe for threads."""

    def __init__(self, engine: Engine, *, nudge: Callable[[], None] | None = None) -> None:
        """nudge: called after a look that found something, such as to wake the log's writer."""
        self._engine = engine
        self._nudge = nudge
        self._listeners: list[Listener] = []
        self._lock = threading.Lock()
        self._news: list[Changed] = []
        self._heard = float("-inf")  # when the last look that succeeded began
        self._told = threading.Event()
        self._stopping = threading.Event()
        self._number: int | None = None
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin, with what is in the outbox from now on."""
        self._threads = [
            threading.Thread(target=self._look, name="feed", daemon=True),
            threading.Thread(target=self._tell, name="feed-listeners", daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End: not alive from now on, and listeners are told so one last time. May be called twice."""
        self._stopping.set()
        self._told.set()
        threads, self._threads = self._threads, []
        for thread in threads:
            thread.join()
        self._heard = float("-inf")

    def alive(self) -> bool:
        """False where a change may have escaped this process: then nothing may be sent."""
        return not self._stopping.is_set() and time.monotonic() - self._heard < ALIVE_SECONDS

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Have `listener(news, alive)` called at once when something changed, and each 0.1 s; undone by the
        returned function. It must not block: whoever asks the database does so in a thread of its own.
        """  # noqa: D205  one sentence after the other
        with self._lock:
            self._listeners.append(listener)

        def leave() -> None:
            with self._lock, suppress(ValueError):
                self._listeners.remove(listener)

        return leave

    def _look(self) -> None:
        complained = False
        while not self._stopping.is_set():
            try:
                with self._engine.connect().execution_options(**READS) as connection:
                    try:
                        complained = self._follow(connection)
                    finally:
                        connection.invalidate()  # its settings are not those of the others in the pool
            except Exception as error:  # noqa: BLE001  whatever it is: not alive, and tried again
                if not complained and not self._stopping.is_set():
                    _LOGGER.warning("the database's changes are not heard: %s", error)
                    complained = True
            self._stopping.wait(_AGAIN_SECONDS)

    def _follow(self, connection: Connection) -> bool:
        """Look again and again over one connection; False once stopped. Raises what the database does."""
        with connection.begin():
            listen(connection, _STATEMENT_MS)
        while not self._stopping.is_set():
            begun = time.monotonic()
            found: Sequence[Changed] = ()
            with connection.begin():
                if self._number is None:
                    self._number = newest_change(connection)
                else:
                    found = changes_after(connection, self._number)
            self._heard = begun
            if found:
                self._number = found[-1].number
                with self._lock:
                    self._news += found
                self._told.set()
                if self._nudge is not None:
                    self._nudge()
            if len(found) < READ_AT_ONCE and self._wait(connection):
                self._told.set()  # somebody's change is there, in whatever order the numbers come
        return False

    def _wait(self, connection: Connection) -> bool:
        """Wait for the next look; True where PostgreSQL says that something changed."""
        if connection.dialect.name != "postgresql":
            self._stopping.wait(POLL_SECONDS)
            return False
        driver: Any = connection.connection.driver_connection
        return any(True for _ in driver.notifies(timeout=POLL_SECONDS, stop_after=1))

    def _tell(self) -> None:
        while not self._stopping.is_set():
            self._told.wait(TICK_SECONDS)
            self._told.clear()
            self._tell_once()
        self._tell_once()

    def _tell_once(self) -> None:
        with self._lock:
            news, self._news = self._news, []
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(news, self.alive())
            except Exception:  # the others are told all the same
                _LOGGER.exception("a listener failed")


def keep_mark(commits: Commits) -> None:
    """Move the clock's mark on while nothing happens, and learn where other replicas put it.

    Before serving and every ten seconds: a clock that was set back then revives nothing.
    """
    with commits.closing():
        pass
