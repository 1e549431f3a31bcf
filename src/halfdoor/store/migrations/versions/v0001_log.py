"""The log: its head, its leaves, what waits, what commitments stand for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables, and the triggers that let the log only grow."""
    op.create_table(
        "log_head",
        sa.Column("id", sa.Integer, autoincrement=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("peaks", sa.LargeBinary, nullable=False),
        sa.Column("checkpoint", sa.LargeBinary, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text),
        sa.Column("lease_until_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log_head"),
        sa.CheckConstraint("id = 1", name="ck_log_head_one_row"),
    )
    op.create_table(
        "log_leaf",
        sa.Column("position", _number, autoincrement=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("pending", sa.BigInteger),
        sa.PrimaryKeyConstraint("position", name="pk_log_leaf"),
    )
    op.create_index(
        "uq_log_leaf_pending",
        "log_leaf",
        ["pending"],
        unique=True,
        sqlite_where=sa.text("pending IS NOT NULL"),
        postgresql_where=sa.text("pending IS NOT NULL"),
    )
    op.create_table(
        "log_pending",
        sa.Column("number", _number, autoincrement=True),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_log_pending"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "log_opening",
        sa.Column("commitment", sa.Text),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("salt", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("commitment", name="pk_log_opening"),
    )
    _only_growing(op.get_bind().dialect.name)


def _only_growing(dialect: str) -> None:
    if dialect == "sqlite":
        for table, change in (("log_leaf", "update"), ("log_leaf", "delete"), ("log_head", "delete")):
            op.execute(
                f"CREATE TRIGGER {table}_no_{change} BEFORE {change.upper()} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the log only grows'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION log_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the log only grows'; END $$"
    )
    for table, changes in (
        ("log_leaf", ("update", "delete", "truncate")),
        ("log_head", ("delete", "truncate")),
    ):
        for change in changes:
            each = "STATEMENT" if change == "truncate" else "ROW"
            op.execute(
                f"CREATE TRIGGER {table}_no_{change} BEFORE {change.upper()} ON {table} "
                f"FOR EACH {each} EXECUTE FUNCTION log_only_grows()"
            )


def downgrade() -> None:
    """There is no way back: a log is not taken away."""
    raise NotImplementedError
