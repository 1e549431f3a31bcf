"""Entries that wait come into the log: by the command's own hand, by the server's, or by whoever writes."""

import time

import pytest

from halfdoor.bootstrap.log import log_store, writing
from halfdoor.services.log.settling import Keeper, Passing
from halfdoor.services.log.signing import LogUnavailable
from homes import LIMITS, WAIT, entry, wait_in


@pytest.fixture
def store(home):
    found = log_store(home)
    yield found
    found.close()


def wait_in_line(store, count=1):
    return wait_in(store.engine, *(entry(number) for number in range(count)))


@pytest.fixture
def keeper(home, store):
    made = Keeper(store, lambda: writing(home, limits=LIMITS))
    yield made
    made.stop()


def until_ready(keeper):
    for _ in range(WAIT * 100):
        try:
            return keeper.check()
        except LogUnavailable:
            time.sleep(0.01)
    raise AssertionError("the keeper never became ready")


def test_a_command_writes_what_waits_and_leaves_the_log_to_others(home, store):
    numbers = wait_in_line(store, 3)
    passing = Passing(store, lambda: writing(home, limits=LIMITS))
    passing.check()
    assert passing.settle(numbers, WAIT)
    assert store.head().holder is None


def test_a_command_leaves_it_to_the_process_that_writes(home, store):
    with writing(home, limits=LIMITS):
        assert Passing(store, lambda: writing(home, limits=LIMITS)).settle(wait_in_line(store), WAIT)


def test_the_keeper_takes_nothing_before_it_has_started(keeper, store):
    with pytest.raises(LogUnavailable) as caught:
        keeper.check()
    assert caught.value.code == "log-down"
    keeper.start()
    until_ready(keeper)
    assert keeper.settle(wait_in_line(store), WAIT)


def test_a_keeper_beside_another_writer_counts_on_that_one(home, keeper, store):
    with writing(home, limits=LIMITS):
        keeper.start()
        until_ready(keeper)
        assert keeper.writer is None
        assert keeper.settle(wait_in_line(store), WAIT)


def test_a_keeper_whose_log_fails_says_so_and_begins_anew(keeper, store, wiring):
    keeper.start()
    until_ready(keeper)
    wiring_before = keeper.writer
    keeper.writer._fail(OSError("the disk went away"))
    with pytest.raises(LogUnavailable, match="the disk went away"):
        keeper.check()
    wiring.clock.ahead_seconds = LIMITS.lease_seconds + 1  # its lease was not given up, and runs out
    until_ready(keeper)
    assert keeper.writer is not wiring_before
    assert keeper.settle(wait_in_line(store), WAIT)


def test_what_does_not_come_in_time_is_said(home, store):
    nobody = Keeper(store, lambda: writing(home, limits=LIMITS))
    assert nobody.settle(wait_in_line(store), 0.05) is False
