"""A change and its entry are one; what opens waits for the log, what closes does not."""

import datetime as dt

import pytest
from sqlalchemy import insert, select

from halfdoor.bootstrap.working import working
from halfdoor.core.log.events.access import GrantRevoked, OrganisationAdded
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.runtime import changes_after, newest_change
from halfdoor.store.tables.people import organisation
from hindered import Down, Late


def add(change, name):
    one = change.new_id("org")
    entry = change.tell(OrganisationAdded, {"organisation": {"name": name}}, organisation=one)
    row = {"id": one, "name": name, "added_ms": change.now_ms, "entry": entry}
    change.connection.execute(insert(organisation).values(row))
    change.announce("organisation-added", one)
    return one


def names(commits):
    with commits.reading() as connection:
        return list(connection.execute(select(organisation.c.name)).scalars())


def test_a_change_its_entry_and_its_announcement_come_together(home):
    with working(home) as commits:
        with commits.change() as change:
            one = add(change, "A")
        with commits.reading() as connection:
            assert [row.subject for row in changes_after(connection, 0)] == [one]
            assert newest_change(connection) == 1
        assert names(commits) == ["A"]
        assert change.logged


def fail_after_adding(commits):
    with commits.change() as change:
        add(change, "A")
        raise ZeroDivisionError


def test_what_fails_inside_takes_everything_back(home):
    with working(home) as commits:
        with pytest.raises(ZeroDivisionError):
            fail_after_adding(commits)
        assert names(commits) == []
        with commits.reading() as connection:
            assert newest_change(connection) == 0


def test_nothing_is_stored_that_would_open_while_the_log_is_down(home):
    with working(home, settling=lambda _: Down()) as commits:
        with pytest.raises(LogUnavailable), commits.change() as change:
            add(change, "A")
        assert names(commits) == []


def test_a_late_log_is_told_to_whoever_waits(home):
    with working(home, settling=lambda _: Late()) as commits:
        with pytest.raises(LogUnavailable) as caught, commits.change() as change:
            add(change, "A")
        assert caught.value.code == "log-late"


def test_what_closes_acts_while_the_log_is_down_and_is_logged_later(home):
    with working(home, settling=lambda _: Down()) as commits:
        with commits.closing() as change:
            change.tell(GrantRevoked, grant=change.new_id("grt"), cause="reviewer")
            change.announce("grant-revoked", "x")
        assert not change.logged
    with working(home) as commits:
        commits.settle(change.numbers)


def test_the_clock_never_goes_back_behind_what_was_acted_on(home):
    class Clock:
        def __init__(self, now):
            self.time = now

        def now(self):
            return self.time

    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    with working(home, clock=Clock(later)) as commits, commits.change() as change:
        add(change, "A")
    with working(home) as commits:
        with commits.change() as change:
            add(change, "B")
        assert change.now >= later.replace(microsecond=later.microsecond // 1000 * 1000)
        assert commits.now() >= change.now
