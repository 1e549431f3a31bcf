"""Deciding: races, what ends a decision, a log that is late, and what is changed in the database."""

import datetime as dt
import json
from contextlib import contextmanager

import msgspec
import pytest
from sqlalchemy import insert, select, update

from deciding import Board, Clock, question, told
from granting import at_once, code_of, serving
from halfdoor.bootstrap.working import working
from halfdoor.core.errors import VerificationError
from halfdoor.services import decide
from halfdoor.store.tables.decisions import approval, assessment, decision
from halfdoor.store.tables.models import document as documents
from hindered import Down, Late
from worlds import DAY

REVIEW = DAY + dt.timedelta(days=180)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def commits(home, clock):
    with serving(home, clock) as running:
        yield running


@pytest.fixture
def board(commits):
    return Board(commits)


@contextmanager
def settled_by(home, settling, clock):
    """The same home, whose log does something else."""
    with working(home, settling=lambda _: settling(), clock=clock) as running:
        yield running


# ── At the same time ──


def test_approvals_that_race_adopt_once(home, commits, board):
    more = [board.person(name, "approver") for name in ("Cy", "Di")]
    found = board.propose()

    def approving(actor):
        return lambda: decide.approve(commits, actor, found.id, seen=found.seen)

    everybody = [board.ann, board.ben, board.out, *more]
    done = at_once(*map(approving, everybody))
    assert not [one for one in done if isinstance(one, str)]
    assert decide.show(commits, found.id).in_force
    assert len(told(home, "decision:record:adopt")) == 1
    assert len(told(home, "decision:record:approve")) == 5


def test_the_same_approval_sent_several_times_at_once_is_one(home, commits, board):
    found = board.propose()
    call = lambda: decide.approve(commits, board.ann, found.id, seen=found.seen).id  # noqa: E731  called thrice
    assert sorted(at_once(call, call, call), key=str) == ["already-so", "already-so", found.id]
    assert len(told(home, "decision:record:approve")) == 1


def test_of_two_decisions_that_are_adopted_at_once_one_is_in_force(home, commits, board):
    pair = [board.approve(board.propose(), board.ann, board.ben) for _ in range(2)]
    at_once(*(lambda f=found: decide.approve(commits, board.out, f.id, seen=f.seen) for found in pair))
    states = sorted((one.state, one.ended_cause or "") for one in decide.listed(commits, board.version))
    assert states == [("adopted", ""), ("ended", "replaced")]
    assert len(told(home, "decision:record:adopt")) == 2
    assert len(told(home, "decision:record:end")) == 1


def test_a_new_decision_takes_the_place_of_the_old_one(commits, board):
    old = board.adopt()
    new = board.adopt()
    assert decide.show(commits, new.id).in_force
    old = decide.show(commits, old.id)
    assert (old.state, old.ended_cause) == ("ended", "replaced")
    assert "took its place" in old.why[0]


# ── Ending ──


def test_a_responsible_person_ends_it_at_once_even_while_the_log_is_down(home, clock):
    with serving(home, clock) as commits:
        board = Board(commits)
        found = board.adopt()
        overseer = board.person("Ola", "overseer")
        guest = board.person("Gus", "reviewer")
    with settled_by(home, Down, clock) as commits:
        assert code_of(decide.end, commits, guest, found.id) == "not-your-role"
        assert code_of(decide.end, commits, overseer, found.id, cause="replaced") == "bad-cause"
        ended = decide.end(commits, overseer, found.id, cause="evidence")
        assert (ended.state, ended.in_force, ended.ended_cause) == ("ended", False, "evidence")
        assert code_of(decide.end, commits, overseer, found.id) == "already-so"
    with serving(home, clock) as commits:
        assert decide.show(commits, found.id).ended_cause == "evidence"
        with commits.change() as change:  # and what waited is in the log before what comes now
            change.announce("x", "y")
    assert code_of_end(home) == [("evidence", overseer.person)]


def code_of_end(home):
    with working(home) as commits, commits.change() as change:
        from halfdoor.core.log.events.access import OrganisationAdded  # noqa: PLC0415  any entry will do

        change.tell(OrganisationAdded, organisation=change.new_id("org"))
    return [(entry["cause"], entry["by"]) for entry in told(home, "decision:record:end")]


def test_a_condition_that_came_about_voids_the_decision(commits):
    board = Board(commits, question(scope=True))
    found = board.adopt()
    assert code_of(decide.void, commits, board.ann, found.id, condition=0) == "not-found"
    voided = decide.void(commits, board.ann, found.id, condition=1)
    assert (voided.state, voided.ended_cause) == ("ended", "condition")
    assert code_of(decide.void, commits, board.ann, "dec_" + "0" * 26, condition=1) == "not-found"


@pytest.mark.parametrize("lapse", [(None, REVIEW, "review"), (60, DAY + dt.timedelta(days=61), "evidence")])
def test_what_lapses_is_not_in_force_from_that_day_and_is_ended_once(home, commits, clock, lapse):
    age, day, cause = lapse
    board = Board(commits, question(scope=True, policy={"evidence_max_age_days": age}))
    found = board.adopt()
    waiting = board.propose()
    clock.move(day - dt.timedelta(days=1))
    assert decide.end_due(commits) == []
    assert decide.show(commits, found.id).in_force
    clock.move(day)
    shown = decide.show(commits, found.id)
    assert (shown.state, shown.in_force) == ("adopted", False)
    done = at_once(lambda: decide.end_due(commits), lambda: decide.end_due(commits))
    assert sorted([*done[0], *done[1]]) == sorted((found.id, waiting.id))
    assert decide.show(commits, found.id).ended_cause == cause
    assert decide.end_due(commits) == []
    assert len(told(home, "decision:record:end")) == 2


def test_the_clock_does_not_bring_back_what_has_lapsed(commits, board, clock):
    found = board.adopt()
    clock.move(REVIEW)
    board.person("Zoe")  # anything that happens
    clock.move(DAY)
    assert not decide.show(commits, found.id).in_force


# ── The log is late, or stops in between ──


def test_a_proposal_that_the_log_does_not_have_is_nowhere(home, clock):
    with serving(home, clock) as commits:
        board = Board(commits)
    with settled_by(home, Late, clock) as commits:
        board.commits = commits
        assert code_of(board.propose) == "log-late"
        assert decide.listed(commits) == []
    with settled_by(home, Down, clock) as commits:
        board.commits = commits
        assert code_of(board.propose) == "log-down"


def test_an_approval_counts_once_the_log_has_it_and_then_the_decision_is_adopted(home, clock):
    with serving(home, clock) as commits:
        board = Board(commits)
        found = board.approve(board.propose(), board.ann, board.ben)
    with settled_by(home, Late, clock) as commits:
        board.commits = commits
        assert code_of(board.approve, found, board.out) == "log-late"
        assert decide.show(commits, found.id).state == "proposed"
        assert decide.adopt_due(commits) == []
    with serving(home, clock) as commits:
        board.commits = commits
        board.person("Zoe")  # the log goes on
        assert decide.adopt_due(commits) == [found.id]
        assert decide.adopt_due(commits) == []
        assert decide.show(commits, found.id).in_force
    assert len(told(home, "decision:record:adopt")) == 1


# ── What somebody changes in the database ──


def change_document(commits, digest, change):
    with commits.closing() as doing:
        body = doing.connection.execute(
            select(documents.c.body).where(documents.c.digest == digest)
        ).scalar_one()
        changed = update(documents).where(documents.c.digest == digest).values(body=change(body))
        doing.connection.execute(changed)


def test_a_changed_document_is_noticed_and_can_only_be_ended(commits, board):
    found = board.adopt()
    change_document(commits, found.seen, lambda body: body.replace('"identified"', '"anyone"') + " ")
    with pytest.raises(VerificationError):
        decide.show(commits, found.id)
    assert "altered" in decide.recheck(commits, found.id)[0]
    assert decide.end_due(commits) == []
    with pytest.raises(VerificationError):
        decide.end(commits, board.admin, found.id)
    with commits.reading() as connection:
        cause = connection.execute(select(decision.c.ended_cause).where(decision.c.id == found.id))
        assert cause.scalar_one() == "withdrawn"


def test_a_changed_assessment_puts_the_decision_out_of_force(commits, board):
    found = board.propose()
    with commits.reading() as connection:
        outcome = connection.execute(select(assessment.c.outcome)).scalar_one()
    change_document(commits, outcome, lambda body: body.replace("true", "false", 1))
    found = board.approve(found, board.ann, board.ben)
    with pytest.raises(VerificationError):
        board.approve(found, board.out)
    found = decide.show(commits, found.id)
    assert found.state == "proposed"
    assert any("damaged" in why for why in found.why)
    assert "altered" in decide.recheck(commits, found.id)[0]


def test_another_question_under_the_same_assessment_is_noticed(commits, board):
    found = board.adopt()
    other = Board.propose(board, question=msgspec.structs.replace(board.question, seed=7))
    with commits.closing() as change:
        values = {"question": other.document.question}
        row = assessment.c.id == found.document.assessment
        change.connection.execute(update(assessment).where(row).values(values))
    assert not decide.show(commits, found.id).in_force
    assert "another question" in decide.recheck(commits, found.id)[0]


def test_approvals_that_were_written_in_by_hand_are_noticed(commits, board):
    found = board.approve(board.propose(), board.ann)
    with commits.closing() as change:
        mine = select(approval.c.entry).where(approval.c.person == board.ann.person).scalar_subquery()
        rows = [
            {"person": actor.person, "organisation": where, "roles": json.dumps([role])}
            for actor, where, role in ((board.ben, None, "approver"), (board.out, board.other, "outsider"))
        ]
        for row in rows:
            rest = {"decision": found.id, "seen": "sha256:other", "at_ms": change.now_ms, "entry": mine}
            change.connection.execute(insert(approval).values(**row, **rest))
    told_ = decide.recheck(commits, found.id)
    assert len([one for one in told_ if "approved another document" in one]) == 2


def test_an_engine_that_answers_otherwise_is_told(commits, board, monkeypatch):
    found = board.adopt()
    monkeypatch.setattr("halfdoor.core.assess.ENGINE", "halfdoor 99")
    assert decide.recheck(commits, found.id)
