"""The assessment: what `assess` returns, what `assessment.json` holds, and all that a report may read.

Numbers that matter for a threshold are decimal strings. A configuration is {item: [widest groups]};
items that nobody has are left out.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

import msgspec

from halfdoor.core.annex import Bundle, Driver, GraphRule, Harm, Plan, Worth

Configuration = dict[str, list[str]]
Edition = Literal["board", "regulator", "public"]
Outcome = Literal["pass", "fail", "missing", "not-applicable"]


class Out(msgspec.Struct, frozen=True):
    """A part of the assessment."""


class Subject(Out, frozen=True):
    """The model and the documents that judged it."""

    name: str
    version: str
    developer: str
    policy: str  # "seger-2023 0.1"
    policy_issuer: str
    risk_model: str
    references: str
    weights: dict[str, str]  # item -> digest of its files; empty for a dossier of published facts


class DomainScope(Out, frozen=True):
    """Whether one domain is in scope, and the sentence that says why."""

    domain: str
    words: str
    in_scope: bool
    why: str
    kind: Literal["unable", "below-reference", "training-compute", "already-public", "measured", "unmeasured"]


class Scope(Out, frozen=True):
    """In scope if any domain is."""

    in_scope: bool
    why: str
    domains: list[DomainScope]


class TierResult(Out, frozen=True):
    """How capable the evidence, with margins, allows the model to be in one domain."""

    tier: str  # below-reference | none | notable | high | critical (what limits are held against)
    measured: bool  # False: the tier is the policy's stand-in for "not measured"
    capability: str | None  # κ*: quantile plus margins
    quantile: str | None  # the policy's quantile of capability, before margins
    mean: str | None
    margins: dict[str, str]
    reference: str | None  # the best public reference under equal effort
    reference_capability: str | None
    thresholds: dict[str, str]  # tier -> capability from which it holds
    evidence: list[str]  # claim ids counted
    why: str


class EvidenceRow(Out, frozen=True):
    """One claim as counted, beside what the policy asks of it."""

    claim: str
    words: str
    origin: str
    estimate: str | None
    low: str | None  # two-sided 90 % interval: one-sided 95 % bounds
    high: str | None
    unit: str  # "score" for counted claims
    passes: int | None
    trials: int | None
    chance: str | None
    mode: str
    methods: list[str]
    parse_rates: dict[str, str]
    by: str
    measured: str | None
    binding: str
    counted: bool
    problem: str
    source: str
    asked: str  # what the policy asks, in words; may be empty
    digest: str
    asked_at: str | None = None  # the same as a number on the scale of `estimate`, to draw it there


class Cost(Out, frozen=True):
    """Money in USD and days, as percentiles over the draws."""

    usd_p5: float
    usd_p50: float
    usd_p95: float
    days_p50: float
    skill: int


class Derivation(Out, frozen=True):
    """One way to an ability: the rules used, in order, each with what it needs and gives."""

    ability: str
    rules: list[DerivationStep]
    items: list[str]


class DerivationStep(Out, frozen=True):
    """One rule of a derivation."""

    gives: str
    needs: list[str]
    usd_p50: float
    source: str
    judgement: str


class Binding(Out, frozen=True, kw_only=True):
    """One reason: a minimal blocking combination inside the proposal, and the row it breaks.

    Actor, ability, cost and derivation are those of a limit; probability and allowed also of a frequency row.
    """

    row: str  # limit or requirement id
    kind: Literal["limit", "requirement", "security", "expectation", "frequency", "ledger"]
    clause: str = ""
    domain: str = ""
    tier: str = ""
    items: Configuration  # withhold any one of these from these groups and the reason is gone
    actor: str = ""
    ability: str = ""
    probability: str | None = None
    allowed: str | None = None
    cost: Cost | None = None
    derivation: Derivation | None = None
    sentence: str
    alternatives: list[Configuration] = []  # combinations of other variants that break the row alike


class Verdict(Out, frozen=True):
    """Permitted under the policy, or not, and the reasons."""

    permitted: bool
    headline: str
    binding: list[Binding]
    sentences: list[str]
    public: list[str] = []  # the reasons without the cheapest ways round


class Combination(Out, frozen=True):
    """One row of the combination table: this holding gives this actor that ability."""

    ability: str
    words: str
    actor: str
    actor_words: str
    domain: str
    variant: str
    items: list[str]
    probability: str
    cost: Cost
    upper_bound: bool


class RequirementResult(Out, frozen=True):
    """A requirement row against the evidence."""

    id: str
    item: str
    group: str
    kind: str
    evidence: str
    asked: str
    found: str
    outcome: Outcome
    clause: str


class LimitResult(Out, frozen=True):
    """A limit row against the proposal."""

    id: str
    domain: str
    tier: str
    actor: str
    ability: str
    allowed: str
    probability: str  # P(access probability above the limit), at the proposal
    tolerated: str  # 1 - confidence
    nothing_shared: str  # the same with nothing shared: theft, and what is public
    applies: bool
    outcome: Outcome
    clause: str


class ExpectResult(Out, frozen=True):
    """What the policy expects to be shared, against the proposal."""

    item: str
    group: str
    outcome: Outcome
    clause: str


class LedgerRow(Out, frozen=True):
    """A restriction: what withholding costs, what replaces it, who does it, by when."""

    item: str
    withheld_from: str  # the widest group without it
    permitted_to: list[str]
    kept: str  # share of full openness's benefit kept, 0–1
    lost: dict[str, str]  # objective -> benefit lost, weighted, largest first
    cost: str  # in words
    replacement: str
    owner: str  # empty: nobody yet
    due: str  # empty: no date yet
    source: str
    outcome: Outcome = "missing"  # pass: owned, replaced and dated; fail: overdue; missing: not yet
    kept_with_alternatives: str = ""  # the same with the best alternatives for what is lost most in place


class Flip(Out, frozen=True):
    """An input's value at which the verdict changes; also a condition that voids a decision."""

    input: str
    now: str
    at: str
    direction: Literal["widens", "narrows"]
    sentence: str
    comparator: Literal[">=", "<"] | None = None  # a monitor fires where input comparator at holds
    unit: str = ""


class NextMeasurement(Out, frozen=True):
    """What measuring this could change."""

    claim: str
    words: str
    widens: str
    narrows: str
    cost: str
    sentence: str
    prior: str  # the stated prior, and whose judgement it is


class GroupWords(Out, frozen=True):
    """A group of the ladder, for the columns of the release board."""

    id: str
    words: str
    contains: list[str]


class Mof(Out, frozen=True):
    """Model Openness Framework class of the proposal as it would stand, and the plain words for it."""

    mof_class: int | None = msgspec.field(name="class")
    words: str = ""


class Assessment(Out, frozen=True):
    """The whole result. `id` is over the inputs, `outputs_digest` over everything computed from them."""

    schema: str
    id: str
    engine: str
    seed: int
    draws: int
    as_of: dt.date
    complete: bool
    inputs: dict[str, str]
    subject: Subject
    scope: Scope
    tiers: dict[str, TierResult]
    verdict: Verdict
    groups: list[GroupWords]
    proposed: Configuration
    public: list[str]  # items public already
    widest: list[Configuration]
    widest_setting_security_aside: list[Configuration]
    blocking: list[Configuration]
    combinations: list[Combination]
    limits: list[LimitResult]
    requirements: list[RequirementResult]
    expects: list[ExpectResult]
    evidence: list[EvidenceRow]
    not_measured: list[str]
    security: list[str]
    free_items: list[str]
    ledger: list[LedgerRow]
    flips: list[Flip]
    next: list[NextMeasurement]
    judgement_share: str  # of the rows of numbers behind the binding reasons: with a judgement in them
    sources: list[str]
    not_shown: list[str]  # the box "what this does not show"
    review_by: dt.date
    words: dict[str, str]  # ability, domain, actor and group ids -> words
    openness: Mof | None
    plan: Plan | None = None
    harm: Harm | None = None
    bundles: list[Bundle] = []
    drivers: list[Driver] = []
    worth: list[Worth] = []
    graph: list[GraphRule] = []  # the rules that what the dossier lists can take
    benefits: dict[str, str] = {}
    edition: Edition = "board"
    withheld: dict[str, str] = {}  # section -> hash of its leaf (see core/editions.py)
    salts: dict[str, str] = {}  # of the sections shown
    outputs_digest: str = ""
