"""Deciding: what is proposed, who approves and objects, and what no replay gets past."""

import datetime as dt
import json
from decimal import Decimal

import msgspec
import pytest
from sqlalchemy import func, select

from deciding import ROLES, WEIGHTS, Board, Clock, question, register, told
from granting import code_of, serving
from halfdoor.core.assess import assess
from halfdoor.core.canonical import digest, sha256_bytes
from halfdoor.core.governance.decisions import decode, encode
from halfdoor.core.policy.document import Limit, Role
from halfdoor.readers.library import load_policy
from halfdoor.services import decide, people
from halfdoor.services.decide.views import shipped_documents
from halfdoor.store.models import document, withdraw_version
from halfdoor.store.tables.decisions import assessment
from ssh_signing import ED25519_PUBLIC, by_ed25519, line
from worlds import DAY, score

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


def test_a_proposal_that_the_quorum_approves_is_in_force(home, commits, board):
    found = board.propose()
    assert (found.state, found.in_force) == ("proposed", False)
    assert len(found.missing) == 2
    found = board.approve(found, board.ann)
    assert found.missing[0] == "One more person with the role approver."
    found = board.approve(found, board.ben, board.out)
    assert (found.state, found.in_force, found.missing, found.why) == ("adopted", True, [], [])
    assert found == decide.show(commits, found.id) == decide.listed(commits)[0]
    assert decide.listed(commits, "ver_" + "0" * 26) == []
    with commits.reading() as connection:
        body = document(connection, found.seen)
    assert decode(body) == found.document
    assert sha256_bytes(body) == found.seen
    adoption = told(home, "decision:record:adopt")
    assert [entry["decision"] for entry in adoption] == [found.id]
    assert len(told(home, "decision:record:approve")) == 3
    assert decide.recheck(commits, found.id) == []


def test_the_server_assesses_the_question_itself(commits, board):
    found = board.propose()
    answer = assess(board.question)
    assert found.document.assessment == answer.id
    assert found.document.outputs == answer.outputs_digest
    assert found.document.headline == answer.verdict.headline
    assert not found.document.in_scope
    assert found.document.review == REVIEW
    with commits.reading() as connection:
        assert (
            sha256_bytes(document(connection, found.document.policy_digest)) == found.document.policy_digest
        )


def test_a_model_in_scope_is_decided_alike_and_its_flip_points_are_conditions(commits):
    board = Board(commits, question(scope=True, policy={"evidence_max_age_days": 60}))
    found = board.adopt()
    assert found.in_force
    assert found.document.in_scope
    assert found.document.conditions
    assert found.document.evidence_until == DAY + dt.timedelta(days=61)
    assert decide.recheck(commits, found.id) == []


def test_a_second_proposal_on_the_same_assessment_keeps_it_once(home, commits, board):
    first, second = board.propose(), board.propose()
    assert first.document.assessment == second.document.assessment
    assert first.seen != second.seen
    assert len(told(home, "assessment:record:register")) == 1
    with commits.reading() as connection:
        assert connection.execute(select(func.count()).select_from(assessment)).scalar_one() == 1


def test_what_is_not_permitted_is_refused_with_the_verdict_and_nothing_is_kept(home, commits):
    board = Board(commits, question(compute=None))
    answer = assess(board.question)
    with pytest.raises(Exception, match="Not permitted") as caught:
        board.propose()
    assert caught.value.code == "not-permitted"
    assert all(sentence in caught.value.message for sentence in answer.verdict.sentences)
    assert decide.listed(commits) == []
    assert told(home, "assessment:record:register") == []


def test_a_question_is_refused_that_is_not_about_this_version(commits, board):
    weights = WEIGHTS | {"final-parameters": "sha256:" + "f" * 64}
    other = register(commits, board.question, "2", weights)
    assert code_of(board.propose, version=other) == "other-version"
    claimed = question(claims=(score(2, weights="sha256:" + "b" * 64),))
    assert code_of(board.propose, question=claimed) == "other-version"
    assert code_of(board.propose, version="ver_" + "0" * 26) == "not-found"
    with commits.closing() as change:
        withdraw_version(change.connection, other, change.now_ms)
    assert code_of(board.propose, version=other) == "withdrawn"


def test_a_day_to_come_and_documents_that_do_not_hold_are_refused(commits, board):
    tomorrow = msgspec.structs.replace(board.question, as_of=DAY + dt.timedelta(days=1))
    assert code_of(board.propose, question=tomorrow) == "future"
    assert code_of(board.propose, question=question(Role(name="approver", quorum=0))) == "bad-number"
    row = Limit("d", "high", "nobody", "x", access_probability=Decimal(2), confidence=Decimal(2))
    assert code_of(board.propose, question=question(policy={"limit": (row,)})) == "bad-probability"
    assert code_of(board.propose, review=DAY) == "bad-review"
    assert code_of(board.propose, review=REVIEW + dt.timedelta(days=1)) == "bad-review"


def test_an_assessment_of_last_month_counts_as_of_today(commits, clock):
    board = Board(commits, question(scope=True, policy={"evidence_max_age_days": 20}))
    clock.move(DAY + dt.timedelta(days=30))
    assert code_of(board.propose) == "not-in-force"


def test_only_people_with_a_part_in_it_propose(commits, board):
    assert board.propose()
    for actor in (board.admin, board.person("Rea", "reviewer", "overseer")):
        assert code_of(decide.propose, commits, actor, question=board.question, version=board.version) == (
            "not-your-role"
        )
    lone = board.person("Lou", "publisher")  # of no organisation that is known
    assert code_of(decide.propose, commits, lone, question=board.question, version=board.version) == (
        "no-organisation"
    )


def test_approvers_are_told_whose_policy_it_is_and_that_it_changed(commits, board):
    own = [
        "The policy p 1 is not one that Halfdoor ships.",
        "The risk model r 1 is not one that Halfdoor ships.",
    ]
    assert board.adopt().notes == own
    assert board.propose().notes == own
    other = question(Role(name="approver"))
    assert board.propose(question=other).notes == [
        *own,
        "The decision adopted last was made under another p 1: this policy is not that one.",
    ]
    assert digest(load_policy("seger-2023")) in shipped_documents()


# ── Approving ──


def test_an_approval_counts_for_the_document_that_was_seen_and_once(commits, board):
    first, second = board.propose(), board.propose()
    for seen in (second.seen, "", first.seen.upper()):
        assert code_of(decide.approve, commits, board.ann, first.id, seen=seen) == "changed-meanwhile"
    board.approve(first, board.ann)
    assert code_of(decide.approve, commits, board.ann, first.id, seen=first.seen) == "already-so"
    assert code_of(decide.approve, commits, board.ann, "dec_" + "0" * 26, seen=first.seen) == "not-found"


def test_the_proposer_approves_in_no_role(commits, board):
    found = board.propose()
    people.give_role(commits, board.admin, board.publisher.person, "outsider")
    for roles in (board.publisher.roles, frozenset({"outsider"})):
        actor = msgspec.structs.replace(board.publisher, roles=roles)
        assert code_of(decide.approve, commits, actor, found.id, seen=found.seen) == "own-proposal"


def test_roles_are_those_that_the_tables_have_now(commits, board):
    found = board.propose()
    posing = msgspec.structs.replace(board.person("Rea", "reviewer"), roles=frozenset({"approver"}))
    assert code_of(decide.approve, commits, posing, found.id, seen=found.seen) == "not-your-role"
    people.leave(commits, board.ben)
    assert code_of(decide.approve, commits, board.ben, found.id, seen=found.seen) == "not-your-role"


def test_who_loses_the_role_before_the_quorum_is_met_no_longer_counts(commits, board):
    found = board.approve(board.propose(), board.ann)
    people.take_role(commits, board.admin, board.ann.person, "approver")
    found = board.approve(found, board.ben, board.out)
    assert found.state == "proposed"
    assert found.missing == ["One more person with the role approver."]
    assert [one.counts for one in found.approvals] == [False, True, True]
    found = board.approve(found, board.person("Cem", "approver"))
    assert found.in_force
    people.take_role(commits, board.admin, board.ben.person, "approver")
    assert decide.show(commits, found.id).in_force


def test_somebody_of_the_proposers_organisation_is_no_outsider(commits, board):
    found = board.approve(board.propose(), board.ann, board.ben)
    inside = board.person("Ivo", "outsider", organisation=board.home)
    found = board.approve(found, inside, board.person("Uma", "outsider"))
    assert found.state == "proposed"
    assert "neither the proposer's" in found.missing[0]
    assert board.approve(found, board.out).in_force


def test_what_has_ended_takes_no_approval(commits, board, clock):
    found = board.propose()
    decide.end(commits, board.publisher, found.id, cause="withdrawn")
    assert code_of(decide.approve, commits, board.ann, found.id, seen=found.seen) == "ended"
    late = board.propose()
    clock.move(REVIEW)
    assert code_of(decide.approve, commits, board.ann, late.id, seen=late.seen) == "ended"


SIGNED = (Role(name="approver", signed=True), Role(name="checker"))


def test_where_the_policy_asks_for_signatures_only_ones_own_key_over_this_document_counts(home, commits):
    board = Board(commits, question(*SIGNED))
    found, other = board.propose(), board.propose()
    checker = board.person("Cho", "checker")

    def approve(actor, over):
        return code_of(
            decide.approve, commits, actor, found.id, seen=found.seen, signature=over and by_ed25519(over)
        )

    body = encode(found.document)
    assert approve(board.ann, None) == "unsigned"
    assert approve(board.ann, body) == "bad-signature"  # no key of hers is known
    people.add_ssh_key(commits, board.ann, line(ED25519_PUBLIC))
    assert approve(board.ann, encode(other.document)) == "bad-signature"
    assert approve(board.ben, body) == "bad-signature"  # her key is not his
    board.approve(found, board.ann, signature=by_ed25519(body))
    found = board.approve(found, checker)
    assert found.in_force
    assert [one.signed for one in found.approvals] == [True, False]
    kept = told(home, "decision:record:approve")[0]["signature"]
    with commits.reading() as connection:
        assert document(connection, kept).decode() == by_ed25519(body)
    people.remove_ssh_key(commits, board.ann, line(ED25519_PUBLIC))
    assert decide.recheck(commits, found.id) == []


def test_objections_are_kept_whatever_the_outcome(home, commits, board):
    found = board.propose()
    seen = {"seen": found.seen}
    auditor = board.person("Aud", "auditor")
    decide.object_to(commits, auditor, found.id, reason="Too early: ask Ben.", **seen)
    found = board.approve(found, board.ann, board.ben, board.out)
    assert found.in_force
    found = decide.object_to(commits, board.ann, found.id, reason="I was wrong.", **seen)
    assert [(one.person, one.reason) for one in found.objections] == [
        (auditor.person, "Too early: ask Ben."),
        (board.ann.person, "I was wrong."),
    ]
    decide.end(commits, board.ann, found.id, cause="withdrawn")
    assert len(decide.show(commits, found.id).objections) == 2
    entries = told(home, "decision:record:object")
    assert [set(entry["commitments"]) for entry in entries] == [{"reason"}, {"reason"}]
    assert "Ben" not in json.dumps(entries)


def test_an_objection_needs_a_reason_a_role_and_the_document(commits, board):
    found = board.propose()
    nobody = people.register(commits, name="Noa", email="noa@example.org", organisation="none")[0]
    guest = people.person_actor(commits, nobody)
    assert (
        code_of(decide.object_to, commits, board.ann, found.id, seen=found.seen, reason=" ") == "bad-reason"
    )
    assert (
        code_of(decide.object_to, commits, board.ann, found.id, seen="x", reason="y") == "changed-meanwhile"
    )
    assert code_of(decide.object_to, commits, guest, found.id, seen=found.seen, reason="y") == "not-your-role"


def test_roles_that_the_policy_names_are_those_of_the_document(board):
    assert [seat.role for seat in board.propose().document.quorum] == [r.name for r in ROLES if r.decides]
