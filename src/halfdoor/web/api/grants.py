"""Grants and the tokens that stand for them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from halfdoor.core.governance.limits import Days
from halfdoor.core.log.events.base import GrantId, GroupName, PersonId, VersionId
from halfdoor.services import grants, tokens
from halfdoor.services.commit import milliseconds, moment
from halfdoor.services.grants import Cause
from halfdoor.services.tokens import PERSON_DAYS_MAX, ROTATION_DAYS, ROTATION_DAYS_MAX, Issued
from halfdoor.web.api.operation import PERSON, Asks, Call, Nothing, Operation, Table, holding
from halfdoor.web.api.people import Logged
from halfdoor.web.api.rules import Limiting

if TYPE_CHECKING:
    from typing import Any

    from halfdoor.store.access import GrantRow, TokenRow


class Grant(msgspec.Struct, frozen=True):
    """What somebody was granted of a version, as a group, until a date.

    live:       it opens something now, as far as it goes
    networks:   prefixes from which it works; none: from anywhere
    bytes_max, downloads_max: null: not limited
    """

    id: str
    person: str
    version: str
    group: str
    items: tuple[str, ...]
    application: str | None
    issued: dt.datetime
    until: dt.datetime
    revoked: dt.datetime | None
    cause: str | None
    live: bool
    networks: tuple[str, ...]
    bytes_max: int | None
    bytes_used: int
    downloads_max: int | None
    downloads_used: int


class Grants(msgspec.Struct, frozen=True):
    """Grants, the earliest first."""

    grants: list[Grant]


class Revoked(msgspec.Struct, frozen=True):
    """A grant that opens nothing any more.

    logged: the log has it already; unreached: what a revocation cannot undo, in sentences
    """

    grant: Grant
    logged: bool
    unreached: list[str]


class Token(msgspec.Struct, frozen=True):
    """A token without its secret. grant null: it stands for the person, here."""

    id: str
    person: str
    grant: str | None
    issued: dt.datetime
    until: dt.datetime
    revoked: dt.datetime | None
    live: bool


class Tokens(msgspec.Struct, frozen=True):
    """Tokens, the earliest first."""

    tokens: list[Token]


class ListGrants(Asks, frozen=True):
    """everybody, person: not only one's own, for those who look after grants; version: only those of it."""

    everybody: bool = False
    person: PersonId | None = None
    version: VersionId | None = None


class Issue(Limiting, frozen=True, kw_only=True):
    """A grant without an application, and what limits it beside the group's rule."""

    person: PersonId
    version: VersionId
    group: GroupName


class Renew(Asks, frozen=True):
    """days: for how many from now on; left out: as the policy and the group's rule say."""

    days: Days | None = None


class Revoke(Asks, frozen=True):
    """cause: why; left out: what the caller's role says."""

    cause: Cause | None = None


class ListTokens(Asks, frozen=True):
    """person: whose, for an administrator."""

    person: PersonId | None = None


class IssueToken(Asks, frozen=True):
    """grant: one of one's own; left out: the token stands for oneself, here. days: it works."""

    grant: GrantId | None = None
    days: Annotated[int, Meta(ge=1, le=PERSON_DAYS_MAX)] | None = None


class Rotate(Asks, frozen=True):
    """grace_days: for how long the old one works on."""

    grace_days: Annotated[float, Meta(ge=0, le=ROTATION_DAYS_MAX)] = ROTATION_DAYS


def _list(call: Call[ListGrants]) -> Grants:
    asks = call.asks
    rows = grants.listed(
        call.commits, call.person, person=asks.person, version=asks.version, everybody=asks.everybody
    )
    return Grants([_grant(call, row) for row in rows])


def _show(call: Call[Nothing]) -> Grant:
    return _grant(call, grants.show(call.commits, call.person, call.path["grant"]))


def _issue(call: Call[Issue]) -> Grant:
    asks = call.asks
    row = grants.issue(
        call.commits,
        call.person,
        person=asks.person,
        version=asks.version,
        group=asks.group,
        limits=asks.limits(),
    )
    return _grant(call, msgspec.structs.replace(row, logged=True))


def _renew(call: Call[Renew]) -> Grant:
    return _grant(call, grants.renew(call.commits, call.person, call.path["grant"], days=call.asks.days))


def _narrow(call: Call[Limiting]) -> Grant:
    return _grant(call, grants.narrow(call.commits, call.person, call.path["grant"], call.asks.limits()))


def _revoke(call: Call[Revoke]) -> Revoked:
    done = grants.revoke(call.commits, call.person, call.path["grant"], cause=call.asks.cause)
    return Revoked(_grant(call, done.grant), done.logged, done.unreached)


def _list_tokens(call: Call[ListTokens]) -> Tokens:
    rows = tokens.listed(call.commits, call.person, call.asks.person)
    return Tokens([_token(call, row) for row in rows])


def _issue_token(call: Call[IssueToken]) -> Issued:
    return tokens.issue(call.commits, call.person, grant=call.asks.grant, days=call.asks.days)


def _rotate(call: Call[Rotate]) -> Issued:
    return tokens.rotate(call.commits, call.person, call.path["token"], grace_days=call.asks.grace_days)


def _revoke_token(call: Call[Nothing]) -> Logged:
    return Logged(tokens.revoke(call.commits, call.person, call.path["token"]))


def _grant(call: Call[Any], row: GrantRow) -> Grant:
    return Grant(
        id=row.id,
        person=row.person,
        version=row.version,
        group=row.group,
        items=row.items,
        application=row.application,
        issued=moment(row.issued_ms),
        until=moment(row.until_ms),
        revoked=None if row.revoked_ms is None else moment(row.revoked_ms),
        cause=row.revoked_cause,
        live=row.is_live(milliseconds(call.commits.now())),
        networks=row.networks,
        bytes_max=row.bytes_max,
        bytes_used=row.bytes_used,
        downloads_max=row.downloads_max,
        downloads_used=row.downloads_used,
    )


def _token(call: Call[Any], row: TokenRow) -> Token:
    live = row.logged and row.revoked_ms is None and row.until_ms > milliseconds(call.commits.now())
    return Token(
        id=row.id,
        person=row.person,
        grant=row.grant,
        issued=moment(row.issued_ms),
        until=moment(row.until_ms),
        revoked=None if row.revoked_ms is None else moment(row.revoked_ms),
        live=live,
    )


OPERATIONS: Table = (
    Operation(
        name="list_grants",
        method="GET",
        path="/grants",
        who=PERSON,
        summary="One's own grants; those of others for those who look after grants.",
        asks=ListGrants,
        answers=Grants,
        handle=_list,
    ),
    Operation(
        name="issue_grant",
        method="POST",
        path="/grants",
        who=holding("reviewer", "admin"),
        summary="A grant without an application, for staff and auditors.",
        asks=Issue,
        answers=Grant,
        handle=_issue,
        status=201,
    ),
    Operation(
        name="show_grant",
        method="GET",
        path="/grants/{grant}",
        who=PERSON,
        summary="One grant: one's own, or any for those who look after grants.",
        asks=Nothing,
        answers=Grant,
        handle=_show,
    ),
    Operation(
        name="renew_grant",
        method="POST",
        path="/grants/{grant}/renew",
        who=holding("reviewer"),
        summary="The grant holds longer.",
        asks=Renew,
        answers=Grant,
        handle=_renew,
    ),
    Operation(
        name="narrow_grant",
        method="POST",
        path="/grants/{grant}/narrow",
        who=holding("reviewer", "admin"),
        summary="Hold a grant to tighter limits, at once.",
        asks=Limiting,
        answers=Grant,
        handle=_narrow,
    ),
    Operation(
        name="revoke_grant",
        method="POST",
        path="/grants/{grant}/revoke",
        who=PERSON,
        summary="The grant opens nothing from now on; the answer says what that cannot undo.",
        asks=Revoke,
        answers=Revoked,
        handle=_revoke,
    ),
    Operation(
        name="list_tokens",
        method="GET",
        path="/tokens",
        who=PERSON,
        summary="One's own tokens, without their secrets; anybody's for an administrator.",
        asks=ListTokens,
        answers=Tokens,
        handle=_list_tokens,
    ),
    Operation(
        name="issue_token",
        method="POST",
        path="/tokens",
        who=PERSON,
        summary="A new token, for oneself or one of one's grants; its secret is shown this once.",
        asks=IssueToken,
        answers=Issued,
        handle=_issue_token,
        status=201,
    ),
    Operation(
        name="rotate_token",
        method="POST",
        path="/tokens/{token}/rotate",
        who=PERSON,
        summary="A new token in the place of an old one, which works on for a while.",
        asks=Rotate,
        answers=Issued,
        handle=_rotate,
        status=201,
    ),
    Operation(
        name="revoke_token",
        method="POST",
        path="/tokens/{token}/revoke",
        who=PERSON,
        summary="The token works no longer; one's own, or anybody's by an administrator.",
        asks=Nothing,
        answers=Logged,
        handle=_revoke_token,
    ),
)
