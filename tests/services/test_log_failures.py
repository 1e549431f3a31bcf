"""Both halves of every failure of the writer's parts: it failed and was done, it failed and was not done.

Whoever waits is told, the writer stops for good, and the next start finds out what is true and goes on.
"""

import errno
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from halfdoor.adapters.keys import CannotSign
from halfdoor.bootstrap import log as bootstrap
from halfdoor.core.errors import HalfdoorError
from halfdoor.services.log import writer as log_writer
from halfdoor.store.log import LeaseHeld, LeaseLost
from homes import LIMITS, WAIT, Outside, append, entry, noted, service, stopping, stored, wait_in, writing


def outcomes(futures):
    """Positions of those that were acknowledged, codes of those that were not. Nobody waits for ever."""
    found = []
    for future in futures:
        error = future.exception(WAIT)
        found.append(error.code if error else future.result())
    return found


def stopped(writer):
    """The writer has stopped for good; its reason."""
    until = time.monotonic() + WAIT
    while writer.failure is None and time.monotonic() < until:
        time.sleep(0.005)
    for _ in range(2):
        with pytest.raises(HalfdoorError) as refused:
            writer.submit([entry("too late")])
        assert refused.value.code == writer.failure.code
    return writer.failure


def go_on(home, wiring, acknowledged):
    """Start again and go on. Every acknowledged entry is in its place; returns all entries."""
    with pytest.raises(LeaseHeld), writing(home):
        pass  # nobody tells that the writer is gone: its lease has to run out
    wiring.clock.ahead_seconds += LIMITS.lease_seconds
    outside = Outside(home)
    outside.look()
    with writing(home) as writer:
        last = writer.submit([entry("afterwards")]).result(WAIT)
    entries, head = stored(home)
    assert [entries[place] for place in acknowledged] == list(acknowledged.values())
    assert entries[last] == entry("afterwards").entry
    assert noted(home) == head.checkpoint
    assert list(outside.look().entries) == entries
    return entries


FAILURES = [
    ("store", "commit", False),
    ("store", "commit", True),
    ("latest", "swap", False),
    ("latest", "swap", True),
]


@pytest.mark.parametrize(("part", "method", "after"), FAILURES)
def test_a_batch_that_fails_is_told_and_cleared_up(home, wiring, part, method, after):
    append(home, 2)
    wiring.fail(part, method, after=after, nth=2)
    with stopping(home, batch_entries_max=1) as writer:
        futures = [writer.submit([entry(number)]) for number in range(5)]
        found = outcomes(futures)
        assert found == [2, *["outcome-unknown"] * 4]
        assert "Input/output error" in str(futures[1].exception())
        stopped(writer)
    entries = go_on(home, wiring, {0: entry("entry-0").entry, 2: entry(0).entry})
    saved = after or part == "latest"  # the entry was committed before the second store failed
    assert (entry(1).entry in entries) == saved
    assert len(entries) == 4 + saved


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("method", "match"),
    [
        ("write", "tile/entries/"),
        ("write", "tile/0/"),
        ("write", "tile/1/"),
        ("write", "'checkpoint'"),
        ("remove", ""),
    ],
)
def test_publishing_that_fails_stops_the_log(sqlite_home, wiring, method, match, after):
    home = sqlite_home
    append(home, 200)
    full = OSError(errno.ENOSPC, "No space left on device")
    wiring.fail("files", method, after=after, match=match, error=full)
    with stopping(home) as writer:
        first = writer.submit([entry(number) for number in range(100)]).result(WAIT)
        reason = stopped(writer)
        assert not writer.wait_published(500, WAIT)
    assert reason.code == "outcome-unknown"
    assert "No space left" in reason.message
    entries = go_on(home, wiring, {first: entry(0).entry, first + 99: entry(99).entry})
    assert len(entries) == 301


@pytest.mark.parametrize("part", ["tidy", "entries", "head"])
def test_a_database_that_fails_while_publishing_stops_the_log(sqlite_home, wiring, part):
    home = sqlite_home
    append(home, 2)
    with stopping(home) as writer:
        wiring.fail("store", part, after=False)
        assert writer.submit([entry(0)]).result(WAIT) == 2
        assert stopped(writer).code == "outcome-unknown"
    go_on(home, wiring, {2: entry(0).entry})


@pytest.mark.parametrize("method", ["waiting", "renew_lease"])
def test_whoever_waits_is_told_where_the_database_fails_between_batches(home, wiring, method):
    with stopping(home, lease_seconds=0.05) as writer:
        wiring.fail("store", method, after=False)
        with suppress(HalfdoorError):
            while True:
                writer.submit([entry("x")]).result(WAIT)
                time.sleep(0.03)
        assert stopped(writer).code == "outcome-unknown"


def test_whoever_waits_is_told_where_the_disk_cannot_be_asked(home, monkeypatch):
    def fail():
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(bootstrap, "free_bytes_of", lambda home: fail)
    with stopping(home) as writer:
        assert outcomes([writer.submit([entry(0)])]) == ["outcome-unknown"]
        stopped(writer)


def test_what_publishing_refuses_is_not_signed_any_longer(home, wiring):
    """While the publisher fails, others go on submitting: nobody is told no whose entry then stands."""
    append(home, 2)
    wiring.fail("files", "write", after=False, match="'checkpoint'")
    futures = []

    def submit(thread):
        for number in range(200):
            try:
                futures.append((writer.submit([new := entry(f"{thread}-{number}")]), new))
            except HalfdoorError:
                return

    with stopping(home, batch_entries_max=3) as writer:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(submit, range(4)))
        stopped(writer)
        found = outcomes([future for future, _ in futures])
    acknowledged = {
        one: new.entry for one, (_, new) in zip(found, futures, strict=True) if isinstance(one, int)
    }
    entries = go_on(home, wiring, acknowledged)
    assert len(entries) == 2 + len(acknowledged) + 1


def test_what_waits_is_taken_up_by_the_next_writer(home, wiring):
    append(home, 1)
    wiring.fail("store", "commit", after=True, nth=1)
    with service(home) as engine:
        numbers = wait_in(engine, entry("w0"), entry("w1"))
        with stopping(home) as writer:
            stopped(writer)
        numbers += wait_in(engine, entry("w2"))
    entries = go_on(home, wiring, {})
    assert [entry(f"w{number}").entry in entries for number in range(3)] == [True] * 3
    assert len(entries) == 5
    store = bootstrap.log_store(home)
    assert [entries[store.position_of(number)] for number in numbers] == [
        entry(f"w{number}").entry for number in range(3)
    ]
    store.close()


def test_a_key_service_that_fails_refuses_and_goes_on(home, monkeypatch):
    working = True
    sign = log_writer.signed_checkpoint

    def signed(*arguments):
        if not working:
            raise CannotSign("cannot-sign", "the service does not answer")
        return sign(*arguments)

    monkeypatch.setattr(log_writer, "signed_checkpoint", signed)
    with service(home) as engine, writing(home) as writer:
        assert writer.submit([entry(0)]).result(WAIT) == 0
        working = False
        wait_in(engine, entry(1))
        for _ in range(3):
            assert outcomes([writer.submit([entry("refused")])]) == ["cannot-sign"]
        working = True
        assert writer.wait_published(2, WAIT)
        assert writer.submit([entry(2)]).result(WAIT) == 2
    assert stored(home)[0] == [entry(number).entry for number in range(3)]


def test_a_writer_whose_lease_was_taken_over_writes_nothing(home, wiring):
    append(home, 2)
    with stopping(home, lease_seconds=60) as old:
        wiring.clock.ahead_seconds += 100
        with writing(home) as new:
            found = outcomes([old.submit([entry("old")])])
            assert found == ["lease-lost"]
            assert new.submit([entry("new")]).result(WAIT) == 2
        assert stopped(old).code == "lease-lost"
    assert entry("old").entry not in stored(home)[0]
    assert Outside(home).look().size == 3


def test_an_idle_writer_whose_lease_was_taken_over_ends_in_peace(home, wiring):
    with writing(home, lease_seconds=60) as old:
        old.submit([entry(0)]).result(WAIT)
        assert old.wait_published(1, WAIT)
        wiring.clock.ahead_seconds += 100
        with writing(home) as new:
            new.submit([entry(1)]).result(WAIT)
    assert stored(home)[0] == [entry(0).entry, entry(1).entry]


def test_a_publisher_that_slept_through_a_takeover_publishes_nothing_older(sqlite_home, wiring):
    home, outside = sqlite_home, Outside(sqlite_home)
    append(home, 2)
    asleep, awake = threading.Event(), threading.Event()

    def sleep(part, method, arguments):
        if threading.current_thread().name == "log-publisher" and method == "tidy" and not asleep.is_set():
            asleep.set()  # as a machine that was suspended: just before the next publication
            assert awake.wait(WAIT)

    wiring.before = sleep
    with stopping(home, lease_seconds=60) as old:
        old.submit([entry("old-0")]).result(WAIT)
        assert asleep.wait(WAIT)
        old.submit([entry("old-1")]).result(WAIT)
        wiring.clock.ahead_seconds += 100
        with writing(home) as new:
            new.submit([entry("new")]).result(WAIT)
        assert outside.look().size == 5
        awake.set()
        assert stopped(old).code == "lease-lost"
    assert outside.look().size == 5


def test_a_takeover_between_commit_and_second_store_is_no_fork(home, wiring):
    """The old writer's batch is in the database; the new one carries it on. The old one cannot know."""
    append(home, 1)
    committed, taken_over = threading.Event(), threading.Event()
    with stopping(home, lease_seconds=60) as old:

        def sleep(part, method, arguments):
            if (part, method) == ("latest", "swap") and not committed.is_set():
                committed.set()
                assert taken_over.wait(WAIT)

        wiring.before = sleep
        future = old.submit([entry("old")])
        assert committed.wait(WAIT)
        wiring.clock.ahead_seconds += 100
        with writing(home) as new:
            assert new.submit([entry("new")]).result(WAIT) == 2
            taken_over.set()
            assert outcomes([future]) == ["outcome-unknown"]
    assert stored(home)[0][1:] == [entry("old").entry, entry("new").entry]
    assert Outside(home).look().size == 3


def test_two_writers_do_not_start(home):
    with writing(home) as writer:
        for _ in range(2):
            with pytest.raises(LeaseHeld), writing(home):
                pass
        assert writer.submit([entry(0)]).result(WAIT) == 0


def test_of_many_who_start_at_once_one_writes(home):
    going, results = threading.Barrier(8), []

    def start(number):
        going.wait(WAIT)
        try:
            with writing(home) as writer:
                results.append(writer.submit([entry(number)]).result(WAIT))
                time.sleep(0.3)
        except LeaseHeld:
            results.append(None)
        except LeaseLost:
            results.append("lost")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(start, range(8)))
    written = [one for one in results if one is not None]
    assert sorted(written) == list(range(len(written)))
    assert 1 <= len(written) < 8
    assert Outside(home).look().size == len(written)
