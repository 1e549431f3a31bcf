"""`make bench`: how long Halfdoor takes, beside what it ought to take. Ratios, so that machines compare.

Each table is measured in a process of its own, and what a user would start in a fresh one, several times.
Exit code 0 unless something does not run or gives a wrong answer: a busy machine is no reason to fail.

python benchmarks/bench.py [--runs N] [TABLE …]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
TABLES = ("commands", "frontiers", "rates", "logs", "gates")


def main() -> int:
    """Print the tables as they are done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tables", nargs="*", default=TABLES, metavar="TABLE", help=", ".join(TABLES))
    parser.add_argument("--runs", type=int, default=3, help="how often each thing is measured (default 3)")
    args = parser.parse_args()
    # One core for all, ours and peers; numpy reads these when it is first imported.
    one_core = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    for name in args.tables:
        command = [sys.executable, str(HERE / f"{name}.py"), f"--runs={args.runs}"]
        ended = subprocess.run(command, check=False, env={**os.environ, **one_core})
        if ended.returncode:
            return ended.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
