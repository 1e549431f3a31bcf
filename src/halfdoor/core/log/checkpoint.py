"""Checkpoints (C2SP tlog-checkpoint 1.0.0): the note text that states a log's origin, size and root."""

from __future__ import annotations

import re

import msgspec

from halfdoor.core.errors import VerificationError
from halfdoor.core.log.merkle import EMPTY_ROOT, HASH_BYTES
from halfdoor.core.log.note import decode_base64, encode_base64

SIZE_MAX = 2**63 - 1
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(msgspec.Struct, frozen=True):
    """The tree of `size` leaves of the log `origin` has this root. `extensions`: further lines, opaque."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The note text."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a note. Raises VerificationError `bad-checkpoint`."""
    if not text.endswith("\n"):
        raise _bad("its last line is cut off")
    lines = text[:-1].split("\n")
    if len(lines) < 3 or not all(lines):  # noqa: PLR2004  origin, size, root
        raise _bad("it has fewer than three lines, or an empty one")
    origin, decimal, encoded, *extensions = lines
    size = parse_decimal(decimal)
    root = decode_base64(encoded)
    if size is None:
        raise _bad(f"{decimal[:30]!r} is no tree size")
    if root is None or len(root) != HASH_BYTES:
        raise _bad("its third line is no root hash")
    if size == 0 and root != EMPTY_ROOT:
        raise _bad("a tree of no entries has another root")
    return Checkpoint(origin, size, root, tuple(extensions))


def parse_decimal(text: str) -> int | None:
    """A number without leading zeroes, at most 2^63 - 1, or None."""
    if not _DECIMAL.fullmatch(text):
        return None
    number = int(text)
    return number if number <= SIZE_MAX else None


def _bad(why: str) -> VerificationError:
    return VerificationError("bad-checkpoint", f"this is no checkpoint: {why}")
