"""What is to be done on a date: rows that one process at a time holds a lease on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import insert, or_, select, update

from halfdoor.store.tables.decisions import task

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection


class TaskRow(msgspec.Struct, frozen=True):
    """A task. Times are POSIX milliseconds. `subject`: JSON, as the kind has it; `outcome`: in words."""

    number: int
    kind: str
    subject: str
    due_ms: int
    holder: str | None
    lease_until_ms: int
    done_ms: int | None
    outcome: str | None


_TASK = select(
    task.c.number,
    task.c.kind,
    task.c.subject,
    task.c.due_ms,
    task.c.holder,
    task.c.lease_until_ms,
    task.c.done_ms,
    task.c.outcome,
)


def add_task(connection: Connection, kind: str, subject: str, due_ms: int) -> int:
    """Store a task; its number."""
    values = {"kind": kind, "subject": subject, "due_ms": due_ms, "lease_until_ms": 0}
    number = connection.execute(insert(task).values(values)).inserted_primary_key
    assert number is not None
    return int(number[0])


def tasks(connection: Connection, kind: str, *, waiting: bool = False) -> list[TaskRow]:
    """Tasks of a kind, by their date; only those that are not done where `waiting`."""
    query = _TASK.where(task.c.kind == kind).order_by(task.c.due_ms, task.c.number)
    if waiting:
        query = query.where(task.c.done_ms.is_(None))
    return [TaskRow(*row) for row in connection.execute(query)]


def task_of(connection: Connection, number: int) -> TaskRow:
    """A task by its number, which is one."""
    return TaskRow(*connection.execute(_TASK.where(task.c.number == number)).one())


def due_tasks(connection: Connection, now_ms: int) -> list[TaskRow]:
    """Tasks that are due, not done, and held by nobody at the moment; the oldest first."""
    query = _TASK.where(task.c.due_ms <= now_ms, *_free(now_ms)).order_by(task.c.due_ms, task.c.number)
    return [TaskRow(*row) for row in connection.execute(query)]


def take_task(connection: Connection, number: int, holder: str, now_ms: int, until_ms: int) -> bool:
    """Hold a task until then, unless somebody else holds it or it is done: then False."""
    mine = update(task).where(task.c.number == number, *_free(now_ms))
    return connection.execute(mine.values(holder=holder, lease_until_ms=until_ms)).rowcount == 1


def finish_task(connection: Connection, number: int, holder: str, now_ms: int, outcome: str) -> bool:
    """Say what became of a task that `holder` holds; False where somebody else took over, or it is done."""
    mine = _held(number, holder)
    done = {"done_ms": now_ms, "outcome": outcome, "holder": None, "lease_until_ms": 0}
    return connection.execute(update(task).where(*mine).values(done)).rowcount == 1


def give_task_back(connection: Connection, number: int, holder: str, outcome: str) -> bool:
    """Leave a task to whoever comes next, with a word on why it was not done."""
    back = {"holder": None, "lease_until_ms": 0, "outcome": outcome}
    return connection.execute(update(task).where(*_held(number, holder)).values(back)).rowcount == 1


def _free(now_ms: int) -> tuple[ColumnElement[bool], ...]:
    return task.c.done_ms.is_(None), or_(task.c.holder.is_(None), task.c.lease_until_ms <= now_ms)


def _held(number: int, holder: str) -> tuple[ColumnElement[bool], ...]:
    return task.c.number == number, task.c.holder == holder, task.c.done_ms.is_(None)
