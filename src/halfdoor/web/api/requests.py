"""Reading requests strictly, and writing answers and refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, get_origin, get_type_hints

import msgspec
from starlette.responses import Response

from halfdoor.core.errors import InputError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.statuses import status_of
from halfdoor.web.api.operation import PARAMETERS, Asks, Operation, Raw

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from halfdoor.core.errors import HalfdoorError

JSON = "application/json"
_UNAUTHORISED = 401
_CHALLENGE = 'Bearer realm="halfdoor"'
B = TypeVar("B", bound=Asks)


class Fault(msgspec.Struct, frozen=True):
    """Why something was refused. code: for programs; where: in the request; remedy: what to do next."""

    code: str
    message: str
    where: str = ""
    remedy: str = ""


class Failure(msgspec.Struct, frozen=True):
    """What every answer is that is no success."""

    error: Fault


def refusal(error: HalfdoorError, headers: Mapping[str, str] | None = None) -> Response:
    """An error as an answer."""
    status = status_of(error)
    fault = Fault(error.code, error.message, error.where, error.remedy)
    more = dict(headers or {})
    if status == _UNAUTHORISED:
        more["WWW-Authenticate"] = _CHALLENGE
    return _answer(msgspec.json.encode(Failure(fault)), status, JSON, more)


def success(answer: object, status: int) -> Response:
    """What a handler returned as an answer."""
    if isinstance(answer, Raw):
        return _answer(answer.body, status, answer.media, {})
    return _answer(msgspec.json.encode(answer), status, JSON, {})


def checked_path(values: Mapping[str, str]) -> dict[str, str]:
    """What stands in the path. Raises Refused `not-found`."""
    try:
        return {name: msgspec.convert(value, PARAMETERS[name]) for name, value in values.items()}
    except msgspec.ValidationError as error:
        raise Refused("not-found", f"the path names nothing: {error}") from error


def from_query(request: Request, kind: type[B]) -> B:
    """The query string as a struct; what is listed is given several times. Raises InputError."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if get_origin(hints.get(name)) is tuple:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise InputError("bad-request", f"{name[:60]!r} is given twice", where=name[:60])
        else:
            values[name] = value
    _refuse_zeros(values)
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _bad(error) from error


def from_body(body: bytes, content_type: str, kind: type[B]) -> B:
    """The JSON body as a struct. Raises InputError; Refused `bad-content-type`."""
    if not kind.__struct_fields__:
        if body.strip() not in {b"", b"{}"}:
            raise InputError("bad-request", "this takes no body", remedy="send none")
        return kind()
    if not body and not any(field.required for field in msgspec.structs.fields(kind)):
        return kind()
    if content_type.partition(";")[0].strip().lower() != JSON:
        raise Refused("bad-content-type", f"the body has to be {JSON}", remedy=f"Content-Type: {JSON}")
    try:
        found = msgspec.json.decode(body, type=kind)
        if rb"\u0000" in body:
            _refuse_zeros(msgspec.json.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _bad(error) from error
    return found


async def read_body(request: Request, operation: Operation[Any, Any]) -> bytes:
    """The body, if it is not too long. Raises Refused `too-large`."""
    most = operation.body_bytes_max
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refused("too-large", f"a request of this kind has at most {most:,} bytes")
    return bytes(body)


def _answer(body: bytes, status: int, media: str, headers: dict[str, str]) -> Response:
    return Response(body, status, {"Content-Type": media, "Cache-Control": "no-store", **headers})


def _refuse_zeros(value: object) -> None:
    """PostgreSQL holds no text with U+0000, and nobody's name has one."""
    if isinstance(value, str) and "\0" in value:
        raise InputError("bad-request", "a text holds the character U+0000, which is not taken")
    if isinstance(value, dict):
        for name, one in value.items():
            _refuse_zeros(name)
            _refuse_zeros(one)
    elif isinstance(value, list):
        for one in value:
            _refuse_zeros(one)


def _bad(error: Exception) -> InputError:
    message, _, where = str(error).partition(" - at ")
    text = message[:1].lower() + message[1:] if message else "it nests too deeply"
    return InputError("bad-request", f"the request is not as it should be: {text}", where=where.strip("`"))
