"""What is known of a plan, gathered from the tables for those who decide on it."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.assessment import Assessment
from halfdoor.core.errors import VerificationError
from halfdoor.core.governance.decisions import Proposal, why_not_in_force
from halfdoor.core.governance.entering import Seen, why_not_enter, why_not_permitted
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.stages import PlanDocument, PlannedStage, begins_at
from halfdoor.core.question import Question
from halfdoor.services.commit import moment
from halfdoor.store import plans as rows
from halfdoor.store.standing import intact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

_ASSESSED_KEPT = 32


class Loaded(msgspec.Struct, frozen=True):
    """A plan with its document, its decision, and the stages that were entered."""

    row: rows.PlanRow
    document: PlanDocument
    decided: rows.DecidedRow
    proposal: Proposal
    entered: list[rows.EnteredRow]

    @property
    def stage(self) -> int:
        """The stage that is open or was; 0: none stands in the log."""
        return max((one.stage for one in self.entered if one.logged), default=0)

    @property
    def last(self) -> int:
        """The stage that was entered last, in the log or on its way there."""
        return self.entered[-1].stage if self.entered else 0


def load(connection: Connection, plan: str) -> Loaded:
    """A plan by its id. Raises Refused `not-found`, VerificationError `damaged-document`."""
    row = rows.plan_of(connection, plan)
    if row is None:
        raise Refused("not-found", f"there is no plan {plan}", remedy="see `halfdoor stage show`")
    decided, proposal = decision_now(connection, row.decision)
    document = msgspec.json.decode(body_of(connection, row.document), type=PlanDocument)
    return Loaded(row, document, decided, proposal, rows.entered(connection, plan))


def decision_now(connection: Connection, decision: str) -> tuple[rows.DecidedRow, Proposal]:
    """A decision's row and document. Raises Refused `not-found`, VerificationError `damaged-document`."""
    row = rows.decided(connection, decision)
    if row is None:
        raise Refused("not-found", f"there is no decision {decision}", remedy="see `halfdoor decide show`")
    return row, msgspec.json.decode(body_of(connection, row.document), type=Proposal)


def body_of(connection: Connection, digest: str) -> bytes:
    """A document's bytes. Raises VerificationError `damaged-document` where they do not have the digest."""
    try:
        return intact(connection, digest)
    except LookupError as error:
        raise VerificationError(
            "damaged-document",
            f"the document {digest} is gone or was changed",
            remedy="see `halfdoor doctor`",
        ) from error


def why_closed(
    connection: Connection, decided: rows.DecidedRow, proposal: Proposal, today: dt.date
) -> list[str]:
    """Why nothing may be opened on this decision, as sentences; empty where something may."""
    cause = decided.ended_cause or ("ended" if decided.ended_ms is not None else None)
    why = why_not_in_force(proposal, adopted_ms=decided.adopted_ms, ended_cause=cause, today=today)
    if decided.version_withdrawn_ms is not None:
        why.append("This version was withdrawn.")
    halted = rows.latest_halt(connection, decided.version)
    if halted is not None and decided.adopted_ms is not None and decided.adopted_ms <= halted:
        why.append("The version was halted after this was decided: it takes a decision adopted since.")
    return why


def former_plan(connection: Connection, version: str, before: str | None = None) -> Loaded | None:
    """The version's latest plan that entered a stage, `before` and what came after it left out."""
    listed = [row.id for row in rows.plans(connection, version)]
    older = listed[listed.index(before) + 1 :] if before in listed else listed
    for one in older:
        found = load(connection, one)
        if found.stage:
            return found
    return None


def next_stage(connection: Connection, loaded: Loaded) -> int:
    """The stage to enter next: at first 1, or the one that has just what is open now."""
    if loaded.last:
        return loaded.last + 1
    former = former_plan(connection, loaded.row.version, loaded.row.id)
    if former is None or former.row.closed_ms is not None or former.decided.ended_cause != "replaced":
        return 1
    return begins_at(loaded.document.stages, former.document.stages[former.stage - 1].cells) or 1


def against_now(
    connection: Connection, loaded: Loaded, number: int, actor: str, now: dt.datetime
) -> list[str]:
    """All that the tables have against entering this stage, which is the next one, now."""
    closed = why_closed(connection, loaded.decided, loaded.proposal, now.astimezone(dt.UTC).date())
    if loaded.row.halted_ms is not None:
        closed.append("The plan was halted.")
    if loaded.row.withdrawn_ms is not None:
        closed.append("The plan was withdrawn.")
    if not loaded.row.logged:
        closed.append("That the plan was started does not stand in the log yet.")
    newest = next((r.id for r in rows.plans(connection, loaded.row.version) if r.logged), None)
    if loaded.row.logged and newest != loaded.row.id:
        closed.append("A newer plan took the place of this one.")
    if loaded.last != loaded.stage:
        closed.append(f"That stage {loaded.last} was entered does not stand in the log yet.")
    stage = loaded.document.stages[number - 1]
    if not loaded.last and number > 1:
        return closed  # it has just what is open already
    return why_not_enter(stage, _seen(connection, loaded, stage, tuple(closed)), actor, now)


def _seen(connection: Connection, loaded: Loaded, stage: PlannedStage, closed: tuple[str, ...]) -> Seen:
    until, of = None, loaded if loaded.last else None
    if of is None:
        of = former_plan(connection, loaded.row.version, loaded.row.id)
        until = _ended(of) if of else None
    opened = max((one.opened_ms for one in of.entered if one.logged), default=None) if of else None
    uses, incidents = rows.observed(connection, of.row.id, opened) if of and opened is not None else (0, 0)
    safeguard = rows.latest_safeguard(connection, loaded.row.version)
    return Seen(
        closed=closed,
        opened_at=None if opened is None else moment(opened),
        until=until,
        uses=uses,
        incidents=incidents,
        safeguard_at=None if safeguard is None else moment(safeguard),
        approved_by=rows.approvers(
            connection, loaded.row.id, stage.number, loaded.row.document, loaded.document.deciding
        ),
    )


def _ended(former: Loaded) -> dt.datetime | None:
    """When the former plan stopped being open, as far as that is known."""
    proposal = former.proposal
    due = (row.due + dt.timedelta(days=1) for row in proposal.ledger if row.due is not None)
    days = (proposal.review, proposal.evidence_until, *due)
    times = [dt.datetime.combine(day, dt.time(), dt.UTC) for day in days if day is not None]
    closed = (former.row.closed_ms, former.decided.ended_ms)
    return min([*times, *(moment(at) for at in closed if at is not None)], default=None)


def question_and_outcome(
    connection: Connection, assessment: str, version: str
) -> tuple[str, Question, Assessment]:
    """What a decision's assessment was asked and answered; the question's digest first.

    Raises VerificationError `damaged-document`.
    """
    found = rows.question_of(connection, assessment, version)
    if found is None:
        raise VerificationError(
            "damaged-document", "the decision's assessment is not recorded", remedy="see `halfdoor doctor`"
        )
    question, outcome = found
    return (
        question,
        msgspec.json.decode(body_of(connection, question), type=Question),
        msgspec.json.decode(body_of(connection, outcome), type=Assessment),
    )


def assessed_again(body: bytes, configuration: dict[str, list[str]], today: dt.date) -> list[str]:
    """What stands against a configuration, the question being asked again as of today. Takes seconds."""
    return list(_assessed_again(body, tuple((i, tuple(g)) for i, g in configuration.items()), today))


@lru_cache(maxsize=_ASSESSED_KEPT)  # the same question has the same answer
def _assessed_again(
    body: bytes, configuration: Iterable[tuple[str, tuple[str, ...]]], today: dt.date
) -> tuple[str, ...]:
    question = msgspec.json.decode(body, type=Question)
    return tuple(why_not_permitted(question, dict(configuration), today))
