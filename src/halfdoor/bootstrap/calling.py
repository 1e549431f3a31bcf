"""The control API of a home, called within the process: what `--home DIR --as PERSON` of commands does.

Whoever can write to a home's database can act as anyone there, so no token is asked for: it would protect
nothing. Everything else is as over HTTP: the same routes, the same checks of roles, the same answers.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette

from halfdoor.bootstrap.working import working
from halfdoor.services.people import person_actor
from halfdoor.web.api.app import ACTOR, api_routes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.types import ASGIApp, Message

    from halfdoor.core.governance.actor import Actor
    from halfdoor.services.commit import Commits
    from halfdoor.services.home import Home

NOWHERE = "http://localhost"  # where nobody said where clients reach the server


@dataclass(frozen=True)
class Here:
    """What the API needs of a home (web.api.operation.Served)."""

    home: Home
    commits: Commits
    public_url: str


@dataclass(frozen=True)
class Inside:
    """The API of a home, and in whose name it is called: None for whoever has no token."""

    app: ASGIApp
    actor: Actor | None

    def call(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """One request: status, headers (names in lower case), body. target: path and query string."""
        return asyncio.run(_call(self, method, target, (headers, body)))


@contextmanager
def api_of(home: Home, person: str | None) -> Iterator[Inside]:
    """The API of a home, in the name of a person (e-mail address or id), until the end of the block.

    Raises Refused `not-found` where there is no such person; InputError, DatabaseFailed.
    """
    with working(home) as commits:
        actor = None if person is None else person_actor(commits, person)
        here = Here(home, commits, home.settings.public_url or NOWHERE)
        yield Inside(Starlette(routes=api_routes(here)), actor)


async def _call(
    inside: Inside, method: str, target: str, given: tuple[Mapping[str, str], bytes]
) -> tuple[int, dict[str, str], bytes]:
    headers, body = given
    path, _, query = target.partition("?")
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": None,
        "server": None,
        "state": {},
        ACTOR: inside.actor,
    }
    sent: list[Message] = []
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await inside.app(scope, receive, send)
    start = sent[0]
    found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start["status"], found, b"".join(message.get("body", b"") for message in sent[1:])
