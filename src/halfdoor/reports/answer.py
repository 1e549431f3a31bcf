"""The answer on one screen: what `halfdoor assess` prints. About 45 lines at 100 columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from halfdoor.reports import board as boards
from halfdoor.reports import summary, words
from halfdoor.reports.annexes import withheld
from halfdoor.reports.screen import LABEL_MIN, Emphasis, Page, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from halfdoor.core.assessment import Assessment
    from halfdoor.reports.board import Board, Row

WIDTH_MIN = 40
LINES_MAX = 45  # at 100 columns; as much more as the screen is narrower, before anything is cut short
_NAME_MAX = 14
_CROSS = "\u2573"
_SYMBOL = {"permitted": "━", "beyond": _CROSS, "closed": "·"}
_PROPOSED = "●"
_OUT_OF_SCOPE = {
    "unable": "shown unable",
    "below-reference": "below reference",
    "training-compute": "out of scope (compute)",
    "already-public": "out of scope (public)",
}


@dataclass(frozen=True)
class _Budget:
    """How much is shown; the first that fits one screen is used, the last in any case."""

    bundles: int = 8
    reason_lines: int = 5
    other_lines: int = 2  # for a line of the answer, a ledger row, a measurement
    rows: int = 2  # of the ledger, of what is not measured, of what to measure


_BUDGETS = (
    _Budget(),
    _Budget(rows=1),
    _Budget(6, rows=1),
    _Budget(6, 4, rows=1),
    _Budget(6, 3, rows=1),
    _Budget(6, 3, 1, 1),
    _Budget(6, 2, 1, 1),
)


def render(
    assessment: Assessment,
    width: int,
    *,
    paint: Callable[[str, Emphasis], str] = lambda text, _: text,
) -> str:
    """The screen as text. `paint` may add colour to phrases; nothing is said by colour alone."""
    shown = ""
    for budget in _BUDGETS:
        page = Page(max(width, WIDTH_MIN), paint)
        _fill(page, assessment, budget)
        shown = page.text()
        if shown.count("\n") < max(LINES_MAX, LINES_MAX * 100 // page.width):
            break
    return shown


def _fill(page: Page, assessment: Assessment, budget: _Budget) -> None:
    board = boards.release_board(assessment, rows_max=budget.bundles)
    _opening(page, assessment, board, budget)
    if assessment.scope.in_scope or any(found.capability for found in assessment.tiers.values()):
        _tiers(page, assessment, budget)
    if assessment.scope.in_scope:
        _board(page, assessment, board, budget)
        _reasons(page, assessment, budget)
        _security(page, assessment, budget)
        _not_measured(page, assessment, budget)
        _ledger(page, assessment, budget)
        _plan(page, assessment, budget)
        _harm(page, assessment, budget)
        _next(page, assessment, budget)
    else:
        _out_of_scope(page, assessment, budget)
    _closing(page, assessment)


def _opening(page: Page, assessment: Assessment, board: Board, budget: _Budget) -> None:
    subject = assessment.subject
    name = f"{subject.name} {subject.version}"
    page.heading("Model")
    page.paragraph(f"{name} · {subject.developer}", emphasised=(name, "bold"))
    page.paragraph(
        f"policy {subject.policy} · risk model {subject.risk_model} · "
        f"evidence as of {words.date(assessment.as_of)}"
    )
    if assessment.withheld:
        page.paragraph(f"{assessment.edition} edition, which withholds {words.some(withheld(assessment), 3)}")
    page.gap()
    page.heading("Answer")
    verdict = summary.label(assessment).upper()
    page.paragraph(
        f"{verdict} under {subject.policy}{summary.extent(assessment, board)}.",
        emphasised=(verdict, "green" if assessment.verdict.permitted else "red"),
    )
    page.paragraph(summary.answer(assessment, board), lines_max=budget.reason_lines)
    page.gap()


def _tiers(page: Page, assessment: Assessment, budget: _Budget) -> None:
    page.heading("Scope")
    page.paragraph(words.sentence(assessment.scope.why), lines_max=budget.other_lines)
    rows = [("", "model", "+margins", "best reference", "tier")]
    for domain in assessment.scope.domains:
        tier = assessment.tiers.get(domain.domain)
        if tier is None:
            continue
        name = words.clipped(tier.reference or "", _NAME_MAX)
        reference = f"{words.percent(tier.reference_capability):>5}  {name}".rstrip()
        standing = words.tier(tier.tier) + ("" if tier.measured else ", not measured")
        if not domain.in_scope:
            standing = _OUT_OF_SCOPE.get(domain.kind, "out of scope")
        measured, with_margins = words.percent(tier.quantile), words.percent(tier.capability)
        rows.append((words.capital(domain.words), measured, with_margins, reference, standing))
    table(page, rows, right=(1, 2))
    page.gap()


def _board(page: Page, assessment: Assessment, board: Board, budget: _Budget) -> None:
    page.heading("Proposal")
    by = "permitted, security set aside" if board.security_aside else "permitted at the widest"
    marks = f"{_CROSS} proposed beyond  {_PROPOSED} proposed"
    names = [column.id for column in board.columns]
    notes = max((len(row.note) + 2 for row in board.rows), default=0)
    room = page.room - sum(len(name) + 1 for name in names) - notes
    if room < LABEL_MIN:
        page.line(words.clipped(f"{marks}, and what is {by}", page.room), "dim")
        _board_as_list(page, assessment, board)
    else:
        page.line(words.clipped(f"{_SYMBOL['permitted']} {by}  {marks}", page.room), "dim")
        label = min(room, max((len(row.label) for row in board.rows), default=0) + 2)
        page.line(" " * label + " ".join(names), "dim")
        for row in board.rows:
            bar = "".join(_cell(row, name) for name in names)
            page.line(f"{words.clipped(row.label, label - 1).ljust(label)}{bar} {row.note}")
    if board.hidden:
        page.line(f"{words.count(board.hidden, 'more bundle')} in the report", "dim")
    others = summary.other_widest(assessment, board)
    if others:
        page.paragraph(others, lines_max=budget.other_lines)
    page.gap()


def _cell(row: Row, group: str) -> str:
    """As wide as the group's name and the space after it; the mark in the middle of the name."""
    span = len(group) + 1
    bar = _SYMBOL[row.state(group)] * span
    if group not in row.marks:
        return bar
    middle = (span - 1) // 2
    return bar[:middle] + _PROPOSED + bar[middle + 1 :]


def _board_as_list(page: Page, assessment: Assessment, board: Board) -> None:
    """For narrow screens: one sentence for each bundle."""
    dictionary = words.Dictionary(assessment)
    for row in board.rows:
        proposed, allowed = dictionary.groups(sorted(row.marks)), dictionary.groups(sorted(row.allowed))
        if row.beyond:
            page.paragraph(f"{row.label}: proposed {proposed}, permitted {allowed}", first=f"{_CROSS} ")
        else:
            page.paragraph(f"{row.label}: {proposed}", first=f"{_PROPOSED} ")


def _reasons(page: Page, assessment: Assessment, budget: _Budget) -> None:
    reasons = summary.reasons(assessment)
    if not reasons:
        return
    page.heading("Why")
    for number, (sentence, _) in enumerate(reasons, 1):
        page.paragraph(sentence, first=f"{number}. ", lines_max=budget.reason_lines)
    left = summary.reasons_left(assessment)
    if left:
        page.line(f"{words.count(left, 'more reason')} in the report", "dim")
    page.gap()


def _security(page: Page, assessment: Assessment, budget: _Budget) -> None:
    found = summary.security(assessment)
    if found is None:
        return
    page.heading("Security")
    fail = "row fails" if found.rows == 1 else "rows fail"
    page.paragraph(f"{found.rows}{words.NBSP}{fail} with nothing shared. Withholding does not mend that.")
    for sentence in found.sentences[: budget.rows]:
        page.paragraph(sentence, lines_max=budget.reason_lines)
    page.gap()


def _not_measured(page: Page, assessment: Assessment, budget: _Budget) -> None:
    page.heading("Not measured")
    shown = assessment.not_measured[: budget.rows]
    left = len(assessment.not_measured) - len(shown)
    for number, text in enumerate(shown, 1):
        more = f" ({left} more in the report)" if left and number == len(shown) else ""
        page.paragraph(words.sentence(text) + more, lines_max=budget.other_lines)
    if not shown:
        page.line("nothing that the policy asks for")


def _ledger(page: Page, assessment: Assessment, budget: _Budget) -> None:
    page.heading("Withholding")
    rows = summary.restrictions(assessment)
    for row in rows[: budget.rows]:
        text = (
            f"{words.capital(row.withheld)}: {row.cost.rstrip('.')}. Instead: {row.replacement} ({row.who})."
        )
        page.paragraph(text, lines_max=max(budget.other_lines, 2))
    left = len(rows) - budget.rows
    if left > 0:
        page.line(f"{words.count(left, 'more restriction')} in the report", "dim")
    if not rows:
        page.line("nothing is withheld")


def _next(page: Page, assessment: Assessment, budget: _Budget) -> None:
    said = summary.change(assessment)
    if said:
        page.heading("Would change")
        page.paragraph(said, lines_max=max(budget.other_lines, 2))


def _plan(page: Page, assessment: Assessment, budget: _Budget) -> None:
    said = summary.first_step(assessment)
    if said:
        page.heading("First step")
        page.paragraph(said, lines_max=budget.other_lines)


def _harm(page: Page, assessment: Assessment, budget: _Budget) -> None:
    """One sentence; the rest stands in the report."""
    if assessment.harm and assessment.harm.sentences:
        page.heading("Harm")
        said = words.sentence(assessment.harm.sentences[0])
        if not assessment.harm.binding:
            said = f"For information: {words.uncapital(said)}"
        page.paragraph(said, lines_max=budget.other_lines)


def _out_of_scope(page: Page, assessment: Assessment, budget: _Budget) -> None:
    page.heading("Why")
    for domain in assessment.scope.domains:
        page.paragraph(f"{words.capital(domain.words)}: {domain.why.rstrip('.')}.", lines_max=3)
    for row in summary.failed_expectations(assessment):
        page.paragraph(f"The policy expects {words.item(row.item)} to go to {row.group}.", first="! ")
    page.gap()
    _not_measured(page, assessment, budget)


def _closing(page: Page, assessment: Assessment) -> None:
    page.gap()
    page.heading("Mind")
    page.paragraph(
        "No certificate: this says what one policy permits, not that the model is safe. "
        f"Review by {words.date(assessment.review_by)}.",
        lines_max=2,
    )
