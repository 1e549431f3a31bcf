"""What is to be done on a date: taken by one process at a time, done once, whatever restarts meanwhile."""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Final

import msgspec

from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.refusal import Refused
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.services.plan_view import Due
from halfdoor.services.stage import ADVANCE, enter
from halfdoor.store import plans as rows
from halfdoor.store import tasks as store
from halfdoor.store.engine import DatabaseFailed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from halfdoor.services.commit import Change, Commits

LEASE_MS = 10 * 60 * 1000  # assessing again takes seconds
JUMP_SECONDS = 60.0
_AGAIN = ("changed-meanwhile",)  # refusals that say nothing about the conditions


class ClockWatch:
    """Tells when the clock was put forward while this process ran, against a clock that nobody puts.

    A date that comes because somebody moved the clock has not come. The machine's being asleep looks the
    same from here; starting the process anew says that the clock is right.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._first: tuple[dt.datetime, float] | None = None

    def ahead_seconds(self, now: dt.datetime) -> float:
        """How much further the clock has gone than time has passed, since the first call."""
        passed = self._monotonic()
        if self._first is None:
            self._first = (now, passed)
        first, at = self._first
        return (now - first).total_seconds() - (passed - at)

    def why_not(self, now: dt.datetime) -> str:
        """Why dates that have come are not to be believed; empty where they are."""
        ahead = self.ahead_seconds(now)
        if ahead <= JUMP_SECONDS:
            return ""
        return (
            f"The clock was put forward by {ahead:,.0f} seconds while the server ran, so it is not clear "
            "that the date has come. Set the clock right and start the server again."
        )


class Outcome(msgspec.Struct, frozen=True):
    """What became of a task that was due. done: False where it is kept, to be tried again."""

    number: int
    done: bool
    words: str


class _Lost(Exception):  # noqa: N818  a state: somebody else took over
    """Somebody else took the task over; nothing was written."""


_watches: Final[weakref.WeakKeyDictionary[Commits, ClockWatch]] = weakref.WeakKeyDictionary()


def run_due(commits: Commits, holder: str, *, watch: ClockWatch | None = None) -> list[Outcome]:
    """Do what is due, as far as nobody else is at it; what became of each.

    holder: names this process among others
    watch:  by default one for all calls with the same `commits`
    Conditions are checked at that moment; a refusal is the outcome, in words, and the task is done with.
    Where the log or the database takes nothing, the task is kept. Raises DatabaseFailed.
    """
    watch = watch or _watches.setdefault(commits, ClockWatch())
    why_not = watch.why_not(commits.now())
    with commits.reading() as connection:
        due = store.due_tasks(connection, round(commits.now().timestamp() * 1000))
    if why_not:
        for task in due:
            _keep_with(commits, task, holder, why_not)
        return [Outcome(task.number, done=False, words=why_not) for task in due]
    found = (_taken(commits, task, holder) for task in due)
    return [one for one in found if one is not None]


def _taken(commits: Commits, task: store.TaskRow, holder: str) -> Outcome | None:
    """Do one task, unless somebody else is at it: then None."""
    if not _take(commits, task, holder):
        return None
    try:
        words = _advance(commits, task, holder)
    except _Lost:
        return None
    except (LogUnavailable, DatabaseFailed) as error:
        return _kept(commits, task, holder, error)
    except Refused as error:
        if error.code in _AGAIN:
            return _kept(commits, task, holder, error)
        words = f"Refused: {error.message}."
    except HalfdoorError as error:
        words = f"Not done: {error.message}."
    else:
        return Outcome(task.number, done=True, words=words)
    with commits.closing() as change:
        finished = store.finish_task(change.connection, task.number, holder, change.now_ms, words)
    return Outcome(task.number, done=True, words=words) if finished else _as_it_stands(commits, task)


def _take(commits: Commits, task: store.TaskRow, holder: str) -> bool:
    with commits.closing() as change:
        until = change.now_ms + LEASE_MS
        return store.take_task(change.connection, task.number, holder, change.now_ms, until)


def _advance(commits: Commits, task: store.TaskRow, holder: str) -> str:
    """Enter the stage, and say so, in one transaction: done both or neither, and once."""
    if task.kind != ADVANCE:
        raise Refused("unknown-task", f"nobody here knows how to do {task.kind!r}")
    due = msgspec.json.decode(task.subject, type=Due)
    with commits.reading() as connection:
        roles = rows.roles_of(connection, due.by)
    if "publisher" not in roles:
        raise Refused("not-your-role", "whoever set the date is no publisher any more")
    words = f"Stage {due.stage} was entered."

    def finish(change: Change) -> None:
        if not store.finish_task(change.connection, task.number, holder, change.now_ms, words):
            raise _Lost

    enter(commits, due.by, due.plan, due.stage, also=finish)
    return words


def _kept(commits: Commits, task: store.TaskRow, holder: str, error: HalfdoorError) -> Outcome:
    """Give the task back, to be tried again; unless it was done and only the log is late."""
    words = f"Not done yet: {error.message}."
    with commits.closing() as change:
        back = store.give_task_back(change.connection, task.number, holder, words)
    return Outcome(task.number, done=False, words=words) if back else _as_it_stands(commits, task)


def _keep_with(commits: Commits, task: store.TaskRow, holder: str, words: str) -> None:
    """Leave a word on why the task was not done."""
    if task.outcome != words and _take(commits, task, holder):
        with commits.closing() as change:
            store.give_task_back(change.connection, task.number, holder, words)


def _as_it_stands(commits: Commits, task: store.TaskRow) -> Outcome:
    with commits.reading() as connection:
        now = store.task_of(connection, task.number)
    return Outcome(task.number, done=now.done_ms is not None, words=now.outcome or "")
