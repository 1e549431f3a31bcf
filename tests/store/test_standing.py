"""What the gate reads: open is what stage and decision both open, while nothing closed it."""

import datetime as dt

import pytest
from sqlalchemy import insert, update

from governed import CARD, NOON, SERVED, WIDER, WIDEST, Clock, actor, adopted, registered
from halfdoor.bootstrap.working import working
from halfdoor.core.canonical import canonical_json
from halfdoor.core.governance.stages import StageSpec
from halfdoor.services import stage
from halfdoor.store import standing as module
from halfdoor.store.standing import standing_of
from halfdoor.store.tables.decisions import decision, plan, plan_stage
from halfdoor.store.tables.models import document, version

NOT_IN_LOG = 10**9  # a number under which nothing ever waited


@pytest.fixture
def world(home):
    """A version whose plan is at its first stage."""
    with working(home, clock=Clock()) as commits:
        yield World(commits)


class World:
    def __init__(self, commits):
        self.commits = commits
        self.version = registered(commits)
        self.publisher = actor(commits, "publisher")
        self.decision = adopted(commits, self.version)
        self.plan = self.start(self.decision).id

    def start(self, of_decision, chain=(SERVED, WIDEST)):
        specs = [StageSpec(config) for config in chain]
        return stage.start(self.commits, self.publisher, of_decision, stages=specs)

    def standing(self, now=NOON, of=None):
        with self.commits.reading() as connection:
            return standing_of(connection, of or self.version, now)

    def write(self, statement):
        with self.commits.closing() as change:
            change.connection.execute(statement)

    def enter(self, number, entry):
        row = {"plan": self.plan, "stage": number, "opened_ms": 0, "entry": entry}
        self.write(insert(plan_stage).values(row))


def test_an_open_version_stands_with_what_its_stage_opens(world):
    now = world.standing()
    assert (now.label, now.repository, now.stage) == ("1.0", "lab/heron", 1)
    assert now.opened["sampling"] == {"staff", "auditors", "vetted"}
    assert "anyone" in now.opened["model-card"]
    assert now.listed == {"model-card", "sampling"}
    assert (now.why, now.disabled, now.offload, now.seen) == ("", False, True, True)


def test_a_version_that_is_not_there_or_not_in_the_log_has_no_standing(world):
    assert world.standing(of="ver_" + "0" * 26) is None
    world.write(update(version).values(entry=NOT_IN_LOG))
    assert world.standing() is None


def test_a_version_without_a_plan_opens_nothing_and_was_not_seen(world):
    other = registered(world.commits, "2.0", {"README.md": ["model-card"]})
    now = world.standing(of=other)
    assert (now.opened, now.stage, now.disabled, now.seen) == ({}, None, False, False)
    assert now.why


@pytest.mark.parametrize(
    "statement",
    [
        update(decision).values(ended_ms=1, ended_cause="condition"),
        update(decision).values(ended_ms=1),
        update(decision).values(adopted_entry=NOT_IN_LOG),
        update(decision).values(adopted_entry=None),
        update(plan).values(halted_ms=1),
        update(plan).values(withdrawn_ms=1),
        update(version).values(withdrawn_ms=1),
    ],
)
def test_whatever_closes_closes_everything(world, statement):
    world.standing()
    world.write(statement)
    now = world.standing()
    assert (now.opened, now.listed, now.disabled) == ({}, frozenset(), True)
    assert now.why


def test_the_review_ends_it_on_its_day(world):
    assert world.standing(NOON + dt.timedelta(days=179)).opened
    now = world.standing(dt.datetime(2027, 5, 22, tzinfo=dt.UTC))
    assert (now.opened, now.disabled) == ({}, True)


def test_a_stage_or_plan_that_the_log_does_not_have_changes_nothing(world):
    before = world.standing()
    world.enter(2, NOT_IN_LOG)
    assert world.standing() == before
    row = {"id": "pln_" + "0" * 26, "version": world.version, "decision": world.decision, "started_ms": 0}
    with world.commits.closing() as change:
        found = change.connection.execute(update(plan).returning(plan.c.document).values(started_ms=0))
        row |= {"document": found.scalar_one(), "entry": NOT_IN_LOG}
        change.connection.execute(insert(plan).values(row))
    assert world.standing() == before


def test_without_a_stage_in_the_log_nothing_is_open(world):
    world.write(update(plan_stage).values(entry=NOT_IN_LOG))
    now = world.standing()
    assert (now.opened, now.stage, now.disabled, now.seen) == ({}, None, False, False)


def test_a_stage_that_the_plan_does_not_have_opens_nothing(world):
    with world.commits.reading() as connection:
        entry = connection.execute(plan_stage.select()).one().entry
    world.enter(3, entry)
    assert (world.standing().opened, world.standing().disabled) == ({}, True)


def test_what_was_decided_before_a_halt_stays_closed_whatever_plan_is_there(world):
    newer = adopted(world.commits, world.version)
    world.start(newer)
    assert world.standing().opened
    world.write(update(plan).where(plan.c.id == world.plan).values(halted_ms=round(NOON.timestamp() * 1000)))
    now = world.standing()
    assert (now.opened, now.disabled) == ({}, True)
    assert "halted" in now.why


def test_the_newest_plan_counts(world):
    world.start(adopted(world.commits, world.version, CARD), chain=[CARD])
    assert world.standing().listed == {"model-card"}


def test_a_plan_that_says_more_than_its_decision_opens_no_more(world):
    """Nobody can make one; but the gate does not rely on that."""
    newer = adopted(world.commits, world.version, WIDER)
    made = world.start(newer, chain=[SERVED])
    with world.commits.closing() as change:
        body = change.connection.execute(document.select().where(document.c.digest == made.seen)).one().body
        wide = body.replace('"sampling":["auditors"', '"datasets":["anyone"],"sampling":["anyone","auditors"')
        assert wide != body
        stored = module.sha256_bytes(wide.encode())
        row = {"digest": stored, "kind": "plan", "body": wide, "stored_ms": 0}
        change.connection.execute(insert(document).values(row))
        change.connection.execute(update(plan).where(plan.c.id == made.id).values(document=stored))
    now = world.standing()
    assert "datasets" not in now.opened
    assert "anyone" in now.opened["sampling"], "the decision opens it to anyone"


@pytest.mark.parametrize("kind", ["plan", "proposal", "question", "assessment"])
def test_a_document_that_was_changed_or_is_gone_opens_nothing(world, kind):
    module._kept._pairs.clear()
    world.write(update(document).where(document.c.kind == kind).values(body=canonical_json({}).decode()))
    now = world.standing()
    assert (now.opened, now.disabled, now.why) == ({}, True, module.DAMAGED)


def test_a_plan_of_another_decision_opens_nothing(world):
    newer = adopted(world.commits, world.version)
    world.write(update(plan).values(decision=newer))
    assert (world.standing().opened, world.standing().why) == ({}, module.DAMAGED)


def test_only_so_many_documents_are_kept():
    kept = module._Kept()
    for number in range(module.KEPT + 10):
        kept.put((str(number),), module._Prepared())
    assert len(kept._pairs) == module.KEPT
    assert kept.get(("0",)) is None
    assert kept.get((str(module.KEPT),)) is not None
