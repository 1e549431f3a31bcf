"""Applications, what was done with them, and the rules that administrators set for groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, func, insert, select, update

from halfdoor.core.governance.applications import OPEN, Act, Done, State
from halfdoor.core.governance.limits import Limits
from halfdoor.core.governance.statistics import Case
from halfdoor.store.log import in_log
from halfdoor.store.tables.access import access_rule, application, application_act
from halfdoor.store.tables.decisions import decision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Connection

_FIELDS = msgspec.json.Decoder(dict[str, str])
LISTED_MAX = 500


class ApplicationRow(msgspec.Struct, frozen=True):
    """An application. Times are POSIX milliseconds.

    fields:       what the applicant states, personal
    terms:        digest of the terms that were agreed to on the last submission
    renews:       the grant that it would prolong
    submitted_ms: first submitted
    until_ms:     undecided until then, it expires
    """

    id: str
    person: str
    version: str
    group: str
    state: State
    fields: dict[str, str]
    terms: str | None
    renews: str | None
    created_ms: int
    submitted_ms: int | None = None
    decided_ms: int | None = None
    until_ms: int | None = None


class ActRow(msgspec.Struct, frozen=True):
    """One thing that was done. `reason` is personal."""

    act: Act
    person: str | None
    reason: str
    at_ms: int


class RuleRow(msgspec.Struct, frozen=True):
    """How applications as a group are handled here, within what the policy says.

    responsible: who answers for automatic approvals; None: there are none
    terms:       digest of what applicants agree to
    """

    group: str
    responsible: str | None = None
    terms: str | None = None
    limits: Limits = Limits()


class DecisionRow(msgspec.Struct, frozen=True):
    """An adopted decision, and what ended it, where something did. `document`: digest of its proposal."""

    id: str
    document: str
    adopted_ms: int
    ended_cause: str | None


def add_application(connection: Connection, row: ApplicationRow) -> None:
    """Store a new one."""
    connection.execute(insert(application).values(_values(row)))


def set_application(connection: Connection, row: ApplicationRow) -> None:
    """Store how it is now."""
    values = _values(row)
    connection.execute(update(application).where(application.c.id == values.pop("id")).values(values))


def application_of(connection: Connection, id_: str, *, lock: bool = False) -> ApplicationRow | None:
    """The application with that id. lock: nobody else changes it until this transaction ends."""
    return next(iter(_applications(connection, application.c.id == id_, lock=lock)), None)


def applications(
    connection: Connection,
    *,
    person_id: str | None = None,
    states: Sequence[State] = (),
    version: str | None = None,
    group: str | None = None,
) -> list[ApplicationRow]:
    """Those that match what is given; who has waited longest comes first. At most LISTED_MAX."""
    conditions: list[ColumnElement[bool]] = []
    if person_id is not None:
        conditions.append(application.c.person == person_id)
    if states:
        conditions.append(application.c.state.in_(states))
    if version is not None:
        conditions.append(application.c.version == version)
    if group is not None:
        conditions.append(application.c.access_group == group)
    return _applications(connection, *conditions, most=LISTED_MAX)


def open_count(connection: Connection, person_id: str) -> int:
    """How many of the person's applications are open."""
    query = (
        select(func.count())
        .select_from(application)
        .where(application.c.person == person_id, application.c.state.in_(OPEN))
    )
    return int(connection.execute(query).scalar_one())


def open_one(connection: Connection, person_id: str, version: str, group: str) -> str | None:
    """The person's open application for this version as this group, where there is one."""
    query = select(application.c.id).where(
        application.c.person == person_id,
        application.c.version == version,
        application.c.access_group == group,
        application.c.state.in_(OPEN),
    )
    return connection.execute(query.limit(1)).scalar_one_or_none()


def due_applications(connection: Connection, now_ms: int, most: int) -> list[ApplicationRow]:
    """Open ones whose time has passed; those that others work on are left out."""
    query = (
        select(*(application.c[one] for one in _COLUMNS))
        .where(application.c.state.in_(OPEN), application.c.until_ms <= now_ms)
        .order_by(application.c.until_ms)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    return [_row(row) for row in connection.execute(query)]


def erase_applications(connection: Connection, person_id: str) -> None:
    """Forget what the person stated in applications, and what was said of them."""
    mine = select(application.c.id).where(application.c.person == person_id)
    connection.execute(
        update(application_act).where(application_act.c.application.in_(mine)).values(reason="")
    )
    connection.execute(update(application).where(application.c.person == person_id).values(fields="{}"))


def add_act(connection: Connection, id_: str, row: ActRow, entry: int | None) -> None:
    """Store what was done with an application."""
    values = msgspec.structs.asdict(row)
    connection.execute(insert(application_act).values(application=id_, entry=entry, **values))


def acts_of(connection: Connection, id_: str) -> list[ActRow]:
    """What was done with an application, in order."""
    query = (
        select(*(application_act.c[one] for one in ActRow.__struct_fields__))
        .where(application_act.c.application == id_)
        .order_by(application_act.c.number)
    )
    return [ActRow(*row) for row in connection.execute(query)]


def done_with(connection: Connection, id_: str) -> tuple[Done, ...]:
    """The same as the rules see it."""
    return tuple(Done(one.act, one.person) for one in acts_of(connection, id_))


def cases(connection: Connection) -> list[Case]:
    """All applications as statistics count them."""
    query = select(
        application.c.access_group,
        application.c.state,
        application.c.submitted_ms,
        application.c.decided_ms,
    )
    return [Case(*row) for row in connection.execute(query)]


def decisions_of(connection: Connection, version: str) -> list[DecisionRow]:
    """The version's decisions whose adoption stands in the log, the newest first, ended ones too."""
    query = (
        select(
            decision.c.id,
            decision.c.document,
            decision.c.adopted_ms,
            decision.c.ended_ms,
            decision.c.ended_cause,
        )
        .where(decision.c.version == version, in_log(decision.c.adopted_entry))
        .order_by(decision.c.adopted_entry.desc())
    )
    return [
        DecisionRow(row.id, row.document, row.adopted_ms, row.ended_cause or (row.ended_ms and "ended"))
        for row in connection.execute(query)
    ]


def rule_of(connection: Connection, group: str) -> RuleRow:
    """The rule for a group; an empty one where none was set."""
    return next(iter(_rules(connection, access_rule.c.access_group == group)), RuleRow(group))


def rules(connection: Connection) -> list[RuleRow]:
    """All rules, by group."""
    return _rules(connection)


def set_rule(connection: Connection, row: RuleRow, at_ms: int) -> None:
    """Store a rule in the place of an earlier one."""
    connection.execute(delete(access_rule).where(access_rule.c.access_group == row.group))
    values = {
        "access_group": row.group,
        "responsible": row.responsible,
        "terms": row.terms,
        "limits": msgspec.json.encode(row.limits).decode(),
        "set_ms": at_ms,
    }
    connection.execute(insert(access_rule).values(values))


_COLUMNS = ("id", "person", "version", "access_group", *ApplicationRow.__struct_fields__[4:])


def _applications(
    connection: Connection, *conditions: ColumnElement[bool], lock: bool = False, most: int | None = None
) -> list[ApplicationRow]:
    query = (
        select(*(application.c[one] for one in _COLUMNS))
        .where(*conditions)
        .order_by(func.coalesce(application.c.submitted_ms, application.c.created_ms), application.c.id)
        .limit(most)
    )
    if lock:
        query = query.with_for_update()
    return [_row(row) for row in connection.execute(query)]


def _row(row: Sequence[object]) -> ApplicationRow:
    found = dict(zip(ApplicationRow.__struct_fields__, row, strict=True))
    found["fields"] = _FIELDS.decode(str(found["fields"]))
    return msgspec.convert(found, ApplicationRow)


def _values(row: ApplicationRow) -> dict[str, object]:
    values = msgspec.structs.asdict(row)
    values["access_group"] = values.pop("group")
    values["fields"] = msgspec.json.encode(row.fields).decode()
    return values


def _rules(connection: Connection, *conditions: ColumnElement[bool]) -> list[RuleRow]:
    query = select(
        access_rule.c.access_group, access_rule.c.responsible, access_rule.c.terms, access_rule.c.limits
    ).where(*conditions)
    return [
        RuleRow(group, responsible, terms, msgspec.json.decode(limits, type=Limits))
        for group, responsible, terms, limits in connection.execute(
            query.order_by(access_rule.c.access_group)
        )
    ]
