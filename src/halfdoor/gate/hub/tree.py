"""The files of a revision: as a tree, and of paths that were named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec
from starlette.responses import JSONResponse

from halfdoor.core.canonical import digest
from halfdoor.core.governance.refusal import Refused
from halfdoor.gate.hub.info import POINTER_BYTES, limit_of, next_link
from halfdoor.gate.hub.names import is_path
from halfdoor.services.commit import moment

if TYPE_CHECKING:
    from starlette.responses import Response

    from halfdoor.gate.hub.hub import Question
    from halfdoor.gate.hub.view import View
    from halfdoor.store.models import FileRow

_LIMIT_DEFAULT = 1000
_TRUE = frozenset({"1", "true", "True"})


def tree(asked: Question, repository: str, revision: str, folder: list[str]) -> Response:
    """`GET …/tree/{rev}[/dir]?recursive&expand&limit&cursor`: files and folders, by path.

    Raises Refused `no-such-file` where there is no such folder, and as view.look.
    """
    view = asked.look(repository, revision)
    query = asked.request.query_params
    below = "".join(f"{part}/" for part in folder) if is_path(folder) else "/" if folder else ""
    entries = _entries(asked, view, below, recursive=query.get("recursive") in _TRUE)
    if below and not entries:
        raise Refused("no-such-file", "there is no such folder in this revision")
    after, limit = query.get("cursor", ""), limit_of(asked.request, _LIMIT_DEFAULT)
    left = [entries[path] for path in sorted(entries) if path > after]
    if query.get("expand") in _TRUE:
        left = [one | _last_change(view) for one in left]
    response = JSONResponse(left[:limit])
    if len(left) > limit:
        response.headers["Link"] = next_link(asked.request, left[limit - 1]["path"])
    for name, value in asked.warnings(view):
        response.headers.append(name, value)
    return response


def paths_info(asked: Question, repository: str, revision: str, body: bytes) -> Response:
    """`POST …/paths-info/{rev}`: what is under some paths; those that are not there are left out."""
    view = asked.look(repository, revision)
    paths, expand = _paths_of(body)
    entries = _entries(asked, view, "", recursive=True)
    found = [entries[path] for path in dict.fromkeys(paths) if path in entries]
    return JSONResponse([one | _last_change(view) for one in found] if expand else found)


def _paths_of(body: bytes) -> tuple[list[str], bool]:
    """Clients send a form, newer ones JSON."""
    try:
        given = msgspec.json.decode(body)
        paths, expand = given["paths"], bool(given.get("expand"))
        return [one for one in paths if isinstance(one, str)], expand
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError):
        form = parse_qs(body.decode("utf-8", "replace"))
        return form.get("paths", []), form.get("expand", [""])[0] in _TRUE


def _entries(asked: Question, view: View, below: str, *, recursive: bool) -> dict[str, dict[str, Any]]:
    """What lies below a folder (with its slash; empty: at the top), by path."""
    files = view.files(asked.connection)
    signature = asked.signature(view, files)
    found: dict[str, dict[str, Any]] = {}
    for file in [*files, *([] if signature is None else [signature[0]])]:
        if not file.path.startswith(below):
            continue
        rest = file.path[len(below) :].split("/")
        for depth in range(1, len(rest) if recursive else min(2, len(rest))):
            path = below + "/".join(rest[:depth])
            found.setdefault(path, {"type": "directory", "oid": _oid(path), "size": 0, "path": path})
        if recursive or len(rest) == 1:
            found[file.path] = _entry(file)
    return found


def _entry(file: FileRow) -> dict[str, Any]:
    # Without a Xet hash: who tells one has to serve it.
    sha = file.digest.removeprefix("sha256:")
    lfs = {"oid": sha, "size": file.size_bytes, "pointerSize": POINTER_BYTES}
    return {"type": "file", "oid": sha[:40], "size": file.size_bytes, "path": file.path, "lfs": lfs}


def _last_change(view: View) -> dict[str, Any]:
    at = f"{moment(view.version.published_ms):%Y-%m-%dT%H:%M:%S}.000Z"
    return {"lastCommit": {"id": view.version.sha, "title": f"Version {view.version.label}", "date": at}}


def _oid(path: str) -> str:
    """Something that names a folder; clients take it for git's."""
    return digest(path).removeprefix("sha256:")[:40]
