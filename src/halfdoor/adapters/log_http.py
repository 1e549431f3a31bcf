"""A log's public files behind an address (ports.LogSource)."""

from __future__ import annotations

from urllib3.exceptions import HTTPError

from halfdoor.adapters.http import Http, checked_url, reason
from halfdoor.adapters.log_source import check_path, too_large, unreadable

HTTP_AT_ONCE = 8
# Buckets that must not be listed answer 403 for what is not there.
_NOT_THERE = frozenset({403, 404, 410})


class HttpSource:
    """Keeps the contract of `LogSource` over HTTP."""

    at_once = HTTP_AT_ONCE

    def __init__(self, url: str) -> None:
        """`url`: the prefix below which `checkpoint` is served. Raises InputError `bad-url`."""
        self.name = checked_url(url)
        self._http = Http(at_once=self.at_once)

    def read(self, path: str, bytes_max: int) -> bytes | None:
        """As the port says."""
        check_path(path)
        url = f"{self.name}/{path}"
        try:
            answer = self._http.get(url, bytes_max)
        except HTTPError as error:
            raise unreadable(url, reason(error)) from error
        if answer.status in _NOT_THERE:
            return None
        if answer.status != 200:  # noqa: PLR2004  OK
            raise unreadable(url, f"the server answered {answer.status}")
        if answer.data is None:
            raise too_large(url, bytes_max)
        return answer.data
