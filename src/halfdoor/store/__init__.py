"""All the SQL: one set of statements for SQLite and PostgreSQL, and its migrations."""
