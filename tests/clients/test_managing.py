"""Reviewers manage access with the client's own methods, where a form of ours is behind them."""

from pathlib import Path

import pytest

from gated import REPOSITORY, heron
from halfdoor.services import applications, grants

ROOT = Path(__file__).parents[2]


@pytest.fixture
def applied(opened):
    """Somebody has applied and waits: (the gate, who, the application)."""
    actor, application = opened.apply("Apple")
    return opened, actor, application


def test_who_waits_is_listed_for_reviewers_alone(applied, client_of, hub):
    gate, actor, _ = applied
    client = client_of(hub, gate.url)
    found = client.do("pending", gate.person_token(gate.reviewers[0]), repo=REPOSITORY, status="pending")
    assert found["users"] == [actor.person]
    assert found["fields"][0]["purpose"]
    for token in (None, gate.person_token(actor), gate.person_token(gate.publisher)):
        refused = client.do("pending", token, repo=REPOSITORY, status="pending")
        assert refused["error"], refused
        assert refused["status"] in {401, 403}


def test_two_reviewers_accept_and_the_applicant_downloads(applied, client_of, hub):
    gate, actor, _ = applied
    client = client_of(hub, gate.url)
    for reviewer in gate.reviewers:
        token = gate.person_token(reviewer)
        done = client.do("handle", token, repo=REPOSITORY, user=actor.person, method="accept")
        assert "error" not in done, done
    token = gate.person_token(gate.reviewers[0])
    accepted = client.do("pending", token, repo=REPOSITORY, status="accepted")
    assert accepted["users"] == [actor.person]
    assert client.do("pending", token, repo=REPOSITORY, status="pending")["users"] == []


def test_a_rejection_gives_its_reason(applied, client_of, hub):
    gate, actor, application = applied
    token = gate.person_token(gate.reviewers[0])
    client = client_of(hub, gate.url)
    done = client.do(
        "handle",
        token,
        repo=REPOSITORY,
        user=actor.person,
        method="reject",
        rejection_reason="Say which flaws you look for.",
    )
    assert "error" not in done, done
    view = applications.show(gate.commits, actor, application.id)
    assert view.application.state == "rejected"
    assert view.acts[-1].reason == "Say which flaws you look for."
    assert client.do("pending", token, repo=REPOSITORY, status="rejected")["users"] == [actor.person]


def test_what_policy_and_decision_rule_is_not_set_by_a_client(opened, client_of, hub):
    client = client_of(hub, opened.url)
    refused = client.do("settings", opened.person_token(opened.cast.admin), repo=REPOSITORY, gated="auto")
    assert refused["error"]
    assert refused["status"] in {400, 403}
    assert "decide" in refused["message"] or "decision" in refused["message"]


def test_granting_access_without_an_application_lets_an_auditor_in(gate, client_of, hub, tmp_path):
    """The client's `grant_access` knows no groups: it is for auditors, where one reviewer may decide."""
    strict = (ROOT / "src/halfdoor/library/policies/seger-2023.toml").read_text(encoding="utf-8")
    (tmp_path / "heron").mkdir()
    (tmp_path / "heron" / "ours.toml").write_text(strict.replace("reviewers = 2", "reviewers = 1"))
    gate.open(heron(tmp_path / "heron", policy="ours.toml"))
    somebody = gate.cast.person("Sam")
    client = client_of(hub, gate.url)
    refused = client.do("grant", gate.person_token(somebody), repo=REPOSITORY, user=somebody.person)
    assert refused["status"] == 403
    done = client.do("grant", gate.person_token(gate.reviewers[0]), repo=REPOSITORY, user=somebody.person)
    assert "error" not in done, done
    (row,) = grants.listed(gate.commits, somebody)
    assert (row.group, row.application) == ("auditors", None)


def test_granting_access_is_refused_where_the_policy_asks_for_two_reviewers(opened, client_of, hub):
    somebody = opened.cast.person("Sam")
    client = client_of(hub, opened.url)
    done = client.do("grant", opened.person_token(opened.reviewers[0]), repo=REPOSITORY, user=somebody.person)
    assert done["status"] == 403
    assert grants.listed(opened.commits, somebody) == []
