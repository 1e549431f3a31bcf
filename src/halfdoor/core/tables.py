"""The tables of an assessment: tiers, evidence, combinations, limits, requirements, expectations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.annex import GraphRule
from halfdoor.core.assessment import (
    Combination,
    Cost,
    EvidenceRow,
    ExpectResult,
    LimitResult,
    RequirementResult,
    TierResult,
)
from halfdoor.core.evidence.estimate import estimate, is_score
from halfdoor.core.ids import parse_item
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.policy.constraints import requirement_applies
from halfdoor.core.policy.reasons import cost_of
from halfdoor.core.policy.requirements import asked, covers
from halfdoor.core.policy.tiers import counts_in_favour
from halfdoor.core.risk.abilities import Way, is_item, usable_rules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halfdoor.core.evidence.claim import Claim
    from halfdoor.core.policy.constraints import Constraints
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.policy.scope import DomainStanding
    from halfdoor.core.question import Question
    from halfdoor.core.risk.abilities import Holdings
    from halfdoor.core.risk.access import AccessModel
    from halfdoor.core.risk.document import Actor, Domain, RiskModel

SHOWN_FROM = 0.05  # combinations less likely than this are left out of the table
GRAPH_RULES_MAX = 150  # more cannot be read on any page


def tier_row(found: DomainStanding, question: Question) -> TierResult:
    """How capable the evidence allows the model to be in one domain."""
    power, reference = found.capability, found.reference
    measured = power.total is not None
    return TierResult(
        tier=found.tier,
        measured=measured,
        capability=f"{power.total:.4f}" if power.total is not None else None,
        quantile=f"{power.quantile:.4f}" if power.quantile is not None else None,
        mean=f"{power.mean:.4f}" if power.mean is not None else None,
        margins={name: f"{value:f}" for name, value in power.margins.items()},
        reference=reference.words if reference else None,
        reference_capability=f"{reference.capability:.4f}" if reference else None,
        thresholds={t.name: f"{t.capability:f}" for t in question.policy.tier if t.domain == found.domain},
        evidence=list(power.claims),
        why=found.why,
    )


def combination_rows(access: AccessModel, actors: Iterable[Actor] | None = None) -> list[Combination]:
    """The combination table: holdings that give somebody an ability at least so often as SHOWN_FROM.

    `actors`: only for these; None for all of the risk model.
    """
    words = {a.id: a.words for a in access.model.ability}
    rows: dict[tuple[str, str, tuple[str, ...]], Combination] = {}
    costs: dict[tuple[str, Way], Cost] = {}  # the same for every actor
    for ability, actor, way, share, spend, upper_bound in access.combinations(actors):
        if share < SHOWN_FROM:
            continue
        if (ability, way) not in costs:
            costs[ability, way] = cost_of(spend)
        row = Combination(
            ability=ability,
            words=words.get(ability, ""),
            actor=actor.id,
            actor_words=actor.words,
            domain=actor.domain,
            variant=way.variant,
            items=list(way.items),
            probability=f"{share:.4f}",
            cost=costs[ability, way],
            upper_bound=upper_bound,
        )
        # A rule may name a variant of its own, and then serves every variant: the same items once.
        key = (ability, actor.id, way.items)
        if key not in rows or float(rows[key].probability) < share:
            rows[key] = row
    return sorted(rows.values(), key=lambda r: (r.domain, r.ability, r.actor, -float(r.probability), r.items))


def graph_rules(access: AccessModel, ability: str = "", rules_max: int = GRAPH_RULES_MAX) -> list[GraphRule]:
    """The derivation graph as far as what is listed or free can take it, in the order of the risk model.

    `ability`: only what leads to it. Empty where there are more than `rules_max` rules.
    """
    model, holdings = access.model, access.holdings
    taken: dict[int, str] = {}
    for variant in holdings.variants:
        taken = dict.fromkeys(_takeable(access, variant), variant) | taken
    if ability:
        leading = _leading_to(ability, model, taken)
        taken = {index: variant for index, variant in taken.items() if index in leading}
    if len(taken) > rules_max:
        return []
    return [_graph_rule(index, taken[index], access, holdings) for index in sorted(taken)]


def _takeable(access: AccessModel, variant: str) -> list[int]:
    """Rules of which all items are listed (or free) and all abilities can be had, within one variant."""
    model, listed = access.model, set(access.holdings.items)
    usable = usable_rules(model, access.holdings, variant)
    ready = [i for i, slots in usable.items() if all(listed.intersection(slot) for slot in slots)]
    waiting: dict[str, list[int]] = {}
    lacking = {}
    for index in ready:
        needed = {need for need in model.rule[index].needs if not is_item(need)}
        lacking[index] = len(needed)
        for need in needed:
            waiting.setdefault(need, []).append(index)
    queue = [index for index in ready if not lacking[index]]
    got: set[str] = set()
    taken = []
    while queue:
        index = queue.pop()
        taken.append(index)
        gift = model.rule[index].gives
        if gift in got:
            continue
        got.add(gift)
        for user in waiting.get(gift, ()):
            lacking[user] -= 1
            if not lacking[user]:
                queue.append(user)
    return taken


def _leading_to(ability: str, model: RiskModel, among: Iterable[int]) -> set[int]:
    """Of these rules, those on some way to the ability."""
    giving: dict[str, list[int]] = {}
    for index in among:
        giving.setdefault(model.rule[index].gives, []).append(index)
    seen, queue, found = {ability}, [ability], set()
    while queue:
        for index in giving.get(queue.pop(), ()):
            found.add(index)
            new = {need for need in model.rule[index].needs if not is_item(need)} - seen
            seen |= new
            queue.extend(new)
    return found


def _graph_rule(index: int, variant: str, access: AccessModel, holdings: Holdings) -> GraphRule:
    rule = access.model.rule[index]
    cost = cost_of(access.spend(Way((), (index,), variant)))
    items = [need for need in rule.needs if is_item(need)]
    return GraphRule(
        gives=rule.gives,
        needs=list(rule.needs),
        free=[n for n in items if any(map(holdings.is_free, holdings.matching(parse_item(n), variant)))],
        usd_p5=cost.usd_p5,
        usd_p50=cost.usd_p50,
        usd_p95=cost.usd_p95,
        days_p50=cost.days_p50,
        skill=cost.skill,
        source=rule.source,
        judgement=rule.judgement,
    )


def limit_rows(situation: Situation, rows: Constraints) -> list[LimitResult]:
    """Every limit row against the proposal, and with nothing shared."""
    nothing = Configuration({}, rows.groups)
    results = []
    for limit in situation.gates.limits(situation.policy, situation.tiers()):
        row = limit.row
        kept = limit.kept(situation.proposed)
        results.append(
            LimitResult(
                id=limit.id,
                domain=row.domain,
                tier=row.tier,
                actor=row.actor,
                ability=row.ability,
                allowed=f"{row.access_probability:f}",
                probability=f"{limit.share(situation.proposed):.4f}",
                tolerated=f"{1 - row.confidence:f}",
                nothing_shared=f"{limit.share(nothing):.4f}",
                applies=limit.applies,
                outcome="not-applicable" if not limit.applies else "pass" if kept else "fail",
                clause=row.clause,
            )
        )
    return results


def requirement_rows(situation: Situation) -> list[RequirementResult]:
    """Every requirement row against the evidence."""
    return [
        RequirementResult(
            id=f.id,
            item=f.row.item,
            group=f.row.group,
            kind=f.row.kind,
            evidence=f.row.evidence,
            asked=f.asked,
            found=f.found,
            outcome=f.outcome if requirement_applies(f, situation.tiers()) else "not-applicable",
            clause=f.row.clause,
        )
        for f in situation.findings
    ]


def evidence_row(claim: Claim, question: Question) -> EvidenceRow:
    """One claim as counted, or why it is not, beside what the policy asks of it."""
    kinds = {kind.id: kind for kind in question.risk_model.claim}
    kind = kinds.get(claim.id)
    domain = next((d for d in question.risk_model.domain if _speaks_of(claim, d)), None)
    stated = claim.chance if claim.chance is not None else kind.chance if kind else None
    chance = stated if stated is not None else domain.chance if domain else 0.0
    problem = counts_in_favour(claim, question.policy, question.as_of)
    found = estimate(claim, chance) if claim.is_measured else None
    counted = is_score(claim)
    return EvidenceRow(
        claim=claim.id,
        words=kind.words if kind else "",
        origin=claim.origin,
        estimate=f"{found.mean:.4f}" if found else None,
        low=f"{found.low:.4f}" if found else None,
        high=f"{found.high:.4f}" if found and counted else None,
        unit="score" if counted else claim.unit,
        passes=claim.passes,
        trials=claim.trials,
        chance=f"{chance:.4f}" if counted else None,
        mode=claim.mode,
        methods=list(claim.methods),
        parse_rates={method: f"{rate:.2f}" for method, rate in claim.parse_rates},
        by=claim.by,
        measured=claim.measured.isoformat() if claim.measured else None,
        binding=claim.binding,
        counted=not problem,
        problem=problem,
        source=claim.source,
        asked=_asked_of(claim.id, question),
        asked_at=_asked_at(claim, question),
        digest=claim.digest,
    )


def _speaks_of(claim: Claim, domain: Domain) -> bool:
    if domain.claims:
        return claim.id in domain.claims
    return claim.domain == domain.id or claim.id.startswith(f"{domain.id}.")


def _asked_at(claim: Claim, question: Question) -> str | None:
    """The policy's threshold on the scale of the estimate: of its inability row, else of a requirement."""
    for row in question.policy.inability:
        if row.claim == claim.id:
            return f"{row.at_most:f}"
    for asking in question.policy.requirement:
        if asking.evidence == claim.id and asking.threshold is not None and asking.unit == claim.unit:
            return f"{asking.threshold:f}"
    return None


def _asked_of(claim: str, question: Question) -> str:
    """What the policy asks of a claim: its inability row, its requirement rows."""
    rows = [
        f"at most {row.at_most:f} shows inability" for row in question.policy.inability if row.claim == claim
    ]
    rows += [asked(row) for row in question.policy.requirement if row.evidence == claim]
    return "; ".join(rows)


def expectation_rows(question: Question, shared: Configuration) -> list[ExpectResult]:
    """What the policy expects to be shared, against what is."""
    results = []
    for row in question.policy.expect:
        named = (row.item, *row.instead)
        items = [i.id for i in question.dossier.item if any(covers(name, i.id) for name in named)]
        met = any(row.group in shared.groups_with(item) for item in items)
        results.append(
            ExpectResult(row.item, row.group, "pass" if met else "fail" if items else "missing", row.clause)
        )
    return results
