"""The risk model document: actors, abilities, rules, domains, threats. Measurement, not thresholds."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from halfdoor.core.model.dossier import Mode, Table

Schema = Literal["halfdoor/risk-model/1"]


class Spread(Table, frozen=True):
    """An uncertain number: {p5, mode, p95}, {p5, p50, p95}, {low, high, confidence} or {mode}.

    Or `pool`, what several experts stated, each with a `weight` (absent: all alike): a mixture of theirs.
    """

    p5: float | None = None
    mode: float | None = None
    p50: float | None = None
    p95: float | None = None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    pool: tuple[Spread, ...] = ()
    weight: float | None = None  # inside a pool
    expert: str = ""  # inside a pool: whose


Uncertain = float | Spread


class Sourced(Table, frozen=True, kw_only=True):
    """Every number carries a source, or says whose judgement it is and why."""

    source: str = ""
    judgement: str = ""


class Actor(Sourced, frozen=True):
    """Who might misuse: `budget` in USD, `days` of work, `skill` 0 (none) … 5 (state programme)."""

    id: str
    domain: str
    budget: Uncertain
    days: Uncertain
    skill: int
    words: str = ""


class Ability(Sourced, frozen=True):
    """What somebody can do with what they hold; `words` complete "somebody can …".

    mode: the capability its holder works with, where a threat names it as a route
    """

    id: str
    words: str = ""
    mode: Mode = "unfiltered"


class Rule(Sourced, frozen=True):
    """These items and abilities give that ability at this cost (USD, days, skill tier).

    `measured_by` names a claim (for example tamper-cost) whose lower bound, times `usd_per_unit`,
    raises the cost where it is higher: evidence may show that an attack costs more.
    """

    gives: str
    needs: tuple[str, ...]
    cost: Uncertain = 0.0
    days: Uncertain = 0.0
    skill: int = 0
    measured_by: str = ""
    usd_per_unit: Uncertain | None = None


class ClaimKind(Sourced, frozen=True):
    """`[[claim]]`: what a claim id means. `map` takes a chance-corrected score to capability 0–1."""

    id: str
    kind: Literal["capability", "inability"] = "capability"
    words: str = ""
    chance: float | None = None
    map: tuple[tuple[float, float], ...] = ()
    unit: str = ""
    prior: Spread | None = None  # what it might show, before it is measured
    cost: str = ""  # what measuring takes, in words


class Domain(Sourced, frozen=True):
    """A field of misuse. Every id in `claims` has to be measured, or counts at its worst.

    `map` serves claims without one of their own; `prior` is over capability, for what is not measured.
    """

    id: str
    words: str = ""
    claims: tuple[str, ...] = ()
    chance: float = 0.0
    map: tuple[tuple[float, float], ...] = ()
    elicitation_correlation: float = 0.5
    prior: Spread | None = None


class Step(Table, frozen=True):
    """One step of a threat: P(success) without and with full uplift."""

    name: str
    p: Uncertain
    uplifted: Uncertain | None = None
    any_of: str = ""


class Threat(Sourced, frozen=True):
    """A misuse scenario: actors × attempts × P(success) × damage, per year.

    Whoever has the ability `needs`, or one of `routes`, tries with the model's help in that ability's mode.
    At capability κ the steps' probabilities, and the numbers given as `…_uplifted`, stand between their
    plain values (κ = 0) and their uplifted ones (κ = 1).
    """

    id: str
    domain: str
    needs: str = ""
    routes: tuple[str, ...] = ()
    unit: str = "USD"
    damage: Uncertain = 0.0
    actors: dict[str, Uncertain] = msgspec.field(default_factory=dict)
    attempts: dict[str, Uncertain] = msgspec.field(default_factory=dict)
    step: tuple[Step, ...] = ()
    spread: Literal["ignorance", "event"] = "ignorance"
    words: str = ""
    damage_uplifted: Uncertain | None = None
    actors_uplifted: dict[str, Uncertain] = msgspec.field(default_factory=dict)
    attempts_uplifted: dict[str, Uncertain] = msgspec.field(default_factory=dict)


class Stop(Sourced, frozen=True):
    """`[[stop]]`: P(a misuse is stopped in time) on a route through a service that has this safeguard."""

    safeguard: str
    p: Uncertain


class Exposure(Sourced, frozen=True):
    """`[exposure]`: how long what was opened adds harm.

    public_lag_days: mean time until a comparable model is public elsewhere (exponential around it)
    withdrawal_days: time until a service is withdrawn once it is misused
    """

    public_lag_days: Uncertain | None = None
    withdrawal_days: Uncertain | None = None


class Flaw(Sourced, frozen=True):
    """`[[flaw]]`: defects that spread with copies.

    open: unresolved flaws at any time; harm: of one flaw in one copy, per year, in `unit`
    copies: by group that has the weights; uptake: share of copies that take a patch (a hosted model: all)
    """

    id: str
    open: Uncertain
    harm: Uncertain
    uptake: Uncertain
    copies: dict[str, Uncertain]
    unit: str = "USD"
    words: str = ""


class Defence(Sourced, frozen=True):
    """`[[defence]]`: what openness gives the defenders of a domain; shares of gross exposure averted.

    Averted, where `group` or wider has `item`: finding × fixing × rollout × uptake.
    """

    domain: str
    item: str
    group: str
    finding: Uncertain
    fixing: Uncertain
    rollout: Uncertain
    uptake: Uncertain
    fix_days: Uncertain = 0.0
    words: str = ""


class Reach(Sourced, frozen=True):
    """P(an actor of this class gets in as this group within a year). Group `nobody`: theft."""

    actor: str
    group: str
    p: Uncertain
    security: str = ""  # the security level that `p` is about; empty: any level without a row of its own


class Leak(Sourced, frozen=True):
    """Downloads shared with this group: leaks seen in so many watched years."""

    group: str
    leaks: float
    years: float


class Commonplace(Sourced, frozen=True):
    """A component anybody can have elsewhere (fine-tuning code beside PEFT)."""

    item: str


class PublishedClaim(Table, frozen=True):
    """A published result of a reference model."""

    claim: str
    passes: int
    trials: int
    mode: Mode = "unfiltered"
    methods: tuple[str, ...] = ()
    source: str = ""
    measured: dt.date | None = None


class Reference(Sourced, frozen=True):
    """A public model with published results: the yardstick for what is marginal."""

    id: str
    public_since: dt.date
    words: str = ""
    claim: tuple[PublishedClaim, ...] = ()


class Benefit(Sourced, frozen=True):
    """How much of full openness's benefit this item keeps for an objective when `group` has it, 0–1."""

    item: str
    group: str
    objective: str
    kept: float


class Alternative(Sourced, frozen=True):
    """What can stand in for openness, and how much of an objective it adds back, 0–1."""

    objective: str
    words: str
    adds: float
    items: tuple[str, ...] = ()  # components it can replace; empty: any


class RiskModel(Table, frozen=True):
    """The whole risk model document."""

    schema: Schema
    name: str
    version: str
    issuer: str = ""
    words: str = ""
    actor: tuple[Actor, ...] = ()
    ability: tuple[Ability, ...] = ()
    rule: tuple[Rule, ...] = ()
    domain: tuple[Domain, ...] = ()
    claim: tuple[ClaimKind, ...] = ()
    threat: tuple[Threat, ...] = ()
    stop: tuple[Stop, ...] = ()
    exposure: Exposure | None = None
    flaw: tuple[Flaw, ...] = ()
    defence: tuple[Defence, ...] = ()
    reach: tuple[Reach, ...] = ()
    leak: tuple[Leak, ...] = ()
    commonplace: tuple[Commonplace, ...] = ()
    reference: tuple[Reference, ...] = ()
    benefit: tuple[Benefit, ...] = ()
    alternative: tuple[Alternative, ...] = ()


class References(Table, frozen=True):
    """A dated registry of public references (`halfdoor/references/1`)."""

    schema: Literal["halfdoor/references/1"]
    name: str
    version: str
    issuer: str = ""
    reference: tuple[Reference, ...] = msgspec.field(default=())
