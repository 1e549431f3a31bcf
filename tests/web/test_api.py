"""The control API: strict requests, calm refusals, and who may know of what."""

import json

import msgspec
import pytest
from starlette.applications import Starlette

from controlled import FIELDS, URL, world_in
from halfdoor.bootstrap.calling import Here
from halfdoor.core.canonical import canonical_json, sha256_bytes
from halfdoor.services import access_rules, people, tokens
from halfdoor.web.api.app import ACTOR, Limits, api_routes
from halfdoor.web.api.limiting import Buckets, TooMany, network_of
from halfdoor.web.api.operation import PREFIX
from served import ask, served

NOBODY = "per_" + "0" * 26


@pytest.fixture
def world(sqlite_home):
    with world_in(sqlite_home) as made:
        yield made


def applied(world, actor, **fields):
    """An application that was submitted."""
    body = {"version": world.version, "group": "vetted", "fields": FIELDS | fields}
    draft = world.ask(actor, "POST", "/applications", body)
    assert draft.status == 201, draft.json
    one = draft.json["summary"]["id"]
    answer = world.ask(actor, "POST", f"/applications/{one}/submit", {})
    assert answer.status == 200, answer.json
    return answer.json


def test_a_model_is_decided_opened_applied_for_and_granted_over_the_api(home):
    with world_in(home) as world:
        board = world.board
        question = msgspec.to_builtins(board.question)
        found = world.ask(
            board.publisher, "POST", "/decisions", {"version": world.version, "question": question}
        )
        assert found.status == 201
        decision, seen = found.json["id"], found.json["seen"]
        document = world.ask(board.ann, "GET", f"/decisions/{decision}/document")
        assert sha256_bytes(document.body) == seen
        assert document.headers["content-type"] == "application/json"
        for actor in (board.ann, board.ben, board.out):
            found = world.ask(actor, "POST", f"/decisions/{decision}/approve", {"seen": seen})
            assert found.status == 200, found.json
        assert (found.json["state"], found.json["in_force"]) == ("adopted", True)
        again = world.ask(board.ann, "POST", f"/decisions/{decision}/approve", {"seen": seen})
        assert (again.status, again.code) == (409, "already-so")
        plan = world.ask(board.publisher, "POST", "/plans", {"decision": decision})
        assert plan.status == 201, plan.json
        assert plan.json["state"] in {"open", "complete"}
        reviewer, ann = world.with_role("reviewer"), world.applicant()
        application = applied(world, ann)
        one = application["summary"]["id"]
        approved = world.ask(reviewer, "POST", f"/applications/{one}/approve", {"seen": application["seen"]})
        assert approved.json["summary"]["state"] == "approved"
        (grant,) = world.ask(ann, "GET", "/grants").json["grants"]
        assert (grant["items"], grant["live"]) == (["final-parameters"], True)
        token = world.ask(ann, "POST", "/tokens", {"grant": grant["id"]})
        assert token.status == 201
        assert token.json["secret"].startswith("hd_")
        refused = world.ask(token.json["secret"], "GET", "/me")
        assert (refused.status, refused.code) == (401, "bad-token")
        gone = world.ask(reviewer, "POST", f"/grants/{grant['id']}/revoke", {"cause": "terms"})
        assert gone.json["unreached"] == ["Nothing had left under this grant."]
        assert not gone.json["grant"]["live"]


def test_a_refusal_says_what_is_wrong_where_and_what_to_do(world):
    refused = world.ask(None, "GET", "/me")
    assert refused.status == 401
    assert refused.headers["www-authenticate"].startswith("Bearer")
    assert refused.headers["cache-control"] == "no-store"
    assert refused.json == {
        "error": {
            "code": "no-token",
            "message": "this is for people who show their token",
            "where": "",
            "remedy": "send it as `Authorization: Bearer hd_…`",
        }
    }


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"name": "A", "email": "a@example.org", "organisation": "X", "admin": True}, "admin"),
        ({"name": 1, "email": "a@example.org", "organisation": "X"}, "name"),
        ({"name": "A"}, "email"),
        ([], "object"),
        ({"name": "A\0", "email": "a@example.org", "organisation": "X"}, "U+0000"),
        ({"name": "A" * 201, "email": "a@example.org", "organisation": "X"}, "name"),
    ],
)
def test_a_body_that_is_not_as_it_should_be_is_refused_by_name(world, body, where):
    refused = world.ask(None, "POST", "/register", body)
    assert (refused.status, refused.code) == (400, "bad-request")
    assert where in refused.json["error"]["message"] + refused.json["error"]["where"]


@pytest.mark.parametrize(
    "raw", [b"", b"{", b'{"name": NaN}', b'{"name": "\\ud800"}', b"\xff\xfe", b"[" * 100_000]
)
def test_what_is_no_json_is_refused(world, raw):
    headers = {"content-type": "application/json"}
    refused = world.ask(None, "POST", "/register", raw=raw, headers=headers)
    assert (refused.status, refused.code) == (400, "bad-request")


def test_a_body_of_another_kind_or_too_long_a_one_is_refused(world):
    refused = world.ask(None, "POST", "/register", raw=b"name=A", headers={"content-type": "text/plain"})
    assert (refused.status, refused.code) == (415, "bad-content-type")
    long = world.ask(None, "POST", "/register", {"name": "A" * 1_100_000})
    assert (long.status, long.code) == (413, "too-large")
    assert world.ask(world.admin, "POST", f"/people/{NOBODY}/leave", {"now": True}).code == "bad-request"


def test_a_query_is_as_strict_as_a_body(world):
    for query in ({"nonsense": 1}, {"version": "x"}, {"version": [world.version, world.version]}):
        refused = world.ask(world.admin, "GET", "/plans", **query)
        assert (refused.status, refused.code) == (400, "bad-request")
    several = world.ask(world.admin, "GET", "/applications", states=["draft", "returned"], everybody="true")
    assert several.json == {"applications": []}


def test_paths_and_methods_that_there_are_not_are_refused_as_json(world):
    for path in ("/nothing", "", "/", "/versions/x/y/z"):
        refused = world.ask(None, "GET", path)
        assert (refused.status, refused.code) == (404, "not-found")
    refused = world.ask(world.admin, "DELETE", "/versions")
    assert (refused.status, refused.code) == (405, "no-such-method")
    assert refused.headers["allow"] == "GET, HEAD"
    assert world.ask(None, "HEAD", "/versions").status == 200
    assert world.ask(world.admin, "GET", "/decisions/dec_%00").status == 404


def test_a_version_that_was_never_open_is_not_there_for_outsiders(world):
    world.applicant()
    path = f"/versions/{world.version}"
    below = ("", "/files", "/groups", "/groups/vetted", "/decision", "/assessment")
    for caller in (None, world.applicant("Bob")):
        assert world.ask(caller, "GET", "/versions").json == {"versions": []}
        assert [world.ask(caller, "GET", path + more).status for more in below] == [404] * 6
    assert [one["id"] for one in world.ask(world.board.ann, "GET", "/versions").json["versions"]] == [
        world.version
    ]
    bob = world.applicant("Cleo")
    body = {"version": world.version, "group": "vetted", "fields": {}}
    assert world.ask(bob, "POST", "/applications", body).code == "not-found"


def test_of_an_open_version_everybody_sees_what_is_open_and_the_public_edition(world):
    found, _ = world.open()
    path = f"/versions/{world.version}"
    version = world.ask(None, "GET", path).json
    assert version["stage"] == 1
    assert "anyone" in version["opened"]["model-card"]
    assert [one["path"] for one in world.ask(None, "GET", f"{path}/files").json["files"]] == ["README.md"]
    decision = world.ask(None, "GET", f"{path}/decision").json
    assert (decision["id"], decision["seen"]) == (found.id, found.seen)
    assert "proposer" not in decision
    assessment = world.ask(None, "GET", f"{path}/assessment").json
    assert assessment["edition"] == "public"
    assert assessment["outputs_digest"] == decision["outputs"]
    assert assessment["withheld"]
    assert world.ask(None, "GET", f"{path}/assessment", edition="board").code == "no-token"
    assert world.ask(world.applicant(), "GET", f"{path}/assessment", edition="board").code == "not-your-role"
    board = world.ask(world.board.ann, "GET", f"{path}/assessment", edition="board").json
    assert (board["edition"], board["withheld"]) == ("board", {})
    assert world.ask(None, "GET", f"/decisions/{found.id}").status == 401
    assert world.ask(world.applicant("Bob"), "GET", f"/decisions/{found.id}").status == 403


def test_documents_are_for_people_with_a_role_and_terms_for_everybody(world):
    found, _ = world.open()
    digest = access_rules.set_terms(world.commits, world.admin, "vetted", "Do no harm.")
    assert world.ask(None, "GET", f"/terms/{digest}").json == {"digest": digest, "text": "Do no harm.\n"}
    assert world.ask(None, "GET", f"/terms/{found.seen}").status == 404
    assert world.ask(None, "GET", f"/documents/{found.seen}").status == 401
    assert world.ask(world.applicant(), "GET", f"/documents/{found.seen}").status == 403
    body = world.ask(world.board.ann, "GET", f"/documents/{found.seen}").body
    assert body == canonical_json(found.document)
    form = world.ask(None, "GET", f"/versions/{world.version}/groups/vetted").json
    assert (form["terms"], form["fields"]) == (digest, list(FIELDS))


def test_applicants_see_what_is_their_own_and_nothing_of_others(world):
    world.open()
    ann, bob, reviewer = world.applicant(), world.applicant("Bob"), world.with_role("reviewer")
    one = applied(world, ann)["summary"]["id"]
    assert world.ask(bob, "GET", f"/applications/{one}").status == 404
    assert world.ask(bob, "POST", f"/applications/{one}/withdraw").status == 404
    assert world.ask(bob, "GET", "/applications").json == {"applications": []}
    assert world.ask(bob, "GET", "/applications", everybody="true").status == 403
    assert world.ask(bob, "GET", "/grants", person=ann.person).status == 403
    assert world.ask(bob, "GET", "/tokens", person=ann.person).status == 403
    assert world.ask(bob, "GET", f"/people/{ann.person}").status == 403
    for caller in (reviewer, world.with_role("auditor")):
        everybody = world.ask(caller, "GET", "/applications", everybody="true").json["applications"]
        assert [each["id"] for each in everybody] == [one]
    approved = world.ask(reviewer, "POST", f"/applications/{one}/approve")
    assert approved.status == 200
    (mine,) = world.ask(ann, "GET", "/grants").json["grants"]
    assert world.ask(bob, "GET", f"/grants/{mine['id']}").status == 404
    assert world.ask(bob, "POST", f"/grants/{mine['id']}/revoke").status == 404
    assert world.ask(bob, "POST", "/tokens", {"grant": mine["id"]}).status == 404


def test_who_is_in_registers_only_where_that_is_open(world):
    body = {"name": "Eve", "email": "eve@example.org", "organisation": "Example"}
    found = world.ask(None, "POST", "/register", body)
    assert found.status == 201
    me = world.ask(found.json["secret"], "GET", "/me").json
    assert (me["person"]["name"], me["person"]["roles"]) == ("Eve", [])
    settings = msgspec.structs.replace(world.parts.home.settings, registration="invited")
    home = msgspec.structs.replace(world.parts.home, settings=settings)
    world.app = Starlette(routes=api_routes(Here(home, world.commits, URL)))
    refused = world.ask(None, "POST", "/register", body | {"email": "other@example.org"})
    assert (refused.status, refused.code) == (403, "invited-only")


def test_an_invitation_is_a_link_that_lets_in_once(world):
    body = {"name": "Rex", "email": "rex@example.org", "roles": ["reviewer"]}
    invited = world.ask(world.admin, "POST", "/people", body).json
    assert invited["link"] == f"{URL}/join/{invited['secret']}"
    token = world.ask(None, "POST", "/join", {"secret": invited["secret"]})
    assert token.status == 201
    assert world.ask(token.json["secret"], "GET", "/me").json["person"]["roles"] == ["reviewer"]
    again = world.ask(None, "POST", "/join", {"secret": invited["secret"]})
    assert (again.status, again.code) == (401, "bad-invitation")


def test_roles_are_given_and_taken_by_administrators(world):
    bob = world.applicant("Bob")
    path = f"/people/{bob.person}/roles/reviewer"
    assert world.ask(bob, "PUT", path).status == 403
    assert world.ask(world.admin, "PUT", path).json == {"logged": True}
    assert world.ask(world.admin, "PUT", path).status == 409
    assert world.ask(bob, "GET", "/me").json["person"]["roles"] == ["reviewer"]
    assert world.ask(bob, "DELETE", path).json == {"logged": True}
    assert world.ask(bob, "GET", "/me").json["person"]["roles"] == []
    own = f"/people/{world.admin.person}/roles/approver"
    assert world.ask(world.admin, "PUT", own).code == "not-yourself"


def test_who_has_left_is_not_recognised_any_more(world):
    bob = world.applicant("Bob")
    secret = world.token(bob)
    assert world.ask(bob, "POST", f"/people/{bob.person}/leave").status == 200
    assert world.ask(secret, "GET", "/me").status == 401


@pytest.mark.parametrize("header", ["", "hd_x", "Basic abc", "Bearer", "Bearer  ", "Bearer hd_" + "x" * 5000])
def test_a_token_that_is_none_is_refused_wherever_it_is_shown(world, header):
    for path in ("/about", "/me"):
        refused = world.ask(None, "GET", path, headers={"authorization": header})
        assert (refused.status, refused.code) == (401, "bad-token")


def test_guessing_and_registering_is_slowed_down_by_network_over_http(world):
    limits = Limits(Buckets(burst=2, seconds=1000), Buckets(burst=2, seconds=1000))
    good = {"Authorization": f"Bearer {world.token(world.admin)}"}
    with served(Starlette(routes=api_routes(world.parts, limits))) as address:
        url = f"{address}{PREFIX}"
        for expected in (401, 401, 429):
            answer = ask("GET", f"{url}/me", headers={"Authorization": "Bearer hd_guess"})
            assert answer.status == expected
        assert int(answer.headers["Retry-After"]) > 1
        assert answer.json()["error"]["code"] == "too-many-requests"
        assert ask("GET", f"{url}/me", headers=good).status == 200
        for expected in (400, 400, 429):
            assert ask("POST", f"{url}/register", json={}).status == expected
        assert ask("GET", f"{url}/about").status == 200


def test_a_bucket_fills_again_and_keeps_networks_apart():
    time = [0.0]
    bucket = Buckets(burst=2, seconds=10, clock=lambda: time[0])
    bucket.take("a")
    bucket.take("a")
    with pytest.raises(TooMany) as refused:
        bucket.take("a")
    assert refused.value.seconds == 10
    bucket.take("b")
    time[0] = 10.0
    bucket.take("a")
    with pytest.raises(TooMany):
        bucket.take("a")


def test_ipv6_counts_by_its_network_and_ipv4_by_its_address():
    assert network_of("2001:db8::1") == network_of("2001:db8::2:3") != network_of("2001:db8:1::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") != network_of("192.0.2.2")
    assert network_of("unix") == "unix"


def test_nothing_in_a_request_over_http_can_say_who_is_calling(world):
    with served(world.app) as address:
        headers = {ACTOR: world.admin.person, "X-Halfdoor-Actor": world.admin.person}
        assert ask("GET", f"{address}{PREFIX}/me", headers=headers).status == 401


def test_a_token_is_rotated_and_revoked(world):
    bob = world.applicant("Bob")
    first = world.ask(bob, "POST", "/tokens", {"days": 3}).json
    second = world.ask(bob, "POST", f"/tokens/{first['token']}/rotate", {"grace_days": 0.5})
    assert second.status == 201
    assert world.ask(first["secret"], "GET", "/me").status == 200
    assert world.ask(bob, "POST", f"/tokens/{first['token']}/revoke").json == {"logged": True}
    assert world.ask(first["secret"], "GET", "/me").status == 401
    assert world.ask(second.json["secret"], "GET", "/me").status == 200
    listed = world.ask(bob, "GET", "/tokens").json["tokens"]
    assert [one["live"] for one in listed].count(False) == 1
    assert "secret" not in json.dumps(listed)
    assert tokens.listed(world.commits, bob)


def test_a_halt_says_what_it_cannot_undo(world):
    _, plan = world.open()
    overseer = world.with_role("overseer")
    halted = world.ask(overseer, "POST", f"/plans/{plan.id}/halt")
    assert halted.status == 200
    assert halted.json["sentences"]
    version = world.ask(None, "GET", f"/versions/{world.version}").json
    assert (version["opened"], version["disabled"]) == ({}, True)
    assert people.people(world.commits)
