"""Files: whole and in parts, to whom they are open, each delivery in the log."""

import base64
import hashlib
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gated import gate_in, heron
from halfdoor.core.governance.refusal import Refused
from halfdoor.gate.hub import ranges
from hub_client import Files, code, deliveries, used
from models_made import model_folder

WEIGHTS = "model.safetensors"


@pytest.fixture
def anyone(gate):
    return Files(gate)


@pytest.fixture
def holder(gate):
    """(who, the grant, their client)"""
    actor, grant, secret = gate.grant()
    return actor, grant, Files(gate, secret)


def test_an_open_file_goes_to_anyone_and_each_delivery_is_in_the_log(gate, anyone):
    body = (gate.folder / "README.md").read_bytes()
    answer = anyone.file("README.md")
    assert (answer.status, answer.data) == (200, body)
    assert answer.headers["etag"] == f'"{hashlib.sha256(body).hexdigest()}"'
    assert answer.headers["content-length"] == str(len(body))
    ((begun, ended),) = deliveries(gate)
    assert (begun["item"], begun["version"], "grant" in begun) == ("model-card", gate.version, False)
    assert begun["file"] == f"sha256:{hashlib.sha256(body).hexdigest()}"
    assert ended["sent_bytes"] == len(body)


def test_a_granted_file_arrives_whole_and_is_charged_to_the_grant(gate, holder):
    _, grant, client = holder
    answer = client.file(WEIGHTS)
    body = (gate.folder / WEIGHTS).read_bytes()
    assert (answer.status, hashlib.sha256(answer.data).digest()) == (200, hashlib.sha256(body).digest())
    ((begun, ended),) = deliveries(gate)
    assert (begun["grant"], begun["item"]) == (grant.id, "final-parameters")
    assert ended["sent_bytes"] == len(body)
    assert used(gate, grant) == (len(body), 0, 1)


def test_neither_looking_nor_having_it_already_is_a_delivery(gate, holder):
    _, _, client = holder
    head = client.file(WEIGHTS, "HEAD")
    assert (head.status, head.headers["content-length"]) == (200, str((gate.folder / WEIGHTS).stat().st_size))
    again = client.file(WEIGHTS, if_none_match=head.headers["etag"])
    assert (again.status, again.data) == (304, b"")
    assert client.file(WEIGHTS, if_none_match='W/"x", ' + head.headers["etag"]).status == 304
    assert deliveries(gate) == []


def test_who_has_it_already_but_may_not_have_it_is_not_told_so(gate, anyone):
    tag = hashlib.sha256((gate.folder / WEIGHTS).read_bytes()).hexdigest()
    assert code(anyone.file(WEIGHTS, if_none_match=f'"{tag}"')) == (401, "GatedRepo")


PARTS = [
    ("bytes=0-9", 206, slice(0, 10)),
    ("bytes=100-", 206, slice(100, None)),
    ("bytes=-7", 206, slice(-7, None)),
    ("bytes=2097152-2097160", 206, slice(2097152, 2097161)),  # over a border between chunks
    ("bytes=0-99999999", 206, slice(0, None)),
    ("bytes=5-2", 200, slice(0, None)),
    ("bytes=0-1,5-6", 200, slice(0, None)),
    ("lines=0-1", 200, slice(0, None)),
    ("bytes=-", 200, slice(0, None)),
]


def test_parts_of_a_file_are_what_they_are(gate, holder):
    _, grant, client = holder
    body, sent = (gate.folder / WEIGHTS).read_bytes(), 0
    for asked, status, part in PARTS:
        answer = client.file(WEIGHTS, range=asked)
        assert (answer.status, answer.data == body[part]) == (status, True), asked
        if status == 206:
            begin = part.indices(len(body))[0]
            told = f"bytes {begin}-{begin + len(answer.data) - 1}/{len(body)}"
            assert answer.headers["content-range"] == told
        sent += len(answer.data)
    assert [ended["sent_bytes"] > 0 for _, ended in deliveries(gate)] == [True] * len(PARTS)
    assert used(gate, grant)[:2] == (sent, 0)


def test_a_part_that_is_not_there_is_refused_with_the_size(gate, holder):
    _, _, client = holder
    size = (gate.folder / WEIGHTS).stat().st_size
    answer = client.file(WEIGHTS, range=f"bytes={size}-")
    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{size}")
    assert deliveries(gate) == []


def test_a_part_of_something_else_is_answered_with_the_whole(gate, holder):
    _, _, client = holder
    tag = client.file(WEIGHTS, "HEAD").headers["etag"]
    assert client.file(WEIGHTS, range="bytes=1-2", if_range=tag).status == 206
    assert client.file(WEIGHTS, range="bytes=1-2", if_range='"other"').status == 200


@given(st.text("bytes=0123456789-, ", max_size=24), st.integers(0, 3000))
def test_no_range_reaches_beyond_the_file(asked, size):
    with suppress(Refused):  # there is nothing of it
        _check_part(ranges.part({"range": asked}, '"e"', size), size)


def _check_part(part, size):
    first, length = part or (0, size)
    assert 0 <= first <= size
    assert 0 <= length <= size - first


def test_what_goes_on_counts_as_no_further_download(gate, holder):
    _, grant, client = holder
    size = (gate.folder / WEIGHTS).stat().st_size
    client.file(WEIGHTS, range="bytes=0-999")
    client.file(WEIGHTS, range="bytes=1000-")
    deliveries(gate)
    assert used(gate, grant) == (size, 0, 1)
    client.file(WEIGHTS)
    assert used(gate, grant)[2] == 2


TRICKS = [
    "/example-lab/heron/resolve/main/../../../../etc/passwd",
    "/example-lab/heron/resolve/main/..%2f..%2fhalfdoor.db",
    "/example-lab/heron/resolve/main/%2e%2e/%2e%2e/model.safetensors",
    "/example-lab/heron/resolve/main//README.md",
    "/example-lab/heron/resolve/main/./README.md",
    "/example-lab/heron/resolve/main/README.md/",
    "/example-lab/heron/resolve/main/README.md%00",
    "/example-lab/heron/resolve/main/%5cREADME.md",
    "/example-lab/heron/resolve/main/readme.md",
    "/example-lab/heron/resolve/main/%EF%BC%B2EADME.md",  # a full-width R
    "/example-lab/heron/resolve/main/README%252Emd",
    "/example-lab/heron/resolve/main/%ff%fe",
    "/example-lab/heron/resolve/main/" + "a" * 5000,
    "/example-lab/heron/resolve/main/" + "a/" * 500,
    "/example-lab/heron/resolve/main/sha256:" + "0" * 64,
    "/example-lab/heron/resolve/main/",
    "/example-lab/heron/resolve/main",
    "/example-lab/heron/resolve/../heron/resolve/main/README.md",
    "/example-lab/heron/resolve/main%2FREADME.md",
    "/example-lab/heron/resolve/refs%2Fpr%2F1/README.md",
    "/example-lab/heron/resolve/1.0%00/README.md",
    "/example-lab/heron/resolve/%2e%2e/README.md",
    "/example-lab/heron/resolve/" + "a" * 2000 + "/README.md",
    "/example-lab/../resolve/main/README.md",
    "/example-lab/heron%2F..%2Fheron/resolve/main/README.md",
    "/..%2f..%2fetc/passwd/resolve/main/README.md",
    "/example-lab/HERON/resolve/main/README.md",
]


def test_tricks_with_paths_and_revisions_find_nothing(gate, holder):
    _, _, client = holder
    for target in TRICKS:
        for method in ("GET", "HEAD"):
            assert client(target, method).status in {400, 404}, target
    assert deliveries(gate) == []


def test_names_with_dots_and_spaces_and_foreign_letters_are_found(sqlite_home, tmp_path):
    folder = heron(tmp_path / "heron")
    (folder / "README.md").rename(folder / "läs mig.v1.md")
    text = (folder / "halfdoor.toml").read_text().replace('"README.md"', '"läs mig.v1.md"')
    (folder / "halfdoor.toml").write_text(text)
    with gate_in(sqlite_home) as gate:
        gate.open(folder, repository="ex.ample/her.on-1.5")
        client = Files(gate)
        assert client.file("l%C3%A4s%20mig.v1.md").data == (folder / "läs mig.v1.md").read_bytes()
        refused = client.file("model.safetensors")
        assert "'l\\xe4s mig.v1.md'" in refused.headers["x-error-message"]


def test_a_variant_has_its_own_files_and_the_common_ones(sqlite_home, tmp_path):
    with gate_in(sqlite_home) as gate:
        gate.open(model_folder(tmp_path / "heron", variants=("base", "chat"), group="anyone"))
        client = Files(gate)
        names = {one["rfilename"] for one in info(client, "1.0-chat")["siblings"]}
        assert names == {"README.md", "config.json", "chat.safetensors", "model.sig"}
        assert client.file("chat.safetensors", revision="1.0-chat").status == 200
        assert code(client.file("base.safetensors", revision="1.0-chat")) == (404, "EntryNotFound")
        sha = info(client, "1.0-chat")["sha"]
        assert sha != info(client, "1.0")["sha"]
        assert code(client.file("base.safetensors", revision=sha)) == (404, "EntryNotFound")


def info(client, revision="main"):
    return json.loads(client(f"/api/models/{client.gate.repository}/revision/{revision}").data)


def _signed(answer):
    bundle = json.loads(answer.data)
    payload = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    return {one["name"]: one["digest"] for one in payload["predicate"]["resources"]}


def test_the_signature_is_over_exactly_what_one_may_have(gate, anyone, holder):
    _, _, client = holder
    assert set(_signed(anyone.file("model.sig"))) == {"README.md", "config.json"}
    whole = _signed(client.file("model.sig"))
    assert set(whole) == {"README.md", "config.json", WEIGHTS}
    assert whole[WEIGHTS] == hashlib.sha256((gate.folder / WEIGHTS).read_bytes()).hexdigest()
    head = client.file("model.sig", "HEAD")
    body = client.file("model.sig")
    assert head.headers["etag"] == body.headers["etag"] == f'"{hashlib.sha256(body.data).hexdigest()}"'
    assert client.file("model.sig", range="bytes=3-7").data == body.data[3:8]
    assert deliveries(gate) == []


def test_there_is_no_signature_where_nothing_may_be_had(sqlite_home, tmp_path):
    with gate_in(sqlite_home) as gate:
        gate.open(heron(tmp_path / "heron"), {"final-parameters": ("vetted",)})
        client = Files(gate)
        assert [one["rfilename"] for one in info(client)["siblings"]] == [WEIGHTS]
        assert code(client.file("model.sig")) == (404, "EntryNotFound")
        assert "you may have nothing so far" in client.file(WEIGHTS).headers["x-error-message"]


def test_pages_of_a_folder_with_foreign_letters_are_linked(sqlite_home, tmp_path):
    folder = heron(tmp_path / "heron")
    (folder / "mått").mkdir()
    for name in ("README.md", "config.json"):
        (folder / name).rename(folder / "mått" / name)
    text = (folder / "halfdoor.toml").read_text()
    for name in ("README.md", "config.json"):
        text = text.replace(f'"{name}"', f'"mått/{name}"')
    (folder / "halfdoor.toml").write_text(text)
    with gate_in(sqlite_home) as gate:
        gate.open(folder)
        client = Files(gate)
        first = client(f"/api/models/{gate.repository}/tree/main/m%C3%A5tt?limit=1")
        assert [one["path"] for one in json.loads(first.data)] == ["mått/README.md"]
        link = first.headers["link"].split(">")[0].removeprefix(f"<{gate.url}")
        assert [one["path"] for one in json.loads(client(link).data)] == ["mått/config.json"]
