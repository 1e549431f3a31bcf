"""Versions, decisions, plans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; those of the log are not touched."""
    for make in (_models, _decisions, _approvals, _plans):
        make()


def _models() -> None:
    """Versions, their files and names."""
    op.create_table(
        "document",
        sa.Column("digest", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("stored_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_document"),
    )
    op.create_table(
        "version",
        sa.Column("id", sa.Text),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("manifest", sa.Text, nullable=False),
        sa.Column("sha", sa.Text, nullable=False),
        sa.Column("published_by", sa.Text),
        sa.Column("published_ms", sa.BigInteger, nullable=False),
        sa.Column("withdrawn_ms", sa.BigInteger),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_version"),
        sa.ForeignKeyConstraint(["manifest"], ["document.digest"], name="fk_version_manifest"),
        sa.UniqueConstraint("manifest", "repository", name="uq_version_manifest"),
        sa.UniqueConstraint("repository", "label", name="uq_version_repository"),
    )
    op.create_table(
        "version_file",
        sa.Column("version", sa.Text),
        sa.Column("path", sa.Text),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("items", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("version", "path", name="pk_version_file"),
        sa.ForeignKeyConstraint(["version"], ["version.id"], name="fk_version_file_version"),
    )
    op.create_table(
        "revision",
        sa.Column("repository", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("variant", sa.Text, nullable=False),
        sa.Column("sha", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("repository", "name", name="pk_revision"),
        sa.ForeignKeyConstraint(["version"], ["version.id"], name="fk_revision_version"),
    )
    op.create_table(
        "flaw",
        sa.Column("id", sa.Text),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("warning", sa.Text, nullable=False),
        sa.Column("reported_ms", sa.BigInteger, nullable=False),
        sa.Column("closed_ms", sa.BigInteger),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_flaw"),
        sa.ForeignKeyConstraint(["version"], ["version.id"], name="fk_flaw_version"),
    )


def _decisions() -> None:
    """Decisions."""
    op.create_table(
        "assessment",
        sa.Column("id", sa.Text),
        sa.Column("version", sa.Text),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("recorded_ms", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", "version", name="pk_assessment"),
        sa.ForeignKeyConstraint(["version"], ["version.id"], name="fk_assessment_version"),
        sa.ForeignKeyConstraint(["question"], ["document.digest"], name="fk_assessment_question"),
        sa.ForeignKeyConstraint(["outcome"], ["document.digest"], name="fk_assessment_outcome"),
    )
    op.create_table(
        "adopted_policy",
        sa.Column("number", _number, autoincrement=True),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("risk_model", sa.Text, nullable=False),
        sa.Column("adopted_by", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_adopted_policy"),
        sa.ForeignKeyConstraint(["policy"], ["document.digest"], name="fk_adopted_policy_policy"),
        sa.ForeignKeyConstraint(["risk_model"], ["document.digest"], name="fk_adopted_policy_risk_model"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.Text),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("proposer", sa.Text, nullable=False),
        sa.Column("proposed_ms", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.Column("adopted_ms", sa.BigInteger),
        sa.Column("adopted_entry", sa.BigInteger),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("ended_cause", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_decision"),
        sa.ForeignKeyConstraint(["version"], ["version.id"], name="fk_decision_version"),
        sa.ForeignKeyConstraint(["document"], ["document.digest"], name="fk_decision_document"),
    )
    op.create_index("ix_decision_version", "decision", ["version"])


def _approvals() -> None:
    """Approvals and objections."""
    op.create_table(
        "approval",
        sa.Column("decision", sa.Text),
        sa.Column("person", sa.Text),
        sa.Column("organisation", sa.Text),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("signature", sa.Text),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("decision", "person", name="pk_approval"),
        sa.ForeignKeyConstraint(["decision"], ["decision.id"], name="fk_approval_decision"),
        sa.ForeignKeyConstraint(["signature"], ["document.digest"], name="fk_approval_signature"),
    )
    op.create_table(
        "objection",
        sa.Column("number", _number, autoincrement=True),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_objection"),
        sa.ForeignKeyConstraint(["decision"], ["decision.id"], name="fk_objection_decision"),
        sqlite_autoincrement=True,
    )


def _plans() -> None:
    """Plans."""
    op.create_table(
        "plan",
        sa.Column("id", sa.Text),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("decision", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=False),
        sa.Column("halted_ms", sa.BigInteger),
        sa.Column("withdrawn_ms", sa.BigInteger),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plan"),
        sa.ForeignKeyConstraint(["version"], ["version.id"], name="fk_plan_version"),
        sa.ForeignKeyConstraint(["decision"], ["decision.id"], name="fk_plan_decision"),
        sa.ForeignKeyConstraint(["document"], ["document.digest"], name="fk_plan_document"),
    )
    op.create_index("ix_plan_version", "plan", ["version"])
    op.create_table(
        "plan_stage",
        sa.Column("plan", sa.Text),
        sa.Column("stage", sa.Integer, autoincrement=False),
        sa.Column("opened_ms", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("plan", "stage", name="pk_plan_stage"),
        sa.ForeignKeyConstraint(["plan"], ["plan.id"], name="fk_plan_stage_plan"),
    )
    op.create_table(
        "stage_approval",
        sa.Column("plan", sa.Text),
        sa.Column("stage", sa.Integer, autoincrement=False),
        sa.Column("person", sa.Text),
        sa.Column("seen", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("plan", "stage", "person", name="pk_stage_approval"),
        sa.ForeignKeyConstraint(["plan"], ["plan.id"], name="fk_stage_approval_plan"),
    )
    op.create_table(
        "observation",
        sa.Column("number", _number, autoincrement=True),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("use_count", sa.BigInteger, nullable=False),
        sa.Column("incident_count", sa.BigInteger, nullable=False),
        sa.Column("safeguard_count", sa.BigInteger, nullable=False),
        sa.Column("reported_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_observation"),
        sa.ForeignKeyConstraint(["plan"], ["plan.id"], name="fk_observation_plan"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "task",
        sa.Column("number", _number, autoincrement=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("lease_until_ms", sa.BigInteger, nullable=False),
        sa.Column("done_ms", sa.BigInteger),
        sa.Column("outcome", sa.Text),
        sa.PrimaryKeyConstraint("number", name="pk_task"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_task_due_ms", "task", ["due_ms"])


def downgrade() -> None:
    """There is no way back: decisions are not taken away."""
    raise NotImplementedError
