"""What a path of a request names. Nothing of it becomes a path on a disk: it is looked up, no more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from halfdoor.core.governance.refusal import Refused
from halfdoor.core.model.manifest import PATH_BYTES_MAX

if TYPE_CHECKING:
    from starlette.types import Scope

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REVISION_CHARACTERS_MAX = 200
_SEGMENTS_MAX = 64


def segments(scope: Scope) -> list[str]:
    """The parts between the slashes of the path as it was sent, each decoded once.

    An encoded slash stays within its part. Raises Refused `not-found` for what is no text.
    """
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    try:
        parts = raw.decode("ascii").removeprefix("/").split("/")
        found = [unquote(part, errors="strict") for part in parts]
    except UnicodeDecodeError:
        raise _nowhere() from None
    if len(found) > _SEGMENTS_MAX:
        raise _nowhere()
    return found


def repository_of(parts: list[str]) -> str:
    """`namespace/name` of the first two parts. Raises Refused `no-such-repository`."""
    if len(parts) < 2 or not all(_REPOSITORY.fullmatch(part) for part in parts[:2]):  # noqa: PLR2004  two
        raise no_repository("/".join(parts[:2]))
    return "/".join(parts[:2])


def is_revision(name: str) -> bool:
    """It may name a revision here."""
    return 0 < len(name) <= _REVISION_CHARACTERS_MAX and name.isascii() and name.isprintable()


def is_path(parts: list[str]) -> bool:
    """They may be a file's path: none is empty, a dot, or holds what no path here holds."""
    return (
        len("/".join(parts).encode(errors="surrogatepass")) <= PATH_BYTES_MAX
        and all(part not in {"", ".", ".."} and part.isprintable() for part in parts)
        and not any(set(part) & {"/", "\\"} for part in parts)
    )


def no_repository(name: str) -> Refused:
    """There is none of that name, or it is nobody's business yet."""
    shown = name.encode("ascii", "backslashreplace").decode()[:200]
    return Refused("no-such-repository", f"there is no repository {shown!r} here")


def _nowhere() -> Refused:
    return Refused("not-found", "there is nothing under this address")
