"""What screen and memo say first, in the same words: the answer, its extent, what else is possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from halfdoor.core.model.words import listed
from halfdoor.reports import board as boards
from halfdoor.reports import words

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from halfdoor.core.annex import Stage
    from halfdoor.core.assessment import Assessment, Binding, ExpectResult, NextMeasurement
    from halfdoor.reports.board import Board

REASONS_MAX = 3
OTHERS_MAX = 2


def label(assessment: Assessment) -> str:
    """The verdict in one or two words; whose verdict it is always stands beside it."""
    return "Permitted" if assessment.verdict.permitted else "Not permitted"


def extent(assessment: Assessment, board: Board) -> str:
    """What the label is about, to follow the policy's name: ", as proposed: 2 of 17 items go too far"."""
    if not assessment.scope.in_scope:
        return ", for it is not in scope"
    if assessment.verdict.permitted:
        return ", as proposed"
    if board.beyond:
        far = sum(len(row.items) for row in board.beyond)
        goes = "goes" if far == 1 else "go"
        return f", as proposed: {far} of {words.count(board.items, 'item')} {goes} too far"
    if failed_expectations(assessment):
        return ", as proposed: the policy expects more to be shared"
    return ", as proposed"


def answer(assessment: Assessment, board: Board) -> str:
    """The one sentence to take away."""
    missing = _expected(assessment)
    if not assessment.scope.in_scope:
        also = f" But the policy expects {missing}." if missing else ""
        return f"Everything may be shared with anyone.{also}"
    if assessment.verdict.permitted:
        wider = boards.differences(assessment.proposed, board.beside, assessment)
        also = f" The policy would also permit {'; '.join(wider[:3])}." if wider else ""
        return f"Permitted as proposed.{also}"
    narrower = boards.narrowings(board, assessment)
    rest = "everything else as proposed" if narrower else "everything as proposed"
    instead = "; ".join([*narrower, rest])
    if board.security_aside:
        found = security(assessment)
        fail = (
            f"{words.count(found.rows, 'row')} {'fails' if found.rows == 1 else 'fail'}"
            if found
            else "Rows fail"
        )
        return f"{fail} with nothing shared: a matter of security. Setting that aside: {instead}."
    if narrower:
        return f"Permitted: {instead}."
    if missing:
        return f"Nothing goes too far, but the policy expects {missing}."
    kinds = {str(row.kind) for row in assessment.verdict.binding}
    if kinds == {"ledger"}:
        return "Nothing goes too far, but what is withheld lacks an answer in the ledger."
    return "The proposal fails a row." if board.beside else "No configuration is permitted."


def other_widest(assessment: Assessment, board: Board) -> str:
    """The other widest configurations, by what they do otherwise than the one shown; empty where none."""
    choices = assessment.widest_setting_security_aside if board.security_aside else assessment.widest
    others = [choice for choice in choices if choice != board.beside]
    if not others:
        return ""
    said = [
        "; ".join(boards.differences(board.beside, other, assessment)[:2]) for other in others[:OTHERS_MAX]
    ]
    rest = ", or …" if len(others) > OTHERS_MAX else ""
    exist = "configuration exists" if len(others) == 1 else "configurations exist"
    return f"{len(others):,}{words.NBSP}other widest {exist}: {', or else '.join(said)}{rest}."


def reasons(assessment: Assessment) -> list[tuple[str, Binding | None]]:
    """The binding reasons as sentences, each with its row where it is known; at most three.

    An edition that withholds them tells what it may of each.

    One of each kind and one for each row of the policy before a second, so that a row which fails for many
    items does not hide a missing audit. What withholding does not mend stands apart (`security`).
    """
    if not assessment.verdict.binding:
        told = assessment.verdict.sentences or assessment.verdict.public
        return [(words.sentence(text), None) for text in told[:REASONS_MAX]]
    found = [row for row in assessment.verdict.binding if row.kind != "security"]
    by_row = _first_by(found, lambda row: row.row)
    chosen = [*_first_by(by_row, lambda row: row.kind), *by_row, *found]
    shown = list({id(row): row for row in chosen}.values())[:REASONS_MAX]
    return [(words.sentence(row.sentence), row) for row in sorted(shown, key=found.index)]


def reasons_left(assessment: Assessment) -> int:
    """How many more reasons there are than `reasons` gives."""
    found = sum(row.kind != "security" for row in assessment.verdict.binding)
    if not assessment.verdict.binding:
        found = len(assessment.verdict.sentences or assessment.verdict.public)
    return max(0, found - len(reasons(assessment)))


@dataclass(frozen=True)
class Security:
    """Rows that fail with nothing shared; a sentence about theft or what is out, one about what is asked."""

    rows: int
    sentences: tuple[str, ...]


def security(assessment: Assessment) -> Security | None:
    """What withholding does not mend; None where there is nothing of the kind."""
    if not assessment.security:
        return None
    found = [row for row in assessment.verdict.binding if row.kind == "security"]
    if not found:
        return Security(len(assessment.security), tuple(map(words.sentence, assessment.security[:2])))
    kinds = _first_by(sorted(found, key=lambda row: bool(row.items)), lambda row: bool(row.items))
    return Security(len({row.row for row in found}), tuple(words.sentence(row.sentence) for row in kinds))


def _first_by(rows: Sequence[Binding], key: Callable[[Binding], object]) -> list[Binding]:
    """The first row of each key, in their order."""
    first: dict[object, Binding] = {}
    for row in rows:
        first.setdefault(key(row), row)
    return list(first.values())


def failed_expectations(assessment: Assessment) -> list[ExpectResult]:
    """What the policy expects to be shared and the proposal does not share."""
    return [row for row in assessment.expects if row.outcome in {"fail", "missing"}]


@dataclass(frozen=True)
class Restriction:
    """Rows of the ledger that say the same of several items; gaps say that they are gaps."""

    withheld: str
    cost: str
    replacement: str
    who: str
    unfinished: bool
    overdue: bool


def restrictions(assessment: Assessment) -> list[Restriction]:
    """The ledger in words, rows that differ in nothing but the item together, in its order."""
    dictionary = words.Dictionary(assessment)
    alike: dict[tuple[str, ...], list[str]] = {}
    for row in assessment.ledger:
        key = (row.withheld_from, row.cost, row.replacement, row.owner, row.due, row.outcome)
        alike.setdefault(key, []).append(words.item(row.item))
    found = []
    for (group, cost, replacement, owner, due, outcome), items in alike.items():
        by = f"by {words.date_text(due)}" if due else "no date yet"
        by += ", overdue" if outcome == "fail" else ""
        found.append(
            Restriction(
                withheld=f"{words.some(items, 3)} from {dictionary.group(group)}",
                cost=cost,
                replacement=replacement or "nothing yet",
                who=f"{owner or 'nobody yet'}, {by}",
                unfinished=not (replacement and owner and due),
                overdue=outcome == "fail",
            )
        )
    return found


def change(assessment: Assessment, name_max: int = 80) -> str:
    """The one sentence on what would change the answer; empty where nothing is known that would.

    `name_max`: characters for the name of a measurement.

    What was not stated comes first, then the measurement most likely to change it, then a value at which the
    verdict changes.
    """
    unstated = [flip.sentence for flip in assessment.flips if flip.now == "not stated"]
    if unstated:
        return words.sentence(unstated[0])
    if assessment.next:
        row = assessment.next[0]
        what = words.clipped(row.words or row.claim, name_max)
        return f"Most of all, measuring {words.uncapital(what)}: in {_of_cases(row)}."
    return words.sentence(assessment.flips[0].sentence) if assessment.flips else ""


def further(assessment: Assessment) -> list[tuple[str, str]]:
    """What stands in annexes only: (name of the annex, a phrase); capital first."""
    found = []
    if assessment.plan and assessment.plan.stages:
        stages = words.count(len(assessment.plan.stages), "stage")
        found.append(("plan", f"a plan to the widest permitted in {stages}"))
    elif assessment.plan and assessment.plan.beyond:
        found.append(("plan", "what would have to be shown before a first stage"))
    if assessment.harm:
        kind = "held against the policy's lines" if assessment.harm.binding else "for information"
        found.append(("harm", f"an estimate of harm, {kind}"))
    return [(name, words.capital(text) if not i else text) for i, (name, text) in enumerate(found)]


def first_step(assessment: Assessment) -> str:
    """The first stage of the plan, or why there is none; empty where there is no plan."""
    if assessment.plan is None:
        return ""
    if not assessment.plan.stages:
        return words.sentence(assessment.plan.sentence)
    stage, *rest = assessment.plan.stages
    asked = f" Asks first: {words.ended(stage.conditions[0])}" if stage.conditions else ""
    more = f" {words.count(len(rest), 'more stage')} in the report." if rest else ""
    return f"{words.sentence(stage.sentence or opens(stage, assessment))}{asked}{more}"


def opens(stage: Stage, assessment: Assessment) -> str:
    """What a stage opens, in words, bundled by groups: "weights to auditors and sampling to anyone"."""
    dictionary = words.Dictionary(assessment)
    by_groups: dict[tuple[str, ...], list[str]] = {}
    for item, groups in stage.opens.items():
        by_groups.setdefault(tuple(groups), []).append(words.item(item))
    return listed(
        [f"{words.some(items, 4)} to {dictionary.groups(groups)}" for groups, items in by_groups.items()]
    )


def _of_cases(row: NextMeasurement) -> str:
    """`48 of 100 cases it widens what is permitted, in 28 it narrows it`; what never happens is left out."""
    said = [
        f"{words.cases(share)}{of} it {verb}"
        for share, verb, of in (
            (row.widens, "widens what is permitted", f" of{words.NBSP}100 cases"),
            (row.narrows, "narrows it", ""),
        )
        if float(share) > 0
    ]
    return ", in ".join(said) or f"0 of{words.NBSP}100 cases it changes what is permitted"


def odds(row: NextMeasurement) -> str:
    """What a measurement could change: "widens 34 %, narrows 2 %"."""
    return f"widens {words.percent(row.widens)}, narrows {words.percent(row.narrows)}"


def _expected(assessment: Assessment) -> str:
    return listed([f"{words.item(row.item)} to go to {row.group}" for row in failed_expectations(assessment)])
