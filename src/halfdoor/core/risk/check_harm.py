"""Whether the tables of layer B mean something: threats, stops, exposure, flaws, defence.

A model describes all its actors, rules and domains, or none: where it has no row of a kind, names of that
kind are not checked. So threats alone, as they are published, are a model that can be simulated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.ids import did_you_mean
from halfdoor.core.model.groups import LADDER
from halfdoor.core.risk.harm.steps import step_groups, step_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halfdoor.core.risk.document import RiskModel, Step, Threat, Uncertain
    from halfdoor.core.risk.problem import Problems


def check_harm(model: RiskModel, found: Problems) -> None:
    """Add the problems of threats, stops, exposure, flaws and defence, in the document's order."""
    for index, row in enumerate(model.threat):
        _threat(row, f"threat[{index}]", model, found)
    for index, stop in enumerate(model.stop):
        found.number(stop.p, "probability", f"stop[{index}].p")
        if not stop.safeguard:
            message = "no safeguard is named"
            found.error("bad-id", message, f"stop[{index}].safeguard", 'for example "monitoring"')
    found.distinct(((row.safeguard,) for row in model.stop), "stop")
    if model.exposure is not None:
        found.number(model.exposure.public_lag_days, "positive", "exposure.public_lag_days")
        found.number(model.exposure.withdrawal_days, "positive", "exposure.withdrawal_days")
    _flaws(model, found)
    _defence(model, found)


def group_known(name: str, where: str, found: Problems) -> None:
    """A policy may add groups, so a name beyond the ladder may be right: a lint."""
    if name not in LADDER:
        message = f"{name!r} is no group of the default ladder"
        found.lint("unknown-group", message, where, did_you_mean(name, LADDER))


def _threat(row: Threat, at: str, model: RiskModel, found: Problems) -> None:
    if model.domain:
        found.known(row.domain, {d.id for d in model.domain}, "domain", f"{at}.domain")
    _routes(row, at, model, found)
    found.number(row.damage, "positive", f"{at}.damage")
    found.number(row.damage_uplifted, "positive", f"{at}.damage_uplifted")
    domains = {a.id: a.domain for a in model.actor}
    for name in ("actors", "attempts"):
        plain: Mapping[str, Uncertain] = getattr(row, name)
        _classes(plain, f"{at}.{name}", row, domains, found)
        uplifted: Mapping[str, Uncertain] = getattr(row, f"{name}_uplifted")
        _classes(uplifted, f"{at}.{name}_uplifted", row, domains, found)
        for actor in uplifted:
            if actor not in plain:
                message = f"{actor!r} is stated with uplift only"
                found.error(
                    "half-stated", message, f"{at}.{name}_uplifted", f"state it in `{name}` too, if only as 0"
                )
    if set(row.actors) != set(row.attempts):
        message = "`actors` and `attempts` name different actors"
        found.error("half-stated", message, at, "state both for each")
    elif not row.actors:
        message = "no actor attempts it, so its yearly harm is 0"
        found.lint("no-actors", message, at, "add `actors` and `attempts`")
    _steps(row.step, at, found)


def _routes(row: Threat, at: str, model: RiskModel, found: Problems) -> None:
    given = {rule.gives for rule in model.rule}
    if not given:
        return
    if row.needs:
        found.known(row.needs, given, "ability", f"{at}.needs")
    for route in row.routes:
        found.known(route, given, "ability", f"{at}.routes")
    if not row.needs and not row.routes:
        message = "it needs no ability, so sharing changes nothing about it"
        found.lint("no-route", message, at, "name the ability it `needs`")


def _classes(
    numbers: Mapping[str, Uncertain], at: str, row: Threat, domains: Mapping[str, str], found: Problems
) -> None:
    """Numbers by class of actors; `domains`: the domain of each actor there is."""
    for actor, number in numbers.items():
        found.number(number, "positive", f"{at}.{actor}")
        if domains and found.known(actor, domains, "actor", at) and domains[actor] != row.domain:
            found.error("wrong-domain", f"{actor!r} is an actor of {domains[actor]}", at)


def _steps(steps: tuple[Step, ...], at: str, found: Problems) -> None:
    if not steps:
        found.lint("no-steps", "a threat without steps always succeeds", at, "add [[threat.step]]")
    for number, (step, name) in enumerate(zip(steps, step_names(steps), strict=True)):
        here = f"{at}.step[{number}]"
        found.number(step.p, "probability", f"{here}.p")
        found.number(step.uplifted, "probability", f"{here}.uplifted")
        if name != step.name:
            message = f"{step.name!r} is the name of two steps; this one is shown as {name!r}"
            found.lint("duplicate-step", message, f"{here}.name", "rename one of them")
    for (group, _), members in step_groups(steps).items():
        if group and len(members) == 1:
            message = f"{group!r} is the alternative of no other step"
            found.lint(
                "lone-alternative",
                message,
                f"{at}.step[{members[0]}].any_of",
                "remove it, or correct its name",
            )


def _flaws(model: RiskModel, found: Problems) -> None:
    for index, row in enumerate(model.flaw):
        at = f"flaw[{index}]"
        found.number(row.open, "positive", f"{at}.open")
        found.number(row.harm, "positive", f"{at}.harm")
        found.number(row.uptake, "probability", f"{at}.uptake")
        for group, number in row.copies.items():
            group_known(group, f"{at}.copies", found)
            found.number(number, "positive", f"{at}.copies.{group}")
        if not row.copies:
            found.lint("no-copies", "nobody has a copy, so it does no harm", at, "add `copies`")


def _defence(model: RiskModel, found: Problems) -> None:
    for index, row in enumerate(model.defence):
        at = f"defence[{index}]"
        if model.domain:
            found.known(row.domain, {d.id for d in model.domain}, "domain", f"{at}.domain")
        found.item(row.item, f"{at}.item")
        group_known(row.group, f"{at}.group", found)
        for name in ("finding", "fixing", "rollout", "uptake"):
            found.number(getattr(row, name), "probability", f"{at}.{name}")
        found.number(row.fix_days, "positive", f"{at}.fix_days")
    found.distinct(((row.domain, row.item, row.group) for row in model.defence), "defence")
