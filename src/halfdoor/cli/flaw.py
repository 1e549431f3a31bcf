"""`halfdoor flaw`: one line that clients print to whoever downloads a version, until it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.cli import client
from halfdoor.cli.parser import Parser

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.client import Client

DESCRIPTION = """\
Flaws of a version that are known and not closed. Clients of the hub print them to whoever downloads it."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.description = DESCRIPTION
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT", parser_class=Parser)
    report = acts.add_parser("report", help="warn of one, from now on")
    report.add_argument("version", metavar="V", help="ver_… or NAMESPACE/NAME[@LABEL]")
    report.add_argument("warning", metavar="WARNING", help="one plain line: what is wrong, what to do")
    close = acts.add_parser("close", help="warn no longer")
    close.add_argument("flaw", metavar="FLW", help="flw_…")
    close.add_argument(
        "--outcome", choices=("fixed", "duplicate", "rejected"), default="fixed", help="default: fixed"
    )
    listed = acts.add_parser("list", help="all of them, the newest first")
    listed.add_argument("--version", metavar="V", help="only of this: ver_… or NAMESPACE/NAME[@LABEL]")
    for one in (report, close, listed):
        client.configure(one)


def run(args: argparse.Namespace) -> int:
    """Do it. Raises HalfdoorError."""
    from halfdoor.cli.naming import printed, version_of

    with client.connect(args) as api:
        if args.act == "list":
            return _list(api, args)
        if args.act == "report":
            version = version_of(api, args.version)["id"]
            found = api.post("/flaws", version=version, warning=args.warning)
        else:
            found = api.post(f"/flaws/{client.escaped(args.flaw)}/close", outcome=args.outcome)
    if printed(args, found):
        return 0
    if args.act == "close":
        print("Nobody is warned of it any more.")
    else:
        print(f"Whoever downloads the version is warned from now on: {found['warning']}")
        print(f"To warn no longer: halfdoor flaw close {found['id']} {api.options}")
    return 0


def _list(api: Client, args: argparse.Namespace) -> int:
    from halfdoor.cli.naming import printed, version_of, when
    from halfdoor.cli.terminal import columns

    version = None if args.version is None else version_of(api, args.version)["id"]
    found = api.get("/flaws", version=version)
    if printed(args, found):
        return 0
    rows = [
        (one["id"], "closed" if one["closed"] else "open", when(one["reported"]), one["warning"])
        for one in found["flaws"]
    ]
    print(columns(rows) or "No flaw is known.")
    return 0
