"""`halfdoor token`: secrets that clients show, for you here or for one of your grants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from halfdoor.cli import client
from halfdoor.cli.parser import Parser

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.client import Client

DESCRIPTION = """\
Tokens. One without a grant stands for you, at the control plane; one of a grant downloads, no more.

A token is shown once. Rotating gives a new one while the old one works on for a while, so nothing stops."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.description = DESCRIPTION
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT", parser_class=Parser)
    issue = acts.add_parser("issue", help="a new token")
    issue.add_argument("--grant", metavar="GRT", help="for downloading under this grant; else for yourself")
    issue.add_argument("--days", type=int, metavar="N", help="it works (default: 30; of a grant: as long)")
    rotate = acts.add_parser("rotate", help="a new token in the place of an old one")
    rotate.add_argument("token", metavar="TOK", help="tok_…")
    rotate.add_argument("--grace-days", type=float, metavar="N", help="the old one works on (default: 1)")
    revoke = acts.add_parser("revoke", help="it works no longer")
    revoke.add_argument("token", metavar="TOK", help="tok_…")
    listed = acts.add_parser("list", help="your tokens, without their secrets")
    listed.add_argument("--of", metavar="PERSON", help="somebody else's, for an administrator")
    for one in (issue, rotate, revoke, listed):
        client.configure(one)


def run(args: argparse.Namespace) -> int:
    """Do it. Raises HalfdoorError."""
    from halfdoor.cli.naming import printed

    with client.connect(args) as api:
        match args.act:
            case "issue":
                found = api.post("/tokens", grant=args.grant, days=args.days)
            case "rotate":
                path = f"/tokens/{client.escaped(args.token)}/rotate"
                found = api.post(path, grace_days=args.grace_days)
            case "revoke":
                found = api.post(f"/tokens/{client.escaped(args.token)}/revoke")
            case _:
                return _list(api, args)
    if printed(args, found):
        return 0
    print("It works no longer." if args.act == "revoke" else told(api, found))
    return 0


def told(api: Client, issued: dict[str, Any]) -> str:
    """A new token, and how it is used. A person's own is kept for the server, and not shown."""
    from halfdoor.cli.naming import when

    if issued["grant"] is None and api.url:
        path = client.keep_token(api.url, issued["secret"])
        api.use(issued["secret"])
        return f"Your token for this server works until {when(issued['until'])}; it is kept in {path}."
    lines = [
        f"A token until {when(issued['until'])}, shown this once ({issued['token']}):",
        f"  {issued['secret']}",
    ]
    if issued["grant"] is None:
        return "\n".join([*lines, f"To use it: export {client.TOKEN_VARIABLE}=…, and --server URL."])
    url = api.url or api.get("/about")["hub"]
    grant = api.get(f"/grants/{issued['grant']}")
    version = api.get(f"/versions/{grant['version']}")
    return "\n".join(
        [
            *lines,
            "To download with it:",
            f"  export HF_ENDPOINT={url}",
            "  export HF_TOKEN=…    # the line above",
            f"  hf download {version['repository']} --revision {version['label']}",
        ]
    )


def _list(api: Client, args: argparse.Namespace) -> int:
    from halfdoor.cli.naming import person_of, printed, when
    from halfdoor.cli.terminal import columns

    found = api.get("/tokens", person=None if args.of is None else person_of(api, args.of))
    if printed(args, found):
        return 0
    rows = [
        (
            one["id"],
            one["grant"] or "for yourself",
            f"until {when(one['until'])}" if one["live"] else "works no longer",
        )
        for one in found["tokens"]
    ]
    print(columns(rows) or "There is none.")
    return 0
