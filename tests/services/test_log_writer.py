"""The log's writer does what it promises, and stops where it cannot."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait

import pytest

from halfdoor.bootstrap import log as bootstrap
from halfdoor.core.errors import HalfdoorError, InputError
from halfdoor.core.log.commitment import Opening, opened
from halfdoor.store.log import LeaseHeld, New, add_waiting
from homes import ORIGIN, WAIT, Outside, entry, noted, service, stored, wait_in, writing


def test_entries_stand_where_the_writer_says(home):
    with writing(home, batch_entries_max=7) as writer:
        futures, numbers = [], iter(range(10_000))
        for count in (1, 3, 1, 20, 7, 2, 300):
            news = [entry(next(numbers)) for _ in range(count)]
            futures.append((writer.submit(news), news))
        promised = [(future.result(WAIT), news) for future, news in futures]
    entries, head = stored(home)
    assert [first for first, _ in promised] == [0, 1, 4, 5, 25, 32, 34]
    for first, news in promised:
        assert entries[first : first + len(news)] == [new.entry for new in news]
    assert noted(home) == head.checkpoint
    assert list(Outside(home).look().entries) == entries


def test_many_threads_at_once_get_places_of_their_own(home):
    def submit(thread):
        placed = []
        for number in range(40):
            news = [entry(f"{thread}-{number}-{part}") for part in range(1 + number % 3)]
            placed.append((writer.submit(news).result(WAIT), news))
        return placed

    with writing(home) as writer, ThreadPoolExecutor(12) as pool:
        placed = [one for some in pool.map(submit, range(12)) for one in some]
    entries, _ = stored(home)
    assert len(entries) == sum(len(news) for _, news in placed)
    for first, news in placed:
        assert entries[first : first + len(news)] == [new.entry for new in news]
    for thread in range(12):  # each thread's in the order in which it gave them
        firsts = [first for first, news in placed if news[0].entry.startswith(b"entry %d-" % thread)]
        assert firsts == sorted(firsts)
    assert list(Outside(home).look().entries) == entries


def test_what_waits_in_the_database_is_taken_in_exactly_once(home):
    with service(home) as engine, writing(home, batch_entries_max=5) as writer:
        before = wait_in(engine, *[entry(f"early-{number}") for number in range(12)])
        numbers = dict(zip(before, [entry(f"early-{number}") for number in range(12)], strict=True))

        def add(thread):
            news = [entry(f"{thread}-{number}") for number in range(15)]
            found = {}
            for new in news:
                (number,) = wait_in(engine, new)
                found[number] = new
                writer.nudge()
                writer.submit([entry(f"direct-{new.entry.decode()}")])
            return found

        with ThreadPoolExecutor(4) as pool:
            for found in pool.map(add, range(4)):
                numbers |= found
    entries, _ = stored(home)
    assert len(entries) == len(set(entries)) == 12 + 2 * 60
    store = bootstrap.log_store(home)
    places = {store.position_of(number): new.entry for number, new in numbers.items()}
    assert len(places) == 72
    assert all(entries[place] == found for place, found in places.items())
    assert store.waiting_count() == 0
    store.close()


def test_a_change_that_is_taken_back_leaves_no_entry(home):
    with service(home) as engine, writing(home) as writer:
        with engine.connect() as connection:
            add_waiting(connection, entry("lost"))
            connection.rollback()
        writer.nudge()
        assert writer.submit([entry("kept")]).result(WAIT) == 0
    assert stored(home)[0] == [entry("kept").entry]


def test_what_waits_is_seen_soon_without_a_nudge_too(home):
    with service(home) as engine, writing(home) as writer:
        wait_in(engine, entry(0))
        assert writer.wait_published(1, WAIT)


def test_nothing_is_acknowledged_before_it_is_in_both_stores(home):
    seen = []

    def look(future):
        entries, head = stored(home)
        seen.append((future.result() < len(entries), noted(home) == head.checkpoint))

    with writing(home, publish_seconds=1000) as writer:
        for number in range(10):
            writer.submit([entry(number)]).add_done_callback(look)
            time.sleep(0.005)
    assert seen == [(True, True)] * 10


def test_whoever_sees_a_checkpoint_finds_its_tree_at_every_moment(sqlite_home, wiring):
    outside, looks = Outside(sqlite_home), []

    def look(part, method, arguments):
        if part == "files" and method in {"write", "remove"}:
            looks.append(outside.look().size)

    wiring.before = look
    numbers = iter(range(10_000))
    with writing(sqlite_home) as writer:
        for count in (1, 100, 154, 1, 1, 300, 2):  # over the edge of a tile, and just up to it
            first = writer.submit([entry(next(numbers)) for _ in range(count)]).result(WAIT)
            assert writer.wait_published(first + count, WAIT)
    assert len(looks) > 25
    assert looks == sorted(looks)
    assert outside.look().size == 559


def test_stopping_publishes_everything(home):
    with writing(home, publish_seconds=1000) as writer:
        futures = [writer.submit([entry(number)]) for number in range(500)]
    assert [future.result(0) for future in futures] == list(range(500))
    assert Outside(home).look().size == 500
    with writing(home):
        pass  # the lease was given up


def test_a_writer_that_has_stopped_takes_nothing(home):
    with writing(home) as writer:
        pass
    for _ in range(2):
        with pytest.raises(HalfdoorError) as refused:
            writer.submit([entry(0)])
        assert refused.value.code == "log-stopped"
    assert writer.failure is None


def test_a_flood_is_refused(sqlite_home, wiring):
    going_on, committing = threading.Event(), threading.Event()

    def hold(part, method, arguments):
        if (part, method) == ("store", "commit"):
            committing.set()
            assert going_on.wait(WAIT)

    wiring.before = hold
    with writing(sqlite_home, queue_entries_max=10, queue_seconds_max=0.05) as writer:
        futures = [writer.submit([entry(0)])]
        assert committing.wait(WAIT)
        futures += [writer.submit([entry(number)]) for number in range(1, 11)]
        with pytest.raises(HalfdoorError) as refused:
            writer.submit([entry(11)])
        assert refused.value.code == "log-busy"
        going_on.set()
        assert [future.result(WAIT) for future in futures] == list(range(11))
        assert writer.submit([entry(11)]).result(WAIT) == 11
        # What is larger than the queue goes alone.
        assert writer.submit([entry(number) for number in range(50)]).result(WAIT) == 12


def test_the_queue_is_bounded_by_bytes_too(sqlite_home, wiring):
    going_on, committing = threading.Event(), threading.Event()

    def hold(part, method, arguments):
        if (part, method) == ("store", "commit"):
            committing.set()
            assert going_on.wait(WAIT)

    wiring.before = hold
    with writing(sqlite_home, queue_bytes_max=1000, queue_seconds_max=0.05) as writer:
        writer.submit([entry(0)])
        assert committing.wait(WAIT)
        writer.submit([entry(1, 600)])
        with pytest.raises(HalfdoorError) as refused:
            writer.submit([entry(2, 600)])
        assert refused.value.code == "log-busy"
        secret = New(b"x", (opened("text", "s" * 600, bytes(32)),))
        with pytest.raises(HalfdoorError) as refused:
            writer.submit([secret])
        assert refused.value.code == "log-busy"
        going_on.set()


class Disk:
    """How much room there is, by a test's word."""

    def __init__(self, monkeypatch):
        self.free = 10**12
        monkeypatch.setattr(bootstrap, "free_bytes_of", lambda home: lambda: self.free)


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


def test_a_full_disk_refuses_and_goes_on_when_there_is_room(home, disk):
    with service(home) as engine, writing(home, free_check_seconds=0.0) as writer:
        assert writer.submit([entry(0)]).result(WAIT) == 0
        disk.free = 0
        for number in range(3):
            with pytest.raises(HalfdoorError) as refused:
                writer.submit([entry(f"refused-{number}")]).result(WAIT)
            assert refused.value.code == "disk-full"
        wait_in(engine, entry(1))
        time.sleep(0.05)
        assert stored(home)[1].frontier.size == 1
        disk.free = 10**12
        assert writer.wait_published(2, WAIT)
        assert writer.submit([entry(2)]).result(WAIT) == 2
    assert stored(home)[0] == [entry(number).entry for number in range(3)]


def test_the_lease_is_kept_while_the_disk_is_full(sqlite_home, disk):
    home = sqlite_home
    with service(home) as engine, writing(home, free_check_seconds=0.0, lease_seconds=0.5) as writer:
        disk.free = 0
        wait_in(engine, entry(0))
        until = time.monotonic() + 1.2
        while time.monotonic() < until:
            with pytest.raises(LeaseHeld), writing(home):
                pass
            time.sleep(0.1)
        disk.free = 10**12
        assert writer.wait_published(1, WAIT)


def test_stopping_does_not_wait_for_room(home, disk):
    with service(home) as engine:
        with writing(home, free_check_seconds=0.0) as writer:
            writer.submit([entry(0)]).result(WAIT)
            disk.free = 0
            wait_in(engine, entry(1))
            ending = threading.Timer(WAIT, lambda: setattr(disk, "free", 10**12))
            ending.start()
            started = time.monotonic()
        assert time.monotonic() - started < WAIT / 2
        ending.cancel()
    assert Outside(home).look().size == 1


def test_stopping_does_not_wait_for_those_who_go_on_adding(sqlite_home):
    home = sqlite_home
    with service(home) as engine:
        stop = threading.Event()

        def add():
            number = 0
            while not stop.is_set():
                wait_in(engine, entry(number))
                number += 1

        adding = threading.Thread(target=add)
        with writing(home) as writer:
            adding.start()
            assert writer.wait_published(5, WAIT)
            ending = threading.Timer(WAIT, stop.set)
            ending.start()
            started = time.monotonic()
        assert time.monotonic() - started < WAIT / 2
        stop.set()
        ending.cancel()
        adding.join()


def test_whoever_gives_up_waiting_harms_nobody(sqlite_home, wiring):
    """A future may be cancelled by whoever waits, as asyncio does when a client goes away."""
    going_on, committing = threading.Event(), threading.Event()

    def hold(part, method, arguments):
        if (part, method) == ("store", "commit"):
            committing.set()
            assert going_on.wait(WAIT)

    wiring.before = hold
    with writing(sqlite_home) as writer:
        running = writer.submit([entry(0)])
        assert committing.wait(WAIT)
        waiting = [writer.submit([entry(number)]) for number in range(1, 4)]
        assert not running.cancel()  # too late: it is being written
        assert waiting[1].cancel()
        going_on.set()
        assert running.result(WAIT) == 0
        assert [waiting[0].result(WAIT), waiting[2].result(WAIT)] == [1, 2]
    assert stored(sqlite_home)[0] == [entry(number).entry for number in (0, 1, 3)]


def test_a_callback_that_fails_harms_nobody(sqlite_home, caplog):
    def fail(future):
        raise ValueError

    with writing(sqlite_home) as writer:
        future = writer.submit([entry(0)])
        future.add_done_callback(fail)
        assert future.result(WAIT) == 0
        assert writer.submit([entry(1)]).result(WAIT) == 1


@pytest.mark.parametrize(
    "new",
    [
        New(b"x" * 65_536),
        New(b"x", (Opening("text", "00" * 32, float("nan")),)),
        New(b"x", (Opening("text", "00" * 32, "\udc80"),)),
        New(b"x", (Opening("\0", "00" * 32, "y"),)),
        New(b"x", (Opening("text", "00" * 32, object()),)),
    ],
    ids=["too long", "no number", "no text", "a zero byte", "no JSON"],
)
def test_what_could_not_be_stored_or_published_is_refused_at_the_door(home, new):
    with writing(home) as writer:
        with pytest.raises(InputError) as refused:
            writer.submit([entry(0), new])
        assert refused.value.code == "bad-entry"
        with pytest.raises(ValueError, match="no entry"):
            writer.submit([])
        assert writer.submit([New(b"x" * 65_535), New(b"")]).result(WAIT) == 0
    assert Outside(home).look().size == 2


def test_the_same_entry_may_be_submitted_again(home):
    """Whoever was told `outcome-unknown` cannot know better."""
    new = New(b"x", (opened("text", "y", bytes(32)),))
    with writing(home) as writer:
        assert writer.submit([new, new]).result(WAIT) == 0
        assert writer.submit([new]).result(WAIT) == 2
    store = bootstrap.log_store(home)
    assert store.openings([new.openings[0].commitment()]) == list(new.openings)
    store.close()


def test_an_idle_writer_keeps_its_lease(home):
    with writing(home, lease_seconds=0.4) as writer:
        until = time.monotonic() + 1.2
        while time.monotonic() < until:
            with pytest.raises(LeaseHeld), writing(home):
                pass
            time.sleep(0.05)
        assert writer.submit([entry(0)]).result(WAIT) == 0


def test_a_refusal_is_new_for_everybody(home):
    """One exception raised again and again would keep what every caller had on its stack, for ever."""
    with writing(home) as writer:
        pass
    raised = []
    for _ in range(3):
        with pytest.raises(HalfdoorError) as refused:
            writer.submit([entry(0)])
        raised.append(refused.value)
    assert len({id(one) for one in raised}) == 3


def test_no_thread_is_left(home):
    before = threading.active_count()
    with writing(home) as writer:
        wait([writer.submit([entry(0)])])
        assert threading.active_count() == before + 2
    assert threading.active_count() == before


def test_the_log_keeps_its_name(home):
    assert stored(home)[1].origin == ORIGIN
