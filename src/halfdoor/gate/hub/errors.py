"""Refusals as Hugging Face's clients understand them: by X-Error-Code; the message is for people."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse

from halfdoor.core.governance.standing import DISABLED
from halfdoor.core.governance.statuses import status_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halfdoor.core.errors import HalfdoorError

_CODES = {
    "gated": "GatedRepo",
    "gated-without-token": "GatedRepo",
    "limit-reached": "GatedRepo",
    "wrong-network": "GatedRepo",
    "no-such-file": "EntryNotFound",
    "no-such-repository": "RepoNotFound",
    "no-such-revision": "RevisionNotFound",
    "not-found": "EntryNotFound",
    "not-listed": "EntryNotFound",
}
# Some clients, `hf` and transformers among them, replace what the server says by words of their own, but show
# every warning.
_WARNED = frozenset({"disabled", "gated", "gated-without-token", "limit-reached", "wrong-network"})
_BUSY, _UNKNOWN = 503, 401
_TOPIC_CHARACTERS = 8
_AGAIN_SECONDS = "1"


def answer(error: HalfdoorError, headers: Iterable[tuple[str, str]] = ()) -> JSONResponse:
    """The response for a refusal."""
    status = status_of(error)
    told = _plain(error)
    content = {"error": told, "code": error.code}
    response = JSONResponse(content, status)
    for name, value in headers:
        response.headers.append(name, value)
    # Clients know what is disabled by exactly these words; why stands in the body.
    response.headers["X-Error-Message"] = DISABLED if error.code == "disabled" else told
    if error.code in _CODES:
        response.headers["X-Error-Code"] = _CODES[error.code]
    if error.code in _WARNED:
        response.headers.append("X-HF-Warning", warning(told))
    if status == _BUSY:
        response.headers["Retry-After"] = _AGAIN_SECONDS
    if status == _UNKNOWN:
        response.headers["WWW-Authenticate"] = 'Bearer realm="halfdoor"'
    return response


def warning(text: str) -> str:
    """The value of X-HF-Warning: a topic, each of which clients show once, and the text."""
    return f"halfdoor-{hashlib.sha256(text.encode()).hexdigest()[:_TOPIC_CHARACTERS]}; {text}"


def _plain(error: HalfdoorError) -> str:
    text = error.message if not error.remedy else f"{error.message}: {error.remedy}"
    if error.code == "disabled":
        text = f"{error.message} {error.remedy}".strip()
    return text.encode("ascii", "backslashreplace").decode().replace("\n", " ").replace("\r", " ")
