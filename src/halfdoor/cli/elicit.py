"""`halfdoor elicit new | merge`: ask experts for the numbers of a risk model, and pool what they say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from halfdoor.cli.parser import Parser

if TYPE_CHECKING:
    import argparse

    from halfdoor.services.experts import Merged
    from halfdoor.services.pools import PooledNumber

QUESTIONS_MANY = 40  # nobody answers more with care
KILO, MANY = 1e3, 1e12


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands of `halfdoor elicit`."""
    parser.description = (
        "Ask experts for the uncertain numbers of a risk model, and pool what they say into a new one."
    )
    commands = parser.add_subparsers(dest="what", metavar="new|merge", required=True, parser_class=Parser)
    new = commands.add_parser(
        "new",
        help="write a questionnaire for one expert",
        description="Write a questionnaire for one expert: a text file with three blanks for each number.",
    )
    new.add_argument("model", metavar="MODEL", help="risk model: shipped name or path")
    new.add_argument(
        "--numbers",
        nargs="+",
        action="extend",
        default=[],
        metavar="GLOB",
        help="which numbers, as 'reach.OC1.*' (default: those that rest on judgement)",
    )
    new.add_argument("--expert", default="", metavar="NAME", help="whom it is for; a name or an id")
    new.add_argument(
        "--calibration", type=Path, metavar="FILE", help="also ask these questions, whose answers you know"
    )
    new.add_argument(
        "--show-current",
        action="store_true",
        help="show the model's own numbers (people then stay near them)",
    )
    new.add_argument("--out", type=Path, required=True, metavar="FILE", help="write it there")
    new.set_defaults(do=_new)
    merge = commands.add_parser(
        "merge",
        help="pool answers into a new risk model",
        description="Pool the answers of experts into a new risk model, and show where they disagree.",
    )
    merge.add_argument("model", metavar="MODEL", help="the risk model that was asked about")
    merge.add_argument("answers", nargs="+", type=Path, metavar="ANSWERS", help="questionnaires, filled in")
    merge.add_argument(
        "--weights",
        choices=("equal", "cooke"),
        default="equal",
        help="all alike, or by how they did on calibration questions (default: equal)",
    )
    merge.add_argument("--truths", type=Path, metavar="FILE", help="answers to the calibration questions")
    merge.add_argument(
        "--cutoff",
        type=float,
        default=0.0,
        metavar="P",
        help="with cooke: no weight for experts whose calibration is below this (default: 0)",
    )
    merge.add_argument(
        "--out", type=Path, required=True, metavar="NEW.toml", help="write the new model there"
    )
    merge.add_argument("--json", action="store_true", help="print one JSON object")
    merge.set_defaults(do=_merge)


def run(args: argparse.Namespace) -> int:
    """Ask or merge; 0 where it is written. Raises InputError."""
    code: int = args.do(args)
    return code


def _new(args: argparse.Namespace) -> int:
    from halfdoor.services.experts import ask

    written = ask(
        args.model,
        args.out,
        patterns=args.numbers,
        expert=args.expert,
        calibration=args.calibration,
        show_current=args.show_current,
    )
    count = f"{written.questions} question{'' if written.questions == 1 else 's'}"
    known = f", {written.calibration} of calibration" if written.calibration else ""
    print(f"Written: {written.file} ({count}{known}).")
    if written.questions > QUESTIONS_MANY:
        print("That is more than anybody answers with care: choose with --numbers, as 'reach.*.vetted.p'.")
    print("Give each expert one of their own; then: halfdoor elicit merge MODEL ANSWERS… --out NEW.toml")
    return 0


def _merge(args: argparse.Namespace) -> int:
    from halfdoor.services.experts import merge

    merged = merge(
        args.model,
        args.answers,
        args.out,
        weights=args.weights,
        truths=args.truths,
        cutoff=args.cutoff,
    )
    if args.json:
        import msgspec

        print(msgspec.json.encode(merged).decode())
    else:
        _show(merged)
    return 0


def _show(merged: Merged) -> None:
    from halfdoor.cli.terminal import columns, paragraph, styled

    if merged.scores:
        print(styled("Experts on the calibration questions", "bold"))
        pooled = {"cooke": "pool, these weights", "equal": "pool, equal weights"}
        rows = [
            ("expert", "calibration", "information", "weight"),
            *(
                (s.expert, f"{s.calibration:.3g}", f"{s.information:.2f}", f"{s.weight:.3f}")
                for s in merged.scores
            ),
            *((pooled[p.weights], f"{p.calibration:.3g}", f"{p.information:.2f}", "") for p in merged.panels),
        ]
        print(columns(rows, align="lrrr", indent=2))
        if merged.weights == "equal":
            print("  The weights are Cooke's; here all weigh alike.")
        print()
    for number in merged.numbers:
        _show_number(number)
    torn = sum(bool(number.apart) for number in merged.numbers)
    if torn:
        are = "there is 1 number" if torn == 1 else f"there are {torn} numbers"
        print(paragraph(f"Experts are apart where their intervals have nothing in common: {are}. Ask why."))
        print()
    for note in merged.notes:
        print(paragraph(f"Note: {note}", hanging=2))
    for problem in merged.problems:
        print(paragraph(f"Note: {problem.where}: {problem.message} [{problem.code}]", hanging=2))
    count = f"{len(merged.numbers)} number{'' if len(merged.numbers) == 1 else 's'}"
    print(f"Written: {merged.file}, {count} pooled. Use it: halfdoor assess DIR --risk-model {merged.file}")


def _show_number(number: PooledNumber) -> None:
    from halfdoor.cli.terminal import columns, paragraph, styled

    print(styled(number.number, "bold"))
    print(paragraph(f"{number.words} ({number.unit})", indent=2))
    lonely = {name for pair in number.apart for name in pair}
    rows = [
        (
            o.expert,
            _number(o.p50),
            f"{_number(o.p5)} – {_number(o.p95)}",
            f"{o.weight:.2f}",
            "apart" if o.expert in lonely else "",
        )
        for o in number.opinions
    ]
    for name, value in (("pooled", number.pooled), ("before", number.before)):
        if value is not None:
            rows.append((name, _number(value[1]), f"{_number(value[0])} – {_number(value[2])}", "", ""))
    print(columns([("", "median", "90 %", "weight", ""), *rows], align="lrrrl", indent=4))
    for low, high in number.apart:
        print(paragraph(f"{low} and {high} are apart: {low} is lower.", indent=4))
    if number.note:
        print(paragraph(number.note, indent=4))
    print()


def _number(value: float) -> str:
    """Three digits, without exponents where people read on: `0.0123`, `5,230`."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if KILO <= rounded < MANY else f"{rounded:g}"
