"""The public log at /log/: the files that anybody may check (c2sp.org/tlog-tiles), read as they were written.

A web server in front can serve the same folder without asking.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

    from halfdoor.ports import LogSource

_CHECKPOINT = "checkpoint"
# A tile never changes: its name says how many entries it is of.
_TILE = re.compile(r"tile/(?:entries|[0-9]{1,2})/(?:x[0-9]{3}/)*[0-9]{3}(?:\.p/[0-9]{1,3})?")
_BYTES_MAX = 32 * 1024 * 1024
_EVERYBODY = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
_FOREVER = "public, max-age=31536000, immutable"


def log_routes(files: LogSource) -> list[Route]:
    """Its files, and nothing else that may lie in the folder."""

    def read(request: Request) -> Response:
        path = request.path_params["path"]
        is_tile = bool(_TILE.fullmatch(path))
        data = files.read(path, _BYTES_MAX) if is_tile or path == _CHECKPOINT else None
        if data is None:
            return PlainTextResponse("the log has no such file\n", 404)
        if is_tile:
            return Response(
                data,
                headers={"Content-Type": "application/octet-stream", "Cache-Control": _FOREVER, **_EVERYBODY},
            )
        return Response(
            data,
            headers={"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store", **_EVERYBODY},
        )

    return [Route("/log/{path:path}", read)]
