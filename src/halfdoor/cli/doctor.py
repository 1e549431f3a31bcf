"""`halfdoor doctor`: hold all that a home keeps against each other, and say what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.terminal import Style

DESCRIPTION = """\
Hold everything that a home keeps against everything else, and say what to do where they differ: settings and
keys, every log entry, every row of the tables against its entry and every entry against its row, every file
of every model. Nothing is changed; a server may be running.

Exit code 0 where all is well, 1 where something is not."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.add_argument("--home", type=Path, required=True, metavar="DIR", help="the home")
    parser.add_argument("--deep", action="store_true", help="also hash every file of every model again")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Look it over; 0 where nothing is wrong. Raises HalfdoorError where there is no home."""
    from halfdoor.bootstrap.doctor import examine
    from halfdoor.bootstrap.log import open_home
    from halfdoor.cli.terminal import Progress, paragraph, styled

    colours: dict[str, Style] = {"fault": "red", "warning": "yellow", "note": "dim"}
    home = open_home(args.home)
    with Progress("Looking everything over") as progress:
        found = examine(home, deep=args.deep, advance=progress.advance)
    wrong = [one for one in found if one.severity != "note"]
    if args.json:
        import msgspec

        print(msgspec.json.encode({"well": not wrong, "findings": found}).decode())
        return 1 if wrong else 0
    for one in found:
        print(f"{styled(one.severity, colours[one.severity])} [{one.code}]")
        print(paragraph(f"{one.message}.", indent=2))
        if one.remedy:
            print(paragraph(f"To do: {one.remedy}.", indent=2, hanging=2))
    if not wrong:
        print("All is well.")
        return 0
    faults = sum(one.severity == "fault" for one in wrong)
    print(f"{faults} faults, {len(wrong) - faults} warnings; nothing was changed.")
    return 1
