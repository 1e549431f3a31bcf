"""Homes for tests: made, written to, looked at from outside; and their parts, made to fail when asked."""

import base64
import datetime as dt
import errno
import gc
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core.log import naive_tree as naive
from halfdoor.bootstrap import log as bootstrap
from halfdoor.core.errors import HalfdoorError
from halfdoor.core.log.tiles import WIDTH, decode_bundle, tiles_of
from halfdoor.services.home import prepare_home
from halfdoor.services.log.writer import Limits
from halfdoor.store.engine import open_engine
from halfdoor.store.log import New, add_waiting
from postgres.cluster import Cluster, binaries

ORIGIN = "example.org/log"
LIMITS = Limits(free_bytes_min=1, publish_seconds=0.01, waiting_poll_seconds=0.005)
_log_store, _latest_store = bootstrap.log_store, bootstrap.latest_store  # as they are, whatever is patched
# PostgreSQL is for `make postgres`, so that `make test` takes the same time with and without one installed.
ON_POSTGRESQL = os.environ.get("HALFDOOR_POSTGRES") == "1"
KINDS = ["sqlite", "postgresql"] if ON_POSTGRESQL else ["sqlite"]
WAIT = 20  # seconds that nothing in a test takes


class Databases(msgspec.Struct, frozen=True):
    """New, empty databases: for a log, and for its second store. None: files where a home has them."""

    log: str | None = None
    latest: str | None = None


@pytest.fixture(scope="session")
def cluster():
    """A PostgreSQL. Skips unless HALFDOOR_POSTGRES=1 asks for it."""
    if not ON_POSTGRESQL:
        pytest.skip("only `make postgres` runs on PostgreSQL")
    programs = binaries()
    if programs is None:
        pytest.fail("PostgreSQL is not installed (on Debian: apt install postgresql)")
    running = Cluster(programs)
    yield running
    running.stop()


@pytest.fixture(params=KINDS)
def databases(request, tmp_path):
    """Both kinds, one after the other. Whoever opens them closes them."""
    if request.param == "sqlite":
        yield Databases(f"sqlite:///{tmp_path}/log.db", f"sqlite:///{tmp_path}/latest.db")
        assert open_files(tmp_path) == []
        return
    running = request.getfixturevalue("cluster")
    found = Databases(running.create(), running.create())
    yield found
    assert [running.drop(found.log), running.drop(found.latest)] == [0, 0], "a connection was left open"


@pytest.fixture
def database_url(databases):
    """One new, empty database of each kind."""
    return databases.log


@pytest.fixture
def home(tmp_path, databases):
    """A home with an empty log, on each kind of database."""
    return new_home(tmp_path / "home", databases)


@pytest.fixture
def sqlite_home(tmp_path):
    """A home with an empty log, where everything is a file."""
    yield new_home(tmp_path / "home")
    assert open_files(tmp_path) == []


def new_home(folder, databases=Databases()):  # noqa: B008  frozen
    made = prepare_home(folder, ORIGIN, database=databases.log, latest=databases.latest, secret=None)
    bootstrap.begin_log(made)
    return made


def open_files(folder):
    """What this process holds open below a folder: the databases that somebody forgot."""
    names = _open_files(folder)
    if names:
        gc.collect()  # an engine that nobody can reach closes its connections then
    return names and _open_files(folder)


def _open_files(folder):
    names = []
    for one in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(one.readlink()))
        except OSError:  # closed meanwhile
            continue
    return [name for name in names if name.startswith(f"{folder}/")]


def entry(number, size=0):
    """A new entry that is unlike all others."""
    return New(f"entry {number}".encode().ljust(size, b"."))


@contextmanager
def closing(store):
    try:
        yield store
    finally:
        store.close()


def stored(home):
    """Every entry that the database holds, and its head."""
    with closing(_log_store(home)) as store:
        head = store.head()
        return list(store.entries(0, head.frontier.size)), head


def noted(home):
    """The second store's checkpoint."""
    with closing(_latest_store(home)) as latest:
        return latest.load(ORIGIN)


@contextmanager
def service(home):
    """An engine as services use it: its commits are durable once the log's writer commits."""
    engine = open_engine(home.url(home.settings.database), durable=False)
    try:
        yield engine
    finally:
        engine.dispose()


def wait_in(engine, *news):
    """Store entries that wait, in one transaction; their numbers."""
    with engine.begin() as connection:
        return [add_waiting(connection, new) for new in news]


def writing(home, **limits):
    """The home's log, being written."""
    return bootstrap.writing(home, limits=msgspec.structs.replace(LIMITS, **limits))


@contextmanager
def stopping(home, **limits):
    """The home's log, being written by a writer that stops by itself before the block ends, and says why."""
    with pytest.raises(HalfdoorError) as ended, writing(home, **limits) as writer:
        yield writer

    assert ended.value is writer.failure


def append(home, count, name="entry"):
    """Append so many new entries; their positions."""
    with writing(home) as writer:
        futures = [writer.submit([entry(f"{name}-{number}")]) for number in range(count)]
        return [future.result(WAIT) for future in futures]


def unpublish(home):
    """Lose everything that was published."""
    for place in (home.folder / "log").iterdir():
        shutil.rmtree(place) if place.is_dir() else place.unlink()


class Seen(msgspec.Struct, frozen=True):
    """A published log, every byte of it verified."""

    entries: tuple[bytes, ...]
    root: bytes

    @property
    def size(self):
        return len(self.entries)


class Outside:
    """Somebody who looks at a published log now and then, and trusts nobody: it may only grow."""

    def __init__(self, home):
        self._folder = home.folder / home.settings.public
        # Verifier keys are <name>+<key id>+base64(type || public key).
        encoded = home.settings.note_key[0].public.split("+", 2)[2]
        self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded)[1:])
        self.seen = Seen((), naive.root(()))

    def look(self):
        """Verify the log, and that it extends what was seen before. All of it, from nothing but the files."""
        place = self._folder / "checkpoint"
        if not place.exists():
            assert self.seen.size == 0, "a published log is gone"
            return self.seen
        text, _, signatures = place.read_bytes().rpartition(b"\n\n")
        text += b"\n"
        signature = base64.b64decode(signatures.split(b"\n")[0].rsplit(b" ", 1)[1])[4:]
        self._key.verify(signature, text)
        origin, size, root = text.decode().splitlines()
        assert origin == ORIGIN
        self.seen = self._extended(int(size), base64.b64decode(root))
        return self.seen

    def _extended(self, size, root):
        entries, leaves = [], ()
        for tile in tiles_of(size):
            data = self._file(tile.path, tile.whole.path, tile.width * 32)
            if tile.level == 0:
                place = self._folder / tile.entries_path
                if not place.exists():
                    place = self._folder / tile.whole.entries_path
                entries += decode_bundle(place.read_bytes(), WIDTH if ".p/" not in str(place) else tile.width)
                entries = entries[: tile.index * WIDTH + tile.width]
                leaves = tuple(naive.sha256(b"\x00" + one).digest() for one in entries)
            begin = tile.index * WIDTH
            below = [
                leaves[at * WIDTH**tile.level : (at + 1) * WIDTH**tile.level]
                for at in range(begin, begin + tile.width)
            ]
            assert data == b"".join(naive.root(one) for one in below), f"{tile.path} is not of this tree"
        assert naive.root(leaves) == root, "the root is not that of the entries"
        assert tuple(entries[: self.seen.size]) == self.seen.entries, "the log is not the one seen before"
        return Seen(tuple(entries), root)

    def _file(self, path, whole, length):
        place = self._folder / path
        return (place if place.exists() else self._folder / whole).read_bytes()[:length]


class Fault(msgspec.Struct):
    """A call that will fail: the `nth` of those that match."""

    part: str
    method: str
    after: bool
    error: BaseException
    match: str = ""
    nth: int = 1


class Faulty:
    """A real part. A planned call raises instead of doing its work, or after it has done it."""

    def __init__(self, part, real, plan):
        self._part, self._real, self._plan = part, real, plan

    def __getattr__(self, name):
        found = getattr(self._real, name)
        if not callable(found):
            return found

        def call(*arguments, **named):
            fault = self._plan.due(self._part, name, arguments)
            if fault is not None and not fault.after:
                raise fault.error
            result = found(*arguments, **named)
            self._plan.after(self._part, name)
            if fault is not None:
                raise fault.error
            return result

        return call


class Clock:
    """The machine's clock, moved on by a test."""

    def __init__(self):
        self.ahead_seconds = 0.0

    def now(self):
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.ahead_seconds)


class Wiring:
    """The parts as bootstrap puts them together, each one Faulty, under a clock that can be moved."""

    def __init__(self, monkeypatch):
        self.clock = Clock()
        self.faults = []
        self.before = lambda part, method, arguments: None  # called before each call of a part
        self.after = lambda part, method: None  # and after
        monkeypatch.setattr(bootstrap, "SystemClock", lambda: self.clock)
        for part, name in (("store", "log_store"), ("latest", "latest_store"), ("files", "public_folder")):
            monkeypatch.setattr(bootstrap, name, self._faulty(part, getattr(bootstrap, name)))

    def _faulty(self, part, real):
        return lambda home: Faulty(part, real(home), self)

    def fail(self, part, method, *, after, error=None, match="", nth=1):
        error = error or OSError(errno.EIO, os.strerror(errno.EIO))
        self.faults.append(Fault(part, method, after, error, match, nth))

    def due(self, part, method, arguments):
        self.before(part, method, arguments)
        for fault in self.faults:
            if (fault.part, fault.method) == (part, method) and fault.match in str(arguments[:1]):
                fault.nth -= 1
                if fault.nth == 0:
                    self.faults.remove(fault)
                    return fault
        return None


@pytest.fixture
def wiring(monkeypatch):
    return Wiring(monkeypatch)
