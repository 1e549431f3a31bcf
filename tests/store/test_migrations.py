"""Migrations lead to the tables that the code expects, with everything that guards them."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DatabaseError

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.store.engine import open_engine
from halfdoor.store.migrate import check_schema, migrate
from halfdoor.store.tables import metadata

# How each database is asked to go round its own triggers.
DROP = {"sqlite": "DROP TRIGGER {name}", "postgresql": "DROP TRIGGER {name} ON {table}"}
ROW = "INSERT INTO log_leaf (position, entry) VALUES (0, {})"
BYTES = {"sqlite": "x'00'", "postgresql": "'\\x00'"}
HEAD = (
    "INSERT INTO log_head (id, origin, size, peaks, checkpoint, epoch, lease_until_ms) "
    "VALUES (1, 'a', 5, {0}, {0}, 7, 0)"
)


@pytest.fixture
def engine(database_url):
    made = open_engine(database_url, durable=True)
    yield made
    made.dispose()


@pytest.fixture
def migrated(engine):
    migrate(engine)
    return engine


def run(engine, statement):
    with engine.begin() as connection:
        connection.execute(text(statement))


def test_migrations_lead_to_the_tables_of_the_code(migrated):
    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_constraints_have_the_names_that_the_code_gives_them(migrated):
    looked = inspect(migrated)
    for table in metadata.sorted_tables:
        named = {one.name for one in table.constraints if one.name}
        found = {looked.get_pk_constraint(table.name)["name"]}
        found |= {one["name"] for one in looked.get_check_constraints(table.name)}
        found |= {one["name"] for one in looked.get_unique_constraints(table.name)}
        found |= {one["name"] for one in looked.get_foreign_keys(table.name)}
        # SQLite's AUTOINCREMENT has no name.
        unnamed = {f"pk_{table.name}", None} if table.dialect_options["sqlite"]["autoincrement"] else set()
        assert found - unnamed == named - unnamed, table.name


def test_migrating_again_changes_nothing(migrated):
    migrate(migrated)
    check_schema(migrated)


def test_a_log_of_the_version_before_comes_along_untouched(engine):
    some = BYTES[engine.dialect.name]
    migrate(engine, "0001")
    run(engine, ROW.format(some))
    run(engine, HEAD.format(some))
    run(engine, f"INSERT INTO log_pending (number, entry) VALUES (7, {some})")
    with pytest.raises(InputError):
        check_schema(engine)
    migrate(engine)
    check_schema(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT position FROM log_leaf")).scalars().all() == [0]
        assert connection.execute(text("SELECT size, epoch FROM log_head")).one() == (5, 7)
        assert connection.execute(text("SELECT number FROM log_pending")).scalars().all() == [7]
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log_leaf SET entry = {}",
        "UPDATE log_leaf SET pending = 3",
        "DELETE FROM log_leaf",
        "DELETE FROM log_head",
        "UPDATE log_head SET size = 4",
        "UPDATE log_head SET epoch = 6",
    ],
)
def test_the_database_refuses_to_take_back_what_was_logged(migrated, statement):
    some = BYTES[migrated.dialect.name]
    run(migrated, ROW.format(some))
    run(migrated, HEAD.format(some))
    with pytest.raises(DatabaseError, match="the log only grows"):
        run(migrated, statement.format(some))


def test_sqlite_refuses_to_write_over_what_was_logged(tmp_path):
    """REPLACE deletes what is in its way, and no trigger on DELETE hears of it."""
    engine = open_engine(f"sqlite:///{tmp_path}/log.db", durable=True)
    migrate(engine)
    some = BYTES["sqlite"]
    run(engine, ROW.format(some))
    run(engine, HEAD.format(some))
    for statement in (ROW, HEAD):
        over = statement.replace("INSERT", "INSERT OR REPLACE").format(some)
        with pytest.raises(DatabaseError, match="the log only grows"):
            run(engine, over)
    engine.dispose()


def test_postgresql_refuses_to_empty_a_table(migrated):
    if migrated.dialect.name != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    for table in ("log_leaf", "log_head"):
        with pytest.raises(DatabaseError, match="the log only grows"):
            run(migrated, f"TRUNCATE {table}")


def test_an_entry_that_no_bundle_could_hold_is_refused_by_the_database(migrated):
    for table, column in (("log_leaf", "position"), ("log_pending", "number")):
        statement = text(f"INSERT INTO {table} ({column}, entry) VALUES (:at, :entry)")
        with migrated.begin() as connection:
            connection.execute(statement, {"at": 1, "entry": b"x" * 65_535})
        with pytest.raises(DatabaseError, match="entry_length"), migrated.begin() as connection:
            connection.execute(statement, {"at": 2, "entry": b"x" * 65_536})


def test_a_database_without_the_migration_is_refused(engine):
    with pytest.raises(InputError) as refused:
        check_schema(engine)
    assert refused.value.code == "needs-migration"


def test_a_database_of_another_version_is_refused(migrated):
    run(migrated, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(InputError) as refused:
        check_schema(migrated)
    assert refused.value.code == "needs-migration"


def triggers(engine):
    if engine.dialect.name == "sqlite":
        query = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = "SELECT tgname, tgrelid::regclass::text FROM pg_trigger WHERE NOT tgisinternal"
    with engine.connect() as connection:
        return connection.execute(text(query)).all()


def test_a_database_that_lacks_one_trigger_is_refused(migrated):
    found = triggers(migrated)
    assert len(found) >= 4
    for name, table in found:
        other = text(DROP[migrated.dialect.name].format(name=name, table=table))
        with migrated.connect() as connection:
            connection.execute(other)
            connection.commit()
        with pytest.raises(VerificationError) as refused:
            check_schema(migrated)
        assert refused.value.code == "triggers-missing"
        assert name in refused.value.message


@pytest.mark.parametrize("state", ["DISABLE", "ENABLE REPLICA"])
def test_a_trigger_that_is_switched_off_is_as_good_as_gone(migrated, state):
    if migrated.dialect.name != "postgresql":
        pytest.skip("SQLite's triggers cannot be switched off")
    run(migrated, f"ALTER TABLE log_leaf {state} TRIGGER log_leaf_no_delete")
    with pytest.raises(VerificationError) as refused:
        check_schema(migrated)
    assert refused.value.code == "triggers-missing"
