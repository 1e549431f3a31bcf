"""Upper bounds on access for graphs with too many derivations to list.

Whoever can afford a derivation can afford each of its rules; so the abilities reached through rules that are
affordable one by one are at least those that are really within limits. Of a graph too large even for that,
only which items lead to the ability is asked: no derivation does without at least one of them.
"""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Protocol

from halfdoor.core.risk.abilities import is_item, usable_rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from halfdoor.core.risk.abilities import Holdings
    from halfdoor.core.risk.document import RiskModel, Rule

    Graph = Mapping[int, Sequence[tuple[str, ...]]]  # rule index -> for each item it needs, those that serve
    # What a rule gives, the abilities and the item slots it needs, and the draws in which it is affordable.
    Step = tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...], int]

RULES_MAX = 2_000  # of a graph that is gone through rule by rule
_ROUNDS = 4  # so often a rule is looked at before nothing changes any more, about


class Bound(Protocol):
    """Which draws may reach an ability. Draws are bits of one integer."""

    items: tuple[str, ...]  # that it turns on
    operations: int  # integer operations of one answer, about

    def attained(self, reached: Mapping[str, int]) -> int:
        """The draws in which the ability may be reached, given those in which each item is."""
        ...


def upper_bound(
    model: RiskModel,
    holdings: Holdings,
    ability: str,
    affordable: Callable[[int], int],
    *,
    everything: int,
) -> Bound:
    """The closest bound that can be worked out.

    `affordable`: rule index -> the draws in which the actor can carry it out; `everything`: all draws.
    """
    graphs = []
    for variant in holdings.variants:
        usable = usable_rules(model, holdings, variant)
        graphs.append({index: usable[index] for index in _leading_to(ability, model, usable)})
    if sum(len(graph) for graph in graphs) <= RULES_MAX:
        return RuleByRule(model, graphs, ability, affordable)
    return AnyItem(model, graphs, ability, everything)


class RuleByRule:
    """Each rule affordable by itself is enough."""

    def __init__(
        self, model: RiskModel, graphs: Sequence[Graph], ability: str, affordable: Callable[[int], int]
    ) -> None:
        """A graph for each variant."""
        self._ability = ability
        self._graphs: list[list[Step]] = []
        for graph in graphs:
            alike: dict[tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...]], int] = {}
            for index, slots in graph.items():
                rule = model.rule[index]
                key = (rule.gives, _abilities(rule), tuple(slots))
                alike[key] = alike.get(key, 0) | affordable(index)
            self._graphs.append([(*key, here) for key, here in alike.items()])
        self.items = _items(graphs)
        rules = [step for steps in self._graphs for step in steps]
        self.operations = _ROUNDS * sum(1 + len(needs) + len(slots) for _, needs, slots, _ in rules)

    def attained(self, reached: Mapping[str, int]) -> int:
        """The draws in which the ability may be reached, given those in which each item is."""
        got = 0
        for rules in self._graphs:
            got |= _least_fixpoint(rules, reached).get(self._ability, 0)
        return got


class AnyItem:
    """Any one item is enough, where all together are."""

    def __init__(self, model: RiskModel, graphs: Sequence[Graph], ability: str, everything: int) -> None:
        """A graph for each variant."""
        self._nothing_needed = everything if _derivable(model, graphs, ability, with_items=False) else 0
        derivable = _derivable(model, graphs, ability, with_items=True)
        self.items = _items(graphs) if derivable else ()
        self.operations = 1 + len(self.items)

    def attained(self, reached: Mapping[str, int]) -> int:
        """The draws in which the ability may be reached, given those in which each item is."""
        return functools.reduce(operator.or_, (reached[item] for item in self.items), self._nothing_needed)


def _items(graphs: Sequence[Graph]) -> tuple[str, ...]:
    return tuple(sorted({i for graph in graphs for slots in graph.values() for slot in slots for i in slot}))


def _abilities(rule: Rule) -> tuple[str, ...]:
    return tuple(need for need in rule.needs if not is_item(need))


def _derivable(model: RiskModel, graphs: Sequence[Graph], ability: str, *, with_items: bool) -> bool:
    """Whether there is a derivation at all, with every item or with none."""
    for graph in graphs:
        rules: list[Step] = [
            (model.rule[index].gives, _abilities(model.rule[index]), (), 1)
            for index, slots in graph.items()
            if with_items or not slots
        ]
        if _least_fixpoint(rules, {}).get(ability):
            return True
    return False


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


def _least_fixpoint(rules: Sequence[Step], reached: Mapping[str, int]) -> dict[str, int]:
    users: dict[str, list[int]] = {}
    for index, (_, needs, _, _) in enumerate(rules):
        for need in needs:
            users.setdefault(need, []).append(index)
    waiting = dict.fromkeys(range(len(rules)))  # first in, first out, nobody twice
    abilities: dict[str, int] = {}
    while waiting:
        index = next(iter(waiting))
        del waiting[index]
        gives, needs, slots, here = rules[index]
        for slot in slots:
            here &= functools.reduce(operator.or_, (reached[item] for item in slot))
        for need in needs:
            here &= abilities.get(need, 0)
        if here & ~abilities.get(gives, 0):
            abilities[gives] = abilities.get(gives, 0) | here
            waiting.update(dict.fromkeys(users.get(gives, ())))
    return abilities
