"""What a measurement is: a row beside its goal, and a process that has ended."""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Row:
    """One measurement beside its goal; without one, `goal` stands empty."""

    what: str
    measured: str
    goal: str = ""
    met: bool = True


@dataclass(frozen=True)
class Ended:
    """A process that has ended: wall-clock seconds and peak resident memory in MB."""

    seconds: float
    megabytes: float


def runs_asked() -> int:
    """How often each thing is to be measured, from the command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    return int(parser.parse_args().runs)


def table(title: str, rows: Sequence[Row]) -> str:
    """Rows under a title, in columns."""
    width = [max(len(getattr(row, field)) for row in rows) for field in ("what", "measured", "goal")]
    lines = [
        f"  {row.what:<{width[0]}}  {row.measured:>{width[1]}}  {row.goal:>{width[2]}}"
        f"{'' if row.met else '  ← missed'}".rstrip()
        for row in rows
    ]
    return "\n".join([title, *lines, ""])


def run(command: Sequence[str], *, good: Sequence[int] = (0,)) -> Ended:
    """Run a command quietly and measure it. Raises SystemExit where its exit code is not among `good`."""
    started = time.perf_counter()
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        # wait4 reports this child's memory; RUSAGE_CHILDREN would report the largest of all.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in good:
            errors.seek(0)
            sys.exit(
                f"{' '.join(command)}: exit {process.returncode}\n{errors.read().decode(errors='replace')}"
            )
    unit = 1024 if sys.platform == "linux" else 1  # ru_maxrss: KiB on Linux, bytes on macOS
    return Ended(seconds, usage.ru_maxrss * unit / MEGABYTE)


def peak_megabytes() -> float:
    """The peak resident memory of this process.

    On Linux from the kernel's own count: what getrusage tells a process begins at its parent's peak.
    """
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text(encoding="utf-8").splitlines() if "VmHWM" in line)
        return int(peak.split()[1]) * 1024 / MEGABYTE
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MEGABYTE


def median(times: int, measure: Callable[[], float]) -> float:
    """The median of several measurements."""
    return statistics.median(measure() for _ in range(times))
