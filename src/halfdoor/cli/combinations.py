"""`halfdoor combinations`: which parts, held together, give whom which ability."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from halfdoor.cli import asking

if TYPE_CHECKING:
    import argparse

    from halfdoor.services.combinations import Combinations

DESCRIPTION = """\
Which parts, held together, give whom which ability, for how much: the combination table.

Of a dossier: what it lists; what is public is free. Of a risk model alone: every component and service.
Classes of actors that are within their limits in fewer than 5 of 100 cases are left out."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `halfdoor combinations`."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "subject",
        metavar="DIR|RISKMODEL",
        help="folder with halfdoor.toml, or a risk model: shipped name or path",
    )
    parser.add_argument("--ability", metavar="A", default="", help="only this ability, and who gets it")
    parser.add_argument("--actor", metavar="C", default="", help="only this class of actor")
    parser.add_argument("--draw", type=Path, metavar="FILE.svg", help="draw the derivation graph there")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asking.configure(
        parser,
        as_of="what is public on this day",
        policy="whose rules of evidence hold, instead of the dossier's policy",
    )


def run(args: argparse.Namespace) -> int:
    """Print the table, draw the graph; 0. Raises InputError."""
    from halfdoor.cli.terminal import hashing
    from halfdoor.services.combinations import Chosen, find_combinations

    found = find_combinations(args.subject, asking.options(args), Chosen(args.ability, args.actor), hashing)
    if args.draw is not None:
        from halfdoor.reports.graph_svg import write_graph

        write_graph(args.draw, found.graph, f"Who gets what from which parts: {found.name}")
    if args.json:
        import msgspec

        print(msgspec.json.encode(found).decode())
    else:
        _show(found, full=bool(args.ability or args.actor))
        if args.draw is not None:
            print(f"\nWritten: {args.draw} (the derivation graph)")
    return 0


def _show(found: Combinations, *, full: bool) -> None:
    from halfdoor.cli.terminal import paragraph, styled
    from halfdoor.reports.combination_text import sentence, told

    kind = "dossier" if found.of == "dossier" else "risk model alone: everything exists"
    print(styled(found.name, "bold") + f" ({kind})")
    if found.of == "dossier":
        print(f"risk model {found.risk_model}")
    if found.free:
        print(paragraph(f"Anybody has already, so not named below: {', '.join(found.free)}."))
    table = told(found.combinations)
    for ability in table:
        print("\n" + styled(ability.ability, "bold") + (f": {ability.words}" if ability.words else ""))
        for holding in ability.holdings:
            text = sentence(holding, len(found.actors), everybody=full).replace("\u00a0", " ")
            print(paragraph(f"- {text}", indent=2, hanging=2))
        if ability.left_out:
            print(paragraph(f"Left out: {ability.left_out} larger, no better.", indent=2))
    print()
    if not table:
        print("No holding gives anybody an ability in 5 of 100 cases.")
    print(paragraph(_mind(found, full=full)))


def _mind(found: Combinations, *, full: bool) -> str:
    said = (
        "Money: the middle, and nine cases in ten. Time: the middle. Skill: 1 follows a tutorial, 5 a state "
        "programme. Inferred from the rules of the risk model, not observed."
    )
    if not found.complete:
        said += " At most: there are too many ways to list, so access is bounded from above."
    return said if full else f"{said} All classes with their numbers: --ability or --json."
