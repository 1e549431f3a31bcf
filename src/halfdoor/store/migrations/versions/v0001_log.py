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
        sa.CheckConstraint("length(entry) <= 65535", name="ck_log_leaf_entry_length"),
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
        sa.CheckConstraint("length(entry) <= 65535", name="ck_log_pending_entry_length"),
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


_BACK = "NEW.size < OLD.size OR NEW.epoch < OLD.epoch OR NEW.origin <> OLD.origin"
_LEAF_THERE = "EXISTS (SELECT 1 FROM log_leaf WHERE position = NEW.position OR pending = NEW.pending)"
_SQLITE = (
    ("log_leaf_no_update", "UPDATE ON log_leaf"),
    ("log_leaf_no_delete", "DELETE ON log_leaf"),
    # INSERT OR REPLACE takes away what is in its way, and no trigger on DELETE hears of it.
    ("log_leaf_no_replace", f"INSERT ON log_leaf WHEN {_LEAF_THERE}"),
    ("log_head_no_delete", "DELETE ON log_head"),
    ("log_head_no_replace", "INSERT ON log_head WHEN EXISTS (SELECT 1 FROM log_head)"),
    ("log_head_no_return", f"UPDATE ON log_head WHEN {_BACK}"),
)
_POSTGRESQL = (
    ("log_leaf_no_update", "UPDATE ON log_leaf FOR EACH ROW"),
    ("log_leaf_no_delete", "DELETE ON log_leaf FOR EACH ROW"),
    ("log_leaf_no_truncate", "TRUNCATE ON log_leaf FOR EACH STATEMENT"),
    ("log_head_no_delete", "DELETE ON log_head FOR EACH ROW"),
    ("log_head_no_truncate", "TRUNCATE ON log_head FOR EACH STATEMENT"),
    ("log_head_no_return", f"UPDATE ON log_head FOR EACH ROW WHEN ({_BACK})"),
)


def _only_growing(dialect: str) -> None:
    if dialect == "sqlite":
        for name, change in _SQLITE:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE {change} BEGIN SELECT RAISE(ABORT, 'the log only grows'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION log_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the log only grows'; END $$"
    )
    for name, change in _POSTGRESQL:
        op.execute(f"CREATE TRIGGER {name} BEFORE {change} EXECUTE FUNCTION log_only_grows()")


def downgrade() -> None:
    """There is no way back: a log is not taken away."""
    raise NotImplementedError
