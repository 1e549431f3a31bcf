"""A plan as `halfdoor stage` shows it."""

from __future__ import annotations

from typing import Any

from halfdoor.cli.naming import facts, when
from halfdoor.cli.terminal import paragraph, styled

_STATES = {
    "waiting": "Nothing is open yet.",
    "open": "Open.",
    "complete": "Open, at its last stage.",
    "lapsed": "Nothing is open: its decision is not in force.",
    "halted": "Halted: nothing is open.",
    "withdrawn": "Withdrawn: nothing is open.",
}


def render(found: dict[str, Any], options: str) -> str:
    """Where it stands, its stages, what the next one asks for, and what to type. found: PlanView as JSON."""
    count = len(found["stages"])
    lines = [
        styled(f"Stage {found['stage']} of {count}", "bold") + f"   {found['id']}",
        _STATES.get(found["state"], found["state"]),
        *(paragraph(one, indent=2) for one in found["why"]),
        "",
    ]
    for stage in found["stages"]:
        mark = "now" if stage["number"] == found["stage"] else ""
        lines.append(paragraph(f"{stage['number']}. {stage['sentence']}", indent=2, hanging=3))
        if mark and found["state"] in {"open", "complete"}:
            lines.append(f"     since {when(found['opened_at'])}")
    lines += [
        "",
        facts(
            [
                ("version", found["version"]),
                ("decision", found["decision"]),
                ("digest", found["seen"]),
                *(("due", f"stage {one['stage']} on {when(one['on'])}") for one in found["due"]),
                *(("was due", f"stage {one['stage']}: {one['outcome']}") for one in found["done"]),
            ]
        ),
        *_next(found, options),
    ]
    return "\n".join(lines)


def _next(found: dict[str, Any], options: str) -> list[str]:
    following = found["next"]
    if following is None:
        return []
    number, plan = following["stage"], found["id"]
    lines = ["", f"Stage {number} comes next."]
    if following["may"]:
        lines += ["Its conditions are met:", f"  halfdoor stage advance {plan} --stage {number} {options}"]
        return lines
    lines.append("What it still asks for:")
    lines += [paragraph(f"- {one}", indent=2, hanging=2) for one in following["reasons"]]
    if following["approvals"] > len(following["approved_by"]):
        lines += [
            "To approve it:",
            f"  halfdoor stage approve {plan} --stage {number} --seen {found['seen']} {options}",
        ]
    return lines
