"""Plans: started from a decision, and advanced when the conditions of the next stage are met.

How a plan is shown, halted and withdrawn stands in services/plan_view.py and services/halt.py.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.canonical import canonical_json, digest
from halfdoor.core.errors import InputError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.stages import (
    APPROVERS,
    SCHEMA,
    Ground,
    PlanDocument,
    StageSpec,
    includes,
    stages_of,
)
from halfdoor.core.log.events.base import COUNT_MAX
from halfdoor.core.log.events.openness import PlanStarted, StageAdvanced, StageApproved, UseObserved
from halfdoor.services.commit import milliseconds
from halfdoor.services.halt import Halted, halt, withdraw
from halfdoor.services.plan_view import Due, PlanView, due_of, listed, show
from halfdoor.services.plans import (
    Loaded,
    against_now,
    assessed_again,
    body_of,
    decision_now,
    former_plan,
    load,
    next_stage,
    question_and_outcome,
    why_closed,
)
from halfdoor.store import plans as rows
from halfdoor.store.models import put_document
from halfdoor.store.tasks import add_task

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from halfdoor.core.governance.actor import Actor
    from halfdoor.core.governance.decisions import Proposal
    from halfdoor.services.commit import Change, Commits

__all__ = [
    "ADVANCE",
    "Due",
    "Halted",
    "NotYet",
    "PlanView",
    "advance",
    "approve_stage",
    "enter",
    "halt",
    "listed",
    "observe",
    "show",
    "start",
    "withdraw",
]

ADVANCE = "advance"  # the kind of task; its subject is a Due
OBSERVERS = ("auditor", "overseer", "publisher")


class NotYet(Refused):
    """A stage may not be entered; `reasons` has every reason, each a sentence."""

    def __init__(self, stage: int, reasons: Sequence[str]) -> None:
        super().__init__(
            "not-yet",
            f"stage {stage} may not be entered: {' '.join(reasons)}",
            remedy="see `halfdoor stage show` for what is still asked for",
        )
        self.reasons = tuple(reasons)


def start(
    commits: Commits, actor: Actor, decision: str, *, stages: Sequence[StageSpec] | None = None
) -> PlanView:
    """Start a plan on a decision in force, and enter its first stage where that may be done at once.

    stages: None for the assessment's own, as far as the decision goes
    Whatever keeps the first stage from being entered stands in the answer.

    Raises Refused: `not-your-role`, `not-found`, `not-in-force`, `already-so` where the decision has a plan
    that is neither halted nor withdrawn, and what stages_of raises; VerificationError `damaged-document`.
    """
    actor.require("publisher")
    with commits.reading() as connection:
        made = _document(connection, decision, stages, commits.now())
    body = canonical_json(made)
    with commits.change() as change:
        connection = change.connection
        rows.lock_version(connection, made.version)
        _startable(connection, decision, change.now)
        if _document(connection, decision, stages, change.now) != made:
            raise _meanwhile("the version's plans")
        plan = change.new_id("pln")
        stored = put_document(connection, "plan", body, change.now_ms)
        entry = change.tell(
            PlanStarted,
            by=actor.person,
            plan=plan,
            version=made.version,
            decision=decision,
            document=stored,
            stages=len(made.stages),
        )
        row = rows.PlanRow(plan, made.version, decision, stored, change.now_ms, None, None, logged=False)
        rows.add_plan(connection, row, entry)
        change.announce("plan-started", made.version)
    with suppress(Refused):  # the reasons stand in what is shown
        enter(commits, actor.person, plan, None)
    return show(commits, plan)


def advance(
    commits: Commits, actor: Actor, plan: str, *, on: dt.datetime | None = None, stage: int | None = None
) -> PlanView:
    """Enter the next stage of a plan, or have it entered at a time, if its conditions are met then.

    on:    aware; None: now
    stage: the one that is meant, so that two who ask for the same do not take two steps; None: the next

    Raises NotYet `not-yet` with every reason; Refused `not-your-role`, `not-found`, `already-so`,
    `changed-meanwhile`, `no-such-stage`; InputError `bad-date`.
    """
    actor.require("publisher")
    if on is None:
        enter(commits, actor.person, plan, stage)
    else:
        _schedule(commits, actor, plan, on, stage)
    return show(commits, plan)


def enter(
    commits: Commits,
    person: str,
    plan: str,
    stage: int | None,
    *,
    also: Callable[[Change], None] | None = None,
) -> int:
    """Enter the next stage, in the name of a person; the stage. Roles were checked.

    also: done in the same transaction
    The answer to the question of the assessment is found before the transaction: it takes seconds.
    Raises as `advance`.
    """
    with commits.reading() as connection:
        loaded = load(connection, plan)
        number = _meant(connection, loaded, stage)
        configuration = loaded.document.stages[number - 1].configuration
        question = body_of(connection, loaded.document.question)
    today = commits.now().date()
    unfit = assessed_again(question, configuration, today)
    with commits.change() as change:
        connection = change.connection
        now = _locked(connection, plan)
        _meant(connection, now, number)
        if change.now.date() != today:
            raise _meanwhile("the day")
        reasons = [*against_now(connection, now, number, person, change.now), *unfit]
        if reasons:
            raise NotYet(number, reasons)
        entry = change.tell(
            StageAdvanced, by=person, plan=plan, stage=number, configuration=digest(configuration)
        )
        rows.add_stage(connection, plan, number, change.now_ms, entry)
        change.announce("stage-advanced", now.row.version)
        if also is not None:
            also(change)
    return number


def approve_stage(commits: Commits, actor: Actor, plan: str, stage: int, seen: str) -> PlanView:
    """Approve that the next stage be entered. seen: the digest of the plan that the approver looked at.

    Raises Refused: `not-your-role`, `not-found`, `changed-meanwhile` where the plan is another,
    `already-so`, `no-such-stage`, `not-yet`, `not-in-force`.
    """
    with commits.change() as change:
        connection = change.connection
        loaded = _locked(connection, plan)
        actor.require(*loaded.document.deciding)
        if seen != loaded.row.document:
            raise Refused(
                "changed-meanwhile",
                "what was looked at is not this plan",
                remedy=f"look at it again: its digest is {loaded.row.document}",
            )
        _meant(connection, loaded, stage)
        _in_force(connection, loaded.row.decision, change.now)
        if loaded.row.closed_ms is not None:
            raise Refused("already-so", "the plan was halted or withdrawn")
        if rows.has_approved(connection, plan, stage, actor.person):
            raise Refused("already-so", f"you approved of stage {stage} already")
        entry = change.tell(StageApproved, by=actor.person, plan=plan, stage=stage, seen=seen)
        rows.add_approval(connection, plan, stage, actor.person, seen, change.now_ms, entry)
    return show(commits, plan)


def observe(  # noqa: PLR0917  three counts, as monitors report them
    commits: Commits, actor: Actor, plan: str, uses: int, incidents: int, safeguards: int
) -> PlanView:
    """Report what a monitor counted since its last report: uses, incidents, safeguards that had to be added.

    Raises Refused `not-your-role`, `not-found`; InputError `bad-count`.
    """
    actor.require(*OBSERVERS)
    counts = (uses, incidents, safeguards)
    if not all(0 <= count <= COUNT_MAX for count in counts) or incidents > uses:
        raise InputError(
            "bad-count",
            "counts are whole numbers from 0, and no more incidents than uses",
            remedy="a use that ended in an incident counts as a use too",
        )
    with commits.change() as change:
        loaded = load(change.connection, plan)
        if not loaded.stage:
            raise Refused("not-yet", "no stage of the plan was entered, so nothing can have been observed")
        change.tell(
            UseObserved,
            by=actor.person,
            plan=plan,
            uses=uses,
            incidents=incidents,
            safeguards_added=safeguards,
        )
        rows.add_observation(change.connection, plan, change.now_ms, counts, actor.person)
    return show(commits, plan)


def _document(
    connection: Connection, decision: str, specs: Sequence[StageSpec] | None, now: dt.datetime
) -> PlanDocument:
    decided, proposal = _in_force(connection, decision, now)
    version = decided.version
    asked, question, outcome = question_and_outcome(connection, proposal.assessment, version)
    former = former_plan(connection, version)
    open_ = former.document.stages[former.stage - 1].cells if former else {}
    ground = Ground(
        policy=question.policy,
        assessment=outcome,
        decided=proposal.configuration,
        former={item: frozenset(groups) for item, groups in open_.items()},
    )
    deciding = [role.name for role in question.policy.role if role.decides]
    return PlanDocument(
        schema=SCHEMA,
        version=version,
        decision=decision,
        decision_document=decided.document,
        question=asked,
        policy=digest(question.policy),
        includes=includes(ground.groups()),
        deciding=deciding or list(APPROVERS),
        offload=question.policy.offload == "allowed",
        public=sorted(outcome.public),
        stages=stages_of(ground, specs),
    )


def _startable(connection: Connection, decision: str, now: dt.datetime) -> None:
    decided, _ = _in_force(connection, decision, now)
    for row in rows.plans(connection, decided.version):
        if row.closed_ms is None and row.decision == decision:
            raise Refused(
                "already-so",
                f"the decision has a plan already: {row.id}",
                remedy="advance it, or withdraw it before starting another",
            )


def _in_force(connection: Connection, decision: str, now: dt.datetime) -> tuple[rows.DecidedRow, Proposal]:
    decided, proposal = decision_now(connection, decision)
    why = why_closed(connection, decided, proposal, now.astimezone(dt.UTC).date())
    if why:
        raise Refused(
            "not-in-force", " ".join(why), remedy="have a decision adopted: halfdoor decide propose"
        )
    return decided, proposal


def _locked(connection: Connection, plan: str) -> Loaded:
    """A plan that nobody else changes until the transaction ends."""
    rows.lock_version(connection, load(connection, plan).row.version)
    return load(connection, plan)


def _meant(connection: Connection, loaded: Loaded, stage: int | None) -> int:
    """The next stage, which is the one that is meant."""
    following = next_stage(connection, loaded)
    wanted = following if stage is None else stage
    if wanted <= loaded.last:
        raise Refused("already-so", f"stage {wanted} was entered already")
    if not 1 <= wanted <= len(loaded.document.stages):
        raise Refused("no-such-stage", f"the plan has {len(loaded.document.stages)} stages, and no more")
    if wanted != following:
        raise Refused("not-yet", f"stage {following} comes before stage {wanted}")
    return wanted


def _schedule(commits: Commits, actor: Actor, plan: str, on: dt.datetime, stage: int | None) -> None:
    if on.tzinfo is None or on <= commits.now():
        raise InputError("bad-date", f"{on} is no time to come, with its zone", where="--on")
    with commits.change() as change:
        loaded = _locked(change.connection, plan)
        if loaded.row.closed_ms is not None:
            raise Refused("already-so", "the plan was halted or withdrawn")
        waiting = {one.stage for one in due_of(change.connection, plan)}
        wanted = stage or next_stage(change.connection, loaded)
        while stage is None and wanted in waiting:
            wanted += 1
        if wanted <= loaded.last or wanted in waiting:
            raise Refused("already-so", f"stage {wanted} was entered already, or has its date")
        if wanted > len(loaded.document.stages):
            raise Refused("no-such-stage", f"the plan has {len(loaded.document.stages)} stages, and no more")
        subject = Due(plan=plan, stage=wanted, by=actor.person, on=on.astimezone(dt.UTC))
        add_task(change.connection, ADVANCE, msgspec.json.encode(subject).decode(), milliseconds(subject.on))


def _meanwhile(what: str) -> Refused:
    return Refused("changed-meanwhile", f"{what} changed meanwhile", remedy="look again, and try again")
