"""A witness over HTTP: POST /add-checkpoint (C2SP tlog-witness), and GET / says who this is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from halfdoor.core.log.witnessing import (
    PATH,
    REQUEST_BYTES_MAX,
    SIZE_TYPE,
    Refusal,
    WitnessConflict,
    parse_request,
)

if TYPE_CHECKING:
    from starlette.requests import Request

    from halfdoor.services.log.witness import Witness

BODY_SECONDS_MAX = 20
STATUSES = {
    "bad-request": 400,
    "not-signed": 403,
    "unknown-log": 404,
    "witness-conflict": 409,
    "forked": 409,
    "bad-proof": 422,
}
_TOO_SLOW, _TOO_LARGE = 408, 413


def witness_app(witness: Witness) -> Starlette:
    """The application that answers for this witness."""

    def about(_: Request) -> Response:
        return PlainTextResponse(_about(witness))

    async def add_checkpoint(request: Request) -> Response:
        try:
            async with asyncio.timeout(BODY_SECONDS_MAX):
                body = await _body(request)
        except TimeoutError:
            return PlainTextResponse("the request came too slowly\n", _TOO_SLOW)
        if body is None:
            return PlainTextResponse(f"a request has at most {REQUEST_BYTES_MAX} bytes\n", _TOO_LARGE)
        return await run_in_threadpool(_answer, witness, body)

    return Starlette(
        routes=[
            Route("/", about, methods=["GET"]),
            Route(f"/{PATH}", add_checkpoint, methods=["POST"]),
        ]
    )


async def _body(request: Request) -> bytes | None:
    """The body, or None where it is longer than any request needs to be."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > REQUEST_BYTES_MAX:
            return None
    return bytes(body)


def _answer(witness: Witness, body: bytes) -> Response:
    try:
        signature = witness.cosign(parse_request(body))
    except WitnessConflict as conflict:
        # As a header of ours: Starlette would put a charset behind the type, and clients compare it whole.
        return Response(f"{conflict.size}\n", STATUSES[conflict.code], {"Content-Type": SIZE_TYPE})
    except Refusal as refusal:
        return PlainTextResponse(f"{refusal.message}\n", STATUSES[refusal.code])
    return PlainTextResponse(signature.line())


def _about(witness: Witness) -> str:
    logs = "".join(f"  {origin}\n" for origin in sorted(witness.logs))
    return (
        f"{witness.key.name} is a witness of transparency logs (c2sp.org/tlog-witness).\n"
        f"It cosigns a log's checkpoint where that extends the last one it saw.\n\n"
        f"Key:\n  {witness.key}\n\nLogs:\n{logs}"
    )
