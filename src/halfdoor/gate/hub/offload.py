"""Letting another server send the bytes: nginx in front of this one, or the bucket where they lie.

Only where the operator set it up and the policy lets it be. What runs there cannot be cut.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Literal

import msgspec
from starlette.responses import Response

from halfdoor.core.errors import HalfdoorError
from halfdoor.gate.hub.sending import BEGINNING, Plan
from halfdoor.gate.permit import admit
from halfdoor.services import deliveries

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from halfdoor.core.governance.standing import Standing
    from halfdoor.gate.guard import Guard
    from halfdoor.services.parts import Parts
    from halfdoor.store.access import GrantRow

LINK_SECONDS = 60
Way = Literal["nginx", "s3"]
_OK, _FOUND = 200, 302
_NOT_OF_A_REDIRECT = frozenset({"Content-Type", "Content-Disposition", "Accept-Ranges"})


def way_of(parts: Parts, standing: Standing, digest: str, grant: GrantRow | None) -> Way | None:
    """How another server is to send a blob; None where this one has to.

    A link works from anywhere and as often as somebody likes until it lapses, so a grant that is limited gets
    none.
    """
    way = parts.home.settings.offload
    if not standing.offload:
        return None
    if way == "nginx" and parts.blobs.path(digest) is not None:
        return "nginx"
    limited = grant is not None and (grant.networks or grant.bytes_max or grant.downloads_max)
    if way == "s3" and not limited and parts.blobs.link(digest, 1) is not None:
        return "s3"
    return None


class Elsewhere:
    """An answer that has another server send the bytes, once the log has it (ASGI)."""

    def __init__(
        self,
        parts: Parts,
        guard: Guard,
        plan: Plan,
        way: Way,
        refused: Callable[[HalfdoorError], Response],
    ) -> None:
        """refused: the answer where nothing may be sent after all."""
        by = msgspec.structs.replace(plan.by, offloaded=True)
        self._plan = Plan(plan.asked, plan.wanted, by, status=plan.status, headers=plan.headers)
        self._parts, self._guard, self._way, self._refused = parts, guard, way, refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI asks."""
        try:
            answer = await asyncio.get_running_loop().run_in_executor(BEGINNING, self._begin)
        except HalfdoorError as error:
            answer = self._refused(error)
        await answer(scope, receive, send)

    def _begin(self) -> Response:
        """Logged, then told where. Raises HalfdoorError: then nothing may be sent."""
        plan, parts = self._plan, self._parts
        self._guard.check()
        delivery = deliveries.begin(
            parts.commits, plan.wanted, plan.by, lambda connection, now: admit(connection, plan.asked, now)
        )
        if self._way == "nginx":
            place = parts.blobs.path(plan.wanted.digest)
            headers = [
                *plan.headers,
                ("X-Accel-Redirect", f"/_blobs/{place}"),
                ("X-Halfdoor-Delivery", delivery),
            ]
            return _answer(_OK, headers)
        link = parts.blobs.link(plan.wanted.digest, LINK_SECONDS)
        if link is None:
            deliveries.end(parts.commits, delivery, 0)
            raise HalfdoorError("blobs-failed", "there is no link to the file at the moment")
        headers = [
            *(one for one in plan.headers if one[0] not in _NOT_OF_A_REDIRECT),
            ("Location", link),
            ("Content-Length", "0"),
            ("X-Linked-Size", str(plan.wanted.length_bytes)),
        ]
        return _answer(_FOUND, headers)


def _answer(status: int, headers: list[tuple[str, str]]) -> Response:
    response = Response(status_code=status)
    response.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return response
