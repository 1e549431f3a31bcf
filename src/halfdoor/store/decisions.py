"""Decisions: the assessments they rest on, who approved, who objected, when they began and ended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import and_, insert, select, update

from halfdoor.store.log import in_log
from halfdoor.store.tables.decisions import adopted_policy, approval, assessment, decision, objection
from halfdoor.store.tables.models import version
from halfdoor.store.tables.people import role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection


class DecisionRow(msgspec.Struct, frozen=True):
    """A decision. Times are POSIX milliseconds.

    document: digest of what people approve
    adopted:  its adoption stands in the log
    """

    id: str
    version: str
    document: str
    proposer: str
    proposed_ms: int
    adopted_ms: int | None
    adopted_entry: int | None
    adopted: bool
    ended_ms: int | None
    ended_cause: str | None


class ApprovalRow(msgspec.Struct, frozen=True):
    """One approval. roles: those that it counts in, held then; `logged`: it stands in the log."""

    person: str
    organisation: str | None
    roles: tuple[str, ...]
    seen: str
    signature: str | None
    at_ms: int
    logged: bool


class AdoptedPolicyRow(msgspec.Struct, frozen=True):
    """A policy and a risk model (digests of documents) under which decisions are taken here."""

    policy: str
    risk_model: str
    adopted_by: str
    at_ms: int


class ObjectionRow(msgspec.Struct, frozen=True):
    """One objection."""

    number: int
    person: str
    seen: str
    reason: str
    at_ms: int


class AssessmentRow(msgspec.Struct, frozen=True):
    """An assessment: digests of the question and of its outcome, both documents."""

    question: str
    outcome: str


_COLUMNS = (
    decision.c.id,
    decision.c.version,
    decision.c.document,
    decision.c.proposer,
    decision.c.proposed_ms,
    decision.c.adopted_ms,
    decision.c.adopted_entry,
    in_log(decision.c.adopted_entry).label("adopted"),
    decision.c.ended_ms,
    decision.c.ended_cause,
)


def decision_of(connection: Connection, id_: str) -> DecisionRow | None:
    """The decision with that id; None where there is none, or the log does not have its proposal yet."""
    query = select(*_COLUMNS).where(decision.c.id == id_, in_log(decision.c.entry))
    row = connection.execute(query).first()
    return None if row is None else DecisionRow(*row)


def decisions(connection: Connection, of_version: str | None = None) -> list[DecisionRow]:
    """All that stand in the log, or those about one version; the newest first."""
    query = select(*_COLUMNS).where(in_log(decision.c.entry))
    if of_version is not None:
        query = query.where(decision.c.version == of_version)
    query = query.order_by(decision.c.proposed_ms.desc(), decision.c.entry.desc())
    return [DecisionRow(*row) for row in connection.execute(query)]


def not_ended(connection: Connection) -> list[DecisionRow]:
    """What was proposed or adopted and has not ended, the oldest first."""
    query = select(*_COLUMNS).where(decision.c.ended_ms.is_(None), in_log(decision.c.entry))
    ordered = query.order_by(decision.c.proposed_ms, decision.c.entry)
    return [DecisionRow(*row) for row in connection.execute(ordered)]


def adopted_last(connection: Connection, but: str) -> DecisionRow | None:
    """The decision, other than `but`, that was adopted last, whatever became of it; None: there is none."""
    query = select(*_COLUMNS).where(decision.c.id != but, in_log(decision.c.adopted_entry))
    row = connection.execute(query.order_by(decision.c.adopted_ms.desc()).limit(1)).first()
    return None if row is None else DecisionRow(*row)


def policy_adopted(connection: Connection) -> AdoptedPolicyRow | None:
    """The policy that was adopted here last, as the log has it; None: none ever was."""
    columns = [adopted_policy.c[name] for name in AdoptedPolicyRow.__struct_fields__]
    query = select(*columns).where(in_log(adopted_policy.c.entry)).order_by(adopted_policy.c.number.desc())
    row = connection.execute(query.limit(1)).first()
    return None if row is None else AdoptedPolicyRow(*row)


def adopt_policy(connection: Connection, row: AdoptedPolicyRow, entry: int) -> None:
    """From now on decisions are taken under this policy."""
    connection.execute(insert(adopted_policy).values(**msgspec.structs.asdict(row), entry=entry))


def lock_version(connection: Connection, id_: str) -> None:
    """Wait until nobody else decides about this version, until the transaction ends."""
    connection.execute(select(version.c.id).where(version.c.id == id_).with_for_update()).first()


def lock(connection: Connection, id_: str) -> DecisionRow | None:
    """The decision, which nobody else changes until the transaction ends; None as decision_of."""
    connection.execute(select(decision.c.id).where(decision.c.id == id_).with_for_update()).first()
    return decision_of(connection, id_)


def add_assessment(  # noqa: PLR0917  one row
    connection: Connection, id_: str, of_version: str, question: str, outcome: str, at_ms: int, entry: int
) -> None:
    """Store an assessment of a version; question and outcome are digests of stored documents."""
    row = {"id": id_, "version": of_version, "question": question, "outcome": outcome}
    connection.execute(insert(assessment).values(**row, recorded_ms=at_ms, entry=entry))


def assessment_of(connection: Connection, id_: str, of_version: str) -> AssessmentRow | None:
    """The assessment with that id, of that version, whether the log has it yet or not."""
    query = select(assessment.c.question, assessment.c.outcome)
    row = connection.execute(query.where(assessment.c.id == id_, assessment.c.version == of_version)).first()
    return None if row is None else AssessmentRow(*row)


def add_decision(  # noqa: PLR0917  one row
    connection: Connection, id_: str, of_version: str, document: str, proposer: str, at_ms: int, entry: int
) -> None:
    """Store what was proposed."""
    row = {"id": id_, "version": of_version, "document": document, "proposer": proposer}
    connection.execute(insert(decision).values(**row, proposed_ms=at_ms, entry=entry))


def add_approval(connection: Connection, id_: str, row: ApprovalRow, entry: int) -> None:
    """Store an approval of a decision; `logged` is not stored."""
    values = msgspec.structs.asdict(row)
    del values["logged"]
    values["roles"] = json.dumps(row.roles)
    connection.execute(insert(approval).values(decision=id_, **values, entry=entry))


def approvals(connection: Connection, id_: str) -> list[ApprovalRow]:
    """All approvals of a decision, in their order; those too that the log does not have yet."""
    query = (
        select(
            approval.c.person,
            approval.c.organisation,
            approval.c.roles,
            approval.c.seen,
            approval.c.signature,
            approval.c.at_ms,
            in_log(approval.c.entry),
        )
        .where(approval.c.decision == id_)
        .order_by(approval.c.at_ms, approval.c.entry)
    )
    return [
        ApprovalRow(person, organisation, tuple(json.loads(roles)), *rest)
        for person, organisation, roles, *rest in connection.execute(query)
    ]


def add_objection(connection: Connection, id_: str, row: ObjectionRow, entry: int) -> None:
    """Store an objection; its number is given by the table."""
    values = msgspec.structs.asdict(row)
    del values["number"]
    connection.execute(insert(objection).values(decision=id_, **values, entry=entry))


def objections(connection: Connection, id_: str) -> list[ObjectionRow]:
    """All objections to a decision that stand in the log, in their order."""
    query = (
        select(
            objection.c.number, objection.c.person, objection.c.seen, objection.c.reason, objection.c.at_ms
        )
        .where(objection.c.decision == id_, in_log(objection.c.entry))
        .order_by(objection.c.number)
    )
    return [ObjectionRow(*row) for row in connection.execute(query)]


def set_adopted(connection: Connection, id_: str, at_ms: int, entry: int) -> bool:
    """The quorum is met; False where it was adopted or ended before."""
    undecided = and_(decision.c.id == id_, decision.c.adopted_ms.is_(None), decision.c.ended_ms.is_(None))
    changed = update(decision).where(undecided).values(adopted_ms=at_ms, adopted_entry=entry)
    return connection.execute(changed).rowcount == 1


def set_ended(connection: Connection, id_: str, at_ms: int, cause: str) -> bool:
    """The decision is over; False where it was before."""
    standing = and_(decision.c.id == id_, decision.c.ended_ms.is_(None))
    changed = update(decision).where(standing).values(ended_ms=at_ms, ended_cause=cause)
    return connection.execute(changed).rowcount == 1


def others_adopted(connection: Connection, of_version: str, but: str) -> list[str]:
    """Decisions about the version, other than `but`, that were adopted and have not ended."""
    query = select(decision.c.id).where(
        decision.c.version == of_version,
        decision.c.id != but,
        decision.c.adopted_ms.is_not(None),
        decision.c.ended_ms.is_(None),
    )
    return list(connection.execute(query.order_by(decision.c.adopted_ms)).scalars())


def roles_now(connection: Connection, people: Iterable[str]) -> dict[str, frozenset[str]]:
    """Person -> the roles that they hold now, by the log. Who has left holds none."""
    query = select(role.c.person, role.c.role).where(
        role.c.person.in_(sorted(set(people))), in_log(role.c.entry)
    )
    found: dict[str, set[str]] = {}
    for person, name in connection.execute(query):
        found.setdefault(person, set()).add(name)
    return {person: frozenset(names) for person, names in found.items()}
