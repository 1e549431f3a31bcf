"""`halfdoor backup`: copy a home while it is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
Copy a home, also while a server uses it: settings, keys, database, public log, files of models, and a list of
digests. TO is a new folder, or a tar file where its name ends in .tar. In a folder on the same disk the files
of models are linked and take no room.

The copy holds the private keys unless they are left out: keep it as you keep the home. A database in
PostgreSQL is copied with its own tools, before this: pg_dump --format=custom."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.add_argument("--home", type=Path, required=True, metavar="DIR", help="the home")
    parser.add_argument(
        "--to", type=Path, required=True, metavar="TO", help="a new folder, or a new file.tar"
    )
    parser.add_argument("--without-keys", action="store_true", help="leave the private keys out")
    parser.add_argument("--without-blobs", action="store_true", help="leave the files of models out")


def run(args: argparse.Namespace) -> int:
    """Write it; 0 once it is whole and on the disk. Raises HalfdoorError."""
    from halfdoor.bootstrap.backing_up import make_backup
    from halfdoor.bootstrap.log import open_home
    from halfdoor.cli.terminal import Progress, paragraph, size

    home = open_home(args.home)
    with Progress("Copying", unit="B") as progress:
        made = make_backup(
            home,
            args.to,
            keys=not args.without_keys,
            files=not args.without_blobs,
            advance=progress.advance,
        )
    total = sum(one.bytes for one in made.members)
    print(f"{args.to}: {len(made.members):,} files, {size(total)}, a log of {made.entries:,} entries.")
    if made.database == "elsewhere":
        note = (
            "The database is in PostgreSQL and is not in it. Dump it before each backup, and keep the two "
            "together: pg_dump --format=custom --file=halfdoor.dump URL"
        )
        print(paragraph(note, indent=2))
    if made.blobs == "elsewhere":
        print(paragraph("The files of models are in a bucket and are not in it.", indent=2))
    if made.keys:
        print(paragraph("It holds the private keys: keep it as you keep the home.", indent=2))
    else:
        print(paragraph("The private keys are not in it: without them the log has ended.", indent=2))
    print(f"To put it back: halfdoor restore {args.to} --home NEW-FOLDER")
    return 0
