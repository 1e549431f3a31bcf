"""How many there are: for the numbers that a running server shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from halfdoor.store.tables.access import access_grant, application, delivery

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Table


def deliveries_under_way(connection: Connection) -> int:
    """Deliveries that were begun and have no end yet, on all replicas."""
    return _count(connection, delivery, delivery.c.ended_ms.is_(None))


def grants_revoked(connection: Connection) -> int:
    """Grants that were ever revoked."""
    return _count(connection, access_grant, access_grant.c.revoked_ms.is_not(None))


def applications_waiting(connection: Connection) -> int:
    """Applications that wait for a reviewer."""
    return _count(connection, application, application.c.state == "submitted")


def _count(connection: Connection, table: Table, condition: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(table).where(condition)).scalar_one())
