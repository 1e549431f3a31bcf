"""`halfdoor decide`: propose a configuration, approve it, object to it, end it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from halfdoor.cli import asking, client
from halfdoor.cli.parser import Parser

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.client import Client
    from halfdoor.cli.parser import Commands

DESCRIPTION = """\
Decide how open each part of a published version is to be.

Somebody proposes; the server assesses the question itself and writes down what is to be approved. At least
two other people approve exactly that document, by its digest; the last approval that the quorum needs adopts
it. A decision permits, and opens nothing by itself: see `halfdoor stage`."""
CAUSES = ("condition", "evidence", "ledger", "review", "withdrawn")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.description = DESCRIPTION
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT", parser_class=Parser)
    _configure_propose(acts)
    approve = acts.add_parser("approve", help="approve what you read")
    object_ = acts.add_parser("object", help="object; it is kept, whatever comes of it")
    for one in (approve, object_):
        one.add_argument("decision", metavar="DEC", help="dec_…")
        one.add_argument("--seen", required=True, metavar="DIGEST", help="of what you read: decide show")
    approve.add_argument("--signature", type=Path, metavar="FILE", help="by ssh-keygen -Y sign: decide show")
    object_.add_argument("--reason", required=True, help="why; kept, and not public")
    show = acts.add_parser("show", help="what it permits, who approved, what is missing")
    show.add_argument("decision", metavar="DEC", help="dec_…")
    show.add_argument(
        "--document", type=Path, metavar="FILE", help="also write its exact bytes, to sign them"
    )
    listed = acts.add_parser("list", help="all decisions, the newest first")
    listed.add_argument("--version", metavar="V", help="only about this: ver_… or NAMESPACE/NAME[@LABEL]")
    end = acts.add_parser("end", help="end it, at once and for good")
    void = acts.add_parser("void", help="end it because one of its conditions has come about")
    check = acts.add_parser("check", help="assess its question again and hold everything against it")
    for one in (end, void, check):
        one.add_argument("decision", metavar="DEC", help="dec_…")
    end.add_argument("--cause", choices=CAUSES, default="withdrawn", help="default: withdrawn")
    void.add_argument("--condition", type=int, required=True, metavar="N", help="its number: decide show")
    policy = acts.add_parser("policy", help="which policy decisions are taken under here, or adopt one")
    policy.add_argument(
        "--adopt", metavar="P", help="shipped name or path: nothing else may be proposed then"
    )
    policy.add_argument("--risk-model", metavar="R", default="public-2026", help="default: public-2026")
    for one in (approve, object_, show, listed, end, void, check, policy):
        client.configure(one)


def _configure_propose(acts: Commands) -> None:
    propose = acts.add_parser("propose", help="have a model's folder assessed and propose its configuration")
    propose.add_argument("folder", type=Path, metavar="DIR", help="the folder that was published")
    propose.add_argument("--version", required=True, metavar="V", help="ver_… or NAMESPACE/NAME[@LABEL]")
    propose.add_argument(
        "--review", type=asking.day, metavar="DATE", help="look again then (default: latest)"
    )
    propose.add_argument(
        "--configuration", metavar="ITEM=GROUP[+GROUP],…", help="instead of the proposed one"
    )
    propose.add_argument("--rehash", action="store_true", help="read every file again")
    asking.configure(propose, as_of="assess as of this day")
    client.configure(propose)


def run(args: argparse.Namespace) -> int:
    """Do it; 0, or 1 where it does not hold (check). Raises HalfdoorError."""
    with client.connect(args) as api:
        if args.act == "list":
            return _list(api, args)
        if args.act == "check":
            return _check(api, args)
        if args.act == "policy":
            return _policy(api, args)
        found = _act(api, args)
        if args.act == "show" and args.document is not None:
            _write(args.document, api.raw(f"/decisions/{client.escaped(args.decision)}/document"))
    return _tell(api, args, found)


def _act(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    if args.act == "propose":
        return _propose(api, args)
    path = f"/decisions/{client.escaped(args.decision)}"
    match args.act:
        case "approve":
            signature = None if args.signature is None else _read(args.signature)
            return api.post(f"{path}/approve", seen=args.seen, signature=signature)
        case "object":
            return api.post(f"{path}/object", seen=args.seen, reason=args.reason)
        case "end":
            return api.post(f"{path}/end", cause=args.cause)
        case "void":
            return api.post(f"{path}/void", condition=args.condition)
    return api.get(path)


def _propose(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    from halfdoor.cli.naming import version_of
    from halfdoor.cli.terminal import hashing
    from halfdoor.services.assess import read_question

    wanted = None if args.configuration is None else asking.configuration(args.configuration)
    options = asking.options(args, configuration=wanted, rehash=args.rehash)
    question = read_question(args.folder, options, hashing)
    version = version_of(api, args.version)["id"]
    print("The server assesses it, also as of later days …", file=sys.stderr, flush=True)
    return api.post("/decisions", version=version, question=question, review=args.review)


def _tell(api: Client, args: argparse.Namespace, found: dict[str, Any]) -> int:
    from halfdoor.cli.decide_text import render
    from halfdoor.cli.naming import printed

    if not printed(args, found):
        print(render(found, api.options))
        if args.act == "show" and args.document is not None:
            print(f"\nIts exact bytes are in {args.document}. To sign them:")
            print(f"  ssh-keygen -Y sign -n halfdoor-decision -f KEYFILE {args.document}")
    return 0


def _list(api: Client, args: argparse.Namespace) -> int:
    from halfdoor.cli.naming import printed, version_of, when
    from halfdoor.cli.terminal import columns

    version = None if args.version is None else version_of(api, args.version)["id"]
    found = api.get("/decisions", version=version)
    if printed(args, found):
        return 0
    rows = [
        (
            one["id"],
            "in force" if one["in_force"] else one["state"],
            f"{one['document']['repository']} {one['document']['label']}",
            f"review {one['document']['review']}",
            f"proposed {when(one['proposed'])[:10]}",
        )
        for one in found["decisions"]
    ]
    print(columns(rows) or "There is no decision yet. To propose one: halfdoor decide propose --help")
    return 0


def _check(api: Client, args: argparse.Namespace) -> int:
    from halfdoor.cli.naming import printed
    from halfdoor.cli.terminal import paragraph

    found = api.post(f"/decisions/{client.escaped(args.decision)}/recheck")
    differences = found["differences"]
    if not printed(args, found):
        print("Everything it rests on is as it was." if not differences else "It does not hold:")
        for one in differences:
            print(paragraph(f"- {one}", indent=2, hanging=2))
    return 1 if differences else 0


def _read(path: Path) -> str:
    from halfdoor.core.errors import InputError

    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("unreadable", f"cannot read the signature: {error}", where=str(path)) from error


def _write(path: Path, data: bytes) -> None:
    from halfdoor.core.errors import InputError
    from halfdoor.readers.atomic import write_atomically

    try:
        write_atomically(path, data)
    except OSError as error:
        raise InputError("cannot-write", f"cannot write it: {error.strerror}", where=str(path)) from error


def _policy(api: Client, args: argparse.Namespace) -> int:
    from halfdoor.cli.naming import printed, when

    if args.adopt is None:
        found = api.get("/policy")
    else:
        from halfdoor.readers.library import load_policy, load_risk_model

        model = load_risk_model(args.risk_model, Path())
        policy = load_policy(args.adopt, Path(), model=model)
        found = api.send("PUT", "/policy", {"policy": policy, "risk_model": model})
    if printed(args, found):
        return 0
    adopted = found["adopted"]
    if adopted is None:
        print("No policy was adopted: whoever proposes names one, and approvers are told which.")
        print(f"To adopt one: halfdoor decide policy --adopt seger-2023 {api.options}")
        return 0
    print("Decisions are taken under these alone:")
    print(f"  policy      {adopted['policy']}")
    print(f"  risk model  {adopted['risk_model']}")
    print(f"  adopted by  {adopted['adopted_by']}, {when(adopted['at'])}")
    return 0
