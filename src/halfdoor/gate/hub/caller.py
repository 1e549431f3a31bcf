"""Who asks: nobody known, the holder of a grant, or a person of the control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.governance.actor import Actor
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.tokens import looks_right, secret_hash
from halfdoor.services.commit import milliseconds
from halfdoor.store.access import Key, key_of
from halfdoor.store.people import person_of

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Connection
    from starlette.requests import Request

_SEES_ALL = frozenset({"admin", "auditor", "publisher"})
_BEARER = "bearer "


class Caller(msgspec.Struct, frozen=True):
    """Somebody.

    kind:   unknown: they show a token that opens nothing
    secret: hash of the token that they show, where it opens something
    roles:  of a person; the holder of a grant has none here
    """

    kind: Literal["anonymous", "unknown", "grant", "person"]
    secret: bytes | None = None
    address: str | None = None
    key: Key | None = None
    roles: frozenset[str] = frozenset()
    organisation: str | None = None

    @property
    def sees_all(self) -> bool:
        """Sees repositories of which outsiders know nothing yet. What they hold stays closed all the same."""
        return bool(self.roles & _SEES_ALL)

    def actor(self) -> Actor:
        """The person who acts. Raises Refused `no-token`, `bad-token`, where nobody is known."""
        if self.key is None:
            code = "bad-token" if self.kind == "unknown" else "no-token"
            raise Refused(code, "show the token of a person: this is not for everybody")
        if self.key.grant is not None:
            raise Refused("not-your-role", "the token of a grant gets files; show your own here")
        return Actor(self.key.person, self.roles, self.organisation, self.key.token)


def caller_of(connection: Connection, request: Request, now: dt.datetime) -> Caller:
    """Who sends this request."""
    address = None if request.client is None else request.client.host
    given = request.headers.get("authorization")
    if given is None:
        return Caller("anonymous", address=address)
    secret = given[len(_BEARER) :].strip() if given[: len(_BEARER)].lower() == _BEARER else ""
    if not looks_right(secret):
        return Caller("unknown", address=address)
    hashed = secret_hash(secret)
    key = key_of(connection, hashed, milliseconds(now))
    if key is None:
        return Caller("unknown", address=address)
    request.state.person, request.state.token = key.person, key.token
    if key.grant is not None:
        request.state.grant = key.grant.id
        return Caller("grant", hashed, address, key)
    person = person_of(connection, key.person)
    if person is None or not person.acts:
        return Caller("unknown", address=address)
    roles = frozenset(person.roles)
    return Caller("person", hashed, address, key, roles, person.organisation)
