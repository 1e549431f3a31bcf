"""The second store goes from one checkpoint to the next and never back."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from halfdoor.store.engine import open_engine
from halfdoor.store.latest import LatestStore


@pytest.fixture
def latest(databases):
    made = LatestStore(open_engine(databases.latest, durable=True))
    yield made
    made.close()


def test_it_knows_nothing_at_first(latest):
    assert latest.load("a") is None
    assert latest.swap("a", None, b"1")
    assert latest.load("a") == b"1"
    assert latest.load("b") is None


@pytest.mark.parametrize("old", [None, b"0", b"2", b""])
def test_it_changes_only_from_what_stands_there(latest, old):
    latest.swap("a", None, b"1")
    assert not latest.swap("a", old, b"3")
    assert latest.load("a") == b"1"
    assert not latest.swap("b", b"1", b"3")
    assert latest.load("b") is None


def test_logs_are_kept_apart(latest):
    latest.swap("a", None, b"1")
    latest.swap("b", None, b"1")
    assert latest.swap("a", b"1", b"2")
    assert (latest.load("a"), latest.load("b")) == (b"2", b"1")


def test_of_many_who_swap_at_once_one_wins(databases, latest):
    latest.swap("a", None, b"0")
    others = [LatestStore(open_engine(databases.latest, durable=True)) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        for round_ in range(20):
            old, new = b"%d" % round_, b"%d" % (round_ + 1)
            assert sum(pool.map(lambda one, old=old, new=new: one.swap("a", old, new), others)) == 1
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda one: one.swap("b", None, b"0"), others)) == 1
    for one in others:
        one.close()
    assert latest.load("a") == b"20"


def test_it_is_there_after_it_was_closed(databases, latest):
    latest.swap("a", None, b"1")
    latest.close()
    again = LatestStore(open_engine(databases.latest, durable=True))
    assert again.load("a") == b"1"
    again.close()
