"""The log: durable appends beside the disk and SQLite themselves, and a log of a million entries.

Everything is measured in one run on one disk, ours and what it stands beside in turn, and the medians of the
runs are compared: an fdatasync here may take a hundredth of what it takes on another machine.
"""

from __future__ import annotations

import datetime as dt
import gc
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from measured import Row, runs_asked, table

from halfdoor.adapters.log_source import FolderSource
from halfdoor.bootstrap.log import begin_log, verifier_keys, writing
from halfdoor.core.log.entry import encode_entry
from halfdoor.core.log.events.access import FileBegun
from halfdoor.core.log.events.base import SCHEMA, new_id
from halfdoor.core.log.trust import Trust
from halfdoor.services.home import prepare_home
from halfdoor.services.log.audit import Effort
from halfdoor.services.log.head import Asked
from halfdoor.services.log.prove import open_log
from halfdoor.services.log.verify import verify_log
from halfdoor.services.log.writer import Limits
from halfdoor.store.log import New

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from halfdoor.services.home import Home
    from halfdoor.services.log.writer import LogWriter
    from halfdoor.store.log import Head

ROOT = Path(__file__).parents[1]  # a disk, which a temporary folder may not be
ROW_BYTES = 300
FLUSHES, SINGLE_ROWS = 1000, 1000
OFFERED = {1000: 3000, 5000: 15_000}  # a second -> how many in all
SATURATED = 100_000
MILLION = 1_000_000
PROOFS = 2000
SLOW_FLUSH_US = 2000
SLOWED = "HALFDOOR_BENCH_SLOWED"
FLUSHES_PER_BATCH = 2  # the log's own database, and the second store

# The goals.
APPENDS_MIN = 50  # times single-row commits
LATENCY_MAX = 5  # times one fdatasync, at 1,000 a second
PROVE_MS_MAX = 1.0
VERIFY_MAX = 5  # times the hashes of the leaves alone


class Load(NamedTuple):
    """What waiting callers saw: milliseconds from arrival to durable, and entries for each batch."""

    p50: float
    p99: float
    entries_per_batch: float


def entries(count: int) -> list[bytes]:
    """Entries as a hub writes most: one file delivered."""
    draw = random.Random(7)
    at = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    made = []
    for number in range(count):
        event = FileBegun(
            schema=SCHEMA,
            at=at + dt.timedelta(milliseconds=number),
            delivery=new_id("dlv", draw.getrandbits(130)),
            grant=new_id("grt", draw.getrandbits(130)),
            version=new_id("ver", draw.getrandbits(130)),
            item="base:final-parameters",
            file=f"sha256:{draw.getrandbits(256):064x}",
        )
        made.append(encode_entry(event))
    return made


def durable(folder: Path, runs: int) -> list[Row]:
    """Appends beside the disk's own flush and SQLite's own commit."""
    home = _home(folder / "home")
    some = entries(max(*OFFERED.values(), SATURATED))
    flushes: list[float] = []
    single: list[float] = []
    rates: list[float] = []
    loads: dict[int, list[Load]] = {rate: [] for rate in OFFERED}
    for _ in range(runs):
        flushes.append(_flush_ms(folder))
        single.append(_single_rows(folder))
        for rate, count in OFFERED.items():
            loads[rate].append(_offered(home, some[:count], rate))
        rates.append(_saturated(home, some))
    flush, rows = statistics.median(flushes), statistics.median(single)
    table_rows = [
        Row(f"one fdatasync of {ROW_BYTES} bytes, p50", f"{flush:.2f} ms"),
        Row("SQLite, one row for each durable commit", f"{rows:,.0f}/s"),
    ]
    for rate in OFFERED:
        p50, p99, batch = (statistics.median(column) for column in zip(*loads[rate], strict=True))
        is_goal = rate == min(OFFERED)
        ratio = p50 / flush
        table_rows += [
            Row(
                f"at {rate:,}/s: p50, beside one fdatasync",
                f"{p50:.2f} ms, {ratio:.1f} ×",
                f"≤ {LATENCY_MAX} ×" if is_goal else "",
                ratio <= LATENCY_MAX or not is_goal,
            ),
            Row(f"at {rate:,}/s: p99", f"{p99:.1f} ms"),
            Row(f"at {rate:,}/s: appends for each flush", f"{batch / FLUSHES_PER_BATCH:.1f}"),
        ]
    appends = statistics.median(rates)
    ratio = appends / rows
    return [
        *table_rows,
        Row(
            "as many as come: appends, beside single rows",
            f"{appends:,.0f}/s, {ratio:.1f} ×",
            f"≥ {APPENDS_MIN} ×",
            ratio >= APPENDS_MIN,
        ),
    ]


def _home(folder: Path) -> Home:
    home = prepare_home(folder, "bench.example/log", database=None, latest=None, secret=None)
    begin_log(home)
    return home


def _flush_ms(folder: Path) -> float:
    descriptor = os.open(folder / "flushed", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    times = []
    for _ in range(FLUSHES):
        started = time.perf_counter()
        os.write(descriptor, b"x" * ROW_BYTES)
        os.fdatasync(descriptor)
        times.append(time.perf_counter() - started)
    os.close(descriptor)
    return statistics.median(times) * 1e3


def _single_rows(folder: Path) -> float:
    """Commits a second of the bare driver, as durable as ours."""
    connection = sqlite3.connect(folder / "single.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS leaf (position INTEGER PRIMARY KEY, entry BLOB)")
    started = time.perf_counter()
    for _ in range(SINGLE_ROWS):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO leaf (entry) VALUES (?)", (b"x" * ROW_BYTES,))
        connection.execute("COMMIT")
    seconds = time.perf_counter() - started
    connection.close()
    return SINGLE_ROWS / seconds


def _offered(home: Home, offered: list[bytes], rate: int) -> Load:
    """Arrivals at a steady rate, whether or not earlier ones are done. Times count from when each was due."""
    late: list[float] = []
    waiting: list[Future[int]] = []

    with _counting(home) as (writer, batches), _no_collection():
        begun = time.perf_counter()
        for number, entry in enumerate(offered):
            due = begun + number / rate
            while (now := time.perf_counter()) < due:
                time.sleep(due - now)
            waiting.append(writer.submit([New(entry)]))
            waiting[-1].add_done_callback(partial(_done, late, due))
        waiting[-1].result()
        count = batches()
    late.sort()
    return Load(late[len(late) // 2] * 1e3, late[int(len(late) * 0.99)] * 1e3, len(offered) / max(count, 1))


def _done(late: list[float], due: float, _: Future[int]) -> None:
    late.append(time.perf_counter() - due)


def _saturated(home: Home, offered: list[bytes]) -> float:
    """Appends a second, each with a caller of its own who waits, as many as the queue takes."""
    with _counting(home) as (writer, _), _no_collection():
        begun = time.perf_counter()
        waiting = [writer.submit([New(entry)]) for entry in offered]
        for one in waiting:
            one.result()
        return len(offered) / (time.perf_counter() - begun)


class _counting:  # noqa: N801  used like a function
    """A writer, and how many batches it has made durable."""

    def __init__(self, home: Home) -> None:
        self._writing = writing(home, limits=Limits(free_bytes_min=1))

    def __enter__(self) -> tuple[LogWriter, Callable[[], int]]:
        writer = self._writing.__enter__()
        store, batches = writer._store, [0]  # noqa: SLF001  to count what it does, unchanged
        commit = store.commit

        def counted(before: Head, after: Head, added: Sequence[New]) -> None:
            batches[0] += 1
            commit(before, after, added)

        store.commit = counted  # type: ignore[method-assign]  # the same method, counted
        return writer, lambda: batches[0]

    def __exit__(self, *error: object) -> None:
        self._writing.__exit__(None, None, None)


class _no_collection:  # noqa: N801  used like a function
    """The garbage of this harness, thousands of futures, is not collected while it measures."""

    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *error: object) -> None:
        gc.enable()


def million(folder: Path, runs: int) -> list[Row]:
    """A log of a million entries: written, proved, verified, weighed."""
    home, made = _home(folder / "million"), entries(MILLION)
    begun = time.perf_counter()
    with writing(home, limits=Limits(free_bytes_min=1)) as writer:
        thousands = range(0, MILLION, 1000)
        waiting = [writer.submit([New(entry) for entry in made[at : at + 1000]]) for at in thousands]
        waiting[-1].result()
        appended = time.perf_counter() - begun
    published = time.perf_counter() - begun
    source = FolderSource(home.place(home.settings.public))
    return [
        Row(f"{MILLION:,} entries: appended in thousands", f"{MILLION / appended:,.0f}/s"),
        Row("… and published", f"{published:.0f} s"),
        *_weighed(home, sum(map(len, made))),
        *_proved(source),
        *_verified(source, home, made, runs),
    ]


def _weighed(home: Home, raw: int) -> list[Row]:
    def on_disk(place: Path) -> int:
        files = place.rglob("*") if place.is_dir() else [place]
        return sum(file.stat().st_blocks * 512 for file in files if file.is_file())

    rows = [Row("bytes for each entry: the entry itself", f"{raw / MILLION:.0f}")]
    for what, place in (("database", home.folder / "halfdoor.db"), ("public files", home.folder / "log")):
        rows.append(Row(f"bytes for each entry on disk: {what}", f"{on_disk(place) / MILLION:.0f}"))
    return rows


def _proved(source: FolderSource) -> list[Row]:
    """Proofs of random entries from the public files, each checked against the root first."""
    log, draw, times = open_log(source), random.Random(3), []
    for _ in range(PROOFS):
        index = draw.randrange(log.checkpoint.size)
        started = time.perf_counter()
        log.prove(index)
        times.append((time.perf_counter() - started) * 1e3)
    times.sort()
    p50 = times[len(times) // 2]
    return [
        Row("prove a random entry, p50", f"{p50:.2f} ms", f"≤ {PROVE_MS_MAX:g} ms", p50 <= PROVE_MS_MAX),
        Row("prove a random entry, p99", f"{times[int(len(times) * 0.99)]:.2f} ms"),
    ]


def _verified(source: FolderSource, home: Home, made: list[bytes], runs: int) -> list[Row]:
    asked = Asked(trust=Trust(keys=verifier_keys(home)))
    ratios, alone, ours = [], [], []
    for _ in range(runs):
        started = time.perf_counter()
        for entry in made:
            sha256(b"\x00" + entry).digest()
        alone.append(time.perf_counter() - started)
        started = time.perf_counter()
        effort = Effort(processes=os.cpu_count() or 1)
        found = verify_log(source, asked, now=dt.datetime.now(dt.UTC), effort=effort)
        ours.append(time.perf_counter() - started)
        if not found.verified or found.entries.faults:
            sys.exit("our own log does not verify")
        ratios.append(ours[-1] / alone[-1])
    ratio = statistics.median(ratios)
    return [
        Row("SHA-256 of the leaves alone", f"{statistics.median(alone):.2f} s"),
        Row(
            "verify the whole log, schema of every entry included",
            f"{statistics.median(ours):.1f} s, {ratio:.1f} ×",
            f"≤ {VERIFY_MAX} ×",
            ratio <= VERIFY_MAX,
        ),
    ]


def slowed(runs: int) -> None:
    """The first table again in a process each of whose flushes strace holds up, as a disk does that flushes.

    The disk under a virtual machine often acknowledges a flush out of its memory; what a real one costs is
    what batches are for.
    """
    strace = shutil.which("strace")
    if strace is None:
        print(f"Not measured with flushes of {SLOW_FLUSH_US // 1000} ms: strace is not there.\n")
        return
    calls = "fdatasync,fsync"
    inject = f"inject={calls}:delay_exit={SLOW_FLUSH_US}"
    held_up = [strace, "-f", "--seccomp-bpf", "-q", "-o", os.devnull, "-e", f"trace={calls}", "-e", inject]
    own = [sys.executable, __file__, f"--runs={runs}"]
    subprocess.run([*held_up, *own], check=True, env={**os.environ, SLOWED: "1"})


if __name__ == "__main__":
    asked_runs = runs_asked()
    title = (
        f", every flush held up by {SLOW_FLUSH_US // 1000} ms" if SLOWED in os.environ else ", on this disk"
    )
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as scratch:
        print(table(f"The log: durable appends{title}", durable(Path(scratch), asked_runs)), flush=True)
    if SLOWED not in os.environ:
        slowed(asked_runs)
        with tempfile.TemporaryDirectory(dir=ROOT, prefix=".bench-") as scratch:
            print(table("The log: a million entries", million(Path(scratch), asked_runs)))
