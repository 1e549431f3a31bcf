"""Stages are entered when every condition is met, one step at a time, and closed at once."""

import threading
from contextlib import contextmanager

import msgspec
import pytest
from sqlalchemy import delete, update

from governed import CARD, SERVED, WIDER, WIDEST, Clock, actor, adopted, delivered, end, question, registered
from halfdoor.bootstrap.working import working
from halfdoor.core.errors import InputError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.stages import StageSpec
from halfdoor.services import stage
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.standing import standing_of
from halfdoor.store.tables.models import version
from halfdoor.store.tables.people import role

CHAIN = [StageSpec(SERVED), StageSpec(WIDER), StageSpec(WIDEST)]


class Late:
    def check(self):
        pass

    def settle(self, numbers, seconds_max):
        return False


class Down(Late):
    def check(self):
        raise LogUnavailable("log-down", "it is down")


class World:
    """A home with a version, a decision and people."""

    def __init__(self, commits, clock, **policy):
        self.commits, self.clock = commits, clock
        self.version = registered(commits)
        self.publisher = actor(commits, "publisher")
        self.asked = question(**policy) if policy else None
        self.decision = self.decide()

    def decide(self, decided=WIDEST, **options):
        return adopted(self.commits, self.version, decided, asked_and_answered=self.asked, **options)

    def start(self, chain=CHAIN, decision=None):
        return stage.start(self.commits, self.publisher, decision or self.decision, stages=chain)

    def advance(self, plan, **options):
        return stage.advance(self.commits, self.publisher, plan.id, **options)

    def seen_well(self, plan, days=90, uses=10_000):
        """Time passes, and monitoring finds nothing."""
        self.clock.pass_(days=days)
        stage.observe(self.commits, self.publisher, plan.id, uses, 0, 0)

    def open(self):
        with self.commits.reading() as connection:
            opened = standing_of(connection, self.version, self.commits.now()).opened
        return {item: max(groups, key=RANK.index) for item, groups in opened.items()}

    def standing(self):
        with self.commits.reading() as connection:
            return standing_of(connection, self.version, self.commits.now())


RANK = ["staff", "auditors", "vetted", "identified", "anyone"]


def shown(config):
    return {item: groups[0] for item, groups in config.items()}


@contextmanager
def world_in(home, **policy):
    clock = Clock()
    with working(home, clock=clock) as commits:
        yield World(commits, clock, **policy)


def refused(code, call, *arguments, **options):
    with pytest.raises(Refused) as caught:
        call(*arguments, **options)
    assert caught.value.code == code
    return caught.value


def test_a_plan_enters_its_first_stage_at_once_where_nothing_is_asked(home):
    with world_in(home) as world:
        assert world.open() == {}
        view = world.start()
        assert (view.stage, view.state, view.next.stage, view.next.may) == (1, "open", 2, False)
        assert world.open() == shown(SERVED)


def test_without_stages_of_its_own_the_plan_is_the_assessments(home):
    with world_in(home) as world:
        view = world.start(None)
        assert view.stage == 1
        assert view.stages[-1].configuration == {i: list(g) for i, g in sorted(WIDEST.items())}


def test_the_next_stage_waits_for_what_the_policy_asks_and_every_reason_is_said(home):
    with world_in(home) as world:
        plan = world.start()
        error = refused("not-yet", world.advance, plan)
        assert len(error.reasons) == 2
        assert "Open for 0 days" in error.message
        assert "0 monitored uses" in error.message
        assert world.open() == shown(SERVED)
        world.seen_well(plan)
        assert stage.show(world.commits, plan.id).next.may
        assert world.advance(plan).stage == 2
        assert world.open() == shown(WIDER)
        assert "Open for 0 days" in refused("not-yet", world.advance, plan).message


def test_incidents_and_safeguards_hold_a_stage_back(home):
    with world_in(home) as world:
        plan = world.start([StageSpec(SERVED), StageSpec(WIDEST)])
        world.seen_well(plan)
        stage.observe(world.commits, world.publisher, plan.id, 100, 100, 1)
        message = refused("not-yet", world.advance, plan).message
        assert "100 incidents in 10,100" in message
        assert "A safeguard had to be added 0 days ago" in message


def test_what_no_longer_passes_when_assessed_again_is_not_opened(home):
    clock = Clock()
    with working(home, clock=clock) as commits:
        world = World(commits, clock)
        late = clock.time.date().replace(year=2028)
        plan = world.start(decision=world.decide(review=late))
        world.seen_well(plan, days=400)
        message = refused("not-yet", world.advance, plan).message
        assert "Assessed again as of 2027-12-28" in message
        assert stage.show(commits, plan.id).next.reasons


def test_a_plan_that_may_not_begin_yet_says_why(home):
    with world_in(home) as world:
        later = world.clock.time.date().replace(day=25)
        plan = world.start([StageSpec(SERVED, not_before=later), StageSpec(WIDER)])
        assert (plan.stage, plan.state, plan.next.may) == (0, "waiting", False)
        assert plan.next.reasons == ["The plan does not open stage 1 before 2026-11-25."]
        assert world.open() == {}
        world.clock.pass_(days=2)
        assert world.advance(plan).stage == 1


@pytest.mark.parametrize("name", ["admin", "approver", "overseer", "auditor"])
def test_only_publishers_open(sqlite_home, name):
    with world_in(sqlite_home) as world:
        other = actor(world.commits, name)
        refused("not-your-role", stage.start, world.commits, other, world.decision)
        plan = world.start()
        refused("not-your-role", stage.advance, world.commits, other, plan.id)


def test_a_decision_that_is_not_in_force_starts_and_advances_nothing(home):
    with world_in(home) as world:
        proposed = world.decide(adopt=False)
        refused("not-in-force", world.start, decision=proposed)
        plan = world.start()
        world.seen_well(plan)
        with world.commits.closing() as change:
            end(change, world.version, but="", cause="condition")
        assert "The decision ended" in refused("not-yet", world.advance, plan).message
        assert world.open() == {}
        assert world.standing().disabled
        refused("not-in-force", world.start)


def test_a_stage_takes_the_approvals_that_it_asks_for(home):
    with world_in(home, approvals=2) as world:
        world.publisher = actor(world.commits, "publisher", "approver")
        plan = world.start()
        assert "0 did" in plan.next.reasons[0]
        first, second = (actor(world.commits, "approver") for _ in range(2))

        def approve(who, seen=plan.seen, number=1):
            return stage.approve_stage(world.commits, who, plan.id, number, seen)

        refused("changed-meanwhile", approve, first, seen="sha256:" + "0" * 64)
        refused("not-your-role", approve, actor(world.commits, "overseer", "publisher"))
        refused("not-yet", approve, first, number=2)
        refused("no-such-stage", approve, first, number=9)
        approve(first)
        refused("already-so", approve, first)
        approve(world.publisher)
        assert "1 did" in refused("not-yet", world.advance, plan).message, "not who advances"
        approve(second)
        assert world.advance(plan).stage == 1


def test_an_approval_counts_while_its_person_holds_the_role(home):
    with world_in(home, approvals=1) as world:
        plan = world.start()
        one = actor(world.commits, "approver")
        stage.approve_stage(world.commits, one, plan.id, 1, plan.seen)
        with world.commits.closing() as change:
            change.connection.execute(delete(role).where(role.c.person == one.person))
        assert "0 did" in refused("not-yet", world.advance, plan).message


def test_a_decision_has_one_plan(home):
    with world_in(home) as world:
        plan = world.start()
        refused("already-so", world.start)
        stage.withdraw(world.commits, world.publisher, plan.id)
        assert world.open() == {}
        assert world.start().stage == 1


def test_a_new_decision_goes_on_where_the_one_before_was_and_no_further(home):
    with world_in(home) as world:
        plan = world.start()
        world.seen_well(plan)
        world.advance(plan)
        newer = world.decide()
        assert world.open() == {}, "what replaced the decision has no plan yet"
        view = world.start(decision=newer)
        assert (view.stage, world.open()) == (2, shown(WIDER))
        assert "Open for 0 days" in refused("not-yet", world.advance, view).message
        refused("not-yet", world.advance, plan)


def test_a_new_decision_does_not_open_more_at_once(home):
    with world_in(home) as world:
        world.start()
        newer = world.decide()
        view = world.start([StageSpec(WIDEST)], decision=newer)
        assert view.stage == 0
        assert any("Open for 0 days" in reason for reason in view.next.reasons)
        assert world.open() == {}


def test_withdrawing_and_starting_anew_saves_no_time(home):
    with world_in(home) as world:
        plan = world.start()
        stage.withdraw(world.commits, world.publisher, plan.id)
        world.clock.pass_(days=100)
        view = world.start([StageSpec(WIDEST)])
        assert view.stage == 0, "it was not open meanwhile"
        assert world.open() == {}


def test_a_plan_never_opens_more_than_the_decision_says(home):
    with world_in(home) as world:
        newer = world.decide(CARD)
        refused("wider-than-decided", world.start, decision=newer)
        assert world.start(None, decision=newer).stages[-1].configuration == {"model-card": ["anyone"]}


@pytest.mark.parametrize("name", ["publisher", "approver", "overseer", "admin"])
def test_whoever_is_responsible_may_halt(sqlite_home, name):
    with world_in(sqlite_home) as world:
        plan = world.start()
        refused("not-your-role", stage.halt, world.commits, actor(world.commits, "reviewer"), plan.id)
        assert stage.halt(world.commits, actor(world.commits, name), plan.id).plans == [plan.id]
        assert world.open() == {}
        assert world.standing().disabled


def test_a_halt_acts_while_the_log_is_down(home):
    with world_in(home) as world:
        plan = world.start()
        with working(home, settling=lambda _: Down(), clock=world.clock) as commits:
            halted = stage.halt(commits, world.publisher, plan.id)
            assert not halted.logged
        assert world.open() == {}


def test_a_halt_says_what_it_cannot_undo(home):
    with world_in(home) as world:
        plan = world.start()
        one, other = actor(world.commits), actor(world.commits)
        delivered(world.commits, world.version, "README.md")
        delivered(world.commits, world.version, "run.py", holder=one)
        delivered(world.commits, world.version, "run.py", holder=one)
        delivered(world.commits, world.version, "both.txt", holder=other, offloaded=True, ended=False)
        halted = stage.halt(world.commits, world.publisher, plan.id, order="ord_" + "0" * 26)
        assert halted.deliveries == {"inference-code": 3, "model-card": 2}
        assert halted.holders == {"inference-code": 2, "model-card": 1}
        assert halted.running == 1
        code, card, running, public = halted.sentences
        assert code.startswith("Files of inference code were delivered 3 times, to 2 holders of grants:")
        assert "to one holder of a grant and once without a grant" in card
        assert "1 transfer is being sent by another server" in running
        assert public == "Technical report: public elsewhere, and stays so."


def test_after_a_halt_it_takes_a_decision_adopted_since(home):
    with world_in(home) as world:
        plan = world.start()
        stage.halt(world.commits, world.publisher, plan.id)
        refused("not-yet", world.advance, plan)
        refused("not-in-force", world.start)
        refused("not-in-force", world.start, decision=world.decide())
        world.clock.pass_(seconds=1)
        assert world.start(decision=world.decide()).stage == 1
        assert world.open() == shown(SERVED)


def test_halting_twice_or_after_withdrawing_is_no_mistake(home):
    with world_in(home) as world:
        plan = world.start()
        stage.withdraw(world.commits, world.publisher, plan.id)
        refused("already-so", stage.withdraw, world.commits, world.publisher, plan.id)
        assert stage.halt(world.commits, world.publisher, plan.id).plans == [plan.id]
        assert stage.halt(world.commits, world.publisher, plan.id).plans == []
        assert stage.show(world.commits, plan.id).state == "halted"
        refused("not-in-force", world.start)


def test_a_halt_of_any_plan_of_the_version_closes_the_one_that_is_open(home):
    with world_in(home) as world:
        former = world.start()
        world.start(decision=world.decide())
        stage.halt(world.commits, world.publisher, former.id)
        assert world.open() == {}


def test_a_stage_is_not_open_before_the_log_has_it(home):
    with world_in(home) as world:
        plan = world.start()
        world.seen_well(plan)
        with working(home, settling=lambda _: Late(), clock=world.clock) as commits:
            with pytest.raises(LogUnavailable):
                stage.advance(commits, world.publisher, plan.id)
            world.commits = commits
            assert world.open() == shown(SERVED)
            assert "does not stand in the log yet" in refused("not-yet", world.advance, plan).message


def test_while_the_log_is_down_nothing_is_opened(home):
    with world_in(home) as world, working(home, settling=lambda _: Down(), clock=world.clock) as commits:
        with pytest.raises(LogUnavailable):
            stage.start(commits, world.publisher, world.decision)
        assert stage.listed(commits) == []


def test_of_those_who_race_to_advance_one_does(home):
    with world_in(home, soak_days=0, no_new_safeguards_days=0, incidents_at_most=None) as world:
        plan = world.start()
        stage.show(world.commits, plan.id)
        ends, go = [], threading.Barrier(4)

        def race():
            go.wait()
            try:
                stage.advance(world.commits, world.publisher, plan.id, stage=2)
                ends.append("entered")
            except Refused as error:
                ends.append(error.code)

        racers = [threading.Thread(target=race) for _ in range(4)]
        for one in racers:
            one.start()
        for one in racers:
            one.join()
        assert ends.count("entered") == 1
        assert set(ends) <= {"entered", "already-so", "changed-meanwhile"}
        assert stage.show(world.commits, plan.id).stage == 2


def test_counts_that_cannot_be_are_refused(sqlite_home):
    with world_in(sqlite_home) as world:
        plan = world.start()
        for counts in ((-1, 0, 0), (1, 2, 0), (2**60, 0, 0)):
            with pytest.raises(InputError):
                stage.observe(world.commits, world.publisher, plan.id, *counts)
        refused("not-your-role", stage.observe, world.commits, actor(world.commits), plan.id, 1, 0, 0)


def test_a_plan_is_shown_as_json(sqlite_home):
    with world_in(sqlite_home) as world:
        plan = world.start()
        assert msgspec.json.decode(msgspec.json.encode(plan))["state"] == "open"
        (view,) = stage.listed(world.commits, world.version)
        assert view.id == plan.id
        refused("not-found", stage.show, world.commits, "pln_" + "0" * 26)


def test_a_withdrawn_version_opens_nothing(sqlite_home):
    with world_in(sqlite_home) as world:
        plan = world.start()
        world.seen_well(plan)
        with world.commits.closing() as change:
            change.connection.execute(update(version).values(withdrawn_ms=1))
        assert "This version was withdrawn." in refused("not-yet", world.advance, plan).reasons
        assert world.open() == {}
