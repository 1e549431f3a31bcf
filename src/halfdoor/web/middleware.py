"""What every request goes through: its id, its limits, what is written down of it, and its last resort.

Pure ASGI. Whoever recognises the caller sets `request.state.person`, `.grant` or `.delivery` (ids): they are
written to the access log. Addresses, query strings, tokens and the secret of an invitation never are.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import time
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.statuses import status_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from halfdoor.web.metrics import Meters

_ACCESS = logging.getLogger("halfdoor.access")
_LOGGER = logging.getLogger("halfdoor.web")
_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_SECRET_PATH = re.compile(r"^/join/.*", re.DOTALL)
_PATH_CHARACTERS_MAX = 500
_SERVER_ERROR = 500
KNOWN = ("person", "token", "grant", "delivery")  # of request.state, for the access log

BODY_SECONDS_MAX = 30.0
BODY_BYTES_MAX = 65_536
API = "/api/halfdoor/"
API_BODY_BYTES_MAX = 8 * 1024 * 1024  # an assessment's question with its documents

HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; sandbox",
    b"cache-control": b"no-store",
}
_STRICT = (b"strict-transport-security", b"max-age=31536000")


class Observed:
    """Gives each request an id, headers, a line in the log, a place in the numbers; catches what is left."""

    def __init__(self, app: ASGIApp, *, meters: Meters) -> None:
        self._app, self._meters = app, meters
        self._running = 0
        meters.counter("halfdoor_requests_total", "Requests that were answered")
        meters.counter("halfdoor_request_seconds_total", "Time that answering took")
        meters.counter("halfdoor_sent_bytes_total", "Bytes of bodies that were sent")
        meters.gauge("halfdoor_requests_running", "Requests under way", lambda: self._running)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI asks."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(scope, send)
        self._running += 1
        try:
            await self._app(scope, receive, seen.send)
        except HalfdoorError as error:
            await seen.fail(error, status_of(error))
        except Exception as error:  # noqa: BLE001  the last resort: a bug is answered calmly, and written down
            await seen.fail(error, _SERVER_ERROR)
        finally:
            self._running -= 1
            self._write_down(scope, seen)

    def _write_down(self, scope: Scope, seen: _Seen) -> None:
        seconds = time.monotonic() - seen.begun
        route = getattr(scope.get("route"), "path", "none")
        self._meters.count("halfdoor_requests_total", route=route, status=str(seen.status))
        self._meters.count("halfdoor_request_seconds_total", seconds, route=route)
        self._meters.count("halfdoor_sent_bytes_total", seen.sent_bytes, route=route)
        if _ACCESS.isEnabledFor(logging.INFO):
            state = scope["state"]
            known = {name: state[name] for name in KNOWN if isinstance(state.get(name), str)}
            fields = {
                "request": seen.id,
                "method": scope["method"],
                "path": _SECRET_PATH.sub("/join/…", scope["path"])[:_PATH_CHARACTERS_MAX],
                "status": seen.status,
                "bytes": seen.sent_bytes,
                "ms": round(seconds * 1000, 1),
                "complete": seen.complete,
                **known,
            }
            _ACCESS.info("request", extra={"fields": fields})


class _Seen:
    """What is known of one request and its answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.begun = time.monotonic()
        self.status = 0
        self.sent_bytes = 0
        self.complete = False
        self._send, self._head = send, scope["method"] == "HEAD"
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        self.id = given.decode() if _ID.fullmatch(given) else os.urandom(16).hex()
        self._strict = scope.get("scheme") == "https"
        scope.setdefault("state", {})["request_id"] = self.id
        self._scope = scope

    async def send(self, message: Message) -> None:
        """Send on, with our headers where there are none."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._headers(message.get("headers", ()))}
        await self._send(message)
        if message["type"] == "http.response.body":
            self.sent_bytes += 0 if self._head else len(message.get("body", b""))
            self.complete = self.complete or not message.get("more_body", False)

    def _headers(self, given: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        headers = [(name.lower(), value) for name, value in given]
        there = {name for name, _ in headers}
        headers += [(name, value) for name, value in HEADERS.items() if name not in there]
        if self._strict and _STRICT[0] not in there:
            headers.append(_STRICT)
        return [*headers, (b"x-request-id", self.id.encode())]

    async def fail(self, error: Exception, status: int) -> None:
        """Answer what nobody else did. Where an answer has begun it stays cut off, and the client sees it."""
        if status >= _SERVER_ERROR and not isinstance(error, HalfdoorError):
            _LOGGER.error("a bug", exc_info=error, extra={"fields": {"request": self.id}})
        if self.status:
            return
        content = _content(error, self.id)
        answer = JSONResponse(content, status)
        await answer(self._scope, _nothing, self.send)


def _content(error: Exception, request: str) -> dict[str, str]:
    """An error as JSON: of ours what it says, of a bug nothing but where to find it."""
    if isinstance(error, HalfdoorError):
        told = {"code": error.code, "error": error.message, "remedy": error.remedy}
    else:
        told = {
            "code": "bug",
            "error": "this is a mistake in the server, not in what you asked",
            "remedy": "tell its operator, with the request's id",
        }
    return {**{name: value for name, value in told.items() if value}, "request": request}


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


class Bounded:
    """Bodies may be only so long, and may take only so long to come: else Refused `too-large`, `too-slow`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI asks."""
        if scope["type"] == "http":
            receive = _Body(scope, receive).receive
        await self._app(scope, receive, send)


class _Body:
    """Reads one request's body."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._left = API_BODY_BYTES_MAX if scope["path"].startswith(API) else BODY_BYTES_MAX
        self._until = time.monotonic() + BODY_SECONDS_MAX
        self._done = False
        length = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        self._too_long = not length.isdigit() or int(length[:20]) > self._left

    async def receive(self) -> Message:
        """As ASGI's `receive`, until the body is whole; then it only tells of the client's leaving."""
        if self._done:
            return await self._receive()
        if self._too_long:
            raise self._refusal()
        try:
            async with asyncio.timeout(max(0.0, self._until - time.monotonic())):
                message = await self._receive()
        except TimeoutError as error:
            raise Refused("too-slow", "the request came too slowly") from error
        self._done = message["type"] != "http.request" or not message.get("more_body", False)
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise self._refusal()
        return message

    def _refusal(self) -> Refused:
        return Refused("too-large", "the request's body is longer than anything that is asked here")


class JsonLines(logging.Formatter):
    """Log records as JSON, one on a line. What is personal or secret is not in them in the first place."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "at": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
