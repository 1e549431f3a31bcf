"""The access-request management API of Hugging Face's clients, over applications and grants.

For reviewers, with their own token. What it has no words for (a second reviewer, terms, limits, appeals) goes
the same way as from everywhere else: the services decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from starlette.responses import JSONResponse

from halfdoor.core.errors import InputError
from halfdoor.core.governance.refusal import Refused
from halfdoor.services import applications, grants
from halfdoor.services.commit import moment
from halfdoor.store import models
from halfdoor.store.models import MAIN
from halfdoor.store.people import person_of, person_with_email

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from starlette.requests import Request
    from starlette.responses import Response

    from halfdoor.core.governance.actor import Actor
    from halfdoor.core.governance.applications import State
    from halfdoor.gate.hub.hub import Hub
    from halfdoor.store.applications import ApplicationRow

T = TypeVar("T")
_STATES: dict[str, tuple[State, ...]] = {
    "pending": ("submitted", "appealed"),
    "accepted": ("approved",),
    "rejected": ("rejected",),
}
_DIRECT = "auditors"  # the group that one is let into without an application
REASON = "Rejected by a reviewer, without further words."


class _Handled(msgspec.Struct, frozen=True):
    """The body of `handle`."""

    status: str
    user: str | None = None
    requestId: str | None = None  # noqa: N815  as it is sent
    rejectionReason: str | None = None  # noqa: N815  the same


class _Granted(msgspec.Struct, frozen=True):
    """The body of `grant`."""

    user: str


def listed(hub: Hub, request: Request, repository: str, status: str) -> Response:
    """`GET …/user-access-request/{pending|accepted|rejected}`. Raises Refused."""
    actor, versions = _reviewer(hub, request, repository)
    if status not in _STATES:
        raise Refused("not-found", "requests are pending, accepted or rejected")
    rows = _of_versions(hub, actor, versions, _STATES[status])
    with hub.parts.commits.reading() as connection:
        return JSONResponse([_shown(connection, row, status) for row in rows])


def handle(hub: Hub, request: Request, repository: str, body: bytes) -> Response:
    """`POST …/user-access-request/handle`. Raises Refused, InputError, LogUnavailable."""
    actor, versions = _reviewer(hub, request, repository)
    asked = _read(body, _Handled)
    row = _application(hub, actor, versions, asked)
    commits = hub.parts.commits
    if asked.status == "accepted":
        view = applications.approve(commits, actor, row.id)
    elif asked.status == "rejected" and row.state == "approved":
        for grant in grants.listed(commits, actor, everybody=True, version=row.version):
            if grant.application == row.id and grant.revoked_ms is None:
                grants.revoke(commits, actor, grant.id)
        view = applications.show(commits, actor, row.id)
    elif asked.status == "rejected":
        view = applications.reject(commits, actor, row.id, reason=asked.rejectionReason or REASON)
    else:
        raise Refused(
            "wrong-state",
            "what was decided does not become undecided again",
            remedy="reject it, which revokes its grant, and have them apply anew",
        )
    return JSONResponse({"requestId": row.id, "state": view.application.state})


def grant(hub: Hub, request: Request, repository: str, body: bytes) -> Response:
    """`POST …/user-access-request/grant`: as an auditor, who needs no application; others apply."""
    actor, _ = _reviewer(hub, request, repository)
    asked = _read(body, _Granted)
    with hub.asked(request) as question:
        version = question.look(repository, MAIN).version.id
        person = _person(question.connection, asked.user)
    row = grants.issue(hub.parts.commits, actor, person=person, version=version, group=_DIRECT)
    return JSONResponse({"grant": row.id, "group": row.group, "until": f"{moment(row.until_ms):%Y-%m-%d}"})


def settings() -> Response:
    """`PUT …/settings`: there is no such switch. Raises Refused."""
    raise Refused(
        "not-your-role",
        "what is open to whom follows from decisions and their stages, and from nothing else",
        remedy="see: halfdoor decide --help, halfdoor stage --help",
    )


def _reviewer(hub: Hub, request: Request, repository: str) -> tuple[Actor, set[str]]:
    """Who asks, a reviewer, and the versions of a repository that they may know of."""
    with hub.asked(request) as question:
        actor = question.caller.actor()
        actor.require("reviewer", "admin")
        question.look(repository, MAIN)
        return actor, {one.id for one in models.versions(question.connection, repository)}


def _application(hub: Hub, actor: Actor, versions: set[str], asked: _Handled) -> ApplicationRow:
    if asked.requestId is not None:
        row = applications.show(hub.parts.commits, actor, asked.requestId).application
        if row.version in versions:
            return row
    elif asked.user is not None:
        with hub.parts.commits.reading() as connection:
            person = _person(connection, asked.user)
        for states in (_STATES["pending"], _STATES["accepted"]):
            rows = _of_versions(hub, actor, versions, states)
            if own := [row for row in rows if row.person == person]:
                return own[-1]
    raise Refused("not-found", "there is no such request for this model")


def _of_versions(
    hub: Hub, actor: Actor, versions: set[str], states: tuple[State, ...]
) -> list[ApplicationRow]:
    """The applications of all versions of a repository."""
    return [
        row
        for version in sorted(versions)
        for row in applications.listed(
            hub.parts.commits, actor, everybody=True, states=states, version=version
        )
    ]


def _person(connection: Connection, user: str) -> str:
    row = person_of(connection, user) or person_with_email(connection, user.lower())
    if row is None:
        raise Refused("not-found", "nobody of that name or address is known here")
    return row.id


def _shown(connection: Connection, row: ApplicationRow, status: str) -> dict[str, Any]:
    person = person_of(connection, row.person)
    user = {"user": row.person}
    if person is not None:
        user |= {"fullname": person.name} | ({} if person.email is None else {"email": person.email})
    at = moment(row.submitted_ms or row.created_ms)
    return {
        "requestId": row.id,
        "user": user,
        "status": status,
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.000Z",
        "fields": {**row.fields, "group": row.group},
    }


def _read(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise InputError("bad-body", f"the request's body is not what is asked for: {error}") from error
