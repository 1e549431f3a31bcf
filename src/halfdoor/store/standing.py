"""How a version stands: asked by the gate for every request, so one query, and documents kept parsed.

What may change is read each time. Documents never change: they are kept by digest, and one whose bytes do
not have its digest is taken for damaged, which opens nothing.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import and_, bindparam, func, select

from halfdoor.core.canonical import sha256_bytes
from halfdoor.core.governance.decisions import Proposal, why_not_in_force
from halfdoor.core.governance.stages import PlanDocument, closed
from halfdoor.core.governance.standing import Cells, Standing, meet
from halfdoor.store.log import in_log
from halfdoor.store.plans import question_of
from halfdoor.store.tables.decisions import decision, plan, plan_stage
from halfdoor.store.tables.models import document, version

if TYPE_CHECKING:
    from sqlalchemy import BindParameter, Connection, Row

KEPT = 512  # pairs of plan and decision: as many versions as are asked for in turn
DAMAGED = "What was decided about this version is damaged: see `halfdoor doctor`."


class _Prepared(msgspec.Struct, frozen=True):
    """A decision and a plan made from it, read once. opened: by stage; `problem`: why they open nothing."""

    proposal: Proposal | None = None
    opened: tuple[Cells, ...] = ()
    offload: bool = False
    problem: str = ""


class _Kept:
    """The pairs that were read last, by the digests of both. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs: OrderedDict[tuple[str, ...], _Prepared] = OrderedDict()

    def get(self, key: tuple[str, ...]) -> _Prepared | None:
        with self._lock:
            if key in self._pairs:
                self._pairs.move_to_end(key)
            return self._pairs.get(key)

    def put(self, key: tuple[str, ...], pair: _Prepared) -> None:
        with self._lock:
            self._pairs[key] = pair
            while len(self._pairs) > KEPT:
                self._pairs.popitem(last=False)


_kept = _Kept()
_newest, _entered, _halted, _ever = plan.alias(), plan_stage.alias(), plan.alias(), plan.alias()
_VERSION: BindParameter[str] = bindparam("version")
_CURRENT = (
    select(func.max(_newest.c.entry))
    .where(_newest.c.version == _VERSION, in_log(_newest.c.entry))
    .scalar_subquery()
)
_QUERY = (
    select(
        version.c.id,
        version.c.label,
        version.c.repository,
        version.c.withdrawn_ms.label("version_withdrawn"),
        plan.c.id.label("plan"),
        plan.c.document.label("plan_document"),
        plan.c.halted_ms,
        plan.c.withdrawn_ms,
        decision.c.id.label("decision"),
        decision.c.document.label("decision_document"),
        decision.c.adopted_ms,
        in_log(decision.c.adopted_entry).label("adopted"),
        decision.c.ended_ms,
        decision.c.ended_cause,
        select(func.max(plan_stage.c.stage))
        .where(plan_stage.c.plan == plan.c.id, in_log(plan_stage.c.entry))
        .scalar_subquery()
        .label("stage"),
        select(func.max(_halted.c.halted_ms))
        .where(_halted.c.version == _VERSION)
        .scalar_subquery()
        .label("latest_halt"),
        select(func.count())
        .select_from(_ever)
        .join(_entered, _entered.c.plan == _ever.c.id)
        .where(_ever.c.version == _VERSION, in_log(_entered.c.entry))
        .scalar_subquery()
        .label("stages_ever"),
    )
    .select_from(version)
    .outerjoin(plan, and_(plan.c.version == version.c.id, plan.c.entry == _CURRENT))
    .outerjoin(decision, and_(decision.c.id == plan.c.decision, decision.c.version == version.c.id))
    .where(version.c.id == _VERSION, in_log(version.c.entry))
)


def standing_of(connection: Connection, version_id: str, now: dt.datetime) -> Standing | None:
    """How a version stands at `now`; None where there is none, or its registration is not in the log yet."""
    row = connection.execute(_QUERY, {"version": version_id}).first()
    if row is None:
        return None
    seen = row.stages_ever > 0
    named = {"version": row.id, "label": row.label, "repository": row.repository}
    if row.plan is None:
        withdrawn = row.version_withdrawn is not None
        why = "This version was withdrawn." if withdrawn else "No plan was started for this version."
        return Standing(**named, why=why, disabled=withdrawn, seen=seen)
    pair = _pair(connection, row)
    why = _why_closed(row, pair, now)
    if why or pair.problem:
        return Standing(**named, stage=row.stage, why=why or pair.problem, disabled=True, seen=seen)
    if row.stage is None:
        return Standing(**named, why="No stage was entered yet.", seen=seen)
    if row.stage > len(pair.opened):
        return Standing(**named, stage=row.stage, why=DAMAGED, disabled=True, seen=seen)
    opened = pair.opened[row.stage - 1]
    return Standing(
        **named,
        stage=row.stage,
        opened=opened,
        listed=frozenset(opened),
        offload=pair.offload,
        seen=seen,
    )


def _why_closed(row: Row[*tuple[Any, ...]], pair: _Prepared, now: dt.datetime) -> str:
    """What closes the version as a whole; empty where nothing does."""
    if row.version_withdrawn is not None:
        return "This version was withdrawn."
    if row.halted_ms is not None:
        return "The plan was halted."
    if row.withdrawn_ms is not None:
        return "The plan was withdrawn."
    if pair.proposal is None:
        return pair.problem
    adopted_ms = row.adopted_ms if row.adopted else None
    if row.latest_halt is not None and adopted_ms is not None and adopted_ms <= row.latest_halt:
        return "It was halted after this was decided."
    cause = row.ended_cause or ("ended" if row.ended_ms is not None else None)
    today = now.astimezone(dt.UTC).date()
    why = why_not_in_force(pair.proposal, adopted_ms=adopted_ms, ended_cause=cause, today=today)
    return " ".join(why)


def _pair(connection: Connection, row: Row[*tuple[Any, ...]]) -> _Prepared:
    key = (row.id, row.plan_document, row.decision or "", row.decision_document or "")
    found = _kept.get(key)
    if found is None:
        found = _prepared(connection, row)
        if not found.problem:  # what is damaged is looked at again: it may be restored
            _kept.put(key, found)
    return found


def _prepared(connection: Connection, row: Row[*tuple[Any, ...]]) -> _Prepared:
    try:
        proposal = msgspec.json.decode(intact(connection, row.decision_document), type=Proposal)
        planned = msgspec.json.decode(intact(connection, row.plan_document), type=PlanDocument)
        documents = question_of(connection, proposal.assessment, row.id)
        named = (planned.version, planned.decision, planned.decision_document, planned.question)
        if (
            documents is None
            or named != (row.id, row.decision, row.decision_document, documents[0])
            or (proposal.version, proposal.decision, proposal.question)
            != (row.id, row.decision, documents[0])
        ):
            return _Prepared(problem=DAMAGED)
        for one in documents:
            intact(connection, one)
    except (LookupError, msgspec.MsgspecError):
        return _Prepared(problem=DAMAGED)
    decided = closed(proposal.configuration, planned.includes)
    stages = [{item: frozenset(groups) for item, groups in s.cells.items()} for s in planned.stages]
    return _Prepared(
        proposal=proposal,
        opened=tuple(meet(stage, decided) for stage in stages),
        offload=planned.offload,
    )


def intact(connection: Connection, digest: str | None) -> bytes:
    """A document's bytes, which have its digest. Raises LookupError where there are none such."""
    query = select(document.c.body).where(document.c.digest == digest)
    body = connection.execute(query).scalar_one_or_none()
    data = (body or "").encode()
    if digest is None or sha256_bytes(data) != digest:
        raise LookupError(digest)
    return data
