"""How commands speak with the control API: over HTTP, or with a home on this machine.

--server URL asks a server, with the token in HALFDOOR_TOKEN or the one that was kept for that server.
--home DIR --as PERSON calls the same API within this process, as whoever runs the machine may.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote, urlencode, urlsplit

from halfdoor.core.errors import HalfdoorError, InputError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Mapping

PREFIX = "/api/halfdoor/v1"  # as in web/api/operation.py, which takes long to import
TOKEN_VARIABLE = "HALFDOOR_TOKEN"  # noqa: S105  the name of a variable
_CONNECT_SECONDS, _ANSWER_SECONDS = 10, 600  # an assessment as of many days takes its time
_ANSWER_BYTES_MAX = 64 * 1024 * 1024
_OK, _REDIRECT, _BAD = 200, 300, 400
_INPUT = frozenset({400, 413, 415})  # what was asked was wrong in itself
_TEXT = frozenset("\n\t")


class Answered(HalfdoorError):  # noqa: N818  what was answered, not a mistake
    """What the server refused, in its own words. Exit code 2 for bad input, else 1."""

    def __init__(self, status: int, fault: Mapping[str, str]) -> None:
        super().__init__(
            fault.get("code", "refused"),
            fault.get("message", f"the server answered {status}"),
            where=fault.get("where", ""),
            remedy=fault.get("remedy", ""),
        )
        self.status = status
        self.exit_code = 2 if status in _INPUT else 1


class Way(Protocol):
    """One way to the API."""

    def call(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """One request: status, headers (names in lower case), body."""


class Client:
    """The API, as a command uses it. Answers are JSON as Python has it, without control characters.

    options: the words that reach the same place again, for commands that are suggested
    url:     of the server; empty for a home
    """

    def __init__(self, way: Way, options: str, url: str = "", token: str = "") -> None:
        self.options, self.url = options, url
        self._way, self._token = way, token

    @property
    def has_token(self) -> bool:
        """Somebody is recognised by what is sent."""
        return bool(self._token) or not self.url

    def use(self, token: str) -> None:
        """Show this token from now on."""
        self._token = token

    def get(self, path: str, **query: Any) -> Any:  # noqa: ANN401  JSON
        """Look. Query values that are None are left out. Raises Answered, InputError."""
        given = {name: value for name, value in query.items() if value is not None and value is not False}
        words = {name: "true" if value is True else value for name, value in given.items()}
        return self._json("GET", path + (f"?{urlencode(words, doseq=True)}" if words else ""), None)

    def send(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        """Do something. Raises Answered, InputError."""
        return self._json(method, path, body)

    def post(self, path: str, **fields: Any) -> Any:  # noqa: ANN401  JSON
        """Do something; fields that are None are left out. Raises Answered, InputError."""
        body = {name: value for name, value in fields.items() if value is not None}
        return self._json("POST", path, body or None)

    def raw(self, path: str) -> bytes:
        """A document's exact bytes. Raises Answered, InputError."""
        return self._ask("GET", path, None)

    def _json(self, method: str, path: str, body: object) -> Any:  # noqa: ANN401  JSON
        data = self._ask(method, path, body)
        try:
            return _clean(json.loads(data))
        except ValueError as error:
            raise _no_server(self.url) from error

    def _ask(self, method: str, path: str, body: object) -> bytes:
        import msgspec

        headers = {"Accept": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = b""
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = msgspec.json.encode(body)
        status, _, answer = self._way.call(method, PREFIX + path, headers, data)
        if _OK <= status < _REDIRECT:
            return answer
        if status < _BAD:
            raise InputError(
                "redirected", "this address leads elsewhere", where=self.url, remedy="give the right --server"
            )
        raise Answered(status, _fault(answer, self.url))


class _Server:
    """A server, over HTTP."""

    def __init__(self, url: str) -> None:
        import urllib3

        from halfdoor import __version__

        self._url = url
        self._pool = urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_ANSWER_SECONDS),
            headers={"User-Agent": f"halfdoor/{__version__}"},
        )

    def call(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """As Way. Nothing is repeated, and no redirect is followed: a token goes to one place."""
        from urllib3.exceptions import HTTPError

        from halfdoor.adapters.http import reason

        try:
            response = self._pool.request(
                method, self._url + target, body=body, headers=headers, retries=False, preload_content=False
            )
            try:
                data = response.read(_ANSWER_BYTES_MAX)
            finally:
                response.release_conn()
        except HTTPError as error:
            raise InputError(
                "unreachable",
                f"the server does not answer: {reason(error)}",
                where=self._url,
                remedy="is it running, and is the address right?",
            ) from error
        return response.status, {n.lower(): v for n, v in response.headers.items()}, data

    def close(self) -> None:
        """Let the connections go."""
        self._pool.clear()


def configure(parser: argparse.ArgumentParser, *, home: bool = True) -> None:
    """Add --server and, unless it makes no sense, --home and --as; and --json."""
    place = parser.add_argument_group("where")
    place.add_argument(
        "--server", metavar="URL", help=f"a server; your token is kept, or in {TOKEN_VARIABLE}"
    )
    if home:
        place.add_argument(
            "--home", type=Path, metavar="HOME", help="instead: a home on this machine, as its operator"
        )
        place.add_argument(
            "--as", dest="person", metavar="PERSON", help="with --home: as whom, e-mail address or per_…"
        )
    place.add_argument(
        "--insecure", action="store_true", help="allow http:// to another machine: tokens can be read there"
    )
    parser.add_argument("--json", action="store_true", help="print what the server answers")


@contextmanager
def connect(args: argparse.Namespace, *, anonymous: bool = False) -> Iterator[Client]:
    """The API that the options name, until the end of the block.

    anonymous: no token is needed. Raises InputError; Refused where --as names nobody.
    """
    home: Path | None = getattr(args, "home", None)
    person: str | None = getattr(args, "person", None)
    if (args.server is None) == (home is None):
        raise InputError("where", "say where: --server URL, or --home HOME --as PERSON")
    if home is not None:
        if person is None and not anonymous:
            raise InputError("who", "say in whose name: --as, with an e-mail address or per_…")
        from halfdoor.bootstrap.calling import api_of
        from halfdoor.bootstrap.log import open_home

        with api_of(open_home(home), person) as inside:
            yield Client(inside, f"--home {home}" + (f" --as {person}" if person else ""))
        return
    url = checked_server(args.server, insecure=args.insecure)
    token = os.environ.get(TOKEN_VARIABLE, "") or kept_token(url)
    if not token and not anonymous:
        raise InputError(
            "no-token",
            "there is no token for this server here",
            where=url,
            remedy=f"set {TOKEN_VARIABLE}, or take up your invitation: halfdoor people join --server {url}",
        )
    server = _Server(url)
    try:
        yield Client(server, f"--server {url}" + (" --insecure" if args.insecure else ""), url, token)
    finally:
        server.close()


def checked_server(text: str, *, insecure: bool) -> str:
    """A server's address without a slash at its end. Raises InputError `bad-url`, `plain-http`."""
    url = urlsplit(text)
    if (
        url.scheme not in {"http", "https"}
        or not url.hostname
        or url.query
        or url.fragment
        or url.username is not None
        or not text.isprintable()
    ):
        raise InputError("bad-url", f"{text[:100]!r} is no address of a server", remedy="write https://…")
    if url.scheme == "http" and not insecure and not _is_here(url.hostname):
        raise InputError(
            "plain-http",
            "over http:// everybody on the way can read your token",
            where=text,
            remedy="use https://, or --insecure if you know better",
        )
    return text.rstrip("/")


def _is_here(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def tokens_file() -> Path:
    """Where tokens are kept, for their owner's eyes alone."""
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    return Path(base) / "halfdoor" / "tokens.json"


def kept_token(url: str) -> str:
    """The token that was kept for this server; empty where there is none. Raises InputError."""
    return _kept().get(url, "")


def keep_token(url: str, token: str) -> Path:
    """Keep a token for this server, readable by its owner alone; where. Raises InputError."""
    from halfdoor.readers.atomic import write_atomically

    path = tokens_file()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        text = json.dumps({**_kept(), url: token}, indent=1, sort_keys=True)
        write_atomically(path, text.encode() + b"\n", 0o600)
    except OSError as error:
        raise InputError(
            "cannot-write", f"the token cannot be kept: {error.strerror}", where=str(path)
        ) from error
    return path


def _kept() -> dict[str, str]:
    path = tokens_file()
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputError("unreadable", f"the kept tokens cannot be read: {error}", where=str(path)) from error
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise InputError("unreadable", "this is no file of tokens", where=str(path))
    return found


def escaped(text: str) -> str:
    """A word of the command line as part of a path."""
    return quote(text, safe="")


def _fault(answer: bytes, url: str) -> dict[str, str]:
    """The fault in an answer; those of the frame around the API are written otherwise."""
    try:
        found = _clean(json.loads(answer))
    except ValueError as error:
        raise _no_server(url) from error
    fault = found.get("error") if isinstance(found, dict) else None
    if isinstance(fault, dict):
        return {name: str(value) for name, value in fault.items()}
    if isinstance(fault, str):
        return {
            "code": str(found.get("code", "refused")),
            "message": fault,
            "remedy": str(found.get("remedy", "")),
        }
    raise _no_server(url)


def _no_server(url: str) -> InputError:
    return InputError(
        "no-server", "what answers there is no Halfdoor", where=url, remedy="is --server right?"
    )


def _clean(value: Any) -> Any:  # noqa: ANN401  JSON
    """Without what would move a terminal's cursor or colour its text."""
    if isinstance(value, str):
        return "".join(
            one if one.isprintable() or one in _TEXT else "\N{REPLACEMENT CHARACTER}" for one in value
        )
    if isinstance(value, dict):
        return {_clean(name): _clean(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return value
