"""The log's tables: leases, commits, what waits, and what is erased."""

import os
import time

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import DBAPIError

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.commitment import Opening, opened
from halfdoor.core.log.merkle import Frontier, leaf_hash
from halfdoor.store import engine as engines
from halfdoor.store.engine import open_engine
from halfdoor.store.log import Head, LeaseHeld, LeaseLost, LogStore, New, add_waiting
from halfdoor.store.migrate import migrate
from halfdoor.store.tables import log_head
from homes import entry


@pytest.fixture
def store(database_url):
    engine = open_engine(database_url, durable=True)
    migrate(engine)
    made = LogStore(engine)
    made.create(Head("example.org/log", Frontier(), b"checkpoint 0", epoch=0))
    yield made
    made.close()


def after(head, news):
    frontier = head.frontier.extended([leaf_hash(new.entry) for new in news])
    return Head(head.origin, frontier, b"checkpoint %d" % frontier.size, head.epoch, head.holder, 99)


def state(store):
    return store.head(), list(store.entries(0, store.head().frontier.size)), store.waiting_count()


def test_a_lease_is_held_until_it_runs_out(store):
    first = store.take_lease("one", now_ms=1000, until_ms=2000)
    with pytest.raises(LeaseHeld) as held:
        store.take_lease("two", now_ms=1999, until_ms=3000)
    assert (held.value.holder, held.value.until_ms) == ("one", 2000)
    second = store.take_lease("two", now_ms=2000, until_ms=3000)
    assert second.epoch == first.epoch + 1


def test_a_lease_that_is_renewed_or_given_up_is_so_at_once(store):
    head = store.take_lease("one", 1000, 2000)
    store.renew_lease(head, 9000)
    with pytest.raises(LeaseHeld):
        store.take_lease("two", 8999, 9999)
    store.give_up_lease(head)
    assert store.take_lease("two", 1000, 2000).holder == "two"


def test_a_lease_that_was_taken_over_is_lost(store):
    old = store.take_lease("one", 1000, 2000)
    store.take_lease("two", 2000, 3000)
    before = state(store)
    for use in (
        lambda: store.renew_lease(old, 9000),
        lambda: store.give_up_lease(old),
        lambda: store.commit(old, after(old, [entry(0)]), [entry(0)]),
    ):
        with pytest.raises(LeaseLost):
            use()
    assert state(store) == before


def test_a_commit_stores_leaves_and_head_together(store):
    head = store.take_lease("one", 0, 1)
    news = [entry(number) for number in range(300)]
    grown = after(head, news)
    store.commit(head, grown, news)
    assert state(store) == (grown, [new.entry for new in news], 0)


def test_a_commit_from_another_size_writes_nothing(store):
    head = store.take_lease("one", 0, 1)
    store.commit(head, after(head, [entry(0)]), [entry(0)])
    before = state(store)
    with pytest.raises(LeaseLost):
        store.commit(head, after(head, [entry(1)]), [entry(1)])
    assert state(store) == before


def test_a_commit_of_which_one_part_fails_writes_nothing(store):
    head = store.take_lease("one", 0, 1)
    before = state(store)
    twice = [New(b"a", pending=5), New(b"b", pending=5)]
    with pytest.raises(DBAPIError):
        store.commit(head, after(head, twice), twice)
    assert state(store) == before
    store.commit(head, after(head, [entry(0)]), [entry(0)])  # and the store can still be used


def test_what_waits_keeps_its_number_and_its_order(store):
    numbers = []
    for number in range(5):
        with store.engine.begin() as connection:
            numbers.append(add_waiting(connection, entry(number)))
    assert numbers == sorted(set(numbers))
    waiting = store.waiting(4)
    assert [(new.pending, new.entry) for new in waiting] == [
        (number, entry(at).entry) for at, number in enumerate(numbers[:4])
    ]
    assert store.position_of(numbers[0]) is None
    head = store.take_lease("one", 0, 1)
    store.commit(head, after(head, waiting), waiting)
    assert [store.position_of(number) for number in numbers] == [0, 1, 2, 3, None]
    assert store.waiting_count() == 1


def test_a_number_is_never_used_twice(store):
    def add():
        with store.engine.begin() as connection:
            return add_waiting(connection, entry(0))

    first, head = add(), store.take_lease("one", 0, 1)
    waiting = store.waiting(1)
    store.commit(head, after(head, waiting), waiting)
    assert add() > first


def test_what_waits_goes_with_its_transaction(store):
    with store.engine.connect() as connection:
        add_waiting(connection, New(b"x", (opened("text", "y", bytes(32)),)))
        connection.rollback()
    assert store.waiting_count() == 0
    assert store.openings([opened("text", "y", bytes(32)).commitment()]) == []


def test_an_entry_that_is_too_long_never_waits(store):
    with pytest.raises(InputError) as refused, store.engine.begin() as connection:
        add_waiting(connection, New(b"x" * 65_536))
    assert refused.value.code == "bad-entry"
    assert store.waiting_count() == 0


def test_missing_entries_are_damage(store):
    head = store.take_lease("one", 0, 1)
    store.commit(head, after(head, [entry(0), entry(1)]), [entry(0), entry(1)])
    with pytest.raises(VerificationError) as damaged:
        list(store.entries(0, 3))
    assert damaged.value.code == "log-damaged"


@pytest.mark.parametrize("change", ["size = 3", "peaks = {}", "size = 9223372036854775807"])
def test_a_head_that_cannot_be_right_is_damage(store, change):
    some = {"sqlite": "x'00'", "postgresql": "'\\x00'"}[store.engine.dialect.name]
    with store.engine.begin() as connection:
        connection.execute(text(f"UPDATE log_head SET {change.format(some)}"))
    with pytest.raises(VerificationError) as damaged:
        store.head()
    assert damaged.value.code == "log-damaged"


def openings(count):
    """Values of many lengths: some in a page of the database, some over many."""
    return [opened("text", f"secret {n:05} " + "s" * (n * 37 % 9000), os.urandom(32)) for n in range(count)]


def test_openings_are_found_until_they_are_erased(store):
    head = store.take_lease("one", 0, 1)
    kept = openings(40)
    news = [New(b"x", tuple(kept[:20]))]
    store.commit(head, after(head, news), news)
    with store.engine.begin() as connection:
        add_waiting(connection, New(b"y", tuple(kept[20:])))
    names = [one.commitment() for one in kept]
    assert sorted(store.openings(names), key=str) == sorted(kept, key=str)
    assert store.erase(names[10:30]) == 20
    assert sorted(store.openings(names), key=str) == sorted([*kept[:10], *kept[30:]], key=str)
    assert store.erase(names[10:30]) == 0


def test_the_same_opening_may_come_twice(store):
    """Whoever does not know whether an entry was stored brings it again, with all that belongs to it."""
    head = store.take_lease("one", 0, 1)
    one = New(b"x", (opened("text", "y", bytes(32)),))
    grown = after(head, [one, one])
    store.commit(head, grown, [one, one])
    store.commit(grown, after(grown, [one]), [one])
    for _ in range(2):
        with store.engine.begin() as connection:
            add_waiting(connection, one)
    assert store.openings([one.openings[0].commitment()]) == list(one.openings)


@pytest.mark.parametrize("name", ["no \0 byte", "no surrogate \udc80"])
def test_an_opening_that_a_database_cannot_hold_is_refused_before_it_gets_there(store, name):
    with pytest.raises(InputError) as refused, store.engine.begin() as connection:
        add_waiting(connection, New(b"x", (Opening(name, "00" * 32, "value"),)))
    assert refused.value.code == "bad-entry"


def test_values_of_every_kind_come_back_as_they_were(store):
    values = [None, 1, 1.5, "a\0b", "ü\u2028", {"b": [1, {"a": None}]}, "𝄞"]
    kept = [opened("text", value, os.urandom(32)) for value in values]
    with store.engine.begin() as connection:
        add_waiting(connection, New(b"x", tuple(kept)))
    found = {one.salt: one.value for one in store.openings([one.commitment() for one in kept])}
    assert [found[one.salt] for one in kept] == values


def test_whoever_holds_the_database_does_not_hold_the_writer_for_ever(store, monkeypatch):
    monkeypatch.setattr(engines, "BUSY_SECONDS", 1)
    patient = LogStore(open_engine(store.engine.url.render_as_string(hide_password=False), durable=True))
    head = patient.take_lease("one", 0, 1)
    before = state(store)
    with store.engine.begin() as connection:
        connection.execute(update(log_head).values(lease_until_ms=5))
        started = time.monotonic()
        with pytest.raises(DBAPIError):
            patient.commit(head, after(head, [entry(0)]), [entry(0)])
        assert time.monotonic() - started < 10
        connection.rollback()
    assert state(store) == before
    patient.commit(head, after(head, [entry(0)]), [entry(0)])
    patient.close()
