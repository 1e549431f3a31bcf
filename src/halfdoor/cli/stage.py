"""`halfdoor stage`: open what a decision permits, stage by stage, and close it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from halfdoor.cli import client
from halfdoor.cli.parser import Parser

if TYPE_CHECKING:
    import argparse
    import datetime as dt

    from halfdoor.cli.client import Client

DESCRIPTION = """\
Open what a decision in force permits, one stage after the other.

A plan is a rising chain of configurations; before each stage the server checks what the policy asks for:
time, incidents, evidence, approvals. `halt` closes at once for everybody, and says what that cannot undo."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.description = DESCRIPTION
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT", parser_class=Parser)
    start = acts.add_parser("start", help="start a plan on a decision in force")
    start.add_argument("decision", metavar="DEC", help="dec_…")
    start.add_argument("--stages", type=Path, metavar="FILE", help="JSON: a list of stages of your own")
    plans = {
        name: acts.add_parser(name, help=what)
        for name, what in (
            ("show", "where it stands, and what its next stage asks for"),
            ("advance", "enter the next stage, if its conditions are met"),
            ("approve", "approve that the next stage be entered"),
            ("observe", "report what a monitor counted since its last report"),
            ("halt", "close the version for everybody, at once"),
            ("withdraw", "give the plan up: nothing of it is open any more"),
        )
    }
    for one in plans.values():
        one.add_argument("plan", metavar="PLAN", help="pln_…")
    plans["advance"].add_argument("--on", type=_time, metavar="TIME", help="then, such as 2026-09-01T09:00Z")
    plans["advance"].add_argument("--stage", type=int, metavar="N", help="which one is meant (default: next)")
    plans["approve"].add_argument("--stage", type=int, required=True, metavar="N", help="stage show")
    plans["approve"].add_argument("--seen", required=True, metavar="DIGEST", help="of the plan: stage show")
    observe = plans["observe"]
    observe.add_argument("--uses", type=int, required=True, metavar="N", help="how often it was used")
    observe.add_argument("--incidents", type=int, required=True, metavar="N", help="how many were incidents")
    observe.add_argument("--safeguards", type=int, default=0, metavar="N", help="that had to be added")
    plans["halt"].add_argument("--order", metavar="ORD", help="the order that asks for it: ord_…")
    listed = acts.add_parser("list", help="all plans, the newest first")
    listed.add_argument("--version", metavar="V", help="only of this: ver_… or NAMESPACE/NAME[@LABEL]")
    for one in (start, *plans.values(), listed):
        client.configure(one)


def run(args: argparse.Namespace) -> int:
    """Do it. Raises HalfdoorError; what a stage still asks for is in its message."""
    with client.connect(args) as api:
        if args.act == "list":
            return _list(api, args)
        found = _act(api, args)
    if args.act in {"halt", "withdraw"}:
        return _closed(args, found)
    return _tell(api, args, found)


def _act(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    if args.act == "start":
        stages = None if args.stages is None else _stages(args.stages)
        return api.post("/plans", decision=args.decision, stages=stages)
    path = f"/plans/{client.escaped(args.plan)}"
    match args.act:
        case "advance":
            return api.post(f"{path}/advance", on=args.on, stage=args.stage)
        case "approve":
            return api.post(f"{path}/approve", stage=args.stage, seen=args.seen)
        case "observe":
            counts = {"uses": args.uses, "incidents": args.incidents, "safeguards": args.safeguards}
            return api.post(f"{path}/observe", **counts)
        case "halt":
            return api.post(f"{path}/halt", order=args.order)
        case "withdraw":
            return api.post(f"{path}/withdraw")
    return api.get(path)


def _tell(api: Client, args: argparse.Namespace, found: dict[str, Any]) -> int:
    from halfdoor.cli.naming import printed
    from halfdoor.cli.stage_text import render

    if not printed(args, found):
        print(render(found, api.options))
    return 0


def _closed(args: argparse.Namespace, found: dict[str, Any]) -> int:
    from halfdoor.cli.naming import printed, when
    from halfdoor.cli.terminal import paragraph

    if printed(args, found):
        return 0
    done = "Halted" if args.act == "halt" else "Withdrawn"
    print(f"{done} at {when(found['at'])}: nothing of {found['version']} is open any more.")
    if not found["logged"]:
        print(paragraph("The log does not have it yet; it is in effect all the same.", indent=2))
    print("\nWhat this cannot undo:")
    for one in found["sentences"]:
        print(paragraph(f"- {one}", indent=2, hanging=2))
    if args.act == "halt":
        print("\nOpening it again takes a decision that is adopted from now on: halfdoor decide propose")
    return 0


def _list(api: Client, args: argparse.Namespace) -> int:
    from halfdoor.cli.naming import printed, version_of, when
    from halfdoor.cli.terminal import columns

    version = None if args.version is None else version_of(api, args.version)["id"]
    found = api.get("/plans", version=version)
    if printed(args, found):
        return 0
    rows = [
        (
            one["id"],
            one["version"],
            one["state"],
            f"stage {one['stage']} of {len(one['stages'])}",
            f"started {when(one['started_at'])[:10]}",
        )
        for one in found["plans"]
    ]
    print(columns(rows) or "There is no plan yet. To start one: halfdoor stage start --help")
    return 0


def _stages(path: Path) -> Any:  # noqa: ANN401  the server reads it, strictly
    import json

    from halfdoor.core.errors import InputError

    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError("unreadable", f"cannot read the stages: {error}", where=str(path)) from error


def _time(text: str) -> dt.datetime:
    """A time with its zone, or a day, which begins at midnight UTC."""
    import argparse
    import datetime as dt

    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time: write 2026-09-01T09:00Z, or 2026-09-01"
        ) from None
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)
