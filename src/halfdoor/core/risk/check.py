"""Whether a risk model means something: every name defined, every number possible, every number owned.

`check` returns all problems at once. An error makes the document unusable; a lint is worth a look (a number
that says neither where it is from nor whose judgement it is, an ability that nothing gives). Shipped models
have none of either.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from halfdoor.core.ids import COMPONENTS, did_you_mean
from halfdoor.core.risk.abilities import is_item
from halfdoor.core.risk.check_harm import check_harm, group_known
from halfdoor.core.risk.document import Ability, Sourced
from halfdoor.core.risk.problem import SKILL_MAX, Problem, Problems

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halfdoor.core.risk.document import ClaimKind, Reference, RiskModel, Rule

_SECURITY = re.compile(r"(SL[1-5])?")
_SOURCED = (
    "actor", "rule", "domain", "claim", "threat", "stop", "flaw", "defence", "reach", "leak", "commonplace",
    "reference", "benefit", "alternative",
)  # fmt: skip


def check(model: RiskModel) -> tuple[Problem, ...]:
    """All problems of a risk model, in the order of the document's tables."""
    found = Problems()
    for table in ("actor", "ability", "domain", "claim", "threat", "flaw", "reference"):
        found.unique((row.id for row in getattr(model, table)), table)
    _actors(model, found)
    _rules(model, found)
    _measures(model, found)
    check_harm(model, found)
    _doors(model, found)
    _benefits(model, found)
    _references(model.reference, {c.id for c in model.claim}, found)
    for table in _SOURCED:
        for index, row in enumerate(getattr(model, table)):
            _owned(row, f"{table}[{index}]", found)
    if model.exposure is not None:
        _owned(model.exposure, "exposure", found)
    return tuple(found.found)


def check_references(references: Sequence[Reference], model: RiskModel | None = None) -> tuple[Problem, ...]:
    """All problems of a registry of references; against a risk model's claims where one is given."""
    found = Problems()
    found.unique((row.id for row in references), "reference")
    _references(references, {c.id for c in model.claim} if model else None, found)
    for index, row in enumerate(references):
        _owned(row, f"reference[{index}]", found)
    return tuple(found.found)


def _owned(row: Sourced, at: str, found: Problems) -> None:
    if not row.source and not row.judgement and not isinstance(row, Ability):
        message = "neither `source` nor `judgement` says where this is from"
        found.lint("unsourced", message, at, 'add source = "…", or judgement = "why"')


def _actors(model: RiskModel, found: Problems) -> None:
    domains = {d.id for d in model.domain}
    for index, row in enumerate(model.actor):
        at = f"actor[{index}]"
        if domains:
            found.known(row.domain, domains, "domain", f"{at}.domain")
        found.number(row.budget, "positive", f"{at}.budget")
        found.number(row.days, "positive", f"{at}.days")
        _skill(row.skill, f"{at}.skill", found)


def _skill(value: int, where: str, found: Problems) -> None:
    if not 0 <= value <= SKILL_MAX:
        found.error(
            "bad-number", f"{value} is not a skill tier", where, f"state a whole number from 0 to {SKILL_MAX}"
        )


def _rules(model: RiskModel, found: Problems) -> None:
    given = {row.gives for row in model.rule}
    claims = {c.id: c for c in model.claim}
    for index, ability in enumerate(model.ability):
        if ability.id in COMPONENTS:
            found.error(
                "ambiguous-id", f"{ability.id!r} is a component too", f"ability[{index}].id", "rename it"
            )
    for index, row in enumerate(model.rule):
        at = f"rule[{index}]"
        if row.gives in COMPONENTS:
            message = f"{row.gives!r} is a component: it is shared, not given by a rule"
            found.error("ambiguous-id", message, f"{at}.gives", "name an ability")
        if not row.needs:
            found.error(
                "empty-needs", f"{row.gives!r} would need nothing", f"{at}.needs", "name what it takes"
            )
        for need in row.needs:
            if is_item(need):
                found.item(need, f"{at}.needs")
            elif need not in given:
                found.error(
                    "undefined-ability",
                    f"no rule gives {need!r}, and no component is called that",
                    f"{at}.needs",
                    did_you_mean(need, given | set(COMPONENTS)),
                )
        found.number(row.cost, "positive", f"{at}.cost")
        found.number(row.days, "positive", f"{at}.days")
        found.number(row.usd_per_unit, "positive", f"{at}.usd_per_unit")
        _skill(row.skill, f"{at}.skill", found)
        _measured_by(row, claims, at, found)
    _reachable(model, found)


def _measured_by(row: Rule, claims: Mapping[str, ClaimKind], at: str, found: Problems) -> None:
    if bool(row.measured_by) != (row.usd_per_unit is not None):
        message = "`measured_by` and `usd_per_unit` go together"
        found.error("half-measured", message, at, "state both or neither")
    # A model describes all its claims, or none: without any row, every id is a score without words.
    if (
        not row.measured_by
        or not claims
        or not found.known(row.measured_by, claims, "claim", f"{at}.measured_by")
    ):
        return
    if not claims[row.measured_by].unit:
        message = f"{row.measured_by!r} has no unit to price"
        found.error("no-unit", message, f"{at}.measured_by", "give the claim a unit")


def _reachable(model: RiskModel, found: Problems) -> None:
    """Every ability should follow from items; one that only follows from itself is never had."""
    given = {row.gives for row in model.rule}
    had = _had(model.rule)
    described = {ability.id for ability in model.ability}
    for index, ability in enumerate(model.ability):
        at = f"ability[{index}].id"
        if ability.id in given and ability.id not in had:
            _unreachable(ability.id, at, found)
        elif ability.id not in given:
            found.lint("unused-ability", f"no rule gives {ability.id!r}", at, "add a rule or remove it")
    for index, row in enumerate(model.rule):
        if row.gives not in had and row.gives not in described:
            _unreachable(row.gives, f"rule[{index}].gives", found)
            described.add(row.gives)  # once


def _unreachable(ability: str, where: str, found: Problems) -> None:
    message = f"{ability!r} follows only from abilities that nobody can have"
    found.lint("unreachable-ability", message, where, "add a rule that begins with items")


def _had(rules: Sequence[Rule]) -> set[str]:
    """The abilities that follow from items, each rule looked at once for each of its needs."""
    missing = [{need for need in row.needs if not is_item(need)} for row in rules]
    waiting: dict[str, list[int]] = {}
    for index, needs in enumerate(missing):
        for need in needs:
            waiting.setdefault(need, []).append(index)
    had: set[str] = set()
    ready = [index for index, needs in enumerate(missing) if not needs]
    while ready:
        gives = rules[ready.pop()].gives
        if gives in had:
            continue
        had.add(gives)
        for index in waiting.get(gives, ()):
            missing[index].discard(gives)
            if not missing[index]:
                ready.append(index)
    return had


def _measures(model: RiskModel, found: Problems) -> None:
    claims = {c.id: c for c in model.claim}
    for index, claim in enumerate(model.claim):
        at = f"claim[{index}]"
        if claim.chance is not None:
            found.share(claim.chance, f"{at}.chance", below_one=True)
        found.rising_map(claim.map, f"{at}.map")
        found.number(claim.prior, "positive" if claim.unit else "probability", f"{at}.prior")
        if claim.unit and claim.map:
            found.error(
                "bad-map", "a claim with a unit has no score to map", f"{at}.map", "remove `map` or `unit`"
            )
    for index, domain in enumerate(model.domain):
        at = f"domain[{index}]"
        found.share(domain.chance, f"{at}.chance", below_one=True)
        found.share(domain.elicitation_correlation, f"{at}.elicitation_correlation")
        found.rising_map(domain.map, f"{at}.map")
        found.number(domain.prior, "probability", f"{at}.prior")
        for name in domain.claims:
            if not claims or not found.known(name, claims, "claim", f"{at}.claims"):
                continue
            if claims[name].unit:
                found.error("not-a-score", f"{name!r} is not a score", f"{at}.claims", "list scores only")
            elif not claims[name].map and not domain.map:
                found.lint(
                    "no-map", f"{name!r} has no map, so it counts at its worst", f"{at}.claims", "add `map`"
                )


def _doors(model: RiskModel, found: Problems) -> None:
    actors = {a.id for a in model.actor}
    seen: set[tuple[str, str, str]] = set()
    for index, row in enumerate(model.reach):
        at = f"reach[{index}]"
        found.known(row.actor, actors, "actor", f"{at}.actor")
        group_known(row.group, f"{at}.group", found)
        found.number(row.p, "probability", f"{at}.p")
        if not _SECURITY.fullmatch(row.security) or (row.security and row.group != "nobody"):
            found.error(
                "bad-security",
                f"{row.security!r} does not fit here",
                f"{at}.security",
                'SL1 … SL5 on rows for group "nobody" (theft), nothing on others',
            )
        if (row.actor, row.group, row.security) in seen:
            found.error(
                "duplicate-id", f"{row.actor!r} and {row.group!r} stand twice", at, "remove one of them"
            )
        seen.add((row.actor, row.group, row.security))
    for index, actor in enumerate(model.actor):
        if model.reach and not any(name == actor.id and group == "nobody" for name, group, _ in seen):
            found.lint(
                "no-theft",
                f"nothing says how {actor.id!r} fares at theft",
                f"actor[{index}]",
                'add [[reach]], group = "nobody"',
            )
    for index, leak in enumerate(model.leak):
        group_known(leak.group, f"leak[{index}].group", found)
        found.amount(leak.leaks, f"leak[{index}].leaks")
        found.amount(leak.years, f"leak[{index}].years", above_zero=True)
    found.unique((leak.group for leak in model.leak), "leak", "group")
    for index, common in enumerate(model.commonplace):
        found.item(common.item, f"commonplace[{index}].item")


def _benefits(model: RiskModel, found: Problems) -> None:
    seen: set[tuple[str, str, str]] = set()
    for index, row in enumerate(model.benefit):
        at = f"benefit[{index}]"
        found.item(row.item, f"{at}.item")
        group_known(row.group, f"{at}.group", found)
        found.share(row.kept, f"{at}.kept")
        key = (row.objective, row.item, row.group)
        if key in seen:
            found.error("duplicate-id", f"{', '.join(key)} stands twice", at, "remove one of them")
        seen.add(key)
    objectives = {row.objective for row in model.benefit}
    for index, alternative in enumerate(model.alternative):
        at = f"alternative[{index}]"
        found.share(alternative.adds, f"{at}.adds")
        for item in alternative.items:
            found.item(item, f"{at}.items")
        if objectives and alternative.objective not in objectives:
            found.known(alternative.objective, objectives, "objective", f"{at}.objective")


def _references(references: Sequence[Reference], claims: set[str] | None, found: Problems) -> None:
    for index, reference in enumerate(references):
        for number, row in enumerate(reference.claim):
            at = f"reference[{index}].claim[{number}]"
            if not 0 <= row.passes <= row.trials or row.trials < 1:
                message = f"{row.passes} of {row.trials} is not a count"
                found.error("bad-count", message, at, "state 0 ≤ passes ≤ trials, trials ≥ 1")
            if claims is not None and row.claim not in claims:
                found.lint(
                    "unknown-claim",
                    f"{row.claim!r} is no claim of this risk model",
                    f"{at}.claim",
                    did_you_mean(row.claim, claims),
                )
            if not row.source and not reference.source:
                found.lint("unsourced", "no `source` says where this count is from", at, 'add source = "…"')
