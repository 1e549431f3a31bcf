"""What is opened, and on whose decision: versions, evidence, assessments, decisions, stages."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from halfdoor.core.log.events.base import (
    Count,
    DecisionId,
    Digest,
    Event,
    OrderId,
    OrganisationId,
    PlanId,
    VersionId,
)


class PolicyAdopted(Event, frozen=True, kw_only=True, tag="policy:document:adopt"):
    """From now on decisions are taken under this policy and this risk model."""

    policy: Digest
    risk_model: Digest


class VersionRegistered(Event, frozen=True, kw_only=True, tag="model:version:register"):
    """A model version and all its files, fixed by the digest of their list; it opens nothing."""

    version: VersionId
    manifest: Digest


class VersionWithdrawn(Event, frozen=True, kw_only=True, tag="model:version:withdraw"):
    """The version is no longer served to anyone. Copies that are out stay out."""

    version: VersionId


class EvidenceRecorded(Event, frozen=True, kw_only=True, tag="evidence:claim:record"):
    """A log or statement of a measurement was added to what assessments of the version count."""

    version: VersionId
    evidence: Digest


class AssessmentRecorded(Event, frozen=True, kw_only=True, tag="assessment:record:register"):
    """An assessment: the id over its inputs, and the digest of its outputs."""

    version: VersionId
    assessment: Digest
    outputs: Digest


class DecisionProposed(Event, frozen=True, kw_only=True, tag="decision:record:propose"):
    """Somebody proposes that this configuration be permitted, on this assessment."""

    decision: DecisionId
    version: VersionId
    assessment: Digest
    configuration: Digest


class DecisionApproved(Event, frozen=True, kw_only=True, tag="decision:record:approve"):
    """One approval, of exactly what was seen. signature: digest of a detached signature, where given."""

    decision: DecisionId
    seen: Digest
    organisation: OrganisationId | None = None
    signature: Digest | None = None


class DecisionObjected(Event, frozen=True, kw_only=True, tag="decision:record:object"):
    """One objection. It is kept whatever the outcome."""

    decision: DecisionId
    seen: Digest


class DecisionAdopted(Event, frozen=True, kw_only=True, tag="decision:record:adopt"):
    """The quorum is met: the decision is in force until its review or until it is void."""

    decision: DecisionId
    configuration: Digest
    review: dt.date


class DecisionEnded(Event, frozen=True, kw_only=True, tag="decision:record:end"):
    """The decision is no longer in force."""

    decision: DecisionId
    cause: Literal["condition", "evidence", "ledger", "replaced", "review", "withdrawn"]


class PlanStarted(Event, frozen=True, kw_only=True, tag="stage:plan:start"):
    """A rising chain of configurations, all covered by the decision. document: its digest."""

    plan: PlanId
    version: VersionId
    decision: DecisionId
    document: Digest
    stages: Count


class StageApproved(Event, frozen=True, kw_only=True, tag="stage:plan:approve"):
    """One approval of entering a stage. seen: digest of the plan."""

    plan: PlanId
    stage: Count
    seen: Digest


class UseObserved(Event, frozen=True, kw_only=True, tag="stage:plan:observe"):
    """What a monitor counted since its last report."""

    plan: PlanId
    uses: Count
    incidents: Count
    safeguards_added: Count


class StageAdvanced(Event, frozen=True, kw_only=True, tag="stage:plan:advance"):
    """The plan enters a stage: this configuration is open from now on."""

    plan: PlanId
    stage: Count
    configuration: Digest


class PlanHalted(Event, frozen=True, kw_only=True, tag="stage:plan:halt"):
    """Closed at once for everybody; `order` where an overseer asked for it."""

    plan: PlanId
    order: OrderId | None = None


class PlanWithdrawn(Event, frozen=True, kw_only=True, tag="stage:plan:withdraw"):
    """The plan is given up; nothing of it is open any more."""

    plan: PlanId


OPENNESS = (
    PolicyAdopted
    | VersionRegistered
    | VersionWithdrawn
    | EvidenceRecorded
    | AssessmentRecorded
    | DecisionProposed
    | DecisionApproved
    | DecisionObjected
    | DecisionAdopted
    | DecisionEnded
    | PlanStarted
    | StageApproved
    | UseObserved
    | StageAdvanced
    | PlanHalted
    | PlanWithdrawn
)
