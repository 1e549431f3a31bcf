"""A home goes on with PostgreSQL where it began with a file, and nothing is lost on the way."""

import time

import pytest
from sqlalchemy import func, select

from granting import Cast, serving
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.log import check_home, log_store, open_home, writing
from halfdoor.bootstrap.moving import move_home
from halfdoor.core.errors import InputError
from halfdoor.services.publish import publish
from halfdoor.store.engine import open_engine
from halfdoor.store.tables import log_leaf, metadata
from homes import KINDS, LIMITS, closing, new_home, wait_in
from homes import entry as new_entry
from models_made import model_folder, silent


@pytest.fixture
def filled(tmp_path):
    home = new_home(tmp_path / "home")
    with serving(home) as commits:
        publisher = Cast(commits).person("Pia", "publisher")
        folder = model_folder(tmp_path / "heron")
        options = {"repository": None, "layout": "revisions", "meters": (silent, silent)}
        publish(commits, blobs_of(home), folder, actor=publisher, **options)
    return home


def rows(url):
    engine = open_engine(url, durable=True)
    try:
        with engine.connect() as connection:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
                for table in metadata.sorted_tables
            }
    finally:
        engine.dispose()


def newest_number(url):
    """The highest number that an entry of the log waited under."""
    engine = open_engine(url, durable=True)
    try:
        with engine.connect() as connection:
            return connection.execute(select(func.max(log_leaf.c.pending))).scalar_one()
    finally:
        engine.dispose()


def now_ms():
    return int(time.time() * 1000)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_comes_along_and_the_log_goes_on(filled, kind, tmp_path, request):
    if kind == "postgresql":
        cluster = request.getfixturevalue("cluster")
        url = cluster.create()
    else:
        url = f"sqlite:///{tmp_path}/moved.db"
    before_url = filled.url(filled.settings.database)
    before = rows(before_url)
    counts = move_home(filled, url, now_ms(), lambda _: None)
    home = open_home(filled.folder)
    assert home.settings.database == url
    assert counts == before == rows(home.url(url))
    assert before["version_file"] == 3
    assert check_home(home).faults == []
    with closing(log_store(home)) as store, writing(home, limits=LIMITS):
        (number,) = wait_in(store.engine, new_entry(1))
        assert number > newest_number(before_url)
        for _ in range(2000):
            if store.position_of(number) is not None:
                break
            time.sleep(0.01)
        assert store.position_of(number) == before["log_leaf"]
    with serving(home) as commits, commits.change() as change:
        change.announce("nothing", "x")
    if kind == "postgresql":
        cluster.drop(url)


def test_a_database_that_holds_something_is_left_alone(filled, tmp_path):
    other = new_home(tmp_path / "other")
    url = other.url(other.settings.database)
    before = rows(url)
    with pytest.raises(InputError) as caught:
        move_home(filled, url, now_ms(), lambda _: None)
    assert caught.value.code == "not-empty"
    assert rows(url) == before
    assert open_home(filled.folder).settings.database == filled.settings.database
    with writing(filled, limits=LIMITS):
        pass  # its lease was given up


def test_a_home_that_is_served_is_not_moved(filled, tmp_path):
    with writing(filled, limits=LIMITS), pytest.raises(InputError) as caught:
        move_home(filled, f"sqlite:///{tmp_path}/moved.db", now_ms(), lambda _: None)
    assert caught.value.code == "in-use"
    assert not (tmp_path / "moved.db").exists()


def test_a_home_is_not_moved_to_where_it_is(filled):
    with pytest.raises(InputError) as caught:
        move_home(filled, filled.settings.database, now_ms(), lambda _: None)
    assert caught.value.code == "same-database"
