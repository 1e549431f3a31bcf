"""`/{id}/resolve/{rev}/{path}`: a file, or what would be sent of it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.responses import Response

from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.standing import ANYONE
from halfdoor.core.model.manifest import SIGNATURE
from halfdoor.gate.hub import ranges
from halfdoor.gate.hub.errors import answer
from halfdoor.gate.hub.names import is_path
from halfdoor.gate.hub.offload import Elsewhere, way_of
from halfdoor.gate.hub.sending import Plan, Sending
from halfdoor.gate.permit import judge
from halfdoor.services.deliveries import By, Wanted
from halfdoor.store import models

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from halfdoor.gate.hub.hub import Question
    from halfdoor.gate.hub.view import View
    from halfdoor.gate.permit import Admitted
    from halfdoor.store.models import FileRow

Headers = list[tuple[str, str]]
_OK, _PARTIAL, _UNCHANGED = 200, 206, 304


def resolve(asked: Question, repository: str, revision: str, path: list[str]) -> ASGIApp:
    """The answer to HEAD and GET. Raises Refused as the hub's other answers.

    Nothing is sent by this itself: the bytes follow once the delivery stands in the log (sending.py).
    """
    view = asked.look(repository, revision)
    commit = [("X-Repo-Commit", view.version.sha), *asked.warnings(view)]
    name = "/".join(path) if is_path(path) else ""
    if name == SIGNATURE:
        found = asked.signature(view, view.files(asked.connection))
        if found is None:
            return answer(_no_file(view), commit)
        return _small(asked, found[0], found[1], commit)
    file = models.file(asked.connection, view.version.id, view.variant, name) if name else None
    if file is None or not view.lists(file):
        return answer(_no_file(view), commit)
    try:
        admitted = judge(view.asked(file), asked.caller.key, view.standing)
    except Refused as refusal:
        if refusal.code == "disabled":
            raise
        if refusal.code == "not-listed" and not asked.caller.sees_all:
            return answer(_no_file(view), commit)
        return answer(asked.gated(view, refusal, file), commit)
    return _file(asked, view, file, admitted, commit)


def _file(asked: Question, view: View, file: FileRow, admitted: Admitted, commit: Headers) -> ASGIApp:
    request, parts = asked.request, asked.hub.parts
    headers = [*commit, *_about(file)]
    if ranges.unchanged(request.headers, _etag(file)):
        return _response(_UNCHANGED, headers)
    try:
        part = ranges.part(request.headers, _etag(file), file.size_bytes)
    except Refused as refusal:
        return answer(refusal, [*commit, ("Content-Range", f"bytes */{file.size_bytes}")])
    first, length = part or (0, file.size_bytes)
    if request.method == "HEAD":
        return _response(_OK, [*headers, ("Content-Length", str(file.size_bytes))])
    grant = admitted.grant
    by = By(parts.holder, None if grant is None else grant.id, admitted.token)
    way = way_of(parts, view.standing, file.digest, grant)
    if way == "s3" or (way == "nginx" and "if-range" in request.headers):
        first, length = 0, file.size_bytes  # what the other server may send; nginx compares no ETag of ours
    wanted = Wanted(view.version.id, file.path, file.digest, _item(view, file), first, length)
    if way is None:
        headers.append(("Content-Length", str(length)))
        if part is not None:
            headers.append(("Content-Range", f"bytes {first}-{first + length - 1}/{file.size_bytes}"))
    status = _OK if part is None else _PARTIAL
    plan = Plan(view.asked(file), wanted, by, status=status, headers=headers)
    if way is not None:
        return Elsewhere(parts, asked.hub.guard, plan, way, lambda error: answer(error, commit))
    return Sending(parts, asked.hub.guard, plan, lambda error: answer(error, commit))


def _small(asked: Question, file: FileRow, body: bytes, commit: Headers) -> Response:
    """A file that was made for the caller."""
    headers = [*commit, *_about(file)]
    if ranges.unchanged(asked.request.headers, _etag(file)):
        return _response(_UNCHANGED, headers)
    try:
        part = ranges.part(asked.request.headers, _etag(file), file.size_bytes)
    except Refused as refusal:
        return answer(refusal, [*commit, ("Content-Range", f"bytes */{file.size_bytes}")])
    if part is None or asked.request.method == "HEAD":
        return _response(_OK, [*headers, ("Content-Length", str(len(body)))], body)
    first, length = part
    headers.append(("Content-Range", f"bytes {first}-{first + length - 1}/{file.size_bytes}"))
    headers.append(("Content-Length", str(length)))
    return _response(_PARTIAL, headers, body[first : first + length])


def _response(status: int, headers: Headers, body: bytes = b"") -> Response:
    response = Response(status_code=status)
    response.body = body
    response.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return response


def _about(file: FileRow) -> Headers:
    return [
        ("ETag", _etag(file)),
        ("Accept-Ranges", "bytes"),
        ("Content-Type", "application/octet-stream"),
        ("Content-Disposition", f"inline; filename*=UTF-8''{quote(file.path.rpartition('/')[2])}"),
    ]


def _etag(file: FileRow) -> str:
    return f'"{file.digest.removeprefix("sha256:")}"'


def _item(view: View, file: FileRow) -> str:
    """The item that the delivery is told under: one that not everybody has, where there is one."""
    closed = [item for item in file.items if ANYONE not in view.standing.opened.get(item, ())]
    return (closed or list(file.items))[0]


def _no_file(view: View) -> Refused:
    return Refused("no-such-file", f"{view.repository} ({view.version.label}) has no such file")
