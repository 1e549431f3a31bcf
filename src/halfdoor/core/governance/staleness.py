"""Until when evidence permits a configuration: found beforehand, by assessing again as of later days."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from halfdoor.core.assessment import Assessment
    from halfdoor.core.question import Question


def evidence_until(
    question: Question,
    assess: Callable[[Question], Assessment],
    *,
    today: dt.date,
    review: dt.date,
) -> dt.date | None:
    """The first day, from `today` to before `review`, on which the question's configuration is not permitted.

    None where it is permitted all the time. `assess` is core.assess.assess.

    The answer can only change on days that are known: when a claim turns stale, and when something dated
    later (a claim, a reference, an item that becomes public) begins to count. Between days of the second kind
    only evidence is lost, and evidence that is lost never widens what is permitted (invariant 5 of the
    design). So within such a stretch of time the last day decides whether there is anything to look for, and
    halving finds the first day: a stretch at whose end all is permitted is taken to be so throughout.
    """
    stale = sorted(day for day in set(_stale_days(question)) if today < day < review)
    fresh = sorted(day for day in set(_fresh_days(question)) if today < day < review)
    starts = [today, *fresh]
    for start, end in zip(starts, [*fresh, review], strict=True):
        days = [start, *(day for day in stale if start < day < end)]
        found = _first_refused(question, assess, days)
        if found is not None:
            return found
    return None


def permitted_on(question: Question, assess: Callable[[Question], Assessment], day: dt.date) -> bool:
    """Whether the configuration asked about is permitted as of a day; what cannot be assessed is not."""
    asked = question if day == question.as_of else msgspec.structs.replace(question, as_of=day)
    try:
        return assess(asked).verdict.permitted
    except InputError:  # a domain came into scope of which the policy says nothing
        return False


def _first_refused(
    question: Question, assess: Callable[[Question], Assessment], days: list[dt.date]
) -> dt.date | None:
    if permitted_on(question, assess, days[-1]):
        return None
    low, high = 0, len(days) - 1  # high is refused
    while low < high:
        middle = (low + high) // 2
        if permitted_on(question, assess, days[middle]):
            low = middle + 1
        else:
            high = middle
    return days[high]


def _stale_days(question: Question) -> Iterator[dt.date]:
    """The first day on which a claim is too old, for the policy as a whole or for one of its rows."""
    policy = question.policy
    for claim in question.claims:
        if claim.measured is None:
            continue
        ages = {row.max_age_days for row in policy.requirement if row.evidence == claim.id}
        for age in {policy.evidence_max_age_days, *ages} - {None}:
            assert age is not None
            yield _later(claim.measured, age + 1)


def _fresh_days(question: Question) -> Iterator[dt.date]:
    """Days on which something begins to count."""
    for claim in question.claims:
        if claim.measured is not None:
            yield claim.measured
    for item in question.dossier.item:
        if item.public_since is not None:
            yield item.public_since
    for reference in (*question.references.reference, *question.risk_model.reference):
        yield reference.public_since
        for published in reference.claim:
            if published.measured is not None:
                yield published.measured


def _later(day: dt.date, days: int) -> dt.date:
    return day + dt.timedelta(days=min(days, (dt.date.max - day).days))
