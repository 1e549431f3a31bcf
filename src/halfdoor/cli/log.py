"""`halfdoor log`: write to a log, read it, prove what it holds, and check it from outside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.cli import log_append, log_show, log_verify, log_watch, log_witness
from halfdoor.cli.parser import Parser

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
The log of a home: decisions, grants and downloads as entries of a Merkle tree that nobody changes unseen.

To check somebody's log you need its address and the key that they published, nothing else:
  halfdoor log verify https://example.org/log --key their-log.vkey"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `halfdoor log`."""
    parser.description = DESCRIPTION
    commands = parser.add_subparsers(
        dest="what",
        metavar="append|show|prove|verify|watch|witness|erase",
        required=True,
        parser_class=Parser,
    )
    log_append.add(commands)
    log_show.add(commands)
    log_verify.add(commands)
    log_watch.add(commands)
    log_witness.add(commands)
    log_append.add_erase(commands)


def run(args: argparse.Namespace) -> int:
    """Do it; see each subcommand for its exit codes. Raises HalfdoorError."""
    code: int = args.do(args)
    return code
