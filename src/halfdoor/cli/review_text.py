"""Applications as reviewers and applicants see them."""

from __future__ import annotations

from typing import Any

from halfdoor.cli.naming import facts, when
from halfdoor.cli.terminal import columns, paragraph, size, styled

WHAT_NEXT = {
    "draft": "Nobody sees it before it is submitted.",
    "submitted": "A reviewer decides on it.",
    "returned": "A reviewer asks for more; state it and submit again.",
    "approved": "The grant is issued.",
    "rejected": "You may appeal once, or apply anew.",
    "appealed": "Another reviewer decides on it.",
    "withdrawn": "You no longer ask for it.",
    "expired": "Nobody decided in time; apply anew.",
    "revoked": "The grant that came of it was revoked.",
}


def waiting(applications: list[dict[str, Any]]) -> str:
    """A list."""
    rows = [
        (
            one["id"],
            one["version"],
            one["person"],
            one["group"],
            one["state"],
            f"since {when(one['submitted'] or one['created'])[:10]}",
        )
        for one in applications
    ]
    return columns(rows) or "Nothing."


def whole(found: dict[str, Any], options: str) -> str:
    """An application with all that a reviewer judges."""
    summary = found["summary"]
    one = summary["id"]
    lines = [
        styled(one, "bold") + f"   {summary['state']}, as {summary['group']}",
        facts(
            [
                ("person", summary["person"]),
                ("version", summary["version"]),
                ("submitted", when(summary["submitted"])),
                ("decide by", when(summary["until"])),
                ("terms", found["terms"] or "none"),
                *([("renews", summary["renews"])] if summary["renews"] else []),
            ]
        ),
    ]
    for name, text in found["fields"].items():
        lines += ["", f"{name}:", paragraph(text, indent=2)]
    if found["acts"]:
        lines += ["", "What was done:"]
        rows = [
            (when(act["at"]), act["act"], act["person"] or "by itself", act["reason"])
            for act in found["acts"]
        ]
        lines.append(columns(rows, indent=2))
    if summary["state"] in {"submitted", "appealed"}:
        lines += [
            "",
            "To decide:",
            f"  halfdoor review approve {one} --seen {found['seen']} {options}",
            f"  halfdoor review reject {one} --reason '…' --seen {found['seen']} {options}",
        ]
    return "\n".join(lines)


def decided(found: dict[str, Any]) -> str:
    """What became of one application."""
    summary = found["summary"]
    if summary["state"] == "submitted" and found["approvals"]:
        return f"{summary['id']} has {len(found['approvals'])} approval; another reviewer has to agree."
    return f"{summary['id']} is {summary['state']}. {_for_reviewers(summary['state'])}".rstrip()


def _for_reviewers(state: str) -> str:
    return {
        "approved": "The grant is issued; the applicant gets a token for it with: halfdoor apply token",
        "rejected": "The applicant may appeal once, to another reviewer.",
        "returned": "The applicant may submit it again.",
    }.get(state, "")


def outcomes(found: list[dict[str, Any]]) -> str:
    """What became of many."""
    return columns([(one["application"], one["state"] or f"not decided: {one['message']}") for one in found])


def statistics(groups: list[dict[str, Any]]) -> str:
    """How many, and how long."""
    if not groups:
        return "There is no application yet."
    head = ("group", "waiting", "decided", "median", "9 of 10", "oldest that waits")
    rows = [
        (
            one["group"],
            str(sum(one["counts"].get(state, 0) for state in ("submitted", "appealed"))),
            str(one["decided"]),
            _hours(one["median_hours"]),
            _hours(one["p90_hours"]),
            _hours(one["oldest_waiting_hours"]),
        )
        for one in groups
    ]
    return columns([head, *rows], align="lrrrrr")


def _hours(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.0f} h" if value < 48 else f"{value / 24:.0f} days"  # noqa: PLR2004  two days


def rules(found: list[dict[str, Any]]) -> str:
    """How applications are handled, by group."""
    if not found:
        return "Nothing is set: the policy's own rules hold."
    return "\n".join(f"{one['group']}\n" + facts(_rule(one)) for one in found)


def _rule(one: dict[str, Any]) -> list[tuple[str, str]]:
    limits = one["limits"]
    return [
        ("terms", one["terms"] or "none"),
        ("automatic", f"{one['responsible']} answers for it" if one["responsible"] else "no"),
        ("days", str(limits["days"] or "as the policy says")),
        ("bytes", size(limits["bytes"]) if limits["bytes"] else "not limited"),
        ("downloads", str(limits["downloads"] or "not limited")),
        ("networks", ", ".join(limits["networks"]) or "any"),
    ]
