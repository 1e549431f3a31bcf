"""The command as a user runs it: start-up, hashing beside the system's own program, assessing."""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from measured import MEGABYTE, Row, median, run, runs_asked, table

from halfdoor.readers.digests import digest_files

ROOT = Path(__file__).parents[1]
CASES = ROOT / "src" / "halfdoor" / "library" / "cases"
HALFDOOR = [sys.executable, "-m", "halfdoor"]

# The goals.
START_UP_MAX = 6  # times an empty Python program
HASHING_MIN = 0.7  # times the throughput of the system's own program
HASHED_MEGABYTES = 600
ASSESS_SECONDS_MAX = 10
ASSESS_MEGABYTES_MAX = 1000


def start_up(runs: int) -> Row:
    """`halfdoor --help` beside an empty Python program."""
    empty = median(runs * 3, lambda: run([sys.executable, "-c", "pass"]).seconds)
    ours = median(runs * 3, lambda: run([*HALFDOOR, "--help"]).seconds)
    ratio = ours / empty
    return Row(
        "start-up: --help / python -c pass",
        f"{ratio:.1f} × ({ours * 1e3:.0f} ms)",
        f"≤ {START_UP_MAX} ×",
        ratio <= START_UP_MAX,
    )


def hashing(runs: int, megabytes: int) -> Row:
    """Throughput of our streamed SHA-256 beside the system's own program, on a file in the page cache."""
    tool = [shutil.which("sha256sum") or ""] if shutil.which("sha256sum") else ["shasum", "-a", "256"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.bin"
        block = os.urandom(MEGABYTE)
        with path.open("wb") as stream:
            for _ in range(megabytes):
                stream.write(block)
        expected = hashlib.sha256()
        for _ in range(megabytes):
            expected.update(block)

        def ours() -> float:
            started = time.perf_counter()
            found = digest_files(path.parent, [path.name], rehash=True)[path.name]
            seconds = time.perf_counter() - started
            if found.sha256 != f"sha256:{expected.hexdigest()}":
                sys.exit("our digest is wrong")
            return seconds

        theirs = median(runs, lambda: run([*tool, str(path)]).seconds)
        ratio = theirs / median(runs, ours)
    return Row(
        f"hashing: throughput / {Path(tool[0]).name} ({megabytes} MB)",
        f"{ratio:.2f} × ({megabytes / (theirs / ratio):.0f} MB/s)",
        f"≥ {HASHING_MIN:.2f} ×",
        ratio >= HASHING_MIN,
    )


def assessing(runs: int) -> list[Row]:
    """`halfdoor assess` at 20,000 draws on every shipped case, as of its release: time and peak memory."""
    rows = []
    for dossier in sorted(CASES.glob("*/halfdoor.toml")):
        released = tomllib.loads(dossier.read_text(encoding="utf-8"))["model"]["released"]
        options = ["--as-of", str(released), "--draws", "20000", "--json"]
        command = [*HALFDOOR, "assess", str(dossier.parent), *options]
        ended = [run(command, good=(0, 1)) for _ in range(runs)]
        seconds = statistics.median(e.seconds for e in ended)
        memory = statistics.median(e.megabytes for e in ended)
        name = f"assess {dossier.parent.name}, 20,000 draws"
        met = seconds <= ASSESS_SECONDS_MAX
        rows.append(Row(f"{name}: time", f"{seconds:.1f} s", f"≤ {ASSESS_SECONDS_MAX} s", met))
        met = memory <= ASSESS_MEGABYTES_MAX
        rows.append(Row(f"{name}: peak memory", f"{memory:.0f} MB", f"≤ {ASSESS_MEGABYTES_MAX} MB", met))
    if not rows:
        sys.exit(f"no case to assess in {CASES}")
    return rows


if __name__ == "__main__":
    asked = runs_asked()
    print(table("The command", [start_up(asked), hashing(asked, HASHED_MEGABYTES), *assessing(asked)]))
