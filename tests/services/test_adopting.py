"""Once a policy is adopted here, nothing is proposed under another."""

import msgspec
import pytest

from deciding import Board, Clock, question
from granting import code_of, serving
from halfdoor.core.canonical import digest
from halfdoor.core.errors import InputError
from halfdoor.services import decide


@pytest.fixture
def commits(home):
    with serving(home, Clock()) as running:
        yield running


@pytest.fixture
def board(commits):
    return Board(commits)


def adopt(commits, board, asked, **changes):
    policy = msgspec.structs.replace(asked.policy, **changes)
    return decide.adopt_policy(commits, board.admin, policy=policy, risk_model=asked.risk_model)


def test_what_was_adopted_may_be_proposed_and_nothing_else(commits, board):
    asked = question()
    assert decide.policy_adopted(commits) is None
    row = adopt(commits, board, asked)
    assert (row.policy, row.risk_model) == (digest(asked.policy), digest(asked.risk_model))
    assert decide.policy_adopted(commits) == row
    assert board.propose().state == "proposed"
    adopt(commits, board, asked, version="another")
    assert code_of(board.propose) == "not-adopted"
    adopt(commits, board, asked)  # and back again
    assert board.propose().state == "proposed"


def test_only_an_administrator_adopts_and_once(commits, board):
    asked = question()
    both = {"policy": asked.policy, "risk_model": asked.risk_model}
    assert code_of(decide.adopt_policy, commits, board.ann, **both) == "not-your-role"
    adopt(commits, board, asked)
    assert code_of(adopt, commits, board, asked) == "already-so"


def test_a_policy_that_does_not_hold_is_not_adopted(commits, board):
    asked = question()
    limit = msgspec.structs.replace(asked.policy.limit[0], domain="no-such-domain")
    with pytest.raises(InputError):
        adopt(commits, board, asked, limit=(limit,))
    assert decide.policy_adopted(commits) is None
