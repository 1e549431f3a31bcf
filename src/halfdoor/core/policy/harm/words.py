"""The annex on harm in words: what a board should read first, and what was assumed for want of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from halfdoor.core.annex import FlawHarm, Spread, ThreatHarm
from halfdoor.core.model.words import amount, listed
from halfdoor.core.risk.harm.exposure import grows
from halfdoor.core.risk.uncertainty.distributions import Floats

if TYPE_CHECKING:
    from halfdoor.core.policy.harm.exposures import Exposures
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.risk.document import Sourced, Threat

HEAVY = 0.05  # of the mean: a standard error above this says that the mean is not to be relied on
RARE = 0.1  # events a year: below that most years see none


class Figures(msgspec.Struct, frozen=True):
    """What the sentences are about: harm by threat in each draw, and the annex's rows."""

    base: Mapping[str, Floats]
    added: Mapping[str, Floats]
    committed: Mapping[str, Floats]
    threats: list[ThreatHarm]
    flaws: list[FlawHarm]


def sentences(situation: Situation, exposures: Exposures, figures: Figures) -> list[str]:
    """The first says what the proposal adds, beside what there is with nothing shared."""
    model = situation.model
    found: list[str] = []
    for unit in dict.fromkeys(t.unit for t in model.threat):
        of_unit = [t for t in model.threat if t.unit == unit]
        before, more, over = (
            np.asarray(np.sum([harm[t.id] for t in of_unit], axis=0))
            for harm in (figures.base, figures.added, figures.committed)
        )
        said = _added(unit, before, more, over, float(situation.policy.horizon_years))
        found.append(f"{_opening(situation, exposures)} adds {said}." if not found else f"It adds {said}.")
        found += _rare(unit, of_unit, exposures)
    chief = max(figures.threats, key=lambda t: t.added_per_year.mean / (t.baseline_per_year.mean or 1.0))
    if chief.added_per_year.mean > 0:
        found.append(
            f"It adds most, beside what there is with nothing shared, where {chief.words or chief.id}."
        )
    rows = {id(row): row for t in model.threat for row in judged_rows(t, situation)}
    judged = sum(1 for row in rows.values() if not row.source)
    found.append(f"Of the {len(rows)} rows of numbers behind these figures, {judged} are judgements.")
    unsteady = [t.id for t in figures.threats if t.heavy_tailed]
    unsteady += [flaw.id for flaw in figures.flaws if heavy(flaw.per_year)]
    if unsteady:
        found.append(f"The means for {listed(unsteady)} rest on few draws: read the percentiles instead.")
    return found


def heavy(told: Spread) -> bool:
    """Whether a mean is not to be relied on: its standard error is too much of it."""
    return told.mean_se is not None and told.mean_se > HEAVY * told.mean


def _opening(situation: Situation, exposures: Exposures) -> str:
    """Says so where the figures rest on the worst case for want of evidence."""
    adding = {t.domain for t in situation.model.threat if exposures.threat(t).items}
    worst = any((exposures.kappa(domain).modes["filtered"] >= 1).all() for domain in adding)
    return f"As proposed{', and counted as fully capable where not measured' if worst else ''}, this model"


def _added(unit: str, base: Floats, added: Floats, committed: Floats, years: float) -> str:
    there = _interval(base, unit)
    if not added.any():
        return f"nothing that is not there already: {there} a year, in 90 of 100 cases"
    span = f", {_interval(committed, unit)} over {years:g} years," if years != 1 else ""
    return (
        f"{_interval(added, unit)} a year{span} in 90 of 100 cases, "
        f"beside {there}{' a year' if span else ''} with nothing shared"
    )


def _rare(unit: str, threats: list[Threat], exposures: Exposures) -> list[str]:
    """So many a year is not what a year looks like where most years see no event at all."""
    rate = sum(float(exposures.threat(t).baseline("events").mean()) for t in threats)
    if rate >= RARE or rate <= 0:
        return []
    often = f"one in {float(f'{1 / rate:.2g}'):,g} years"
    what = "money" if unit == "USD" else unit
    return [f"In {what} these are averages over rare events: with nothing shared about {often}."]


def _interval(values: Floats, unit: str) -> str:
    """`$4.5M to $70M`, `44,000 to 1,700,000 people`, `up to 3 deaths`."""
    low, high = (amount(float(x), unit) for x in np.percentile(values, (5, 95)))
    if low == amount(0.0, unit):
        return f"up to {high}" if high != low else high
    return f"{low.removesuffix(' ' + unit)} to {high}" if low != high else high


def judged_rows(threat: Threat, situation: Situation) -> list[Sourced]:
    """The rows of the risk model that a threat's figures rest on."""
    model, access = situation.model, situation.gates.access
    abilities = [ability for ability in (threat.needs, *threat.routes) if ability]
    rules = {rule for ability in abilities for way in access.ways(ability).ways for rule in way.rules}
    claims = {claim for domain in model.domain if domain.id == threat.domain for claim in domain.claims}
    return [
        threat,
        *(model.rule[index] for index in sorted(rules)),
        *(actor for actor in model.actor if actor.id in threat.actors),
        *(reach for reach in model.reach if reach.actor in threat.actors),
        *(domain for domain in model.domain if domain.id == threat.domain),
        *(kind for kind in model.claim if kind.id in claims),
        *model.stop,
        *([model.exposure] if model.exposure is not None else []),
    ]


def assumptions(situation: Situation, exposures: Exposures) -> list[str]:
    """What was counted at its worst, or not at all, and why; and which spread is of events."""
    model, policy = situation.model, situation.policy
    named = dict.fromkeys(threat.domain for threat in model.threat)
    found = []
    for domain in named:
        standing = situation.standings.get(domain)
        if standing is None or not standing.in_scope:
            words = standing.words if standing else domain
            found.append(f"{words}: out of scope, so this model is counted as adding no harm.")
        else:
            found += exposures.kappa(domain).words
    flat = [threat.id for threat in model.threat if not grows(threat)]
    if flat:
        found.append(f"No uplift is stated for {listed(flat)}: counted as adding nothing to them.")
    bounded = [t.id for t in model.threat if not exposures.threat(t).complete]
    if bounded:
        found.append(f"Too many ways to list for {listed(bounded)}: an upper bound on who gets there.")
    stated = model.exposure
    if stated is None or stated.withdrawal_days is None:
        found.append("No time of withdrawal is stated: services count as open for the whole horizon.")
    if policy.exposure.credit_max == 0 or stated is None or stated.public_lag_days is None:
        found.append("No credit is given for comparable models that may become public elsewhere.")
    units = {threat.unit for threat in model.threat}
    bands = {band.id: band for band in policy.band}
    silent = [row.band for row in policy.frequency if bands[row.band].unit not in units]
    if silent:
        found.append(f"No threat is counted in the unit of {listed(silent)}: that line says nothing here.")
    by_event = [threat.id for threat in model.threat if threat.spread == "event"]
    if by_event:
        found.append(
            f"The spread of damage is from event to event for {listed(by_event)}; "
            "for all others it is what is not known."
        )
    found.append(
        "Damage, actors and attempts grow with capability only where that is stated; "
        "nothing is said of what nobody has thought of."
    )
    return found
