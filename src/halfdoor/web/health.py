"""Is it alive, is it ready, how is it doing: /healthz, /readyz, /metrics."""

from __future__ import annotations

import ipaddress
import logging
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.statuses import status_of
from halfdoor.web.metrics import TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request

    from halfdoor.core.governance.actor import Actor
    from halfdoor.web.metrics import Meters

_LOGGER = logging.getLogger("halfdoor.health")
_BEARER = "bearer "
_NOT_READY = 503
# Of a server in front: then the address is that server's, and tells nothing of who asks.
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


def health_routes(
    checks: Mapping[str, Callable[[], object]],
    meters: Meters,
    authenticate: Callable[[str], Actor],
) -> list[Route]:
    """The three of them.

    checks:       what must be well for requests to be answered; each raises where it is not
    authenticate: who a token stands for; raises Refused
    """

    def ready(_: Request) -> Response:
        found = {name: _well(name, check) for name, check in checks.items()}
        return JSONResponse(
            {
                "ready": all(found.values()),
                "parts": {name: "ok" if ok else "failed" for name, ok in found.items()},
            },
            200 if all(found.values()) else _NOT_READY,
        )

    def metrics(request: Request) -> Response:
        try:
            if not _is_here(request):
                authenticate(_token(request)).require("admin", "auditor")
        except HalfdoorError as error:
            return JSONResponse({"code": error.code, "error": error.message}, status_of(error))
        return Response(meters.text(), headers={"Content-Type": TYPE})

    async def alive(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    return [Route("/healthz", alive), Route("/readyz", ready), Route("/metrics", metrics)]


def _well(name: str, check: Callable[[], object]) -> bool:
    """Why it is not well is for the operator's log, not for everybody."""
    try:
        check()
    except HalfdoorError as error:
        _LOGGER.warning("not ready: %s: %s", name, error.message)
        return False
    except Exception:
        _LOGGER.exception("not ready: %s", name)
        return False
    return True


def _is_here(request: Request) -> bool:
    """Asked from this machine, and by nobody who passes on what others ask."""
    client = request.client
    if client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(client.host).is_loopback
    except ValueError:
        return False


def _token(request: Request) -> str:
    given = request.headers.get("authorization", "")
    if given[: len(_BEARER)].lower() != _BEARER:
        raise Refused("no-token", "numbers are for this machine, and for auditors with their token")
    return given[len(_BEARER) :].strip()
