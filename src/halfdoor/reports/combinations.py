"""The combination table as people read it: one row for each holding, one column for each class of actor.

The assessment has a row for each actor, too many to read. Holdings that differ in nothing but the variant
of the model stand in one row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.ids import parse_item
from halfdoor.reports import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halfdoor.core.assessment import Assessment, Combination, Cost

_LIKELY, _POSSIBLE = 0.5, 0.1  # the shades of a cell begin here
ROWS_MAX = 400  # holdings that a page can bear; all of them stand in assessment.json


@dataclass(frozen=True)
class ActorColumn:
    """A class of actor; the least able of a domain stands first."""

    id: str
    words: str
    domain: str


@dataclass(frozen=True)
class Cell:
    """How often an actor is within his means, as a share of one; `shade` 0 to 3."""

    share: float
    shade: int

    @property
    def shown(self) -> str:
        """Cases in a hundred, or nothing where too few to be in the table."""
        return f"{self.share * 100:.0f}" if self.share else ""


@dataclass(frozen=True)
class Holding:
    """What somebody holds, what it costs to use it, and whether each actor can afford that."""

    label: str
    cost: Cost
    upper_bound: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class AbilityRows:
    """All the holdings that give one ability."""

    ability: str
    words: str
    rows: tuple[Holding, ...]


@dataclass(frozen=True)
class CombinationTable:
    """Columns by domain, rows by ability."""

    columns: tuple[ActorColumn, ...]
    abilities: tuple[AbilityRows, ...]
    left_out: int = 0  # holdings beyond `ROWS_MAX`

    @property
    def domains(self) -> list[tuple[str, int]]:
        """Each domain with its number of columns."""
        names = [column.domain for column in self.columns]
        return [(name, names.count(name)) for name in dict.fromkeys(names)]

    @property
    def has_upper_bound(self) -> bool:
        """Whether any row is an upper bound on access."""
        return any(row.upper_bound for ability in self.abilities for row in ability.rows)


def combination_table(assessment: Assessment) -> CombinationTable:
    """Fold the assessment's combinations."""
    columns = _columns(assessment.combinations)
    abilities: dict[str, list[Combination]] = {}
    for row in assessment.combinations:
        abilities.setdefault(row.ability, []).append(row)
    shown, room, left_out = [], ROWS_MAX, 0
    for name, rows in abilities.items():
        folded = _rows(rows, columns)
        left_out += max(len(folded) - room, 0)
        if room:
            shown.append(AbilityRows(name, rows[0].words, folded[:room]))
        room = max(room - len(folded), 0)
    return CombinationTable(columns, tuple(shown), left_out)


def _columns(rows: Iterable[Combination]) -> tuple[ActorColumn, ...]:
    reached: dict[ActorColumn, float] = {}
    for row in rows:
        column = ActorColumn(row.actor, row.actor_words or row.actor, row.domain)
        reached[column] = reached.get(column, 0.0) + float(row.probability)
    return tuple(sorted(reached, key=lambda column: (column.domain, reached[column], column.id)))


def _rows(rows: Iterable[Combination], columns: tuple[ActorColumn, ...]) -> tuple[Holding, ...]:
    """One for each holding, the cheapest first; variants together where all else is equal."""
    held: dict[tuple[tuple[str, ...], bytes], dict[str, dict[tuple[str, str], Combination]]] = {}
    for row in rows:
        bare, variant = _bare(row.items)
        same = held.setdefault((bare, msgspec.json.encode(row.cost)), {})
        same.setdefault(variant, {})[row.domain, row.actor] = row
    folded = [
        _holding(bare, variants, columns)
        for (bare, _), by_variant in held.items()
        for variants in _alike(by_variant)
    ]
    return tuple(sorted(folded, key=lambda row: (row.cost.usd_p50, row.label)))


def _alike(
    by_variant: dict[str, dict[tuple[str, str], Combination]],
) -> list[dict[str, dict[tuple[str, str], Combination]]]:
    """Variants whose every share is the same, together."""
    groups: dict[tuple[tuple[tuple[str, str], str], ...], dict[str, dict[tuple[str, str], Combination]]] = {}
    for variant, cells in by_variant.items():
        shares = tuple(sorted((key, row.probability) for key, row in cells.items()))
        groups.setdefault(shares, {})[variant] = cells
    return list(groups.values())


def _holding(
    bare: tuple[str, ...],
    variants: dict[str, dict[tuple[str, str], Combination]],
    columns: tuple[ActorColumn, ...],
) -> Holding:
    names = sorted(variants)
    cells = variants[names[0]]
    said = " + ".join(words.item(item) for item in bare) or "nothing"
    others = [name for name in names if name]
    if others and "" in names:
        said += f" (also of {' or '.join(others)})"
    elif others:
        said += f" (of {' or '.join(others)})"
    any_row = next(iter(cells.values()))
    shares = [cells.get((column.domain, column.id)) for column in columns]
    return Holding(
        label=said,
        cost=any_row.cost,
        upper_bound=any(row.upper_bound for row in cells.values()),
        cells=tuple(_cell(float(row.probability) if row else 0.0) for row in shares),
    )


def _cell(share: float) -> Cell:
    return Cell(share, 0 if not share else 3 if share >= _LIKELY else 2 if share >= _POSSIBLE else 1)


def _bare(items: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """The items without their variant, weights first, and the variant that they name."""
    bare, variants = [], []
    for item in items:
        try:
            parsed = parse_item(item)
        except InputError:
            bare.append(item)
            continue
        bare.append(str(msgspec.structs.replace(parsed, variant="")))
        if parsed.variant:
            variants.append(parsed.variant)
    bare.sort(key=lambda item: (not item.endswith("-parameters"), item))
    return tuple(bare), " and ".join(dict.fromkeys(variants))
