"""How reports say things: shares, time, dates, digests, and what this assessment calls its ids.

Items, lists and money come in the words of the sentences themselves (`core.model.words`). A space inside a
quantity ("62 %", "23 Nov 2026") is U+00A0, so that no line breaks there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from halfdoor.core.errors import InputError
from halfdoor.core.model.words import group_words, item_words, listed, usd

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Mapping, Sequence

    from halfdoor.core.assessment import Assessment, Cost

NBSP = "\u00a0"
DASH = "\u2013"  # in ranges, and for "none"

_TIER_WORDS = {"below-reference": "below reference", "none": "below every tier"}
_DAYS_IN = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": 30.4, "year": 365.0}
_LEAST_DAYS = {"year": 730, "month": 91, "week": 21, "day": 1}  # from here on this unit is used


def money(amount: float) -> str:
    """US dollars to two figures: `$120`, `$30,000`, `$1.2M`."""
    return usd(amount) if math.isfinite(amount) else "more than anybody has"


def money_range(cost: Cost) -> str:
    """The middle and the range of nine in ten: `$120 (90 %: $40 …)`; the middle alone if they agree."""
    low, middle, high = money(cost.usd_p5), money(cost.usd_p50), money(cost.usd_p95)
    return middle if low == high else f"{middle} (90{NBSP}%: {low}{DASH}{high})"


def harm(value: float, unit: str) -> str:
    """An amount of harm in its unit: `$1.2M`, `0.03 deaths`; money and lives are never added."""
    if unit == "USD":
        return f"${figure(value)}" if 0 < value < 0.01 else money(value)  # noqa: PLR2004  below a cent
    return f"{figure(value)}{NBSP}{unit}"


def amount(value: float, unit: str) -> str:
    """The same where the unit stands beside it, in a heading: `$1.2M`, `0.03`."""
    return harm(value, unit) if unit == "USD" else figure(value)


def figure(amount: float) -> str:
    """A plain number to two figures: `0.03`, `4,600`, `1.2 million`; a power of ten beyond that."""
    if not math.isfinite(amount):
        return "unbounded"
    if amount == 0:
        return "0"
    for limit, name in ((1e9, "billion"), (1e6, "million")):
        if limit * 0.995 <= abs(amount) < limit * 995:
            return f"{figure(amount / limit)}{NBSP}{name}"
    if 0.0001 <= abs(amount) < 1e6:  # noqa: PLR2004  beyond, zeros have to be counted
        shown = float(f"{amount:.2g}")
        if abs(shown) >= 10:  # noqa: PLR2004  two figures before the point
            return f"{shown:,.0f}"
        return f"{shown:.6f}".rstrip("0").rstrip(".")
    mantissa, _, power = f"{amount:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(power)}"


def per_year(frequency: float) -> str:
    """How often: `3.2 a year`, `once in 40 years`, `never`."""
    if frequency <= 0:
        return "never"
    if frequency >= 1:
        return f"{figure(frequency)} a{NBSP}year"
    return f"once in {figure(1 / frequency)}{NBSP}years"


def duration(days: float) -> str:
    """A length of time: `3 hours`, `9 days`, `5 weeks`, `4 months`, `2 years`."""
    if not math.isfinite(days):
        return "longer than anybody has"
    unit = next((unit for unit, least in _LEAST_DAYS.items() if days >= least), "hour")
    number = round(days / _DAYS_IN[unit])
    return count(number, unit) if number else f"under an{NBSP}hour"


def percent(share: str | float | None) -> str:
    """A share of one as `62 %`; `<1 %` and `>99 %` near the ends, a dash for none; `< 0.2` as `<20 %`."""
    if share is None or share == "":
        return DASH
    if isinstance(share, str) and share.startswith("<"):  # too few draws to say more
        return f"<{percent(share[1:]).removeprefix('<')}"
    value = float(share) * 100
    if 0 < value < 1:
        return f"<1{NBSP}%"
    if 99 < value < 100:  # noqa: PLR2004  the other end
        return f">99{NBSP}%"
    return f"{value:.0f}{NBSP}%"


def in_hundred(share: str | float | None) -> str:
    """A probability as a count that people can picture: `2 in 100`, `0.5 in 100`."""
    if share is None or share == "":
        return DASH
    figure = f"{float(share) * 100:.1f}".removesuffix(".0")
    if figure == "0" and float(share) > 0:
        figure = "<0.1"
    return f"{figure}{NBSP}in{NBSP}100"


def cases(share: str | float | None) -> str:
    """How many in a hundred, as a bare whole number for narrow columns: `48`, `<1`, `>99`."""
    return percent(share).removesuffix(f"{NBSP}%")


def measured(value: str | None, unit: str) -> str:
    """A measured value in its unit: a share for scores, else `1,200 steps`."""
    if value is None or not math.isfinite(float(value)):
        return DASH
    if unit in {"", "score"}:
        return percent(value)
    figure = float(value)
    shown = f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"  # noqa: PLR2004  three figures
    return f"{shown}{NBSP}{unit}"


def date(day: dt.date) -> str:
    """`23 Nov 2026`."""
    return f"{day.day}{NBSP}{day:%b}{NBSP}{day.year}"


def date_text(text: str) -> str:
    """An ISO date in the same form; any other text as it stands."""
    import datetime as dt  # noqa: PLC0415  only for its parser

    try:
        return date(dt.date.fromisoformat(text))
    except ValueError:
        return text


def short_digest(digest: str) -> str:
    """`sha256:9c41…e07a`: enough to compare by eye."""
    algorithm, colon, value = digest.partition(":")
    if not colon or len(value) <= 12:  # noqa: PLR2004  short already
        return digest
    return f"{algorithm}:{value[:4]}…{value[-4:]}"


def item(name: str) -> str:
    """An item in plain words; what is no item stands for itself."""
    try:
        return item_words(name)
    except InputError:
        return name


def tier(name: str) -> str:
    """A tier in plain words."""
    return _TIER_WORDS.get(name, name)


def some(things: Sequence[str], at_most: int) -> str:
    """`a, b and c`, or `a, b and 3 more` where there are more than `at_most`."""
    if len(things) > at_most:
        return listed([*things[:at_most], f"{len(things) - at_most} more"])
    return listed(things)


def count(amount: int, singular: str, plural: str = "") -> str:
    """`1 reason`, `3 reasons`."""
    return f"{amount:,}{NBSP}{singular if amount == 1 else plural or singular + 's'}"


def capital(text: str) -> str:
    """First letter large, unless the first word is an id or a file name."""
    first = text.partition(" ")[0].rstrip(",;:.")
    return text if set(first) & set("./_@") else text[:1].upper() + text[1:]


def uncapital(text: str) -> str:
    """First letter small, unless the first word is written in capitals."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def ended(text: str) -> str:
    """With a full stop, unless it ends in one already or in `…`."""
    text = text.strip()
    return text + ("" if not text or text[-1] in ".!?…" else ".")


def sentence(text: str) -> str:
    """Capital first letter and an end."""
    return capital(ended(text))


def clipped(text: str, length_max: int) -> str:
    """`text`, cut after a sentence, else after a word, and marked with `…` where it is too long."""
    if len(text) <= length_max:
        return text
    kept = text[: length_max - 2]
    sentence_end = kept.rfind(". ") + 1
    if sentence_end > length_max // 2:
        return f"{kept[:sentence_end]} …"
    head, _, _ = kept.rpartition(" ")
    return (head if len(head) > length_max // 2 else kept).rstrip(" ,;:") + "…"


class Dictionary:
    """What this assessment calls its groups, actors, abilities and domains."""

    def __init__(self, assessment: Assessment) -> None:
        """Read the assessment's own words; an id without any stands for itself."""
        self._words: Mapping[str, str] = assessment.words
        self._groups = {group.id: group.words for group in assessment.groups}
        self._threats = {t.id: t.words for t in assessment.harm.threats} if assessment.harm else {}

    def group(self, name: str) -> str:
        """A group: "vetted groups"."""
        return self._groups.get(name) or self._words.get(name) or group_words(name)

    def groups(self, names: Sequence[str]) -> str:
        """Several groups; "nobody" where there is none."""
        return listed([self.group(name) for name in names]) or "nobody"

    def of(self, name: str) -> str:
        """An ability, domain, actor or threat in words, an item in plain words."""
        return self._words.get(name) or self._threats.get(name) or item(name)
