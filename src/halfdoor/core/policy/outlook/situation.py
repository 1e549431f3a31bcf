"""The answer as it stands, and what to measure next to change it.

The same question is asked with one domain's tier, or one requirement's finding, exchanged for another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.assessment import NextMeasurement
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.dossier import Dossier
from halfdoor.core.policy.constraints import Constraints, Gates, TierInScope, constraints
from halfdoor.core.policy.document import Policy
from halfdoor.core.policy.frontier.borders import Frontier, frontier
from halfdoor.core.policy.ledger import Benefits
from halfdoor.core.policy.outlook.odds import measuring, reaching
from halfdoor.core.policy.requirements import RequirementFinding
from halfdoor.core.policy.scope import DomainStanding
from halfdoor.core.policy.tiers import Grounds
from halfdoor.core.risk.document import RiskModel

if TYPE_CHECKING:
    from halfdoor.core.risk.document import ClaimKind, Domain

Direction = Literal["widens", "narrows", "same"]


class Situation(msgspec.Struct, frozen=True):
    """The answer as it stands, and what is needed to ask it again."""

    policy: Policy
    model: RiskModel
    dossier: Dossier
    grounds: Grounds
    gates: Gates
    standings: Mapping[str, DomainStanding]
    findings: list[RequirementFinding]
    proposed: Configuration
    items: tuple[str, ...]  # the items that a frontier is over

    def rows(
        self,
        standings: Mapping[str, TierInScope] | None = None,
        findings: list[RequirementFinding] | None = None,
    ) -> Constraints:
        """The rows that hold under these standings and findings instead."""
        return constraints(self.policy, standings or self.tiers(), findings or self.findings, self.gates)

    def tiers(self) -> dict[str, TierInScope]:
        """Tier and scope of every domain as they stand."""
        return {d: TierInScope(s.tier, s.in_scope) for d, s in self.standings.items()}

    def with_tier(self, domain: str, tier: str) -> dict[str, TierInScope]:
        """The same with one domain measured to stand at `tier`."""
        out = tier == "below-reference" or (tier == "none" and not self.standings[domain].in_scope)
        return {**self.tiers(), domain: TierInScope(tier, in_scope=not out)}

    def border(self, rows: Constraints, *, strict: bool = False) -> Frontier:
        """The frontier: `strict` over all rows, else setting security aside."""
        groups = self.gates.access.around.groups
        benefits = Benefits(self.model, self.policy, groups)

        def gain(item: str, having: frozenset[str]) -> float:
            return sum(benefits.weights[o] * kept for o, kept in benefits.kept(item, having).items())

        return frontier(
            rows.concerned & set(self.items),
            groups,
            rows.parts(strict=strict),
            ranks={group.id: group.rank for group in self.policy.group if group.rank is not None},
            proposed=self.proposed,
            gain=gain,
        )


def direction(now: Constraints, then: Constraints, now_border: Frontier, then_border: Frontier) -> Direction:
    """Whether what is permitted grows or shrinks. Rows that nothing can keep weigh before all others."""
    failing_now, failing_then = (len(rows.hopeless) + len(rows.insecure) for rows in (now, then))
    if failing_now != failing_then:
        return "widens" if failing_then < failing_now else "narrows"
    more = any(then.permitted_setting_security_aside(c) for c in now_border.blocking)
    less = any(now.permitted_setting_security_aside(c) for c in then_border.blocking)
    return "widens" if more and not less else "narrows" if less and not more else "same"


def next_measurements(situation: Situation) -> list[NextMeasurement]:
    """What measuring could change, most telling first. Simulated from the stated priors."""
    rows = situation.rows()
    border = situation.border(rows)
    kinds = {kind.id: kind for kind in situation.model.claim}
    found = []
    for domain in situation.model.domain:
        standing = situation.standings[domain.id]
        if standing.kind in ("unable", "below-reference"):
            continue
        claim = first_open(domain, standing, kinds)
        if claim is None:
            continue
        odds = measuring(situation, domain, kinds.get(claim), claim)
        if odds is None:
            continue
        shares = {"widens": 0.0, "narrows": 0.0, "same": 0.0}
        for stands, share in odds.items():
            then = situation.rows({**situation.tiers(), domain.id: stands})
            shares[direction(rows, then, border, situation.border(then))] += share
        found.append(_measurement(claim, kinds.get(claim), shares, f"{domain.words or domain.id}", domain))
    found += _requirements_next(situation, rows, border, kinds)
    telling = [n for n in found if float(n.widens) + float(n.narrows) > 0]
    return sorted(telling, key=lambda n: (-float(n.widens), -float(n.narrows), n.claim))


def first_open(domain: Domain, standing: DomainStanding, kinds: Mapping[str, ClaimKind]) -> str | None:
    """The claim to measure: an unmeasured capability claim before an inability suite."""
    rest = [c for c in domain.claims if c not in standing.capability.claims]
    rest.sort(key=lambda c: (kinds[c].kind == "inability") if c in kinds else False)
    return rest[0] if rest else None


def _requirements_next(
    situation: Situation, rows: Constraints, border: Frontier, kinds: Mapping[str, ClaimKind]
) -> list[NextMeasurement]:
    """Missing evidence of requirement rows: the chance that it passes, and whether that widens anything."""
    found = []
    for claim in dict.fromkeys(
        f.row.evidence for _, _, f in rows.unmet if f.row.kind in ("evidence", "audit")
    ):
        kind = kinds.get(claim)
        passing = [
            msgspec.structs.replace(f, outcome="pass") if f.row.evidence == claim else f
            for f in situation.findings
        ]
        then = situation.rows(findings=passing)
        widens = direction(rows, then, border, situation.border(then)) == "widens"
        thresholds = [
            float(f.row.threshold) for f in situation.findings if f.row.evidence == claim and f.row.threshold
        ]
        chance = reaching(kind.prior if kind else None, max(thresholds, default=None))
        if widens and chance:
            shares = {"widens": chance, "narrows": 0.0, "same": 1 - chance}
            found.append(_measurement(claim, kind, shares, "the requirement row", kind))
    return found


def _measurement(
    claim: str,
    kind: ClaimKind | None,
    shares: Mapping[str, float],
    about: str,
    prior_of: Domain | ClaimKind | None,
) -> NextMeasurement:
    words = kind.words if kind and kind.words else claim
    judged = (prior_of.judgement or prior_of.source) if prior_of else ""
    return NextMeasurement(
        claim=claim,
        words=words,
        widens=f"{shares['widens']:.2f}",
        narrows=f"{shares['narrows']:.2f}",
        cost=kind.cost if kind else "",
        sentence=(
            f"Measure {words} ({about}): {shares['widens'] * 100:.0f} in 100 that it widens "
            f"what is permitted, {shares['narrows'] * 100:.0f} in 100 that it narrows it."
        ),
        prior=judged,
    )
