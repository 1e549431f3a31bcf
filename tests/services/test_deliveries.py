"""A delivery stands in the log before its first byte, and its end with what left; grants pay what left."""

import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select, update

from filled import WEIGHTS, WEIGHTS_DIGEST, fill
from granting import Clock, at_once, code_of, serving
from halfdoor.bootstrap.log import log_store
from halfdoor.core.canonical import digest
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.entry import decode_entry
from halfdoor.core.log.events.access import FileBegun, FileEnded
from halfdoor.services import deliveries
from halfdoor.services.deliveries import By, Wanted, begin, close_abandoned, close_from_access_log, end
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.access import delivered, grant_of
from halfdoor.store.engine import DatabaseFailed
from halfdoor.store.log import in_log
from halfdoor.store.tables.access import access_grant, delivery
from homes import closing

SIZE = len(WEIGHTS)


def allow(connection, now):
    return None


def told(home, kind):
    """The events of one kind in the log."""
    with closing(log_store(home)) as store:
        events = [decode_entry(one) for one in store.entries(0, store.head().frontier.size)]
    return [one for one in events if isinstance(one, kind)]


class World:
    """A home with a grant under which nothing runs, and deliveries of its one file."""

    def __init__(self, home, commits, made):
        self.home, self.commits, self.made = home, commits, made
        end(commits, made.delivery, 0)

    def begin(self, first=0, length=SIZE, *, ask=allow, file=WEIGHTS_DIGEST, **by):
        wanted = Wanted(self.made.version, "model.safetensors", file, "final-parameters", first, length)
        who = {"holder": "one", "grant": self.made.grant, "token": self.made.token} | by
        return begin(self.commits, wanted, By(**who), ask)

    def limit(self, **values):
        with self.commits.change() as change:
            rows = update(access_grant).where(access_grant.c.id == self.made.grant)
            change.connection.execute(rows.values(bytes_used=0, downloads_used=0, **values))

    @property
    def grant(self):
        with self.commits.reading() as connection:
            return grant_of(connection, self.made.grant)

    def counts(self):
        row = self.grant
        return row.bytes_used, row.bytes_reserved, row.downloads_used

    def row(self, id_):
        with self.commits.reading() as connection:
            return connection.execute(select(delivery).where(delivery.c.id == id_)).one()

    def count(self):
        with self.commits.reading() as connection:
            return connection.execute(select(func.count()).select_from(delivery)).scalar_one()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def world(home, clock):
    made = fill(home)
    with serving(home, clock) as commits:
        found = World(home, commits, made)
        found.limit(bytes_reserved=0)
        yield found


def test_it_stands_in_the_log_when_it_has_begun_and_again_when_it_has_ended(world):
    one = world.begin()
    with world.commits.reading() as connection:
        assert connection.execute(select(in_log(delivery.c.entry)).where(delivery.c.id == one)).scalar_one()
    begun = [event for event in told(world.home, FileBegun) if event.delivery == one]
    assert [(b.grant, b.version, b.item, b.file) for b in begun] == [
        (world.made.grant, world.made.version, "final-parameters", WEIGHTS_DIGEST)
    ]
    assert world.counts() == (0, SIZE, 1)
    assert end(world.commits, one, 7)
    assert world.counts() == (7, 0, 1)
    world.commits.settle([])
    assert world.row(one).sent_bytes == 7
    with world.commits.change():  # whatever waited before it is in the log after
        pass
    other = world.begin()
    assert [event.sent_bytes for event in told(world.home, FileEnded) if event.delivery == one] == [7]
    end(world.commits, other, SIZE)


def test_an_end_is_told_once(world):
    one = world.begin()
    assert end(world.commits, one, 5)
    assert not end(world.commits, one, 9)
    assert not end(world.commits, "dlv_" + "0" * 26, 1)
    assert world.counts() == (5, 0, 1)


def test_what_anyone_may_have_takes_of_no_grant(world):
    one = world.begin(grant=None, token=None)
    assert world.counts() == (0, 0, 0)
    end(world.commits, one, SIZE)
    assert world.row(one).access_grant is None
    assert world.counts() == (0, 0, 0)


def test_what_is_asked_within_the_change_can_refuse_it_and_then_nothing_is_stored(world):
    def refuse(connection, now):
        raise Refused("gated", "no")

    before = world.count()
    assert code_of(world.begin, ask=refuse) == "gated"
    assert (world.count(), world.counts()) == (before, (0, 0, 0))


def test_bytes_that_run_count_against_the_limit_until_they_have_ended(world):
    world.limit(bytes_max=SIZE + 10)
    one = world.begin()
    assert code_of(world.begin, 0, 11) == "limit-reached"
    two = world.begin(0, 10)
    end(world.commits, one, 100)
    three = world.begin(0, SIZE - 100)
    assert code_of(world.begin, 0, 1) == "limit-reached"
    for each, sent in ((two, 0), (three, 0)):
        end(world.commits, each, sent)
    assert world.counts()[:2] == (100, 0)


def test_two_who_begin_at_once_do_not_both_get_the_last_bytes(world):
    world.limit(bytes_max=SIZE)
    found = at_once(*[world.begin] * 4)
    assert sorted(one == "limit-reached" for one in found) == [False, True, True, True]
    assert world.counts()[1] == SIZE


def test_going_on_where_one_stopped_is_no_further_download(world):
    world.limit(downloads_max=2)
    other = digest("another file")
    end(world.commits, world.begin(5, 10, file=other), 3)  # it never began this one
    assert world.counts()[2] == 1
    end(world.commits, world.begin(0, 10), 3)
    assert world.counts()[2] == 2
    end(world.commits, world.begin(3, 7), 7)
    end(world.commits, world.begin(8, 2, file=other), 2)
    assert world.counts()[2] == 2
    assert code_of(world.begin) == code_of(world.begin, 1, 1, file=digest("a third")) == "limit-reached"


def test_an_end_that_nobody_knows_is_charged_in_full(world):
    one = world.begin()
    assert end(world.commits, one, None)
    assert world.counts() == (SIZE, 0, 1)
    assert world.row(one).sent_bytes is None
    with world.commits.reading() as connection:
        assert delivered(connection, world.made.grant).unknown == 1


def test_nothing_begins_while_the_log_takes_nothing_and_what_had_begun_still_ends(world, monkeypatch):
    one = world.begin()

    class Down:
        def check(self):
            raise LogUnavailable("log-down", "it is down")

        def settle(self, numbers, seconds_max):
            return False

    monkeypatch.setattr(world.commits, "_settling", Down())
    before = world.count()
    assert code_of(world.begin) == "log-down"
    assert world.count() == before
    assert end(world.commits, one, 4)
    assert world.counts() == (4, 0, 1)


def test_where_the_log_is_too_late_nothing_left_and_the_grant_has_its_bytes_back(world, monkeypatch):
    real = world.commits._settling

    class Late:
        def check(self):
            pass

        def settle(self, numbers, seconds_max):
            return False

    monkeypatch.setattr(world.commits, "_settling", Late())
    assert code_of(world.begin) == "log-late"
    monkeypatch.setattr(world.commits, "_settling", real)
    assert world.counts()[:2] == (0, 0)
    with world.commits.reading() as connection:
        assert delivered(connection, world.made.grant).running == 0


def test_deliveries_of_a_process_that_died_are_closed_as_unknown(world, clock):
    mine, other = world.begin(holder="mine", length=10), world.begin(holder="dead", length=20)
    assert close_abandoned(world.commits, "mine") == 0
    clock.ahead += 0.75 * _span(deliveries.SILENT_MS)
    assert close_abandoned(world.commits, "mine") == 0
    clock.ahead += 0.75 * _span(deliveries.SILENT_MS)
    assert close_abandoned(world.commits, "mine") == 1
    assert world.row(other).ended_ms is not None
    assert world.row(other).sent_bytes is None
    assert world.row(mine).ended_ms is None
    assert world.counts()[:2] == (20, 10)
    assert not end(world.commits, other, 3)


def test_an_end_that_the_database_did_not_take_is_stored_later(world, monkeypatch):
    one = world.begin(length=10)
    with monkeypatch.context() as broken:
        broken.setattr(deliveries, "end_delivery", _gone)
        assert code_of(end, world.commits, one, 4) == "database-failed"
        assert code_of(close_abandoned, world.commits, "one") == "database-failed"
    assert world.row(one).ended_ms is None
    close_abandoned(world.commits, "one")
    assert world.row(one).sent_bytes == 4
    assert world.counts()[:2] == (4, 0)


@pytest.mark.parametrize("stored", [True, False])
def test_a_beginning_of_which_nobody_knows_whether_it_is_stored_is_ended(world, monkeypatch, stored):
    real = world.commits.change

    @contextmanager
    def unsure(**named):
        with real(**named) as change:
            yield change
            if not stored:
                _gone()
        _gone()

    with monkeypatch.context() as broken:
        broken.setattr(world.commits, "change", unsure)
        assert code_of(world.begin) == "database-failed"
    assert world.counts()[1] == (SIZE if stored else 0)
    close_abandoned(world.commits, "one")
    assert world.counts()[:2] == (0, 0)


def _gone(*_):
    raise DatabaseFailed("database-failed", "the connection is gone")


def test_what_another_server_never_spoke_of_is_unknown_after_ten_minutes(world, clock):
    one = world.begin(offloaded=True)
    clock.ahead += 0.9 * _span(deliveries.OFFLOADED_MS)
    assert close_abandoned(world.commits, "one") == 0
    clock.ahead += 0.2 * _span(deliveries.OFFLOADED_MS)
    assert close_abandoned(world.commits, "one") == 1
    assert world.row(one).sent_bytes is None


def test_two_replicas_close_what_is_abandoned_once(world, clock):
    for _ in range(5):
        world.begin(holder="dead", length=1)
    clock.ahead += 2 * _span(deliveries.SILENT_MS)
    found = at_once(*[lambda: close_abandoned(world.commits, "a")] * 3)
    assert sum(found) == 5
    assert world.counts()[:2] == (5, 0)


def test_the_access_log_ends_what_it_names_and_nothing_else(world):
    one, two = world.begin(offloaded=True), world.begin(offloaded=True)
    lines = [
        f'{{"delivery":"{one}","sent_bytes":11}}',
        f'{{"delivery":"{one}","sent_bytes":12}}',
        f'{{"delivery":"{two}","sent_bytes":-1}}',
        f'{{"delivery":"{two}","sent_bytes":true}}',
        f'{{"delivery":"{two}","sent_bytes":"3"}}',
        '{"delivery":["x"],"sent_bytes":1}',
        '{"delivery":"dlv_unknown","sent_bytes":1}',
        "null",
        "[]",
        "",
        "not json",
    ]
    assert close_from_access_log(world.commits, lines) == 1
    assert (world.row(one).sent_bytes, world.row(two).ended_ms) == (11, None)


def test_many_at_once_all_end_and_the_sums_are_right(world):
    def whole(number):
        end(world.commits, world.begin(0, 100 + number), 100 + number)

    threads = [threading.Thread(target=whole, args=(number,)) for number in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    assert world.counts() == (sum(100 + number for number in range(12)), 0, 12)


def _span(milliseconds):
    return Clock().ahead.resolution * 1000 * milliseconds
