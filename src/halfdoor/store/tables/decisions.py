"""Decisions and the plans that carry them out."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table

from halfdoor.store.tables.base import key, metadata, number, of, text, whole

# An assessment that was recorded for a version, with the question that it answers.
assessment = Table(
    "assessment",
    metadata,
    key(),  # the assessment's own id
    of("version", "version.id", primary_key=True),
    of("question", "document.digest"),
    of("outcome", "document.digest"),  # the assessment as JSON
    whole("recorded_ms"),
    whole("entry"),
)

# Policies that were adopted here, with the risk model that goes with each; the newest holds.
adopted_policy = Table(
    "adopted_policy",
    metadata,
    Column("number", number, primary_key=True),
    of("policy", "document.digest"),
    of("risk_model", "document.digest"),
    text("adopted_by"),
    whole("at_ms"),
    whole("entry"),
    sqlite_autoincrement=True,
)

# `document` is what people approve, and its digest is what they say they saw.
decision = Table(
    "decision",
    metadata,
    key(),
    of("version", "version.id"),
    of("document", "document.digest"),
    text("proposer"),
    whole("proposed_ms"),
    whole("entry"),
    whole("adopted_ms", optional=True),
    whole("adopted_entry", optional=True),
    whole("ended_ms", optional=True),
    text("ended_cause", optional=True),
)
Index("ix_decision_version", decision.c.version)

approval = Table(
    "approval",
    metadata,
    of("decision", "decision.id", primary_key=True),
    key("person"),
    text("organisation", optional=True),
    text("roles"),  # JSON list: held when approving
    text("seen"),
    of("signature", "document.digest", optional=True),  # an SSH signature, as ssh-keygen -Y writes it
    whole("at_ms"),
    whole("entry"),
)

objection = Table(
    "objection",
    metadata,
    Column("number", number, primary_key=True),
    of("decision", "decision.id"),
    text("person"),
    text("seen"),
    text("reason"),
    whole("at_ms"),
    whole("entry"),
    sqlite_autoincrement=True,
)

plan = Table(
    "plan",
    metadata,
    key(),
    of("version", "version.id"),
    of("decision", "decision.id"),
    of("document", "document.digest"),  # its stages
    whole("started_ms"),
    whole("halted_ms", optional=True),
    whole("withdrawn_ms", optional=True),
    whole("entry"),
)
Index("ix_plan_version", plan.c.version)

# The stages that were entered. The current one is the last whose entry stands in the log.
plan_stage = Table(
    "plan_stage",
    metadata,
    of("plan", "plan.id", primary_key=True),
    Column("stage", Integer, primary_key=True, autoincrement=False),  # from 1
    whole("opened_ms"),
    whole("entry"),
)

stage_approval = Table(
    "stage_approval",
    metadata,
    of("plan", "plan.id", primary_key=True),
    Column("stage", Integer, primary_key=True, autoincrement=False),
    key("person"),
    text("seen"),
    whole("at_ms"),
    whole("entry"),
)

# What a monitor counted since the last report, for the conditions of the next stage.
observation = Table(
    "observation",
    metadata,
    Column("number", number, primary_key=True),
    of("plan", "plan.id"),
    whole("at_ms"),
    whole("use_count"),
    whole("incident_count"),
    whole("safeguard_count"),  # safeguards that had to be added
    text("reported_by"),
    sqlite_autoincrement=True,
)

# What is to be done on a date. Whoever does it holds a lease meanwhile.
task = Table(
    "task",
    metadata,
    Column("number", number, primary_key=True),
    text("kind"),
    text("subject"),
    whole("due_ms"),
    text("holder", optional=True),
    whole("lease_until_ms"),
    whole("done_ms", optional=True),
    text("outcome", optional=True),  # in words
    sqlite_autoincrement=True,
)
Index("ix_task_due_ms", task.c.due_ms)
