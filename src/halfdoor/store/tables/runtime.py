"""What the running application keeps for itself: its clock's high-water mark, and what changed lately."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Integer, Table

from halfdoor.store.tables.base import metadata, number, text, whole

# One row: the latest time that was ever acted on. The application's clock never goes back behind it.
clock_mark = Table(
    "clock_mark",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    whole("at_ms"),
    CheckConstraint("id = 1", name="one_row"),
)

# The outbox: what changed, written with the change, for replicas and whoever else has to hear of it.
outbox = Table(
    "outbox",
    metadata,
    Column("number", number, primary_key=True),
    whole("at_ms"),
    text("kind"),  # such as grant-revoked
    text("subject"),  # an id
    sqlite_autoincrement=True,
)
