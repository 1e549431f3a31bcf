"""`halfdoor home`: make a home, look it over, change its keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from halfdoor.cli.parser import Parser

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
A home is the folder where an operator keeps keys, settings, database and the public log."""
INIT = """\
Make a home: keys that only you can read, settings, a database, and a log with its first entry.

Set HALFDOOR_KEY_PASSPHRASE to have the keys encrypted. ORIGIN names the log for ever: a name of yours,
without scheme, best where it will be served. The newest checkpoint is also kept in a second store outside the
home, so that a home restored from an old copy is noticed; best on another disk or machine."""
CHECK = """\
Hold everything against everything: stored entries, signed checkpoint, public files, second store.

Exit code 0 where all agree, 1 where something does not."""
ADOPT = """\
Write the checkpoint of the database into a second store that knows nothing of this log.

Only where the second store is lost for good: nothing can then tell whether the database is the newest copy.
If it is not, the log forks, and everybody who has seen the newer one can prove it."""
ROTATE = """\
Make new keys that sign from now on, beside the old note key, so that readers have time to learn the new one.

Publish the new key's line, wait until your readers have it, then: halfdoor home retire-key --home DIR"""
RETIRE = "Stop signing with the old note key. Its file stays; what it signed stays valid."

MOVE = """\
Copy everything into another database, such as from a file to PostgreSQL, and have the home use that one.

Stop the server first. The log in the copy is held against the second store before settings change. The old
database stays as it is: keep it until the server runs on the new one, then put it away."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `halfdoor home`."""
    parser.description = DESCRIPTION
    commands = parser.add_subparsers(
        dest="what",
        metavar="init|check|rotate-key|retire-key|adopt|migrate|move",
        required=True,
        parser_class=Parser,
    )
    init = commands.add_parser("init", help="make a home", description=INIT)
    init.add_argument("folder", type=Path, metavar="DIR", help="a new folder")
    init.add_argument("--origin", required=True, help="the log's name, such as example.org/releases")
    init.add_argument("--database", metavar="URL", help="postgresql://… instead of a file in the home")
    init.add_argument(
        "--latest", metavar="URL", help="the second store (default: DIR-latest.db beside the home)"
    )
    init.set_defaults(do=_init)
    for name, summary, text, do in (
        ("check", "hold everything against everything", CHECK, _check),
        ("rotate-key", "make new keys, beside the old", ROTATE, _rotate),
        ("retire-key", "stop signing with the old key", RETIRE, _retire),
        ("adopt", "begin a second store anew", ADOPT, _adopt),
        ("migrate", "bring the database to this version", "Bring the database to this version.", _migrate),
    ):
        one = commands.add_parser(name, help=summary, description=text)
        one.add_argument("--home", type=Path, required=True, metavar="DIR", help="the home")
        one.set_defaults(do=do)
    move = commands.add_parser("move", help="go on with another database", description=MOVE)
    move.add_argument("--home", type=Path, required=True, metavar="DIR", help="the home")
    move.add_argument("--database", required=True, metavar="URL", help="an empty one: postgresql://…")
    move.set_defaults(do=_move)


def run(args: argparse.Namespace) -> int:
    """Do it; see each subcommand for its exit codes. Raises HalfdoorError."""
    code: int = args.do(args)
    return code


def _init(args: argparse.Namespace) -> int:
    from halfdoor.adapters.keys import PASSPHRASE_VARIABLE, passphrase
    from halfdoor.bootstrap.begin import make_home
    from halfdoor.cli.terminal import columns, paragraph

    secret = passphrase()
    home = make_home(args.folder, args.origin, database=args.database, latest=args.latest, secret=secret)
    key = home.settings.note_key[0]
    print(f"A home for the log {args.origin}, in {home.folder}:")
    print(
        columns(
            [
                ("home.toml", "settings"),
                (
                    "keys/",
                    "secret" if secret else f"secret, and plain: {PASSPHRASE_VARIABLE} is not set",
                ),
                ("log/", "public: have a web server serve it"),
            ],
            indent=2,
        )
    )
    print(paragraph(f"The second store of the newest checkpoint: {home.settings.latest}", indent=2))
    print()
    print("Publish this line, so that others can verify the log:")
    print(f"  {key.public}")
    print()
    print("Then:")
    print(f"  halfdoor log append --home {args.folder} EVENT.json")
    print(f"  halfdoor log verify {args.folder}/log --key {args.folder}/{key.file.replace('.pem', '.vkey')}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from halfdoor.bootstrap.log import check_home, open_home
    from halfdoor.cli.terminal import Progress, columns

    home = open_home(args.home)
    with Progress("Checking every entry", unit=" entries") as progress:
        found = check_home(home, progress.advance)
    print(
        columns(
            [
                ("entries", f"{found.size:,}"),
                ("published", f"{found.published:,}"),
                ("waiting", f"{found.waiting:,}"),
            ],
            indent=2,
        )
    )
    for sentence in found.faults:
        print(f"  - {sentence}")
    print("Something is wrong; nothing was changed." if found.faults else "Everything agrees.")
    return 1 if found.faults else 0


def _rotate(args: argparse.Namespace) -> int:
    from halfdoor.adapters.keys import passphrase
    from halfdoor.bootstrap.begin import append_keys
    from halfdoor.bootstrap.log import open_home
    from halfdoor.services.home import with_new_keys

    home = with_new_keys(open_home(args.home), passphrase())
    append_keys(home)
    print("Both keys sign from now on. Publish the new line:")
    print(f"  {home.settings.note_key[0].public}")
    print("Restart what writes the log. Once your readers have the new key:")
    print(f"  halfdoor home retire-key --home {args.home}")
    return 0


def _retire(args: argparse.Namespace) -> int:
    from halfdoor.adapters.clock import SystemClock
    from halfdoor.bootstrap.begin import append_event
    from halfdoor.bootstrap.log import open_home, retired_event
    from halfdoor.services.home import without_old_key

    old = open_home(args.home)
    append_event(old, retired_event(old, SystemClock().now()))
    home = without_old_key(old)
    print(f"Only {home.settings.note_key[0].public} signs from now on. Restart what writes the log.")
    return 0


def _adopt(args: argparse.Namespace) -> int:
    from halfdoor.bootstrap.log import adopt, open_home

    size = adopt(open_home(args.home))
    print(f"The second store knows the log now, at {size:,} entries.")
    return 0


def _migrate(args: argparse.Namespace) -> int:
    from halfdoor.adapters.keys import passphrase
    from halfdoor.bootstrap.log import migrate_home, open_home
    from halfdoor.services.home import as_this_version_needs_it

    home = open_home(args.home)
    migrate_home(home)
    as_this_version_needs_it(home, passphrase())
    print("The database is as this version needs it.")
    return 0


def _move(args: argparse.Namespace) -> int:
    import time

    from halfdoor.bootstrap.log import open_home
    from halfdoor.bootstrap.moving import move_home
    from halfdoor.cli.terminal import Progress, columns

    home = open_home(args.home)
    with Progress("Copying every row", unit=" rows") as progress:
        counts = move_home(home, args.database, int(time.time() * 1000), progress.advance)
    rows = [(name, f"{count:,}") for name, count in counts.items() if count]
    print(columns(rows, align="lr", indent=2))
    print("The home uses the new database now. Look it over, then start the server:")
    print(f"  halfdoor doctor --home {args.home}")
    return 0
