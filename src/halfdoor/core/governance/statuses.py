"""The HTTP status of every refusal and error, for all that answers over HTTP. All in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halfdoor.core.errors import HalfdoorError

# By code; what is not listed goes by the kind of error, below.
BY_CODE = {
    "bad-review": 400,
    "bad-signature": 400,
    "future": 400,
    "bad-invitation": 401,
    "bad-token": 401,
    "gated-without-token": 401,
    "no-token": 401,
    "not-your-role": 403,
    "no-such-file": 404,
    "no-such-repository": 404,
    "no-such-revision": 404,
    "no-such-stage": 404,
    "not-found": 404,
    "not-listed": 404,
    "no-such-method": 405,
    "too-slow": 408,
    "already-so": 409,
    "changed-meanwhile": 409,
    "ended": 409,
    "last-admin": 409,
    "no-agreement": 409,
    "no-decision": 409,
    "not-live": 409,
    "not-yet": 409,
    "other-version": 409,
    "too-many-keys": 409,
    "too-many-tokens": 409,
    "wrong-state": 409,
    "too-large": 413,
    "bad-content-type": 415,
    "bad-range": 416,
    "too-many-requests": 429,
    "damaged-document": 500,
    "blobs-failed": 503,
    "database-failed": 503,
    "log-busy": 503,
    "log-down": 503,
    "log-late": 503,
    "no-feed": 503,
}
_INPUT, _REFUSED, _BUG = 400, 403, 500


def status_of(error: HalfdoorError) -> int:
    """The status for an error: by its code, else 400 for bad input, 403 for a refusal, 500 for the rest."""
    fallback = {2: _INPUT, 1: _REFUSED}.get(error.exit_code, _BUG)
    return BY_CODE.get(error.code, fallback)
