"""The verdict: permitted or not, the reasons, and both in words for the board and for everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.assessment import Binding, Verdict
from halfdoor.core.model.words import group_words, item_words, listed
from halfdoor.core.policy.ledger import Benefits, ledger, unledgered
from halfdoor.core.policy.reasons import reasons

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halfdoor.core.assessment import Configuration as Shared
    from halfdoor.core.assessment import ExpectResult
    from halfdoor.core.model.configuration import Configuration
    from halfdoor.core.policy.constraints import Constraints
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.question import Question
    from halfdoor.core.risk.document import RiskModel

UNANSWERED = "nothing goes too far, but what is withheld lacks an answer in the ledger"


def judged(
    question: Question,
    situation: Situation,
    rows: Constraints,
    expects: Iterable[ExpectResult],
    best: Configuration,
) -> Verdict:
    """The verdict on what is proposed; `best` is the permitted configuration to name where it is not."""
    unmet = [row for row in expects if row.outcome != "pass"]
    permitted = rows.permitted_as_proposed(situation.proposed) and not unmet
    unanswered = _unanswered(question, situation, rows)
    binding = [
        *reasons(situation.proposed, rows, situation.gates.access, situation.tiers()),
        *(_unshared(row, number) for number, row in enumerate(unmet, 1)),
        *unanswered,
    ]
    headline = _headline(question, rows, best, permitted=permitted)
    if permitted and unanswered:
        headline = f"Not permitted under {question.policy.name} as proposed: {UNANSWERED}."
    return Verdict(
        permitted=permitted and not unanswered,
        headline=headline,
        binding=binding,
        sentences=[reason.sentence for reason in binding],
        public=[_publicly(reason, question.risk_model) for reason in binding],
    )


def may_stand(verdict: Verdict) -> bool:
    """Whether the proposal could stand as it is, but for what the ledger does not answer."""
    return verdict.permitted or all(reason.kind == "ledger" for reason in verdict.binding)


def _unanswered(question: Question, situation: Situation, rows: Constraints) -> list[Binding]:
    """Restrictions of the proposal that the ledger does not answer for, where the policy requires it."""
    if question.policy.ledger != "required":
        return []
    benefits = Benefits(situation.model, situation.policy, rows.groups)
    proposed, dossier = situation.proposed, question.dossier
    return unledgered(ledger(proposed, dossier, situation.model, benefits, as_of=question.as_of))


def _publicly(reason: Binding, model: RiskModel) -> str:
    """A reason without the cheapest way round: who and which parts, not how or for how much."""
    if not reason.actor:
        return reason.sentence
    actor = next((a.words for a in model.actor if a.id == reason.actor), "") or reason.actor
    ability = next((a.words for a in model.ability if a.id == reason.ability), "") or reason.ability
    beyond = f"{actor} could {ability} more surely than {reason.row} allows at tier {reason.tier}"
    if reason.kind == "security":
        return f"With nothing shared at all, {beyond} in {reason.domain}."
    parts = listed(f"{item_words(i)} to {listed(map(group_words, g))}" for i, g in reason.items.items())
    return f"With {parts}, {beyond} in {reason.domain}."


def _unshared(row: ExpectResult, number: int) -> Binding:
    lacking = "the dossier does not list it" if row.outcome == "missing" else "the proposal does not"
    return Binding(
        row=f"expect {number}",
        kind="expectation",
        clause=row.clause,
        items={row.item: [row.group]},
        sentence=(
            f"The policy expects {item_words(row.item)} to be shared with {group_words(row.group)}; "
            f"{lacking}."
        ),
    )


def _headline(question: Question, rows: Constraints, widest: Configuration, *, permitted: bool) -> str:
    policy = question.policy.name
    if permitted:
        return f"Permitted under {policy}, as proposed."
    summary = placements(widest.as_dict(), [i.id for i in question.dossier.item])
    if rows.hopeless:
        return f"Not permitted under {policy}, shared or not. Setting that aside: {summary}."
    return f"Not permitted under {policy} as proposed. Permitted: {summary}."


def placements(config: Shared, items: Iterable[str]) -> str:
    """A configuration in one phrase, the most restricted items first: "weights to vetted groups; …"."""
    by_groups: dict[tuple[str, ...], list[str]] = {}
    for item in items:
        by_groups.setdefault(tuple(config.get(item, ())), []).append(item)
    phrases: list[str] = []
    for having in sorted(by_groups, key=lambda g: (g == ("anyone",), g)):
        to = listed(map(group_words, having)) if having else "nobody"
        if having == ("anyone",) and phrases:
            phrases.append("all else to anyone")
        else:
            phrases.append(f"{listed(map(item_words, by_groups[having]))} to {to}")
    return "; ".join(phrases)
