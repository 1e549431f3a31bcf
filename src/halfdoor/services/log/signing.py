"""What the log signs with: note keys (one, or two while one takes over from another) and the receipt key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import HalfdoorError, VerificationError
from halfdoor.core.log.checkpoint import Checkpoint, parse_checkpoint
from halfdoor.core.log.keys import VerifierKey, verify_note
from halfdoor.core.log.note import Note, Signature, parse_note
from halfdoor.ports import Signer

if TYPE_CHECKING:
    from halfdoor.core.log.merkle import Frontier


class LogUnavailable(HalfdoorError):  # noqa: N818  a state, not a mistake
    """The log takes nothing at the moment, so what needs it does not happen. Exit code 1."""

    exit_code = 1


class NoteKey(msgspec.Struct, frozen=True):
    """A key that signs checkpoints: how others verify it, and what signs."""

    verifier: VerifierKey
    signer: Signer


def signed_checkpoint(origin: str, frontier: Frontier, keys: tuple[NoteKey, ...]) -> bytes:
    """The checkpoint of this tree, signed by every key. Raises as `Signer.sign`."""
    text = Checkpoint(origin, frontier.size, frontier.root()).text()
    message = text.encode()
    return Note(
        text,
        tuple(Signature(key.verifier.name, key.verifier.key_id, key.signer.sign(message)) for key in keys),
    ).encode()


def own_checkpoint(data: bytes, origin: str, keys: tuple[VerifierKey, ...], place: str) -> Checkpoint:
    """A checkpoint that this log signed itself, kept at `place`.

    Raises VerificationError `log-damaged` where it is of another log, or of nobody.
    """
    try:
        note = parse_note(data)
        verify_note(note, keys)
        checkpoint = parse_checkpoint(note.text)
    except VerificationError as error:
        remedy = "is it the right key? If so, the checkpoint was changed: run `halfdoor home check`"
        raise VerificationError("log-damaged", error.message, where=place, remedy=remedy) from error
    if checkpoint.origin != origin:
        message = f"this is a checkpoint of {checkpoint.origin}, not of {origin}"
        raise VerificationError("log-damaged", message, where=place)
    return checkpoint
