"""`halfdoor log witness`: cosign other people's logs, so that nobody can be shown another one."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

from halfdoor.cli.log_reading import read_keys

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.parser import Commands
    from halfdoor.services.log.witness import Witness

PORT_DEFAULT = 8791
STOP_SECONDS = 10
CONNECTIONS_MAX = 200
DESCRIPTION = """\
Be a witness: cosign a log's checkpoint where it extends the last one seen (c2sp.org/tlog-witness).

The first run makes the witness's key in DIR, which nobody else may read, and prints the line by which others
name it in their policies. What was seen is kept in DIR too: keep that folder, and never run two copies of it.
Put a web server with TLS in front to be reached from elsewhere. Ctrl-C stops it."""


def add(commands: Commands) -> None:
    """Add `witness`."""
    parser = commands.add_parser("witness", help="cosign other people's logs", description=DESCRIPTION)
    parser.add_argument("--state", type=Path, required=True, metavar="DIR", help="the witness's own folder")
    parser.add_argument(
        "--name", required=True, help="what others know it by, like an address: witness.example.org/w1"
    )
    parser.add_argument(
        "--log",
        type=Path,
        action="append",
        required=True,
        metavar="FILE",
        help="a file with the keys of logs to witness (may be repeated)",
    )
    parser.add_argument(
        "--ml-dsa", action="store_true", help="sign with ML-DSA-44, safe against quantum computers"
    )
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine only)")
    parser.add_argument("--port", type=int, default=PORT_DEFAULT, help=f"default: {PORT_DEFAULT}")
    parser.set_defaults(do=_witness)


def _witness(args: argparse.Namespace) -> int:
    from halfdoor.adapters.clock import SystemClock
    from halfdoor.core.errors import InputError
    from halfdoor.services.log.witness import by_origin, open_witness

    trust = read_keys(args.log)
    if trust.pems:
        remedy = "give the key as its operator published it: name+ID+base64"
        raise InputError("bad-key", "a PEM does not say of which log it is", remedy=remedy)
    witness = open_witness(args.state, args.name, by_origin(trust.keys), SystemClock(), ml_dsa=args.ml_dsa)
    try:
        listening = _listen(args.host, args.port)
        _introduce(witness, args.host, listening.getsockname()[1])
        _serve(witness, listening)
    finally:
        witness.close()
    return 0


def _listen(host: str, port: int) -> socket.socket:
    from halfdoor.core.errors import InputError

    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        remedy = "is it running already? Choose another --port"
        raise InputError("cannot-listen", f"{host}:{port}: {why}", remedy=remedy) from error


def _introduce(witness: Witness, host: str, port: int) -> None:
    from halfdoor.cli.terminal import columns

    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    rows = [("witness", witness.key.name), ("key", str(witness.key)), ("address", url)]
    rows += [("log" if number == 0 else "", origin) for number, origin in enumerate(sorted(witness.logs))]
    print(columns(rows, indent=2))
    print()
    print("For policies (c2sp.org/tlog-policy), on one line:")
    print(f"witness {witness.key.name} {witness.key} {url}")
    print("Listening; Ctrl-C stops it.", flush=True)


def _serve(witness: Witness, listening: socket.socket) -> None:
    import uvicorn

    from halfdoor.web.witness import witness_app

    config = uvicorn.Config(
        witness_app(witness),
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[listening])
