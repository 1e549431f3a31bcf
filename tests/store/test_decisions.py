"""Decisions in the tables: what the log does not have is not there, and each step happens once."""

import threading

import pytest

from deciding import Board, Clock
from granting import serving
from halfdoor.bootstrap.working import working
from halfdoor.core.log.events.openness import DecisionApproved, DecisionObjected
from halfdoor.store import decisions as store
from halfdoor.store.decisions import ApprovalRow, ObjectionRow
from worlds import DAY

SEEN = "sha256:" + "5" * 64


@pytest.fixture
def home_and_board(home):
    with serving(home, Clock()) as commits:
        board = Board(commits)
        yield home, board, board.propose()


def test_rows_come_back_as_they_were_stored(home_and_board):
    _, board, found = home_and_board
    with board.commits.change() as change:
        given = ApprovalRow("per_a", None, ("approver", "x"), SEEN, None, 5, logged=False)
        entry = change.tell(DecisionApproved, decision=found.id, seen=SEEN)
        store.add_approval(change.connection, found.id, given, entry)
        assert store.approvals(change.connection, found.id) == [given]
        against = ObjectionRow(0, "per_a", SEEN, "no", 6)
        entry = change.tell(DecisionObjected, decision=found.id, seen=SEEN)
        store.add_objection(change.connection, found.id, against, entry)
        assert store.objections(change.connection, found.id) == []  # the log does not have it yet
    with board.commits.reading() as connection:
        assert [one.logged for one in store.approvals(connection, found.id)] == [True]
        assert [one.reason for one in store.objections(connection, found.id)] == ["no"]
        row = store.decision_of(connection, found.id)
        assert (row.version, row.document, row.adopted, row.ended_ms) == (
            found.version,
            found.seen,
            False,
            None,
        )
        assert store.decisions(connection, found.version) == store.not_ended(connection) == [row]
        assert store.decisions(connection, "ver_x") == []
        assert store.assessment_of(connection, found.document.assessment, "ver_x") is None


def test_adopting_and_ending_happen_once(home_and_board):
    _, board, found = home_and_board
    with board.commits.closing() as change:
        connection = change.connection
        assert store.set_adopted(connection, found.id, 7, 0)
        assert not store.set_adopted(connection, found.id, 8, 0)
        assert not store.decision_of(connection, found.id).adopted  # its entry stands nowhere
        assert store.others_adopted(connection, found.version, "dec_x") == [found.id]
        assert store.others_adopted(connection, found.version, found.id) == []
        assert store.set_ended(connection, found.id, 9, "review")
        assert not store.set_ended(connection, found.id, 10, "withdrawn")
        assert not store.set_adopted(connection, found.id, 11, 0)
        assert store.not_ended(connection) == []
        row = store.decision_of(connection, found.id)
        assert (row.adopted_ms, row.ended_ms, row.ended_cause) == (7, 9, "review")


def test_whoever_locks_a_decision_has_it_alone(home_and_board):
    home, board, found = home_and_board
    order = []

    def second():
        with working(home, clock=Clock(DAY)) as other, other.closing() as change:
            store.lock(change.connection, found.id)
            order.append("second")

    thread = threading.Thread(target=second)
    with board.commits.closing() as change:
        store.lock_version(change.connection, found.version)
        assert store.lock(change.connection, found.id).id == found.id
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join(20)
    assert order == ["first", "second"]


def test_roles_are_those_held_now(home_and_board):
    _, board, _ = home_and_board
    with board.commits.reading() as connection:
        held = store.roles_now(connection, [board.ann.person, board.out.person, "per_x"])
        assert held == {board.ann.person: {"approver"}, board.out.person: {"outsider"}}
        assert store.roles_now(connection, []) == {}
