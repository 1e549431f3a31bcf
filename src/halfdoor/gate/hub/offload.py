"""Letting another server send the bytes: nginx in front of this one, or the bucket where they lie.

Only where the operator set it up and the policy lets it be. What runs there cannot be cut.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from halfdoor.gate.permit import Asked, admit
from halfdoor.services import deliveries
from halfdoor.services.deliveries import By, Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halfdoor.gate.guard import Guard
    from halfdoor.gate.hub.view import View
    from halfdoor.services.parts import Parts

LINK_SECONDS = 60
_OK, _FOUND = 200, 302


def offloaded(
    parts: Parts,
    guard: Guard,
    view: View,
    sent: tuple[Wanted, By, Asked],
    headers: Sequence[tuple[str, str]],
) -> Response | None:
    """The answer that has another server send it, once that is logged; None where this one has to.

    Raises Refused, LogUnavailable, DatabaseFailed: then nothing may be sent.
    """
    wanted, by, asked = sent
    way = parts.home.settings.offload
    place = parts.blobs.path(wanted.digest) if way == "nginx" and view.standing.offload else None
    link = parts.blobs.link(wanted.digest, LINK_SECONDS) if way == "s3" and view.standing.offload else None
    if place is None and link is None:
        return None
    guard.check()
    by = By(by.holder, by.grant, by.token, offloaded=True)
    delivery = deliveries.begin(
        parts.commits, wanted, by, lambda connection, now: admit(connection, asked, now)
    )
    if place is not None:
        response = Response(status_code=_OK)
        found = [*headers, ("X-Accel-Redirect", f"/_blobs/{place}"), ("X-Halfdoor-Delivery", delivery)]
    else:
        assert link is not None
        response = Response(status_code=_FOUND)
        found = [
            *(one for one in headers if one[0] not in {"Content-Type", "Content-Disposition"}),
            ("Location", link),
            ("Content-Length", "0"),
            ("X-Linked-Size", str(wanted.length_bytes)),
        ]
    response.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in found]
    return response
