"""A decision as `halfdoor decide` shows it."""

from __future__ import annotations

from typing import Any

from halfdoor.cli.naming import facts, shared, when
from halfdoor.cli.terminal import columns, paragraph, styled


def render(found: dict[str, Any], options: str) -> str:
    """All that an approver needs to read, and what to type next. found: DecisionView as JSON."""
    document = found["document"]
    parts = [
        styled(f"{document['repository']} {document['label']}", "bold") + f"   {found['id']}",
        _state(found),
        "",
        "It would permit:" if found["state"] == "proposed" else "It permits:",
        shared(document["configuration"]),
        *_facts(found),
        *_people(found),
        *_conditions(document),
        *_ledger(document),
        *_notes(found),
        *_next(found, options),
    ]
    return "\n".join(parts)


def _state(found: dict[str, Any]) -> str:
    if found["in_force"]:
        return styled("In force.", "green")
    if found["state"] == "proposed":
        return styled("Proposed; not decided yet.", "yellow")
    return paragraph(" ".join(found["why"]))


def _facts(found: dict[str, Any]) -> list[str]:
    document = found["document"]
    until = document["evidence_until"]
    rows = [
        ("policy", document["policy"]),
        ("risk model", document["risk_model"]),
        ("assessment", document["assessment"]),
        ("as of", str(document["as_of"])),
        ("verdict", document["headline"]),
        ("review", str(document["review"])),
        ("evidence", f"permits it until {until}" if until else "permits it until the review"),
        ("proposed", f"{when(found['proposed'])} by {document['proposer']}"),
        *([("adopted", when(found["adopted"]))] if found["adopted"] else []),
        *([("ended", when(found["ended"]))] if found["ended"] else []),
        ("digest", found["seen"]),
    ]
    return ["", facts(rows)]


def _people(found: dict[str, Any]) -> list[str]:
    lines = ["", "Quorum:"]
    rows = []
    for seat in found["document"]["quorum"]:
        more = [
            *(["each from another organisation"] if seat["distinct_organisations"] else []),
            *(["signed"] if seat["signed"] else []),
        ]
        rows.append((str(seat["people"]), seat["role"], ", ".join(more)))
    lines.append(columns(rows, indent=2, align="r"))
    if found["approvals"]:
        lines.append("Approved by:")
        lines.append(
            columns(
                [
                    (
                        one["person"],
                        ", ".join(one["roles"]),
                        when(one["at"]),
                        "signed" if one["signed"] else "",
                        "" if one["counts"] else "does not count any more",
                    )
                    for one in found["approvals"]
                ],
                indent=2,
            )
        )
    lines += [paragraph(f"Missing: {one}", indent=2, hanging=2) for one in found["missing"]]
    for one in found["objections"]:
        lines.append(f"Objection {one['number']}, {one['person']}, {when(one['at'])}:")
        lines.append(paragraph(one["reason"], indent=2))
    return lines


def _conditions(document: dict[str, Any]) -> list[str]:
    if not document["conditions"]:
        return []
    lines = ["", "Void as soon as:"]
    return lines + [
        paragraph(f"{one['number']}. {one['sentence']}", indent=2, hanging=3)
        for one in document["conditions"]
    ]


def _ledger(document: dict[str, Any]) -> list[str]:
    if not document["ledger"]:
        return []
    rows = [
        (one["item"], one["owner"] or "nobody", str(one["due"] or "no date"), one["replacement"])
        for one in document["ledger"]
    ]
    return ["", "Promised, to replace what is withheld:", columns(rows, indent=2)]


def _notes(found: dict[str, Any]) -> list[str]:
    notes = found.get("notes") or []
    return ["", *(paragraph(one) for one in notes)] if notes else []


def _next(found: dict[str, Any], options: str) -> list[str]:
    one, seen = found["id"], found["seen"]
    if found["state"] == "proposed":
        return [
            "",
            "If you have read it and agree, and somebody else proposed it:",
            f"  halfdoor decide approve {one} --seen {seen} {options}",
            "If you do not:",
            f"  halfdoor decide object {one} --seen {seen} --reason '…' {options}",
        ]
    if found["in_force"]:
        return [
            "",
            "It opens nothing by itself. To open what it permits:",
            f"  halfdoor stage start {one} {options}",
        ]
    return []
