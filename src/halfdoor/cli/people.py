"""`halfdoor people`: who is here, who is let in, what they may do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from halfdoor.cli import client
from halfdoor.cli.parser import Parser

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.client import Client
    from halfdoor.cli.parser import Commands

DESCRIPTION = """\
People: invited, given roles, let go.

Roles of the application: admin (lets people in), publisher (registers models, opens stages), approver
(decides), reviewer (decides on applications), auditor (sees everything), overseer (orders halts). Policies
name others."""
JOIN = """\
Take up an invitation. It works once, and gives you a token that is kept for this server.

Leave the invitation out and it is asked for, so that it stays out of your shell's history."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.description = DESCRIPTION
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT", parser_class=Parser)
    listed = acts.add_parser("list", help="everybody, for administrators and auditors")
    me = acts.add_parser("me", help="who you are here, and what you may do")
    invite = acts.add_parser("invite", help="ask somebody in, or again somebody who lost their token")
    invite.add_argument("email", metavar="EMAIL", help="their address")
    invite.add_argument("--name", required=True, help="their name")
    invite.add_argument("--organisation", metavar="NAME", help="for which they act: people organisation add")
    invite.add_argument(
        "--role", action="append", default=[], metavar="ROLE", help="several times for several"
    )
    invite.add_argument("--days", type=int, metavar="N", help="how long the invitation holds (default: 7)")
    join = acts.add_parser("join", help="take up an invitation", description=JOIN)
    join.add_argument("invitation", nargs="?", metavar="INVITATION", help="hdi_…, or its link")
    join.add_argument("--name", help="your name, if nobody has given it yet")
    join.add_argument("--email", help="your address, likewise")
    role = _group(acts, "role", "give somebody a role, or take it")
    give, take = role.add_parser("give", help="give a role"), role.add_parser("take", help="take it, at once")
    for one in (give, take):
        one.add_argument("of", metavar="PERSON", help="an e-mail address, per_…, or me")
        one.add_argument("role", metavar="ROLE")
    organisation = _group(acts, "organisation", "organisations that people act for")
    add = organisation.add_parser("add", help="add one")
    add.add_argument("name", metavar="NAME")
    place = organisation.add_parser("place", help="say for which one somebody acts")
    place.add_argument("of", metavar="PERSON", help="an e-mail address or per_…")
    place.add_argument("name", nargs="?", metavar="NAME", help="left out: for none")
    organisations = organisation.add_parser("list", help="all of them")
    key = _group(acts, "key", "SSH keys that sign your approvals")
    keys = (
        key.add_parser("add", help="register one"),
        key.add_parser("remove", help="it signs nothing any more"),
    )
    for one in keys:
        one.add_argument("file", type=Path, metavar="FILE.pub", help="the public half")
    leave = acts.add_parser("leave", help="somebody acts here no longer: tokens, grants and roles are gone")
    erase = acts.add_parser("erase", help="forget the names of somebody who has left")
    for one in (leave, erase):
        one.add_argument("of", metavar="PERSON", help="an e-mail address, per_…, or me")
    every = (listed, me, invite, join, give, take, add, place, organisations, *keys, leave, erase)
    for one in every:
        client.configure(one)


def _group(acts: Commands, name: str, what: str) -> Commands:
    made: Commands = acts.add_parser(name, help=what).add_subparsers(
        dest=f"{name}_act", required=True, metavar="ACT"
    )
    return made


def run(args: argparse.Namespace) -> int:
    """Do it. Raises HalfdoorError."""
    act = " ".join(filter(None, (args.act, getattr(args, f"{args.act}_act", None))))
    with client.connect(args, anonymous=act == "join") as api:
        found = _ACTS[act](api, args)
    from halfdoor.cli.naming import printed

    if found is not None:
        printed(args, found)
    return 0


def _list(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    from halfdoor.cli.terminal import columns

    found = api.get("/people")
    if args.json:
        return found
    rows = [
        (one["id"], one["email"] or "-", one["name"], ", ".join(one["roles"]) or "-", _state(one))
        for one in found["people"]
    ]
    print(columns(rows))
    return None


def _state(one: dict[str, Any]) -> str:
    return "left" if one["left"] else "" if one["joined"] else "has not joined"


def _me(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    from halfdoor.cli.terminal import columns

    found = api.get("/me")
    if args.json:
        return found
    one = found["person"]
    rows = [
        ("name", one["name"]),
        ("address", one["email"] or "-"),
        ("id", one["id"]),
        ("organisation", one["organisation"] or one["affiliation"] or "-"),
        ("roles", ", ".join(one["roles"]) or "none: you may apply for access"),
        *(("key", key) for key in found["keys"]),
    ]
    print(columns(rows, indent=2))
    return None


def _invite(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    from halfdoor.cli.naming import when

    found = api.post(
        "/people",
        name=args.name,
        email=args.email,
        organisation=args.organisation,
        roles=args.role,
        days=args.days,
    )
    if args.json:
        return found
    print(f"{args.name} is invited until {when(found['until'])}. Whoever has this link comes in, once:")
    print(f"  {found['link']}")
    print("It is shown this once. Send it by a way that only they read.")
    return None


def _join(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    import getpass
    import sys

    from halfdoor.cli.token import told

    api.use("")  # a token that was lost or has run out must not stand in the way of a new one
    given = args.invitation or (
        getpass.getpass("Invitation: ") if sys.stdin.isatty() else sys.stdin.readline()
    )
    secret = given.strip().rsplit("/", 1)[-1]  # the link is as good
    found = api.post("/join", secret=secret, name=args.name, email=args.email)
    if args.json:
        return found
    print(f"Welcome. You are {found['person']} here.")
    print(told(api, found))
    return None


def _give(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    found = api.send("PUT", _role(api, args))
    return _said(args, found, f"{args.of} holds the role {args.role} now.")


def _take(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    found = api.send("DELETE", _role(api, args))
    return _said(args, found, f"{args.of} does not hold the role {args.role} any more.")


def _role(api: Client, args: argparse.Namespace) -> str:
    return f"/people/{_of(api, args)}/roles/{client.escaped(args.role)}"


def _of(api: Client, args: argparse.Namespace) -> str:
    from halfdoor.cli.naming import person_of

    return client.escaped(person_of(api, args.of))


def _add(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    found = api.post("/organisations", name=args.name)
    return _said(args, found, f"{found['name']} is {found['id']}.")


def _place(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    found = api.send("POST", f"/people/{_of(api, args)}/place", {"organisation": args.name})
    return _said(args, found, f"{args.of} acts for {args.name or 'no organisation'} now.")


def _organisations(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    from halfdoor.cli.terminal import columns

    found = api.get("/organisations")
    if args.json:
        return found
    rows = [(one["id"], one["name"]) for one in found["organisations"]]
    print(columns(rows) or "There is none yet: halfdoor people organisation add NAME")
    return None


def _add_key(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    found = api.post("/me/keys", line=_line(args.file))
    return _said(args, found, "This key signs your approvals from now on.")


def _remove_key(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    found = api.post("/me/keys/remove", line=_line(args.file))
    return _said(args, found, "This key signs nothing any more.")


def _leave(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    found = api.post(f"/people/{_of(api, args)}/leave")
    return _said(args, found, f"{args.of} acts here no longer; tokens, grants and roles are gone.")


def _erase(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    found = api.post(f"/people/{_of(api, args)}/erase")
    text = "Names and statements are forgotten. For what the log's commitments stand for: halfdoor log erase"
    return _said(args, found, text)


def _line(path: Path) -> str:
    from halfdoor.core.errors import InputError

    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("unreadable", f"cannot read the key: {error}", where=str(path)) from error


def _said(args: argparse.Namespace, found: Any, text: str) -> Any:  # noqa: ANN401  JSON
    """Say what was done, unless the answer itself is to be printed."""
    if args.json:
        return found
    print(text)
    if not found.get("logged", True):
        print("  The log does not have it yet; it is in effect all the same.")
    return None


_ACTS = {
    "list": _list,
    "me": _me,
    "invite": _invite,
    "join": _join,
    "role give": _give,
    "role take": _take,
    "organisation add": _add,
    "organisation place": _place,
    "organisation list": _organisations,
    "key add": _add_key,
    "key remove": _remove_key,
    "leave": _leave,
    "erase": _erase,
}
