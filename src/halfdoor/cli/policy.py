"""`halfdoor policy new | check | compare`: write a policy, look it over, try it on past releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `halfdoor policy`."""
    parser.description = "Write a policy, look it over, try it on past releases."


def run(_args: argparse.Namespace) -> int:
    """Do it."""
    return 2
