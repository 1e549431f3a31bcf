"""A process hears of every change, wherever it was made; where it may have missed one, it is not alive."""

import threading
import time
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from granting import Clock, serving, wait_until
from halfdoor.bootstrap.working import working
from halfdoor.services import feed as feeds
from halfdoor.services.feed import Feed, keep_mark
from halfdoor.store.engine import open_engine
from halfdoor.store.runtime import mark
from homes import Databases, new_home


@contextmanager
def feeding(home, **options):
    """A feed with an engine of its own, as a replica has it."""
    engine = open_engine(home.url(home.settings.database), durable=False)
    feed = Feed(engine, **options)
    feed.start()
    try:
        wait_until(feed.alive)
        yield feed
    finally:
        feed.stop()
        engine.dispose()


class Heard:
    """A listener that remembers: when, what, and whether it was alive then."""

    def __init__(self, feed):
        self.calls = []
        self.leave = feed.subscribe(self)

    def __call__(self, news, alive):
        self.calls.append((time.monotonic(), list(news), alive))

    @property
    def subjects(self):
        return [one.subject for _, news, _ in list(self.calls) for one in news]

    def when(self, subject):
        return next(at for at, news, _ in self.calls if subject in {one.subject for one in news})


def announce(commits, subject):
    with commits.closing() as change:
        change.announce("test-changed", subject)
    return time.monotonic()


def test_what_was_announced_elsewhere_is_heard_once_and_soon(home):
    with serving(home) as commits, feeding(home) as one, feeding(home) as other:
        heard = [Heard(one), Heard(other)]
        delays = []
        for number in range(5):
            at = announce(commits, f"ver_{number}")
            for each in heard:
                wait_until(lambda each=each, number=number: f"ver_{number}" in each.subjects)
                delays.append(each.when(f"ver_{number}") - at)
        assert all(each.subjects == [f"ver_{number}" for number in range(5)] for each in heard)
        assert sorted(delays)[len(delays) // 2] < feeds.POLL_SECONDS + 0.2
        assert max(delays) < 1


def test_listeners_are_called_again_and_again_without_news(home):
    with feeding(home) as feed:
        heard = Heard(feed)
        wait_until(lambda: len(heard.calls) >= 5)
        assert all(news == [] for _, news, _ in heard.calls)
        heard.leave()
        heard.leave()
        time.sleep(feeds.TICK_SECONDS)
        count = len(heard.calls)
        time.sleep(3 * feeds.TICK_SECONDS)
        assert len(heard.calls) == count


def test_a_listener_that_fails_takes_nothing_from_the_others(home, caplog):
    def fail(news, alive):
        raise ValueError("a listener's bug")

    with serving(home) as commits, feeding(home) as feed:
        feed.subscribe(fail)
        heard = Heard(feed)
        announce(commits, "ver_1")
        wait_until(lambda: "ver_1" in heard.subjects)
        assert feed.alive()
    assert "a listener failed" in caplog.text


def test_the_keeper_is_nudged_when_something_changed(home):
    nudged = threading.Event()
    with serving(home) as commits, feeding(home, nudge=nudged.set):
        assert not nudged.is_set()
        announce(commits, "ver_1")
        assert nudged.wait(5)


def test_before_the_start_and_after_the_end_it_is_not_alive_and_says_so(home):
    engine = open_engine(home.url(home.settings.database), durable=False)
    feed = Feed(engine)
    assert not feed.alive()
    heard = Heard(feed)
    feed.start()
    wait_until(feed.alive)
    feed.stop()
    assert not feed.alive()
    assert heard.calls[-1][2] is False
    feed.stop()
    engine.dispose()


def test_a_feed_that_cannot_look_dies_within_its_time_and_comes_back(home, monkeypatch, caplog):
    with serving(home) as commits, feeding(home) as feed:
        heard = Heard(feed)
        real = feeds.changes_after
        monkeypatch.setattr(feeds, "changes_after", _gone)
        broken = time.monotonic()
        wait_until(lambda: not feed.alive())
        assert time.monotonic() - broken < feeds.ALIVE_SECONDS + 0.3
        wait_until(lambda: heard.calls[-1][2] is False)
        at = announce(commits, "ver_meanwhile")
        assert "ver_meanwhile" not in heard.subjects
        monkeypatch.setattr(feeds, "changes_after", real)
        wait_until(lambda: "ver_meanwhile" in heard.subjects)
        assert heard.when("ver_meanwhile") > at
        wait_until(feed.alive)
    assert caplog.text.count("changes are not heard") == 1


def _gone(connection, number):
    raise OSError("the network is down")


def test_a_look_that_hangs_makes_it_dead_too(home, monkeypatch):
    go_on = threading.Event()

    def hang(connection, number):
        go_on.wait(20)
        return []

    with feeding(home) as feed:
        monkeypatch.setattr(feeds, "changes_after", hang)
        wait_until(lambda: not feed.alive())
        go_on.set()
        monkeypatch.undo()
        wait_until(feed.alive)


def test_a_locked_database_is_not_waited_for(sqlite_home):
    """Reading goes on beside a writer; where even that is shut out, the feed is dead within its time."""
    engine = open_engine(sqlite_home.url(sqlite_home.settings.database), durable=False)
    with feeding(sqlite_home) as feed, engine.connect() as writer:
        writer.execute(text("UPDATE log_head SET epoch = epoch"))
        time.sleep(2 * feeds.ALIVE_SECONDS)
        assert feed.alive()
        writer.rollback()
    engine.dispose()


@pytest.fixture
def postgres_home(cluster, tmp_path):
    """A home on PostgreSQL alone."""
    found = Databases(cluster.create(), cluster.create())
    yield new_home(tmp_path / "home", found)
    assert [cluster.drop(found.log), cluster.drop(found.latest)] == [0, 0], "a connection was left open"


def test_a_connection_that_was_killed_is_replaced_and_nothing_is_missed(postgres_home, monkeypatch):
    processes = []
    real = feeds.listen

    def remembering(connection, statement_ms):
        processes.append(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
        real(connection, statement_ms)

    monkeypatch.setattr(feeds, "listen", remembering)
    kill = text("SELECT pg_terminate_backend(:process)")
    with serving(postgres_home) as commits, feeding(postgres_home) as feed:
        heard = Heard(feed)
        for number in range(3):
            with commits.engine.begin() as connection:
                assert connection.execute(kill, {"process": processes[-1]}).scalar_one()
            announce(commits, f"ver_{number}")
            wait_until(lambda number=number: f"ver_{number}" in heard.subjects)
            assert len(processes) > number
        wait_until(feed.alive)
        assert heard.subjects == [f"ver_{number}" for number in range(3)]
        assert len(processes) == 4


def test_a_statement_that_somebody_holds_up_does_not_hold_up_the_feed(postgres_home):
    """A table that is locked shuts the feed out: it is dead within its time, and lives again after."""
    with working(postgres_home) as commits, feeding(postgres_home) as feed:
        with commits.engine.begin() as connection:
            connection.execute(text("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE"))
            locked = time.monotonic()
            wait_until(lambda: not feed.alive())
            assert time.monotonic() - locked < feeds.ALIVE_SECONDS + 0.3
            time.sleep(0.5)
            assert not feed.alive()
        wait_until(feed.alive)


def test_the_mark_moves_on_and_a_clock_set_back_revives_nothing(home):
    clock = Clock()
    with serving(home, clock) as commits:
        keep_mark(commits)
        with commits.reading() as connection:
            first = mark(connection)
        clock.ahead += clock.ahead.resolution * 60_000_000  # a minute
        keep_mark(commits)
        with commits.reading() as connection:
            assert mark(connection) >= first + 60_000
        clock.ahead -= clock.ahead.resolution * 3600_000_000
        assert commits.now().timestamp() * 1000 >= first + 60_000 - 1


@pytest.mark.parametrize("count", [2500])
def test_more_news_than_fit_into_one_look_are_all_heard(home, count):
    with serving(home) as commits, feeding(home) as feed:
        heard = Heard(feed)
        with commits.closing() as change:
            for number in range(count):
                change.announce("test-changed", str(number))
        wait_until(lambda: len(heard.subjects) == count)
        assert heard.subjects == [str(number) for number in range(count)]
