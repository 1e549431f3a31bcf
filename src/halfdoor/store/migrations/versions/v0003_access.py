"""People, applications, grants, deliveries; the clock's mark and the outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables; those of the log are not touched."""
    for make in (_people, _applications, _access, _runtime):
        make()


def _people() -> None:
    """People."""
    op.create_table(
        "organisation",
        sa.Column("id", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("added_ms", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_organisation"),
        sa.UniqueConstraint("name", name="uq_organisation_name"),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("organisation", sa.Text),
        sa.Column("affiliation", sa.Text),
        sa.Column("invited_ms", sa.BigInteger, nullable=False),
        sa.Column("joined_ms", sa.BigInteger),
        sa.Column("left_ms", sa.BigInteger),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name="fk_person_organisation"),
        sa.UniqueConstraint("email", name="uq_person_email"),
    )
    op.create_table(
        "role",
        sa.Column("person", sa.Text),
        sa.Column("role", sa.Text),
        sa.Column("since_ms", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("person", "role", name="pk_role"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_role_person"),
    )
    op.create_table(
        "invitation",
        sa.Column("secret_hash", sa.LargeBinary),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("used_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("secret_hash", name="pk_invitation"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_invitation_person"),
    )
    op.create_table(
        "ssh_key",
        sa.Column("person", sa.Text),
        sa.Column("public", sa.Text),
        sa.Column("added_ms", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("person", "public", name="pk_ssh_key"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_ssh_key_person"),
    )


def _applications() -> None:
    """Applications."""
    op.create_table(
        "access_rule",
        sa.Column("access_group", sa.Text),
        sa.Column("responsible", sa.Text),
        sa.Column("terms", sa.Text),
        sa.Column("limits", sa.Text, nullable=False),
        sa.Column("set_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("access_group", name="pk_access_rule"),
        sa.ForeignKeyConstraint(["terms"], ["document.digest"], name="fk_access_rule_terms"),
    )
    op.create_table(
        "application",
        sa.Column("id", sa.Text),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("access_group", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("terms", sa.Text),
        sa.Column("renews", sa.Text),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("submitted_ms", sa.BigInteger),
        sa.Column("decided_ms", sa.BigInteger),
        sa.Column("until_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_application"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_application_person"),
        sa.ForeignKeyConstraint(["version"], ["version.id"], name="fk_application_version"),
        sa.ForeignKeyConstraint(["terms"], ["document.digest"], name="fk_application_terms"),
    )
    op.create_index("ix_application_person", "application", ["person"])
    op.create_index("ix_application_state", "application", ["state"])
    op.create_table(
        "application_act",
        sa.Column("number", _number, autoincrement=True),
        sa.Column("application", sa.Text, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("person", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.BigInteger),
        sa.PrimaryKeyConstraint("number", name="pk_application_act"),
        sa.ForeignKeyConstraint(["application"], ["application.id"], name="fk_application_act_application"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_application_act_application", "application_act", ["application"])


def _access() -> None:
    """Grants, tokens, deliveries."""
    op.create_table(
        "access_grant",
        sa.Column("id", sa.Text),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("access_group", sa.Text, nullable=False),
        sa.Column("items", sa.Text, nullable=False),
        sa.Column("application", sa.Text),
        sa.Column("issued_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("renewed_until_ms", sa.BigInteger),
        sa.Column("renewed_entry", sa.BigInteger),
        sa.Column("revoked_ms", sa.BigInteger),
        sa.Column("revoked_cause", sa.Text),
        sa.Column("networks", sa.Text, nullable=False),
        sa.Column("bytes_max", sa.BigInteger),
        sa.Column("downloads_max", sa.Integer),
        sa.Column("bytes_used", sa.BigInteger, nullable=False),
        sa.Column("bytes_reserved", sa.BigInteger, nullable=False),
        sa.Column("downloads_used", sa.Integer, nullable=False),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_grant"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_access_grant_person"),
        sa.ForeignKeyConstraint(["version"], ["version.id"], name="fk_access_grant_version"),
        sa.ForeignKeyConstraint(["application"], ["application.id"], name="fk_access_grant_application"),
    )
    op.create_index("ix_access_grant_person", "access_grant", ["person"])
    op.create_table(
        "token",
        sa.Column("id", sa.Text),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("access_grant", sa.Text),
        sa.Column("issued_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("revoked_ms", sa.BigInteger),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name="fk_token_person"),
        sa.ForeignKeyConstraint(["access_grant"], ["access_grant.id"], name="fk_token_access_grant"),
        sa.UniqueConstraint("secret_hash", name="uq_token_secret_hash"),
    )
    op.create_index("ix_token_access_grant", "token", ["access_grant"])
    op.create_table(
        "delivery",
        sa.Column("id", sa.Text),
        sa.Column("access_grant", sa.Text),
        sa.Column("token", sa.Text),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("first_byte", sa.BigInteger, nullable=False),
        sa.Column("length_bytes", sa.BigInteger, nullable=False),
        sa.Column("offloaded", sa.Boolean, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("begun_ms", sa.BigInteger, nullable=False),
        sa.Column("alive_ms", sa.BigInteger),
        sa.Column("ended_ms", sa.BigInteger),
        sa.Column("sent_bytes", sa.BigInteger),
        sa.Column("entry", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.ForeignKeyConstraint(["access_grant"], ["access_grant.id"], name="fk_delivery_access_grant"),
        sa.ForeignKeyConstraint(["version"], ["version.id"], name="fk_delivery_version"),
    )
    op.create_index("ix_delivery_access_grant", "delivery", ["access_grant"])
    op.create_index("ix_delivery_ended_ms", "delivery", ["ended_ms"])


def _runtime() -> None:
    """The clock's mark and the outbox."""
    op.create_table(
        "clock_mark",
        sa.Column("id", sa.Integer, autoincrement=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_clock_mark"),
        sa.CheckConstraint("id = 1", name="ck_clock_mark_one_row"),
    )
    op.create_table(
        "outbox",
        sa.Column("number", _number, autoincrement=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_outbox"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """There is no way back: grants are not taken away."""
    raise NotImplementedError
