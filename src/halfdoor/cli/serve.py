"""`halfdoor serve`: everything in one process: the hub, the control API, the log, and what comes due."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    import socket

    import uvicorn

    from halfdoor.bootstrap.serving import Serving
    from halfdoor.services.home import Home

PORT_DEFAULT = 8790
CONNECTIONS_MAX = 1000
KEEP_ALIVE_SECONDS = 15
STOP_SECONDS = 20
LISTENING_BACKLOG = 1024
_FALLBACK_ORIGIN = "localhost/halfdoor"
DESCRIPTION = """\
Serve a home: files of models to whom they were opened, the control API, the public log.

The first run makes the home where there is none, and prints a link by which its first administrator comes in.
Ctrl-C or SIGTERM stop it: transfers under way may finish within a while, then the log is published.
Behind a web server: --print-nginx. Several at once: give each the same settings and a PostgreSQL database."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "--home", type=Path, required=True, metavar="DIR", help="the home; made where it is new"
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine only)")
    parser.add_argument("--port", type=int, default=PORT_DEFAULT, help=f"default: {PORT_DEFAULT}; 0: any")
    parser.add_argument(
        "--origin", help="of a new home: the log's name, for ever, such as example.org/releases"
    )
    parser.add_argument("--database", metavar="URL", help="of a new home: postgresql://… instead of a file")
    parser.add_argument(
        "--public-url",
        metavar="URL",
        help="where clients reach it (default: public_url of home.toml, or here)",
    )
    parser.add_argument(
        "--stop-seconds",
        type=int,
        default=STOP_SECONDS,
        metavar="N",
        help=f"how long transfers may go on once it is stopped (default: {STOP_SECONDS})",
    )
    parser.add_argument(
        "--print-nginx", action="store_true", help="print the configuration of an nginx in front, and end"
    )


def run(args: argparse.Namespace) -> int:
    """Serve until stopped; 0 then. Raises HalfdoorError."""
    home = _home(args)
    if args.print_nginx:
        print(_nginx(home, args), end="")
        return 0
    from halfdoor.bootstrap.serving import serving

    _log_as_json()
    listening = _listen(args.host, args.port)
    here = _address(args.host, listening.getsockname()[1])
    with listening, serving(home, public_url=args.public_url or f"http://{here}") as running:
        server = _server(running, args.stop_seconds)
        _stop_at_signals(server)
        _introduce(running, f"http://{here}", args.home)
        server.run(sockets=[listening])
    print("Stopped.")
    return 0


def _home(args: argparse.Namespace) -> Home:
    """The home, made where the folder is not there or empty."""
    from halfdoor.adapters.keys import PASSPHRASE_VARIABLE, passphrase
    from halfdoor.bootstrap.begin import make_home
    from halfdoor.bootstrap.log import open_home
    from halfdoor.cli.terminal import paragraph

    folder: Path = args.home
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        return open_home(folder)
    origin = args.origin or _origin(args.public_url)
    secret = passphrase()
    home = make_home(folder, origin, database=args.database, latest=None, secret=secret)
    print(f"Made a new home in {home.folder}, for the log {origin}.")
    if origin == _FALLBACK_ORIGIN:
        note = (
            "That name is for trying things out: a log keeps its name for ever. For real use begin with "
            "--origin and a name of yours, such as example.org/releases."
        )
        print(paragraph(note, indent=2))
    if not secret:
        print(f"  Its keys are not encrypted: {PASSPHRASE_VARIABLE} is not set.")
    print(paragraph(f"The newest checkpoint is kept beside it, too: {home.settings.latest}", indent=2))
    print()
    return home


def _origin(public_url: str | None) -> str:
    from urllib.parse import urlsplit

    name = urlsplit(public_url or "").hostname
    return f"{name}/halfdoor" if name else _FALLBACK_ORIGIN


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _nginx(home: Home, args: argparse.Namespace) -> str:
    from urllib.parse import urlsplit

    from halfdoor.core.errors import InputError
    from halfdoor.settings import FILE
    from halfdoor.web.nginx import Front, nginx_config

    url = args.public_url or home.settings.public_url or "http://hub.example.org"
    front = Front(
        home=str(args.home),
        settings=str(home.folder / FILE),
        address=_address(args.host, args.port),
        listen="80",
        name=urlsplit(url).hostname or "_",
        url=url,
        blobs=str(home.place(home.settings.blobs)),
        log=str(home.place(home.settings.public)),
        access_log=str(home.place(home.settings.access_log)),
    )
    try:
        return nginx_config(front)
    except ValueError as error:
        remedy = "choose names without spaces, quotes, braces, semicolons and dollar signs"
        raise InputError("bad-path", str(error), remedy=remedy) from error


def _listen(host: str, port: int) -> socket.socket:
    import socket

    from halfdoor.core.errors import InputError

    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=LISTENING_BACKLOG)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        remedy = "is it running already? Choose another --port"
        raise InputError("cannot-listen", f"{host}:{port}: {why}", remedy=remedy) from error


def _log_as_json() -> None:
    """Everything that is logged, as one line of JSON each, on standard error."""
    import logging
    import sys
    from typing import TextIO

    from halfdoor.web.middleware import JsonLines

    class ToStandardError(logging.StreamHandler[TextIO]):
        """Writes to what standard error is at the moment, not to what it was."""

        def emit(self, record: logging.LogRecord) -> None:
            self.stream = sys.stderr
            super().emit(record)

    handler = ToStandardError(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("halfdoor", "halfdoor.access"):
        logging.getLogger(name).setLevel(logging.INFO)


def _introduce(running: Serving, here: str, folder: Path) -> None:
    from halfdoor.cli.terminal import columns, paragraph
    from halfdoor.services.log.signing import LogUnavailable

    parts = running.parts
    rows = [("listening", here), ("home", str(parts.home.folder)), ("log", parts.home.settings.origin)]
    if parts.public_url != here:
        rows.insert(1, ("to clients", parts.public_url))
    print(columns(rows, indent=2))
    print()
    try:
        print(_welcome(running, folder))
    except LogUnavailable as error:
        print(
            paragraph(
                f"The log does not take anything yet: {error.message}. Nothing can be opened meanwhile."
            )
        )
        print(f"  halfdoor doctor --home {folder}")
    print("Ctrl-C stops it.", flush=True)


def _welcome(running: Serving, folder: Path) -> str:
    """The first administrator's invitation; where there is one already, what one usually does next."""
    from halfdoor.services.people import first_admin

    url = running.parts.public_url
    _wait_until_ready(running)
    invitation = first_admin(running.parts.commits)
    if invitation is None:
        return f"Clients:  export HF_ENDPOINT={url}\nNext:     halfdoor doctor --home {folder}\n"
    return (
        "Nobody administers this home yet. Whoever opens this link first does; it works once:\n"
        f"  {url}/join/{invitation.secret}\n\n"
        "Or, in another terminal:\n"
        f"  halfdoor people join --server {url} {invitation.secret}\n\n"
        "Then publish a model, and decide about it:\n"
        f"  halfdoor publish MODEL-FOLDER --home {folder} --as EMAIL\n"
    )


def _wait_until_ready(running: Serving, seconds_max: float = 5.0) -> None:
    """Log and feed need a moment to look at what is there. Raises LogUnavailable where the log stays down."""
    import time

    from halfdoor.services.log.signing import LogUnavailable

    until = time.monotonic() + seconds_max
    while time.monotonic() < until:
        try:
            running.keeper.check()
            if running.parts.feed.alive():
                return
        except LogUnavailable:
            pass
        time.sleep(0.02)
    running.keeper.check()


def _server(running: Serving, stop_seconds: int) -> uvicorn.Server:
    import uvicorn

    from halfdoor.web.connections import Connection

    proxy = list(running.parts.home.settings.proxy)
    config = uvicorn.Config(
        running.app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxy),
        forwarded_allow_ips=proxy,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=stop_seconds,
    )
    return uvicorn.Server(config)


def _stop_at_signals(server: uvicorn.Server) -> None:
    """Also before the server listens to signals itself; and after, when it sends again what it was sent.

    Else that would end the process before the log is published.
    """
    import signal

    def stop(*_: object) -> None:
        server.should_exit = True

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, stop)
