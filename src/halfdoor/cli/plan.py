"""`halfdoor plan`: from what is open today to the widest that is permitted, stage by stage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from halfdoor.cli import asking

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from halfdoor.core.annex import Plan, Stage
    from halfdoor.core.assessment import Assessment

SCHEMA = "halfdoor/plan/1"
DESCRIPTION = """\
A plan: what may be opened, to whom, in which order, and what has to be shown before each stage.

It ends at the widest that the policy permits. What stays closed follows, with what would open it.
Exit code: 0 with a stage to take, or nothing left to open; 1 where nothing may be opened."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `halfdoor plan`."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="folder with halfdoor.toml, or the file itself"
    )
    asking.configure(parser, as_of="the day on which the plan begins")
    parser.add_argument("--json", action="store_true", help="print the plan as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print the plan; 0 with a stage to take or nothing left to open, 1 else. Raises InputError."""
    from halfdoor.cli.terminal import hashing
    from halfdoor.services.assess import assess_folder

    assessment = assess_folder(args.folder, asking.options(args), hashing)
    plan = assessment.plan
    if plan is None:
        raise AssertionError("an assessment of a folder has a plan")
    if args.json:
        import msgspec

        found = {"schema": SCHEMA, "id": assessment.id, "plan": msgspec.to_builtins(plan)}
        print(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _show(plan, assessment)
    return 0 if plan.stages or not plan.beyond else 1


def _show(plan: Plan, assessment: Assessment) -> None:
    from halfdoor.cli.terminal import paragraph, styled

    about = assessment.subject
    print(styled(f"Plan for {about.name} {about.version}", "bold") + f" under {about.policy}")
    print(paragraph(plan.sentence))
    if plan.today:
        print(paragraph(f"Public already: {_listed(plan.today)}."))
    for stage in plan.stages:
        _stage(stage)
    if plan.beyond:
        print("\n" + styled("What stays closed, and what would open it", "bold"))
    told: list[str] = []
    for stage in plan.beyond:
        _stage(stage, told)
        told = stage.conditions
    if mind := _mind(plan):
        print("\n" + paragraph(mind))


def _stage(stage: Stage, told: list[str] | None = None) -> None:
    """One stage; `told` are the conditions of the step before, where this one is not permitted yet."""
    from halfdoor.cli.terminal import paragraph, styled

    share = f"{round(float(stage.benefit) * 100)} % of full openness's benefit"
    kept = f"Keeps {share}." if told is None else f"Would keep {share}."
    print("\n" + paragraph(f"{stage.number}. {stage.sentence}", hanging=3))
    if stage.irreversible:
        mark = paragraph(f"Cannot be undone: {_listed(stage.irreversible)}.", indent=3)
        print(styled(mark, "yellow"))
    if stage.conditions and stage.conditions == told:
        print(paragraph("What would open the step before would open this one too.", indent=3))
    elif stage.conditions:
        print(paragraph("What would open it:" if told is not None else "First:", indent=3))
        for sentence in stage.conditions:
            print(paragraph(f"- {sentence}", indent=3, hanging=2))
    elif stage.earliest is not None:
        print(paragraph("Nothing has to be shown first.", indent=3))
    print(paragraph(kept, indent=3))


def _listed(items: Iterable[str]) -> str:
    from halfdoor.core.model.words import item_words, listed

    return listed(map(item_words, items))


def _mind(plan: Plan) -> str:
    said = []
    if any(stage.earliest != plan.stages[0].earliest for stage in plan.stages):
        said.append("Dates are the earliest, as if each stage were opened on its first day.")
    if any(stage.irreversible for stage in (*plan.stages, *plan.beyond)):
        said.append("Cannot be undone: a copy of a file that has left cannot be called back.")
    return " ".join(said)
