"""Write docs/reference from the code: JSON Schemas, events of the log, the API, what commands say.

tools/write_reference.py [FOLDER]     (default: docs/reference; `make docs`)
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import msgspec

from halfdoor.cli.main import COMMANDS
from halfdoor.cli.parser import Parser
from halfdoor.core.assessment import Assessment
from halfdoor.core.log.entry import ENTRY, EVENTS
from halfdoor.core.log.events.base import PREFIXES, Committed, Event
from halfdoor.core.model.dossier import Dossier
from halfdoor.core.policy.document import Policy
from halfdoor.core.risk.document import References, RiskModel
from halfdoor.core.risk.experts.questionnaire import Questionnaire, Questions, Truths
from halfdoor.settings import Settings
from halfdoor.web.api.table import document

ROOT = Path(__file__).parents[1]

DOCUMENTS: dict[str, Any] = {
    "dossier": Dossier,
    "risk-model": RiskModel,
    "policy": Policy,
    "references": References,
    "assessment": Assessment,
    "questionnaire": Questionnaire,
    "calibration": Questions,
    "truths": Truths,
    "settings": Settings,
    "entry": ENTRY,
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


EVENTS_HEAD = """\
# Events of the log

What an entry of the log may be. Written by `make docs`; as a schema: [entry.schema.json](entry.schema.json).

An entry is the canonical JSON (RFC 8785) of one of these events, at most 65,535 bytes. The set is closed:
another event, another field, another order of keys, a space, a key that stands twice is a fault. No field
holds free text.

Every entry has `schema` (`halfdoor/entry/1`), `event`, and `at` (UTC). It may have `by` (the id of who did
it; absent where the application itself did) and `commitments`: what is personal, each as the SHA-256 of the
canonical JSON of `[name, salt, value]`, with 32 random bytes as salt, in hexadecimal. What a commitment may
be about: {committed}.

Digests are `sha256:` and 64 hexadecimal digits. Ids are a kind and 26 random characters:

{kinds}
"""


def events_page() -> str:
    """Every event, what it means, and its fields."""
    committed = ", ".join(f"`{name}`" for name in get_args(Committed))
    rows = [f"| `{prefix}_…` | {kind} |" for prefix, kind in PREFIXES.items()]
    kinds = "\n".join(["| id | of |", "|---|---|", *rows])
    parts = [EVENTS_HEAD.format(committed=committed, kinds=kinds)]
    area = ""
    for tag, kind in sorted(EVENTS.items()):
        if area != (area := tag.partition(":")[0]):
            parts += [f"## {area}", ""]
        parts += [f"### {tag}", "", (kind.__doc__ or "").strip(), ""]
        fields = [
            field for field in msgspec.structs.fields(kind) if field.name not in Event.__struct_fields__
        ]
        if fields:
            schema = msgspec.json.schema(kind)["$defs"][kind.__name__]["properties"]
            parts += ["| field | holds | |", "|---|---|---|"]
            parts += [_field_row(field, schema[field.name]) for field in fields]
            parts.append("")
    return "\n".join(parts)


def _field_row(field: msgspec.structs.FieldInfo, schema: dict[str, Any]) -> str:
    absent = "" if field.required else "may be absent"
    return f"| `{field.name}` | {_holds(schema)} | {absent} |"


def _holds(schema: dict[str, Any]) -> str:
    """A field's values in words."""
    options = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    (one,) = options
    if "enum" in one:
        return "one of " + ", ".join(f"`{value}`" for value in one["enum"])
    if one["type"] == "integer":
        return "a whole number"
    if one["type"] == "array":
        return f"1 to {one['maxItems']} of: {_holds(one['items'])}"
    if one.get("format") == "date-time":
        return "a time, UTC"
    if one.get("format") == "date":
        return "a day"
    pattern = one["pattern"]
    if pattern[1:4] in PREFIXES:
        return f"`{pattern[1:4]}_…`"
    words = {
        "^sha256": "a digest",
        "^[0-9a-f]{8}": "the ID of a note key",
        "^(?:[A-Z": "an item",
        "^[a-z][a-z0": "a group",
    }
    return next(word for start, word in words.items() if pattern.startswith(start))


def control_api() -> str:
    """The control API as an OpenAPI document."""
    return json.dumps(msgspec.to_builtins(document()), indent=1, ensure_ascii=False) + "\n"


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
    pages = (
        ("log-events.md", events_page),
        ("commands.md", commands_page),
        ("control-api.json", control_api),
    )
    for name, page in pages:
        written.append(folder / name)
        written[-1].write_text(page(), encoding="utf-8")
    return written


if __name__ == "__main__":
    for path in write(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "reference"):
        print(path)
