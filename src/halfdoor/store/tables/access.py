"""Applications, grants, deliveries."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, Table

from halfdoor.store.tables.base import key, metadata, number, of, text, whole

# How applications as a group are handled here, within what the policy says.
access_rule = Table(
    "access_rule",
    metadata,
    key("access_group"),
    text("responsible", optional=True),  # the person who answers for automatic approvals; none: no such
    of("terms", "document.digest", optional=True),  # what applicants agree to
    text("limits"),  # JSON: bytes, downloads, networks, days
    whole("set_ms"),
)

application = Table(
    "application",
    metadata,
    key(),
    of("person", "person.id"),
    of("version", "version.id"),
    text("access_group"),
    text("state"),  # core/governance/applications.py
    text("fields"),  # JSON, personal
    of("terms", "document.digest", optional=True),
    text("renews", optional=True),  # the grant that it would prolong
    whole("created_ms"),
    whole("submitted_ms", optional=True),
    whole("decided_ms", optional=True),
    whole("until_ms", optional=True),  # undecided until then, it expires
)
Index("ix_application_person", application.c.person)
Index("ix_application_state", application.c.state)

# What was done with an application, in order.
application_act = Table(
    "application_act",
    metadata,
    Column("number", number, primary_key=True),
    of("application", "application.id"),
    text("act"),
    text("person", optional=True),  # none: the application itself
    text("reason"),
    whole("at_ms"),
    whole("entry", optional=True),  # drafts are nobody's business
    sqlite_autoincrement=True,
)
Index("ix_application_act_application", application_act.c.application)

access_grant = Table(
    "access_grant",
    metadata,
    key(),
    of("person", "person.id"),
    of("version", "version.id"),
    text("access_group"),
    text("items"),  # JSON list
    of("application", "application.id", optional=True),
    whole("issued_ms"),
    whole("until_ms"),
    whole("renewed_until_ms", optional=True),  # in place of until_ms once renewed_entry stands in the log
    whole("renewed_entry", optional=True),
    whole("revoked_ms", optional=True),
    text("revoked_cause", optional=True),
    text("networks"),  # JSON list of prefixes; empty: from anywhere
    whole("bytes_max", optional=True),
    Column("downloads_max", Integer, nullable=True),
    whole("bytes_used"),
    whole("bytes_reserved"),  # of deliveries that are under way
    Column("downloads_used", Integer, nullable=False),
    whole("entry"),
)
Index("ix_access_grant_person", access_grant.c.person)

delivery = Table(
    "delivery",
    metadata,
    key(),
    of("access_grant", "access_grant.id", optional=True),
    text("token", optional=True),
    of("version", "version.id"),
    text("path"),
    text("digest"),
    whole("first_byte"),
    whole("length_bytes"),  # asked for
    Column("offloaded", Boolean, nullable=False),
    text("holder"),  # the process that sends it
    whole("begun_ms"),
    whole("alive_ms", optional=True),  # when that process last said that it is at work on it
    whole("ended_ms", optional=True),
    whole("sent_bytes", optional=True),
    whole("entry"),
)
Index("ix_delivery_access_grant", delivery.c.access_grant)
Index("ix_delivery_ended_ms", delivery.c.ended_ms)
