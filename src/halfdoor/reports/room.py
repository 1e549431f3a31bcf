"""How much fits on the memo's one page: sets of limits, and which of them an assessment needs.

An estimate of the printed height, in lines of which an A4 page holds about 86, the characters a line counted
with a wide font. What is cut stands whole in the annexes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from halfdoor.reports import board as boards
from halfdoor.reports import summary

if TYPE_CHECKING:
    from halfdoor.core.assessment import Assessment

_LINES = 77.5  # of 86 at the size of print below, for fonts differ
_PRINT_PX = 11.0
_SIDE, _WIDE, _FULL = 40, 62, 105  # characters a line: side column, wide column, page
_LABEL, _CELL = 22, 22  # of a bundle's name, of a cell of the table of restrictions


@dataclass(frozen=True)
class Room:
    """The most that the memo shows: characters of a text, or rows of a list; `print_px`: size of 1 rem."""

    print_px: float = _PRINT_PX
    answer: int = 230
    scope: int = 260
    security: int = 480
    reason: int = 430
    others: int = 250
    cell: int = 90
    measure: int = 64
    change: int = 170
    withheld: int = 4
    box: int = 720
    label: int = 60
    bundles: int = 9
    domains: int = 8
    restrictions: int = 3
    measurements: int = 3
    evidence: int = 8
    open: int = 6


ROOMY = Room()
FULL = Room(
    print_px=10.6,
    others=150,
    box=600,
    label=44,
    bundles=8,
    restrictions=2,
    measurements=2,
    measure=56,
    change=140,
    evidence=5,
    open=4,
)
TIGHT = Room(
    print_px=10.2,
    answer=180,
    scope=140,
    security=340,
    reason=330,
    others=100,
    cell=54,
    measure=44,
    change=125,
    withheld=2,
    box=400,
    label=32,
    bundles=7,
    domains=4,
    restrictions=2,
    measurements=1,
    evidence=2,
    open=2,
)


def room_for(assessment: Assessment) -> Room:
    """The roomiest limits with which all they let through fits on the page."""
    return next((room for room in (ROOMY, FULL) if _fits(assessment, room)), TIGHT)


def _fits(assessment: Assessment, room: Room) -> bool:
    """Smaller print holds more lines, and more characters in each."""
    return _lines(assessment, room) * (room.print_px / _PRINT_PX) ** 2 <= _LINES


def _lines(assessment: Assessment, room: Room) -> float:
    board = boards.release_board(assessment, rows_max=room.bundles)
    secure = summary.security(assessment)
    head = 6 + 1.6 * _wrap(summary.answer(assessment, board), room.answer, 70)
    head += _wrap(assessment.scope.why, room.scope, 90) + 2
    if secure:
        head += 4 + _wrap(" ".join(secure.sentences), room.security, _FULL)
    box = 4 + _wrap(" ".join(assessment.not_shown) + " " * 200, room.box + 200, 125)
    box += bool(assessment.withheld)
    rows = sum(1.05 * _wrap(row.label, room.label, _LABEL) for row in board.rows) + 6
    if assessment.scope.in_scope:
        return head + max(_side(assessment, room), rows + _rest_of_wide(assessment, room)) + box
    domains = assessment.scope.domains[: room.domains]
    middle = sum(1.5 + _wrap(domain.why, room.scope, 70) for domain in domains) + 4
    middle += 4 + sum(
        1 + max(_wrap(row.asked, room.cell, 18), _wrap(row.words or row.claim, room.cell, 18) + 1, 2)
        for row in assessment.evidence[: room.evidence]
    )
    middle += 3 + sum(_wrap(text, room.scope, _FULL) for text in assessment.not_measured[: room.open])
    return head + rows + middle + box + 5


def _side(assessment: Assessment, room: Room) -> float:
    """Why, tiers, measure next."""
    lines = 3.0 + sum(_wrap(text, room.reason, _SIDE) + 0.5 for text, _ in summary.reasons(assessment))
    lines += 5 + sum(_wrap(d.words, 60, 20) + 1.3 for d in assessment.scope.domains[: room.domains])
    lines += 4 + _wrap(summary.change(assessment, room.measure), room.change, _SIDE - 8)
    lines += sum(
        0.4 + _wrap(row.words or row.claim, room.measure, 21) for row in assessment.next[: room.measurements]
    )
    return lines


def _rest_of_wide(assessment: Assessment, room: Room) -> float:
    """The ways, what withholding costs."""
    lines = 4.0 + (9 if any(row.derivation for row in assessment.verdict.binding) else 0)
    lines += 3 + 3 + bool(summary.further(assessment))
    for row in summary.restrictions(assessment)[: room.restrictions]:
        texts = (row.withheld, row.cost, row.replacement, row.who)
        lines += 0.6 + max(_wrap(text, room.cell, _CELL - 4) for text in texts)
    return lines


def _wrap(text: str, length_max: int, width: int) -> int:
    return math.ceil(min(len(text), length_max) / width)
