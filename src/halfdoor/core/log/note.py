"""Signed notes (C2SP signed-note 1.0.0): a text, an empty line, and lines of signatures.

— <key name> base64(key ID (4 bytes) || signature)
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Iterable

NOTE_BYTES_MAX = 1_000_000
SIGNATURES_MAX = 100  # the specification asks for at least 16
KEY_ID_BYTES = 4
_DASH = "\u2014 "


class Signature(msgspec.Struct, frozen=True):
    """One line below the text: who signed, with which key, and the signature in that key's own encoding."""

    name: str
    key_id: bytes
    signature: bytes

    def line(self) -> str:
        """The line, with its newline."""
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.signature)}\n"


class Note(msgspec.Struct, frozen=True):
    """A text and who signed it. Nothing is verified yet. The text ends in a newline."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The note as it is published."""
        return (self.text + "\n" + "".join(one.line() for one in self.signatures)).encode()

    def with_signatures(self, more: Iterable[Signature]) -> Note:
        """This note with further signatures below; one of a key that signed already takes its place."""
        kept = {(one.name, one.key_id): one for one in (*self.signatures, *more)}
        return Note(self.text, tuple(kept.values()))


def parse_note(data: bytes) -> Note:
    """Read a note. Raises VerificationError `bad-note`."""
    if len(data) > NOTE_BYTES_MAX:
        raise _bad("it is too long")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad("it is not UTF-8") from error
    if any(character < " " and character != "\n" for character in text):
        raise _bad("it holds control characters")
    body, separator, below = text.rpartition("\n\n")
    if not separator:
        raise _bad("no empty line stands between text and signatures")
    return Note(body + "\n", parse_signatures(below))


def parse_signatures(text: str) -> tuple[Signature, ...]:
    """Read signature lines. Raises VerificationError `bad-note` where there is none, or something else."""
    if not text.endswith("\n"):
        raise _bad("the last line is cut off")
    lines = text[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise _bad(f"it has more than {SIGNATURES_MAX} signatures")
    return tuple(_signature(line) for line in lines)


def _signature(line: str) -> Signature:
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not separator or not is_key_name(name):
        raise _bad("a line below the text is no signature")
    raw = decode_base64(encoded)
    if raw is None or len(raw) <= KEY_ID_BYTES:
        raise _bad("a signature is not base64, or too short")
    return Signature(name, raw[:KEY_ID_BYTES], raw[KEY_ID_BYTES:])


def is_key_name(name: str) -> bool:
    """True for what may name a key: not empty, no space of any kind, no plus, no control character."""
    return bool(name) and not any(c.isspace() or c == "+" or c < " " for c in name)


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648 §4)."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str) -> bytes | None:
    """The bytes, or None unless this is exactly what `encode_base64` writes: one encoding for one value."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if encode_base64(data) == text else None


def _bad(why: str) -> VerificationError:
    return VerificationError("bad-note", f"this is no signed note: {why}")
