"""The derivation graph: which items and abilities give which ability, and every minimal way there.

Nodes are items and abilities; a rule is an AND of needs, several rules for one ability an OR. A
derivation is an inclusion-minimal set of rules: it uses each ability once, so cycles are harmless, and
each rule in it is paid once. Each variant of the model has the graph to itself; a bare component in
`needs` stands for any profile of that component in the variant.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.ids import COMPONENTS, SERVICES, Item, parse_item

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from halfdoor.core.risk.document import RiskModel

# Where a search meets one of these caps, access is bounded from above instead (see access.py).
DERIVATIONS_MAX = 10_000  # for one ability
STEPS_MAX = 2_000_000  # of the search for one ability: about two seconds
STEPS_TOTAL_MAX = 6_000_000  # of all searches in one risk model
SHOWN_MAX = 200  # of an incomplete search: examples for the combination table, no more

# What each variant has of its own; the rest (code, data, papers) a variant shares unless it lists its own.
OF_ONE_VARIANT = frozenset({"final-parameters", "intermediate-parameters", *SERVICES})


class Holdings(msgspec.Struct, frozen=True):
    """What of the model exists.

    items:       listed in the dossier
    public:      those of them that are public already
    commonplace: components that anybody has elsewhere
    variants:    those that the items belong to
    """

    items: tuple[str, ...]
    public: frozenset[str]
    commonplace: frozenset[str]
    variants: tuple[str, ...]

    @classmethod
    def of(cls, items: Iterable[str], public: Iterable[str], commonplace: Iterable[str]) -> Holdings:
        """Variants are read off the items; a model without any has the one variant ""."""
        listed = tuple(sorted(items))
        parsed = [parse_item(text) for text in listed]
        own = {item.variant for item in parsed if item.component in OF_ONE_VARIANT}
        variants = sorted(own | {item.variant for item in parsed if item.variant}) or [""]
        return cls(listed, frozenset(public), frozenset(commonplace), tuple(variants))

    def matching(self, need: Item, variant: str) -> tuple[str, ...]:
        """The items that can serve a need within a variant.

        A component that is not listed is with nobody; its file exists all the same (theft), under the
        component's own name. A service that is not listed does not exist.
        """
        wanted = need.variant or variant
        found = []
        for text in self.items:
            item = parse_item(text)
            shared = not item.variant and need.component not in OF_ONE_VARIANT and not need.variant
            if (
                item.component == need.component
                and (item.variant == wanted or shared)
                and need.profile in ("", item.profile)
            ):
                found.append(text)
        if not found and not need.is_service:
            prefix = wanted if need.component in OF_ONE_VARIANT else need.variant
            found.append(str(Item(prefix, need.component, need.profile)))
        return tuple(found)

    def is_free(self, item: str) -> bool:
        """True where withholding the item keeps nobody from having it."""
        return item in self.public or parse_item(item).component in self.commonplace


class Way(msgspec.Struct, frozen=True, order=True):
    """One derivation: the items to hold (free ones left out) and the rules to carry out, in order."""

    items: tuple[str, ...]
    rules: tuple[int, ...]
    variant: str


class Ways(msgspec.Struct, frozen=True):
    """All minimal derivations of one ability over all variants; some of them where not `complete`."""

    ways: tuple[Way, ...]
    complete: bool
    steps: int  # what the search took


def is_item(need: str) -> bool:
    """True where a rule's need names an item, False where it names an ability."""
    return need.split("@", maxsplit=1)[0].rsplit(":", 1)[-1] in COMPONENTS


class Graph:
    """The rules that one variant can use: for each, the items and the abilities it needs."""

    def __init__(self, model: RiskModel, holdings: Holdings, variant: str) -> None:
        """Made once and searched for many abilities."""
        self.usable = usable_rules(model, holdings, variant)
        self.needs = {i: [n for n in model.rule[i].needs if not is_item(n)] for i in self.usable}
        self.giving: dict[str, list[int]] = {}
        for index in self.usable:
            self.giving.setdefault(model.rule[index].gives, []).append(index)


def graphs_of(model: RiskModel, holdings: Holdings) -> dict[str, Graph]:
    """The graph of each variant."""
    return {variant: Graph(model, holdings, variant) for variant in holdings.variants}


def derive(
    model: RiskModel,
    ability: str,
    holdings: Holdings,
    steps_max: int = STEPS_MAX,
    graphs: Mapping[str, Graph] | None = None,
) -> Ways:
    """Every inclusion-minimal way to an ability, smallest first; some of them where a cap is met.

    `graphs`: those of the variants, where they are at hand.
    """
    ways: set[Way] = set()
    complete, steps = True, 0
    for variant, graph in (graphs or graphs_of(model, holdings)).items():
        usable = graph.usable
        found = _rule_sets(model, ability, graph, steps_max - steps)
        complete &= found.complete
        steps += found.steps
        for rules in found.sets:
            slots = [slot for rule in rules for slot in usable[rule]]
            ways.update(Way(tuple(sorted(items)), rules, variant) for items in _choices(slots))
            if len(ways) >= DERIVATIONS_MAX:
                return Ways(_sorted(ways)[:SHOWN_MAX], complete=False, steps=steps)
    return Ways(_sorted(ways), complete, steps)


def _sorted(ways: set[Way]) -> tuple[Way, ...]:
    return tuple(sorted(ways, key=lambda w: (len(w.rules), len(w.items), w)))


def usable_rules(model: RiskModel, holdings: Holdings, variant: str) -> dict[int, list[tuple[str, ...]]]:
    """Rules whose items all exist: rule index -> for each item need not free, the items that serve it."""
    usable: dict[int, list[tuple[str, ...]]] = {}
    for index, rule in enumerate(model.rule):
        slots = []
        for need in rule.needs:
            if not is_item(need):
                continue
            serving = holdings.matching(parse_item(need), variant)
            if any(holdings.is_free(item) for item in serving):
                continue
            slots.append(serving)
        if all(slots):
            usable[index] = slots
    return usable


class _RuleSets(msgspec.Struct, frozen=True):
    sets: list[tuple[int, ...]]
    complete: bool
    steps: int


def _rule_sets(model: RiskModel, ability: str, graph: Graph, steps_max: int) -> _RuleSets:
    """Inclusion-minimal sets of rules, each ability given once and without circles."""
    giving, needs = graph.giving, graph.needs
    found: set[frozenset[int]] = set()
    chosen: dict[str, int] = {}
    steps = 0

    def reaches(start: str, goal: str) -> bool:
        """Whether `goal` is used, through the rules chosen so far, to get `start`."""
        nonlocal steps
        seen, stack = {start}, [start]
        while stack:
            steps += 1
            node = stack.pop()
            if node == goal:
                return True
            for below in needs[chosen[node]] if node in chosen else ():
                if below not in seen:
                    seen.add(below)
                    stack.append(below)
        return False

    # Depth first with an explicit stack, so that a deep model cannot exhaust Python's own.
    stack: list[tuple[dict[str, int], tuple[str, ...]]] = [({}, (ability,))]
    while stack:
        steps += 1
        if steps > steps_max or len(found) >= DERIVATIONS_MAX:
            some = sorted(found, key=lambda rules: (len(rules), sorted(rules)))[:SHOWN_MAX]
            return _RuleSets(_ordered(model, _minimal(some), ability), complete=False, steps=steps)
        chosen, pending = stack.pop()
        if not pending:
            found.add(frozenset(chosen.values()))
            continue
        goal, rest = pending[0], pending[1:]
        for rule in reversed(giving.get(goal, ())):
            if any(reaches(below, goal) for below in needs[rule]):
                continue
            new = tuple(n for n in dict.fromkeys(needs[rule]) if n not in chosen and n not in rest)
            stack.append(({**chosen, goal: rule}, rest + new))
    return _RuleSets(_ordered(model, _minimal(found), ability), complete=True, steps=steps)


def _minimal(sets: Iterable[frozenset[int]]) -> list[frozenset[int]]:
    """The sets that contain no other of them."""
    kept: list[frozenset[int]] = []
    for candidate in sorted(sets, key=len):
        if not any(small <= candidate for small in kept):
            kept.append(candidate)
    return kept


def _ordered(model: RiskModel, sets: Sequence[frozenset[int]], ability: str) -> list[tuple[int, ...]]:
    """Each set in an order in which it can be carried out, the wanted ability last."""
    return sorted(_order(model, rules, ability) for rules in sets)


def _order(model: RiskModel, rules: frozenset[int], ability: str) -> tuple[int, ...]:
    by_gift = {model.rule[r].gives: r for r in rules}
    order: list[int] = []
    stack = [(ability, False)]
    done: set[str] = set()
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(by_gift[node])
        elif node not in done:
            done.add(node)
            stack.append((node, True))
            needed = [n for n in model.rule[by_gift[node]].needs if not is_item(n)]
            stack.extend((n, False) for n in reversed(needed) if n not in done)
    return tuple(order)


def _choices(slots: Sequence[tuple[str, ...]]) -> list[frozenset[str]]:
    """Every minimal set of items with one for each slot."""
    distinct = sorted(set(slots))
    picks = itertools.islice(itertools.product(*distinct), DERIVATIONS_MAX)
    sets = sorted({frozenset(pick) for pick in picks}, key=lambda s: (len(s), sorted(s)))
    kept: list[frozenset[str]] = []
    for candidate in sets:
        if not any(small <= candidate for small in kept):
            kept.append(candidate)
    return kept
