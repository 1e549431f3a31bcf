"""What is erased is gone from every byte of the database's files."""

import os
import random

import pytest

from halfdoor.core.errors import HalfdoorError
from halfdoor.core.log.commitment import opened
from halfdoor.core.log.merkle import Frontier
from halfdoor.store import erasure
from halfdoor.store.engine import open_engine
from halfdoor.store.log import Head, LogStore, New, add_waiting
from halfdoor.store.migrate import migrate


@pytest.fixture
def store(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/log.db", durable=True)
    migrate(engine)
    made = LogStore(engine)
    made.create(Head("example.org/log", Frontier(), b"checkpoint 0", epoch=0))
    yield made
    made.close()


def some(count, generator):
    """Openings of many lengths: some share a page of the database, some fill many."""
    return [
        opened("text", os.urandom(8).hex() + "s" * generator.choice([0, 10, 200, 1500, 9000]), os.urandom(32))
        for _ in range(count)
    ]


def store_all(store, openings, at_once):
    for start in range(0, len(openings), at_once):
        with store.engine.begin() as connection:
            add_waiting(connection, New(b"x", tuple(openings[start : start + at_once])))


def left(folder, openings):
    """Which of these have a trace in a file."""
    data = b"".join(file.read_bytes() for file in folder.iterdir())
    return [one for one in openings if one.salt.encode() in data or one.value[:16].encode() in data]


@pytest.mark.parametrize("seed", range(3))
def test_what_is_erased_is_gone_from_the_files(store, tmp_path, seed):
    generator = random.Random(seed)
    kept = some(150, generator)
    store_all(store, kept, generator.choice([1, 7, 150]))
    generator.shuffle(kept)
    while kept:
        count = generator.choice([1, 3, 20, 50])
        gone, kept = kept[:count], kept[count:]
        assert store.erase([one.commitment() for one in gone]) == len(gone)
        assert left(tmp_path, gone) == []
        assert len(left(tmp_path, kept)) == len(kept)
        if generator.random() < 0.3:
            more = some(30, generator)
            store_all(store, more, 30)
            kept = [] if len(kept) < 50 else [*kept, *more]


def test_erasing_tells_where_somebody_still_reads_the_old_state(store, tmp_path, monkeypatch):
    """An open reader keeps SQLite's journal as it is; then not everything is gone, and that is said."""
    monkeypatch.setattr(erasure, "ERASE_SECONDS_MAX", 0.2)
    kept = some(3, random.Random(0))
    store_all(store, kept, 3)
    names = [one.commitment() for one in kept]
    other = open_engine(f"sqlite:///{tmp_path}/log.db", durable=False)
    with other.connect().execution_options(halfdoor_reads=True) as reading:
        reading.exec_driver_sql("SELECT count(*) FROM log_opening").scalar_one()
        with pytest.raises(HalfdoorError) as refused:
            store.erase(names)
        assert refused.value.code == "still-read"
    other.dispose()
    assert store.openings(names) == []
    assert store.erase(names) == 0
    assert left(tmp_path, kept) == []


def test_what_is_erased_is_gone_from_the_files_of_postgresql(cluster):
    """Of its tables; its journal keeps old rows until it is recycled, and the documentation says so."""
    url = cluster.create()
    store = LogStore(open_engine(url, durable=True))
    migrate(store.engine)
    kept = some(100, random.Random(0))
    store_all(store, kept, 10)
    store.erase([one.commitment() for one in kept[:60]])
    assert left(cluster.tables(url), kept[:60]) == []
    assert len(left(cluster.tables(url), kept[60:])) == 40
    store.close()
    cluster.drop(url)
