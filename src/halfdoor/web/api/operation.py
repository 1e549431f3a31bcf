"""What an operation of the control API is: a row of the table that routes and OpenAPI are made from.

A row says who may call it, and that is checked before anything of the request is read. The services check
again, and finer: whose grant it is, who proposed what.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, Protocol, TypeVar

import msgspec

from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.base import (
    ApplicationId,
    DecisionId,
    Digest,
    FlawId,
    GrantId,
    GroupName,
    PersonId,
    PlanId,
    RoleName,
    TokenId,
    VersionId,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from halfdoor.core.governance.actor import Actor
    from halfdoor.services.commit import Commits
    from halfdoor.services.home import Home

PREFIX = "/api/halfdoor/v1"
BODY_BYTES_MAX = 1024 * 1024
QUESTION_BYTES_MAX = 8 * 1024 * 1024  # a question with its documents and evidence

# What may stand in a path. An id of another form names nothing, and never reaches a database.
PARAMETERS: dict[str, Any] = {
    "application": ApplicationId,
    "decision": DecisionId,
    "digest": Digest,
    "flaw": FlawId,
    "grant": GrantId,
    "group": GroupName,
    "person": PersonId,
    "plan": PlanId,
    "role": RoleName,
    "token": TokenId,
    "version": VersionId,
}


class Served(Protocol):
    """What the API is served from: services.parts.Parts, or less of it within a command."""

    @property
    def home(self) -> Home:
        """Its settings say who may register."""

    @property
    def commits(self) -> Commits:
        """Reads and writes."""

    @property
    def public_url(self) -> str:
        """Where clients reach it, without a slash at the end."""


class Asks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request holds: the fields of its JSON body, or of its query string for GET."""


class Nothing(Asks, frozen=True):
    """A request that holds nothing."""


class Raw(msgspec.Struct, frozen=True):
    """An answer that is not written as JSON here: a document's own bytes."""

    body: bytes
    media: Literal["application/json", "text/plain; charset=utf-8"]


@dataclass(frozen=True)
class Who:
    """Who may call an operation.

    token: somebody who was recognised; held: who holds some role; roles: one of these, where any are named
    """

    words: str
    token: bool = True
    held: bool = False
    roles: frozenset[str] = frozenset()

    def check(self, actor: Actor | None) -> None:
        """Raises Refused `no-token`, `not-your-role`."""
        if actor is None:
            if self.token:
                raise Refused(
                    "no-token",
                    "this is for people who show their token",
                    remedy="send it as `Authorization: Bearer hd_…`",
                )
            return
        if self.roles:
            actor.require(*sorted(self.roles))
        if self.held and not actor.roles:
            raise Refused(
                "not-your-role",
                "this is for people who have a role here",
                remedy="ask an administrator: halfdoor people role give",
            )


ANYONE = Who("anyone", token=False)
PERSON = Who("everybody who has registered or joined")
HOLDER = Who("everybody who holds a role, also one that only a policy names", held=True)


def holding(*roles: str) -> Who:
    """People with one of these roles."""
    return Who(f"people with the role {' or '.join(sorted(roles))}", roles=frozenset(roles))


A = TypeVar("A")
B = TypeVar("B", bound=Asks)


@dataclass(frozen=True)
class Call(Generic[B]):
    """One request that was let in, as its handler sees it."""

    served: Served
    actor: Actor | None
    path: Mapping[str, str]
    asks: B

    @property
    def commits(self) -> Commits:
        """Reads and writes."""
        return self.served.commits

    @property
    def person(self) -> Actor:
        """Who calls, where the operation is for people who are recognised."""
        assert self.actor is not None
        return self.actor

    @property
    def is_insider(self) -> bool:
        """The caller holds some role, and so may know of what is not open yet."""
        return self.actor is not None and bool(self.actor.roles)


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[B, A]):
    """A row of the table.

    name:    for programs that are made from the document
    path:    below PREFIX; {names} as in PARAMETERS
    summary: one sentence
    limited: only so often from one network, since anybody may call it and it stores or guesses something
    """

    name: str
    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    who: Who
    summary: str
    asks: type[B]
    answers: type[A]
    handle: Callable[[Call[B]], A]
    status: int = 200
    limited: bool = False
    body_bytes_max: int = BODY_BYTES_MAX


Table = tuple[Operation[Any, Any], ...]
