"""Ids in plain words, for the sentences that people argue with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.ids import parse_item
from halfdoor.core.model.groups import LADDER_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable

COMPONENT_WORDS = {
    "architecture": "architecture",
    "final-parameters": "weights",
    "intermediate-parameters": "intermediate checkpoints",
    "metadata": "training metadata",
    "training-code": "training code",
    "inference-code": "inference code",
    "evaluation-code": "evaluation code",
    "preprocessing-code": "preprocessing code",
    "libraries-and-tools": "libraries and tools",
    "datasets": "datasets",
    "evaluation-data": "evaluation data",
    "evaluation-results": "evaluation results",
    "sample-outputs": "sample outputs",
    "model-card": "model card",
    "data-card": "data card",
    "technical-report": "technical report",
    "research-paper": "research paper",
    "sampling": "sampling",
    "logprobs": "log-probabilities",
    "fine-tuning": "fine-tuning",
    "internals-read": "reading internals",
    "internals-write": "changing internals",
}


def item_words(item: str) -> str:
    """`base:final-parameters@filtered` → "base weights (filtered)"."""
    parsed = parse_item(item)
    words = COMPONENT_WORDS[parsed.component]
    variant = f"{parsed.variant} " if parsed.variant else ""
    profile = f" ({parsed.profile})" if parsed.profile else ""
    return f"{variant}{words}{profile}"


def group_words(group: str) -> str:
    """`vetted` → "vetted groups"; a policy's own group stands under its id."""
    return LADDER_WORDS.get(group, group)


def listed(words: Iterable[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    items = list(words)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}" if items else ""


def usd(value: float) -> str:
    """Two significant digits: `$0`, `$3.50`, `$120`, `$4,600`, `$1.2M`."""
    for limit, divisor, unit in ((1e9, 1e9, "B"), (1e6, 1e6, "M")):
        if value >= limit * 0.995:
            return (
                f"${value / divisor:.2g}{unit}" if value < limit * 99.5 else f"${value / divisor:,.0f}{unit}"
            )
    if value < 10:  # noqa: PLR2004  cents matter below ten dollars
        return f"${value:.2f}" if value else "$0"
    return f"${float(f'{value:.2g}'):,.0f}"


def amount(value: float, unit: str) -> str:
    """A figure of harm with its unit, to two significant digits: `$1.2M`, `50 deaths`, `0.03 deaths`."""
    if unit == "USD":
        return usd(value)
    digits = float(f"{value:.2g}")
    return f"{digits:,.0f} {unit}" if digits >= 10 or digits == 0 else f"{digits:g} {unit}"  # noqa: PLR2004  as above


def share_words(share: float) -> str:
    """A probability as a count of cases: `97 of 100`, `fewer than 1 of 100`."""
    hundred = round(share * 100)
    if 0 < share < 0.005:  # noqa: PLR2004  rounds to none, is not none
        return "fewer than 1 of 100"
    if hundred == 100 and share < 1:  # noqa: PLR2004  rounds to all, is not all
        return "more than 99 of 100"
    return f"{hundred} of 100"


def power(value: float, digits: int) -> str:
    """A large number: `1.6e21`."""
    return f"{value:.{digits}e}".replace("e+", "e")
