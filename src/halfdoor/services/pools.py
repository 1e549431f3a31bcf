"""Pools of experts: their answers side by side, the edits that put them into a model, where they are from."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from halfdoor.core.model.words import listed
from halfdoor.core.risk.document import Spread
from halfdoor.core.risk.experts.numbers import Key
from halfdoor.core.risk.experts.pooling import LEVELS, apart
from halfdoor.core.risk.uncertainty.distributions import POSITIVE_MISS_MAX, PROBABILITY_MISS_MAX, fit
from halfdoor.services.model_edit import Edit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halfdoor.core.risk.document import RiskModel
    from halfdoor.core.risk.experts.numbers import Number
    from halfdoor.core.risk.experts.questionnaire import Expert

Weights = Literal["equal", "cooke"]
Percentiles = tuple[float, float, float]

DIGEST_SHOWN = 12  # hexadecimal digits of a questionnaire's digest, in a row's judgement
_HOW: dict[Weights, str] = {"equal": "equal weights", "cooke": "weights by Cooke's classical model"}
_AT = np.asarray(LEVELS)


class Opinion(msgspec.Struct, frozen=True):
    """What one expert stated about a number; weight: among those who answered this question, 0-1."""

    expert: str
    p5: float
    p50: float
    p95: float
    weight: float


class PooledNumber(msgspec.Struct, frozen=True):
    """One number: the experts side by side, and what pooling gave.

    apart:  pairs of experts whose intervals have nothing in common, the lower first
    before: p5, p50, p95 of what the model stated; None where it left the number out
    pooled: p5, p50, p95 of the mixture; None where nobody with weight answered, and the number stays
    note:   anything a reader should know; may be empty
    """

    number: str
    words: str
    unit: str
    opinions: list[Opinion]
    apart: list[tuple[str, str]]
    before: Percentiles | None
    pooled: Percentiles | None
    note: str = ""


def pooled_number(
    number: Number, experts: Sequence[Expert], weighing: Mapping[str, float] | None
) -> tuple[PooledNumber, Spread | None]:
    """The experts who answered, side by side; and the pool, None where none of them has weight.

    weighing: of each expert, 0-1; None: all alike
    """
    those = [e for e in experts if number.address in e.answers]
    raw = [1.0 if weighing is None else weighing[e.name] for e in those]
    total = math.fsum(raw)
    opinions = []
    for expert, weight in zip(those, raw, strict=True):
        said = _stated(expert.answers[number.address])
        opinions.append(Opinion(expert.name, *said, weight=round(weight / total, 6) if total else 0.0))
    pool = Spread(
        pool=tuple(
            msgspec.structs.replace(
                expert.answers[number.address],
                expert=expert.name,
                weight=None if weighing is None else round(weight, 6),
            )
            for expert, weight in zip(those, raw, strict=True)
        )
    )
    usable = any(part.weight is None or part.weight > 0 for part in pool.pool)
    fitted = fit(pool, number.quantity, where=number.address) if usable else None
    missed = PROBABILITY_MISS_MAX if number.quantity == "probability" else POSITIVE_MISS_MAX
    note = "" if usable else "Nobody who answered has weight, so the model's own number stays."
    if fitted is not None and fitted.residual > missed:
        note = "No distribution meets one of these answers closely; the nearest is used."
    row = PooledNumber(
        number=number.address,
        words=number.words,
        unit=number.unit,
        opinions=opinions,
        apart=list(apart({o.expert: (o.p5, o.p95) for o in opinions})),
        before=None if number.now is None else _levels(fit(number.now, number.quantity).quantile(_AT)),
        pooled=None if fitted is None else _levels(fitted.quantile(_AT)),
        note=note,
    )
    return row, pool if usable else None


def _stated(spread: Spread) -> Percentiles:
    assert spread.p5 is not None
    assert spread.p50 is not None
    assert spread.p95 is not None
    return spread.p5, spread.p50, spread.p95


def _levels(values: np.ndarray) -> Percentiles:
    low, middle, high = (float(f"{value:.4g}") for value in values)
    return low, middle, high


def pool_edits(
    found: Mapping[str, Number],
    pools: Sequence[tuple[PooledNumber, Spread | None]],
    experts: Sequence[Expert],
    weights: Weights,
) -> list[Edit]:
    """The pools in their places, and in each row's `judgement` where they are from.

    A row that has no number of its source's left no longer names it as its source.
    """
    edits, rows = [], dict[Key, list[str]]()
    for pooled, spread in pools:
        if spread is None:
            continue
        number = found[pooled.number]
        edits.append(Edit(number.key, spread))
        rows.setdefault(number.row, []).append(f"{number.name}: {_provenance(pooled, experts, weights)}")
    replaced = {found[pooled.number].key for pooled, spread in pools if spread is not None}
    for row, said in rows.items():
        numbers = [number for number in found.values() if number.row == row]
        one = numbers[0]
        earlier = [one.judgement] if one.judgement else []
        if one.source and all(number.key in replaced for number in numbers if number.now is not None):
            edits.append(Edit((*row, "source"), ""))
            earlier.insert(0, one.source)
        before = f"; before: {'; '.join(earlier)}" if earlier else ""
        edits.append(Edit((*row, "judgement"), "; ".join(said) + before))
    return edits


def _provenance(pooled: PooledNumber, experts: Sequence[Expert], weights: Weights) -> str:
    """Who, when, by which questionnaire, and why."""
    by_name = {expert.name: expert for expert in experts}
    parts = []
    for opinion in pooled.opinions:
        expert = by_name[opinion.expert]
        day = f"{expert.answered}, " if expert.answered else ""
        short = expert.digest.removeprefix("sha256:")[:DIGEST_SHOWN]
        why = expert.rationale.get(pooled.number, "")
        parts.append(f"{expert.name} ({day}questionnaire {short}){f': “{_clean(why)}”' if why else ''}")
    count = "1 expert" if len(parts) == 1 else f"{len(parts)} experts"
    return f"pool of {count}, {_HOW[weights]}: {'; '.join(parts)}"


def _clean(words: str) -> str:
    return "".join(c if c.isprintable() else " " for c in words).rstrip(" .;")


def pool_head(experts: Sequence[Expert], model: RiskModel, weights: Weights) -> str:
    """A comment above the model: whose answers are in it, each with the digest of the questionnaire."""
    lines = [f"# {model.name} {model.version} with the pooled answers of {listed(e.name for e in experts)}"]
    lines[0] += f" ({_HOW[weights]}); written by `halfdoor elicit merge`."
    lines += [f"#   {expert.digest}  {expert.name}" for expert in experts]
    return "".join(_clean(line) + "\n" for line in lines) + "#\n"
