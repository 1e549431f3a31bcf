"""The one write path: a change, its log entry and what it announces, in one transaction.

What opens something takes effect once its entry stands in the log, under a durable checkpoint: rows keep the
entry's number, and whoever reads them asks whether it stands there (store.log.in_log). If the log takes
nothing, nothing is opened. What closes something takes effect at once, and is logged as soon as it can be.
"""

from __future__ import annotations

import datetime as dt
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy.exc import IntegrityError

from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.base import RANDOM_CHARACTERS, SCHEMA, new_id
from halfdoor.services.log.append import composed
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.engine import READS, database_errors
from halfdoor.store.log import TooManyWaiting, add_waiting
from halfdoor.store.runtime import announce, mark, set_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy import Connection, Engine

    from halfdoor.core.log.events.base import Event
    from halfdoor.ports import Clock

SETTLE_SECONDS_MAX = 10.0
MARK_STEP_MS = 1000  # the clock's mark is moved on at most this often
_ID_BYTES = (RANDOM_CHARACTERS * 5 + 7) // 8


class Settling(Protocol):
    """What brings waiting entries into the log."""

    def check(self) -> None:
        """Raises LogUnavailable where the log is known to take nothing at the moment."""

    def settle(self, numbers: Sequence[int], seconds_max: float) -> bool:
        """Wait until all that waits under these numbers stands in the log; False where it takes longer."""


class Change:
    """A transaction under way: `connection` writes rows, `tell` the log entry, `announce` the rest."""

    def __init__(
        self, connection: Connection, now: dt.datetime, random: Callable[[int], bytes], *, closing: bool
    ) -> None:
        self.connection = connection
        self.now = now  # aware, UTC; the same in every row and entry of the change
        self.numbers: list[int] = []
        self.logged = True  # once the block has ended: its entries stand in the log
        self._random = random
        self._closing = closing

    @property
    def now_ms(self) -> int:
        """`now` as tables hold it."""
        return milliseconds(self.now)

    def new_id(self, prefix: str) -> str:
        """A new random id of a kind."""
        return new_id(prefix, int.from_bytes(self._random(_ID_BYTES), "big"))

    def random(self, count: int) -> bytes:
        """So many random bytes, for secrets and salts."""
        return self._random(count)

    def tell(self, kind: type[Event], private: Mapping[str, Any] | None = None, /, **fields: Any) -> int:  # noqa: ANN401  the event's own fields
        """Have the log told; the number that the entry waits under, for the row's column `entry`.

        private: what is personal, by name (core.log.events.base.Committed): the entry holds commitments to it
        Raises InputError `bad-entry`, LogUnavailable `log-busy`.
        """
        event = kind(schema=SCHEMA, at=self.now, **fields)
        try:
            new = composed(event, private or {}, self._random)
            number = add_waiting(self.connection, new, even_full=self._closing)
        except TooManyWaiting as error:
            raise _busy("so many entries wait already that no more are taken") from error
        self.numbers.append(number)
        return number

    def announce(self, kind: str, subject: str) -> None:
        """Let replicas know, as soon as this is committed."""
        announce(self.connection, self.now_ms, kind, subject)


class Commits:
    """Makes changes, and gives connections to read with. Safe for threads."""

    def __init__(
        self,
        *,
        engine: Engine,
        durable: Engine,
        clock: Clock,
        random: Callable[[int], bytes],
        settling: Settling,
    ) -> None:
        """engine, durable: the same database, without and with a flush at each commit (store.engine)."""
        self.engine = engine
        self._durable = durable
        self._clock = clock
        self._random = random
        self._settling = settling
        self._mark_ms = 0

    def now(self) -> dt.datetime:
        """The application's time: the clock's, but never before what was acted on already."""
        return moment(max(milliseconds(self._clock.now()), self._mark_ms))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that writes nothing; one query reads one moment. Raises DatabaseFailed."""
        with (
            database_errors(self.engine.url.render_as_string()),
            self.engine.connect().execution_options(**READS) as connection,
        ):
            yield connection

    @contextmanager
    def change(self, *, wait: bool = True) -> Iterator[Change]:
        """A change that may open something. On leaving the block it is stored and in effect.

        wait: False where the caller waits for the log itself (`settle`), or need not
        Raises LogUnavailable: `log-busy` and the like with nothing stored, `log-late` where all is stored and
        takes effect once the log goes on; DatabaseFailed. Whatever the block raises takes everything back.
        """
        self._settling.check()
        with self._changing(self.engine, closing=False) as change:
            yield change
        if wait:
            self.settle(change.numbers)

    @contextmanager
    def closing(self) -> Iterator[Change]:
        """A change that only closes: in effect and durable on leaving the block, whatever the log does.

        `logged` of the change then says whether its entries stand in the log already.
        """
        with self._changing(self._durable, closing=True) as change:
            yield change
        try:
            change.logged = not change.numbers or self._settling.settle(change.numbers, SETTLE_SECONDS_MAX)
        except LogUnavailable:
            change.logged = False

    def settle(self, numbers: Sequence[int]) -> None:
        """Wait until these entries stand in the log. Raises LogUnavailable `log-late`."""
        if numbers and not self._settling.settle(numbers, SETTLE_SECONDS_MAX):
            raise LogUnavailable(
                "log-late",
                "the change is stored, but the log has not taken its entry yet, so it is not in effect",
                remedy="it takes effect once the log goes on: see what holds it up with `halfdoor doctor`",
            )

    @contextmanager
    def _changing(self, engine: Engine, *, closing: bool) -> Iterator[Change]:
        with (
            database_errors(engine.url.render_as_string()),
            _one_at_a_time(),
            engine.begin() as connection,
        ):
            marked = mark(connection)
            self._mark_ms = max(self._mark_ms, marked)
            change = Change(connection, self.now(), self._random, closing=closing)
            if change.now_ms - marked >= MARK_STEP_MS:
                set_mark(connection, change.now_ms)
            yield change
        self._mark_ms = max(self._mark_ms, change.now_ms)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two who did the same at the same time: the database let one of them, and the other looks again."""
    try:
        yield
    except IntegrityError as error:
        raise Refused(
            "changed-meanwhile",
            "somebody else did the same at the same time, or what this rests on is gone",
            remedy="nothing was stored; look again, and repeat it if it is still needed",
        ) from error


def milliseconds(time: dt.datetime) -> int:
    """A time as tables hold it: POSIX milliseconds."""
    return round(time.timestamp() * 1000)


def moment(at_ms: int) -> dt.datetime:
    """The time that a table holds."""
    return dt.datetime.fromtimestamp(at_ms / 1000, dt.UTC)


def _busy(message: str) -> LogUnavailable:
    return LogUnavailable("log-busy", message, remedy="nothing was stored; try again once the log goes on")
