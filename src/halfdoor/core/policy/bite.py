"""Rows of a policy that can never decide anything, or decide everything: worth a look before it is used.

All are lints. They are found against a risk model with every component in the hands of anyone (a limit that
is kept even then never binds) and with nothing shared at the highest security level (a limit that is broken
even then always binds).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from halfdoor.core.ids import COMPONENTS
from halfdoor.core.model.groups import Groups
from halfdoor.core.policy.check import TIERS
from halfdoor.core.policy.requirements import covers
from halfdoor.core.risk.abilities import Holdings, is_item
from halfdoor.core.risk.access import AccessModel, Gate, Surroundings
from halfdoor.core.risk.problem import Problem, Problems
from halfdoor.core.risk.uncertainty.draws import Draws

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halfdoor.core.policy.document import Limit, Policy, Requirement
    from halfdoor.core.risk.document import RiskModel

DRAWS = 2_000
_BEST_SECURITY = "SL5"


def idle(policy: Policy, model: RiskModel) -> tuple[Problem, ...]:
    """Lints on the rows of a sound policy, in the order of its tables."""
    found = Problems()
    _limits(policy, model, found)
    _requirements(policy, model, found)
    for index, row in enumerate(policy.inability):
        if row.at_most <= 0:
            found.lint(
                "never-met",
                "an upper bound is never 0, so nothing ever shows a model unable",
                f"inability[{index}].at_most",
                "state a score above 0",
            )
    _domains(policy, model, found)
    return tuple(found.found)


def _limits(policy: Policy, model: RiskModel, found: Problems) -> None:
    access = _everything(policy, model)
    for index, row in enumerate(policy.limit):
        at = f"limit[{index}]"
        stricter = next((n for n in range(len(policy.limit)) if _implies(policy.limit, n, index)), None)
        if stricter is not None:
            other = policy.limit[stricter].id or f"limit {stricter + 1}"
            message = f"it never decides: {other} is at least as strict in every way"
            found.lint("implied", message, at, "remove it, or make it stricter")
            continue
        gate = Gate(access, row.actor, row.ability, float(row.access_probability))
        tolerated = math.floor(DRAWS * (1 - row.confidence))
        if gate.violations(_anyone) <= tolerated:
            message = (
                f"it never binds: with everything shared with anyone, {row.actor} still cannot get "
                f"{row.ability!r} within its means often enough"
            )
            found.lint(
                "never-binds", message, at, "lower access_probability, or name another actor or ability"
            )
        elif gate.violations(_nobody) > tolerated:
            message = (
                f"it always binds: with nothing shared and at {_BEST_SECURITY}, theft alone breaks it; "
                "no developer can keep it"
            )
            found.lint("always-binds", message, at, "raise access_probability, or lower confidence")


def _anyone(_item: str) -> tuple[str, ...]:
    return ("anyone",)


def _nobody(_item: str) -> tuple[str, ...]:
    return ()


def _everything(policy: Policy, model: RiskModel) -> AccessModel:
    """A well guarded developer has every component there is, and every item that a rule names."""
    named = [need for rule in model.rule for need in rule.needs if is_item(need)]
    holdings = Holdings.of(
        tuple(dict.fromkeys((*COMPONENTS, *named))), (), (row.item for row in model.commonplace)
    )
    around = Surroundings(
        groups=Groups((g.id, g.contains, g.inside) for g in policy.group),
        horizon_years=float(policy.horizon_years),
        security=_BEST_SECURITY,
    )
    return AccessModel(model, holdings, Draws(1, DRAWS), around)


def _implies(rows: Sequence[Limit], first: int, second: int) -> bool:
    """Whether keeping one row means keeping the other; of two alike, the earlier implies the later."""
    one, other = rows[first], rows[second]
    if first == second or (one.domain, one.actor, one.ability) != (other.domain, other.actor, other.ability):
        return False
    ranks = TIERS.index(one.tier), TIERS.index(other.tier)
    at_least = (
        ranks[0] <= ranks[1]
        and one.access_probability <= other.access_probability
        and one.confidence >= other.confidence
    )
    alike = (
        ranks[0] == ranks[1]
        and one.access_probability == other.access_probability
        and one.confidence == other.confidence
    )
    return at_least and (not alike or first < second)


def _requirements(policy: Policy, model: RiskModel, found: Problems) -> None:
    claims = {claim.id: claim for claim in model.claim}
    for index, row in enumerate(policy.requirement):
        at = f"requirement[{index}]"
        claim = claims.get(row.evidence)
        if row.kind in {"evidence", "audit"} and claim is not None and not claim.unit:
            _score(row, at, found)
        wider = next((o for o in policy.requirement[:index] if _asks_the_same(o, row)), None)
        if wider is not None:
            message = "it never decides: an earlier row asks the same, at this group or a stricter one"
            found.lint("implied", message, at, "remove one of the two")


def _score(row: Requirement, at: str, found: Problems) -> None:
    """A score lies between 0 and 1."""
    if row.threshold is None:
        return
    never = {
        ">=": row.threshold > 1,
        ">": row.threshold >= 1,
        "<=": row.threshold < 0,
        "<": row.threshold <= 0,
    }[row.comparator]
    if never:
        found.lint(
            "always-binds",
            f"no score is {row.comparator} {row.threshold}: nothing ever meets this row",
            f"{at}.threshold",
            "scores lie between 0 and 1",
        )


def _asks_the_same(one: Requirement, other: Requirement) -> bool:
    def asked(row: Requirement) -> tuple[object, ...]:
        return (
            row.group, row.kind, row.evidence, row.statistic, row.comparator, row.threshold, row.unit,
            row.max_age_days, row.attestor,
        )  # fmt: skip

    ranks = [TIERS.index(row.tier) if row.tier else -1 for row in (one, other)]
    return (
        asked(one) == asked(other)
        and covers(one.item, other.item)
        and one.domain in ("", other.domain)
        and ranks[0] <= ranks[1]
    )


def _domains(policy: Policy, model: RiskModel, found: Problems) -> None:
    """Domains of the risk model that the policy passes over."""
    spoken = {row.domain for row in policy.limit} | {row.domain for row in policy.requirement}
    tiered = {row.domain for row in policy.tier}
    for domain in model.domain:
        if domain.id not in spoken and "" not in spoken:
            found.lint(
                "silent",
                f"nothing is said of {domain.id!r}: where it is in scope, `halfdoor assess` refuses",
                "",
                f'add a [[limit]] or [[requirement]] with domain = "{domain.id}"',
            )
        elif domain.id not in tiered:
            found.lint(
                "no-tiers",
                f"{domain.id!r} has no tier: a model measured there stands at none, whatever it can do",
                "",
                f'add a [[tier]] with domain = "{domain.id}"',
            )
