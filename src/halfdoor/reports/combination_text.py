"""The combination table as sentences: who gets what, for how much, from which parts.

One sentence for each holding, about the least able class of actor that mostly has the means; the others
follow it. Holdings that help nobody more than a smaller one inside them are left out. Holdings that would
read alike but for their items stand in one sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from halfdoor.core.errors import InputError
from halfdoor.core.ids import parse_item
from halfdoor.core.model.words import listed
from halfdoor.reports import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from halfdoor.core.assessment import Combination, Cost

_MOSTLY = 0.5
_ALIKE_MAX = 4


@dataclass(frozen=True)
class Holding:
    """Items held together, what using them takes, the rows of those who can; `alike`: items as good."""

    items: tuple[str, ...]
    cost: Cost
    rows: tuple[Combination, ...]
    alike: tuple[tuple[str, ...], ...] = ()

    @property
    def shares(self) -> dict[str, float]:
        """Actor -> share of cases within its limits."""
        return {row.actor: float(row.probability) for row in self.rows}


@dataclass(frozen=True)
class Told:
    """One ability: `words` complete "somebody can …"; the cheapest holding first; how many are left out."""

    ability: str
    words: str
    holdings: tuple[Holding, ...]
    left_out: int


def told(rows: Iterable[Combination]) -> list[Told]:
    """The table by ability, in the order in which abilities first appear."""
    by_ability: dict[str, dict[tuple[tuple[str, ...], str], list[Combination]]] = {}
    for row in rows:
        held = by_ability.setdefault(row.ability, {})
        held.setdefault((tuple(row.items), row.variant), []).append(row)
    found = []
    for ability, held in by_ability.items():
        every = [Holding(items, same[0].cost, tuple(same)) for (items, _), same in held.items()]
        useful = [one for one in every if not any(_adds_nothing(one, other) for other in every)]
        folded = sorted(_folded(useful), key=lambda one: (one.cost.usd_p50, len(one.items), one.items))
        found.append(Told(ability, every[0].rows[0].words, tuple(folded), len(every) - len(useful)))
    return found


def cheapest(rows: Sequence[Combination]) -> list[str]:
    """One plain sentence for each ability: its cheapest holding, and who gets it with that."""
    classes = len({(row.domain, row.actor) for row in rows})
    return [sentence(one.holdings[0], classes, plain=True) for one in told(rows)]


def _adds_nothing(one: Holding, other: Holding) -> bool:
    """A smaller holding inside it serves everybody as often, as cheaply, as fast."""
    return (
        set(other.items) < set(one.items)
        and other.cost.usd_p50 <= one.cost.usd_p50
        and other.cost.days_p50 <= one.cost.days_p50
        and other.cost.skill <= one.cost.skill
        and all(other.shares.get(actor, 0.0) >= share for actor, share in one.shares.items())
    )


def _folded(holdings: Sequence[Holding]) -> list[Holding]:
    """Those that would read alike but for the items, in one; the plainest stands first."""
    alike: dict[object, list[Holding]] = {}
    for one in holdings:
        shares = tuple(sorted((actor, _in_hundred(share)) for actor, share in one.shares.items()))
        cost = one.cost
        money, time = words.money_range(cost), words.duration(cost.days_p50)
        alike.setdefault((money, time, cost.skill, shares), []).append(one)
    result = []
    for same in alike.values():
        first, *others = sorted(same, key=lambda one: (len(one.items), sum(map(len, one.items)), one.items))
        result.append(Holding(first.items, first.cost, first.rows, tuple(other.items for other in others)))
    return result


def sentence(holding: Holding, classes: int, *, everybody: bool = False, plain: bool = False) -> str:
    """`An amateur gets it for $150 (90 %: $61–$690) in 2 days from …`, and who else.

    classes:   how many classes of actors were asked about
    everybody: every other class with its number; else how many they are, and their range
    plain:     the ability and the items in words, not by their ids
    """
    ranked = sorted(holding.rows, key=lambda row: float(row.probability))
    mostly = [row for row in ranked if float(row.probability) >= _MOSTLY]
    subject = mostly[0] if mostly else ranked[-1]
    number, cost = _in_hundred(float(subject.probability)), holding.cost
    alike = {_in_hundred(share) for share in holding.shares.values()} == {number}
    every = alike and len(ranked) == classes > 1
    who = "every class of actors" if every else _who(subject)
    skill = f", with skill {cost.skill}" if cost.skill else ""
    said = (
        f"{words.capital(who)} {_gets(subject, plain=plain)} for {words.money_range(cost)} "
        f"in {words.duration(cost.days_p50)}{skill}, from {_label(holding, words.item if plain else str)}: "
        f"{'at most ' if subject.upper_bound else ''}{number}{words.NBSP}in{words.NBSP}100"
    )
    others = [row for row in ranked if row is not subject]
    if every or not others:
        return f"{said}."
    if everybody:
        by_number: dict[int, list[str]] = {}
        for row in others:
            by_number.setdefault(_in_hundred(float(row.probability)), []).append(_who(row))
        return f"{said}. Others: {'; '.join(f'{n} {listed(who)}' for n, who in by_number.items())}."
    low, high = (_in_hundred(float(row.probability)) for row in (others[0], others[-1]))
    span = f"{low}" if low == high else f"{low}{words.DASH}{high}"
    return f"{said}; {words.count(len(others), 'other class', 'other classes')} {span}."


def _in_hundred(share: float) -> int:
    return round(share * 100)


def _who(row: Combination) -> str:
    return row.actor_words or row.actor


def _gets(row: Combination, *, plain: bool) -> str:
    """`gets strip-safeguards`, or what somebody with that ability can do."""
    return f"can {row.words}" if plain and row.words else f"gets {row.ability}"


def _label(holding: Holding, name: Callable[[str], str]) -> str:
    sets = [
        " + ".join(map(name, sorted(items, key=_weights_first))) for items in (holding.items, *holding.alike)
    ]
    if not holding.items:
        return "nothing that is withheld"
    if len(sets) > _ALIKE_MAX:
        sets = [*sets[:_ALIKE_MAX], f"{len(sets) - _ALIKE_MAX} more such holdings"]
    return ", or ".join(sets)


def _weights_first(item: str) -> tuple[bool, str]:
    return not _component(item).endswith("-parameters"), item


def _component(item: str) -> str:
    try:
        return parse_item(item).component
    except InputError:
        return item
