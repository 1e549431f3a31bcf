"""How commands name things: versions by repository and label, people by address, times for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from halfdoor.core.errors import InputError

if TYPE_CHECKING:
    import argparse

    from halfdoor.cli.client import Client


def version_of(client: Client, text: str) -> dict[str, Any]:
    """A version by its id, or as NAMESPACE/NAME[@LABEL]: the newest that is open, else the newest.

    Raises InputError `unknown-version`; Answered.
    """
    if text.startswith("ver_"):
        from halfdoor.cli.client import escaped

        found: dict[str, Any] = client.get(f"/versions/{escaped(text)}")
        return found
    repository, _, label = text.partition("@")
    every = client.get("/versions", repository=repository)["versions"]
    matching = [one for one in every if not label or label in {one["label"], one["commit"]}]
    if not matching:
        raise InputError(
            "unknown-version",
            f"there is no version {text[:100]!r} that you may know of",
            remedy="write NAMESPACE/NAME, NAMESPACE/NAME@LABEL, or the id ver_…",
        )
    chosen: dict[str, Any] = next((one for one in matching if one["opened"]), matching[0])
    return chosen


def person_of(client: Client, text: str) -> str:
    """The id of a person, by id or e-mail address; `me` for oneself. Raises InputError; Answered."""
    if text == "me":
        found: str = client.get("/me")["person"]["id"]
        return found
    if "@" not in text:
        return text
    for one in client.get("/people")["people"]:
        if (one["email"] or "").lower() == text.strip().lower():
            by_address: str = one["id"]
            return by_address
    raise InputError(
        "unknown-person", f"nobody here has the address {text[:100]!r}", remedy="halfdoor people list"
    )


def when(text: str | None) -> str:
    """A time of the API to the minute; a dash for none."""
    if not text:
        return "-"
    return f"{text[:10]} {text[11:16]} UTC" if len(text) > len("2026-01-31") else text


def shared(configuration: dict[str, list[str]], indent: int = 4) -> str:
    """A configuration in words, an item on each line."""
    from halfdoor.cli.terminal import columns
    from halfdoor.core.model.words import group_words, item_words, listed

    rows = [(item_words(item), listed(map(group_words, groups))) for item, groups in configuration.items()]
    return columns(rows or [("nothing", "")], indent=indent)


def facts(rows: list[tuple[str, str]], indent: int = 2) -> str:
    """Names and values, aligned; text wraps, but a digest or id stays whole, to be copied."""
    from halfdoor.cli.terminal import paragraph

    width = max((len(name) for name, _ in rows), default=0) + 2
    return "\n".join(
        " " * indent + name.ljust(width) + paragraph(value, indent=indent + width).lstrip()
        for name, value in rows
    )


def printed(args: argparse.Namespace, answer: object) -> bool:
    """With --json: print the answer as it came; whether that was asked for."""
    if args.json:
        print(json.dumps(answer, indent=2))
    return bool(args.json)


def limits(parser: argparse.ArgumentParser) -> None:
    """Add the options that limit a grant."""
    parser.add_argument("--bytes", type=int, metavar="N", help="that may leave, all downloads together")
    parser.add_argument("--downloads", type=int, metavar="N", help="files that may be begun")
    parser.add_argument(
        "--network", action="append", metavar="PREFIX", help="from which it works: 192.0.2.0/24"
    )
