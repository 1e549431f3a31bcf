"""Another server sends the bytes: only where it may, logged first, ended by what it says or as unknown."""

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor
from importlib import resources

import msgspec
import pytest

import granting
from gated import gate_in, heron
from halfdoor.core.governance.limits import Limits
from halfdoor.services import deliveries as ends
from halfdoor.services import grants
from halfdoor.services.home import Home
from hub_client import Files, code, deliveries, rows, used

WEIGHTS = "model.safetensors"


@pytest.fixture
def clock():
    return granting.Clock()


def home_with(home, **settings):
    return Home(home.folder, msgspec.structs.replace(home.settings, **settings))


@pytest.fixture
def front(sqlite_home, tmp_path, clock):
    """A hub that has nginx in front of it."""
    with gate_in(home_with(sqlite_home, offload="nginx"), clock=clock) as found:
        found.open(heron(tmp_path / "heron"))
        yield found


def policy_text(name):
    return (resources.files("halfdoor.library") / "policies" / f"{name}.toml").read_text()


class Bucket:
    """Blobs with links, as a bucket has them."""

    def __init__(self, folder):
        self.folder = folder

    def __getattr__(self, name):
        return getattr(self.folder, name)

    def path(self, digest):
        return None

    def link(self, digest, seconds):
        assert seconds <= 60
        return f"https://bucket.example/{digest.removeprefix('sha256:')}?signed"


def test_nginx_is_told_which_blob_to_send_once_the_log_has_it(front):
    _, grant, secret = front.grant()
    answer = Files(front, secret).file(WEIGHTS)
    size = (front.folder / WEIGHTS).stat().st_size
    (row,) = rows(front)
    digest = row["digest"].removeprefix("sha256:")
    assert (answer.status, answer.data) == (200, b"")
    assert answer.headers["x-accel-redirect"] == f"/_blobs/{digest[:2]}/{digest[2:]}"
    assert answer.headers["x-halfdoor-delivery"] == row["id"]
    assert answer.headers["etag"] == f'"{digest}"'
    assert (row["offloaded"], row["length_bytes"], row["ended_ms"]) == (True, size, None)
    assert used(front, grant) == (0, size, 1)


def test_who_only_looks_or_is_refused_is_not_sent_there(front):
    _, _, secret = front.grant()
    assert "x-accel-redirect" not in Files(front, secret).file(WEIGHTS, "HEAD").headers
    refused = Files(front).file(WEIGHTS)
    assert code(refused) == (401, "GatedRepo")
    assert "x-accel-redirect" not in refused.headers
    assert rows(front) == []


def test_what_nginx_says_it_sent_ends_the_delivery(front):
    _, grant, secret = front.grant()
    Files(front, secret).file(WEIGHTS)
    (row,) = rows(front)
    line = json.dumps({"delivery": row["id"], "sent_bytes": 77, "status": 200, "at": 1.5})
    lines = ["nonsense", "[]", '{"delivery": 3}', '{"delivery": "dlv\\u0000", "sent_bytes": 1}', line, line]
    lines.insert(0, json.dumps({"delivery": row["id"], "sent_bytes": -1}))
    assert ends.close_from_access_log(front.commits, lines) == 1
    ((_, ended),) = deliveries(front)
    assert ended["sent_bytes"] == 77
    assert used(front, grant) == (77, 0, 1)


def test_what_nothing_is_said_of_ends_as_unknown_and_counts_whole(front, clock):
    _, grant, secret = front.grant()
    Files(front, secret).file(WEIGHTS)
    assert ends.close_abandoned(front.commits, front.parts.holder) == 0
    clock.ahead = dt.timedelta(minutes=11)
    assert ends.close_abandoned(front.commits, front.parts.holder) == 1
    ((_, ended),) = deliveries(front)
    assert "sent_bytes" not in ended
    assert used(front, grant) == ((front.folder / WEIGHTS).stat().st_size, 0, 1)


def test_a_log_line_ends_nothing_that_this_server_sends(sqlite_home, tmp_path):
    with gate_in(sqlite_home) as gate:
        gate.open(heron(tmp_path / "heron"))
        Files(gate).file("README.md")
        ((begun, _),) = deliveries(gate)
        line = json.dumps({"delivery": begun["delivery"], "sent_bytes": 1})
        assert ends.close_from_access_log(gate.commits, [line]) == 0


def test_a_bucket_is_linked_to_for_a_minute_at_most(sqlite_home, tmp_path):
    with gate_in(home_with(sqlite_home, offload="s3")) as gate:
        gate.open(heron(tmp_path / "heron"))
        object.__setattr__(gate.parts, "blobs", Bucket(gate.parts.blobs))
        _, _, secret = gate.grant()
        answer = Files(gate, secret).file(WEIGHTS)
        size = (gate.folder / WEIGHTS).stat().st_size
        assert (answer.status, answer.headers["x-linked-size"]) == (302, str(size))
        assert answer.headers["location"].startswith("https://bucket.example/")
        assert len(answer.headers["x-repo-commit"]) == 40
        head = Files(gate, secret).file(WEIGHTS, "HEAD")
        assert (head.status, head.headers["content-length"]) == (200, str(size))


@pytest.mark.parametrize("way", ["nginx", "s3"])
def test_where_the_policy_forbids_it_this_server_sends(sqlite_home, tmp_path, way):
    folder = heron(tmp_path / "heron", policy="strict.toml")
    text = policy_text("seger-2023")
    (folder / "strict.toml").write_text(text.replace("\nname", '\noffload = "forbidden"\nname', 1))
    with gate_in(home_with(sqlite_home, offload=way)) as gate:
        gate.open(folder)
        if way == "s3":
            object.__setattr__(gate.parts, "blobs", Bucket(gate.parts.blobs))
        answer = Files(gate).file("README.md")
        assert (answer.status, answer.data) == (200, (folder / "README.md").read_bytes())


def test_a_limited_grant_gets_no_link(sqlite_home, tmp_path):
    with gate_in(home_with(sqlite_home, offload="s3")) as gate:
        gate.open(heron(tmp_path / "heron"))
        object.__setattr__(gate.parts, "blobs", Bucket(gate.parts.blobs))
        _, grant, secret = gate.grant()
        part = Files(gate, secret).file(WEIGHTS, range="bytes=0-0")
        assert part.status == 302
        assert used(gate, grant)[1] == (gate.folder / WEIGHTS).stat().st_size  # the link is for all of it
        grants.narrow(gate.commits, gate.reviewers[0], grant.id, Limits(bytes=1 << 30))
        assert Files(gate, secret).file(WEIGHTS).status == 200


def test_nginx_may_send_all_of_it_where_it_does_not_know_our_tag(front):
    _, grant, secret = front.grant()
    client = Files(front, secret)
    tag = client.file(WEIGHTS, "HEAD").headers["etag"]
    client.file(WEIGHTS, range="bytes=0-0")
    assert used(front, grant)[1] == 1
    client.file(WEIGHTS, range="bytes=0-0", if_range=tag)
    assert used(front, grant)[1] == 1 + (front.folder / WEIGHTS).stat().st_size


def test_many_at_once_are_all_answered(front):
    _, _, secret = front.grant()
    with ThreadPoolExecutor(40) as pool:
        found = list(pool.map(lambda _: Files(front, secret).file(WEIGHTS).status, range(40)))
    assert found == [200] * 40
