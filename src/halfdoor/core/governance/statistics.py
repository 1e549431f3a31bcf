"""How long deciding takes: by group, from the first submission to the decision."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOUR_MS = 3_600_000
_WAITING = frozenset({"submitted", "appealed"})  # for somebody here, not for the applicant


class Case(msgspec.Struct, frozen=True):
    """What counts of one application. Times are POSIX milliseconds."""

    group: str
    state: str
    submitted_ms: int | None
    decided_ms: int | None


class Figures(msgspec.Struct, frozen=True):
    """One group's applications.

    counts:               how many are in each state
    median_hours, p90_hours: from the first submission to the decision; None where nothing was decided
    oldest_waiting_hours: of those that wait for a decision now; None where none does
    """

    group: str
    counts: dict[str, int]
    decided: int
    median_hours: float | None
    p90_hours: float | None
    oldest_waiting_hours: float | None


def figures(cases: Iterable[Case], now_ms: int) -> list[Figures]:
    """The figures of each group, by name."""
    by_group: dict[str, list[Case]] = {}
    for case in cases:
        by_group.setdefault(case.group, []).append(case)
    return [_of(group, by_group[group], now_ms) for group in sorted(by_group)]


def _of(group: str, cases: list[Case], now_ms: int) -> Figures:
    counts: dict[str, int] = {}
    for case in cases:
        counts[case.state] = counts.get(case.state, 0) + 1
    taken = sorted(
        (case.decided_ms - case.submitted_ms) / _HOUR_MS
        for case in cases
        if case.submitted_ms is not None and case.decided_ms is not None
    )
    waiting = [
        (now_ms - case.submitted_ms) / _HOUR_MS
        for case in cases
        if case.state in _WAITING and case.submitted_ms is not None
    ]
    return Figures(
        group,
        dict(sorted(counts.items())),
        len(taken),
        round(median(taken), 2) if taken else None,
        round(taken[-(-9 * len(taken) // 10) - 1], 2) if taken else None,  # nearest rank
        round(max(waiting), 2) if waiting else None,
    )
