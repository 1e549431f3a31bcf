"""Disks that fail and fill up: every write and every flush in turn, injected by strace while one writes."""

import shutil
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from hashlib import sha256

import msgspec
import pytest

from durability.children import Child, moved
from halfdoor.bootstrap import log as bootstrap
from halfdoor.core.errors import HalfdoorError
from halfdoor.store.log import LeaseHeld
from homes import LIMITS, Outside, append, entry, new_home, service, stored, wait_in

WRITES = ("fdatasync", "fsync", "pwrite64", "write", "ftruncate", "rename", "mkdir", "unlink")
# Each call fails alone; and a disk, once it is full, stays full (strace's `when=N+`).
FAULTS = [
    *((call, "EIO", "") for call in (*WRITES, "openat", "pread64")),
    *((call, "ENOSPC", "+") for call in WRITES),
]
NTH_MAX = 400
ATTACH_SECONDS_MAX = 10
LEASE_SECONDS = 0.2
STRACE = shutil.which("strace")


def working(home):
    """A few batches, some entries that wait, publications: then a clean end."""

    def work(tell):
        limits = msgspec.structs.replace(LIMITS, lease_seconds=LEASE_SECONDS)
        with bootstrap.writing(home, limits=limits) as writer, service(home) as engine:
            for number in range(3):
                new = entry(f"waits {number}")
                (waits,) = wait_in(engine, new)
                tell.waits(waits, new)
                news = [entry(f"new {number}-{one}") for one in range(100)]
                tell.appended(writer.submit(news).result(10), news)
                writer.wait_published(writer.head.frontier.size, 2)

    return work


class Injected:
    """strace, attached to a process that waits to begin: the nth call of a kind in each thread fails."""

    def __init__(self, child, call, error, when, out):
        self._out = out
        inject = f"inject={call}:error={error}:when={when}"
        command = [STRACE, "-f", "-o", str(out), "-e", f"trace={call}", "-e", inject, "-p", str(child.pid)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until = time.monotonic() + ATTACH_SECONDS_MAX
        while "TracerPid:\t0" in (status := _status(child.pid)) and time.monotonic() < until:
            time.sleep(0.002)
        if "TracerPid:\t0" in status:
            pytest.fail(f"strace does not attach: {self._process.communicate(timeout=5)[1].decode()}")

    def ended(self):
        """Wait for its end; True where anything was injected."""
        self._process.wait(20)
        self._process.stderr.close()
        return "(INJECTED)" in self._out.read_text(encoding="utf-8", errors="replace")


def _status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as stream:  # noqa: PTH123  no path of ours
        return stream.read()


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A home with a log that has been written to before."""
    if STRACE is None:
        pytest.fail("strace is not there (Debian: apt install strace)")
    home = new_home(tmp_path_factory.mktemp("template") / "home")
    append(home, 300, "before")
    return home


@pytest.mark.timeout(400)
@pytest.mark.parametrize("fault", FAULTS, ids=" ".join)
def test_whichever_call_fails_nothing_acknowledged_is_lost_and_nothing_forks(
    fault, template, tmp_path, progress
):
    call, error, on = fault
    for nth in range(1, NTH_MAX):
        folder = tmp_path / str(nth)
        folder.mkdir()
        home = moved(template, folder)
        outside = Outside(home)
        before = outside.look()
        child = Child(working(home))
        injected = Injected(child, call, error, f"{nth}{on}", folder / "strace.out")
        child.go()
        child.wait()
        was = injected.ended()
        told = child.told
        assert told.ended["how"] == "done" or told.ended["code"], told.ended["trace"]
        assert was or told.ended["how"] == "done", told.ended["trace"]
        seen = outside.look()
        assert seen.size >= before.size
        resumed(home, told, outside)
        shutil.rmtree(folder)
        progress(f"{call} {error}: {nth}{on}")
        if not was:
            assert nth > 1 or call in {"ftruncate", "mkdir", "unlink"}, "nothing was ever injected"
            return
    pytest.fail(f"still injecting after {NTH_MAX} calls")


def resumed(home, told, outside):
    """Going on after the fault: the log has all that was acknowledged, and grows from there."""
    for _ in range(100):
        with suppress(LeaseHeld), bootstrap.writing(home, limits=LIMITS) as writer:
            writer.submit([entry("after")]).result(10)
            break
        time.sleep(0.01)
    else:
        pytest.fail("the lease of the failed writer never runs out")
    entries, _ = stored(home)
    digests = [sha256(one).digest() for one in entries]
    assert {place: digests[place] for place in told.appended} == told.appended
    with closing(bootstrap.log_store(home)) as store:
        places = {number: store.position_of(number) for number in told.waits}
    assert {number: digests[place] for number, place in places.items()} == told.waits
    assert len(set(digests)) == len(digests)
    assert outside.look().entries == tuple(entries)


def test_what_cannot_be_healed_is_refused_and_never_signed_over(template, tmp_path):
    """The contrary case: a stored entry that changed is found when the log is opened, not published."""
    home = moved(template, tmp_path)
    with closing(sqlite3.connect(home.folder / "halfdoor.db")) as connection:
        connection.execute("DROP TRIGGER log_leaf_no_update")
        connection.execute("UPDATE log_leaf SET entry = 'changed' WHERE position = 299")
        connection.execute(
            "CREATE TRIGGER log_leaf_no_update BEFORE UPDATE ON log_leaf "
            "BEGIN SELECT RAISE(ABORT, 'the log only grows'); END"
        )
        connection.commit()
    for place in (home.folder / "log").iterdir():
        shutil.rmtree(place) if place.is_dir() else place.unlink()
    with pytest.raises(HalfdoorError) as refusal, bootstrap.writing(home, limits=LIMITS):
        pass
    assert refusal.value.code == "log-damaged"
    assert not (home.folder / "log" / "checkpoint").exists()
