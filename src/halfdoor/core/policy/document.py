"""The policy document: scope test, tiers, what each tier forbids, margins, required evidence, roles."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from halfdoor.core.model.dossier import Party, Table

Comparator = Literal[">=", ">", "<=", "<"]


class ScopeTable(Table, frozen=True):
    """`[scope]`: when a model needs no assessment at all."""

    reference_margin: Decimal = Decimal(0)
    anchor_date: str = ""  # references public after this day do not count, so increments cannot ratchet
    margins_since_anchor: Decimal = Decimal(0)
    training_compute_below_flop: float | None = None
    already_public: bool = False  # accepts "its weights are public already" for domains not measured
    clause: str = ""


class MarginTable(Table, frozen=True):
    """`[margins]`, added to capability, each only where that step was not itself measured."""

    growth: Decimal = Decimal(0)
    elicitation: Decimal = Decimal(0)
    circumvention: Decimal = Decimal(0)


class Tier(Table, frozen=True):
    """`[[tier]]`: from this capability on, the domain stands at this tier."""

    domain: str
    name: Literal["notable", "high", "critical"]
    capability: Decimal
    clause: str = ""


class Limit(Table, frozen=True):
    """`[[limit]]`: at this tier or above, the actor must not get the ability more often than this."""

    domain: str
    tier: str
    actor: str
    ability: str
    access_probability: Decimal
    confidence: Decimal
    clause: str = ""
    id: str = ""


class Requirement(Table, frozen=True):
    """`[[requirement]]`: what has to be shown before the item goes to this group or wider."""

    item: str
    group: str
    kind: Literal["evidence", "audit", "safeguard", "security"] = "evidence"
    evidence: str = ""  # claim id, safeguard kind, or least security level
    statistic: Literal["value", "lower-bound", "upper-bound"] = "lower-bound"
    comparator: Comparator = ">="
    threshold: Decimal | None = None
    unit: str = ""
    max_age_days: int | None = None
    attestor: Party | None = None
    domain: str = ""
    tier: str = ""
    clause: str = ""
    id: str = ""


class Inability(Table, frozen=True):
    """`[[inability]]`: at most this chance-corrected score (upper bound) shows the model unable."""

    domain: str
    claim: str
    at_most: Decimal
    confidence: Decimal = Decimal("0.95")
    clause: str = ""


class GroupTable(Table, frozen=True):
    """`[[group]]`: an audience of the policy's own, beside the default ladder."""

    id: str
    contains: tuple[str, ...] = ()
    inside: tuple[str, ...] = ()
    rank: int | None = None
    words: str = ""


class Expect(Table, frozen=True):
    """`[[expect]]`: what must be shared (the card published, auditors let in); outside the frontier."""

    item: str
    group: str
    instead: tuple[str, ...] = ()  # items that do as well: who has the weights can read the internals
    clause: str = ""


class Role(Table, frozen=True):
    """`[[role]]`: who decides, and how many of them.

    decides: False for a role that has its say elsewhere (orders a halt, takes reports) and approves nothing
    signed:  approvals in this role need an SSH signature over the document, by a key of the person's
    """

    name: str
    quorum: int = 1
    distinct_organisations: bool = False
    decides: bool = True
    signed: bool = False
    clause: str = ""


class Application(Table, frozen=True):
    """`[[application]]`: what an applicant of this group has to state, and how the answer comes about.

    reviewers:      how many different people have to agree
    automatic:      granted at once where everything is stated; a named person answers for it
    days:           how long the grant holds
    undecided_days: an application that nobody decided for so long has expired
    """

    group: str
    fields: tuple[str, ...] = ()
    reviewers: int = 1
    automatic: bool = False
    days: int = 365
    undecided_days: int = 30
    clause: str = ""


class Objective(Table, frozen=True):
    """`[[objective]]`: a benefit of openness and its weight."""

    id: str
    weight: Decimal = Decimal(1)
    words: str = ""


class Band(Table, frozen=True):
    """`[[band]]`: a named severity."""

    id: str
    unit: str
    at_least: float
    clause: str = ""


class Frequency(Table, frozen=True):
    """`[[frequency]]`: makes layer B binding for a band."""

    band: str
    per_year: Decimal
    confidence: Decimal = Decimal("0.95")
    clause: str = ""


class ExposureTable(Table, frozen=True):
    """`[exposure]`: the largest share of the horizon that a coming public model may take off (0: none)."""

    credit_max: Decimal = Decimal(0)
    clause: str = ""


class NetTable(Table, frozen=True):
    """`[net]`: frequency rows may be held against net harm only by a policy that says `why`."""

    why: str = ""


class PlanTable(Table, frozen=True):
    """`[plan]`: what a stage has to show before the next one.

    incidents_at_most:      share of monitored uses that may end in an incident, at `confidence`, however
                            often one looks
    no_new_safeguards_days: so long before weights go out, no safeguard had to be added
    approvals:              how many different people have to approve that a stage is entered
    """

    soak_days: int = 90
    incidents_at_most: Decimal | None = None
    confidence: Decimal = Decimal("0.95")
    no_new_safeguards_days: int = 90
    approvals: int = 0
    clause: str = ""


class Policy(Table, frozen=True):
    """The whole policy document. `unmeasured` is one tier for all domains, or a table per domain.

    ledger:  "required" makes a restriction without owner, replacement and date, or overdue, fail the verdict
    offload: "forbidden" has the gate send every byte itself, so that it can cut each transfer
    """

    schema: Literal["halfdoor/policy/1"]
    name: str
    version: str
    issuer: str = ""
    kind: Literal["policy", "standard"] = "policy"
    words: str = ""
    horizon_years: Decimal = Decimal(1)
    quantile: Decimal = Decimal("0.9")
    unmeasured: str | dict[str, str] = "critical"
    evidence_max_age_days: int | None = (
        None  # older evidence is stale: it never helps, but still counts against
    )
    review_days: int = 180
    ledger: Literal["shown", "required"] = "shown"
    offload: Literal["allowed", "forbidden"] = "allowed"
    scope: ScopeTable = ScopeTable()
    margins: MarginTable = MarginTable()
    tier: tuple[Tier, ...] = ()
    limit: tuple[Limit, ...] = ()
    requirement: tuple[Requirement, ...] = ()
    inability: tuple[Inability, ...] = ()
    group: tuple[GroupTable, ...] = ()
    expect: tuple[Expect, ...] = ()
    role: tuple[Role, ...] = ()
    application: tuple[Application, ...] = ()
    objective: tuple[Objective, ...] = ()
    band: tuple[Band, ...] = ()
    frequency: tuple[Frequency, ...] = ()
    exposure: ExposureTable = ExposureTable()
    net: NetTable | None = None
    plan: PlanTable = PlanTable()
