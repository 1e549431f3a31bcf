"""Why the annexes of two assessments differ, in words: harm against its lines, the plan, the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.reports import summary, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halfdoor.core.annex import BandHarm, Plan
    from halfdoor.core.assessment import Assessment, LedgerRow

_STANDING = {"pass": "answered", "fail": "overdue", "missing": "open", "not-applicable": "not asked"}


def annex_differences(first: Assessment, second: Assessment) -> Iterator[str]:
    """Sentences; none where one of the two editions does not hold what would be compared."""
    yield from _harm(first, second)
    if first.subject.name == second.subject.name:
        yield from _ledger(first, second)
        yield from _plan(first, second)


def _harm(first: Assessment, second: Assessment) -> Iterator[str]:
    """A band that now keeps or breaks its line, by name and unit."""
    if first.harm is None or second.harm is None:
        return
    before = {(row.band, row.unit): row for row in first.harm.bands}
    for row in second.harm.bands:
        was = before.get((row.band, row.unit))
        if was is None:
            if row.outcome == "fail":
                yield f"Harm: the line for {row.band} was not there before and is broken: {_band(row)}."
        elif was.outcome != row.outcome:
            yield f"Harm: {row.band}, {_band(row)}; before {_band(was)}."


def _band(row: BandHarm) -> str:
    said = f"{words.per_year(row.added_quantile)} added"
    if row.outcome == "not-applicable" or row.allowed_per_year is None:
        return f"no line ({said})"
    kept = "within" if row.outcome == "pass" else "beyond"
    return f"{kept} the line ({said}, {words.per_year(float(row.allowed_per_year))} allowed)"


def _ledger(first: Assessment, second: Assessment) -> Iterator[str]:
    """Restrictions that came, went, or stand otherwise; alike ones together."""
    before = {(row.item, row.withheld_from): row for row in first.ledger}
    changed: dict[tuple[str, str], list[str]] = {}
    for row in second.ledger:
        was = before.get((row.item, row.withheld_from))
        if was is not None and was.outcome != row.outcome:
            now, then = _STANDING[row.outcome], _STANDING[was.outcome]
            changed.setdefault((now, then), []).append(_restriction(row, second))
    for (now, then), rows in changed.items():
        yield f"Ledger: {words.some(rows, 4)}: {now}, before {then}."


def _restriction(row: LedgerRow, assessment: Assessment) -> str:
    return f"{words.item(row.item)} from {words.Dictionary(assessment).group(row.withheld_from)}"


def _plan(first: Assessment, second: Assessment) -> Iterator[str]:
    if first.plan is None or second.plan is None:
        return
    before, now = len(first.plan.stages), len(second.plan.stages)
    if before != now:
        yield f"The plan has {words.count(now, 'stage')}, before {before}."
    first_now, first_before = _opens(second.plan, second), _opens(first.plan, first)
    if first_now != first_before:
        yield f"Its first stage opens {first_now or 'nothing'}, before {first_before or 'nothing'}."
    elif first.plan.stages and second.plan.stages:
        asked, was = set(second.plan.stages[0].conditions), set(first.plan.stages[0].conditions)
        for text in sorted(asked - was):
            yield f"Its first stage now asks: {words.ended(text)}"
        for text in sorted(was - asked):
            yield f"Its first stage no longer asks: {words.ended(text)}"


def _opens(plan: Plan, assessment: Assessment) -> str:
    """What the first stage opens, in words; empty where there is none."""
    return summary.opens(plan.stages[0], assessment) if plan.stages else ""
