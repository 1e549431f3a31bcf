"""The homes and databases that these tests run on."""

from homes import cluster, database_url, databases, home, sqlite_home, wiring

__all__ = ["cluster", "database_url", "databases", "home", "sqlite_home", "wiring"]
