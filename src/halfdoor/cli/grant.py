"""`halfdoor grant`: what people were granted, renewed and revoked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from halfdoor.cli import client, naming
from halfdoor.cli.parser import Parser

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.client import Client

DESCRIPTION = """\
Grants: one person, one version, as a group, until a date, within limits.

They come of applications (`halfdoor review`); staff and auditors get theirs here. A revoked grant opens
nothing from now on and cuts the transfers that are under way; the answer says what that cannot undo."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    parser.description = DESCRIPTION
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT", parser_class=Parser)
    listed = acts.add_parser("list", help="your grants, or those of others")
    listed.add_argument("--all", action="store_true", help="everybody's, for those who look after grants")
    listed.add_argument("--of", metavar="PERSON", help="of one person: an e-mail address or per_…")
    listed.add_argument("--version", metavar="V", help="only of this: ver_… or NAMESPACE/NAME[@LABEL]")
    issue = acts.add_parser("issue", help="a grant without an application, for staff and auditors")
    issue.add_argument("version", metavar="V", help="ver_… or NAMESPACE/NAME[@LABEL]")
    issue.add_argument("--to", required=True, metavar="PERSON", help="an e-mail address or per_…")
    issue.add_argument("--group", required=True, help="staff or auditors")
    renew = acts.add_parser("renew", help="it holds longer")
    narrow = acts.add_parser("narrow", help="hold it to tighter limits, at once")
    revoke = acts.add_parser("revoke", help="it opens nothing from now on")
    for one in (renew, narrow, revoke):
        one.add_argument("grant", metavar="GRT", help="grt_…")
    revoke.add_argument(
        "--cause", choices=("holder", "order", "reviewer", "terms"), help="default: as your role says"
    )
    for one in (issue, renew):
        one.add_argument("--days", type=int, metavar="N", help="it holds (default: as policy and rule say)")
    for one in (issue, narrow):
        naming.limits(one)
    for one in (listed, issue, renew, narrow, revoke):
        client.configure(one)


def run(args: argparse.Namespace) -> int:
    """Do it. Raises HalfdoorError."""
    from halfdoor.cli.naming import printed

    with client.connect(args) as api:
        found = _act(api, args)
    if not printed(args, found):
        _tell(args, found)
    return 0


def _act(api: Client, args: argparse.Namespace) -> Any:  # noqa: ANN401  JSON
    from halfdoor.cli.naming import person_of, version_of

    if args.act == "list":
        version = None if args.version is None else version_of(api, args.version)["id"]
        of = None if args.of is None else person_of(api, args.of)
        return api.get("/grants", everybody=args.all, person=of, version=version)
    if args.act == "issue":
        return api.post(
            "/grants",
            person=person_of(api, args.to),
            version=version_of(api, args.version)["id"],
            group=args.group,
            days=args.days,
            bytes=args.bytes,
            downloads=args.downloads,
            networks=args.network,
        )
    path = f"/grants/{client.escaped(args.grant)}"
    if args.act == "renew":
        return api.post(f"{path}/renew", days=args.days)
    if args.act == "narrow":
        return api.post(f"{path}/narrow", bytes=args.bytes, downloads=args.downloads, networks=args.network)
    return api.post(f"{path}/revoke", cause=args.cause)


def _tell(args: argparse.Namespace, found: dict[str, Any]) -> None:
    from halfdoor.cli.naming import when
    from halfdoor.cli.terminal import columns, paragraph

    if args.act == "list":
        rows = [
            (
                one["id"],
                one["version"],
                one["person"],
                one["group"],
                f"until {when(one['until'])[:10]}"
                if one["live"]
                else f"ended: {one['cause'] or 'out of date'}",
            )
            for one in found["grants"]
        ]
        print(columns(rows) or "There is none. To apply: halfdoor apply NAMESPACE/NAME")
        return
    if args.act == "revoke":
        print(f"{found['grant']['id']} opens nothing any more.")
        if not found["logged"]:
            print("  The log does not have it yet; it is in effect all the same.")
        for one in found["unreached"]:
            print(paragraph(f"- {one}", indent=2, hanging=2))
        return
    print(described(found))


def described(one: dict[str, Any]) -> str:
    """A grant on several lines."""
    from halfdoor.cli.naming import when
    from halfdoor.cli.terminal import columns, size
    from halfdoor.core.model.words import group_words, item_words, listed

    used = f"{size(one['bytes_used'])} of {size(one['bytes_max'])}" if one["bytes_max"] else ""
    begun = f"{one['downloads_used']} of {one['downloads_max']}" if one["downloads_max"] else ""
    rows = [
        ("grant", one["id"]),
        ("to", one["person"]),
        ("as", group_words(one["group"])),
        ("of", listed(map(item_words, one["items"]))),
        ("until", when(one["until"])),
        *([("bytes", used)] if used else []),
        *([("downloads", begun)] if begun else []),
        *([("from", ", ".join(one["networks"]))] if one["networks"] else []),
    ]
    return columns(rows, indent=2)
