"""`halfdoor review`: decide on applications, and say how they are handled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from halfdoor.cli import client, naming
from halfdoor.cli.parser import Parser

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.client import Client

DESCRIPTION = """\
Decide on applications for access. Where the policy asks for two reviewers, the second approval grants.

`rule` says how applications as a group are handled here: their terms and limits, and whether somebody answers
for automatic approvals, where the policy allows these."""
WAITING = ("submitted", "appealed")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.description = DESCRIPTION
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT", parser_class=Parser)
    listed = acts.add_parser("list", help="what waits for a decision, the oldest first")
    listed.add_argument("--state", action="append", metavar="STATE", help="others than those that wait")
    listed.add_argument("--version", metavar="V", help="only of this: ver_… or NAMESPACE/NAME[@LABEL]")
    listed.add_argument("--group", help="only as this group")
    show = acts.add_parser("show", help="one application, whole")
    decide = {
        "approve": acts.add_parser("approve", help="agree; the last approval that is needed grants"),
        "return": acts.add_parser("return", help="ask for more; they may submit again"),
        "reject": acts.add_parser("reject", help="refuse; they may appeal once"),
    }
    for one in (show, *decide.values()):
        one.add_argument("application", metavar="APP", help="app_…")
    bulk = acts.add_parser("bulk", help="decide on many at once, each by itself")
    bulk.add_argument("decision", choices=sorted(decide))
    bulk.add_argument("application", nargs="+", metavar="APP", help="app_…")
    for name, one in (*decide.items(), ("bulk", bulk)):
        one.add_argument("--reason", required=name in {"return", "reject"}, help="for the applicant")
    for one in decide.values():
        one.add_argument("--seen", metavar="DIGEST", help="of what you judged: review show")
    stats = acts.add_parser("stats", help="how many there are, and how long deciding takes")
    rule = acts.add_parser("rule", help="how applications as a group are handled here")
    rule.add_argument("group", nargs="?", metavar="GROUP", help="left out: all rules")
    rule.add_argument("--terms", type=Path, metavar="FILE", help="what applicants agree to from now on")
    rule.add_argument("--days", type=int, metavar="N", help="a grant holds")
    naming.limits(rule)
    answer = rule.add_mutually_exclusive_group()
    answer.add_argument("--answer", action="store_true", help="you answer for automatic approvals")
    answer.add_argument("--answer-no-more", action="store_true", help="nothing is approved automatically")
    for one in (listed, show, *decide.values(), bulk, stats, rule):
        client.configure(one)


def run(args: argparse.Namespace) -> int:
    """Do it; 1 where something of many could not be decided. Raises HalfdoorError."""
    from halfdoor.cli.naming import printed

    with client.connect(args) as api:
        found = _ACTS.get(args.act, _decide)(api, args)
        if printed(args, found):
            return 0
        return _tell(api, args, found)


def _list(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    from halfdoor.cli.naming import version_of

    version = None if args.version is None else version_of(api, args.version)["id"]
    states = args.state or WAITING
    return api.get("/applications", everybody=True, states=states, version=version, group=args.group)


def _show(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    return api.get(f"/applications/{client.escaped(args.application)}")


def _decide(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    path = f"/applications/{client.escaped(args.application)}/{args.act}"
    return api.post(path, reason=args.reason, seen=args.seen)


def _bulk(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    return api.post(
        "/applications/decide", act=args.decision, applications=args.application, reason=args.reason
    )


def _stats(api: Client, _: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    return api.get("/applications/statistics")


def _rule(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    """Change what is named, then show what holds."""
    if args.group is None:
        return api.get("/groups")
    path = f"/groups/{client.escaped(args.group)}"
    if args.terms is not None:
        api.send("PUT", f"{path}/terms", {"text": _text(args.terms)})
    given = {"days": args.days, "bytes": args.bytes, "downloads": args.downloads, "networks": args.network}
    named = {name: value for name, value in given.items() if value is not None}
    if named:
        api.send("PUT", f"{path}/limits", named)
    if args.answer:
        api.send("PUT", f"{path}/responsible")
    if args.answer_no_more:
        api.send("DELETE", f"{path}/responsible")
    return {"rules": [one for one in api.get("/groups")["rules"] if one["group"] == args.group]}


def _tell(api: Client, args: argparse.Namespace, found: dict[str, Any]) -> int:
    from halfdoor.cli import review_text

    match args.act:
        case "list":
            print(review_text.waiting(found["applications"]))
        case "bulk":
            print(review_text.outcomes(found["outcomes"]))
            return 1 if any(one["state"] is None for one in found["outcomes"]) else 0
        case "stats":
            print(review_text.statistics(found["groups"]))
        case "rule":
            print(review_text.rules(found["rules"]))
        case "show":
            print(review_text.whole(found, api.options))
        case _:
            print(review_text.decided(found))
    return 0


def _text(path: Path) -> str:
    from halfdoor.core.errors import InputError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("unreadable", f"cannot read the terms: {error}", where=str(path)) from error


_ACTS = {"list": _list, "show": _show, "bulk": _bulk, "stats": _stats, "rule": _rule}
