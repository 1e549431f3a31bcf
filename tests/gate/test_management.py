"""The request-management API of Hugging Face's clients: what it does goes through the same services."""

import json

import pytest

from gated import REPOSITORY, heron
from halfdoor.services import applications, grants, tokens

API = f"/api/models/{REPOSITORY}/user-access-request/"
WEIGHTS = f"/{REPOSITORY}/resolve/main/model.safetensors"


class Desk:
    """Whoever looks after requests, with the token that they show."""

    def __init__(self, gate, ask):
        self.gate, self._ask = gate, ask
        self.reviewers = [gate.person_token(one) for one in gate.reviewers]

    def listed(self, status, token=None):
        return self._ask.get(API + status, token or self.reviewers[0])

    def post(self, act, content, token=None):
        body = content if isinstance(content, bytes) else json.dumps(content)
        return self._ask(
            "POST", API + act, token or self.reviewers[0], body=body, Content_Type="application/json"
        )

    def handle(self, user, status, token=None, **more):
        return self.post("handle", {"user": user, "status": status, **more}, token)


@pytest.fixture
def desk(gate, ask):
    return Desk(gate, ask)


@pytest.fixture
def applied(gate):
    return gate.apply("Apple")


def test_from_request_to_revocation(gate_on_each, ask):
    gate = gate_on_each
    desk = Desk(gate, ask)
    actor, asked = gate.apply("Apple")
    (row,) = desk.listed("pending").json
    assert (row["requestId"], row["status"]) == (asked.id, "pending")
    assert row["user"] == {"user": actor.person, "fullname": "Apple", "email": "apple@example.org"}
    assert row["fields"]["purpose"] == asked.fields["purpose"]
    assert row["timestamp"].endswith("Z")
    assert desk.handle(actor.person, "accepted", desk.reviewers[0]).status == 200
    assert grants.listed(gate.commits, actor) == []  # the policy asks for two
    assert desk.handle(actor.person, "accepted", desk.reviewers[0]).status == 409
    assert desk.post("handle", {"requestId": asked.id, "status": "accepted"}, desk.reviewers[1]).status == 200
    (grant,) = grants.listed(gate.commits, actor)
    assert [one["requestId"] for one in desk.listed("accepted").json] == [asked.id]
    assert desk.listed("pending").json == desk.listed("rejected").json == []
    secret = tokens.issue(gate.commits, actor, grant=grant.id).secret
    assert ask.get(WEIGHTS, secret).status == 200
    assert desk.handle(actor.person, "rejected").status == 200
    assert ask.get(WEIGHTS, secret).status == 401
    assert applications.show(gate.commits, actor, asked.id).application.state == "revoked"


def test_a_rejection_keeps_its_reason(gate, desk, applied):
    actor, asked = applied
    assert desk.handle(actor.person, "rejected", rejectionReason="Too vague.").status == 200
    view = applications.show(gate.commits, actor, asked.id)
    assert (view.application.state, view.acts[-1].reason) == ("rejected", "Too vague.")
    assert [one["requestId"] for one in desk.listed("rejected").json] == [asked.id]


def test_only_reviewers_manage_with_their_own_token(gate, ask, desk, applied):
    actor, _ = applied
    _, _, secret = gate.grant("Gil")
    others = [gate.person_token(one) for one in (actor, gate.publisher, *gate.board)] + [secret]
    for token in others:
        assert desk.listed("pending", token).status == 403
        assert desk.handle(actor.person, "accepted", token).status == 403
        assert desk.post("grant", {"user": actor.person}, token).status == 403
    for path, act in ((f"{API}pending", "GET"), (f"{API}handle", "POST"), (f"{API}grant", "POST")):
        assert ask(act, path, body=None).status == 401
    assert desk.listed("pending").json[0]["requestId"] == applied[1].id


def test_nobody_decides_on_an_application_of_their_own(gate, desk):
    reviewer = gate.reviewers[0]
    asked = applications.draft(
        gate.commits,
        reviewer,
        version=gate.version,
        group="vetted",
        fields={"identity": "Rea", "organisation": "Lab", "purpose": "To look."},
    )
    applications.submit(gate.commits, reviewer, asked.application.id)
    refused = desk.handle(reviewer.person, "accepted")
    assert refused.status == 403
    assert desk.post("grant", {"user": reviewer.person}).status == 403


@pytest.mark.parametrize(
    ("act", "content", "status"),
    [
        ("handle", b"", 400),
        ("handle", b"not json", 400),
        ("handle", b"[]", 400),
        ("handle", {"status": "accepted"}, 404),
        ("handle", {"user": 7, "status": "accepted"}, 400),
        ("handle", {"user": "per_nobody", "status": "accepted"}, 404),
        ("handle", {"user": "nobody@example.org", "status": "accepted"}, 404),
        ("handle", {"user": "a\u0000b", "status": "accepted"}, 404),
        ("handle", {"requestId": "app_0", "status": "accepted"}, 404),
        ("handle", {"user": "apple@example.org", "status": "pending"}, 409),
        ("handle", {"user": "apple@example.org", "status": "whatever"}, 409),
        ("grant", b"{", 400),
        ("grant", {"user": "nobody@example.org"}, 404),
        ("other", {"user": "apple@example.org"}, 404),
    ],
)
def test_what_is_wrong_is_refused_and_changes_nothing(desk, applied, act, content, status):
    assert desk.post(act, content).status == status
    view = applications.show(desk.gate.commits, applied[0], applied[1].id)
    assert view.application.state == "submitted"


def test_requests_for_another_model_are_not_managed_here(gate, ask, desk, applied, tmp_path):
    gate.open(heron(tmp_path / "osprey", size=8), repository="example-lab/osprey")
    path = "/api/models/example-lab/osprey/user-access-request/"
    assert ask.get(f"{path}pending", desk.reviewers[0]).json == []
    body = json.dumps({"requestId": applied[1].id, "status": "accepted"})
    assert ask("POST", f"{path}handle", desk.reviewers[0], body=body).status == 404


def test_there_is_no_switch_that_opens_anything(gate, ask):
    for actor in (gate.cast.admin, gate.publisher, gate.reviewers[0]):
        token = gate.person_token(actor)
        refused = ask("PUT", f"/api/models/{REPOSITORY}/settings", token, body='{"gated": false}')
        assert refused.status == 403
    assert ask.get(WEIGHTS).status == 401
