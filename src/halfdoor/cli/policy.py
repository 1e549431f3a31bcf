"""`halfdoor policy new | check | compare`: write a policy, look it over, try it on past releases."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from halfdoor.cli.asking import day
from halfdoor.cli.parser import Parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from halfdoor.core.policy.compare import Compared
    from halfdoor.core.risk.problem import Problem
    from halfdoor.services.policy import Said


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `halfdoor policy`."""
    parser.description = "Write a policy, look it over, and see what it would have changed in past releases."
    commands = parser.add_subparsers(
        dest="what", metavar="new|check|compare", required=True, parser_class=Parser
    )
    new = commands.add_parser(
        "new", help="write a first policy", description="Write a short first policy, with comments."
    )
    new.add_argument("name", metavar="NAME", help="what it is to be called")
    new.add_argument("--from", dest="start", metavar="SHIPPED", help="begin with a copy of a shipped policy")
    new.add_argument("--out", type=Path, required=True, metavar="FILE", help="write it there")
    new.set_defaults(do=_new)
    check = commands.add_parser(
        "check",
        help="what is wrong with a policy, and what it says",
        description="What is wrong with a policy, what never decides, what it says. Exit 2 on errors.",
    )
    check.add_argument("policy", metavar="POLICY", help="shipped name or path")
    check.add_argument("--risk-model", metavar="R", help="hold its names against this (default: public-2026)")
    check.add_argument("--json", action="store_true", help="print one JSON object")
    check.set_defaults(do=_check)
    compare = commands.add_parser(
        "compare",
        help="what one policy would have changed against another",
        description="Assess past releases under two policies and say what differs. Exit 1 where any does.",
    )
    compare.add_argument("first", metavar="A", help="policy: shipped name or path")
    compare.add_argument("second", metavar="B", help="the other")
    compare.add_argument(
        "dossiers", nargs="+", metavar="DOSSIER", help="folder, file, or name of a shipped case (cwm-32b)"
    )
    compare.add_argument(
        "--as-of", type=day, metavar="DATE", help="assess as of this day (default: the day of each release)"
    )
    compare.add_argument(
        "--draws", type=int, metavar="N", help="draws of everything uncertain (default: 20000)"
    )
    compare.add_argument("--json", action="store_true", help="print one JSON object")
    compare.set_defaults(do=_compare)


def run(args: argparse.Namespace) -> int:
    """Do it; see each subcommand for its exit codes. Raises InputError."""
    code: int = args.do(args)
    return code


def _new(args: argparse.Namespace) -> int:
    from halfdoor.services.policy import begin

    begin(args.name, args.out, args.start)
    print(f"Written: {args.out}. Change what you disagree with, then:")
    print(f"  halfdoor policy check {args.out}")
    print(f"  halfdoor policy compare {args.start or 'seger-2023'} {args.out} cwm-32b")
    return 0


def _check(args: argparse.Namespace) -> int:
    from halfdoor.services.policy import MODEL_DEFAULT, check

    found = check(args.policy, args.risk_model or MODEL_DEFAULT)
    if args.json:
        import msgspec

        print(msgspec.json.encode(found).decode())
        return 2 if found.errors else 0
    from halfdoor.cli.terminal import styled

    _problems("Errors", found.errors)
    _problems("Worth a look", found.lints)
    if found.said is not None:
        print(styled(f"{found.policy}, against the risk model {found.risk_model}", "bold"))
        _say(found.said)
    count = f"{len(found.errors)} error{'' if len(found.errors) == 1 else 's'}"
    print(f"{count}, {len(found.lints)} worth a look." if found.lints else f"{count}.")
    return 2 if found.errors else 0


def _problems(heading: str, problems: Sequence[Problem]) -> None:
    from halfdoor.cli.terminal import paragraph, styled

    if not problems:
        return
    print(styled(f"{heading}:", "bold"))
    for problem in problems:
        print(paragraph(f"{problem.where}: {problem.message} [{problem.code}]", indent=2, hanging=2))
        if problem.remedy:
            print(paragraph(problem.remedy, indent=4))
    print()


def _say(said: Said) -> None:
    from halfdoor.cli.terminal import columns, paragraph

    def counted(count: int, thing: str) -> str:
        return f"{count} {thing}{'' if count == 1 else 's'}"

    kinds = (
        (said.limits, "limit"),
        (said.requirements, "requirement"),
        (said.expectations, "expectation"),
    )
    rows = [("rows", ", ".join(counted(*kind) for kind in kinds))]
    rows += [(f"tiers of {domain}", " < ".join(names)) for domain, names in said.tiers.items()]
    rows += [
        (f"{domain or 'any domain'} not measured", f"counts as {tier}")
        for domain, tier in said.unmeasured.items()
    ]
    if said.binding_frequencies:
        rows.append(("harm", f"{counted(said.binding_frequencies, 'frequency row')} binding"))
    print(columns(rows, indent=2))
    sources = f"Of {counted(said.rows, 'row')}, {said.without_clause} have no clause"
    print(paragraph(f"{sources} and {said.judged} name a judgement as their ground.", indent=2))
    print()


def _compare(args: argparse.Namespace) -> int:
    from halfdoor.cli.terminal import Progress, hashing
    from halfdoor.core.question import DRAWS_DEFAULT
    from halfdoor.services.policy import compare

    count = len(args.dossiers)
    stage = f"Assessing {count} release{'' if count == 1 else 's'} under two policies"
    with Progress(stage, total=2 * count, unit=" assessments") as progress:
        found = compare(
            (args.first, args.second),
            args.dossiers,
            today=dt.datetime.now(dt.UTC).date(),
            as_of=args.as_of,
            draws=DRAWS_DEFAULT if args.draws is None else args.draws,
            meter=hashing,
            advance=progress.advance,
        )
    same = all(one.same for one in found)
    if args.json:
        import msgspec

        policies = [found[0].first.policy, found[0].second.policy]
        print(msgspec.json.encode({"policies": policies, "same": same, "dossiers": found}).decode())
    else:
        _show(found)
    return 0 if same else 1


def _show(found: Sequence[Compared]) -> None:
    from halfdoor.cli.terminal import columns, paragraph, styled

    first, second = found[0].first.policy, found[0].second.policy
    head = ("release", "as of", first, second, f"{second} lets go")
    print(columns([head, *((one.model, one.as_of, *_cells(one)) for one in found)]))
    for one in found:
        print()
        print(styled(one.model, "bold"))
        for sentence in one.sentences:
            print(paragraph(f"- {sentence}".replace("\u00a0", " "), indent=2, hanging=2))
    other = sum(not one.same for one in found)
    print()
    print(f"{other} of {len(found)} would have had another answer." if other else "The answers are the same.")


def _cells(one: Compared) -> tuple[str, str, str]:
    moved = [
        f"{len(items)} {word}"
        for items, word in ((one.further, "further"), (one.less_far, "less far"))
        if items
    ]
    if "no answer" in {one.first.answer, one.second.answer}:
        moved = ["–"]
    return one.first.answer, one.second.answer, ", ".join(moved) or "as far"
