"""`halfdoor assess`: how open each part may be under a policy, and why."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from halfdoor.cli import asking
from halfdoor.core.errors import InputError

if TYPE_CHECKING:
    import argparse

    from halfdoor.core.assessment import Assessment
    from halfdoor.services.assess import Options


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `halfdoor assess`."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="DIR",
        nargs="?",
        help="folder with halfdoor.toml, or the file itself (not needed to --check a file by itself)",
    )
    asking.configure(parser, as_of="assess as of this day")
    parser.add_argument(
        "--configuration",
        metavar="ITEM=GROUP[+GROUP],…",
        help="ask about this configuration instead of the one proposed",
    )
    parser.add_argument(
        "--rehash", action="store_true", help="read every file again, whatever the cache says"
    )
    parser.add_argument(
        "--edition",
        choices=("board", "regulator", "public"),
        default="board",
        help="for whom: the public edition withholds the cheapest ways round, provably (default: board)",
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="write assessment.json and report.html there")
    parser.add_argument("--json", action="store_true", help="print the assessment as one JSON object")
    parser.add_argument(
        "--check",
        type=Path,
        metavar="FILE",
        help="compute an assessment.json (any edition) again, with its date, seed and draws, and compare; "
        "without DIR, check only that it was not changed",
    )


def run(args: argparse.Namespace) -> int:
    """Assess or check; 0 permitted (or agrees), 1 not. Raises InputError."""
    from halfdoor.cli.terminal import hashing
    from halfdoor.core.editions import redact
    from halfdoor.services.assess import assess_folder

    options = asking.options(
        args,
        configuration=asking.configuration(args.configuration) if args.configuration is not None else None,
        rehash=args.rehash,
    )
    if args.check is not None:
        return _check(args.folder, args.check, options)
    if args.folder is None:
        raise InputError("no-folder", "no folder to assess", remedy="name the folder with halfdoor.toml")
    assessment = redact(assess_folder(args.folder, options, hashing), args.edition)
    if args.out is not None:
        from halfdoor.reports.files import write_report

        write_report(args.out, assessment)
    _show(assessment, args.folder, args.out, as_json=args.json)
    return 0 if assessment.verdict.permitted else 1


def _show(assessment: Assessment, folder: Path, out: Path | None, *, as_json: bool) -> None:
    if as_json:
        from halfdoor.reports.files import encode_assessment

        sys.stdout.write(encode_assessment(assessment).decode())
        return
    from halfdoor.cli.terminal import width
    from halfdoor.reports.answer import render

    print(render(assessment, width()))
    if out is not None:
        print(f"\nWritten: {out / 'report.html'} (the memo) and {out / 'assessment.json'}")
    else:
        print(f"\nFor a board:    halfdoor assess {folder} --out report")
        print(f"Stage by stage: halfdoor plan {folder}")


def _check(folder: Path | None, file: Path, options: Options) -> int:
    from halfdoor.cli.terminal import hashing
    from halfdoor.core.tolerance import is_intact
    from halfdoor.reports.files import read_assessment
    from halfdoor.services.assess import CHANGED, check

    stated = read_assessment(file)
    if folder is None:
        differences = [] if is_intact(stated) else [CHANGED]
        good = "is whole. What it shows belongs to its outputs_digest; name the folder to compute it again."
    else:
        differences = check(folder, stated, options, hashing)
        good = "agrees. The same inputs give the same id and the same result."
    if not differences:
        print(f"{file}: {good}")
        if stated.withheld:
            print(f"  The {stated.edition} edition; withheld: {', '.join(sorted(stated.withheld))}.")
        return 0
    print(f"{file}: does not agree.")
    for line in differences:
        print(f"  - {line}")
    return 1
