"""How databases are opened: what a commit promises, and what cannot be opened."""

import pytest
from sqlalchemy import text

from halfdoor.core.errors import InputError
from halfdoor.store.engine import READS, open_engine

SETTINGS = {
    ("sqlite", True): ("PRAGMA synchronous", 2),  # FULL
    ("sqlite", False): ("PRAGMA synchronous", 1),  # NORMAL
    ("postgresql", True): ("SHOW synchronous_commit", "on"),
    ("postgresql", False): ("SHOW synchronous_commit", "off"),
}


def reading(engine):
    return engine.connect().execution_options(**READS)


@pytest.mark.parametrize("durable", [True, False])
def test_every_connection_promises_what_was_asked_for(database_url, durable):
    engine = open_engine(database_url, durable=durable)
    query, expected = SETTINGS[engine.dialect.name, durable]
    with reading(engine) as one, reading(engine) as other:
        assert [each.execute(text(query)).scalar_one() for each in (one, other)] == [expected] * 2
    engine.dispose()


@pytest.mark.parametrize("url", ["", "halfdoor.db", "mysql://host/name", "oracle://user:secret@host/name"])
def test_what_is_no_database_url_is_refused(url):
    with pytest.raises(InputError) as refused:
        open_engine(url, durable=True).connect()
    assert refused.value.code == "bad-database"
    assert "secret" not in str(refused.value)


def test_sqlite_overwrites_what_is_deleted(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/log.db", durable=False)
    with reading(engine) as connection:
        assert connection.execute(text("PRAGMA secure_delete")).scalar_one() == 1
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
    engine.dispose()
