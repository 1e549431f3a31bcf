"""What can be wrong with a document beyond its types: problems, collected to be shown all at once."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.ids import did_you_mean, is_name, parse_item
from halfdoor.core.risk.document import Spread

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from halfdoor.core.risk.document import Uncertain
    from halfdoor.core.risk.uncertainty.distributions import Quantity

SKILL_MAX = 5
_FORMS = (
    {"p5", "mode", "p95"},
    {"p5", "p50", "p95"},
    {"p5", "p95"},
    {"mode"},
    {"low", "high", "confidence"},
)


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong. A lint is worth a look and forbids nothing.

    where: the key path from the top of the document ("rule[12].needs", counted from 0)
    """

    code: str
    message: str
    where: str
    remedy: str = ""
    lint: bool = False


class Problems:
    """Collects problems; each method adds at most one and takes the key path it is about."""

    def __init__(self) -> None:
        """Start with none."""
        self.found: list[Problem] = []

    def error(self, code: str, message: str, where: str, remedy: str = "") -> None:
        """The document cannot be used."""
        self.found.append(Problem(code, message, where, remedy))

    def lint(self, code: str, message: str, where: str, remedy: str = "") -> None:
        """Worth a look."""
        self.found.append(Problem(code, message, where, remedy, lint=True))

    def known(self, word: str, among: Collection[str], kind: str, where: str) -> bool:
        """`word` must be one of `among`; `kind` names what it should be ("actor")."""
        if word in among:
            return True
        article = "an" if kind[0] in "aeiou" else "a"
        remedy = did_you_mean(word, among) if among else f"define {article} {kind} first"
        self.error(f"unknown-{kind.replace(' ', '-')}", f"{word!r} is not a known {kind}", where, remedy)
        return False

    def unique(self, ids: Iterable[str], table: str, key: str = "id") -> None:
        """Ids must be names and must not stand twice."""
        seen: set[str] = set()
        for index, name in enumerate(ids):
            where = f"{table}[{index}].{key}"
            if not is_name(name):
                self.error("bad-id", f"{name!r} is not an id", where, "use letters, digits, '.', '_' and '-'")
            if name in seen:
                self.error(
                    "duplicate-id", f"{name!r} is defined twice", where, "remove or rename one of them"
                )
            seen.add(name)

    def distinct(self, keys: Iterable[tuple[str, ...]], table: str) -> None:
        """No two rows of a table may be about the same."""
        seen: set[tuple[str, ...]] = set()
        for index, key in enumerate(keys):
            if key in seen:
                self.error(
                    "duplicate-id",
                    f"{', '.join(key)} stands twice",
                    f"{table}[{index}]",
                    "remove one of them",
                )
            seen.add(key)

    def item(self, text: str, where: str) -> None:
        """`text` must be an item: `[variant:]component[@profile]`."""
        try:
            parse_item(text)
        except InputError as fault:
            self.error(fault.code, fault.message, where, fault.remedy)

    def number(self, value: Uncertain | None, quantity: Quantity, where: str) -> None:
        """An uncertain number: finite, in range, its percentiles rising."""
        if isinstance(value, Spread):
            self._spread(value, quantity, where)
        elif value is not None:
            self._within(value, quantity, where)

    def share(self, value: float, where: str, *, below_one: bool = False) -> None:
        """A share or score from 0 to 1."""
        if not (math.isfinite(value) and 0 <= value <= 1) or (below_one and value == 1):
            bound = "below 1" if below_one else "at most 1"
            self.error(
                "bad-probability",
                f"{value:g} is not within 0–1",
                where,
                f"state a number of at least 0 and {bound}",
            )

    def amount(self, value: float, where: str, *, above_zero: bool = False) -> None:
        """A finite number of at least 0, or above 0."""
        if not math.isfinite(value) or value < 0 or (above_zero and value == 0):
            bound = "above 0" if above_zero else "of at least 0"
            self.error("bad-number", f"{value:g} is not a finite number {bound}", where, "correct the value")

    def rising_map(self, points: tuple[tuple[float, float], ...], where: str) -> None:
        """[score, capability] pairs within 0–1: scores rise, capabilities do not fall."""
        if any(not (math.isfinite(v) and 0 <= v <= 1) for point in points for v in point):
            self.error("bad-map", "a point of the map is not within 0–1", where, "state shares from 0 to 1")
            return
        for (x0, y0), (x1, y1) in itertools.pairwise(points):
            if x1 <= x0 or y1 < y0:
                self.error(
                    "bad-map",
                    f"the map does not rise from [{x0:g}, {y0:g}] to [{x1:g}, {y1:g}]",
                    where,
                    "order the points by score; a better score never means less capability",
                )
                return

    def _within(self, value: float, quantity: Quantity, where: str) -> bool:
        before = len(self.found)
        if quantity == "probability":
            self.share(value, where)
        else:
            self.amount(value, where)
        return len(self.found) == before

    def _spread(self, value: Spread, quantity: Quantity, where: str) -> None:
        if value.pool:
            self._pool(value, quantity, where)
            return
        named = ("p5", "mode", "p50", "p95", "low", "high", "confidence")
        stated = {key: v for key in named if (v := getattr(value, key)) is not None}
        if set(stated) not in _FORMS:
            self.error(
                "bad-percentiles",
                f"{', '.join(stated) or 'nothing'} does not make a distribution",
                where,
                "state {p5, mode, p95}, {p5, p50, p95}, {low, high, confidence} or one number",
            )
            return
        confidence = stated.pop("confidence", 0.5)
        if not 0 < confidence < 1:
            self.error(
                "bad-probability",
                f"{confidence:g} is not a confidence",
                where,
                "state a number between 0 and 1",
            )
        order = [stated[key] for key in ("p5", "low", "mode", "p50", "p95", "high") if key in stated]
        if not all(self._within(v, quantity, where) for v in order):
            return
        if order != sorted(order):
            shown = ", ".join(f"{v:g}" for v in order)
            self.error(
                "bad-percentiles",
                f"the percentiles do not rise: {shown}",
                where,
                "state p5 ≤ mode or p50 ≤ p95",
            )
        elif quantity == "positive" and order[0] == 0 < order[-1]:
            self.error(
                "bad-percentiles",
                "the lowest percentile of a positive quantity must be above zero",
                where,
                "state a small positive number, or the constant 0",
            )

    def _pool(self, value: Spread, quantity: Quantity, where: str) -> None:
        weights = [1.0 if part.weight is None else part.weight for part in value.pool]
        if not all(math.isfinite(w) and w >= 0 for w in weights) or sum(weights) <= 0:
            self.error(
                "bad-weights",
                "the weights of a pool must be at least 0, and not all 0",
                f"{where}.pool",
                "correct them, or leave them all out",
            )
        for index, part in enumerate(value.pool):
            self._spread(part, quantity, f"{where}.pool[{index}]")
