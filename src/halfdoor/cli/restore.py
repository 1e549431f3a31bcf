"""`halfdoor restore`: put a backup into a new home, and say whether it may go on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from halfdoor.services.home import Home

DESCRIPTION = """\
Put a backup into a new home, every byte of it verified.

The second store of the newest checkpoint stays as it is, and tells whether this copy is the newest: an older
one can be read, but the log does not go on from it, because it would fork.

Exit code 0 where the home can go on, 1 where it cannot."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.add_argument("backup", type=Path, metavar="BACKUP", help="the folder or tar file of a backup")
    parser.add_argument("--home", type=Path, required=True, metavar="DIR", help="a new folder")


def run(args: argparse.Namespace) -> int:
    """Do it. Raises HalfdoorError, and then nothing was written."""
    from halfdoor.cli.terminal import Progress, paragraph
    from halfdoor.services.backup import restore

    with Progress("Verifying", unit="B") as progress:
        home, listing = restore(args.backup, args.home, advance=progress.advance)
    print(f"Put back into {home.folder}, as of {listing.at}.")
    if not listing.keys:
        print(paragraph(f"The private keys were not in it: put them into {home.folder / 'keys'}.", indent=2))
    if listing.blobs != "here":
        print(paragraph("The files of models were not in it: see `blobs` in home.toml.", indent=2))
    if listing.database == "elsewhere":
        note = (
            "The database was not in it. Restore its dump into the database that home.toml names, then: "
            f"halfdoor doctor --home {args.home}"
        )
        print(paragraph(note, indent=2))
        return 0
    return _told(home, args.home)


def _told(home: Home, named: Path) -> int:
    from halfdoor.bootstrap.backing_up import age_of
    from halfdoor.cli.terminal import paragraph
    from halfdoor.core.errors import HalfdoorError

    try:
        age, own, known = age_of(home)
    except HalfdoorError as error:
        print(paragraph(f"Whether it is the newest copy is not known: {error.message}."))
        print(f"  halfdoor doctor --home {named}")
        return 1
    match age:
        case "newest":
            print(f"It is the newest copy, with {own:,} entries, and can go on:")
            print(f"  halfdoor doctor --home {named}")
            print(f"  halfdoor serve --home {named}")
            return 0
        case "older":
            text = (
                f"This is an old copy: its log has {own:,} entries, the second store "
                f"({home.settings.latest}) knows of {known:,}. It can be read, and nothing is opened or "
                "written from it: going on would fork the log. Bring back the newest data; if they are lost, "
                "this log has ended: begin a new one with another origin."
            )
        case _:
            text = (
                f"The second store ({home.settings.latest}) knows nothing of this log, so nobody can tell "
                "whether this copy is the newest. Bring the second store back. Only if it is lost for good, "
                f"and you know that nothing newer exists: halfdoor home adopt --home {named}"
            )
    print(paragraph(text))
    return 1
