"""Flip points: for each input that matters, the value at which the proposal's verdict changes.

Each input is held at one value, all else as it was, and the value is sought by bisection over a plausible
range. What never changes the verdict in that range is left out. A flip is also a condition to watch: the
decision is void once `input comparator at` holds.
"""

from __future__ import annotations

import functools
import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import TYPE_CHECKING

from halfdoor.core.assessment import Flip
from halfdoor.core.policy.outlook.crossing import COARSE, Crossing, cross, polish
from halfdoor.core.policy.outlook.knobs import Knob, knobs
from halfdoor.core.policy.outlook.trial import Trial, Wanted
from halfdoor.core.policy.tiers import tier_rank

if TYPE_CHECKING:
    from halfdoor.core.policy.constraints import LimitInForce
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.policy.scope import DomainStanding

FLIPS_MAX = 12
_LEVELS = ("SL1", "SL2", "SL3", "SL4", "SL5")
_PAST = 10.0  # how far past what is asked or expected a measurement is tried
_WORST = 0.99  # where a domain that was not measured is taken to stand, to say what is near

_MILLION = 1e6

_Found = tuple[float, Flip]  # how far off, in log units or log odds


def flips(situation: Situation) -> list[Flip]:
    """Values at which the proposal's verdict changes, the nearest to where the input stands now first."""
    trial = Trial(situation)
    found = [*_capabilities(situation, trial), *_evidence(trial), *_security(trial), *_numbers(trial)]
    found.sort(key=lambda pair: (round(pair[0], 6), pair[1].input, pair[1].at))
    return [flip for _, flip in found[:FLIPS_MAX]]


def _capabilities(situation: Situation, trial: Trial) -> list[_Found]:
    """Per domain, the nearest capability above and below at which the verdict changes."""
    found = []
    for domain, standing in situation.standings.items():
        total = standing.capability.total
        levels = sorted((float(t.capability), t.name) for t in situation.policy.tier if t.domain == domain)
        here = tier_rank(standing.tier)
        for way, options in (
            ("up", [(at, name) for at, name in levels if tier_rank(name) > here]),
            ("down", [(at, name) for at, name in reversed(levels) if tier_rank(name) <= here]),
        ):
            for at, name in options:
                below = [n for a, n in levels if a < at]
                tier = name if way == "up" else (below[-1] if below else "none")
                rows = situation.rows(situation.with_tier(domain, tier))
                then = rows.permitted_as_proposed(situation.proposed)
                if then != trial.permitted:
                    flip = _capability(standing, total, at, way=way, permitted=then)
                    found.append((abs(_odds(at) - _odds(_WORST if total is None else total)), flip))
                    break
    return found


def _capability(
    standing: DomainStanding, total: float | None, at: float, *, way: str, permitted: bool
) -> Flip:
    where = f"{at:.2f} or above" if way == "up" else f"below {at:.2f}"
    now = f"now {total:.2f}" if total is not None else "now not measured"
    becomes = _becomes(permitted)
    return Flip(
        input=f"capability in {standing.domain}",
        now="not measured" if total is None else f"{total:.4f}",
        at=f"{at:.2f}",
        direction="widens" if permitted else "narrows",
        sentence=f"With capability in {standing.domain} {where} ({now}), the proposal is {becomes}.",
        comparator=">=" if way == "up" else "<",
    )


def _numbers(trial: Trial) -> list[_Found]:
    """Budgets, costs, days, reach and leaks: the nearest, first sought on few draws."""
    if trial.lacking:
        return []  # no number supplies what a requirement asks for
    named: dict[str, Knob] = {}
    touched: dict[str, list[LimitInForce]] = {}
    for limit, asked in trial.asked():
        for knob in knobs(asked, trial.situation.model):
            named[knob.name] = knob
            touched.setdefault(knob.name, []).append(limit)
    rough: list[tuple[float, str, Crossing]] = []
    for name, knob in named.items():
        if any(all(row is not other for other in touched[name]) for row in trial.broken):
            continue  # some other row forbids the proposal all the same
        ask = functools.partial(_held, trial, knob, touched[name], rough=True)
        found = cross(ask, knob.point(knob.low), knob.point(knob.high), trial.permitted, COARSE)
        if found is not None:
            rough.append((abs(found.beyond - knob.point(knob.now)), name, found))
    flips_found = []
    for _, name, near in sorted(rough, key=lambda row: row[:2])[:FLIPS_MAX]:
        knob = named[name]
        exact = polish(functools.partial(_held, trial, knob, touched[name]), near, trial.permitted)
        if exact is not None:
            off = abs(exact.beyond - knob.point(knob.now))
            rounded = _share if knob.scale == "logit" else _three
            at = rounded(knob.at(exact.beyond), up=exact.above)
            flips_found.append((off, _number(knob, at, above=exact.above, permitted=not trial.permitted)))
    return flips_found


def _held(
    trial: Trial, knob: Knob, touched: list[LimitInForce], point: float, *, rough: bool = False
) -> bool:
    return trial.held(knob, knob.at(point), touched, rough=rough)


def _number(knob: Knob, at: str, *, above: bool, permitted: bool) -> Flip:
    return Flip(
        input=knob.name,
        now=f"{knob.now:.3g}",
        at=at,
        direction="widens" if permitted else "narrows",
        sentence=(
            f"With {knob.words} known to be {_from(_amount(at, knob.unit), above=above)} "
            f"(now about {_amount(f'{knob.now:.3g}', knob.unit)}), the proposal is {_becomes(permitted)}."
        ),
        comparator=">=" if above else "<",
        unit=knob.unit,
    )


def _evidence(trial: Trial) -> list[_Found]:
    """What requirements ask for and measured costs rest on: from which value the verdict changes."""
    found = []
    for asked in trial.wanted():
        if not asked.values:
            continue
        low, high = math.log(min(asked.values) / _PAST), math.log(max(asked.values) * _PAST)
        ask = functools.partial(_measured, trial, asked)
        near = cross(functools.partial(ask, rough=True), low, high, trial.permitted, COARSE)
        exact = polish(ask, near, trial.permitted) if near is not None else None
        if exact is None:
            continue
        at = _three(math.exp(exact.beyond), up=exact.above)
        for threshold in asked.thresholds:  # where a row draws the line, the line is the answer
            if abs(math.log(threshold) - exact.beyond) <= COARSE:
                at = f"{threshold:g}"
        off = abs(exact.beyond - math.log(asked.middle))
        found.append((off, _measurement(asked, at, above=exact.above, permitted=not trial.permitted)))
    return found


def _measured(trial: Trial, asked: Wanted, point: float, *, rough: bool = False) -> bool:
    return trial.measured(asked, math.exp(point), rough=rough)


def _measurement(asked: Wanted, at: str, *, above: bool, permitted: bool) -> Flip:
    now = "now not measured" if asked.now is None else f"now {_amount(f'{asked.now:.3g}', asked.unit)}"
    return Flip(
        input=asked.claim,
        now="not measured" if asked.now is None else f"{asked.now:.3g}",
        at=at,
        direction="widens" if permitted else "narrows",
        sentence=(
            f"With {asked.words} measured by a third party {_from(_amount(at, asked.unit), above=above)} "
            f"({now}), the proposal is {_becomes(permitted)}."
        ),
        comparator=">=" if above else "<",
        unit=asked.unit,
    )


def _security(trial: Trial) -> list[_Found]:
    """The least security level at which the proposal is permitted."""
    level = trial.situation.dossier.model.security
    if level is not None and level not in _LEVELS:
        return []
    here = -1 if level is None else _LEVELS.index(level)
    if not trial.permitted:
        if not trial.security_could_help():
            return []
        for index in range(here + 1, len(_LEVELS)):
            if trial.secured(_LEVELS[index]):
                return [(float(index - here), _level(level, _LEVELS[index], permitted=True))]
        return []
    for index in range(here - 1, -1, -1):
        if not trial.secured(_LEVELS[index]):
            return [(float(here - index), _level(level, _LEVELS[index + 1], permitted=False))]
    return []


def _level(now: str | None, at: str, *, permitted: bool) -> Flip:
    stands = f"now {now}" if now else "now none is stated"
    return Flip(
        input="security level",
        now=now or "not stated",
        at=at,
        direction="widens" if permitted else "narrows",
        sentence=(
            f"With the developer's security {_from(at, above=permitted)} ({stands}), "
            f"the proposal is {_becomes(permitted)}."
        ),
        comparator=">=" if permitted else "<",
    )


def _becomes(permitted: bool) -> str:  # noqa: FBT001  one word for one answer
    return "permitted" if permitted else "no longer permitted"


def _from(amount: str, *, above: bool) -> str:
    return f"at {amount} or above" if above else f"below {amount}"


def _amount(value: str, unit: str) -> str:
    number = float(value)
    match unit:
        case "USD":
            return f"${number:,.6g}" if number < _MILLION else f"${number / _MILLION:,.6g}M"
        case "probability a year":
            return f"{number * 100:.6g} % a year"
        case _:
            return f"{number:,.6g} {unit}".rstrip()


def _share(value: float, *, up: bool) -> str:
    """A probability, as exact near 1 as near 0."""
    if value <= 0.5:  # noqa: PLR2004  nearer to 0
        return _three(value, up=up)
    return f"{1 - Decimal(_three(1 - value, up=not up)):f}"


def _three(value: float, *, up: bool) -> str:
    """Three significant digits, rounded to the side on which the verdict is changed."""
    context = Context(prec=3, rounding=ROUND_CEILING if up else ROUND_FLOOR)
    return f"{context.create_decimal_from_float(value).normalize():f}"


def _odds(share: float) -> float:
    held = min(max(share, 1e-3), 1 - 1e-3)
    return math.log(held / (1 - held))
