"""The routes of the control API, made from its table of operations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.routing import Route

from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.actor import Actor
from halfdoor.core.governance.refusal import Refused
from halfdoor.services.people import authenticate
from halfdoor.web.api.limiting import Buckets, TooMany, network_of
from halfdoor.web.api.operation import PREFIX, Call, Operation, Served
from halfdoor.web.api.requests import checked_path, from_body, from_query, read_body, refusal, success
from halfdoor.web.api.table import OPERATIONS

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.routing import BaseRoute
    from starlette.types import Receive, Scope, Send

# In the ASGI scope, by who calls the application within the process; nothing that comes by HTTP gets there.
ACTOR = "halfdoor.actor"


@dataclass(frozen=True)
class Limits:
    """How often one network may do what anybody may: be let in, and show tokens that are unknown."""

    entering: Buckets = field(default_factory=lambda: Buckets(burst=20, seconds=30))
    guessing: Buckets = field(default_factory=lambda: Buckets(burst=30, seconds=2))


def api_routes(parts: Served, limits: Limits | None = None) -> list[BaseRoute]:
    """Everything below /api/halfdoor/v1, unknown paths included."""
    limits = limits or Limits()
    by_path: dict[str, dict[str, Operation[Any, Any]]] = {}
    for operation in OPERATIONS:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    routes: list[BaseRoute] = [
        Route(f"{PREFIX}{path}", _Endpoint(parts, methods, limits)) for path, methods in by_path.items()
    ]
    nowhere = _Endpoint(parts, {}, limits)
    return [*routes, Route(PREFIX, nowhere), Route(f"{PREFIX}/{{rest:path}}", nowhere)]


class _Endpoint:
    """One path: an ASGI application that finds the operation by its method."""

    def __init__(self, parts: Served, methods: dict[str, Operation[Any, Any]], limits: Limits) -> None:
        self._parts, self._methods, self._limits = parts, methods, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI asks."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except TooMany as error:
            response = refusal(error, {"Retry-After": str(error.seconds)})
        except _NoMethod as error:
            response = refusal(error, {"Allow": ", ".join(error.allowed)})
        except HalfdoorError as error:
            response = refusal(error)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        if not self._methods:
            remedy = f"what there is: GET {PREFIX}/openapi.json"
            raise Refused("not-found", "there is nothing at this path", remedy=remedy)
        operation = self._methods.get("GET" if request.method == "HEAD" else request.method)
        if operation is None:
            raise _NoMethod(self._methods)
        actor = await run_in_threadpool(self._let_in, operation, request)
        path = checked_path(request.path_params)
        body = await read_body(request, operation)
        return await run_in_threadpool(self._perform, operation, request, (actor, path, body))

    def _let_in(self, operation: Operation[Any, Any], request: Request) -> Actor | None:
        """Who calls, if they may. Raises Refused."""
        actor = request.scope.get(ACTOR)
        if not isinstance(actor, Actor):
            actor = self._recognised(request)
        if actor is not None:
            request.state.person, request.state.token = actor.person, actor.token
        operation.who.check(actor)
        if operation.limited and request.client is not None:
            self._limits.entering.take(network_of(request.client.host))
        return actor

    def _recognised(self, request: Request) -> Actor | None:
        header = request.headers.get("authorization")
        if header is None:
            return None
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise Refused("bad-token", "a token is sent as `Authorization: Bearer hd_…`")
        try:
            return authenticate(self._parts.commits, secret.strip())
        except Refused:  # whoever shows a good one is let in, whatever neighbours in their network do
            if request.client is not None:
                self._limits.guessing.take(network_of(request.client.host))
            raise

    def _perform(
        self,
        operation: Operation[Any, Any],
        request: Request,
        given: tuple[Actor | None, dict[str, str], bytes],
    ) -> Response:
        actor, path, body = given
        if operation.method == "GET":
            asks = from_query(request, operation.asks)
        else:
            asks = from_body(body, request.headers.get("content-type", ""), operation.asks)
        return success(operation.handle(Call(self._parts, actor, path, asks)), operation.status)


class _NoMethod(Refused):
    """The path is there, and takes other methods."""

    def __init__(self, methods: dict[str, Operation[Any, Any]]) -> None:
        self.allowed = sorted([*methods, *(["HEAD"] if "GET" in methods else [])])
        super().__init__("no-such-method", f"this path takes {' and '.join(self.allowed)}")
