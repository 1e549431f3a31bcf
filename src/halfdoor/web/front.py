"""The two pages that there are so far, as plain text: what this is, and how to take up an invitation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from halfdoor.core.governance.tokens import INVITATION, looks_right

if TYPE_CHECKING:
    from starlette.requests import Request

    from halfdoor.core.log.keys import VerifierKey

_INDEX = """\
Halfdoor {version} serves models here, each part as openly as was decided, to whom it was decided.

Download with the clients you have:
  export HF_ENDPOINT={url}
  hf download NAMESPACE/NAME

Where a file is refused, the message says how to apply. The control API is at {url}/api/halfdoor/v1.

Everything that was opened stands in a public log, for anybody to check:
  log     {url}/log/
  origin  {origin}
{keys}
  halfdoor log verify {url}/log --key KEYFILE
"""
_JOIN = """\
You are invited. Looking at this page has not used the invitation up.

Install Halfdoor, then type this, and paste the invitation when it asks:
  halfdoor people join --server {url}

The invitation is the last part of this page's address, from {prefix} on. It works once; treat it as a
password.
"""


def front_routes(url: str, version: str, origin: str, keys: tuple[VerifierKey, ...]) -> list[Route]:
    """`url`: where clients reach this server, without a slash at the end."""
    lines = "".join(f"  key     {key}\n" for key in keys)
    index_text = _INDEX.format(url=url, version=version, origin=origin, keys=lines)

    async def index(_: Request) -> Response:
        return PlainTextResponse(index_text)

    async def join(request: Request) -> Response:
        if not looks_right(request.path_params["secret"], INVITATION):
            return PlainTextResponse("This is no invitation: its address was not copied whole.\n", 404)
        return PlainTextResponse(_JOIN.format(url=url, prefix=INVITATION))

    return [Route("/", index), Route("/join/{secret}", join)]
