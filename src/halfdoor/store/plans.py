"""Plans, the stages that were entered, who approved of them, and what was observed meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import func, insert, select, update

from halfdoor.store.log import in_log
from halfdoor.store.tables.access import access_grant, delivery
from halfdoor.store.tables.decisions import (
    assessment,
    decision,
    observation,
    plan,
    plan_stage,
    stage_approval,
)
from halfdoor.store.tables.models import version, version_file
from halfdoor.store.tables.people import person, role

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy import Connection, Select


class PlanRow(msgspec.Struct, frozen=True):
    """A plan. `logged`: that it was started stands in the log. `document`: digest of its stages."""

    id: str
    version: str
    decision: str
    document: str
    started_ms: int
    halted_ms: int | None
    withdrawn_ms: int | None
    logged: bool

    @property
    def closed_ms(self) -> int | None:
        """When it was halted or withdrawn, whatever came first; None while it was not."""
        return min((at for at in (self.halted_ms, self.withdrawn_ms) if at is not None), default=None)


class DecidedRow(msgspec.Struct, frozen=True):
    """What stands about a decision, its version and the question behind it.

    adopted_ms: None where it was not adopted, or where its adoption does not stand in the log
    question, outcome: digests, of the assessment that the decision names
    """

    id: str
    version: str
    document: str
    adopted_ms: int | None
    ended_ms: int | None
    ended_cause: str | None
    version_withdrawn_ms: int | None


class EnteredRow(msgspec.Struct, frozen=True):
    """A stage that was entered; it is open once `logged`."""

    stage: int
    opened_ms: int
    logged: bool


class Gone(msgspec.Struct, frozen=True):
    """What was delivered of one file, or is on its way.

    holders: the people whose grants it was delivered under; `anonymous`: deliveries to nobody known
    running: transfers that another server sends, which nothing can cut
    """

    items: tuple[str, ...]
    deliveries: int
    anonymous: int
    running: int
    holders: frozenset[str]


_PLAN = select(
    plan.c.id,
    plan.c.version,
    plan.c.decision,
    plan.c.document,
    plan.c.started_ms,
    plan.c.halted_ms,
    plan.c.withdrawn_ms,
    in_log(plan.c.entry).label("logged"),
)


def plan_of(connection: Connection, id_: str) -> PlanRow | None:
    """A plan by its id."""
    return _plan(connection, _PLAN.where(plan.c.id == id_))


def plans(connection: Connection, of_version: str | None = None) -> list[PlanRow]:
    """All plans, the newest first; of one version where it is named."""
    query = _PLAN.order_by(plan.c.entry.desc())
    if of_version is not None:
        query = query.where(plan.c.version == of_version)
    return [PlanRow(*row) for row in connection.execute(query)]


def _plan(connection: Connection, query: Select[*tuple[Any, ...]]) -> PlanRow | None:
    row = connection.execute(query).first()
    return None if row is None else PlanRow(*row)


def lock_version(connection: Connection, id_: str) -> bool:
    """Until the transaction ends, nobody else changes the plans of this version. False: there is none.

    Rows that only refer to the version (deliveries, grants) are written beside it, and hold up no halt.
    """
    query = select(version.c.id).where(version.c.id == id_).with_for_update(key_share=True)
    return connection.execute(query).first() is not None


def decided(connection: Connection, id_: str) -> DecidedRow | None:
    """A decision by its id."""
    query = (
        select(
            decision.c.id,
            decision.c.version,
            decision.c.document,
            decision.c.adopted_ms,
            decision.c.ended_ms,
            decision.c.ended_cause,
            version.c.withdrawn_ms,
            in_log(decision.c.adopted_entry).label("logged"),
        )
        .join(version, version.c.id == decision.c.version)
        .where(decision.c.id == id_)
    )
    row = connection.execute(query).first()
    if row is None:
        return None
    *values, logged = row
    found = DecidedRow(*values)
    return found if logged else msgspec.structs.replace(found, adopted_ms=None)


def question_of(connection: Connection, assessment_id: str, of_version: str) -> tuple[str, str] | None:
    """Digests of question and outcome of an assessment that was recorded for a version."""
    query = select(assessment.c.question, assessment.c.outcome).where(
        assessment.c.id == assessment_id, assessment.c.version == of_version
    )
    row = connection.execute(query).first()
    return None if row is None else (row.question, row.outcome)


def newest_adoption(connection: Connection, of_version: str) -> int:
    """When the version's latest decision was adopted, POSIX milliseconds; 0 where none was."""
    query = select(func.max(decision.c.adopted_ms)).where(decision.c.version == of_version)
    return int(connection.execute(query).scalar_one() or 0)


def latest_halt(connection: Connection, of_version: str) -> int | None:
    """When a plan of the version was halted last."""
    query = select(func.max(plan.c.halted_ms)).where(plan.c.version == of_version)
    found: int | None = connection.execute(query).scalar_one()
    return found


def add_plan(connection: Connection, row: PlanRow, entry: int) -> None:
    """Store a plan; it counts once its entry stands in the log."""
    values = {
        "id": row.id,
        "version": row.version,
        "decision": row.decision,
        "document": row.document,
        "started_ms": row.started_ms,
        "entry": entry,
    }
    connection.execute(insert(plan).values(values))


def halt_plans(connection: Connection, of_version: str, named: str, at_ms: int) -> list[str]:
    """Halt all plans of a version that are neither halted nor withdrawn, and the named one; their ids."""
    live = (plan.c.id == named) | plan.c.withdrawn_ms.is_(None)
    query = select(plan.c.id).where(plan.c.version == of_version, plan.c.halted_ms.is_(None), live)
    ids = list(connection.execute(query.order_by(plan.c.entry)).scalars())
    connection.execute(update(plan).where(plan.c.id.in_(ids)).values(halted_ms=at_ms))
    return ids


def withdraw_plan(connection: Connection, id_: str, at_ms: int) -> bool:
    """Withdraw a plan; False where it was halted or withdrawn already."""
    live = (plan.c.halted_ms.is_(None), plan.c.withdrawn_ms.is_(None))
    values = {"withdrawn_ms": at_ms}
    return connection.execute(update(plan).where(plan.c.id == id_, *live).values(values)).rowcount == 1


def entered(connection: Connection, of_plan: str) -> list[EnteredRow]:
    """The stages of a plan that were entered, in order."""
    query = (
        select(plan_stage.c.stage, plan_stage.c.opened_ms, in_log(plan_stage.c.entry))
        .where(plan_stage.c.plan == of_plan)
        .order_by(plan_stage.c.stage)
    )
    return [EnteredRow(*row) for row in connection.execute(query)]


def add_stage(connection: Connection, of_plan: str, stage: int, at_ms: int, entry: int) -> None:
    """Enter a stage; it opens once its entry stands in the log."""
    values = {"plan": of_plan, "stage": stage, "opened_ms": at_ms, "entry": entry}
    connection.execute(insert(plan_stage).values(values))


def add_approval(  # noqa: PLR0917  one row
    connection: Connection, of_plan: str, stage: int, by: str, seen: str, at_ms: int, entry: int
) -> None:
    """Store that somebody approves of a stage."""
    values = {"plan": of_plan, "stage": stage, "person": by, "seen": seen, "at_ms": at_ms, "entry": entry}
    connection.execute(insert(stage_approval).values(values))


def has_approved(connection: Connection, of_plan: str, stage: int, by: str) -> bool:
    """Whether somebody approved of the stage already."""
    query = select(stage_approval.c.person).where(
        stage_approval.c.plan == of_plan, stage_approval.c.stage == stage, stage_approval.c.person == by
    )
    return connection.execute(query).first() is not None


def approvers(
    connection: Connection, of_plan: str, stage: int, seen: str, deciding: Collection[str]
) -> frozenset[str]:
    """Who approved of the stage, of exactly this document, and still holds a deciding role."""
    query = (
        select(stage_approval.c.person)
        .join(person, person.c.id == stage_approval.c.person)
        .join(role, role.c.person == stage_approval.c.person)
        .where(
            stage_approval.c.plan == of_plan,
            stage_approval.c.stage == stage,
            stage_approval.c.seen == seen,
            role.c.role.in_(list(deciding)),
            person.c.left_ms.is_(None),
            in_log(stage_approval.c.entry),
            in_log(role.c.entry),
        )
    )
    return frozenset(connection.execute(query).scalars())


def roles_of(connection: Connection, of_person: str) -> frozenset[str]:
    """The roles that somebody holds at the moment."""
    query = (
        select(role.c.role)
        .join(person, person.c.id == role.c.person)
        .where(role.c.person == of_person, person.c.left_ms.is_(None), in_log(role.c.entry))
    )
    return frozenset(connection.execute(query).scalars())


def add_observation(connection: Connection, of_plan: str, at_ms: int, counts: Sequence[int], by: str) -> None:
    """Store what a monitor counted: uses, incidents, safeguards added."""
    uses, incidents, safeguards = counts
    values = {
        "plan": of_plan,
        "at_ms": at_ms,
        "use_count": uses,
        "incident_count": incidents,
        "safeguard_count": safeguards,
        "reported_by": by,
    }
    connection.execute(insert(observation).values(values))


def observed(connection: Connection, of_plan: str, since_ms: int) -> tuple[int, int]:
    """Uses and incidents that were reported of a plan after a time."""
    sums = func.sum(observation.c.use_count), func.sum(observation.c.incident_count)
    query = select(*sums).where(observation.c.plan == of_plan, observation.c.at_ms > since_ms)
    uses, incidents = connection.execute(query).one()
    return int(uses or 0), int(incidents or 0)


def latest_safeguard(connection: Connection, of_version: str) -> int | None:
    """When it was last reported that a safeguard had to be added, under any plan of the version."""
    query = (
        select(func.max(observation.c.at_ms))
        .join(plan, plan.c.id == observation.c.plan)
        .where(plan.c.version == of_version, observation.c.safeguard_count > 0)
    )
    found: int | None = connection.execute(query).scalar_one()
    return found


def gone(connection: Connection, of_version: str) -> list[Gone]:
    """What left the house of a version, file by file."""
    under_way = (delivery.c.offloaded) & (delivery.c.ended_ms.is_(None))
    query = (
        select(
            version_file.c["items"],
            access_grant.c.person,
            func.count(delivery.c.id),
            func.count(delivery.c.id).filter(under_way),
        )
        .select_from(delivery)
        .join(
            version_file,
            (version_file.c.version == delivery.c.version) & (version_file.c.path == delivery.c.path),
        )
        .outerjoin(access_grant, access_grant.c.id == delivery.c.access_grant)
        .where(delivery.c.version == of_version)
        .group_by(version_file.c.path, version_file.c["items"], access_grant.c.person)
    )
    return [
        Gone(
            items=tuple(msgspec.json.decode(items, type=list[str])),
            deliveries=count,
            anonymous=0 if holder else count,
            running=running,
            holders=frozenset([holder] if holder else []),
        )
        for items, holder, count, running in connection.execute(query)
    ]
