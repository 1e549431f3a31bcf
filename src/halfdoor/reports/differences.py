"""Why two assessments differ, in words: first the inputs, then what that changed in the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from halfdoor.core.model.words import listed
from halfdoor.reports import board as boards
from halfdoor.reports import words
from halfdoor.reports.annex_differences import annex_differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halfdoor.core.assessment import (
        Assessment,
        Configuration,
        EvidenceRow,
        LimitResult,
        RequirementResult,
        TierResult,
    )

_DOCUMENTS = {"policy": "policy", "risk_model": "risk model", "references": "registry of references"}
_WITHHELD = "nobody"


@dataclass(frozen=True)
class Differences:
    """Sentences on what went in, and on what came out. `same_answer`: a board would decide the same."""

    inputs: tuple[str, ...]
    answer: tuple[str, ...]
    same_answer: bool


def compare(first: Assessment, second: Assessment) -> Differences:
    """How `second` differs from `first`."""
    return Differences(
        inputs=tuple(_inputs(first, second)),
        answer=tuple(_answer(first, second)),
        same_answer=same_answer(first, second),
    )


def explain(first: Assessment, second: Assessment) -> list[str]:
    """All the sentences, inputs first; empty where the two are equal."""
    found = compare(first, second)
    return [*found.inputs, *found.answer]


def same_answer(first: Assessment, second: Assessment) -> bool:
    """Whether scope, tiers, verdict and both borders of what is permitted are the same."""
    return _decided(first) == _decided(second)


def _decided(assessment: Assessment) -> tuple[object, ...]:
    def alike(configurations: Sequence[Configuration]) -> frozenset[object]:
        return frozenset(
            frozenset((item, frozenset(groups)) for item, groups in one.items()) for one in configurations
        )

    return (
        {domain.domain: domain.in_scope for domain in assessment.scope.domains},
        {name: found.tier for name, found in assessment.tiers.items()},
        assessment.verdict.permitted,
        alike(assessment.widest),
        alike(assessment.widest_setting_security_aside),
        alike(assessment.blocking),
    )


# ── What went in ─────────────────────────────────────────────────────────────────────────────────────────


def _inputs(first: Assessment, second: Assessment) -> Iterator[str]:
    one, two = first.subject, second.subject
    if (one.name, one.version) != (two.name, two.version):
        yield f"They are about {one.name} {one.version} and {two.name} {two.version}."
    yield from _documents(first, second)
    if one.name == two.name:
        yield from _weights(first, second)
    yield from _evidence(first, second)
    if one.name == two.name:
        yield from _proposal(first, second)
    if first.as_of != second.as_of:
        yield f"Evidence as of {words.date(second.as_of)}, before as of {words.date(first.as_of)}."
    if first.seed != second.seed:
        yield f"Seed {second.seed}, before {first.seed}."
    if first.draws != second.draws:
        yield f"{second.draws:,} draws, before {first.draws:,}."
    if first.engine != second.engine:
        yield f"Made by {second.engine}, before by {first.engine}."
    if not _told_apart(first, second) and first.inputs.get("dossier") != second.inputs.get("dossier"):
        yield "The dossier (halfdoor.toml) was changed in what is neither evidence nor proposal."


def _told_apart(first: Assessment, second: Assessment) -> bool:
    """Whether evidence or proposal already say how the dossier changed."""
    return any(True for _ in _evidence(first, second)) or any(True for _ in _proposal(first, second))


def _documents(first: Assessment, second: Assessment) -> Iterator[str]:
    for key, name in _DOCUMENTS.items():
        before, now = str(getattr(first.subject, key)), str(getattr(second.subject, key))
        if before != now:
            yield f"{words.capital(name)} {now}, before {before}."
        elif first.inputs.get(key) != second.inputs.get(key):
            yield f"The {name} was changed, under the same name and version ({now})."


def _weights(first: Assessment, second: Assessment) -> Iterator[str]:
    before, now = first.subject.weights, second.subject.weights
    for item in sorted({*before, *now}):
        if item not in now:
            yield f"The files of {words.item(item)} are gone."
        elif item not in before:
            yield f"There are files of {words.item(item)} now."
        elif before[item] != now[item]:
            yield f"The files of {words.item(item)} are others now; evidence on the old ones does not count."


def _evidence(first: Assessment, second: Assessment) -> Iterator[str]:
    """Claims by id; where a claim has several rows, those with equal digests are taken as the same."""
    for claim in sorted({row.claim for row in (*first.evidence, *second.evidence)}):
        before = [row for row in first.evidence if row.claim == claim]
        now = [row for row in second.evidence if row.claim == claim]
        gone, new = [row for row in before if row not in now], [row for row in now if row not in before]
        for old, fresh in zip(gone, new, strict=False):
            yield f"Evidence on {_claim(fresh)}: {_result(fresh)}, before {_result(old)}."
        for row in gone[len(new) :]:
            yield f"Evidence on {_claim(row)} is gone ({_result(row)})."
        for row in new[len(gone) :]:
            yield f"Evidence on {_claim(row)} is new: {_result(row)}."


def _claim(row: EvidenceRow) -> str:
    return f"{row.claim} ({row.words})" if row.words else row.claim


def _result(row: EvidenceRow) -> str:
    if row.trials:
        said = f"{row.passes} of {row.trials}"
    elif row.estimate is None:
        said = "no result"
    else:
        said = words.measured(row.estimate, row.unit)
    counts = "" if row.counted else f", which does not count ({row.problem})"
    return f"{said}, {row.mode}, {row.by}{counts}"


def _proposal(first: Assessment, second: Assessment) -> Iterator[str]:
    for phrase in _moved(first.proposed, second.proposed, second):
        yield f"Proposed: {phrase}."


# ── What came out ────────────────────────────────────────────────────────────────────────────────────────


def _answer(first: Assessment, second: Assessment) -> Iterator[str]:
    yield from _domains(first, second)
    yield from _limits(first, second)
    yield from _requirements(first, second)
    if first.verdict.permitted != second.verdict.permitted:
        words_of = {True: "permitted", False: "not permitted"}
        now, before = words_of[second.verdict.permitted], words_of[first.verdict.permitted]
        yield f"The proposal is {now}, before {before}."
    yield from _reasons(first, second)
    if first.subject.name == second.subject.name:
        yield from _widest(first, second)
    yield from annex_differences(first, second)


def _domains(first: Assessment, second: Assessment) -> Iterator[str]:
    scopes = {domain.domain: domain for domain in first.scope.domains}
    for domain in second.scope.domains:
        was = scopes.get(domain.domain)
        tier_was, tier = first.tiers.get(domain.domain), second.tiers.get(domain.domain)
        if was is None or tier_was is None or tier is None:
            yield f"{words.capital(domain.words)} was not asked about before: {domain.why}."
            continue
        because = _because(first, second, domain.domain)
        if was.in_scope != domain.in_scope:
            now = "in scope" if domain.in_scope else "out of scope"
            yield f"{words.capital(domain.words)}: now {now}{because}: {domain.why.rstrip('.')}."
        if (tier_was.tier, tier_was.measured) != (tier.tier, tier.measured):
            cause = because or _otherwise(tier_was, tier)
            cause = cause if was.in_scope == domain.in_scope else ""
            yield f"{words.capital(domain.words)}: {_tier(tier)}, before {_tier(tier_was)}{cause}."


def _tier(found: TierResult) -> str:
    capability = f" at capability {words.percent(found.capability)}" if found.capability else ""
    tier = words.tier(found.tier) if found.tier in {"none", "below-reference"} else f"tier {found.tier}"
    return f"{tier}{capability}{'' if found.measured else ', not measured'}"


def _because(first: Assessment, second: Assessment, domain: str) -> str:
    """The evidence counted for a domain that is not the same in both; may be empty."""
    claims = {*first.tiers[domain].evidence, *second.tiers[domain].evidence}
    causes = [claim for claim in sorted(claims) if _rows(first, claim) != _rows(second, claim)]
    return f" because of {listed(causes)}" if causes else ""


def _rows(assessment: Assessment, claim: str) -> list[EvidenceRow]:
    return [row for row in assessment.evidence if row.claim == claim]


def _otherwise(before: TierResult, now: TierResult) -> str:
    """What moved a tier where no evidence did; may be empty."""
    if before.thresholds != now.thresholds:
        return " because the policy's tiers begin elsewhere"
    if before.margins != now.margins:
        return " because the margins are others"
    if (before.reference, before.reference_capability) != (now.reference, now.reference_capability):
        was = before.reference or "none"
        return f" because the best public reference is {now.reference or 'none'}, before {was}"
    return ""


def _limits(first: Assessment, second: Assessment) -> Iterator[str]:
    before = {row.id: row for row in first.limits}
    for row in second.limits:
        was = before.pop(row.id, None)
        if was is None:
            if row.outcome == "fail":
                yield f"Limit {row.id} was not there before and fails."
        elif was.outcome != row.outcome:
            yield f"Limit {row.id} {_limit(row)}; before it {_limit(was)}."
    for row in before.values():
        if row.outcome == "fail":
            yield f"Limit {row.id}, which failed, is not there any more."


def _limit(row: LimitResult) -> str:
    if row.outcome == "not-applicable":
        return "does not apply"
    chance = (
        f"{words.in_hundred(row.probability)} above the limit, {words.in_hundred(row.tolerated)} tolerated"
    )
    return f"{'holds' if row.outcome == 'pass' else 'fails'} ({chance})"


def _requirements(first: Assessment, second: Assessment) -> Iterator[str]:
    before = {row.id: row for row in first.requirements}
    for row in second.requirements:
        was = before.get(row.id)
        if was is None:
            if row.outcome in {"fail", "missing"}:
                yield f"Requirement {row.id} was not there before: {_requirement(row)}."
        elif was.outcome != row.outcome:
            yield f"Requirement {row.id}: {_requirement(row)}; before {_requirement(was)}."


def _requirement(row: RequirementResult) -> str:
    if row.outcome == "not-applicable":
        return "does not apply"
    return {"pass": "met", "fail": "not met", "missing": "missing"}[row.outcome] + f" ({row.found})"


def _reasons(first: Assessment, second: Assessment) -> Iterator[str]:
    """Reasons are the same when they name the same row and the same items and groups; untold if withheld."""

    def known(assessment: Assessment) -> dict[tuple[str, str], str]:
        return {(row.row, str(sorted(row.items.items()))): row.sentence for row in assessment.verdict.binding}

    if "verdict.binding" in {*first.withheld, *second.withheld}:
        return
    before, now = known(first), known(second)
    for key, sentence in before.items():
        if key not in now:
            yield f"No longer a reason: {sentence}"
    for key, sentence in now.items():
        if key not in before:
            yield f"A new reason: {sentence}"


def _widest(first: Assessment, second: Assessment) -> Iterator[str]:
    before, _ = boards.shown_configuration(first)
    now, _ = boards.shown_configuration(second)
    for phrase in _moved(before, now, second):
        yield f"The widest permitted: {phrase}."
    choices = len(first.widest or first.widest_setting_security_aside)
    choices_now = len(second.widest or second.widest_setting_security_aside)
    if choices != choices_now:
        yield f"{words.count(choices_now, 'widest configuration')}, before {choices:,}."


def _moved(before: Configuration, now: Configuration, assessment: Assessment) -> Iterator[str]:
    """Items that went to other groups, bundled by move: "weights to anyone, before vetted groups"."""
    dictionary = words.Dictionary(assessment)
    moves: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for item in dict.fromkeys([*before, *now]):
        was, to = tuple(before.get(item, ())), tuple(now.get(item, ()))
        if set(was) != set(to):
            moves.setdefault((was, to), []).append(words.item(item))
    for (was, to), items in moves.items():
        yield (
            f"{words.some(items, 4)} to {dictionary.groups(to) or _WITHHELD}, "
            f"before {dictionary.groups(was) or _WITHHELD}"
        )
