"""Appending beside somebody who writes: entries wait in line, and nobody waits for ever."""

import threading
import time

import pytest

from entries import issued
from halfdoor.bootstrap import log as bootstrap
from halfdoor.services.home import prepare_home
from halfdoor.services.log import append as log_append
from halfdoor.services.log.append import append_now, composed
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.services.log.writer import Limits
from halfdoor.store import log as store_log

LIMITS = Limits(free_bytes_min=1, publish_seconds=0.01, waiting_poll_seconds=0.005)


@pytest.fixture
def home(tmp_path):
    made = prepare_home(tmp_path / "home", "example.org/log", database=None, latest=None, secret=None)
    bootstrap.begin_log(made)
    return made


@pytest.fixture
def store(home):
    opened = bootstrap.log_store(home)
    yield opened
    opened.close()


def new(number):
    return composed(issued(), {"reason": f"number {number}"}, lambda size: bytes([number]) * size)


def write(home):
    return lambda: bootstrap.writing(home, limits=LIMITS)


def test_where_nobody_writes_the_caller_does_and_publishes(home, store):
    found = append_now([new(1), new(2)], store, write(home))
    assert (found.positions, found.published) == ([0, 1], True)


def test_where_another_process_writes_it_takes_what_waits(home, store):
    said = []
    with bootstrap.writing(home, limits=LIMITS):
        found = append_now([new(1), new(2)], store, write(home), report=said.append)
    assert found.positions == [0, 1]
    assert len(said) == 1
    assert store.waiting_count() == 0
    assert len(store.openings(one.commitment() for one in (*new(1).openings, *new(2).openings))) == 2


def test_a_lease_that_nobody_renews_is_taken_over_and_nothing_is_written_twice(home, store):
    """As after a crash: the holder is gone, its lease runs out."""

    now = int(time.time() * 1000)
    store.take_lease("gone", now, now + 300)
    found = append_now([new(1)], store, write(home))
    assert found.positions == [0]
    assert store.head().frontier.size == 1


def test_where_nobody_takes_what_waits_the_caller_is_told_and_the_entry_stays(home, store):

    now = int(time.time() * 1000)
    store.take_lease("asleep", now, now + 60_000)
    with pytest.raises(LogUnavailable) as refusal:
        append_now([new(1)], store, write(home), seconds_max=0.1)
    assert refusal.value.code == "log-busy"
    assert store.waiting_count() == 1
    store.take_lease("asleep", now, now)
    with bootstrap.writing(home, limits=LIMITS):
        pass
    assert (store.waiting_count(), store.head().frontier.size) == (0, 1)


def test_the_line_is_bounded(home, store, monkeypatch):

    monkeypatch.setattr(store_log, "WAITING_MAX", 3)
    monkeypatch.setattr(log_append, "WAITING_MAX", 3)
    now = int(time.time() * 1000)
    store.take_lease("asleep", now, now + 60_000)
    for number in range(1, 5):
        with pytest.raises(LogUnavailable):
            append_now([new(number)], store, write(home), seconds_max=0.01)
    assert store.waiting_count() == 4
    with pytest.raises(LogUnavailable, match="nobody takes them"):
        append_now([new(9)], store, write(home), seconds_max=0.01)
    assert store.waiting_count() == 4
    assert store.openings([new(9).openings[0].commitment()]) == []


def test_many_callers_at_once_each_get_a_place_of_their_own(home, store):
    places = []

    def one(number):
        places.extend(append_now([new(number)], store, write(home)).positions)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(places) == list(range(8))
