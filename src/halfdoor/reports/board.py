"""The release board: who has what as proposed, beside the widest that the policy permits.

People see bundles of items that stand alike, not twenty-two items; the annex and the JSON have them all. What
the assessment bundles (items that every border treats alike) is bundled so, the rest by what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from halfdoor.core.errors import InputError
from halfdoor.core.ids import COMPONENTS, SERVICES, parse_item
from halfdoor.core.model.words import listed
from halfdoor.reports import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from halfdoor.core.assessment import Assessment, Configuration

Kind = Literal["parts", "services"]
State = Literal["permitted", "beyond", "closed"]
NOBODY = "nobody"

# Components that people think of together. Weights and services stand alone: decisions turn on them.
_FAMILIES = {
    "architecture": "architecture and code",
    "training-code": "architecture and code",
    "inference-code": "architecture and code",
    "libraries-and-tools": "architecture and code",
    "datasets": "data and preprocessing",
    "preprocessing-code": "data and preprocessing",
    "evaluation-code": "evaluations",
    "evaluation-data": "evaluations",
    "evaluation-results": "evaluations",
    "sample-outputs": "evaluations",
    "metadata": "cards and reports",
    "model-card": "cards and reports",
    "data-card": "cards and reports",
    "technical-report": "cards and reports",
    "research-paper": "cards and reports",
}
_SHORT = {
    "architecture and code": "code",
    "data and preprocessing": "data",
    "cards and reports": "documents",
}
_NAMED_MAX = 3


@dataclass(frozen=True)
class Column:
    """A group, from the strictest to the widest."""

    id: str
    words: str


@dataclass(frozen=True)
class Stand:
    """How one item stands: the groups that would have it, and those that may."""

    kind: Kind
    proposed: frozenset[str]
    permitted: frozenset[str]

    @property
    def beyond(self) -> frozenset[str]:
        """Groups that would have it and may not."""
        return self.proposed - self.permitted


@dataclass(frozen=True)
class Row:
    """Items that stand alike. `marks` are the widest groups proposed, or `nobody`; so is `allowed`."""

    label: str
    items: tuple[str, ...]
    stand: Stand
    marks: frozenset[str]
    allowed: frozenset[str]
    public: int  # how many of the items are public already

    @property
    def beyond(self) -> frozenset[str]:
        """Groups that would have it and may not."""
        return self.stand.beyond

    @property
    def note(self) -> str:
        """What the bar alone does not say; may be empty."""
        if self.beyond:
            return "beyond"
        return "public" if self.public == len(self.items) else ""

    def state(self, group: str) -> State:
        """How the cell of one group is drawn."""
        if group == NOBODY or group in self.stand.permitted:
            return "permitted"
        return "beyond" if group in self.stand.proposed else "closed"


@dataclass(frozen=True)
class Board:
    """The columns and the bundles. `hidden` rows were left out to keep it short."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    hidden: int
    items: int  # how many there are, in bundles or not
    beside: Configuration  # the permitted configuration shown
    security_aside: bool  # True: nothing is permitted, for security; `beside` is the widest without theft
    chain: bool  # the groups include one another, so that a row may be drawn as one bar

    def of_kind(self, kind: Kind) -> tuple[Row, ...]:
        """The rows of model parts, or of services."""
        return tuple(row for row in self.rows if row.stand.kind == kind)

    @property
    def beyond(self) -> tuple[Row, ...]:
        """The rows that go further than the policy allows."""
        return tuple(row for row in self.rows if row.beyond)


def release_board(assessment: Assessment, *, rows_max: int | None = None) -> Board:
    """The board of an assessment. With `rows_max`, bundles; without, one row for each item."""
    lattice = _Lattice(assessment)
    beside, aside = shown_configuration(assessment)
    public = frozenset(assessment.public)
    stands = {name: lattice.stand(name, assessment.proposed, beside, public) for name in _items(assessment)}
    if rows_max is None:
        bundles: list[tuple[str, list[str]]] = [(words.item(name), [name]) for name in stands]
    else:
        bundles = _bundles(stands, rows_max, _named(assessment, stands))
    rows = [_row(label, items, stands[items[0]], lattice, public) for label, items in bundles]
    kept = rows if rows_max is None else _most_telling(rows, rows_max)
    return Board(
        columns=lattice.columns,
        rows=tuple(kept),
        hidden=len(rows) - len(kept),
        items=len(stands),
        beside=beside,
        security_aside=aside,
        chain=lattice.is_chain,
    )


def shown_configuration(assessment: Assessment) -> tuple[Configuration, bool]:
    """The widest permitted configuration to show beside the proposal, and whether security is set aside.

    Where the proposal is permitted, the first that holds all of it; else the first (they are ranked by
    benefit kept). Where nothing is permitted because of security, the first without theft.
    """
    lattice = _Lattice(assessment)
    aside = not assessment.widest and bool(assessment.widest_setting_security_aside)
    choices = assessment.widest_setting_security_aside if aside else assessment.widest
    holding = (c for c in choices if lattice.covers(c, assessment.proposed))
    return next(holding, choices[0] if choices else {}), aside


def differences(first: Configuration, second: Configuration, assessment: Assessment) -> list[str]:
    """How `second` differs from `first`, in words: "weights to auditors"; bundled, nothing where equal."""
    dictionary = words.Dictionary(assessment)
    changed: dict[tuple[str, ...], list[str]] = {}
    for name in _in_order({*first, *second}):
        target = tuple(second.get(name, ()))
        if set(target) != set(first.get(name, ())):
            changed.setdefault(target, []).append(name)
    return [
        f"{words.some([words.item(name) for name in names], _NAMED_MAX)} to {dictionary.groups(target)}"
        for target, names in changed.items()
    ]


def narrowings(board: Board, assessment: Assessment) -> list[str]:
    """What the policy permits where the proposal goes further: "weights to vetted groups"; bundled."""
    dictionary = words.Dictionary(assessment)
    order = [column.id for column in reversed(board.columns)]
    targets: dict[tuple[str, ...], list[str]] = {}
    for row in board.beyond:
        target = tuple(sorted(row.allowed, key=order.index))
        targets.setdefault(target, []).append(row.label[:1].lower() + row.label[1:])
    return [f"{listed(labels)} to {dictionary.groups(target)}" for target, labels in targets.items()]


class _Lattice:
    """Groups and their inclusion, as far as a report needs it."""

    def __init__(self, assessment: Assessment) -> None:
        below = {g.id: {g.id, *g.contains} for g in assessment.groups if g.id != NOBODY}
        for middle, included in below.items():
            for lower in below.values():
                if middle in lower:
                    lower.update(included)
        self._below = {group: frozenset(lower - {NOBODY}) for group, lower in below.items()}
        ordered = sorted(
            (g for g in assessment.groups if g.id != NOBODY), key=lambda g: len(self._below[g.id])
        )
        self.columns = (Column(NOBODY, NOBODY), *(Column(g.id, g.words or g.id) for g in ordered))

    @property
    def is_chain(self) -> bool:
        sizes = sorted(len(lower) for lower in self._below.values())
        return sizes == list(range(1, len(sizes) + 1))

    def close(self, groups: Iterable[str]) -> frozenset[str]:
        return frozenset(x for g in groups if g != NOBODY for x in self._below.get(g, frozenset({g})))

    def widest(self, groups: frozenset[str]) -> frozenset[str]:
        return frozenset(g for g in groups if not any(g != h and g in self._below.get(h, ()) for h in groups))

    def covers(self, wide: Configuration, narrow: Configuration) -> bool:
        return all(self.close(groups) <= self.close(wide.get(name, ())) for name, groups in narrow.items())

    def stand(
        self, name: str, proposed: Configuration, permitted: Configuration, public: frozenset[str]
    ) -> Stand:
        everyone = frozenset(self._below)
        return Stand(
            kind="services" if _component(name) in SERVICES else "parts",
            proposed=everyone if name in public else self.close(proposed.get(name, ())),
            permitted=everyone if name in public else self.close(permitted.get(name, ())),
        )


def _items(assessment: Assessment) -> list[str]:
    """Every item the assessment speaks of, in the order of the framework."""
    mentioned = {*assessment.proposed, *assessment.public, *assessment.free_items}
    for configuration in (*assessment.widest, *assessment.widest_setting_security_aside):
        mentioned.update(configuration)
    mentioned.update(row.item for row in assessment.ledger)
    return _in_order(mentioned)


def _in_order(names: Iterable[str]) -> list[str]:
    """Weights first, then the rest of the framework, then services; a variant after the model itself."""

    def key(name: str) -> tuple[bool, int, int, str]:
        component = _component(name)
        if component == "final-parameters":
            place = -1
        else:
            place = COMPONENTS.index(component) if component in COMPONENTS else len(COMPONENTS)
        return component in SERVICES, place, len(name), name

    return sorted(names, key=key)


def _component(name: str) -> str:
    try:
        return parse_item(name).component
    except InputError:
        return name


def _row(label: str, items: Sequence[str], stand: Stand, lattice: _Lattice, public: frozenset[str]) -> Row:
    return Row(
        label=words.capital(label),
        items=tuple(items),
        stand=stand,
        marks=lattice.widest(stand.proposed) or frozenset({NOBODY}),
        allowed=lattice.widest(stand.permitted) or frozenset({NOBODY}),
        public=len(public.intersection(items)),
    )


def _named(assessment: Assessment, stands: Mapping[str, Stand]) -> dict[str, str]:
    """Item -> the assessment's name for its bundle, where the proposal treats all of the bundle alike too."""
    return {
        item: bundle.words
        for bundle in assessment.bundles
        if len({stands[item] for item in bundle.items if item in stands}) == 1
        for item in bundle.items
    }


def _bundles(
    stands: Mapping[str, Stand], rows_max: int, named: Mapping[str, str]
) -> list[tuple[str, list[str]]]:
    """Bundle by family and stand; where that is still too many, by stand alone."""
    families: dict[str, list[str]] = {}
    for name in stands:
        own = _FAMILIES.get(_component(name), words.item(name))
        families.setdefault(named.get(name, own), []).append(name)
    bundles: list[tuple[str, list[str]]] = []
    for family, names in families.items():
        alike: dict[Stand, list[str]] = {}
        for name in names:
            alike.setdefault(stands[name], []).append(name)
        for members in alike.values():
            whole = len(alike) == 1 and len(members) > 1
            bundles.append((family if whole else _names(members), members))
    return bundles if len(bundles) <= rows_max else _merged(bundles, stands)


def _names(members: Sequence[str]) -> str:
    return words.some([words.item(name) for name in members], _NAMED_MAX)


def _merged(bundles: list[tuple[str, list[str]]], stands: Mapping[str, Stand]) -> list[tuple[str, list[str]]]:
    alike: dict[Stand, list[tuple[str, list[str]]]] = {}
    for label, members in bundles:
        alike.setdefault(stands[members[0]], []).append((label, members))
    merged = []
    for group in alike.values():
        parts = [
            part for label, _ in group for part in _SHORT.get(label, label.replace(" and ", ", ")).split(", ")
        ]
        label = group[0][0] if len(group) == 1 else words.some(parts, _NAMED_MAX)
        merged.append((label, [name for _, members in group for name in members]))
    return merged


def _most_telling(rows: list[Row], rows_max: int) -> list[Row]:
    """At most `rows_max` rows: those that go too far, then those held back, then the rest; in their order."""
    if len(rows) <= rows_max:
        return rows

    def weight(row: Row) -> int:
        if row.beyond:
            return 0
        if row.stand.permitted != row.stand.proposed:
            return 1
        return 2 if row.stand.proposed else 3

    kept = sorted(range(len(rows)), key=lambda i: (weight(rows[i]), i))[:rows_max]
    return [rows[i] for i in sorted(kept)]
