"""The rows that hold for this model: limits and requirements at the tiers its evidence allows."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.groups import Groups
from halfdoor.core.policy.document import Limit
from halfdoor.core.policy.frequency import FrequencyInForce
from halfdoor.core.policy.frontier.search import Row
from halfdoor.core.policy.requirements import RequirementFinding
from halfdoor.core.policy.tiers import tier_rank
from halfdoor.core.risk.access import AccessModel, Gate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from halfdoor.core.policy.document import Policy
    from halfdoor.core.policy.harm.exposures import Exposures

_SIMULATION_OPERATIONS = 5_000  # what one simulation costs beside an operation on bits


class TierInScope(msgspec.Struct, frozen=True):
    """What of a domain's standing decides which rows hold."""

    tier: str
    in_scope: bool


class LimitInForce(msgspec.Struct, frozen=True):
    """A limit row with its gate; `applies` where the domain is in scope at the row's tier or above."""

    row: Limit
    id: str
    applies: bool
    gate: Gate
    tolerated: int  # so many draws may have X above the limit: (1 - confidence) of them

    def share(self, config: Configuration, *, theft: bool = True) -> float:
        """P(X > x) at a configuration."""
        return self.gate.violations(config.groups_with, theft=theft) / self.gate.draws

    def kept(self, config: Configuration, *, theft: bool = True) -> bool:
        """Whether the configuration keeps the row."""
        return self.gate.violations(config.groups_with, theft=theft) <= self.tolerated


class Constraints(msgspec.Struct, frozen=True):
    """All rows that hold.

    limits:   rows that some configuration keeps
    hopeless: limits that fail already with nothing shared, through theft or because the model is public
    unmet:    (item, group, finding): evidence is lacking for the item to go to that group or wider
    insecure: the same where it is the developer's security level that is lacking
    frequencies: rows on how often events may be added; nothing shared keeps them all

    "Setting security aside" asks how far the model could go if nothing were stolen and its security were
    what the policy asks: hopeless limits then hold without theft, unless they fail even so.
    """

    groups: Groups
    limits: tuple[LimitInForce, ...]
    hopeless: tuple[LimitInForce, ...]
    unmet: tuple[tuple[str, str, RequirementFinding], ...]
    insecure: tuple[tuple[str, str, RequirementFinding], ...]
    frequencies: tuple[FrequencyInForce, ...] = ()

    def permitted(self, config: Configuration) -> bool:
        """Whether every row is kept."""
        if self.hopeless or _shares_any(config, self.insecure):
            return False
        return self.permitted_setting_security_aside(config)

    def permitted_setting_security_aside(self, config: Configuration) -> bool:
        """Whether every row is kept that withholding can keep."""
        if _shares_any(config, self.unmet) or self.broken(config):
            return False
        return all(row.kept(config) for row in self.frequencies)

    def permitted_as_proposed(self, config: Configuration) -> bool:
        """As `permitted`, with frequency rows held against net harm where the policy says why.

        Net harm is not monotone, so this is asked of a proposal, never of a frontier.
        """
        if self.hopeless or _shares_any(config, self.insecure) or _shares_any(config, self.unmet):
            return False
        return not self.broken(config) and not self.too_often(config)

    def too_often(self, config: Configuration) -> list[FrequencyInForce]:
        """The frequency rows that a proposal breaks."""
        return [row for row in self.frequencies if not row.kept_as_proposed(config)]

    def parts(self, *, strict: bool) -> list[Row]:
        """The rows one by one, together `permitted`; without `strict`, the same setting security aside."""
        limits = [
            Row(frozenset(limit.gate.items), functools.partial(self.keeps, limit), limit.gate.operations)
            for limit in (*self.limits, *self.mendable)
        ]
        shut = (*self.unmet, *(self.insecure if strict else ()))
        evidence = [
            Row(frozenset({item}), functools.partial(_withheld, item, group))
            for item, group in sorted({(item, group) for item, group, _ in shut})
        ]
        hopeless = [Row(frozenset(), lambda _: False)] if strict and self.hopeless else []
        often = [Row(frozenset(row.items), row.kept, _SIMULATION_OPERATIONS) for row in self.frequencies]
        return [*hopeless, *evidence, *limits, *often]

    def broken(self, config: Configuration) -> list[LimitInForce]:
        """The limits that a configuration breaks, setting security aside."""
        return [limit for limit in (*self.limits, *self.mendable) if not self.keeps(limit, config)]

    def keeps(self, limit: LimitInForce, config: Configuration) -> bool:
        """Whether a configuration keeps one limit, setting security aside."""
        return limit.kept(config, theft=all(limit is not other for other in self.hopeless))

    @property
    def mendable(self) -> tuple[LimitInForce, ...]:
        """Hopeless limits that hold without theft: better security would mend them."""
        nothing = Configuration({}, self.groups)
        return tuple(limit for limit in self.hopeless if limit.kept(nothing, theft=False))

    @property
    def needs_security(self) -> bool:
        """Whether better security, or a world in which it were not public, would change the answer."""
        return bool(self.hopeless or self.insecure)

    @property
    def concerned(self) -> frozenset[str]:
        """The items that any row turns on; all others are free."""
        rows = (*self.unmet, *self.insecure)
        limits = (*self.limits, *self.mendable)
        often = frozenset(item for row in self.frequencies for item in row.items)
        return often.union((item for item, _, _ in rows), *(row.gate.items for row in limits))


def _withheld(item: str, group: str, config: Configuration) -> bool:
    return group not in config.groups_with(item)


def _shares_any(config: Configuration, rows: Iterable[tuple[str, str, RequirementFinding]]) -> bool:
    return any(group in config.groups_with(item) for item, group, _ in rows)


class Gates:
    """Gates by (actor, ability, x), made once and shared by all questions about one model."""

    def __init__(self, access: AccessModel, exposures: Exposures | None = None) -> None:
        """`access` holds the draws, derivations and reach; `exposures` what frequency rows are asked of."""
        self.access = access
        self.exposures = exposures
        self._made: dict[tuple[str, str, float], Gate] = {}

    def on(self, access: AccessModel) -> Gates:
        """The same questions of another access model: other security, other measured costs."""
        return Gates(access, self.exposures.on(access) if self.exposures is not None else None)

    def gate(self, row: Limit) -> Gate:
        """The gate for a limit row."""
        key = (row.actor, row.ability, float(row.access_probability))
        if key not in self._made:
            self._made[key] = Gate(self.access, *key)
        return self._made[key]

    def limits(self, policy: Policy, standings: Mapping[str, TierInScope]) -> tuple[LimitInForce, ...]:
        """Every limit row of the policy, applying or not, in the policy's order."""
        draws = self.access.draws.count
        rows = []
        for number, row in enumerate(policy.limit, 1):
            standing = standings.get(row.domain)
            applies = (
                standing is not None and standing.in_scope and tier_rank(standing.tier) >= tier_rank(row.tier)
            )
            tolerated = math.floor(draws * (1 - row.confidence))
            rows.append(LimitInForce(row, row.id or f"limit {number}", applies, self.gate(row), tolerated))
        return tuple(rows)


def constraints(
    policy: Policy,
    standings: Mapping[str, TierInScope],
    findings: Iterable[RequirementFinding],
    gates: Gates,
) -> Constraints:
    """The rows that hold at these tiers. Raises ValueError where frequency rows have no exposures to ask."""
    if policy.frequency and gates.exposures is None:
        raise ValueError("a policy with frequency rows needs exposures")  # never to be passed over in silence
    groups = gates.access.around.groups
    nothing = Configuration({}, groups)
    holding = [limit for limit in gates.limits(policy, standings) if limit.applies]
    lacking = [
        (item, finding.row.group, finding)
        for finding in findings
        if finding.outcome in ("fail", "missing") and requirement_applies(finding, standings)
        for item in finding.items
        if not gates.access.holdings.is_free(item)
    ]
    return Constraints(
        groups=groups,
        limits=tuple(limit for limit in holding if limit.kept(nothing)),
        hopeless=tuple(limit for limit in holding if not limit.kept(nothing)),
        unmet=tuple(row for row in lacking if row[2].row.kind != "security"),
        insecure=tuple(row for row in lacking if row[2].row.kind == "security"),
        frequencies=gates.exposures.frequencies(standings) if gates.exposures is not None else (),
    )


def requirement_applies(finding: RequirementFinding, standings: Mapping[str, TierInScope]) -> bool:
    """A row may be about a domain, a tier or both; it holds where some domain in scope is meant."""
    row = finding.row
    return any(
        standing.in_scope
        and row.domain in ("", domain)
        and (not row.tier or tier_rank(standing.tier) >= tier_rank(row.tier))
        for domain, standing in standings.items()
    )
