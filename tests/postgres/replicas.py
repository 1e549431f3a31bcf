"""Two `halfdoor serve` on one PostgreSQL, one of them over a connection that a test can cut; and readers."""

import json
import shutil
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec

from gated import Gate, heron, parts_in
from halfdoor.services.home import Home, write_settings
from homes import stored
from hub_client import Files, Slow
from postgres.between import Between
from served import ask
from serving_process import serve

PATH = "/example-lab/heron/resolve/main/model.safetensors"
PAUSE_SECONDS = 0.05  # after each 64 KB that a reader takes: the whole takes it longer than any test
API = "/api/halfdoor/v1"


def over(home, folder, between):
    """The same home as another machine has it: own settings, which reach the databases through `between`."""
    folder.mkdir()
    shutil.copytree(home.folder / "keys", folder / "keys")
    settings = home.settings
    changed = msgspec.structs.replace(
        settings,
        database=_by_way_of(settings.database, between),
        latest=_by_way_of(settings.latest, between),
        public=str(home.folder / settings.public),
        blobs=str(home.folder / settings.blobs),
    )
    write_settings(made := Home(folder, changed))
    return made


def _by_way_of(url, folder):
    return f"{url.partition('?host=')[0]}?host={folder}"


class Granted(msgspec.Struct):
    """Somebody with a grant. secret: of its token."""

    grant: str
    secret: str


class Set(msgspec.Struct):
    """What was set up before the replicas began: tokens of those who act, grants, the plan.

    repository: as hub_client.Files wants it
    """

    home: object
    reviewer: str
    overseer: str
    plan: str
    version: str
    grants: list
    repository: str = "example-lab/heron"


def set_up(home, folder, *, grants, size=2500):
    """A decided, staged model whose weights are for the vetted (25 MB by default), and so many grants."""
    with parts_in(home) as parts:
        gate = Gate(parts)
        gate.open(heron(folder, size=size))
        held = []
        for number in range(grants):
            _, row, secret = gate.grant(f"Gil{number}")
            held.append(Granted(row.id, secret))
        return Set(
            home,
            gate.person_token(gate.reviewers[0]),
            gate.person_token(gate.overseer),
            gate.plan.id,
            gate.version,
            held,
        )


@contextmanager
def two(home, folder, target, *options):
    """Replica A straight on the database, replica B through a Between: (A, B, the Between)."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="halfdoor-b-")))  # short, too
        between = Between(target, place)
        stack.callback(between.close)
        first = stack.enter_context(serve(home.folder, *options)).wait()
        other = over(home, folder, place)
        second = stack.enter_context(serve(other.folder, *options)).wait()
        yield first, second, between


def call(server, token, path, body=None, timeout=30):
    """POST to a replica's control API; the answer."""
    return ask(
        "POST",
        f"{server.url}{API}{path}",
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        body=json.dumps(body or {}),
        timeout=timeout,
    )


def number(server, name):
    """What a replica's metrics say under this name."""
    text = ask("GET", f"{server.url}/metrics").data.decode()
    return float(next(line for line in text.splitlines() if line.startswith(f"{name} ")).split()[1])


def writers(*servers):
    """How many replicas say that they write the log: one number for each."""
    return [int(number(one, "halfdoor_log_writer")) for one in servers]


def ready(server):
    """What a replica says of its parts."""
    return ask("GET", f"{server.url}/readyz").json()


class On:
    """A replica as hub_client.Files wants it."""

    def __init__(self, server, repository="example-lab/heron"):
        self.url, self.repository = server.url, repository


def fetch(server, secret=None, name="model.safetensors", method="GET"):
    """A file, whole, from a replica."""
    return Files(On(server), secret).file(name, method)


class Reader(threading.Thread):
    """Downloads slowly in a thread of its own, and notes when the last byte came."""

    def __init__(self, server, secret, pause=PAUSE_SECONDS):
        super().__init__(daemon=True)
        self.slow = Slow(server.url, PATH, secret)
        self.last = self.ended = None
        self._pause = pause
        self.start()

    def run(self):
        with suppress(OSError):
            while data := self.slow.socket.recv(65536):
                self.last = time.monotonic()
                self.slow.got += len(data)
                if self.slow.whole:
                    break
                time.sleep(self._pause)
        self.ended = time.monotonic()
        self.slow.socket.close()

    def seconds_after(self, moment, most=10.0):
        """From `moment` to the last byte that came; fails where the transfer goes on."""
        self.join(most)
        assert not self.is_alive(), "it is not cut"
        assert not self.slow.whole, "it was not cut, it was finished"
        return max(0.0, self.last - moment)


def events(home, kind):
    """Entries of one kind in the log."""
    return [one for one in map(json.loads, stored(home)[0]) if one["event"] == kind]
