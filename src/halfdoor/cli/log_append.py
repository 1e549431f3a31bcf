"""`halfdoor log append` and `halfdoor log erase`: what an operator writes to a log by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.parser import Commands
    from halfdoor.services.home import Home
    from halfdoor.services.log.append import Appended
    from halfdoor.store.log import New

APPEND = """\
Append events, and wait until they are durable under a signed checkpoint.

Each FILE is a JSON object: {"event": "oversight:order:receive", ...}. What is personal goes under "private":
{"private": {"identity": {"name": ...}}}; the log gets a salted digest of it, the home keeps the rest until it
is erased. The events are listed in docs/reference/log-events.md. Exit code 0 once all are in, 1 where the log
takes nothing."""

ERASE = """\
Destroy what the commitments of entries stand for: the salts and the private values that the home keeps.

The entries stay, and the log stays verifiable; their digests no longer stand for anything. That something was
erased becomes an entry of its own. Copies that others were shown, and backups, are not reached."""


def add(commands: Commands) -> None:
    """Add `append`."""
    parser = commands.add_parser("append", help="append events to a home's log", description=APPEND)
    parser.add_argument("--home", type=Path, required=True, metavar="DIR", help="the home")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="a JSON object for each event; - for standard input"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(do=_append)


def add_erase(commands: Commands) -> None:
    """Add `erase`."""
    parser = commands.add_parser(
        "erase", help="destroy what the commitments of entries stand for", description=ERASE
    )
    parser.add_argument("--home", type=Path, required=True, metavar="DIR", help="the home")
    parser.add_argument("indices", nargs="+", type=int, metavar="INDEX", help="entries, from 0")
    parser.add_argument(
        "--cause",
        choices=("request", "retention", "order"),
        required=True,
        help="why: somebody asked, the time is up, a court or authority ordered it",
    )
    parser.set_defaults(do=_erase)


def _append(args: argparse.Namespace) -> int:
    import json
    import os

    import msgspec

    from halfdoor.adapters.clock import SystemClock
    from halfdoor.bootstrap.log import open_home
    from halfdoor.services.log.append import composed, event_from

    home, now = open_home(args.home), SystemClock().now()
    news = []
    for name in args.files:
        event, private = event_from(_read(name), now)
        news.append(composed(event, private, os.urandom))
    appended = _write(home, news)
    if args.json:
        print(json.dumps({"origin": home.settings.origin, **msgspec.to_builtins(appended)}))
        return 0
    for name, position in zip(args.files, appended.positions, strict=True):
        print(f"{position}  {name}")
    print(f"Durable, under a checkpoint of {home.settings.origin}.")
    if appended.published is False:
        print("Not published yet: too few witnesses cosigned. The next append tries again.")
    return 0


def _write(home: Home, news: list[New]) -> Appended:
    from halfdoor.bootstrap.log import log_store, writing
    from halfdoor.cli.terminal import complain, starting
    from halfdoor.services.log.append import append_now

    store = log_store(home)
    try:
        with starting() as advance:
            return append_now(
                news, store, lambda: writing(home, advance=advance, report=complain), report=complain
            )
    finally:
        store.close()


def _read(name: str) -> Any:  # noqa: ANN401  any JSON
    from halfdoor.core.canonical import parse_json
    from halfdoor.core.errors import InputError
    from halfdoor.core.log.tiles import ENTRY_BYTES_MAX

    limit = 16 * ENTRY_BYTES_MAX
    try:
        if name == "-":
            data = sys.stdin.buffer.read(limit + 1)
        else:
            with Path(name).open("rb") as stream:
                data = stream.read(limit + 1)
    except OSError as error:
        raise InputError("unreadable", f"cannot read it: {error.strerror}", where=name) from error
    if len(data) > limit:
        raise InputError("too-large", f"more than {limit:,} bytes", where=name)
    try:
        return parse_json(data)
    except InputError as error:
        raise InputError(error.code, error.message, where=name, remedy=error.remedy) from error


def _erase(args: argparse.Namespace) -> int:
    import os

    from halfdoor.adapters.clock import SystemClock
    from halfdoor.bootstrap.log import log_store, open_home, writing
    from halfdoor.services.log.erase import erase

    home, store = open_home(args.home), None
    store = log_store(home)
    try:
        erased = erase(
            args.indices,
            args.cause,
            store=store,
            now=SystemClock().now(),
            random=os.urandom,
            write=lambda: writing(home),
        )
    finally:
        store.close()
    values = f"{erased.count} private value{'' if erased.count == 1 else 's'}"
    print(f"Erased: {values}. Entry {erased.position} says so.")
    print("Not reached: backups, and copies that somebody was shown.")
    return 0
