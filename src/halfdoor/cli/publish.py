"""`halfdoor publish`: register a version of a model with all its files. It opens nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from halfdoor.services.publish import Published

DESCRIPTION = """\
Register the version that a dossier describes, with every file that the dossier lists, by digest.

Files are always read anew and stored beside the home's database; a second run stores only what is missing.
A version never changes: the same folder again is found as it is, another one needs another `version`.
Publishing opens nothing: what may be had, and by whom, is decided next."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.add_argument("folder", type=Path, metavar="DIR", help="the model's folder, with halfdoor.toml")
    parser.add_argument("--home", type=Path, required=True, metavar="HOME", help="the home")
    parser.add_argument(
        "--as",
        dest="person",
        required=True,
        metavar="PERSON",
        help="who publishes: an e-mail address or per_…",
    )
    parser.add_argument(
        "--repository",
        metavar="NAMESPACE/NAME",
        help="its name on the hub (default: made of developer and model)",
    )
    parser.add_argument(
        "--layout",
        choices=("revisions", "repositories"),
        default="revisions",
        help="variants are revisions LABEL-VARIANT (default), or repositories NAME-VARIANT",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Publish."""
    import json

    import msgspec

    from halfdoor.bootstrap.blobs import blobs_of
    from halfdoor.bootstrap.log import open_home
    from halfdoor.bootstrap.working import working
    from halfdoor.cli.terminal import Progress, hashing, size
    from halfdoor.services.people import person_actor
    from halfdoor.services.publish import publish

    home = open_home(args.home)
    with working(home) as commits:
        done = publish(
            commits,
            blobs_of(home),
            args.folder,
            actor=person_actor(commits, args.person),
            repository=args.repository,
            layout=args.layout,
            meters=(hashing, lambda total: Progress(f"Storing {size(total)}", total=total, unit="B")),
        )
    if args.json:
        print(json.dumps(msgspec.to_builtins(done)))
    else:
        _tell(args, done)
    return 0


def _tell(args: argparse.Namespace, done: Published) -> None:
    import shlex

    from halfdoor.cli.terminal import size

    stored = f", {size(done.stored_bytes)} stored now" if done.stored_bytes else ""
    print(
        f"{done.repository} {done.label} is {'registered' if done.new else 'registered already, as it is'}."
    )
    print()
    rows = [
        ("version", done.version),
        ("manifest", done.manifest),
        ("commit", done.sha),
        ("files", f"{done.files}, {size(done.size_bytes)}{stored}"),
        *(("", f"{repository} @ {revision}") for repository, revision in done.revisions[1:]),
    ]
    for name, value in rows:
        print(f"  {name:<8}  {value}")  # never wrapped: people copy ids and digests
    print()
    print("Nothing of it is open. Next, propose how open each part is to be:")
    folder, home, person = (shlex.quote(str(one)) for one in (args.folder, args.home, args.person))
    print(f"  halfdoor decide propose {folder} --version {done.version} --home {home} --as {person}")
