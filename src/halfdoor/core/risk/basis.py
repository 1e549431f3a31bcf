"""What a risk model rests on: whose numbers, and how well a distribution meets each of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.risk.experts.numbers import Names, every_number
from halfdoor.core.risk.uncertainty.distributions import (
    POSITIVE_MISS_MAX,
    PROBABILITY_MISS_MAX,
    Kind,
    Quantity,
    fit,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from halfdoor.core.risk.document import RiskModel, Sourced
    from halfdoor.core.risk.experts.numbers import Key, Number

Ground = Literal["source", "both", "judgement", "neither"]
_USUAL = ("constant", "beta", "lognormal", "mixture")


class Basis(msgspec.Struct, frozen=True):
    """How many numbers stand in rows with a source, with source and judgement, with judgement, with neither.

    A row that states both does not say which of its numbers are from where.
    """

    numbers: int
    sourced: int
    mixed: int
    judged: int
    unowned: int


class FitNote(msgspec.Struct, frozen=True):
    """A number whose distribution is not the usual one, or misses a stated percentile.

    where: its key path; residual: the largest miss, absolute for probabilities, in log space for others
    misses: by more than 0.05, or 25 %
    """

    where: str
    quantity: Quantity
    kind: Kind
    residual: float
    misses: bool


def basis(model: RiskModel) -> Basis:
    """Count the numbers of a sound model. A number left out counts for nothing."""
    return _counted(_grounds(model))


def threat_bases(model: RiskModel) -> dict[str, Basis]:
    """The same for each threat of a sound model, by id."""
    grounds: dict[str, list[Ground]] = {threat.id: [] for threat in model.threat}
    for number in every_number(Names(model)):
        table, *place = number.row
        if table == "threat" and isinstance(place[0], int) and _is_stated(number):
            grounds[model.threat[place[0]].id].append(_ground(number))
    return {threat: _counted(found) for threat, found in grounds.items()}


def fit_notes(model: RiskModel) -> list[FitNote]:
    """Every number of a sound model whose distribution a reader should look at, in the document's order."""
    notes = []
    for number in every_number(Names(model)):
        if number.now is None:
            continue
        fitted = fit(number.now, number.quantity, where=number.address)
        limit = PROBABILITY_MISS_MAX if number.quantity == "probability" else POSITIVE_MISS_MAX
        misses = fitted.residual > limit
        if misses or fitted.kind not in _USUAL:
            where, residual = key_path(number.key), float(f"{fitted.residual:.3g}")
            notes.append(FitNote(where, number.quantity, fitted.kind, residual, misses))
    return notes


def key_path(key: Key) -> str:
    """`("threat", 2, "step", 0, "p")` → "threat[2].step[0].p"."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".")


def _grounds(model: RiskModel) -> Iterator[Ground]:
    yield from (_ground(number) for number in every_number(Names(model)) if _is_stated(number))
    for leak in model.leak:
        yield from [_ground(leak)] * 2  # leaks, watched years
    yield from (_ground(row) for row in model.benefit)
    yield from (_ground(row) for row in model.alternative)


def _counted(grounds: Iterable[Ground]) -> Basis:
    found = Counter(grounds)
    return Basis(found.total(), found["source"], found["both"], found["judgement"], found["neither"])


def _is_stated(number: Number) -> bool:
    """A document cannot tell a number left out from a constant 0."""
    return number.now is not None and number.now != 0


def _ground(row: Sourced | Number) -> Ground:
    if row.source:
        return "both" if row.judgement else "source"
    return "judgement" if row.judgement else "neither"
