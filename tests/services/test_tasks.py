"""Dates come once: after a restart, beside other processes, and only when time has passed."""

import datetime as dt
import threading
from contextlib import contextmanager

import pytest
from sqlalchemy import delete, insert, select

from governed import SERVED, WIDER, WIDEST, Clock, actor, adopted, question, registered
from halfdoor.bootstrap.working import working
from halfdoor.core.errors import InputError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.stages import StageSpec
from halfdoor.services import stage
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.services.tasks import JUMP_SECONDS, LEASE_MS, ClockWatch, run_due
from halfdoor.store.tables.decisions import task
from halfdoor.store.tables.people import role
from halfdoor.store.tasks import take_task

FREE = {"soak_days": 0, "no_new_safeguards_days": 0, "incidents_at_most": None}
DAY = dt.timedelta(days=1)


class Scheduled:
    """A plan at its first stage, whose second has its date: tomorrow."""

    def __init__(self, commits, clock, policy):
        self.commits, self.clock = commits, clock
        self.publisher = actor(commits, "publisher")
        self.version = registered(commits)
        decision = adopted(commits, self.version, asked_and_answered=question(**policy))
        specs = [StageSpec(config) for config in (SERVED, WIDER, WIDEST)]
        self.plan = stage.start(commits, self.publisher, decision, stages=specs).id
        self.schedule()

    def schedule(self, days=1, **options):
        on = self.clock.time + days * DAY
        return stage.advance(self.commits, self.publisher, self.plan, on=on, **options)

    def stage(self):
        return stage.show(self.commits, self.plan).stage

    def run(self, holder="a", commits=None):
        """As a process that has just been started."""
        return [(one.done, one.words) for one in run_due(commits or self.commits, holder, watch=ClockWatch())]


@contextmanager
def scheduled(home, **policy):
    clock = Clock()
    with working(home, clock=clock) as commits:
        yield Scheduled(commits, clock, policy or FREE)


def test_a_stage_is_entered_when_its_date_comes_and_not_before(home):
    with scheduled(home) as world:
        assert [one.stage for one in stage.show(world.commits, world.plan).due] == [2]
        assert world.run() == []
        world.clock.time += DAY
        assert world.run() == [(True, "Stage 2 was entered.")]
        assert world.stage() == 2
        assert world.run() == []
        view = stage.show(world.commits, world.plan)
        assert (view.due, [one.outcome for one in view.done]) == ([], ["Stage 2 was entered."])


def test_dates_outlive_the_process(home):
    with scheduled(home) as world:
        pass
    world.clock.time += DAY
    with working(home, clock=world.clock) as commits:
        assert world.run(commits=commits) == [(True, "Stage 2 was entered.")]


def test_conditions_are_checked_on_the_day_and_a_refusal_is_kept_in_words(home):
    with scheduled(home, soak_days=90) as world:
        world.clock.time += DAY
        ((done, words),) = world.run()
        assert done
        assert words.startswith("Refused: stage 2 may not be entered: Open for 1 days; 90 are asked for.")
        assert world.stage() == 1
        assert stage.show(world.commits, world.plan).done[0].outcome == words
        world.clock.time += 100 * DAY
        assert world.run() == [], "it was answered"


def test_after_a_halt_the_date_opens_nothing(home):
    with scheduled(home) as world:
        stage.halt(world.commits, world.publisher, world.plan)
        world.clock.time += DAY
        ((done, words),) = world.run()
        assert done
        assert "The plan was halted." in words
        assert world.stage() == 1


def test_whoever_set_the_date_must_still_be_a_publisher(sqlite_home):
    with scheduled(sqlite_home) as world:
        with world.commits.closing() as change:
            change.connection.execute(delete(role).where(role.c.person == world.publisher.person))
        world.clock.time += DAY
        assert world.run() == [(True, "Refused: whoever set the date is no publisher any more.")]
        assert world.stage() == 1


def test_two_replicas_take_one_step(home):
    with scheduled(home) as world:
        world.clock.time += DAY
        world.schedule(days=1)
        found, go = [], threading.Barrier(3)
        with working(home, clock=world.clock) as other:

            def work(name, commits):
                go.wait()
                found.extend(world.run(name, commits))

            racers = [
                threading.Thread(target=work, args=(name, commits))
                for name, commits in (("a", world.commits), ("b", other), ("c", other))
            ]
            for one in racers:
                one.start()
            for one in racers:
                one.join()
        assert found == [(True, "Stage 2 was entered.")]
        assert world.stage() == 2


def take(world, holder):
    with world.commits.closing() as change:
        (number,) = change.connection.execute(select(task.c.number)).scalars()
        return take_task(change.connection, number, holder, change.now_ms, change.now_ms + LEASE_MS)


def test_what_somebody_holds_is_left_to_them_until_the_lease_runs_out(home):
    with scheduled(home) as world:
        world.clock.time += DAY
        assert take(world, "dead")
        assert not take(world, "b")
        assert world.run("b") == []
        world.clock.time += dt.timedelta(milliseconds=LEASE_MS)
        assert world.run("b") == [(True, "Stage 2 was entered.")]


def test_whoever_lost_the_lease_writes_nothing(home, monkeypatch):
    with scheduled(home) as world:
        world.clock.time += DAY
        real = stage.assessed_again

        def slow(*arguments):
            monkeypatch.setattr(stage, "assessed_again", real)
            world.clock.time += dt.timedelta(milliseconds=LEASE_MS)
            assert take(world, "b")
            return real(*arguments)

        monkeypatch.setattr(stage, "assessed_again", slow)
        assert world.run("a") == []
        assert world.stage() == 1
        with world.commits.reading() as connection:
            assert connection.execute(select(task.c.holder)).scalar_one() == "b"


def test_while_the_log_is_down_the_task_is_kept(home):
    class Down:
        def check(self):
            raise LogUnavailable("log-down", "it is down")

        def settle(self, numbers, seconds_max):
            return False

    with scheduled(home) as world:
        world.clock.time += DAY
        with working(home, settling=lambda _: Down(), clock=world.clock) as commits:
            assert world.run(commits=commits) == [(False, "Not done yet: it is down.")]
        assert world.stage() == 1
        assert world.run("b") == [(True, "Stage 2 was entered.")]


def test_a_late_log_does_not_make_it_happen_twice(home):
    class Late:
        def check(self):
            pass

        def settle(self, numbers, seconds_max):
            return False

    with scheduled(home) as world:
        world.clock.time += DAY
        with working(home, settling=lambda _: Late(), clock=world.clock) as commits:
            assert world.run(commits=commits) == [(True, "Stage 2 was entered.")]
        assert world.stage() == 1, "the log does not have it yet"
        actor(world.commits)  # the log goes on
        assert world.stage() == 2
        assert world.run() == []


def test_a_task_that_nobody_knows_is_answered_too(sqlite_home):
    with scheduled(sqlite_home) as world:
        with world.commits.closing() as change:
            change.connection.execute(insert(task).values(kind="x", subject="{}", due_ms=0, lease_until_ms=0))
        assert world.run() == [(True, "Refused: nobody here knows how to do 'x'.")]


def test_a_clock_that_goes_back_repeats_nothing(home):
    with scheduled(home) as world:
        world.clock.time += DAY
        world.run()
        world.clock.time -= 10 * DAY
        assert world.run() == []
        with working(home, clock=world.clock) as commits:
            assert world.run(commits=commits) == []
            assert world.stage() == 2


def test_a_clock_that_was_put_forward_brings_no_date(home):
    with scheduled(home) as world:
        passed = [0.0]
        watch = ClockWatch(lambda: passed[0])
        assert run_due(world.commits, "a", watch=watch) == []
        world.clock.time += DAY
        (one,) = run_due(world.commits, "a", watch=watch)
        assert not one.done
        assert "put forward by 86,400 seconds" in one.words
        assert world.stage() == 1
        assert stage.show(world.commits, world.plan).done[0].outcome == one.words
        passed[0] += DAY.total_seconds()
        (one,) = run_due(world.commits, "a", watch=watch)
        assert one.done
        assert world.stage() == 2


def test_the_same_process_watches_its_clock_by_itself(sqlite_home):
    with scheduled(sqlite_home) as world:
        run_due(world.commits, "a")
        world.clock.time += DAY
        (one,) = run_due(world.commits, "a")
        assert not one.done
        assert world.stage() == 1


def test_a_watch_believes_a_clock_that_goes_as_time_does():
    passed, now = [100.0], dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    watch = ClockWatch(lambda: passed[0])
    assert watch.why_not(now) == ""
    passed[0] += 3600
    assert watch.why_not(now + dt.timedelta(seconds=3600 + JUMP_SECONDS)) == ""
    assert watch.why_not(now + dt.timedelta(seconds=3601 + JUMP_SECONDS)) != ""
    assert watch.why_not(now) == "", "late is not early"


def test_each_stage_has_one_date_and_it_lies_ahead(sqlite_home):
    with scheduled(sqlite_home) as world:
        assert [one.stage for one in world.schedule(days=2).due] == [2, 3]
        for number, code in ((None, "no-such-stage"), (2, "already-so"), (1, "already-so")):
            with pytest.raises(Refused) as caught:
                world.schedule(days=3, stage=number)
            assert caught.value.code == code
        for on in (world.clock.time, dt.datetime(2030, 1, 1)):  # noqa: DTZ001  the one that is refused
            with pytest.raises(InputError):
                stage.advance(world.commits, world.publisher, world.plan, on=on)
