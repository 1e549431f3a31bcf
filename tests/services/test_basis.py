"""On what access is granted: what people really decided, while it is in force and undamaged."""

import datetime as dt

import msgspec
import pytest
from sqlalchemy import select, update

from deciding import Board, Clock, question
from granting import code_of
from halfdoor.bootstrap.working import working
from halfdoor.core.governance.stages import StageSpec
from halfdoor.core.policy.document import Application
from halfdoor.services import applications, stage
from halfdoor.services.basis import basis_of, required
from halfdoor.store.tables.decisions import assessment, decision
from halfdoor.store.tables.models import document


def about(configuration):
    """A question that leads to this configuration, under a policy that says how vetted people apply."""
    rows = (Application("vetted", ("purpose",), reviewers=2, days=40),)
    found = question(policy={"application": rows})
    return msgspec.structs.replace(found, configuration=configuration)


CONFIGURATION = {"final-parameters": ("vetted",), "model-card": ("anyone",)}


def test_an_adopted_decision_is_what_grants_rest_on(sqlite_home):
    clock = Clock()
    with working(sqlite_home, clock=clock) as commits:
        board = Board(commits, about(CONFIGURATION))
        proposed = board.propose()
        assert applications.groups(commits, board.version) == []
        with commits.reading() as connection:
            assert code_of(required, connection, board.version, commits.now()) == "no-decision"
        board.approve(proposed, board.ann, board.ben, board.out)
        with commits.reading() as connection:
            basis = basis_of(connection, board.version, commits.now())
        assert basis.decision == proposed.id
        assert basis.items("vetted") == basis.items("staff") == ("final-parameters",)
        assert basis.askable() == ["auditors", "vetted"]
        assert (basis.row("vetted").reviewers, basis.days("vetted"), basis.days("auditors")) == (2, 40, None)
        assert basis.row("auditors").fields == ("identity", "organisation", "purpose")
        clock.move(basis_end(commits, board.version))
        assert applications.groups(commits, board.version) == []


def basis_end(commits, version):
    with commits.reading() as connection:
        basis = basis_of(connection, version, commits.now())
    return commits.now().date() + dt.timedelta(days=basis.policy.review_days)


@pytest.mark.parametrize("column", [decision.c.document, assessment.c.question, assessment.c.outcome])
def test_what_is_damaged_grants_nothing(sqlite_home, column):
    with working(sqlite_home, clock=Clock()) as commits:
        board = Board(commits, about(CONFIGURATION))
        board.adopt()
        assert applications.groups(commits, board.version)
        with commits.closing() as change:
            digest = change.connection.execute(select(column)).scalar_one()
            body = select(document.c.body).where(document.c.digest == digest)
            other = change.connection.execute(body).scalar_one().replace("vetted", "anyone") + " "
            change.connection.execute(update(document).where(document.c.digest == digest).values(body=other))
        assert applications.groups(commits, board.version) == []


def test_at_a_stage_before_everybodys_turn_those_whose_turn_it_is_may_apply(sqlite_home):
    """Weights that go to anyone in the end may go to vetted people first: those need a grant until then."""
    with working(sqlite_home, clock=Clock()) as commits:
        board = Board(commits, about({"final-parameters": ("anyone",), "model-card": ("anyone",)}))
        found = board.adopt()
        assert applications.groups(commits, board.version) == []
        first = StageSpec({"final-parameters": ("vetted",), "model-card": ("anyone",)})
        last = StageSpec({"final-parameters": ("anyone",), "model-card": ("anyone",)})
        plan = stage.start(commits, board.publisher, found.id, stages=[first, last])
        assert plan.stage == 1
        assert applications.groups(commits, board.version) == ["auditors", "vetted"]
        assert applications.form(commits, board.version, "vetted").items == ("final-parameters",)
        assert code_of(applications.form, commits, board.version, "identified") == "nothing-to-get"
        stage.advance(commits, board.publisher, plan.id)
        assert applications.groups(commits, board.version) == []
