"""Two servers on one database: what one closes is closed at both; one that hears nothing sends nothing."""

import http.client
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from gated import Gate, hub_of, parts_in
from granting import wait_until
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.log import model_signer
from halfdoor.bootstrap.working import working
from halfdoor.services import feed as feeds
from halfdoor.services.feed import Feed
from halfdoor.services.parts import Parts
from homes import open_files
from hub_client import Files
from models_made import model_folder
from served import served

WEIGHTS = "model.safetensors"


@contextmanager
def replica(home, name="second"):
    """A further server over the same home, which does not write the log."""
    with working(home) as commits:
        feed = Feed(commits.engine)
        feed.start()
        try:
            wait_until(feed.alive)
            parts = Parts(
                home=home,
                commits=commits,
                blobs=blobs_of(home),
                feed=feed,
                model_signer=model_signer(home),
                public_url="http://localhost",
                holder=name,
            )
            with served(hub_of(parts)) as url:
                yield Server(url, parts)
        finally:
            feed.stop()


class Server:
    """Where a replica answers. repository: as gated.Gate has it, for hub_client.Files."""

    repository = "example-lab/heron"

    def __init__(self, url, parts):
        self.url, self.parts = url, parts


@pytest.fixture
def both(home, tmp_path):
    """(the first, which has the people; the second)"""
    with parts_in(home) as parts, served(hub_of(parts)) as url:
        gate = Gate(parts)
        gate.url = url
        gate.open(model_folder(tmp_path / "heron", group="vetted", size=2500))  # 25 MB
        with replica(home) as other:
            yield gate, other
    assert open_files(tmp_path) == []


class Slow:
    """A download of which little is read, until it is asked how it went."""

    def __init__(self, server, secret):
        self._connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=30)
        path = f"/example-lab/heron/resolve/main/{WEIGHTS}"
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {secret}"})
        self.answer = self._connection.getresponse()
        self.got = len(self.answer.read(1000))
        self.ended = None

    def watch(self):
        """Read slowly in the background; note when it ends, and how."""

        def run():
            try:
                while data := self.answer.read(20_000):
                    self.got += len(data)
                    time.sleep(0.002)
                self.whole = self.got == int(self.answer.headers["content-length"])
            except (http.client.IncompleteRead, OSError):
                self.whole = False
            self.ended = time.monotonic()
            self._connection.close()

        self.whole = None
        self.thread = threading.Thread(target=run)
        self.thread.start()
        return self


def test_a_grant_works_at_both_and_is_revoked_at_both(both):
    gate, other = both
    _, grant, secret = gate.grant()
    bodies = {Files(server, secret).file(WEIGHTS).data for server in (gate, other)}
    assert len(bodies) == 1
    gate.revoke(grant)
    for server in (gate, other):
        assert Files(server, secret).file(WEIGHTS).status == 401
        assert Files(server, secret).file(WEIGHTS, "HEAD").status == 401


@pytest.mark.parametrize("how", ["revoke", "halt"])
def test_transfers_at_both_are_cut_within_a_second(both, how):
    gate, other = both
    _, grant, secret = gate.grant()
    running = [Slow(server, secret).watch() for server in (gate, other)]
    time.sleep(0.3)
    assert all(one.ended is None for one in running)
    closed = time.monotonic()
    _ = gate.revoke(grant) if how == "revoke" else gate.halt()
    done = time.monotonic()
    for one in running:
        one.thread.join(20)
        assert one.whole is False
    # Bytes that were on their way already are still read, slowly.
    assert max(one.ended for one in running) - max(closed, done) < 1 + 0.5


def test_one_that_hears_nothing_sends_nothing_and_the_other_goes_on(both, monkeypatch):
    gate, other = both
    _, _, secret = gate.grant()
    running = Slow(other, secret).watch()
    deaf = other.parts.feed._engine
    real = feeds.changes_after

    def only_the_other(connection, number):
        if connection.engine.url == deaf.url and connection.engine.pool is deaf.pool:
            raise OSError("cut off")
        return real(connection, number)

    monkeypatch.setattr(feeds, "changes_after", only_the_other)
    wait_until(lambda: not other.parts.feed.alive())
    running.thread.join(20)
    assert running.whole is False
    refused = Files(other, secret).file(WEIGHTS)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert Files(other).file("README.md").status == 503
    assert Files(gate, secret).file(WEIGHTS).status == 200
    monkeypatch.undo()
    wait_until(other.parts.feed.alive)
    assert Files(other, secret).file(WEIGHTS).status == 200
