"""May this key have this file, from there, now? One function asks everything, in the database, every time.

Nothing of the answer is kept: what was revoked, halted or narrowed counts with the next question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.governance.limits import is_inside
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.standing import Standing, permit
from halfdoor.services.commit import milliseconds
from halfdoor.store.access import GrantRow, key_of, keys_of
from halfdoor.store.standing import standing_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from halfdoor.core.errors import HalfdoorError
    from halfdoor.store.access import Key


class Asked(msgspec.Struct, frozen=True):
    """Somebody wants something.

    secret:  hash of the token that they show; None: they show none
    address: where they are; None: unknown
    items:   all that a file belongs to
    """

    version: str
    items: tuple[str, ...]
    secret: bytes | None = None
    address: str | None = None


class Admitted(msgspec.Struct, frozen=True):
    """They may have it. grant: by which; None where anyone may have it."""

    standing: Standing
    grant: GrantRow | None = None
    token: str | None = None


def admit(connection: Connection, asked: Asked, now: dt.datetime) -> Admitted:
    """How they may have it. Raises Refused `not-found`, `disabled`, `not-listed`, `gated`, `wrong-network`,
    `limit-reached`.
    """  # noqa: D205  one sentence after the other
    key = None if asked.secret is None else key_of(connection, asked.secret, milliseconds(now))
    return judge(asked, key, standing_of(connection, asked.version, now))


def judge(asked: Asked, key: Key | None, standing: Standing | None) -> Admitted:
    """The same of what was read already."""
    if standing is None:
        raise Refused("not-found", "there is no such version")
    if is_open(standing, asked.items):
        return Admitted(standing)
    grant = grant_for(key, standing.version)
    if grant is None or key is None:
        permit(standing, asked.items, None, None)
        raise AssertionError("what is not open was permitted")
    permit(standing, asked.items, grant.group, grant.items)
    if not is_inside(asked.address, grant.networks):
        raise Refused(
            "wrong-network",
            "your grant does not work from where you are",
            remedy=f"it works from {', '.join(grant.networks)}",
        )
    if grant.bytes_max is not None and grant.bytes_used + grant.bytes_reserved > grant.bytes_max:
        raise Refused(
            "limit-reached",
            f"your grant is for at most {grant.bytes_max:,} bytes, and they are used up",
            remedy="ask a reviewer for another grant: halfdoor apply",
        )
    return Admitted(standing, grant, key.token)


def is_open(standing: Standing, items: Sequence[str]) -> bool:
    """Anyone may have what belongs to these items. Raises Refused `disabled`, `not-listed`."""
    try:
        permit(standing, items, None, None)
    except Refused as refusal:
        if refusal.code != "gated":
            raise
        return False
    return True


def grant_for(key: Key | None, version: str) -> GrantRow | None:
    """The key's grant, where it is for this version."""
    grant = None if key is None else key.grant
    return grant if grant is not None and grant.version == version else None


def refusals(
    connection: Connection, questions: Sequence[Asked], now: dt.datetime
) -> list[HalfdoorError | None]:
    """Ask again for many at once: why each may no longer have it, None where it may."""
    secrets = list({one.secret for one in questions if one.secret is not None})
    keys = keys_of(connection, secrets, milliseconds(now)) if secrets else {}
    standings = {name: standing_of(connection, name, now) for name in {one.version for one in questions}}
    found: list[HalfdoorError | None] = []
    for one in questions:
        try:
            judge(one, None if one.secret is None else keys.get(one.secret), standings[one.version])
        except Refused as refusal:
            found.append(refusal)
        else:
            found.append(None)
    return found
