"""Two replicas on one PostgreSQL: one writes, either can revoke, and one that hears nothing sends nothing.

Real processes, real connections: minutes, so only where HALFDOOR_POSTGRES=1 asks for them (make postgres).
"""

import os
import signal
import statistics
import time

import pytest
from sqlalchemy import func, select

from granting import wait_until
from halfdoor.bootstrap import doctor
from halfdoor.store.tables.access import access_grant
from homes import Databases, Outside, cluster, new_home, service
from postgres.replicas import Reader, call, events, fetch, ready, set_up, two, writers
from serving_process import serve

__all__ = ["cluster"]
pytestmark = [
    pytest.mark.skipif(os.environ.get("HALFDOOR_POSTGRES") != "1", reason="takes minutes: make postgres"),
    pytest.mark.timeout(240),
]

SOME = 1 << 19
REVOKED = 16  # transfers that are cut one after the other
BOUND_SECONDS = 1.0
SLOW_SECONDS = 0.5  # what the machine's own slowness may add to one of many
REFUSING_SECONDS_MAX = 1.0
ENDED_SECONDS_MAX = 60
LEASE_SECONDS_MAX = 15 + 5  # the log's lease, and time to look at the log before going on


@pytest.fixture
def served(tmp_path, cluster):
    """A home on PostgreSQL, dropped at the end: everything was let go by then."""
    found = Databases(cluster.create(), cluster.create())
    yield new_home(tmp_path / "home", found)
    for one in (found.log, found.latest):
        cluster.drop(one)


@pytest.fixture
def say(capsys):
    """Figures, past pytest's capture."""

    def said(name, seconds):
        with capsys.disabled():
            print(
                f"\n  {name}: n {len(seconds)}, median {statistics.median(seconds) * 1000:.0f} ms, "
                f"max {max(seconds) * 1000:.0f} ms"
            )

    return said


def readers(server, grants):
    """A slow transfer under each grant, each under way."""
    found = [Reader(server, one.secret) for one in grants]
    wait_until(lambda: all(one.slow.got > SOME for one in found))
    return found


def within_bound(seconds):
    """As fast as is promised; a single one may have waited for the machine."""
    assert statistics.median(seconds) < BOUND_SECONDS
    assert max(seconds) < BOUND_SECONDS + SLOW_SECONDS


def all_ended(home):
    """Every delivery that began has its end in the log, soon."""
    wait_until(
        lambda: len(events(home, "delivery:file:end")) == len(events(home, "delivery:file:begin")),
        ENDED_SECONDS_MAX,
    )


def reserved(home):
    """Bytes that deliveries under way keep of their grants."""
    with service(home) as engine, engine.connect() as connection:
        return connection.execute(select(func.sum(access_grant.c.bytes_reserved))).scalar_one()


def test_postgresql_revoked_on_one_replica_is_cut_on_the_other_within_a_second(
    served, tmp_path, cluster, say
):
    made = set_up(served, tmp_path / "model", grants=REVOKED + 1)
    *revoked, kept = made.grants
    with two(served, tmp_path / "b", cluster.folder) as (one, other, _):
        assert sorted(writers(one, other)) == [0, 1]
        for server in (one, other):
            assert ready(server)["ready"]
            assert fetch(server, name="README.md").status == 200
        others = Reader(other, kept.secret)
        took, refused = [], []
        for at in range(0, REVOKED, 4):
            batch = revoked[at : at + 4]
            running = readers(other, batch)
            for grant, reader in zip(batch, running, strict=True):
                begun = time.monotonic()
                assert call(one, made.reviewer, f"/grants/{grant.grant}/revoke").status == 200
                refused.append(fetch(other, grant.secret).status)
                took.append(reader.seconds_after(begun))
        say("revoked on A, last byte from B", took)
        assert refused == [401] * REVOKED, "a new request on B is refused at once"
        within_bound(took)
        assert others.is_alive(), "a transfer that nothing was said about goes on"
        others.slow.leave()
        others.join()
        all_ended(served)
        assert (other.end(), one.end()) == (0, 0)
    assert doctor.examine(served) == []
    Outside(served).look()


def test_postgresql_halted_on_one_replica_is_closed_on_the_other(served, tmp_path, cluster, say):
    made = set_up(served, tmp_path / "model", grants=4)
    with two(served, tmp_path / "b", cluster.folder) as (one, other, _):
        running = readers(other, made.grants)
        begun = time.monotonic()
        assert call(one, made.overseer, f"/plans/{made.plan}/halt").status == 200
        answers = [fetch(server, name="README.md") for server in (other, one)]
        took = [reader.seconds_after(begun) for reader in running]
        say("halted on A, last byte from B", took)
        within_bound(took)
        assert {"disabled" in answer.headers["x-error-message"] for answer in answers} == {True}
        assert {answer.status for answer in answers} == {403}
    assert doctor.examine(served) == []


def test_postgresql_when_the_writer_is_killed_the_other_goes_on(served, tmp_path, cluster, say):
    made = set_up(served, tmp_path / "model", grants=2)
    outside = Outside(served)
    with two(served, tmp_path / "b", cluster.folder) as (one, other, _):
        assert writers(one, other) == [1, 0]
        Reader(one, made.grants[0].secret)
        begun = time.monotonic()
        one.end(signal.SIGKILL)
        before = outside.look()
        # It closes all the same, while nobody writes the log.
        answer = call(other, made.reviewer, f"/grants/{made.grants[1].grant}/revoke")
        assert answer.status == 200
        assert fetch(other, made.grants[1].secret).status == 401
        wait_until(lambda: writers(other) == [1], LEASE_SECONDS_MAX)
        took = time.monotonic() - begun
        wait_until(lambda: fetch(other, made.grants[0].secret).status == 200)
        say("the writer killed, the other writes", [took])
        assert took < LEASE_SECONDS_MAX
        assert ready(other)["ready"]
        wait_until(lambda: len(events(served, "access:grant:revoke")) == 1)
    assert outside.look().size > before.size
    # The end of a delivery may come when the log has closed already: it waits for the next start.
    assert [one for one in doctor.examine(served) if one.code != "waiting"] == []


@pytest.mark.parametrize("how", ["hold", "refuse"])
def test_postgresql_a_replica_cut_from_its_feed_sends_nothing_until_it_is_back(
    how, served, tmp_path, cluster, say
):
    made = set_up(served, tmp_path / "model", grants=4)
    with two(served, tmp_path / "b", cluster.folder) as (one, other, between):
        running = readers(other, made.grants[:3])
        mine = Reader(one, made.grants[3].secret)
        begun = time.monotonic()
        getattr(between, how)()
        took = [reader.seconds_after(begun) for reader in running]
        say(f"B cut off ({how}), last byte from B", took)
        within_bound(took)
        asked = time.monotonic()
        for name, secret in (("model.safetensors", made.grants[0].secret), ("README.md", None)):
            assert fetch(other, secret, name).status == 503
        assert time.monotonic() - asked < REFUSING_SECONDS_MAX
        assert fetch(one, name="README.md").status == 200
        assert mine.is_alive(), "the other replica's transfers go on"
        # What is revoked meanwhile is revoked on B, too, once it is back.
        assert call(one, made.reviewer, f"/grants/{made.grants[0].grant}/revoke").status == 200
        between.heal()
        begun = time.monotonic()
        wait_until(lambda: fetch(other, name="README.md").status == 200)
        say(f"B is back ({how}), it serves", [time.monotonic() - begun])
        assert fetch(other, made.grants[0].secret).status == 401
        assert fetch(other, made.grants[1].secret).status == 200
        wait_until(lambda: ready(other)["ready"])
        mine.slow.leave()
        mine.join()
        all_ended(served)
        assert reserved(served) == 0
        assert (other.end(), one.end()) == (0, 0)
    assert doctor.examine(served) == []


def test_postgresql_a_replica_whose_connections_are_ended_again_and_again_fails_closed_and_recovers(
    served, tmp_path, cluster, say
):
    made = set_up(served, tmp_path / "model", grants=1)
    with serve(served.folder) as server:
        server.wait()
        reader = Reader(server, made.grants[0].secret)
        begun = time.monotonic()
        cluster.shut(served.settings.database)
        took = [reader.seconds_after(begun)]
        say("connections ended and refused, last byte", took)
        within_bound(took)
        assert fetch(server, name="README.md").status == 503
        cluster.reopen(served.settings.database)
        wait_until(lambda: fetch(server, name="README.md").status == 200, 30)
        wait_until(lambda: ready(server)["ready"], 30)
        assert server.end() == 0
    assert doctor.examine(served) == []


def test_postgresql_stopped_during_a_transfer_it_finishes_that_and_lets_the_log_go(served, tmp_path, cluster):
    made = set_up(served, tmp_path / "model", grants=2)
    with two(served, tmp_path / "b", cluster.folder, "--stop-seconds", 30) as (one, other, _):
        assert writers(one, other) == [1, 0]
        reader = Reader(one, made.grants[0].secret, pause=0.001)
        one.process.send_signal(signal.SIGTERM)
        reader.join(30)
        assert reader.slow.whole
        assert one.end() == 0
        begun = time.monotonic()
        wait_until(lambda: writers(other) == [1])
        assert time.monotonic() - begun < 2
    ((begun,), (ended,)) = events(served, "delivery:file:begin"), events(served, "delivery:file:end")
    assert (ended["delivery"], ended["sent_bytes"]) == (begun["delivery"], reader.slow.length)
