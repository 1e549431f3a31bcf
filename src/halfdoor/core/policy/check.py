"""Whether a policy means something, by itself and against a risk model.

`check` returns all problems at once. A policy that forbids nothing and asks for nothing is an error, so is
one that names what does not exist; a row that does not say what sentence it stands for is a lint.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from halfdoor.core.errors import InputError
from halfdoor.core.model.groups import Groups
from halfdoor.core.policy.check_lines import check_lines
from halfdoor.core.policy.check_people import check_people, in_groups
from halfdoor.core.policy.document import PlanTable
from halfdoor.core.risk.problem import Problem, Problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halfdoor.core.policy.document import Policy, Requirement
    from halfdoor.core.risk.document import ClaimKind, RiskModel

TIERS = ("notable", "high", "critical")  # as `Tier.name`, rising
QUANTILE_MAX = Decimal("0.95")
PLAN_DAYS_MAX = 3650
_SECURITY = re.compile(r"SL[1-5]")


def check(policy: Policy, model: RiskModel | None = None) -> tuple[Problem, ...]:
    """All problems of a policy; names are held against `model` where one is given."""
    found = Problems()
    if not policy.limit and not policy.requirement:
        found.error(
            "no-rows", "the policy has no limit and no requirement", "", "add [[limit]] or [[requirement]]"
        )
    _numbers(policy, found)
    groups = _groups(policy, found)
    names = _Names(policy, model)
    _tiers(policy, names, found)
    _limits(policy, names, found)
    _requirements(policy, names, groups, found)
    _inabilities(policy, names, found)
    check_people(policy, groups, found)
    _objectives(policy, model, found)
    check_lines(policy, model, found)
    _plan(policy, found)
    for table in ("limit", "requirement", "inability", "expect", "application"):
        for index, row in enumerate(getattr(policy, table)):
            if not row.clause:
                found.lint(
                    "no-clause",
                    "no sentence says what this row stands for",
                    f"{table}[{index}]",
                    'add clause = "…"',
                )
    return tuple(found.found)


class _Names:
    """What rows may name. None: not known, so not checked."""

    def __init__(self, policy: Policy, model: RiskModel | None) -> None:
        self.tiers = {(t.domain, t.name) for t in policy.tier}
        self.domains = {d.id for d in model.domain} if model else None
        self.actors = {a.id: a.domain for a in model.actor} if model else None
        self.abilities = {r.gives for r in model.rule} if model else None
        self.claims: Mapping[str, ClaimKind] | None = {c.id: c for c in model.claim} if model else None

    def domain(self, name: str, where: str, found: Problems) -> None:
        if self.domains is not None:
            found.known(name, self.domains, "domain", where)

    def claim(self, name: str, where: str, found: Problems) -> ClaimKind | None:
        if not self.claims or not found.known(name, self.claims, "claim", where):
            return None
        return self.claims[name]


def _numbers(policy: Policy, found: Problems) -> None:
    if not (policy.quantile.is_finite() and 0 < policy.quantile < QUANTILE_MAX):
        found.error(
            "bad-quantile",
            f"quantile {policy.quantile} is not between 0 and {QUANTILE_MAX}",
            "quantile",
            "the 5 % above a one-sided limit count as the worst case, so the quantile lies below .95",
        )
    found.amount(float(policy.horizon_years), "horizon_years", above_zero=True)
    found.amount(policy.review_days, "review_days", above_zero=True)
    if policy.evidence_max_age_days is not None:
        found.amount(policy.evidence_max_age_days, "evidence_max_age_days")
    scope = policy.scope
    found.share(float(scope.reference_margin), "scope.reference_margin")
    found.share(float(scope.margins_since_anchor), "scope.margins_since_anchor")
    if scope.training_compute_below_flop is not None:
        found.amount(scope.training_compute_below_flop, "scope.training_compute_below_flop", above_zero=True)
    if scope.anchor_date:
        try:
            dt.date.fromisoformat(scope.anchor_date)
        except ValueError:
            found.error(
                "bad-date",
                f"{scope.anchor_date!r} is not a date",
                "scope.anchor_date",
                'write it as "2026-01-31"',
            )
    for name in ("growth", "elicitation", "circumvention"):
        found.share(float(getattr(policy.margins, name)), f"margins.{name}")


def _groups(policy: Policy, found: Problems) -> Groups | None:
    found.unique((g.id for g in policy.group), "group")
    try:
        return Groups((g.id, g.contains, g.inside) for g in policy.group)
    except InputError as fault:
        found.error(fault.code, fault.message, "group", fault.remedy)
        return None


def _tiers(policy: Policy, names: _Names, found: Problems) -> None:
    standing: dict[str, list[tuple[int, Decimal]]] = {}
    for index, row in enumerate(policy.tier):
        at = f"tier[{index}]"
        names.domain(row.domain, f"{at}.domain", found)
        found.share(float(row.capability), f"{at}.capability")
        if not row.capability.is_finite():
            continue
        rank = TIERS.index(row.name)
        for other_rank, capability in standing.setdefault(row.domain, []):
            if other_rank == rank:
                found.error(
                    "duplicate-id", f"{row.domain} has the tier {row.name!r} twice", at, "remove one of them"
                )
            elif (other_rank < rank) != (capability < row.capability):
                message = f"the tiers of {row.domain} do not rise from {TIERS[min(rank, other_rank)]!r} on"
                found.error("bad-tiers", message, f"{at}.capability", "notable < high < critical")
        standing[row.domain].append((rank, row.capability))
    stated = {"": policy.unmeasured} if isinstance(policy.unmeasured, str) else policy.unmeasured
    for domain, tier in stated.items():
        where = f"unmeasured.{domain}" if domain else "unmeasured"
        found.known(tier, TIERS, "tier", where)
        if domain:
            names.domain(domain, where, found)


def _tier_named(domain: str, tier: str, names: _Names, where: str, found: Problems) -> None:
    if not found.known(tier, TIERS, "tier", where):
        return
    if domain and (domain, tier) not in names.tiers:
        message = f"{domain} has no tier {tier!r} in this policy"
        found.error("unknown-tier", message, where, "add the [[tier]], or the row can never apply")


def _limits(policy: Policy, names: _Names, found: Problems) -> None:
    _ids(policy, "limit", found)
    for index, row in enumerate(policy.limit):
        at = f"limit[{index}]"
        names.domain(row.domain, f"{at}.domain", found)
        _tier_named(row.domain, row.tier, names, f"{at}.tier", found)
        found.share(float(row.access_probability), f"{at}.access_probability", below_one=True)
        _confidence(row.confidence, f"{at}.confidence", found)
        if names.abilities is not None:
            found.known(row.ability, names.abilities, "ability", f"{at}.ability")
        if names.actors is None or not found.known(row.actor, names.actors, "actor", f"{at}.actor"):
            continue
        if names.actors[row.actor] != row.domain:
            message = f"{row.actor!r} is an actor of {names.actors[row.actor]}, not of {row.domain}"
            found.error("wrong-domain", message, f"{at}.actor", "name an actor of the row's domain")


def _confidence(value: Decimal, where: str, found: Problems) -> None:
    if not (value.is_finite() and 0 < value < 1):
        found.error(
            "bad-probability", f"{value} is not a confidence", where, "state a number between 0 and 1"
        )


def _ids(policy: Policy, table: str, found: Problems) -> None:
    """Rows may go without an id; those that have one must differ."""
    rows: list[str] = [row.id for row in getattr(policy, table)]
    for index, name in enumerate(rows):
        if name and name in rows[:index]:
            found.error(
                "duplicate-id", f"{name!r} is defined twice", f"{table}[{index}].id", "rename one of them"
            )


def _requirements(policy: Policy, names: _Names, groups: Groups | None, found: Problems) -> None:
    _ids(policy, "requirement", found)
    for index, row in enumerate(policy.requirement):
        at = f"requirement[{index}]"
        found.item(row.item, f"{at}.item")
        in_groups(row.group, groups, f"{at}.group", found)
        if row.domain:
            names.domain(row.domain, f"{at}.domain", found)
        if row.tier:
            _tier_named(row.domain, row.tier, names, f"{at}.tier", found)
        if row.max_age_days is not None:
            found.amount(row.max_age_days, f"{at}.max_age_days")
        _asked(row, names, at, found)


def _asked(row: Requirement, names: _Names, at: str, found: Problems) -> None:
    """What the row asks to be shown has to exist, and be of its unit."""
    if not row.evidence:
        found.error(
            "missing-key", "the row does not say what is asked for", f"{at}.evidence", 'add evidence = "…"'
        )
        return
    match row.kind:
        case "security":
            if not _SECURITY.fullmatch(row.evidence):
                found.error(
                    "bad-security", f"{row.evidence!r} is no security level", f"{at}.evidence", "SL1 … SL5"
                )
        case "safeguard":
            pass
        case "evidence" | "audit":
            if row.threshold is not None and not row.threshold.is_finite():
                found.error(
                    "bad-number", f"{row.threshold} is not finite", f"{at}.threshold", "correct the value"
                )
            claim = names.claim(row.evidence, f"{at}.evidence", found)
            if claim is not None and row.unit != claim.unit:
                message = (
                    f"{row.evidence} is in {claim.unit or 'no unit'}, the row in {row.unit or 'no unit'}"
                )
                found.error("wrong-unit", message, f"{at}.unit", f"state unit = {claim.unit!r}")


def _inabilities(policy: Policy, names: _Names, found: Problems) -> None:
    for index, row in enumerate(policy.inability):
        at = f"inability[{index}]"
        names.domain(row.domain, f"{at}.domain", found)
        found.share(float(row.at_most), f"{at}.at_most", below_one=True)
        _confidence(row.confidence, f"{at}.confidence", found)
        claim = names.claim(row.claim, f"{at}.claim", found)
        if claim is not None and claim.kind != "inability":
            found.error(
                "not-inability",
                f"{row.claim!r} is no inability claim",
                f"{at}.claim",
                'its kind must be "inability"',
            )


def _plan(policy: Policy, found: Problems) -> None:
    table = policy.plan
    for name in ("soak_days", "no_new_safeguards_days"):
        days = getattr(table, name)
        if not 0 <= days <= PLAN_DAYS_MAX:
            found.error(
                "bad-number",
                f"{days} days is no time to wait between stages",
                f"plan.{name}",
                f"0 to {PLAN_DAYS_MAX}",
            )
    _confidence(table.confidence, "plan.confidence", found)
    share = table.incidents_at_most
    if share is not None and not (share.is_finite() and 0 < share < 1):
        found.error(
            "bad-probability",
            f"no number of uses shows a share of incidents of {share}",
            "plan.incidents_at_most",
            "state a share above 0 and below 1, or leave it out",
        )
    if table != PlanTable() and not table.clause:
        found.lint("no-clause", "no sentence says what this row stands for", "plan", 'add clause = "…"')


def _objectives(policy: Policy, model: RiskModel | None, found: Problems) -> None:
    found.unique((o.id for o in policy.objective), "objective")
    for index, row in enumerate(policy.objective):
        found.amount(float(row.weight), f"objective[{index}].weight")
    if policy.objective and not any(row.weight > 0 for row in policy.objective if row.weight.is_finite()):
        found.error(
            "bad-number", "every objective weighs nothing", "objective", "give one of them a weight above 0"
        )
    if model and model.benefit:
        named = {row.objective for row in model.benefit}
        for index, row in enumerate(policy.objective):
            if row.id not in named:
                message = f"the risk model states no benefit for {row.id!r}"
                found.lint(
                    "no-benefit",
                    message,
                    f"objective[{index}].id",
                    "add [[benefit]] rows or drop the objective",
                )
