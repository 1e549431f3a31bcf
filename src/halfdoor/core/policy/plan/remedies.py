"""What would have to be shown before a configuration that is not permitted would be.

A remedy is found by undoing what stands in the way: requirements that pass, a domain measured to stand
lower, a security level, a defence measured to cost more to undo. Nothing is named that could be left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.model.configuration import Configuration
from halfdoor.core.policy.plan.remedy import Remedy, shown_capability, told
from halfdoor.core.policy.requirements import judge
from halfdoor.core.policy.tiers import tier_at, tier_rank
from halfdoor.core.risk.access import AccessModel, Gate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halfdoor.core.policy.constraints import Constraints, LimitInForce
    from halfdoor.core.policy.outlook.situation import Situation

LEVELS = ("SL1", "SL2", "SL3", "SL4", "SL5")  # RAND RRA2849-1
_DECADES = 9  # a defence that 10^9 units do not make dear enough is no remedy


class Remedies:
    """Remedies for one situation; what is computed anew under another security level is kept."""

    def __init__(self, situation: Situation) -> None:
        """`situation` as it stands."""
        self._now = situation
        self._against_theft: str | None = None  # the least level that is enough; "": none is
        self._made: dict[tuple[str | None, tuple[tuple[str, float], ...]], Situation] = {}

    def of(self, config: Configuration) -> Remedy:
        """What would make `config` permitted; empty where it is."""
        rows = self._now.rows()
        if rows.permitted(config):
            return Remedy()
        shared = (f.id for item, group, f in rows.unmet if group in config.groups_with(item))
        found = Remedy(shown=tuple(dict.fromkeys(shared)), security=self._security(rows, config))
        broken = _broken(self.under(found), config)
        found = self._seldom(self._lowered(found, broken), config)
        if found.out_of_reach and "" not in found.out_of_reach:
            hard = [limit for limit in broken if limit.row.domain in found.out_of_reach]
            costs = self._costs(hard, found.security, config)
            if costs:
                kept = tuple(pair for pair in found.tiers if pair[0] not in found.out_of_reach)
                trial = msgspec.structs.replace(found, costs=costs, tiers=kept, out_of_reach=())
                found = trial if self.under(trial).permitted(config) else found
        return self._least(found, config)

    def under(self, remedy: Remedy) -> Constraints:
        """The rows that would hold."""
        situation = self._at(remedy.security, remedy.costs)
        findings = [
            msgspec.structs.replace(f, outcome="pass") if f.id in remedy.shown else f
            for f in situation.findings
        ]
        standings = situation.tiers()
        for domain, tier in remedy.tiers:
            standings[domain] = situation.with_tier(domain, tier)[domain]
        return situation.rows(standings, findings)

    def sentences(self, remedy: Remedy) -> list[str]:
        """The remedy in words, one sentence for each thing."""
        return told(self._now, remedy)

    def _at(self, security: str | None, costs: tuple[tuple[str, float], ...]) -> Situation:
        """The situation at another security level, or with defences measured to cost more to undo."""
        if (security, costs) == (None, ()):
            return self._now
        if (security, costs) not in self._made:
            now = self._now
            access = self._access(security, costs)
            table = msgspec.structs.replace(now.dossier.model, security=access.around.security)
            dossier = msgspec.structs.replace(now.dossier, model=table)
            judged = judge(now.grounds, dossier, access.holdings.items)
            secure = {f.id: f for f in judged if f.row.kind == "security"}
            self._made[security, costs] = msgspec.structs.replace(
                now,
                dossier=dossier,
                gates=now.gates.on(access),
                findings=[secure.get(f.id, f) for f in now.findings],
            )
        return self._made[security, costs]

    def _access(self, security: str | None, costs: Iterable[tuple[str, float]]) -> AccessModel:
        access = self._now.gates.access
        around = msgspec.structs.replace(
            access.around,
            security=security or access.around.security,
            measured={**access.around.measured, **dict(costs)},
        )
        return AccessModel(access.model, access.holdings, access.draws, around)

    def _security(self, rows: Constraints, config: Configuration) -> str | None:
        """The least level that the rows ask for and that keeps theft within the limits; None: not needed."""
        asked = [f.row.evidence for item, group, f in rows.insecure if group in config.groups_with(item)]
        least, stolen = max(asked, default=None), rows.mendable
        if not stolen:
            return least
        if self._against_theft is None:
            nothing = Configuration({}, rows.groups)
            above = self._now.dossier.model.security or ""
            enough = (x for x in LEVELS if x > above and _kept(self._access(x, ()), stolen, nothing))
            self._against_theft = next(enough, "")
        return max(least or "", self._against_theft) or None

    def _lowered(self, found: Remedy, broken: Sequence[LimitInForce]) -> Remedy:
        """Each domain with a broken limit, below the least tier at which one of them holds."""
        tiers: dict[str, str] = {}
        for limit in broken:
            domain, rank = limit.row.domain, tier_rank(limit.row.tier)
            named = ("none", *(t.name for t in self._now.policy.tier if t.domain == domain))
            below = max((name for name in named if tier_rank(name) < rank), key=tier_rank)
            tiers[domain] = min(tiers.get(domain, below), below, key=tier_rank)
        out = tuple(
            domain
            for domain, tier in tiers.items()
            if tier_rank(tier_at(domain, shown_capability(self._now, domain), self._now.policy))
            > tier_rank(tier)
        )
        return msgspec.structs.replace(found, tiers=tuple(tiers.items()), out_of_reach=out)

    def _seldom(self, found: Remedy, config: Configuration) -> Remedy:
        """Where frequency rows are broken too: domains lower, the highest first, until they are kept."""
        policy = self._now.policy
        frequencies = self.under(found).frequencies
        adding = {e.threat.domain for row in frequencies if not row.kept(config) for e in row.threats}
        open_ = {d for d, standing in self._now.standings.items() if standing.in_scope and d in adding}
        while any(not row.kept(config) for row in self.under(found).frequencies):
            at = {d: dict(found.tiers).get(d, self._now.standings[d].tier) for d in sorted(open_)}
            domain = max(at, key=lambda d: tier_rank(at[d]), default="")
            if not domain or at[domain] == "none":
                return msgspec.structs.replace(found, out_of_reach=(*found.out_of_reach, ""))
            named = ("none", *(t.name for t in policy.tier if t.domain == domain))
            lower = max((n for n in named if tier_rank(n) < tier_rank(at[domain])), key=tier_rank)
            out = tier_rank(tier_at(domain, shown_capability(self._now, domain), policy)) > tier_rank(lower)
            found = msgspec.structs.replace(
                found,
                tiers=(*(pair for pair in found.tiers if pair[0] != domain), (domain, lower)),
                out_of_reach=tuple(dict.fromkeys((*found.out_of_reach, *((domain,) if out else ())))),
            )
        return found

    def _costs(
        self, hard: Sequence[LimitInForce], security: str | None, config: Configuration
    ) -> tuple[tuple[str, float], ...]:
        """Lower bounds (powers of ten) of what rules are measured by that keep these limits; else ()."""
        rules = self._now.model.rule
        stated = self._now.gates.access.around.measured
        costs = {
            rule.measured_by: 10.0**_DECADES
            for rule in rules
            if rule.measured_by and rule.usd_per_unit is not None
        }

        def enough(tried: dict[str, float]) -> bool:
            return _kept(self._access(security, tried.items()), hard, config)

        if not costs or not enough(costs):
            return ()
        for claim in sorted(costs):
            without = {c: bound for c, bound in costs.items() if c != claim}
            if enough(without):
                costs = without
                continue
            least, most = 0, _DECADES  # 10^least is not enough, 10^most is
            while most - least > 1:
                middle = (least + most) // 2
                within = 10.0**middle > stated.get(claim, 0.0) and enough({**costs, claim: 10.0**middle})
                least, most = (least, middle) if within else (middle, most)
            costs[claim] = 10.0**most
        return tuple(sorted(costs.items()))

    def _least(self, found: Remedy, config: Configuration) -> Remedy:
        """Leave out what is not needed beside the rest."""
        trial = msgspec.structs.replace(found, security=None)
        if found.security and self.under(trial).permitted(config):
            found = trial
        for id_ in found.shown:
            trial = msgspec.structs.replace(found, shown=tuple(i for i in found.shown if i != id_))
            if self.under(trial).permitted(config):
                found = trial
        for pair in found.tiers:
            trial = msgspec.structs.replace(found, tiers=tuple(p for p in found.tiers if p != pair))
            if pair[0] not in found.out_of_reach and self.under(trial).permitted(config):
                found = trial
        return found


def _broken(rows: Constraints, config: Configuration) -> list[LimitInForce]:
    """Every limit that the configuration breaks, theft counted."""
    return [limit for limit in (*rows.limits, *rows.hopeless) if not limit.kept(config)]


def _kept(access: AccessModel, limits: Sequence[LimitInForce], config: Configuration) -> bool:
    """Whether a configuration would keep these limits with other costs or other security."""
    for limit in limits:
        gate = Gate(access, limit.row.actor, limit.row.ability, float(limit.row.access_probability))
        if gate.violations(config.groups_with) > limit.tolerated:
            return False
    return True
