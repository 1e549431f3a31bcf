"""One remedy, and how it is told: what would have to be shown before a step is permitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.policy.tiers import tier_rank

if TYPE_CHECKING:
    from halfdoor.core.policy.outlook.situation import Situation


class Remedy(msgspec.Struct, frozen=True):
    """What is enough together.

    shown:        ids of the requirement rows that then pass
    tiers:        (domain, the highest tier at which it may then stand)
    costs:        (claim, least lower bound, in the claim's unit)
    out_of_reach: domains that already stand higher by what was measured, margins left out: no further
                  measurement of this model brings them to the tier named; "": frequency rows that are
                  broken even with every domain below every tier
    """

    shown: tuple[str, ...] = ()
    tiers: tuple[tuple[str, str], ...] = ()
    costs: tuple[tuple[str, float], ...] = ()
    security: str | None = None
    out_of_reach: tuple[str, ...] = ()


def shown_capability(situation: Situation, domain: str) -> float:
    """What evidence shows of a domain, margins left out: measuring more takes away no more than they add."""
    found = situation.standings[domain].capability
    return max(found.against, found.quantile or 0.0)


def told(situation: Situation, remedy: Remedy) -> list[str]:
    """The remedy in words, one sentence for each thing; where it is out of reach, only why."""
    if remedy.out_of_reach:
        tiers = dict(remedy.tiers)
        return [_unreachable(situation, domain, tiers.get(domain, "")) for domain in remedy.out_of_reach]
    findings = {f.id: f for f in situation.findings}
    kinds = {kind.id: kind for kind in situation.model.claim}
    said = [f"{_capital(findings[i].asked)}; now: {findings[i].found}." for i in remedy.shown]
    said += [_lower(situation, domain, tier) for domain, tier in remedy.tiers]
    for claim, bound in remedy.costs:
        kind = kinds.get(claim)
        words = kind.words if kind is not None and kind.words else claim
        unit = f" {kind.unit}" if kind is not None and kind.unit else ""
        said.append(f"{_capital(words)}: lower bound at least {bound:,.0f}{unit}.")
    if remedy.security:
        stated = situation.dossier.model.security or "none"
        said.append(f"Security level {remedy.security} or better; stated: {stated}.")
    return said


def _threshold(situation: Situation, domain: str, tier: str) -> str:
    """The capability that must not be reached, in words."""
    above = [
        row.capability
        for row in situation.policy.tier
        if row.domain == domain and tier_rank(row.name) > tier_rank(tier)
    ]
    return f"{min(above):.2f}" if above else "every tier"


def _lower(situation: Situation, domain: str, tier: str) -> str:
    below = _threshold(situation, domain, tier)
    found = situation.standings[domain].capability
    if found.total is None:
        why = found.why_open or "not measured"
        return f"Capability in {domain} measured, and below {below} with margins ({why})."
    margins = " and ".join(found.margins) or "nothing"
    return (
        f"Capability in {domain} below {below} with margins; it stands at {found.total:.2f}, which counts "
        f"{margins} on top of {shown_capability(situation, domain):.2f} because they were not measured."
    )


def _unreachable(situation: Situation, domain: str, tier: str) -> str:
    said = "Nothing that could still be shown about this model would permit it: "
    if not domain:
        return said + "events would be added more often than the policy's lines allow, whatever its tiers."
    return (
        f"{said}capability in {domain} is {shown_capability(situation, domain):.2f} by what was measured, "
        f"and it would have to be below {_threshold(situation, domain, tier)}. A less capable model could, "
        "or a public model as capable, measured with equal effort."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
