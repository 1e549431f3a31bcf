"""Whether a row of the tables says what its log entry says. Pure; services/doctor.py reads both.

The log is what others can check, so it is right where the two differ. A row may be narrower than its entry
(closed since, or for a shorter time), never wider.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from halfdoor.core.canonical import sha256_bytes
from halfdoor.core.log.events import access, openness, oversight
from halfdoor.core.log.events.base import Event


class Rule(msgspec.Struct, frozen=True):
    """What a row of a table must have in common with its entry.

    events: the kinds that its entry may be
    same:   column -> field of the event; fields that a kind does not have are not compared
    """

    events: tuple[type[Event], ...]
    same: dict[str, str]


# (table, column that names the entry) -> rule.
RULES: dict[tuple[str, str], Rule] = {
    ("organisation", "entry"): Rule((access.OrganisationAdded,), {"id": "organisation"}),
    ("person", "entry"): Rule((access.PersonInvited, access.PersonJoined), {"id": "person"}),
    ("role", "entry"): Rule((access.RoleGiven,), {"person": "person", "role": "role"}),
    ("ssh_key", "entry"): Rule((access.KeyRegistered,), {"person": "person", "public": "key"}),
    ("token", "entry"): Rule(
        (access.TokenIssued, access.TokenRotated),
        {"id": "token", "access_grant": "grant", "person": "person"},
    ),
    ("access_grant", "entry"): Rule(
        (access.GrantIssued,),
        {
            "id": "grant",
            "person": "holder",
            "version": "version",
            "access_group": "group",
            "items": "items",
            "application": "application",
        },
    ),
    ("access_grant", "renewed_entry"): Rule(
        (access.GrantRenewed,), {"id": "grant", "renewed_until_ms": "until"}
    ),
    ("application_act", "entry"): Rule(
        (
            access.ApplicationSubmitted,
            access.ApplicationReturned,
            access.ApplicationApproved,
            access.ApplicationRejected,
            access.ApplicationAppealed,
            access.ApplicationWithdrawn,
            access.ApplicationExpired,
            access.GrantRevoked,
        ),
        {"application": "application"},
    ),
    ("delivery", "entry"): Rule(
        (access.FileBegun,),
        {"id": "delivery", "access_grant": "grant", "version": "version", "digest": "file"},
    ),
    ("version", "entry"): Rule((openness.VersionRegistered,), {"id": "version", "manifest": "manifest"}),
    ("assessment", "entry"): Rule((openness.AssessmentRecorded,), {"id": "assessment", "version": "version"}),
    ("decision", "entry"): Rule((openness.DecisionProposed,), {"id": "decision", "version": "version"}),
    ("decision", "adopted_entry"): Rule((openness.DecisionAdopted,), {"id": "decision"}),
    ("approval", "entry"): Rule(
        (openness.DecisionApproved,),
        {
            "decision": "decision",
            "person": "by",
            "seen": "seen",
            "organisation": "organisation",
            "signature": "signature",
        },
    ),
    ("objection", "entry"): Rule(
        (openness.DecisionObjected,), {"decision": "decision", "person": "by", "seen": "seen"}
    ),
    ("plan", "entry"): Rule(
        (openness.PlanStarted,),
        {"id": "plan", "version": "version", "decision": "decision", "document": "document"},
    ),
    ("plan_stage", "entry"): Rule((openness.StageAdvanced,), {"plan": "plan", "stage": "stage"}),
    ("stage_approval", "entry"): Rule(
        (openness.StageApproved,), {"plan": "plan", "stage": "stage", "person": "by", "seen": "seen"}
    ),
    ("flaw", "entry"): Rule(
        (oversight.FlawReported, oversight.FlawJudged), {"id": "flaw", "version": "version"}
    ),
}


def differences(table: str, column: str, row: Mapping[str, Any], event: Event) -> list[str]:
    """What a row says otherwise than its entry, each as `column`; or that the entry is of another thing."""
    rule = RULES.get((table, column))
    if rule is None:
        return []
    if not isinstance(event, rule.events):
        return [f"its entry is of another kind, {type(event).__struct_config__.tag}"]
    fields = set(event.__struct_fields__)
    return [
        f"{name} is not what was logged"
        for name, field in rule.same.items()
        if field in fields and _comparable(name, row[name]) != _logged(getattr(event, field))
    ]


def _comparable(name: str, value: object) -> object:
    """A column as the event has it."""
    if name == "items":
        return tuple(json.loads(str(value)))
    if name == "public":
        return sha256_bytes(str(value).encode())
    return value


def _logged(value: object) -> object:
    return milliseconds(value) if isinstance(value, dt.datetime) else value


def milliseconds(time: dt.datetime) -> int:
    """As tables hold it."""
    return round(time.timestamp() * 1000)


class Must(msgspec.Struct, frozen=True):
    """The row that an event calls for, and what must be so of it.

    where:   columns that find it
    holds:   None where the row being there is enough; else says what is wrong, or nothing
    closing: the event closes something: where it has no effect, something is open that should not be
    """

    table: str
    where: dict[str, Any]
    holds: Callable[[Mapping[str, Any]], str] | None = None
    closing: bool = False


# Event -> the table where its row must be, and column -> field.
_THERE: dict[type[Event], tuple[str, dict[str, str]]] = {
    access.FileBegun: ("delivery", {"id": "delivery"}),
    access.OrganisationAdded: ("organisation", {"id": "organisation"}),
    access.PersonInvited: ("person", {"id": "person"}),
    access.PersonJoined: ("person", {"id": "person"}),
    access.ApplicationSubmitted: ("application", {"id": "application"}),
    access.GrantIssued: ("access_grant", {"id": "grant"}),
    access.TokenIssued: ("token", {"id": "token"}),
    openness.VersionRegistered: ("version", {"id": "version"}),
    openness.AssessmentRecorded: ("assessment", {"id": "assessment", "version": "version"}),
    openness.DecisionProposed: ("decision", {"id": "decision"}),
    openness.DecisionAdopted: ("decision", {"id": "decision"}),
    openness.DecisionApproved: ("approval", {"decision": "decision", "person": "by"}),
    openness.PlanStarted: ("plan", {"id": "plan"}),
    openness.StageApproved: ("stage_approval", {"plan": "plan", "stage": "stage", "person": "by"}),
    openness.StageAdvanced: ("plan_stage", {"plan": "plan", "stage": "stage"}),
}
# Event -> the table, the field with the row's id, and the column that must be set from then on.
_CLOSED: dict[type[Event], tuple[str, str, str]] = {
    access.FileEnded: ("delivery", "delivery", "ended_ms"),
    access.GrantRevoked: ("access_grant", "grant", "revoked_ms"),
    access.PersonLeft: ("person", "person", "left_ms"),
    access.TokenRevoked: ("token", "token", "revoked_ms"),
    openness.DecisionEnded: ("decision", "decision", "ended_ms"),
    openness.PlanHalted: ("plan", "plan", "halted_ms"),
    openness.PlanWithdrawn: ("plan", "plan", "withdrawn_ms"),
    openness.VersionWithdrawn: ("version", "version", "withdrawn_ms"),
}


def row_for(event: Event, renewed: Mapping[str, dt.datetime]) -> Must | None:
    """The row that this event must have; None where it needs none.

    renewed: the latest date to which each grant was ever renewed
    """
    closed = _CLOSED.get(type(event))
    if closed is not None:
        table, field, column = closed
        return Must(table, {"id": getattr(event, field)}, lambda row: _set(row, column), closing=True)
    there = _THERE.get(type(event))
    if there is None:
        return None
    table, fields = there
    where = {column: getattr(event, field) for column, field in fields.items()}
    return Must(table, where, _holds(event, renewed))


def _holds(event: Event, renewed: Mapping[str, dt.datetime]) -> Callable[[Mapping[str, Any]], str] | None:
    match event:
        case access.GrantIssued(grant=grant, until=until):
            latest = max(until, renewed.get(grant, until))
            return lambda row: _longer(row, latest)
        case access.TokenIssued(until=until, grant=grant, person=person):
            return lambda row: (
                _longer(row, until)
                or ("" if row["access_grant"] == grant else "it stands for another grant than was logged")
                or ("" if row["person"] == person else "it stands for somebody else than was logged")
            )
        case openness.DecisionAdopted():
            return lambda row: _set(row, "adopted_ms")
    return None


def _longer(row: Mapping[str, Any], until: dt.datetime) -> str:
    return "it is open for longer than was logged" if row["until_ms"] > milliseconds(until) else ""


def _set(row: Mapping[str, Any], column: str) -> str:
    return "" if row[column] is not None else f"{column} is not set, as the log says it must be"
