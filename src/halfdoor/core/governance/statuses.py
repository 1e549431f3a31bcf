"""The HTTP status of every refusal and error, for all that answers over HTTP. All in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halfdoor.core.errors import HalfdoorError

# By code; what is not listed goes by the kind of error, below.
BY_CODE = {
    "bad-token": 401,
    "no-token": 401,
    "not-your-role": 403,
    "not-found": 404,
    "already-so": 409,
    "changed-meanwhile": 409,
    "too-large": 413,
    "too-many-requests": 429,
    "log-busy": 503,
    "log-down": 503,
    "log-late": 503,
    "no-feed": 503,
    "database-failed": 503,
}
_INPUT, _REFUSED, _BUG = 400, 403, 500


def status_of(error: HalfdoorError) -> int:
    """The status for an error: by its code, else 400 for bad input, 403 for a refusal, 500 for the rest."""
    fallback = {2: _INPUT, 1: _REFUSED}.get(error.exit_code, _BUG)
    return BY_CODE.get(error.code, fallback)
