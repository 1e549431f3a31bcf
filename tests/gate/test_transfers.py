"""Running transfers: cut within a second, ended in the log however they end, and never begun unlogged."""

import datetime as dt
import threading
import time
from pathlib import Path

import pytest

import granting
from gated import Gate, gate_in, heron, hub_of, parts_in
from halfdoor.core.governance.limits import Limits
from halfdoor.services import decide, feed, grants
from halfdoor.services.log.signing import LogUnavailable
from hub_client import Files, Slow, code, deliveries, rows, used
from served import served

WEIGHTS = "model.safetensors"
PATH = f"/example-lab/heron/resolve/main/{WEIGHTS}"
SOME = 1 << 20
PAUSE = 0.02  # seconds after each 64 KB: the whole would take longer than any cut


@pytest.fixture
def big(sqlite_home, tmp_path):
    """With weights of 10 MB, which no connection holds at once."""
    with gate_in(sqlite_home) as found:
        found.open(heron(tmp_path / "heron", size=1600))
        yield found


@pytest.fixture
def big_on_each(home, tmp_path):
    """The same on each kind of database."""
    with gate_in(home) as found:
        found.open(heron(tmp_path / "heron", size=1600))
        yield found


@pytest.fixture
def clock():
    return granting.Clock()


@pytest.fixture
def small(sqlite_home, tmp_path, clock):
    """With weights of 4 MB, and a clock that a test moves."""
    with gate_in(sqlite_home, clock=clock) as found:
        found.open(heron(tmp_path / "heron"))
        yield found


def test_a_revoked_grants_transfer_is_cut_within_a_second(big_on_each):
    _, grant, secret = big_on_each.grant()
    slow = Slow(big_on_each.url, PATH, secret)
    slow.read(SOME)
    begun = time.monotonic()
    big_on_each.revoke(grant)
    slow.rest(PAUSE)
    assert time.monotonic() - begun < 1.5  # a second, and the machine's own slowness
    assert not slow.whole
    ((_, ended),) = deliveries(big_on_each)
    assert slow.got <= ended["sent_bytes"] < slow.length
    assert used(big_on_each, grant)[:2] == (ended["sent_bytes"], 0)
    assert code(Files(big_on_each, secret).file(WEIGHTS)) == (401, "GatedRepo")


def test_a_client_that_takes_nothing_is_cut_all_the_same(big):
    _, grant, secret = big.grant()
    slow = Slow(big.url, PATH, secret)
    big.revoke(grant)
    ((_, ended),) = deliveries(big)  # it ends although nobody reads
    slow.rest(PAUSE)
    assert not slow.whole
    assert ended["sent_bytes"] < slow.length


@pytest.mark.parametrize("how", ["halt", "decision", "narrowed"])
def test_whatever_closes_it_cuts_it(big, how):
    _, grant, secret = big.grant()
    slow = Slow(big.url, PATH, secret)
    slow.read(SOME)
    if how == "halt":
        big.halt()
    elif how == "decision":
        decide.end(big.commits, big.cast.admin, big.plan.decision, cause="withdrawn")
    else:
        grants.narrow(big.commits, big.reviewers[0], grant.id, Limits(networks=("192.0.2.0/24",)))
    slow.rest(PAUSE)
    assert not slow.whole
    assert len(deliveries(big)) == 1


def test_what_does_not_close_it_lets_it_be(big):
    _, _, secret = big.grant()
    slow = Slow(big.url, PATH, secret)
    slow.read(SOME)
    _, other, _ = big.grant("Hal")
    big.revoke(other)
    time.sleep(1.2)
    slow.rest()
    assert slow.whole


def test_a_grant_that_runs_out_meanwhile_is_cut(small, clock, tmp_path):
    small.publish(heron(tmp_path / "next", size=1600, version="2.0"))
    small.start(small.decide())
    _, _, secret = small.grant()
    slow = Slow(small.url, PATH, secret)
    slow.read(SOME)
    clock.ahead = dt.timedelta(days=400)
    slow.rest(PAUSE)
    assert not slow.whole


def test_a_client_that_leaves_ends_it(big):
    _, grant, secret = big.grant()
    slow = Slow(big.url, PATH, secret)
    slow.read(SOME)
    assert used(big, grant)[1] == slow.length
    slow.leave()
    ((_, ended),) = deliveries(big)
    assert SOME <= ended["sent_bytes"] < slow.length
    assert used(big, grant) == (ended["sent_bytes"], 0, 1)


def test_what_was_cut_goes_on_where_it_stopped(big_on_each):
    _, grant, secret = big_on_each.grant()
    slow = Slow(big_on_each.url, PATH, secret)
    slow.read(SOME)
    slow.leave()
    deliveries(big_on_each)
    rest = Files(big_on_each, secret).file(WEIGHTS, range=f"bytes={slow.got}-")
    assert (rest.status, len(rest.data)) == (206, slow.length - slow.got)
    assert used(big_on_each, grant)[2] == 1


def test_without_its_feed_a_replica_cuts_all_and_begins_nothing(big_on_each, monkeypatch):
    _, grant, secret = big_on_each.grant()
    slow = Slow(big_on_each.url, PATH, secret)
    slow.read(SOME)
    begun = time.monotonic()
    monkeypatch.setattr(feed, "changes_after", _gone)
    slow.rest(PAUSE)
    assert time.monotonic() - begun < 2
    assert not slow.whole
    refused = Files(big_on_each, secret).file(WEIGHTS)
    assert (refused.status, "retry-after" in refused.headers) == (503, True)
    assert Files(big_on_each).file("README.md").status == 503
    assert len(deliveries(big_on_each)) == 1
    assert used(big_on_each, grant)[1] == 0
    monkeypatch.undo()
    granting.wait_until(big_on_each.parts.feed.alive)
    assert Files(big_on_each).file("README.md").status == 200


def _gone(connection, number):
    raise ConnectionError("gone")


def test_limits_are_kept_to_the_byte_and_the_download(small):
    _, grant, secret = small.grant()
    client, size = Files(small, secret), (small.folder / WEIGHTS).stat().st_size
    grants.narrow(small.commits, small.reviewers[0], grant.id, Limits(bytes=size + 10, downloads=2))
    assert client.file(WEIGHTS).status == 200
    deliveries(small)
    over = client.file(WEIGHTS, range="bytes=0-10")
    assert code(over) == (403, "GatedRepo")
    assert "10 are left, 11 are needed" in over.headers["x-error-message"]
    assert client.file(WEIGHTS, range="bytes=0-9").status == 206
    assert code(client.file(WEIGHTS, range="bytes=0-0")) == (403, "GatedRepo")
    deliveries(small)
    assert used(small, grant) == (size + 10, 0, 2)


def test_a_grants_networks_are_kept(small):
    _, grant, secret = small.grant()
    grants.narrow(small.commits, small.reviewers[0], grant.id, Limits(networks=("192.0.2.0/24",)))
    refused = Files(small, secret).file(WEIGHTS)
    assert code(refused) == (403, "GatedRepo")
    assert "192.0.2.0/24" in refused.headers["x-error-message"]
    assert Files(small, secret).file("README.md").status == 200


def test_many_at_once_never_take_more_than_the_grant_has(small):
    _, grant, secret = small.grant()
    size = (small.folder / WEIGHTS).stat().st_size
    grants.narrow(small.commits, small.reviewers[0], grant.id, Limits(bytes=3 * size))
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(Files(small, secret).file(WEIGHTS).status))
        for _ in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(found) == [200] * 3 + [403] * 5
    deliveries(small)
    assert used(small, grant)[:2] == (3 * size, 0)


def test_nothing_leaves_that_the_log_does_not_take(small, monkeypatch):
    _, grant, secret = small.grant()

    def refuse():
        raise LogUnavailable("log-down", "the log takes nothing")

    monkeypatch.setattr(small.commits._settling, "check", refuse)
    assert Files(small, secret).file(WEIGHTS).status == 503
    assert Files(small).file("README.md").status == 503
    assert Files(small).file("README.md", "HEAD").status == 200
    assert rows(small) == []
    assert used(small, grant) == (0, 0, 0)


def test_nothing_leaves_before_the_log_has_it(small, monkeypatch):
    _, grant, secret = small.grant()
    monkeypatch.setattr(small.commits._settling, "settle", lambda numbers, seconds: False)
    late = Files(small, secret).file(WEIGHTS)
    assert (late.status, len(late.data) < 1000) == (503, True)
    monkeypatch.undo()
    ((_, ended),) = deliveries(small)
    assert ended["sent_bytes"] == 0
    assert used(small, grant)[:2] == (0, 0)


def test_a_file_that_is_lost_is_said_to_be_and_nothing_is_charged(small):
    _, grant, secret = small.grant()
    for place in Path(small.parts.home.folder / "blobs").glob("*/*"):
        if place.stat().st_size > SOME:
            place.unlink()
    assert Files(small, secret).file(WEIGHTS).status == 503
    assert used(small, grant)[:2] == (0, 0)


def test_a_file_that_is_cut_short_on_the_disk_ends_the_connection(small):
    _, _, secret = small.grant()
    for place in Path(small.parts.home.folder / "blobs").glob("*/*"):
        if place.stat().st_size > SOME:
            place.chmod(0o644)
            with place.open("r+b") as stream:
                stream.truncate(2 * SOME)
    slow = Slow(small.url, PATH, secret)
    slow.rest(PAUSE)
    assert not slow.whole
    ((_, ended),) = deliveries(small)
    assert ended["sent_bytes"] <= 2 * SOME


def test_a_server_that_stops_ends_what_it_sends(sqlite_home, tmp_path):
    with parts_in(sqlite_home) as parts:
        with served(hub_of(parts), timeout_graceful_shutdown=1) as url:
            gate = Gate(parts)
            gate.open(heron(tmp_path / "heron", size=1600))
            _, grant, secret = gate.grant()
            slow = Slow(url, PATH, secret)
            slow.read(SOME)
        slow.rest()
        assert not slow.whole
        ((_, ended),) = deliveries(gate)
        assert SOME <= ended["sent_bytes"] < slow.length
        assert used(gate, grant)[1] == 0
