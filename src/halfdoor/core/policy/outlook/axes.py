"""What could be learnt before deciding, and the configurations that would then be worth a thought."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.model.configuration import Configuration
from halfdoor.core.policy.constraints import TierInScope
from halfdoor.core.policy.outlook.odds import customary_trials, knowing, measuring, reaching
from halfdoor.core.policy.outlook.situation import first_open
from halfdoor.core.risk.uncertainty.distributions import fit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halfdoor.core.policy.constraints import Constraints
    from halfdoor.core.policy.ledger import Benefits
    from halfdoor.core.policy.outlook.situation import Situation

Outcome = TierInScope | bool  # where the domain stands, or whether the requirements are met
WIDEST_MAX = 6  # of the widest configurations handed in, so many are options
AFTER_MAX = 3  # and so many after each outcome
_CERTAIN = ("unable", "below-reference")  # kinds of standing that measuring would only repeat


class Axis(msgspec.Struct, frozen=True):
    """Something that can be learnt about a domain, or ("") for a requirement: outcomes with odds."""

    what: str
    words: str
    outcomes: tuple[tuple[float, Outcome], ...]
    domain: str = ""


def samples(situation: Situation) -> list[Axis]:
    """Each measurement that is missing: of a domain in scope, or asked for by a requirement in force."""
    kinds = {kind.id: kind for kind in situation.model.claim}
    found = []
    for domain in situation.model.domain:
        standing = situation.standings[domain.id]
        claim = first_open(domain, standing, kinds)
        if standing.kind in _CERTAIN or claim is None:
            continue
        kind = kinds.get(claim)
        odds = measuring(situation, domain, kind, claim)
        if odds is None:
            continue
        words = kind.words if kind and kind.words else claim
        counted = kind is not None and kind.prior is not None and not kind.unit
        trials = f" ({customary_trials(situation, claim)} trials)" if counted else ""
        found.append(Axis(claim, f"{words}{trials}", _odds(odds), domain.id))
    return found + _required(situation)


def _required(situation: Situation) -> list[Axis]:
    """Evidence that requirement rows in force lack."""
    kinds = {kind.id: kind for kind in situation.model.claim}
    wanted: dict[str, list[float]] = {}
    for _, _, finding in situation.rows().unmet:
        row = finding.row
        if row.kind in ("evidence", "audit") and row.comparator in (">=", ">"):
            wanted.setdefault(row.evidence, []).append(float(row.threshold or 0))
    found = []
    for claim, thresholds in wanted.items():
        kind = kinds.get(claim)
        chance = reaching(kind.prior if kind else None, max(thresholds))
        if kind is not None and chance > 0:
            found.append(Axis(claim, kind.words or claim, ((chance, True), (1 - chance, False))))
    return found


def capabilities(situation: Situation) -> list[Axis]:
    """The capability in each domain in scope, known exactly."""
    found = []
    for domain in situation.model.domain:
        if situation.standings[domain.id].in_scope:
            odds = knowing(situation, domain)
            if odds is not None:
                words = f"the capability in {domain.words or domain.id}"
                found.append(Axis(f"capability in {domain.id}", words, _odds(odds), domain.id))
    return found


def _odds(odds: dict[TierInScope, float]) -> tuple[tuple[float, Outcome], ...]:
    return tuple((p, stands) for stands, p in odds.items())


def options(
    situation: Situation, benefits: Benefits, widest: list[Configuration], axes: Iterable[Axis]
) -> list[Configuration]:
    """The proposal, everything, the widest configurations, and the best of those after each outcome."""
    access = situation.gates.access
    groups, items = access.around.groups, access.holdings.items
    everything = Configuration({item: ["anyone"] for item in items}, groups)

    def free(rows: Constraints) -> Configuration:
        return everything.only(i for i in items if i not in rows.concerned or access.holdings.is_free(i))

    given = free(situation.rows())
    found = [situation.proposed.join(given), everything, given, *widest[:WIDEST_MAX]]
    seen: set[object] = set()
    for axis in axes:
        for _, outcome in axis.outcomes:
            rows = _under(situation, axis, outcome)
            key = tuple(limit.id for limit in rows.limits), tuple(row[:2] for row in rows.unmet)
            if key not in seen:
                seen.add(key)
                reached = [wide.join(free(rows)) for wide in situation.border(rows).widest]
                reached.sort(key=lambda c: (-round(benefits.share(c, items), 9), tuple(c.cells())))
                found += reached[:AFTER_MAX]
    return list(dict.fromkeys(found))


def _under(situation: Situation, axis: Axis, outcome: Outcome) -> Constraints:
    if isinstance(outcome, TierInScope):
        return situation.rows({**situation.tiers(), axis.domain: outcome})
    passing = [
        msgspec.structs.replace(f, outcome="pass") if outcome and f.row.evidence == axis.what else f
        for f in situation.findings
    ]
    return situation.rows(findings=passing)


def decay(situation: Situation, days: float) -> float:
    """What is left of a benefit that comes so many days late: comparable models are public meanwhile."""
    exposure = situation.model.exposure
    if exposure is None or exposure.public_lag_days is None:
        return 1.0
    lag = fit(exposure.public_lag_days, "positive").mean()
    return math.exp(-days / lag) if lag > 0 else 0.0
