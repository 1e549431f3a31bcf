"""`halfdoor apply`: ask for access to a version, and see what became of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from halfdoor.cli import client
from halfdoor.core.errors import InputError

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.client import Client

DESCRIPTION = """\
Ask for access to what is not open to everybody.

  halfdoor apply NAMESPACE/NAME --group vetted --field purpose='…' --server URL
  halfdoor apply list --server URL              your applications
  halfdoor apply status APP --server URL        one of them, and what happens next
  halfdoor apply token APP --server URL         a token for the grant that came of it
  halfdoor apply appeal APP --reason '…' --server URL
  halfdoor apply withdraw APP --server URL

The first time you register, with --name, --email and --organisation; your token is kept for this server.
Without --group or a field that is needed, it says which there are and sends nothing."""
ACTS = ("list", "status", "withdraw", "appeal", "token")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = DESCRIPTION
    parser.add_argument("what", metavar="NAMESPACE/NAME[@LABEL]", help=f"or one of: {', '.join(ACTS)}")
    parser.add_argument(
        "application", nargs="?", metavar="APP", help="app_…, or a returned one to submit again"
    )
    parser.add_argument("--group", help="as which group you ask")
    parser.add_argument(
        "--field",
        action="append",
        default=[],
        metavar="NAME=TEXT",
        help="what is asked for; NAME=@FILE reads it from a file",
    )
    parser.add_argument("--agree", metavar="DIGEST", help="of the terms that you have read")
    parser.add_argument("--renews", metavar="GRT", help="your live grant that this would prolong")
    parser.add_argument("--reason", help="of an appeal")
    parser.add_argument("--name", help="to register: your name")
    parser.add_argument("--email", help="to register: your address")
    parser.add_argument("--organisation", help="to register: where you belong")
    client.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Do it. Raises HalfdoorError."""
    from halfdoor.cli.naming import printed

    is_new = args.what not in ACTS
    with client.connect(args, anonymous=is_new) as api:
        if args.what == "list":
            found = api.get("/applications")
        elif args.what == "token":
            return _token(api, args)
        elif is_new:
            found = _apply(api, args)
        else:
            found = _one(api, args)
        if printed(args, found):
            return 0
        _tell(api, args, found)
    return 0


def _one(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    path = f"/applications/{client.escaped(_named(args))}"
    if args.what == "status":
        return api.get(path)
    if args.what == "withdraw":
        return api.post(f"{path}/withdraw")
    if not args.reason:
        raise InputError("no-reason", "an appeal says what was judged wrongly", remedy="--reason '…'")
    return api.post(f"{path}/appeal", reason=args.reason)


def _named(args: argparse.Namespace) -> str:
    if not args.application:
        raise InputError("no-application", "say which application", remedy="halfdoor apply list")
    one: str = args.application
    return one


def _apply(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    from halfdoor.cli.naming import version_of

    version = version_of(api, args.what)
    if args.group is None:
        groups = api.get(f"/versions/{version['id']}/groups")["groups"]
        raise InputError(
            "no-group",
            f"say as which group you ask: {', '.join(groups) or 'there is none at the moment'}",
            remedy="--group GROUP",
        )
    form = api.get(f"/versions/{version['id']}/groups/{client.escaped(args.group)}")
    fields = _fields(args.field)
    lacking = [name for name in form["fields"] if name not in fields]
    if lacking:
        raise InputError(
            "missing-field",
            f"the policy asks for: {', '.join(form['fields'])}; not given: {', '.join(lacking)}",
            remedy=" ".join(f"--field {name}='…'" for name in lacking),
        )
    terms = _agreed(api, form["terms"], args.agree)
    if not api.has_token:
        _register(api, args)
    if args.application:
        one = args.application
    else:
        draft = api.post(
            "/applications", version=version["id"], group=args.group, fields=fields, renews=args.renews
        )
        one = draft["summary"]["id"]
    return api.post(f"/applications/{client.escaped(one)}/submit", terms=terms, fields=fields)


def _fields(given: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if not equals or not name or name in found:
            raise InputError(
                "bad-field", f"{one[:60]!r} states no field", remedy="--field NAME='…', each once"
            )
        if text.startswith("@"):
            try:
                text = Path(text[1:]).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise InputError("unreadable", f"cannot read it: {error}", where=text[1:]) from error
        found[name] = text
    return found


def _agreed(api: Client, terms: str | None, agree: str | None) -> str | None:
    """The digest of terms that were agreed to, on the command line or after reading them here."""
    if terms is None or agree is not None:
        return agree if terms is not None else None
    print(api.get(f"/terms/{terms}")["text"])
    if not sys.stdin.isatty():
        raise InputError(
            "no-agreement", "whoever applies as this group agrees to these terms", remedy=f"--agree {terms}"
        )
    print("Do you agree to these terms? [y/N] ", end="", flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise InputError("no-agreement", "nothing was sent")
    return terms


def _register(api: Client, args: argparse.Namespace) -> None:
    from halfdoor.cli.token import told

    given = {"name": args.name, "email": args.email, "organisation": args.organisation}
    lacking = [f"--{name}" for name, value in given.items() if not value]
    if lacking:
        raise InputError(
            "not-registered",
            "you are not known here yet",
            remedy=f"to register, add {' '.join(lacking)}; if you are known, set {client.TOKEN_VARIABLE}",
        )
    issued = api.post("/register", **given)
    text = told(api, issued)
    print(text, file=sys.stderr)


def _token(api: Client, args: argparse.Namespace) -> int:
    from halfdoor.cli.naming import printed
    from halfdoor.cli.token import told

    one = _named(args)
    grants = [each for each in api.get("/grants")["grants"] if each["application"] == one and each["live"]]
    if not grants:
        state = api.get(f"/applications/{client.escaped(one)}")["summary"]["state"]
        raise InputError("no-grant", f"no live grant came of it: the application is {state}")
    issued = api.post("/tokens", grant=grants[-1]["id"])
    if not printed(args, issued):
        print(told(api, issued))
    return 0


def _tell(api: Client, args: argparse.Namespace, found: dict[str, Any]) -> None:
    from halfdoor.cli.naming import when
    from halfdoor.cli.review_text import WHAT_NEXT, waiting
    from halfdoor.cli.terminal import paragraph

    if args.what == "list":
        print(waiting(found["applications"]))
        return
    summary = found["summary"]
    one, state = summary["id"], summary["state"]
    print(f"Your application {one} is {state}. {WHAT_NEXT.get(state, '')}")
    for act in found["acts"]:
        if act["reason"] and act["act"] in {"return", "reject", "approve"}:
            print(paragraph(f"{when(act['at'])}, {act['act']}: {act['reason']}", indent=2, hanging=2))
    if state == "approved":
        print("A token to download with:")
        print(f"  halfdoor apply token {one} {api.options}")
    elif state in {"submitted", "appealed"}:
        print(f"It is decided by {when(summary['until'])}, or expires. To see how it stands:")
        print(f"  halfdoor apply status {one} {api.options}")
    elif state == "rejected":
        print(f"  halfdoor apply appeal {one} --reason '…' {api.options}")
