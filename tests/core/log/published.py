"""What others published, read from published.toml."""

import tomllib
from pathlib import Path
from types import SimpleNamespace

from halfdoor.core.log.keys import parse_verifier_key
from halfdoor.core.log.note import parse_note

TEXT = Path(__file__).with_name("published.toml").read_text(encoding="utf-8")
PUBLISHED = {name: SimpleNamespace(**table) for name, table in tomllib.loads(TEXT).items()}
WITH_KEY = [name for name, one in PUBLISHED.items() if hasattr(one, "key")]
SIGNED = [name for name in WITH_KEY if hasattr(PUBLISHED[name], "note")]


def key_of(name):
    return parse_verifier_key(PUBLISHED[name].key)


def note_of(name):
    return parse_note(PUBLISHED[name].note.encode())
