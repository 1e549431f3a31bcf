"""Why not: each reason a minimal blocking combination inside the proposal, as a sentence.

The reasons are found one after the other: what one names is withheld before the next is sought. So
withholding what all of them name makes the proposal permitted, and each is a cause, not an illustration.
"""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from halfdoor.core.assessment import Binding, Cost, Derivation, DerivationStep
from halfdoor.core.ids import parse_item
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.words import amount, group_words, item_words, listed, share_words, usd
from halfdoor.core.policy.frontier.borders import shrink
from halfdoor.core.policy.tiers import tier_rank
from halfdoor.core.risk.abilities import Way
from halfdoor.core.risk.access import AccessModel, Spend

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halfdoor.core.policy.constraints import Constraints, LimitInForce, TierInScope
    from halfdoor.core.policy.frequency import FrequencyInForce
    from halfdoor.core.policy.frontier.search import Permitted
    from halfdoor.core.policy.requirements import RequirementFinding
REASONS_MAX = 20


def reasons(
    proposed: Configuration,
    rows: Constraints,
    access: AccessModel,
    standings: Mapping[str, TierInScope],
) -> list[Binding]:
    """What keeps the proposal from being permitted.

    Limits come first, then what would happen too often. Rows that fail with nothing shared come last:
    withholding does not mend them.
    """
    teller = _Teller(rows, access, standings)
    found: list[Binding] = []
    current = proposed
    while len(found) < REASONS_MAX and (broken := rows.broken(current)):
        # The least of the actors first: what an amateur can do says most.
        limit = min(broken, key=lambda row: (access.means(row.row.actor), -tier_rank(row.row.tier), row.id))
        blocks, rest = _blocks(functools.partial(rows.keeps, limit), current)
        found.append(teller.exceeded(limit, blocks, current))
        current = rest
    while len(found) < REASONS_MAX and (often := rows.too_often(current)):
        row = often[0]
        blocks, rest = _blocks(row.kept_as_proposed, current)
        found.append(teller.too_often(row, blocks, current))
        current = rest
    for lacking, security in ((rows.unmet, False), (rows.insecure, True)):
        shared = [row for row in lacking if row[1] in (proposed if security else current).groups_with(row[0])]
        for _, alike in itertools.groupby(shared, key=lambda row: (row[2].id, row[1])):
            found.append(teller.unmet(list(alike)))
    return found + [teller.hopeless(limit) for limit in rows.hopeless]


def _blocks(kept: Permitted, current: Configuration) -> tuple[list[Configuration], Configuration]:
    """The minimal combination that breaks a row, and those of other variants that break it alike.

    Also what is left of the current configuration without any of them.
    """
    blocks: list[Configuration] = []
    while not kept(current):
        block = shrink(current, kept, order=_dropped_first)
        if blocks and _components(block) != _components(blocks[0]):
            break
        blocks.append(block)
        chief = _chief(block)  # withholding one of them is enough
        for group in block.as_dict()[chief]:
            current = current.withhold(chief, group)
    return blocks, current


def _chief(block: Configuration) -> str:
    """The item of a combination that matters most."""
    return max(block.as_dict(), key=_dropped_first)


def _components(config: Configuration) -> list[str]:
    return sorted(parse_item(item).component for item in config.as_dict())


def _dropped_first(item: str) -> tuple[int, bool, str]:
    """Keep the weights in a reason where they are part of one: they matter most and cannot be recalled.

    Of several variants, keep the model itself.
    """
    parsed = parse_item(item)
    rank = 2 if parsed.component == "final-parameters" else 0 if parsed.is_service else 1
    return rank, not parsed.variant, item


class _Route(msgspec.Struct, frozen=True):
    """The cheapest affordable way to what a limit forbids, and P(X > x)."""

    share: float
    way: Way | None
    spend: Spend | None


class _Teller:
    """Turns a minimal blocking combination into a reason."""

    def __init__(self, rows: Constraints, access: AccessModel, standings: Mapping[str, TierInScope]) -> None:
        self._rows = rows
        self._access = access
        self._standings = standings

    def exceeded(self, limit: LimitInForce, blocks: list[Configuration], current: Configuration) -> Binding:
        """A limit that `blocks[0]` breaks, told as the current configuration offers it."""
        block = blocks[0]
        items = sorted(block.as_dict(), key=_dropped_first, reverse=True)
        offered = current.only(items)
        route = self._route(limit, offered, limit.share(offered))
        holding = listed(_offered(i, offered.as_dict()[i], block.as_dict()[i]) for i in items)
        sentence = f"With {holding}, {self._told(limit, route)}"
        alike = [item_words(_chief(other)) for other in blocks[1:]]
        sentence += f" The same holds for {listed(alike)}." if alike else ""
        others = sorted({other.row.domain for other in self._rows.broken(offered)} - {limit.row.domain})
        sentence += f" It breaks rows in {listed(others)} too." if others else ""
        return self._binding(limit, "limit", blocks, route, sentence)

    def too_often(
        self, row: FrequencyInForce, blocks: list[Configuration], current: Configuration
    ) -> Binding:
        """A frequency row that `blocks[0]` breaks, told as the current configuration offers it."""
        block = blocks[0]
        items = sorted(block.as_dict(), key=_dropped_first, reverse=True)
        offered = current.only(items)
        holding = listed(_offered(i, offered.as_dict()[i], block.as_dict()[i]) for i in items)
        share, allowed = row.share(offered), float(1 - row.row.confidence)
        threat = row.chief(offered).threat
        severe = f"at least {amount(row.band.at_least, row.band.unit)} ({row.band.id})"
        sentence = (
            f"With {holding}, this model adds more than {float(row.row.per_year):g} events a year of "
            f"{severe} in {share_words(share)} cases, chiefly where {_with_id(threat.words, threat.id)}; "
            f"the policy tolerates that in at most {share_words(allowed)} cases."
        )
        alike = [item_words(_chief(other)) for other in blocks[1:]]
        sentence += f" The same holds for {listed(alike)}." if alike else ""
        return Binding(
            row=row.id,
            kind="frequency",
            clause=row.row.clause,
            domain=threat.domain,
            tier=self._standings[threat.domain].tier if threat.domain in self._standings else "",
            items=block.as_dict(),
            probability=f"{share:.4f}",
            allowed=f"{1 - row.row.confidence:f}",
            sentence=sentence,
            alternatives=[other.as_dict() for other in blocks[1:]],
        )

    def hopeless(self, limit: LimitInForce) -> Binding:
        """A row that fails with nothing shared: through theft, or because the model is public already."""
        nothing = Configuration({}, self._rows.groups)
        if limit.kept(nothing, theft=False):
            level = self._access.around.security or "no stated security level"
            cause, remedy = f"by theft at {level}", "The answer is security, not withholding."
        else:
            cause, remedy = "from what is public already", "Withholding cannot undo this."
        route = self._route(limit, nothing, limit.share(nothing))
        sentence = f"With nothing shared, {cause}, {self._told(limit, route)} {remedy}"
        return self._binding(limit, "security", [nothing], route, sentence)

    def unmet(self, alike: list[tuple[str, str, RequirementFinding]]) -> Binding:
        """A requirement that is not met for these items to go to a group or wider."""
        _, group, finding = alike[0]
        items = sorted((item for item, _, _ in alike), key=_dropped_first, reverse=True)
        row = finding.row
        domain = row.domain or next((d for d, s in self._standings.items() if s.in_scope), "")
        wider = "" if group == "anyone" else " or wider"
        return Binding(
            row=finding.id,
            kind="security" if row.kind == "security" else "requirement",
            clause=row.clause,
            domain=domain,
            tier=self._standings[domain].tier if domain in self._standings else row.tier,
            items={items[0]: [group]},
            sentence=(
                f"{_capital(listed(map(item_words, items)))} to {group_words(group)}{wider}: "
                f"the policy asks for {finding.asked}; found: {finding.found}."
            ),
            alternatives=[{item: [group]} for item in items[1:]],
        )

    def _binding(
        self,
        limit: LimitInForce,
        kind: Literal["limit", "security"],
        blocks: list[Configuration],
        route: _Route,
        sentence: str,
    ) -> Binding:
        row = limit.row
        return Binding(
            row=limit.id,
            kind=kind,
            clause=row.clause,
            domain=row.domain,
            tier=self._standings[row.domain].tier,
            items=blocks[0].as_dict(),
            alternatives=[block.as_dict() for block in blocks[1:]],
            actor=row.actor,
            ability=row.ability,
            probability=f"{route.share:.4f}",
            allowed=f"{1 - row.confidence:f}",
            cost=cost_of(route.spend) if route.spend else None,
            derivation=derivation_of(route.way, row.ability, self._access) if route.way else None,
            sentence=sentence,
        )

    def _route(self, limit: LimitInForce, held: Configuration, share: float) -> _Route:
        """The way with the most of its items shared, then the lowest median cost; files can be stolen."""
        found = self._access.ways(limit.row.ability)
        best: tuple[int, float, Way, Spend] | None = None
        for way in found.ways:
            lacking = [item for item in way.items if not held.groups_with(item)]
            only_stolen = bool(held.as_dict()) and len(lacking) == len(way.items)
            if only_stolen or any(parse_item(item).is_service for item in lacking):
                continue
            spend = self._access.spend(way, complete=found.complete)
            if not self._access.affords(limit.row.actor, spend).any():
                continue
            rank = len(lacking), float(np.median(spend.usd))
            if best is None or rank < best[:2]:
                best = *rank, way, spend
        return _Route(share, best[2], best[3]) if best else _Route(share, None, None)

    def _told(self, limit: LimitInForce, route: _Route) -> str:
        """Who gets what for how much, how surely, and what the policy tolerates."""
        row = limit.row
        model = self._access.model
        actor = _with_id(next((a.words for a in model.actor if a.id == row.actor), ""), row.actor)
        words = next((a.words for a in model.ability if a.id == row.ability), "")
        can = f"can {words} ({row.ability})" if words else f"gets {row.ability}"
        tier = self._standings[row.domain].tier
        return (
            f"{actor} {can} {_for_money(route.spend)} in {share_words(route.share)} cases. "
            f"At tier {tier} in {row.domain} the policy tolerates access above "
            f"{float(row.access_probability) * 100:g} % in at most "
            f"{share_words(float(1 - row.confidence))} cases."
        )


def _with_id(words: str, id_: str) -> str:
    return f"{words} ({id_})" if words and words != id_ else id_


def _offered(item: str, proposed: list[str], enough: list[str]) -> str:
    """Where a narrower group than the proposed one would break the row too, say from which on."""
    words = f"{item_words(item)} to {listed(map(group_words, proposed))}"
    return words if proposed == enough else f"{words} (from {listed(map(group_words, enough))} on)"


def cost_of(spend: Spend) -> Cost:
    """Percentiles over the draws, to three significant digits (last digits differ between machines)."""
    p5, p50, p95 = np.percentile(spend.usd, (5, 50, 95))
    return Cost(_three(p5), _three(p50), _three(p95), _three(float(np.median(spend.days))), spend.skill)


def derivation_of(way: Way, ability: str, access: AccessModel) -> Derivation:
    """The rules of a way, in the order in which they are carried out."""
    steps = []
    for index in way.rules:
        rule = access.model.rule[index]
        usd_p50 = float(np.median(access.spend(Way((), (index,), way.variant)).usd))
        steps.append(
            DerivationStep(rule.gives, list(rule.needs), _three(usd_p50), rule.source, rule.judgement)
        )
    return Derivation(ability=ability, rules=steps, items=list(way.items))


def _for_money(spend: Spend | None) -> str:
    if spend is None:
        return "within its means"
    p5, p50, p95 = np.percentile(spend.usd, (5, 50, 95))
    if usd(p5) == usd(p95):
        return f"for {usd(p50)}"
    return f"for {usd(p50)} (90 %: {usd(p5)} to {usd(p95)})"


def _three(value: float) -> float:
    return float(f"{value:.3g}")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
