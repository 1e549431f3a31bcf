"""What a log asks of a witness, and what a witness decides (C2SP tlog-witness 1.0.0).

old <size>
<hash of a consistency proof, base64>…

<checkpoint>
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import HalfdoorError, VerificationError
from halfdoor.core.log.checkpoint import Checkpoint, parse_checkpoint, parse_decimal
from halfdoor.core.log.keys import VerifierKey, verify_note
from halfdoor.core.log.merkle import EMPTY_ROOT, HASH_BYTES, verify_consistency
from halfdoor.core.log.note import Note, decode_base64, encode_base64, parse_note

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

HASHES_MAX = 63
PATH = "add-checkpoint"
SIZE_TYPE = "text/x.tlog.size"
REQUEST_BYTES_MAX = 262_144  # signatures of ML-DSA-44 are 3.3 kB each


class Request(msgspec.Struct, frozen=True):
    """Please cosign: the checkpoint extends the tree of `old` entries, as the proof shows."""

    old: int
    proof: tuple[bytes, ...]
    checkpoint: Note

    def encode(self) -> bytes:
        """The body of the request."""
        lines = [f"old {self.old}", *(encode_base64(one) for one in self.proof), ""]
        return "".join(f"{line}\n" for line in lines).encode() + self.checkpoint.encode()


class Seen(msgspec.Struct, frozen=True):
    """The tree of a log that a witness cosigned last."""

    size: int
    root: bytes


NOTHING_SEEN = Seen(0, EMPTY_ROOT)


class Refusal(HalfdoorError):  # noqa: N818  an answer, not a failure
    """A witness does not cosign, and the code says why.

    `bad-request`, `unknown-log`, `not-signed`, `bad-proof`; `forked`: it cosigned another tree of this size.
    """

    exit_code = 1


class WitnessConflict(Refusal):
    """The witness saw another tree than the one the request starts from; `size` is that of its own."""

    def __init__(self, size: int) -> None:
        """`size`: of the tree that the witness cosigned last."""
        super().__init__("witness-conflict", f"the witness has last cosigned a tree of {size} entries")
        self.size = size


def parse_request(data: bytes) -> Request:
    """Read the body of a request. Raises Refusal `bad-request`."""
    head, separator, below = data.partition(b"\n\n")
    lines = head.decode("latin-1").split("\n")
    if not separator or len(data) > REQUEST_BYTES_MAX:
        raise _bad_request("no checkpoint follows an empty line, or it is too long")
    old = parse_decimal(lines[0].removeprefix("old ")) if lines[0].startswith("old ") else None
    if old is None:
        raise _bad_request("it does not begin with an old size")
    hashes = [decode_base64(line) for line in lines[1:]]
    proof = tuple(one for one in hashes if one is not None and len(one) == HASH_BYTES)
    if len(proof) != len(hashes) or len(proof) > HASHES_MAX:
        raise _bad_request("a line of the proof is no hash, or there are too many")
    try:
        note = parse_note(below)
        parse_checkpoint(note.text)
    except VerificationError as error:
        raise _bad_request(error.message) from error
    return Request(old, proof, note)


def origin_of(request: Request, logs: Mapping[str, Sequence[VerifierKey]]) -> str:
    """Which known log the request is of, and signed by. Raises Refusal `unknown-log`, `not-signed`."""
    origin = parse_checkpoint(request.checkpoint.text).origin
    if origin not in logs:
        raise Refusal("unknown-log", "this witness does not know the log of this origin")
    try:
        verify_note(request.checkpoint, logs[origin])
    except VerificationError as error:
        raise Refusal("not-signed", error.message) from error
    return origin


def admitted(request: Request, seen: Seen) -> Checkpoint:
    """The checkpoint of a request that was found to be of a known log, where it extends what was seen.

    Raises WitnessConflict, Refusal `bad-request`, `forked`, `bad-proof`.
    """
    checkpoint = parse_checkpoint(request.checkpoint.text)
    if request.old > checkpoint.size:
        raise _bad_request("the old size is larger than the checkpoint's")
    if request.old != seen.size:
        raise WitnessConflict(seen.size)
    if request.old == checkpoint.size and checkpoint.root != seen.root:
        raise Refusal("forked", f"this witness has cosigned another tree of {seen.size} entries")
    try:
        _check_proof(request, seen, checkpoint)
    except VerificationError as error:
        raise Refusal("bad-proof", error.message) from error
    return checkpoint


def _check_proof(request: Request, seen: Seen, checkpoint: Checkpoint) -> None:
    """From nothing there is nothing to prove, and RFC 6962 has no proof for it: it must be empty."""
    if request.old:
        verify_consistency(request.old, checkpoint.size, seen.root, checkpoint.root, request.proof)
    elif request.proof:
        raise VerificationError("not-consistent", "a proof from an empty tree must be empty")


def _bad_request(why: str) -> Refusal:
    return Refusal("bad-request", f"this is no request to a witness: {why}")
