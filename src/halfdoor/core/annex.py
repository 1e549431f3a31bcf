"""What an assessment's annexes hold beside its tables: harm, plan, drivers, the worth of information.

Harm figures are floats rounded to three significant digits; shares and probabilities decimal strings.
Money and lives stand apart: every figure of harm names its unit, and no two units are added.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

Shared = dict[str, list[str]]  # a configuration: item -> widest groups


class Part(msgspec.Struct, frozen=True):
    """A part of an annex."""


class Spread(Part, frozen=True):
    """A figure over the draws. `mean_se` is None where the mean is exact."""

    mean: float
    mean_se: float | None
    p5: float
    p50: float
    p95: float


class ThreatHarm(Part, frozen=True):
    """One threat: with nothing shared, and what the proposal adds."""

    id: str
    words: str
    domain: str
    unit: str
    baseline_per_year: Spread  # harm with nothing shared
    added_per_year: Spread  # worst twelve months
    added_committed: Spread  # over the policy's horizon
    attempts_per_year: Spread  # successful events that the proposal adds
    heavy_tailed: bool  # the standard error of a mean is above 5 % of it
    judgement_share: str


class BandHarm(Part, frozen=True):
    """Events at least so severe, per year, against the policy's line where it draws one."""

    band: str
    unit: str
    at_least: float
    baseline_per_year: float  # mean over the draws
    added_per_year: float
    added_quantile: float  # at the confidence asked for, else at 95 %
    exceeded_in_a_year: str  # P(a year's added harm is so severe); "< 0.005": too few draws to tell
    allowed_per_year: str | None
    confidence: str | None
    outcome: Literal["pass", "fail", "not-applicable"]
    clause: str


class Curve(Part, frozen=True):
    """Events per year above x: mean frequency at each x, rising in x."""

    unit: str
    x: list[float]
    nothing: list[float]
    proposed: list[float]
    widest: list[float]


class FlawHarm(Part, frozen=True):
    """Harm per year of flaws in copies that nobody can patch."""

    id: str
    words: str
    unit: str
    per_year: Spread


class Net(Part, frozen=True):
    """Gross exposure beside what openness gives the defenders of a domain."""

    domain: str
    unit: str
    gross_per_year: float
    averted: str  # share of it
    net_per_year: float
    evidence: str  # in words, with source or judgement


class Run(Part, frozen=True):
    """The same figure under another assumption about what hangs together."""

    words: str  # "elicitation gap correlated 0.9 across domains", "steps comonotone"
    unit: str
    added_per_year: float


class Harm(Part, frozen=True):
    """Layer B for the proposal."""

    binding: bool  # the policy has [[frequency]] rows
    horizon_years: float
    sentences: list[str]  # what a board should read, first one first
    threats: list[ThreatHarm]
    bands: list[BandHarm]
    curves: list[Curve]
    flaws: list[FlawHarm]
    net: list[Net]
    runs: list[Run]
    assumptions: list[str]  # what was counted at its worst because it was not stated


class Asks(Part, frozen=True):
    """What a stage asks of the one before it, as numbers that a monitor can hold its counts against.

    clean_uses: so many monitored uses without an incident show the bound; every incident asks for more
    """

    soak_days: int = 0
    no_new_safeguards_days: int = 0
    incidents_at_most: str | None = None
    confidence: str | None = None
    clean_uses: int | None = None


class Stage(Part, frozen=True):
    """One step of a plan: what is opened, and what must be shown before it."""

    number: int
    opens: Shared  # the new cells: item -> groups that now have it
    configuration: Shared  # all that is open from here on
    conditions: list[str]  # each a sentence; empty: may be taken today
    irreversible: list[str]  # items that cannot be called back
    benefit: str  # share of full openness's benefit kept from here on
    earliest: dt.date | None
    sentence: str
    asks: Asks = Asks()


class Plan(Part, frozen=True):
    """From today's configuration to the widest defensible one."""

    today: Shared
    target: Shared
    stages: list[Stage]
    beyond: list[Stage]  # not permitted yet, and what would have to be shown first
    sentence: str


class Driver(Part, frozen=True):
    """How much of the spread of an outcome rests on one input (total Sobol index)."""

    outcome: str
    input: str
    total: str
    error: str  # standard error of the estimate
    sentence: str


class Worth(Part, frozen=True):
    """What knowing something is worth, as a share of full openness's benefit."""

    what: str  # "everything", an input, or a claim
    kind: Literal["perfect", "partial-perfect", "sample", "waiting"]
    gain: str
    sentence: str


class GraphRule(Part, frozen=True):
    """One rule of the derivation graph that what exists of the model can take: all `needs` give `gives`.

    `free`: those of the needs that anybody has, being public or commonplace.
    """

    gives: str
    needs: list[str]
    free: list[str]
    usd_p5: float
    usd_p50: float
    usd_p95: float
    days_p50: float
    skill: int
    source: str
    judgement: str


class Bundle(Part, frozen=True):
    """Items that every border treats alike, shown as one."""

    words: str
    items: list[str]
