"""Tokens: issued and shown once, rotated without a gap, revoked."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.tokens import RANDOM_BYTES, new_secret, secret_hash
from halfdoor.core.log.events.access import TokenIssued, TokenRevoked, TokenRotated
from halfdoor.services.commit import moment
from halfdoor.store.access import (
    TokenRow,
    add_token,
    grant_of,
    live_token_count,
    revoke_token,
    shorten_token,
    token_of,
    tokens_of,
)
from halfdoor.store.people import lock_person, person_of

if TYPE_CHECKING:
    from halfdoor.core.governance.actor import Actor
    from halfdoor.services.commit import Change, Commits
    from halfdoor.store.access import GrantRow

DAY_MS = 86_400_000
PERSON_DAYS, PERSON_DAYS_MAX = 30, 365
ROTATION_DAYS, ROTATION_DAYS_MAX = 1.0, 14.0
LIVE_MAX = 10  # tokens of one person at the control plane, and of one grant


class Issued(msgspec.Struct, frozen=True):
    """A new token. `secret` is shown this once; only its hash is kept.

    grant: the grant that it stands for; None: the person, at the control plane
    """

    token: str
    person: str
    secret: str
    until: dt.datetime
    grant: str | None = None


def issue(commits: Commits, actor: Actor, *, grant: str | None = None, days: int | None = None) -> Issued:
    """A new token of the actor's own: for one of their grants, or for themselves.

    days: it works; by default 30, for a grant as long as the grant. Never longer than that
    Raises Refused `not-found`, `not-live`, `too-many-tokens`, InputError `bad-days`, LogUnavailable.
    """
    if days is not None and not 1 <= days <= PERSON_DAYS_MAX:
        raise InputError("bad-days", f"a token works for 1 to {PERSON_DAYS_MAX} days")
    with commits.change() as change:
        lock_person(change.connection, actor.person)
        of = None if grant is None else _own_grant(change, actor, grant)
        return issued(change, actor.person, of, days=days)


def issued(
    change: Change,
    person: str,
    grant: GrantRow | None = None,
    *,
    days: int | None = None,
    replaces: TokenRow | None = None,
) -> Issued:
    """A new token, as part of a change that has locked the person; `issue` says the rest."""
    grant_id = None if grant is None else grant.id
    most = LIVE_MAX if replaces is None else LIVE_MAX + 1  # the old one works on for a while
    if live_token_count(change.connection, person, grant_id, change.now_ms) >= most:
        raise Refused(
            "too-many-tokens",
            f"{LIVE_MAX} tokens work already",
            remedy="revoke those that you no longer use: halfdoor token list",
        )
    if days is None and grant is not None:
        until_ms = grant.until_ms
    else:
        until_ms = change.now_ms + (PERSON_DAYS if days is None else days) * DAY_MS
    until_ms = until_ms if grant is None else min(until_ms, grant.until_ms)
    secret = new_secret(change.random(RANDOM_BYTES))
    row = TokenRow(
        change.new_id("tok"),
        person,
        grant_id,
        change.now_ms,
        until_ms,
        revoked_ms=None,
        logged=False,
    )
    entry = change.tell(
        TokenIssued, by=person, token=row.id, person=person, grant=row.grant, until=moment(until_ms)
    )
    if replaces is not None:
        entry = change.tell(
            TokenRotated, by=person, token=row.id, replaces=replaces.id, until=moment(replaces.until_ms)
        )
    add_token(change.connection, row, secret_hash(secret), entry)
    return Issued(row.id, person, secret, moment(until_ms), row.grant)


def rotate(commits: Commits, actor: Actor, token: str, *, grace_days: float = ROTATION_DAYS) -> Issued:
    """A new token in the place of an old one of the actor's, which works on for a while: a day by default.

    Raises Refused `not-found`, `not-live`, `too-many-tokens`, InputError `bad-days`, LogUnavailable.
    """
    if not 0 <= grace_days <= ROTATION_DAYS_MAX:
        raise InputError("bad-days", f"the old token works on for at most {ROTATION_DAYS_MAX:.0f} days")
    with commits.change() as change:
        lock_person(change.connection, actor.person)
        old = token_of(change.connection, token, lock=True)
        if old is None or old.person != actor.person:
            raise _not_found()
        if not old.logged or old.revoked_ms is not None or old.until_ms <= change.now_ms:
            raise Refused("not-live", "the token works no longer", remedy="issue a new one")
        grant = None if old.grant is None else _own_grant(change, actor, old.grant)
        ends_ms = min(old.until_ms, change.now_ms + round(grace_days * DAY_MS))
        shorten_token(change.connection, old.id, ends_ms)
        return issued(change, actor.person, grant, replaces=msgspec.structs.replace(old, until_ms=ends_ms))


def revoke(commits: Commits, actor: Actor, token: str) -> bool:
    """The token works no longer, from now on. Whether the log has it already.

    Of one's own, or of anybody's by an administrator. Raises Refused `not-found`, `already-so`.
    """
    with commits.closing() as change:
        row = token_of(change.connection, token, lock=True)
        if row is None or (row.person != actor.person and "admin" not in actor.roles):
            raise _not_found()
        if not revoked(change, row.id, actor.person):
            raise Refused("already-so", "the token was revoked before")
    return change.logged


def revoked(change: Change, token: str, by: str) -> bool:
    """The same as part of a change; False where it was so already."""
    if not revoke_token(change.connection, token, change.now_ms):
        return False
    change.tell(TokenRevoked, by=by, token=token)
    change.announce("token-revoked", token)
    return True


def listed(commits: Commits, actor: Actor, person: str | None = None) -> list[TokenRow]:
    """The actor's tokens, or those of `person` for an administrator; without their secrets."""
    if person is not None and person != actor.person:
        actor.require("admin")
    with commits.reading() as connection:
        return tokens_of(connection, person or actor.person)


def _own_grant(change: Change, actor: Actor, grant: str) -> GrantRow:
    row = grant_of(change.connection, grant)
    holder = person_of(change.connection, actor.person)
    if row is None or row.person != actor.person or holder is None or not holder.acts:
        raise Refused("not-found", f"you have no grant {grant[:40]!r}", remedy="halfdoor grant list")
    if not row.is_live(change.now_ms):
        raise Refused("not-live", "the grant opens nothing any more", remedy="apply anew")
    return row


def _not_found() -> Refused:
    return Refused("not-found", "you have no such token", remedy="halfdoor token list")
