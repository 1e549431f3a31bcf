"""Who one is, which models there are, and what a model is: everything but its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from starlette.responses import JSONResponse

from halfdoor.core.governance.refusal import Refused
from halfdoor.gate.hub.view import is_seen, nothing_there
from halfdoor.services.basis import basis_of
from halfdoor.services.commit import moment
from halfdoor.store import models
from halfdoor.store.applications import rule_of
from halfdoor.store.models import MAIN, FileRow
from halfdoor.store.people import person_of
from halfdoor.store.standing import standing_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from halfdoor.gate.hub.hub import Question
    from halfdoor.gate.hub.view import View

_LIMIT_DEFAULT, _LIMIT_MAX = 100, 1000
_TRUE = frozenset({"1", "true", "True"})
POINTER_BYTES = 134  # of a git-lfs pointer, which clients expect to be told of


def whoami(asked: Question) -> Response:
    """`GET /api/whoami-v2`. Raises Refused `bad-token`, `no-token`."""
    caller = asked.caller
    if caller.key is None:
        known = "no token was sent" if caller.kind == "anonymous" else "the token that was sent opens nothing"
        raise Refused("no-token" if caller.kind == "anonymous" else "bad-token", known)
    person = person_of(asked.connection, caller.key.person)
    name = caller.key.person if person is None else person.name
    grant = caller.key.grant
    shown = "your own, for the control plane" if grant is None else f"{grant.id}, as {grant.group}"
    access = {"displayName": shown, "role": "read"}
    return JSONResponse(
        {
            "type": "user",
            "id": caller.key.person,
            "name": caller.key.person,
            "fullname": name,
            "isPro": False,
            "orgs": [],
            "auth": {"type": "access_token", "accessToken": access},
        }
    )


def model(asked: Question, repository: str, revision: str) -> Response:
    """`GET /api/models/{id}[/revision/{rev}]`."""
    view = asked.look(repository, revision)
    files = view.files(asked.connection)
    query = asked.request.query_params
    content = _about(asked, view, files)
    sizes = query.get("blobs") in _TRUE
    content["siblings"] = [_sibling(one, sizes=sizes) for one in files]
    signature = asked.signature(view, files)
    if signature is not None:
        content["siblings"].append(_sibling(signature[0], sizes=sizes))
    content["usedStorage"] = sum(one.size_bytes for one in files)
    return _with(asked, view, content)


def _about(asked: Question, view: View, files: Sequence[FileRow]) -> dict[str, Any]:
    at = f"{moment(view.version.published_ms):%Y-%m-%dT%H:%M:%S}.000Z"
    return {
        "_id": view.version.sha[:24],
        "id": view.repository,
        "modelId": view.repository,
        "author": view.repository.partition("/")[0],
        "sha": view.version.sha,
        "createdAt": at,
        "lastModified": at,
        "private": not view.standing.seen,
        "gated": _gated(asked, view, files),
        "disabled": view.standing.disabled,
        "downloads": 0,
        "likes": 0,
        "tags": [f"version:{view.version.label}"],
        "spaces": [],
    }


def _gated(asked: Question, view: View, files: Sequence[FileRow]) -> bool | str:
    """False where anyone may have all of it, else whether people decide or a rule does."""
    if all("anyone" in view.standing.opened.get(item, ()) for one in files for item in one.items):
        return False
    basis = basis_of(asked.connection, view.version.id, asked.now)
    groups = [] if basis is None else basis.askable()
    automatic = [
        basis is not None
        and basis.row(group).automatic
        and rule_of(asked.connection, group).responsible is not None
        for group in groups
    ]
    return "auto" if automatic and all(automatic) else "manual"


def _sibling(file: FileRow, *, sizes: bool) -> dict[str, Any]:
    if not sizes:
        return {"rfilename": file.path}
    sha = file.digest.removeprefix("sha256:")
    lfs = {"sha256": sha, "size": file.size_bytes, "pointerSize": POINTER_BYTES}
    return {"rfilename": file.path, "size": file.size_bytes, "blobId": sha[:40], "lfs": lfs}


def refs(asked: Question, repository: str) -> Response:
    """`GET …/refs`: `main`, and each version and variant that the caller may know of as a tag."""
    if not is_seen(asked.connection, asked.caller, repository):
        raise nothing_there(asked.connection, asked.caller, repository, MAIN)
    branches, tags = [], []
    found = models.resolve(asked.connection, repository, MAIN)
    if found is not None:
        branches.append({"name": MAIN, "ref": "refs/heads/main", "targetCommit": found[0].sha})
    for name, version in models.revisions(asked.connection, repository):
        standing = standing_of(asked.connection, version.id, asked.now)
        if standing is not None and (standing.seen or asked.caller.sees_all):
            tags.append({"name": name.name, "ref": f"refs/tags/{name.name}", "targetCommit": name.sha})
    return JSONResponse({"branches": branches, "converts": [], "tags": tags, "pullRequests": []})


def auth_check(asked: Question, repository: str, *, write: bool) -> Response:
    """`GET …/auth-check[/write]`: whether the caller may have all that is listed."""
    view = asked.look(repository, MAIN)
    if write:
        raise Refused("not-your-role", "clients upload nothing here", remedy="publish: halfdoor publish DIR")
    for file in view.files(asked.connection):
        if (why := view.why_not(file)) is not None:
            raise asked.gated(view, why, None)
    return _with(asked, view, {"ok": True})


def listing(asked: Question) -> Response:
    """`GET /api/models?author=&search=&limit=&cursor=`: the repositories that the caller may know of."""
    query = asked.request.query_params
    author, search, after = query.get("author"), query.get("search", "").lower(), query.get("cursor", "")
    limit = limit_of(asked.request, _LIMIT_DEFAULT)
    found: list[dict[str, Any]] = []
    for name in models.repositories(asked.connection):
        if name <= after or (author and name.partition("/")[0] != author) or search not in name.lower():
            continue
        try:
            view = asked.look(name, MAIN)
        except Refused:
            continue
        if len(found) == limit:
            return JSONResponse(found, headers={"Link": next_link(asked.request, found[-1]["id"])})
        files = view.files(asked.connection)
        content = _about(asked, view, files)
        if query.get("full") in _TRUE:
            content["siblings"] = [_sibling(one, sizes=False) for one in files]
        found.append(content)
    return JSONResponse(found)


def limit_of(request: Request, default: int) -> int:
    """How many at once: what is asked for, within reason."""
    given = request.query_params.get("limit", "")
    return min(max(1, int(given[:9])), _LIMIT_MAX) if given.isdecimal() else default


def next_link(request: Request, cursor: str) -> str:
    """The header that leads to what follows."""
    query = urlencode({**request.query_params, "cursor": cursor})
    path = quote(request.scope["path"], safe="/")
    return f'<{request.url.scheme}://{request.url.netloc}{path}?{query}>; rel="next"'


def _with(asked: Question, view: View, content: object) -> JSONResponse:
    response = JSONResponse(content)
    for name, value in asked.warnings(view):
        response.headers.append(name, value)
    return response
