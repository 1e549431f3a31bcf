"""Write docs/reference from the code: a JSON Schema for each document, and what each command says of itself.

tools/write_reference.py [FOLDER]     (default: docs/reference; `make docs`)
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from halfdoor.cli.main import COMMANDS
from halfdoor.cli.parser import Parser
from halfdoor.core.assessment import Assessment
from halfdoor.core.model.dossier import Dossier
from halfdoor.core.policy.document import Policy
from halfdoor.core.risk.document import References, RiskModel
from halfdoor.core.risk.experts.questionnaire import Questionnaire, Questions, Truths

ROOT = Path(__file__).parents[1]

DOCUMENTS: dict[str, type[msgspec.Struct]] = {
    "dossier": Dossier,
    "risk-model": RiskModel,
    "policy": Policy,
    "references": References,
    "assessment": Assessment,
    "questionnaire": Questionnaire,
    "calibration": Questions,
    "truths": Truths,
}


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one document; TOML dates count as strings of format `date`."""
    schema = msgspec.json.schema(DOCUMENTS[name])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"halfdoor/{name}/1",
        "title": f"halfdoor/{name}/1",
        **schema,
    }


def commands_page() -> str:
    """`--help` of every command and subcommand, as a page."""
    parts = ["# Commands", "", "What `halfdoor COMMAND --help` prints (written by `make docs`).", ""]
    parts += ["```text", _help(), "```", ""]
    for name in COMMANDS:
        parts += [f"## halfdoor {name}", "", "```text", _help(name), "```", ""]
        for sub in _subcommands(name):
            parts += [f"### halfdoor {name} {sub}", "", "```text", _help(name, sub), "```", ""]
    return "\n".join(parts)


def _help(*command: str) -> str:
    """What a command prints, at a fixed width."""
    ended = subprocess.run(
        [sys.executable, "-m", "halfdoor", *command, "--help"],
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout.strip()


def _subcommands(name: str) -> list[str]:
    """The subcommands that a command's parser offers, in its order."""
    command = importlib.import_module(COMMANDS[name][0])
    parser = Parser(prog=name)
    command.configure(parser)
    return list(parser.subcommands())


def write(folder: Path) -> list[Path]:
    """Write every page of the reference into `folder`; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name in DOCUMENTS:
        text = json.dumps(schema_of(name), indent=1, ensure_ascii=False) + "\n"
        written.append(folder / f"{name}.schema.json")
        written[-1].write_text(text, encoding="utf-8")
    written.append(folder / "commands.md")
    written[-1].write_text(commands_page(), encoding="utf-8")
    return written


if __name__ == "__main__":
    for path in write(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "reference"):
        print(path)
