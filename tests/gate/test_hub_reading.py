"""What the hub tells: to anyone, to holders of grants, to people, as Hugging Face's clients read it."""

import base64
import hashlib
import json

import pytest

from gated import REPOSITORY, heron
from halfdoor.core.governance.tokens import new_secret
from halfdoor.services import decide
from halfdoor.services.flaws import close, report
from halfdoor.services.publish import withdraw
from halfdoor.store.models import versions

FILE = f"/{REPOSITORY}/resolve/main/"
WEIGHTS = "model.safetensors"
NAMES = ["README.md", "config.json", "model.safetensors", "model.sig"]


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def grant(asked_only):
    return asked_only.grant("Gil")


def test_an_open_file_is_anyones(asked_only, ask):
    want = (asked_only.folder / "config.json").read_bytes()
    got = ask.get(f"{FILE}config.json")
    assert (got.status, got.body) == (200, want)
    assert got.headers["etag"] == f'"{sha256(want)}"'
    assert len(got.headers["x-repo-commit"]) == 40
    assert got.headers["accept-ranges"] == "bytes"
    head = ask.head(f"{FILE}config.json")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(want)))
    assert head.headers["etag"] == got.headers["etag"]


def test_nothing_of_a_content_store_is_advertised(ask, asked_only):
    """Who tells a Xet hash has to serve it; a client that sees none asks for the file itself."""
    got = ask.head(f"{FILE}config.json")
    assert not [name for name in got.headers if "xet" in name]
    listed = ask.get(f"/api/models/{REPOSITORY}/tree/main?recursive=true&expand=true")
    assert b"xet" not in listed.body.lower()


def test_gated_without_a_token_is_401_and_with_one_that_opens_it_200(asked_only, ask, grant):
    for method in ("GET", "HEAD"):
        refused = ask(method, FILE + WEIGHTS)
        assert (refused.status, refused.code) == (401, "GatedRepo")
        assert f"halfdoor apply {REPOSITORY} --group vetted" in refused.headers["x-error-message"]
    want = (asked_only.folder / WEIGHTS).read_bytes()
    got = ask.get(FILE + WEIGHTS, grant[2])
    assert (got.status, got.body) == (200, want)


@pytest.mark.parametrize("kind", ["unknown", "checksum", "no-prefix", "empty", "basic", "long"])
def test_a_token_that_is_none_opens_only_what_anyone_has(ask, grant, kind):
    secret = {
        "unknown": new_secret(b"\x07" * 32),
        "checksum": grant[2][:-1] + ("a" if grant[2][-1] != "a" else "b"),
        "no-prefix": grant[2][3:],
        "empty": "",
        "basic": grant[2],
        "long": "hd_" + "x" * 50_000,
    }[kind]
    scheme = "Basic" if kind == "basic" else "Bearer"
    if kind == "long":
        secret = secret[:20_000]
    refused = ask.get(FILE + WEIGHTS, Authorization=f"{scheme} {secret}")
    assert (refused.status, refused.code) == (401, "GatedRepo")
    assert ask.get(f"{FILE}config.json", Authorization=f"{scheme} {secret}").status == 200
    assert ask.get("/api/whoami-v2", Authorization=f"{scheme} {secret}").status == 401


def test_a_persons_own_token_gets_no_gated_file(asked_only, ask, grant):
    for actor in (grant[0], asked_only.cast.admin, asked_only.publisher, asked_only.reviewers[0]):
        refused = ask.get(FILE + WEIGHTS, asked_only.person_token(actor))
        assert (refused.status, refused.code) == (403, "GatedRepo")
        assert "your own" in refused.headers["x-error-message"]
    assert ask.get("/api/whoami-v2", asked_only.person_token(grant[0])).json["name"] == grant[0].person
    assert ask.get("/api/whoami-v2", grant[2]).json["auth"]["accessToken"]["displayName"].startswith("grt_")
    assert ask.get("/api/whoami-v2").status == 401


def test_a_grants_token_is_for_nothing_but_files(asked_only, ask, grant):
    refused = ask.get(f"/api/models/{REPOSITORY}/user-access-request/pending", grant[2])
    assert refused.status == 403


def test_a_refusal_names_what_one_may_have_and_what_not_and_how_to_get_it(ask, asked_only):
    message = ask.get(FILE + WEIGHTS).headers["x-error-message"]
    for part in (
        "README.md (model-card)",
        "config.json (architecture)",
        f"{WEIGHTS} (final-parameters) is not open to you",
        f"hf download {REPOSITORY} README.md config.json model.sig",
        f"--server {asked_only.url}",
    ):
        assert part in message
    assert message.isascii()
    assert "\n" not in message


def test_the_model_is_described(ask, asked_only):
    found = ask.get(f"/api/models/{REPOSITORY}").json
    assert (found["id"], found["gated"], found["private"]) == (REPOSITORY, "manual", False)
    assert sorted(one["rfilename"] for one in found["siblings"]) == NAMES
    for revision in ("main", "1.0", found["sha"]):
        assert ask.get(f"/api/models/{REPOSITORY}/revision/{revision}").json["sha"] == found["sha"]
    sizes = {
        one["rfilename"]: one for one in ask.get(f"/api/models/{REPOSITORY}?blobs=true").json["siblings"]
    }
    data = (asked_only.folder / WEIGHTS).read_bytes()
    assert sizes[WEIGHTS]["size"] == len(data)
    assert sizes[WEIGHTS]["lfs"]["sha256"] == sha256(data)


def test_trees_are_paged_by_cursor(ask):
    first = ask.get(f"/api/models/{REPOSITORY}/tree/main?recursive=true&limit=2")
    assert [one["path"] for one in first.json] == NAMES[:2]
    link = first.headers["link"]
    assert link.endswith('; rel="next"')
    following = link[1:].partition(">")[0]
    assert following.startswith("http://")
    second = ask.get("/" + following.split("/", 3)[3])
    assert [one["path"] for one in second.json] == NAMES[2:]
    assert "link" not in second.headers


def test_a_tree_says_what_a_client_needs_of_each_file(ask, asked_only):
    entries = {one["path"]: one for one in ask.get(f"/api/models/{REPOSITORY}/tree/1.0").json}
    data = (asked_only.folder / WEIGHTS).read_bytes()
    entry = entries[WEIGHTS]
    assert (entry["type"], entry["size"], entry["lfs"]["oid"]) == ("file", len(data), sha256(data))
    assert "lastCommit" not in entry
    expanded = ask.get(f"/api/models/{REPOSITORY}/tree/1.0?expand=true").json
    assert all(one["lastCommit"]["date"] for one in expanded)


def test_paths_that_are_asked_for_are_told_and_others_left_out(ask):
    body = json.dumps({"paths": ["config.json", "nothing", "../x"]})
    found = ask(
        "POST", f"/api/models/{REPOSITORY}/paths-info/main", body=body, Content_Type="application/json"
    )
    assert [one["path"] for one in found.json] == ["config.json"]


def test_refs_lead_to_versions(ask):
    found = ask.get(f"/api/models/{REPOSITORY}/refs").json
    sha = ask.get(f"/api/models/{REPOSITORY}").json["sha"]
    assert [(one["name"], one["targetCommit"]) for one in found["branches"]] == [("main", sha)]
    assert [(one["name"], one["targetCommit"]) for one in found["tags"]] == [("1.0", sha)]


def test_models_are_listed_by_author_and_search(ask):
    def ids(query):
        return [one["id"] for one in ask.get(f"/api/models{query}").json]

    assert ids("") == ids("?author=example-lab") == ids("?search=HERO") == [REPOSITORY]
    assert ids("?author=example") == ids("?search=osprey") == []


def test_may_i_is_answered(ask, grant):
    assert ask.get(f"/api/models/{REPOSITORY}/auth-check", grant[2]).status == 200
    refused = ask.get(f"/api/models/{REPOSITORY}/auth-check")
    assert (refused.status, refused.code) == (401, "GatedRepo")
    assert ask.get(f"/api/models/{REPOSITORY}/auth-check/write", grant[2]).status == 403


def test_the_signature_covers_what_the_caller_may_have(ask, grant):
    def names(token):
        got = ask.get(f"{FILE}model.sig", token)
        assert got.headers["etag"] == f'"{sha256(got.body)}"'
        assert got.body == ask.get(f"{FILE}model.sig", token).body
        assert ask.head(f"{FILE}model.sig", token).headers["content-length"] == str(len(got.body))
        payload = json.loads(base64.b64decode(json.loads(got.body)["dsseEnvelope"]["payload"]))
        return [one["name"] for one in payload["predicate"]["resources"]]

    assert names(None) == ["README.md", "config.json"]
    assert names(grant[2]) == ["README.md", "config.json", WEIGHTS]


def test_what_was_never_staged_is_nobodys_business_but_the_houses(gate, ask, tmp_path):
    gate.publish(heron(tmp_path / "osprey", version="1.0", size=8), repository="example-lab/osprey")
    outsider = gate.person_token(gate.cast.person("Out"))
    _, _, secret = _granted_before(gate)
    for token in (None, outsider, secret):
        for path in ("", "/revision/1.0", "/tree/1.0", "/refs", "/auth-check"):
            refused = ask.get(f"/api/models/example-lab/osprey{path}", token)
            assert (refused.status, refused.code) == (404, "RepoNotFound"), path
        refused = ask.get("/example-lab/osprey/resolve/1.0/config.json", token)
        assert (refused.status, refused.code) == (404, "RepoNotFound")
        assert [one["id"] for one in ask.get("/api/models", token).json] == [REPOSITORY]
        never = ask.get("/api/models/example-lab/never", token)
        assert (
            never.headers["x-error-message"].replace("never", "osprey")
            == ask.get("/api/models/example-lab/osprey", token).headers["x-error-message"]
        )
    staff = gate.person_token(gate.publisher)
    assert ask.get("/api/models/example-lab/osprey/revision/1.0", staff).json["private"] is True
    refused = ask.get("/example-lab/osprey/resolve/1.0/config.json", staff)
    assert refused.status in {403, 404}


def _granted_before(gate):
    """A grant for heron, though osprey was published last."""
    with gate.commits.reading() as connection:
        heron_version = next(one.id for one in versions(connection) if one.repository == REPOSITORY)
    gate.version = heron_version
    return gate.grant("Una")


def test_a_grant_for_one_version_opens_no_other(gate, ask, tmp_path):
    _, _, secret = gate.grant()
    old = ask.get(f"/{REPOSITORY}/resolve/1.0/{WEIGHTS}", secret)
    folder = heron(tmp_path / "next", version="2.0", size=50)
    gate.open(folder)
    assert ask.get(f"/{REPOSITORY}/resolve/1.0/{WEIGHTS}", secret).body == old.body
    assert ask.get(f"/api/models/{REPOSITORY}").json["sha"] != old.headers["x-repo-commit"]
    refused = ask.get(f"/{REPOSITORY}/resolve/2.0/{WEIGHTS}", secret)
    assert (refused.status, refused.code) == (403, "GatedRepo")
    assert "another version" in refused.headers["x-error-message"]


def test_files_that_nobody_has_yet_do_not_exist(gate, ask, tmp_path):
    """A stage that opens less than was decided: what comes later is not told to outsiders."""
    folder = heron(tmp_path / "next", version="2.0", size=50)
    gate.publish(folder)
    decision = gate.decide(folder)
    narrow = {"model-card": ("anyone",), "architecture": ("anyone",)}
    whole = narrow | {"final-parameters": ("vetted",)}
    gate.start(decision, narrow, whole)
    assert gate.plan.stage == 1
    seen = [one["rfilename"] for one in ask.get(f"/api/models/{REPOSITORY}/revision/2.0").json["siblings"]]
    assert sorted(seen) == ["README.md", "config.json", "model.sig"]
    refused = ask.get(f"/{REPOSITORY}/resolve/2.0/{WEIGHTS}")
    assert (refused.status, refused.code) == (404, "EntryNotFound")
    assert refused.headers["x-repo-commit"]
    _, _, secret = gate.grant("Early")
    refused = ask.get(f"/{REPOSITORY}/resolve/2.0/{WEIGHTS}", secret)
    assert (refused.status, refused.code) == (404, "EntryNotFound")


@pytest.mark.parametrize("how", ["halt", "withdraw-version", "end-decision"])
def test_what_is_closed_as_a_whole_is_disabled_for_everybody(gate, ask, how):
    _, _, secret = gate.grant()
    if how == "halt":
        gate.halt()
    elif how == "withdraw-version":
        withdraw(gate.commits, gate.publisher, gate.version)
    else:
        decide.end(gate.commits, gate.board[0], gate.plan.decision, cause="withdrawn")
    for token in (None, secret, gate.person_token(gate.cast.person("Out"))):
        for file in ("config.json", WEIGHTS, "model.sig"):
            for method in ("GET", "HEAD"):
                refused = ask(method, FILE + file, token)
                assert refused.status == 403
                assert refused.headers["x-error-message"] == "Access to this resource is disabled."
    for token in (None, secret, *(gate.person_token(one) for one in (gate.cast.admin, gate.publisher))):
        assert ask.get(FILE + WEIGHTS, token).status in {403, 404}
        assert ask.get(f"{FILE}config.json", token).status in {403, 404}


def test_warnings_of_open_flaws_are_in_each_answer(gate, ask):
    flaw = report(gate.commits, gate.publisher, version=gate.version, warning="Repeats private addresses.")
    for path in (f"{FILE}config.json", f"/api/models/{REPOSITORY}", f"/api/models/{REPOSITORY}/tree/main"):
        warning = ask.get(path).headers["x-hf-warning"]
        topic, _, text = warning.partition(";")
        assert topic
        assert "Repeats private addresses." in text
    close(gate.commits, gate.publisher, flaw.id)
    assert "x-hf-warning" not in ask.get(f"{FILE}config.json").headers
