"""An upper bound on access for graphs with too many derivations to list.

Whoever can afford a derivation can afford each of its rules; so the abilities reached through rules that are
affordable one by one are at least those that are really within limits.
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING

from halfdoor.core.risk.abilities import is_item, usable_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from halfdoor.core.risk.abilities import Holdings
    from halfdoor.core.risk.document import RiskModel

    # What a rule gives, the abilities and the item slots it needs, and the draws in which it is affordable.
    Step = tuple[str, list[str], list[tuple[str, ...]], int]


class RuleByRule:
    """Which draws reach an ability, rule by rule. Draws are bits of one integer."""

    def __init__(
        self, model: RiskModel, holdings: Holdings, ability: str, affordable: Callable[[int], int]
    ) -> None:
        """`affordable`: rule index -> the draws in which the actor can carry it out."""
        self._ability = ability
        self._graphs: list[list[Step]] = []
        for variant in holdings.variants:
            usable = usable_rules(model, holdings, variant)
            alike: dict[tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...]], int] = {}
            for index in _leading_to(ability, model, usable):
                rule = model.rule[index]
                needs = tuple(n for n in rule.needs if not is_item(n))
                key = (rule.gives, needs, tuple(usable[index]))
                alike[key] = alike.get(key, 0) | affordable(index)
            self._graphs.append(
                [(gives, list(needs), list(slots), here) for (gives, needs, slots), here in alike.items()]
            )
        self.items = tuple(
            sorted({i for rules in self._graphs for _, _, slots, _ in rules for slot in slots for i in slot})
        )
        self.operations = sum(1 + len(needs) + len(slots) for g in self._graphs for _, needs, slots, _ in g)

    def attained(self, reached: Mapping[str, int]) -> int:
        """The draws in which the ability is reached, given those in which each item is."""
        got = 0
        for rules in self._graphs:
            got |= _least_fixpoint(rules, reached).get(self._ability, 0)
        return got


def _leading_to(ability: str, model: RiskModel, usable: Mapping[int, object]) -> list[int]:
    """The usable rules that any way to the ability could use, in their order."""
    giving: dict[str, list[int]] = {}
    for index in usable:
        giving.setdefault(model.rule[index].gives, []).append(index)
    wanted, waiting = {ability}, [ability]
    while waiting:
        for index in giving.get(waiting.pop(), ()):
            new = {n for n in model.rule[index].needs if not is_item(n)} - wanted
            wanted |= new
            waiting.extend(new)
    return [index for index in usable if model.rule[index].gives in wanted]


def _least_fixpoint(rules: list[Step], reached: Mapping[str, int]) -> dict[str, int]:
    users: dict[str, list[int]] = {}
    waiting = list(range(len(rules)))
    for index, (_, needs, _, _) in enumerate(rules):
        for need in needs:
            users.setdefault(need, []).append(index)
    abilities: dict[str, int] = {}
    while waiting:
        gives, needs, slots, here = rules[waiting.pop()]
        for slot in slots:
            here &= functools.reduce(operator.or_, (reached[item] for item in slot))
        for need in needs:
            here &= abilities.get(need, 0)
        if here & ~abilities.get(gives, 0):
            abilities[gives] = abilities.get(gives, 0) | here
            waiting.extend(users.get(gives, ()))
    return abilities
