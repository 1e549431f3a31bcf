"""`halfdoor risk simulate | check`: what a risk model says by itself, and whether it means something."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

SIMULATE = """\
How likely each threat succeeds, what it does in a year, where attempts stop: without a model's help, and with
that of a fully capable one. Nothing is shared or withheld here; `halfdoor assess` does that."""
CHECK = """\
Every error and everything worth a look, with file and line; what the numbers rest on; which distributions
were used where the usual one misses what was stated. Exit code 2 where there is an error."""
_LONG_DRAWS = 100_000  # from here on it takes some seconds


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `halfdoor risk`."""
    commands = parser.add_subparsers(dest="what", required=True, metavar="simulate|check")
    simulate = commands.add_parser(
        "simulate", help="simulate the threats of a risk model", description=SIMULATE
    )
    _model(simulate)
    simulate.add_argument(
        "--threat", action="append", default=[], metavar="ID", help="only this threat (may be repeated)"
    )
    simulate.add_argument(
        "--draws", type=int, metavar="N", help="draws of everything uncertain (default: 20000)"
    )
    simulate.add_argument("--seed", type=int, default=1, metavar="S", help="seed of the draws (default: 1)")
    simulate.add_argument("--json", action="store_true", help="print one JSON object")
    check = commands.add_parser("check", help="look a risk model over", description=CHECK)
    _model(check)
    check.add_argument("--json", action="store_true", help="print one JSON object")


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL.toml|NAME", help="a risk model: path or shipped name")


def run(args: argparse.Namespace) -> int:
    """Simulate or check; 0, or 2 where the risk model has an error. Raises InputError."""
    return _simulate(args) if args.what == "simulate" else _check(args)


def _simulate(args: argparse.Namespace) -> int:
    from halfdoor.services.risk import simulate_model

    options = {"seed": args.seed, **({"draws": args.draws} if args.draws is not None else {})}
    if options.get("draws", 0) >= _LONG_DRAWS:
        from halfdoor.cli.terminal import Progress

        with Progress("Simulating", unit="threats") as progress:
            found = simulate_model(args.model, args.threat, **options, done=progress.advance)
    else:
        found = simulate_model(args.model, args.threat, **options)
    if args.json:
        _print_json(found)
        return 0
    from halfdoor.cli.risk_text import simulation_text

    print(simulation_text(found, args.model))
    return 0


def _check(args: argparse.Namespace) -> int:
    from halfdoor.services.risk import examine

    found = examine(args.model)
    if args.json:
        _print_json(found)
    else:
        from halfdoor.cli.risk_text import examined_text

        print(examined_text(found, args.model))
    return 0 if found.sound else 2


def _print_json(document: object) -> None:
    import msgspec

    sys.stdout.write(msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n")
