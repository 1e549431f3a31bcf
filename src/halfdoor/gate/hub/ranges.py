"""Parts of a file: Range, If-Range and If-None-Match (RFC 9110), of single ranges; others get the whole."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from halfdoor.core.governance.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


def unchanged(headers: Mapping[str, str], etag: str) -> bool:
    """The client has it already."""
    given = headers.get("if-none-match")
    if given is None:
        return False
    tags = {one.strip().removeprefix("W/") for one in given.split(",")}
    return etag in tags or "*" in tags


def part(headers: Mapping[str, str], etag: str, size: int) -> tuple[int, int] | None:
    """First byte and length of what is asked for; None: the whole.

    Raises Refused `bad-range` where nothing of it is there.
    """
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    if match is None or match[0] == "bytes=-":
        return None
    if headers.get("if-range", etag).strip() != etag:
        return None  # what the client has a part of is something else
    first, last = match[1], match[2]
    if first:
        begin, end = int(first), min(int(last), size - 1) if last else size - 1
        if last and int(last) < begin:
            return None  # no range at all
    else:
        begin, end = max(0, size - int(last)), size - 1
    if begin >= size or begin > end:
        raise Refused("bad-range", f"the file has {size:,} bytes")
    return begin, end - begin + 1
