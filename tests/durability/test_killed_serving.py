"""A server that is killed while it sends, again and again: no byte left that the log does not tell of."""

import hashlib
import http.client
import random
import signal
import socket
import time
from contextlib import closing, suppress
from urllib.parse import urlsplit

import msgspec
import pytest
from sqlalchemy import select, update

from durability.serving import Server
from gated import Gate, heron, parts_in
from granting import wait_until
from halfdoor.bootstrap import doctor
from halfdoor.store.tables.access import access_grant, delivery
from homes import Outside, new_home, service, stored
from hub_client import Files, Slow
from served import ask
from serving_process import serve

KILLS = 36
REPOSITORY = "example-lab/heron"
WEIGHTS = "model.safetensors"
PATH = f"/{REPOSITORY}/resolve/main/{WEIGHTS}"
SOME = 1 << 20
OK, UNAVAILABLE = 200, 503
AT_ONCE_SECONDS = 5.0  # to start a process, and no lease to wait for
AGO_MS = 121_000


class Opened(msgspec.Struct):
    """A home whose model one may download with `secret`."""

    home: object
    grant: object
    secret: str
    file: object

    def rows(self):
        """(begun and not ended, bytes reserved, bytes used)."""
        with service(self.home) as engine, engine.connect() as connection:
            unended = connection.execute(select(delivery.c.id).where(delivery.c.ended_ms.is_(None))).all()
            query = select(access_grant.c.bytes_reserved, access_grant.c.bytes_used)
            row = connection.execute(query.where(access_grant.c.id == self.grant.id)).one()
        return len(unended), *row

    def told(self):
        """Deliveries of the weights as the log tells of them: id -> bytes sent, None: unknown, or "begun"."""
        found = {}
        for event in map(msgspec.json.decode, stored(self.home)[0]):
            if event["event"] == "delivery:file:begin":
                found[event["delivery"]] = "begun"
            elif event["event"] == "delivery:file:end":
                found[event["delivery"]] = event.get("sent_bytes")
        return found


@pytest.fixture
def opened(tmp_path):
    home = new_home(tmp_path / "home")
    with parts_in(home) as parts:
        gate = Gate(parts)
        gate.open(heron(tmp_path / "heron", size=2500))
        _, grant, secret = gate.grant()
        return Opened(home, grant, secret, gate.folder / WEIGHTS)


def as_far_as_it_comes(url, secret):
    """Download the weights; (status, None if there was no answer; how many of their bytes came)."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
    status, got = None, 0
    with closing(connection), suppress(OSError, http.client.HTTPException):
        connection.request("GET", PATH, headers={"Authorization": f"Bearer {secret}"})
        answer = connection.getresponse()
        status = answer.status
        with answer:
            while data := answer.read1(1 << 16):
                got += len(data)
    return status, got if status == OK else 0


class At:
    """A server as hub_client.Files wants it."""

    repository = REPOSITORY

    def __init__(self, url):
        self.url = url


def whole(opened, url):
    """The weights are downloaded whole, and are what was published."""
    answer = Files(At(url), opened.secret).file(WEIGHTS)
    assert answer.status == 200
    wanted = hashlib.sha256(opened.file.read_bytes()).hexdigest()
    assert hashlib.sha256(answer.data).hexdigest() == wanted


@pytest.mark.timeout(300)
def test_a_server_that_is_killed_while_it_sends_leaves_nothing_untold(opened, progress):
    size, generator, outside = opened.file.stat().st_size, random.Random(5), Outside(opened.home)
    server = Server(opened.home)
    begun = time.monotonic()
    whole(opened, server.url)
    took, known, left = time.monotonic() - begun, {}, 0
    for number in range(KILLS):
        known = opened.told()
        server.kill_in(1.3 * took * (number + generator.random()) / KILLS)
        status, got = as_far_as_it_comes(server.url, opened.secret)
        server.gone()
        new = {name: how for name, how in opened.told().items() if name not in known}
        assert len(new) <= 1
        assert new or not got, "bytes left before the log had their delivery"
        assert status in {None, OK, UNAVAILABLE}, "the lease is short, so on a busy machine the log is down"
        unended, reserved, used = opened.rows()
        assert unended <= 1
        assert reserved == unended * size
        left += unended
        server = Server(opened.home)
        wait_until(lambda: opened.rows()[0] == 0)
        for name in new:
            wait_until(lambda name=name: opened.told()[name] != "begun")
            sent = opened.told()[name]
            assert (sent is None) == bool(unended), "what it sent before it was killed is not known"
            assert sent is None or sent >= got
        assert opened.rows()[1:] == (0, used + unended * size), "nothing is kept back, and all is charged"
        progress(f"{number + 1} of {KILLS} killed, {left} deliveries left behind")
    whole(opened, server.url)
    server.stop()
    assert doctor.examine(opened.home, deep=True) == []
    assert "begun" not in opened.told().values()
    assert 0 < left < KILLS
    outside.look()


def test_killed_as_an_operator_runs_it_the_next_start_closes_what_was_left(opened):
    with serve(opened.home.folder) as first:
        first.wait()
        slow = Slow(first.url, PATH, opened.secret)
        slow.read(SOME)
        first.end(signal.SIGKILL)
        slow.rest()
    found = doctor.examine(opened.home)
    assert {one.severity for one in found} <= {"note"}, found
    assert opened.rows()[:2] == (1, slow.length)
    with serve(opened.home.folder) as second:
        second.wait()
        assert opened.rows()[0] == 1, "two minutes must pass before somebody is taken for dead"
        _age(opened.home)
        wait_until(lambda: Files(At(second.url), opened.secret).file("README.md").status == 200, 30)
        whole(opened, second.url)
        wait_until(lambda: opened.rows() == (0, 0, 2 * slow.length), 30)
        assert second.end() == 0
    assert next(iter(opened.told().values())) is None
    assert doctor.examine(opened.home) == []


def _age(home):
    """Have what is under way look as if nobody had spoken of it for two minutes."""
    aged = update(delivery).where(delivery.c.ended_ms.is_(None))
    with service(home) as engine, engine.begin() as connection:
        connection.execute(aged.values(alive_ms=delivery.c.alive_ms - AGO_MS))


def test_stopped_it_finishes_what_it_sends_and_the_next_start_waits_for_nothing(opened):
    with serve(opened.home.folder, "--stop-seconds", 30) as first:
        first.wait()
        slow = Slow(first.url, PATH, opened.secret)
        slow.read(SOME)
        place = urlsplit(first.url)
        first.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((place.hostname, place.port))
        slow.rest()
        assert slow.whole
        assert first.end() == 0
        assert "Stopped." in first.said
    assert list(opened.told().values()) == [slow.length]
    assert opened.rows() == (0, 0, slow.length)
    begun = time.monotonic()
    with serve(opened.home.folder) as second:
        second.wait()
        assert ask("GET", f"{second.url}/readyz").json()["ready"]
        assert time.monotonic() - begun < AT_ONCE_SECONDS
        assert second.end() == 0
    assert doctor.examine(opened.home) == []


def test_stopped_it_waits_no_longer_than_it_was_told_and_says_what_it_sent(opened):
    with serve(opened.home.folder, "--stop-seconds", 1) as first:
        first.wait()
        slow = Slow(first.url, PATH, opened.secret)
        slow.read(SOME)
        begun = time.monotonic()
        assert first.end() == 0
        assert time.monotonic() - begun < 1 + AT_ONCE_SECONDS
        slow.rest()
        assert not slow.whole
    (sent,) = opened.told().values()
    assert slow.got <= sent < slow.length
    assert opened.rows() == (0, 0, sent)
    with serve(opened.home.folder) as second:
        second.wait()
        whole(opened, second.url)
    assert {one.severity for one in doctor.examine(opened.home)} <= {"note"}
