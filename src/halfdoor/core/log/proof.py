"""Proofs that a file holds (C2SP tlog-proof): an entry stands in a log, and who vouches for the tree.

Extra data are not authenticated by anything: a reader must not rely on them.
"""

from __future__ import annotations

import msgspec

from halfdoor.core.errors import VerificationError
from halfdoor.core.log.checkpoint import Checkpoint, parse_checkpoint, parse_decimal
from halfdoor.core.log.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from halfdoor.core.log.note import Note, decode_base64, encode_base64, parse_note

HEAD = "c2sp.org/tlog-proof@v1"
HASHES_MAX = 63
BYTES_MAX = 1_000_000


class Proof(msgspec.Struct, frozen=True):
    """The entry at `index` (from 0) and its siblings' hashes up to the root that `checkpoint` states."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: Note
    extra: bytes | None = None

    def encode(self) -> bytes:
        """The file, to be named `*.tlog-proof`."""
        lines = [HEAD]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [encode_base64(one) for one in self.hashes]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint.encode()

    def verify(self, entry: bytes) -> Checkpoint:
        """The entry is in the tree that the checkpoint states; who signed that is for `verify_note` to say.

        Returns the checkpoint. Raises VerificationError `not-included` or `bad-checkpoint`.
        """
        checkpoint = parse_checkpoint(self.checkpoint.text)
        leaf = leaf_hash(entry)
        verify_inclusion(self.index, checkpoint.size, leaf, self.hashes, checkpoint.root)
        return checkpoint


def parse_proof(data: bytes) -> Proof:
    """Read a proof. Raises VerificationError `bad-proof` or `bad-note`."""
    head, separator, below = data.partition(b"\n\n")
    if len(data) > BYTES_MAX or not separator:
        raise _bad("no checkpoint follows an empty line")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise _bad("it holds other than ASCII characters") from error
    if lines.pop(0) != HEAD:
        raise _bad(f"it does not begin with {HEAD}")
    extra = None
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "))
        if extra is None:
            raise _bad("its extra data are not base64")
    index = parse_decimal(lines.pop(0).removeprefix("index ")) if lines and lines[0][:6] == "index " else None
    if index is None:
        raise _bad("it states no index")
    hashes = [decode_base64(line) for line in lines]
    found = tuple(one for one in hashes if one is not None and len(one) == HASH_BYTES)
    if len(found) != len(lines) or len(found) > HASHES_MAX:
        raise _bad("a line is no hash, or there are too many")
    return Proof(index, found, parse_note(below), extra)


def _bad(why: str) -> VerificationError:
    return VerificationError("bad-proof", f"this is no proof of inclusion: {why}")
