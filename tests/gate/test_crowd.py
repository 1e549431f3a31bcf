"""Many at once: nobody waits for somebody else's transfer, and a revocation reaches them all."""

import selectors
import socket
import threading
import time
from urllib.parse import urlsplit

import msgspec
import pytest

import gated
from gated import REPOSITORY, gate_in, heron
from granting import wait_until
from halfdoor.core.governance.limits import Limits
from halfdoor.services import grants
from halfdoor.services.home import Home
from hub_client import Files, deliveries, rows, used
from models_made import model_folder

WEIGHTS = "model.safetensors"
CROWD, RUNNING = 40, 80


@pytest.fixture
def big(sqlite_home, tmp_path):
    """The weights have 16 MB: more than a connection holds back."""
    with gate_in(sqlite_home) as found:
        found.open(model_folder(tmp_path / "heron", group="vetted", size=2000))
        yield found


def at_once(count, call):
    """Run a call so many times at the same time; what came of each."""
    found = []
    threads = [threading.Thread(target=lambda: found.append(call())) for _ in range(count)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    return found


def begun(gate, secret):
    """A transfer under way, of which nothing more is taken."""
    taking = socket.create_connection(_address(gate))
    path = f"/{REPOSITORY}/resolve/main/{WEIGHTS}"
    taking.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {secret}\r\n\r\n".encode())
    assert taking.recv(12) == b"HTTP/1.1 200"
    taking.settimeout(0)
    return taking


def _address(gate):
    host, _, port = urlsplit(gate.url).netloc.partition(":")
    return host, int(port)


def ended(connections, seconds):
    """Read from all of them until each has ended; how long the last one took, and what each had got."""
    waiting, got, begin = selectors.DefaultSelector(), dict.fromkeys(connections, 0), time.monotonic()
    for one in connections:
        waiting.register(one, selectors.EVENT_READ)
    while waiting.get_map() and time.monotonic() - begin < seconds:
        for key, _ in waiting.select(0.1):
            try:
                data = key.fileobj.recv(1 << 20)
            except OSError:
                data = b""
            got[key.fileobj] += len(data)
            if not data:
                waiting.unregister(key.fileobj)
                key.fileobj.close()
    left = len(waiting.get_map())
    waiting.close()
    assert not left, f"{left} transfers were still running"
    return time.monotonic() - begin, list(got.values())


def test_a_revocation_cuts_a_crowd_within_a_second(big):
    _, grant, secret = big.grant()
    _, other, others = big.grant("Oda")
    running = [begun(big, secret) for _ in range(RUNNING)]
    staying = begun(big, others)
    asked = time.monotonic()
    assert Files(big, secret).file(WEIGHTS, "HEAD").status == 200  # the loop has time for others
    assert time.monotonic() - asked < 0.5
    revoked = time.monotonic()
    big.revoke(grant)
    took, got = ended(running, 10)
    assert took < 1.5, time.monotonic() - revoked
    size = (big.folder / WEIGHTS).stat().st_size
    assert max(got) < size
    staying.settimeout(30)
    rest = 0
    while rest < size:
        rest += len(staying.recv(1 << 20))
    staying.close()
    wait_until(lambda: len([one for one in deliveries(big) if one[1]]) == RUNNING + 1)
    assert used(big, grant)[1] == used(big, other)[1] == 0
    assert used(big, other)[0] == size


def test_a_crowd_of_whole_downloads_all_arrive_and_all_stand_in_the_log(gate):
    _, grant, secret = gate.grant()
    body = (gate.folder / WEIGHTS).read_bytes()
    found = at_once(CROWD, lambda: Files(gate, secret).file(WEIGHTS))
    assert [one.status for one in found] == [200] * CROWD
    assert all(one.data == body for one in found)
    wait_until(lambda: len([one for one in deliveries(gate) if one[1]]) == CROWD)
    assert {one["sent_bytes"] for _, one in deliveries(gate)} == {len(body)}
    assert used(gate, grant) == (CROWD * len(body), 0, CROWD)


class Bucket:
    """Blobs with links, as a bucket has them."""

    def __init__(self, folder):
        self._folder = folder

    def __getattr__(self, name):
        return getattr(self._folder, name)

    def path(self, digest):
        return None

    def link(self, digest, seconds):
        return f"https://bucket.example/{digest}?{seconds}"


@pytest.fixture(params=["nginx", "s3"])
def front(request, home, tmp_path, monkeypatch):
    """A hub that has its files sent elsewhere, on each kind of database."""
    settings = msgspec.structs.replace(home.settings, offload=request.param)
    if request.param == "s3":
        real = gated.blobs_of
        monkeypatch.setattr(gated, "blobs_of", lambda home: Bucket(real(home)))
    with gate_in(Home(home.folder, settings)) as found:
        found.open(heron(tmp_path / "heron", size=100))
        yield found


def test_a_crowd_that_is_sent_elsewhere_does_not_wait_in_a_circle(front):
    """Each reads, and begins a delivery: with two connections at a time they lock each other out."""
    _, _, secret = front.grant()
    begin = time.monotonic()
    found = at_once(CROWD, lambda: Files(front, secret).file(WEIGHTS))
    assert {one.status for one in found} <= {200, 302}
    assert len(found) == CROWD
    assert time.monotonic() - begin < 20
    assert len(rows(front)) == CROWD


def test_who_asks_for_a_byte_of_a_file_is_not_given_all_of_it_for_a_byte(front):
    """A link opens the whole file, so the whole of it is reserved."""
    _, grant, secret = front.grant()
    answer = Files(front, secret).file(WEIGHTS, range="bytes=0-0")
    size = (front.folder / WEIGHTS).stat().st_size
    if "location" in answer.headers:
        assert used(front, grant)[1] == size
    elif "x-accel-redirect" in answer.headers:
        assert used(front, grant)[1] == 1  # nginx keeps to the range that the client asked for


def test_a_grant_with_limits_gets_no_link_that_works_from_anywhere(front):
    size = (front.folder / WEIGHTS).stat().st_size
    for name, limits in (
        ("Neta", Limits(networks=("127.0.0.0/8",))),
        ("Bea", Limits(bytes=10 * size)),
        ("Dow", Limits(downloads=3)),
    ):
        _, grant, secret = front.grant(name)
        grants.narrow(front.commits, front.reviewers[0], grant.id, limits)
        answer = Files(front, secret).file(WEIGHTS)
        assert answer.status == 200
        assert "location" not in answer.headers
