"""The hub's addresses, and who answers under each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.model.manifest import MAIN
from halfdoor.gate.hub import info, requests, tree
from halfdoor.gate.hub.errors import answer
from halfdoor.gate.hub.hub import Hub
from halfdoor.gate.hub.names import repository_of, segments
from halfdoor.gate.hub.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp

    from halfdoor.services.parts import Parts

    Handler = Callable[[Hub, Request, bytes], ASGIApp]

_MODELS = 2  # parts of a path before the repository: api, models


def hub_routes(parts: Parts) -> list[Route]:
    """What the hub answers to. Everything else is not its business."""
    hub = Hub(parts)
    api = ["GET", "POST", "PUT"]
    return [
        Route("/api/whoami-v2", _endpoint(hub, _whoami)),
        Route("/api/models", _endpoint(hub, _listing)),
        Route("/api/models/{rest:path}", _endpoint(hub, _model), methods=api),
        Route("/api/datasets/{rest:path}", _endpoint(hub, _elsewhere)),
        Route("/api/spaces/{rest:path}", _endpoint(hub, _elsewhere)),
        Route("/{namespace}/{name}/resolve/{rest:path}", _endpoint(hub, _resolve)),
        Route("/{name}/resolve/{rest:path}", _endpoint(hub, _elsewhere)),
    ]


def _endpoint(hub: Hub, handler: Handler) -> Callable[[Request], Awaitable[ASGIApp]]:
    """A handler, in a thread, with its refusals as clients understand them."""

    def handled(request: Request, body: bytes) -> ASGIApp:
        try:
            return handler(hub, request, body)
        except HalfdoorError as error:
            return answer(error)

    async def endpoint(request: Request) -> ASGIApp:
        body = await request.body() if request.method in {"POST", "PUT"} else b""
        return await run_in_threadpool(handled, request, body)

    return endpoint


def _whoami(hub: Hub, request: Request, _: bytes) -> ASGIApp:
    with hub.asked(request) as asked:
        return info.whoami(asked)


def _listing(hub: Hub, request: Request, _: bytes) -> ASGIApp:
    with hub.asked(request) as asked:
        return info.listing(asked)


def _elsewhere(hub: Hub, request: Request, _: bytes) -> ASGIApp:
    del hub, request
    raise Refused("no-such-repository", "there are models here, as namespace/name, and nothing else")


def _resolve(hub: Hub, request: Request, _: bytes) -> ASGIApp:
    parts = segments(request.scope)
    repository = repository_of(parts)
    if request.method == "GET":
        hub.guard.check()  # before the database is asked, which may not answer at all then
    with hub.asked(request) as asked:
        return resolve(asked, repository, parts[3] if len(parts) > 3 else "", parts[4:])  # noqa: PLR2004  ns/name/resolve/rev/…


def _model(hub: Hub, request: Request, body: bytes) -> ASGIApp:
    """`/api/models/{namespace}/{name}/…`."""
    parts = segments(request.scope)[_MODELS:]
    repository, rest = repository_of(parts), parts[2:]
    if request.method != "GET":
        return _changing(hub, request, repository, rest, body)
    match rest:
        case ["user-access-request", status]:
            return requests.listed(hub, request, repository, status)
        case _:
            with hub.asked(request) as asked:
                match rest:
                    case []:
                        return info.model(asked, repository, MAIN)
                    case ["revision", revision]:
                        return info.model(asked, repository, revision)
                    case ["tree", revision, *folder]:
                        return tree.tree(asked, repository, revision, folder)
                    case ["refs"]:
                        return info.refs(asked, repository)
                    case ["auth-check"]:
                        return info.auth_check(asked, repository, write=False)
                    case ["auth-check", "write"]:
                        return info.auth_check(asked, repository, write=True)
    raise Refused("not-found", "there is nothing under this address")


def _changing(hub: Hub, request: Request, repository: str, rest: list[str], body: bytes) -> ASGIApp:
    match (request.method, rest):
        case ("POST", ["paths-info", revision]):
            with hub.asked(request) as asked:
                return tree.paths_info(asked, repository, revision, body)
        case ("POST", ["user-access-request", "handle"]):
            return requests.handle(hub, request, repository, body)
        case ("POST", ["user-access-request", "grant"]):
            return requests.grant(hub, request, repository, body)
        case ("PUT", ["settings"]):
            return requests.settings()
    raise Refused("not-found", "there is nothing under this address")
