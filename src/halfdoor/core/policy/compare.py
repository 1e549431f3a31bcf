"""One model under two policies: what differs in scope, tiers, verdict, deciding rows and the widest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.assessment import Configuration
from halfdoor.core.model.words import group_words, item_words, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from halfdoor.core.assessment import Assessment

Answer = Literal["permitted", "not permitted", "out of scope", "no answer"]
_ROWS_NAMED = 5
_MOVES_NAMED = 4


class Side(msgspec.Struct, frozen=True):
    """What one policy says of a model.

    rows:   what stands against the proposal, in the order of the reasons
    widest: the widest permitted configuration that keeps most benefit; setting security aside where
            `security` is True, for then nothing is permitted as the model is guarded
    why:    where there is no answer
    """

    policy: str
    answer: Answer
    scope: dict[str, bool] = {}
    tiers: dict[str, str] = {}
    rows: list[str] = []
    widest: Configuration = {}
    security: bool = False
    reach: dict[str, list[str]] = {}  # group -> the groups inside it
    words: dict[str, str] = {}
    borders: tuple[list[Configuration], list[Configuration]] = ([], [])  # all widest; security aside
    why: str = ""


class Compared(msgspec.Struct, frozen=True):
    """One model under two policies.

    further, less_far: items that the second policy lets go further, and less far
    """

    model: str
    as_of: str
    same: bool
    first: Side
    second: Side
    further: list[str]
    less_far: list[str]
    sentences: list[str]


def side(policy: str, assessment: Assessment) -> Side:
    """An assessment as one side of the comparison."""
    permitted, in_scope = assessment.verdict.permitted, assessment.scope.in_scope
    aside = not assessment.widest
    choices = assessment.widest_setting_security_aside if aside else assessment.widest
    return Side(
        policy=policy,
        answer="out of scope" if not in_scope else "permitted" if permitted else "not permitted",
        scope={domain.domain: domain.in_scope for domain in assessment.scope.domains},
        tiers={name: found.tier for name, found in assessment.tiers.items()},
        rows=list(dict.fromkeys(reason.row for reason in assessment.verdict.binding)),
        widest=choices[0] if choices else {},
        security=aside,
        reach={group.id: group.contains for group in assessment.groups},
        words={domain.domain: domain.words for domain in assessment.scope.domains}
        | {group.id: group.words for group in assessment.groups},
        borders=(assessment.widest, assessment.widest_setting_security_aside),
    )


def no_answer(policy: str, why: str) -> Side:
    """A policy that cannot be applied to a model."""
    return Side(policy=policy, answer="no answer", why=why)


def compared(model: str, as_of: str, first: Side, second: Side) -> Compared:
    """How `second` differs from `first`, as sentences too."""
    further, less_far = _moved(first, second)
    return Compared(
        model=model,
        as_of=as_of,
        same=_decided(first) == _decided(second),
        first=first,
        second=second,
        further=further,
        less_far=less_far,
        sentences=list(_sentences(first, second)),
    )


def _decided(one: Side) -> tuple[object, ...]:
    """What a board would go by. Configurations count as sets: their order and spelling do not matter."""
    borders = [
        frozenset(
            frozenset((item, frozenset(_inside(one, groups))) for item, groups in choice.items())
            for choice in border
        )
        for border in one.borders
    ]
    return one.answer, one.scope, one.tiers, borders, one.why


def _inside(one: Side, groups: Sequence[str]) -> set[str]:
    """The groups that have an item, those inside them too."""
    return {inner for group in groups for inner in (group, *one.reach.get(group, ()))}


def _moved(first: Side, second: Side) -> tuple[list[str], list[str]]:
    """Items that go further under the second policy, and less far; an item may do both."""
    further, less_far = [], []
    for item, (before, now) in _farthest(first, second).items():
        reached, left = _inside(second, now), _inside(first, before)
        further += [item] if reached - left else []
        less_far += [item] if left - reached else []
    return further, less_far


def _farthest(first: Side, second: Side) -> dict[str, tuple[list[str], list[str]]]:
    """How far each item may go under the one and the other, where that differs.

    Where one permits nothing as the model is guarded, security is set aside for both.
    """
    if "no answer" in {first.answer, second.answer}:
        return {}
    aside = first.security or second.security
    one, other = (_best(side_, aside=aside) for side_ in (first, second))
    found = {item: (one.get(item, []), other.get(item, [])) for item in dict.fromkeys([*one, *other])}
    return {
        item: (was, now) for item, (was, now) in found.items() if _inside(first, was) != _inside(second, now)
    }


def _best(one: Side, *, aside: bool) -> Configuration:
    strict, lax = one.borders
    choices = (lax or strict) if aside else strict
    return choices[0] if choices else {}


# ── In sentences ─────────────────────────────────────────────────────────────────────────────────────────


def _sentences(first: Side, second: Side) -> Iterator[str]:
    sides = (first, second)
    if first.answer != second.answer:
        yield f"{_capital(first.answer)} under {first.policy}, {second.answer} under {second.policy}."
    elif first.answer == "no answer":
        yield "Neither gives an answer."
    else:
        both = "either" if first.answer == "not permitted" else "both"
        yield f"{_capital(first.answer)} {'of' if first.answer == 'out of scope' else 'under'} {both}."
    for one in sides:
        if one.why:
            yield f"{_capital(one.policy)}: {one.why.rstrip('.')}."
    if any(one.why for one in sides):
        return
    yield from _standings(first, second)
    for one in sides:
        if one.rows:
            yield f"What stands against it under {one.policy}: {_some(one.rows, _ROWS_NAMED)}."
    yield from _widest(first, second)


def _standings(first: Side, second: Side) -> Iterator[str]:
    """Domains with the same difference share a sentence."""
    changes: dict[str, list[str]] = {}
    for domain in dict.fromkeys([*first.scope, *second.scope]):
        words = first.words.get(domain) or second.words.get(domain) or domain
        was, now = first.scope.get(domain), second.scope.get(domain)
        tiers = first.tiers.get(domain), second.tiers.get(domain)
        if was != now:
            change = f"{_scope(was)} {first.policy}, {_scope(now)} {second.policy}"
        elif was and tiers[0] != tiers[1]:
            change = f"{_tier(tiers[0])} under {first.policy}, {_tier(tiers[1])} under {second.policy}"
        else:
            continue
        changes.setdefault(change, []).append(words)
    for change, domains in changes.items():
        yield f"{_capital(listed(domains))}: {change}."


def _scope(in_scope: bool | None) -> str:  # noqa: FBT001  what a dictionary of scope holds
    return "not spoken of by" if in_scope is None else "in scope of" if in_scope else "out of scope of"


def _tier(name: str | None) -> str:
    plain = {None: "no tier", "none": "no tier", "below-reference": "no more capable than a public reference"}
    return plain.get(name) or f"tier {name}"


def _widest(first: Side, second: Side) -> Iterator[str]:
    if first.security != second.security and "out of scope" not in {first.answer, second.answer}:
        strict, lax = (first, second) if first.security else (second, first)
        yield (
            f"As the model is guarded, {strict.policy} permits nothing beyond those who have it; "
            f"{lax.policy} permits something."
        )
    moves: dict[tuple[str, str], list[str]] = {}
    for item, (was, now) in _farthest(first, second).items():
        moves.setdefault((_groups(first, was), _groups(second, now)), []).append(item)
    aside = "setting security aside, " if first.security or second.security else ""
    shown = sorted(moves.items(), key=lambda move: -len(move[1]))
    for (was_words, now_words), items in shown[:_MOVES_NAMED]:
        names = _some([item_words(item) for item in items], _ROWS_NAMED)
        yield _capital(
            f"{aside}{names} may go to {was_words} under {first.policy}, "
            f"to {now_words} under {second.policy}."
        )
    rest = sum(len(items) for _, items in shown[_MOVES_NAMED:])
    if rest:
        yield f"{rest} more {'part differs' if rest == 1 else 'parts differ'}."


def _groups(one: Side, groups: Sequence[str]) -> str:
    words: Mapping[str, str] = one.words
    return listed(words.get(g) or group_words(g) for g in groups) or "nobody"


def _some(names: Sequence[str], at_most: int) -> str:
    if len(names) > at_most:
        return listed([*names[:at_most], f"{len(names) - at_most} more"])
    return listed(names)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
