"""A furnished house on each kind of database."""

import pytest

from homes import cluster, database_url, databases, home, sqlite_home
from opening import House

__all__ = ["cluster", "database_url", "databases", "home", "sqlite_home"]


@pytest.fixture
def house(home):
    """With people and two versions, of which nothing is open."""
    with House(home) as found:
        yield found.furnish()
