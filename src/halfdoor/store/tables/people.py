"""Organisations, people, what they may do, and how they are let in.

Names and addresses stand here alone and may be erased; the log knows ids and commitments.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, Table, UniqueConstraint

from halfdoor.store.tables.base import key, metadata, of, text, whole

organisation = Table(
    "organisation",
    metadata,
    key(),
    text("name"),
    whole("added_ms"),
    whole("entry"),
    UniqueConstraint("name", name="uq_organisation_name"),
)

person = Table(
    "person",
    metadata,
    key(),
    text("name"),
    text("email", optional=True),  # lower case
    of("organisation", "organisation.id", optional=True),
    text("affiliation", optional=True),  # what those who registered themselves say; nobody has checked it
    whole("invited_ms"),
    whole("joined_ms", optional=True),
    whole("left_ms", optional=True),
    whole("entry"),
    UniqueConstraint("email", name="uq_person_email"),
)

role = Table(
    "role",
    metadata,
    of("person", "person.id", primary_key=True),
    key("role"),
    whole("since_ms"),
    whole("entry"),
)

invitation = Table(
    "invitation",
    metadata,
    Column("secret_hash", LargeBinary, primary_key=True),  # SHA-256
    of("person", "person.id"),
    whole("until_ms"),
    whole("used_ms", optional=True),
)

ssh_key = Table(
    "ssh_key",
    metadata,
    of("person", "person.id", primary_key=True),
    key("public"),  # one line of authorized_keys, without comment
    whole("added_ms"),
    whole("entry"),
)

# A token stands for one grant, or, without a grant, for a person at the control plane.
token = Table(
    "token",
    metadata,
    key(),
    Column("secret_hash", LargeBinary, nullable=False),  # SHA-256 of the whole token
    of("person", "person.id"),
    of("access_grant", "access_grant.id", optional=True),
    whole("issued_ms"),
    whole("until_ms"),
    whole("revoked_ms", optional=True),
    whole("entry"),
    UniqueConstraint("secret_hash", name="uq_token_secret_hash"),
)
Index("ix_token_access_grant", token.c.access_grant)
