"""The tables. Migrations are written by hand to match (tests/store compares the two)."""

from __future__ import annotations

from halfdoor.store.tables import access, decisions, models, people, runtime
from halfdoor.store.tables.base import metadata
from halfdoor.store.tables.log import log_head, log_leaf, log_opening, log_pending

__all__ = [
    "access",
    "decisions",
    "log_head",
    "log_leaf",
    "log_opening",
    "log_pending",
    "metadata",
    "models",
    "people",
    "runtime",
]
