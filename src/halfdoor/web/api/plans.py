"""Plans: started on a decision, advanced stage by stage, halted."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from halfdoor.core.governance.stages import STAGES_MAX, StageSpec
from halfdoor.core.log.events.base import Count, DecisionId, Digest, OrderId, Time, VersionId
from halfdoor.services import stage
from halfdoor.services.stage import Halted, PlanView
from halfdoor.web.api.operation import HOLDER, Asks, Call, Nothing, Operation, Table, holding

StageNumber = Annotated[int, Meta(ge=1, le=STAGES_MAX)]


class Plans(msgspec.Struct, frozen=True):
    """Plans, the newest first."""

    plans: list[PlanView]


class ListPlans(Asks, frozen=True):
    """version: only those of it."""

    version: VersionId | None = None


class Start(Asks, frozen=True):
    """stages: a rising chain within the decision; left out: the assessment's own."""

    decision: DecisionId
    stages: tuple[StageSpec, ...] | None = None


class Advance(Asks, frozen=True):
    """on: when, with its zone; left out: now. stage: which one is meant; left out: the next."""

    on: Time | None = None
    stage: StageNumber | None = None


class ApproveStage(Asks, frozen=True):
    """seen: digest of the plan that the approver read."""

    stage: StageNumber
    seen: Digest


class Observe(Asks, frozen=True):
    """What a monitor counted since its last report; safeguards: that had to be added."""

    uses: Count
    incidents: Count
    safeguards: Count = 0


class Halt(Asks, frozen=True):
    """order: the id of the order that asks for it."""

    order: OrderId | None = None


def _list(call: Call[ListPlans]) -> Plans:
    return Plans(stage.listed(call.commits, call.asks.version))


def _show(call: Call[Nothing]) -> PlanView:
    return stage.show(call.commits, call.path["plan"])


def _start(call: Call[Start]) -> PlanView:
    return stage.start(call.commits, call.person, call.asks.decision, stages=call.asks.stages)


def _advance(call: Call[Advance]) -> PlanView:
    asks = call.asks
    return stage.advance(call.commits, call.person, call.path["plan"], on=asks.on, stage=asks.stage)


def _approve(call: Call[ApproveStage]) -> PlanView:
    asks = call.asks
    return stage.approve_stage(call.commits, call.person, call.path["plan"], asks.stage, asks.seen)


def _observe(call: Call[Observe]) -> PlanView:
    asks = call.asks
    return stage.observe(
        call.commits, call.person, call.path["plan"], asks.uses, asks.incidents, asks.safeguards
    )


def _halt(call: Call[Halt]) -> Halted:
    return stage.halt(call.commits, call.person, call.path["plan"], order=call.asks.order)


def _withdraw(call: Call[Nothing]) -> Halted:
    return stage.withdraw(call.commits, call.person, call.path["plan"])


OPERATIONS: Table = (
    Operation(
        name="list_plans",
        method="GET",
        path="/plans",
        who=HOLDER,
        summary="All plans, the newest first.",
        asks=ListPlans,
        answers=Plans,
        handle=_list,
    ),
    Operation(
        name="start_plan",
        method="POST",
        path="/plans",
        who=holding("publisher"),
        summary="Start a plan on a decision in force; its first stage is entered where it may be at once.",
        asks=Start,
        answers=PlanView,
        handle=_start,
        status=201,
    ),
    Operation(
        name="show_plan",
        method="GET",
        path="/plans/{plan}",
        who=HOLDER,
        summary="A plan as it stands, and what its next stage still asks for.",
        asks=Nothing,
        answers=PlanView,
        handle=_show,
    ),
    Operation(
        name="advance_plan",
        method="POST",
        path="/plans/{plan}/advance",
        who=holding("publisher"),
        summary="Enter the next stage, now or at a time, if its conditions are met then.",
        asks=Advance,
        answers=PlanView,
        handle=_advance,
    ),
    Operation(
        name="approve_stage",
        method="POST",
        path="/plans/{plan}/approve",
        who=HOLDER,
        summary="Approve that the next stage be entered.",
        asks=ApproveStage,
        answers=PlanView,
        handle=_approve,
    ),
    Operation(
        name="observe_plan",
        method="POST",
        path="/plans/{plan}/observe",
        who=holding("auditor", "overseer", "publisher"),
        summary="Report what a monitor counted since its last report.",
        asks=Observe,
        answers=PlanView,
        handle=_observe,
    ),
    Operation(
        name="halt_plan",
        method="POST",
        path="/plans/{plan}/halt",
        who=holding("admin", "approver", "overseer", "publisher"),
        summary="Close the plan's version for everybody, at once; the answer says what that cannot undo.",
        asks=Halt,
        answers=Halted,
        handle=_halt,
    ),
    Operation(
        name="withdraw_plan",
        method="POST",
        path="/plans/{plan}/withdraw",
        who=holding("admin", "publisher"),
        summary="Give a plan up: nothing of it is open any more.",
        asks=Nothing,
        answers=Halted,
        handle=_withdraw,
    ),
)
