"""Plans as people see them: where they stand, and what the next stage still asks for."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.governance.stages import PlannedStage
from halfdoor.services.commit import moment
from halfdoor.services.plans import (
    Loaded,
    against_now,
    assessed_again,
    body_of,
    load,
    next_stage,
    why_closed,
)
from halfdoor.store import plans as rows
from halfdoor.store.tasks import tasks

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from halfdoor.services.commit import Commits

State = Literal["waiting", "open", "complete", "lapsed", "halted", "withdrawn"]


class Due(msgspec.Struct, frozen=True):
    """A stage that is to be entered at a time, in the name of whoever asked for it."""

    plan: str
    stage: int
    by: str
    on: dt.datetime


class Next(msgspec.Struct, frozen=True):
    """The next stage. reasons: all that stands against it now; approved_by: who approves so far."""

    stage: int
    may: bool
    reasons: list[str]
    not_before: dt.date | None
    approvals: int
    approved_by: list[str]


class Done(msgspec.Struct, frozen=True):
    """What became of a date that came: in words."""

    stage: int
    on: dt.datetime
    outcome: str


class PlanView(msgspec.Struct, frozen=True):
    """A plan as it stands.

    stage: the one that is open, or was; 0: none yet
    state: waiting for its first stage; open; complete, being at its last; lapsed, its decision not being in
           force; halted; withdrawn. `why` says why nothing is open.
    seen:  the digest of the plan: what its approvers say they saw
    """

    id: str
    version: str
    decision: str
    seen: str
    stage: int
    state: State
    why: list[str]
    started_at: dt.datetime
    opened_at: dt.datetime | None
    stages: list[PlannedStage]
    next: Next | None
    due: list[Due]
    done: list[Done]


def show(commits: Commits, plan: str) -> PlanView:
    """A plan as it stands. Raises Refused `not-found`, VerificationError `damaged-document`."""
    now = commits.now()
    with commits.reading() as connection:
        loaded = load(connection, plan)
        question = body_of(connection, loaded.document.question)
        view = _view(connection, loaded, now)
    if view.next is None:
        return view
    configuration = loaded.document.stages[view.next.stage - 1].configuration
    reasons = [*view.next.reasons, *assessed_again(question, configuration, now.date())]
    following = msgspec.structs.replace(view.next, reasons=reasons, may=not reasons)
    return msgspec.structs.replace(view, next=following)


def listed(commits: Commits, version: str | None = None) -> list[PlanView]:
    """All plans, the newest first. What they ask for next is not assessed again here: see `show`."""
    now = commits.now()
    with commits.reading() as connection:
        return [_view(connection, load(connection, row.id), now) for row in rows.plans(connection, version)]


def due_of(connection: Connection, plan: str) -> list[Due]:
    """The dates that a plan's stages have, and that have not come."""
    found = (
        msgspec.json.decode(task.subject, type=Due) for task in tasks(connection, "advance", waiting=True)
    )
    return [one for one in found if one.plan == plan]


def _view(connection: Connection, loaded: Loaded, now: dt.datetime) -> PlanView:
    row, document = loaded.row, loaded.document
    why = why_closed(connection, loaded.decided, loaded.proposal, now.astimezone(dt.UTC).date())
    opened = [one.opened_ms for one in loaded.entered if one.logged]
    state = _state(loaded, lapsed=bool(why))
    return PlanView(
        id=row.id,
        version=row.version,
        decision=row.decision,
        seen=row.document,
        stage=loaded.stage,
        state=state,
        why=[f"The plan was {state}.", *why] if state in {"halted", "withdrawn"} else why,
        started_at=moment(row.started_ms),
        opened_at=moment(opened[-1]) if opened else None,
        stages=document.stages,
        next=_next(connection, loaded, now) if row.closed_ms is None else None,
        due=due_of(connection, row.id),
        done=_done(connection, row.id),
    )


def _next(connection: Connection, loaded: Loaded, now: dt.datetime) -> Next | None:
    number = next_stage(connection, loaded)
    if number > len(loaded.document.stages):
        return None
    stage = loaded.document.stages[number - 1]
    reasons = against_now(connection, loaded, number, "", now)
    document = loaded.document
    approved = rows.approvers(connection, loaded.row.id, number, loaded.row.document, document.deciding)
    return Next(number, not reasons, reasons, stage.not_before, stage.approvals, sorted(approved))


def _state(loaded: Loaded, *, lapsed: bool) -> State:
    row = loaded.row
    if row.halted_ms is not None:
        return "halted"
    if row.withdrawn_ms is not None:
        return "withdrawn"
    if lapsed:
        return "lapsed"
    if not loaded.stage:
        return "waiting"
    return "complete" if loaded.stage == len(loaded.document.stages) else "open"


def _done(connection: Connection, plan: str) -> list[Done]:
    found = [(msgspec.json.decode(task.subject, type=Due), task) for task in tasks(connection, "advance")]
    return [
        Done(one.stage, one.on, task.outcome)
        for one, task in found
        if one.plan == plan and task.outcome is not None
    ]
