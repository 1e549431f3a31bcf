"""Asking other people's servers over HTTP: pooled, bounded in bytes, time and repetitions."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, NamedTuple

import urllib3
from urllib3.exceptions import HTTPError, LocationValueError
from urllib3.util.retry import Retry

from halfdoor import __version__
from halfdoor.core.errors import InputError

if TYPE_CHECKING:
    from typing import Self

    from urllib3.response import BaseHTTPResponse

CONNECT_SECONDS = 10
QUIET_SECONDS = 30  # without a byte
WHOLE_SECONDS = 120  # for one answer, however steadily it drips
WAIT_SECONDS_MAX = 30  # that a server may ask us to wait before the next try
TRIES = 3
REDIRECTS_MAX = 3
_BUSY = frozenset({429, 500, 502, 503, 504})
_CHUNK_BYTES = 65_536
_URL = re.compile(r"https?://[^\s?#]+", re.IGNORECASE)


class Answer(NamedTuple):
    """What came back. `data` is None where it was longer than was asked for."""

    status: int
    content_type: str
    data: bytes | None


class _Patience(Retry):
    """Waits as long as a server asks, but no longer than half a minute."""

    def parse_retry_after(self, retry_after: str) -> float:
        return min(super().parse_retry_after(retry_after), WAIT_SECONDS_MAX)


class Http:
    """Connections that are kept for the next question. Safe for threads."""

    def __init__(self, *, at_once: int = 4) -> None:
        """`at_once`: how many questions to one server are under way together."""
        self._pool = urllib3.PoolManager(
            maxsize=at_once,
            block=True,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=QUIET_SECONDS),
            headers={"User-Agent": f"halfdoor/{__version__}", "Accept-Encoding": "gzip, identity"},
        )

    def get(self, url: str, bytes_max: int) -> Answer:
        """Ask for a file; again where the network or a busy server fails. Raises HTTPError."""
        left = TRIES - 1
        retries = _Patience(
            TRIES - 1,
            redirect=REDIRECTS_MAX,
            status_forcelist=_BUSY,
            backoff_factor=0.3,
            raise_on_status=False,
        )
        while True:
            try:
                return self._ask("GET", url, bytes_max, retries=retries)
            except urllib3.exceptions.ProtocolError:  # cut off within the body, which urllib3 does not repeat
                if not left:
                    raise
                left -= 1

    def post(self, url: str, body: bytes, bytes_max: int) -> Answer:
        """Send something, once. Raises HTTPError."""
        never = Retry(0, connect=1, redirect=False, raise_on_status=False)
        return self._ask("POST", url, bytes_max, body=body, retries=never)

    def _ask(
        self, method: str, url: str, bytes_max: int, *, retries: Retry, body: bytes | None = None
    ) -> Answer:
        end = time.monotonic() + WHOLE_SECONDS
        response = self._pool.request(
            method, url, body=body, retries=retries, preload_content=False, decode_content=True
        )
        try:
            data = _bounded(response, bytes_max, end)
            return Answer(response.status, response.headers.get("Content-Type", ""), data)
        finally:
            response.release_conn()

    def close(self) -> None:
        """Let the connections go."""
        self._pool.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bounded(response: BaseHTTPResponse, bytes_max: int, end: float) -> bytes | None:
    chunks, count = [], 0
    while chunk := response.read1(_CHUNK_BYTES):
        chunks.append(chunk)
        count += len(chunk)
        if count > bytes_max:
            response.close()
            return None
        if time.monotonic() > end:
            response.close()
            raise HTTPError(f"the answer took longer than {WHOLE_SECONDS} seconds")
    return b"".join(chunks)


def reason(error: HTTPError) -> str:
    """The innermost cause, without the objects in front of which urllib3 puts it."""
    cause: BaseException = getattr(error, "reason", None) or error
    text = str(cause)
    return text.split(": ", 1)[-1] if "object at 0x" in text else text


def checked_url(text: str) -> str:
    """An http or https address without a slash at its end. Raises InputError `bad-url`."""
    try:
        parsed = urllib3.util.parse_url(text)
    except (LocationValueError, HTTPError) as error:
        raise _bad_url(text) from error
    if not _URL.fullmatch(text) or not parsed.host:
        raise _bad_url(text)
    return text.rstrip("/")


def _bad_url(text: str) -> InputError:
    remedy = "write http://… or https://…, without a question mark or hash"
    return InputError("bad-url", f"{text[:100]!r} is no address of a log or witness", remedy=remedy)
