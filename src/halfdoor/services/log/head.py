"""What a checkpoint says, who signed it, who witnessed it, and whether it extends an earlier one."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.audit import Fault
from halfdoor.core.log.checkpoint import Checkpoint, parse_checkpoint
from halfdoor.core.log.keys import Kind, Signed, verify_note
from halfdoor.core.log.note import Note, parse_note
from halfdoor.core.log.proven import check_extends
from halfdoor.core.log.quorum import Quorum
from halfdoor.core.log.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halfdoor.services.log.reading import LogReader

CHECKPOINT = "checkpoint"
SINCE = "--since"
FUTURE_MINUTES_MAX = 10  # clocks differ
_SINCE_MESSAGES = {
    "not-consistent": "the log does not extend the earlier checkpoint",
    "bad-signature": "the earlier checkpoint",
    "not-signed": "the earlier checkpoint",
}


class Signer(msgspec.Struct, frozen=True):
    """Who signed: the key's name and ID (hexadecimal), and when, where its signature says so."""

    name: str
    key_id: str
    at: dt.datetime | None = None


class Asked(msgspec.Struct, frozen=True):
    """What to hold a log against. `since`: an earlier checkpoint; `quorum`: whose cosignatures are enough."""

    trust: Trust
    since: bytes | None = None
    quorum: Quorum | None = None


def read_checkpoint(data: bytes) -> tuple[Note, Checkpoint]:
    """A checkpoint as it is published. Raises VerificationError `bad-note`, `bad-checkpoint`."""
    note = parse_note(data)
    return note, parse_checkpoint(note.text)


class Head:
    """What a checkpoint says and who stands for it; gathers what is wrong with that."""

    def __init__(self, note: Note, checkpoint: Checkpoint, asked: Asked, now: dt.datetime) -> None:
        self.checkpoint = checkpoint
        self.faults: list[Fault] = []
        self._asked = asked
        self._now = now
        self._keys = asked.trust.of(checkpoint.origin)
        self.signed = self._signed(note)
        self.witnesses = self._witnesses(note)
        self._check_times([*self.signed, *self.witnesses])

    def _signed(self, note: Note) -> list[Signed]:
        if not self._keys:
            message = "whose log this is was not proven: no key was given"
            self.faults.append(Fault("unproven-origin", CHECKPOINT, message))
            return []
        try:
            return verify_note(note, self._keys)
        except VerificationError as error:
            self.faults.append(Fault(error.code, CHECKPOINT, error.message))
            return []

    def _witnesses(self, note: Note) -> list[Signed]:
        quorum = self._asked.quorum
        if quorum is None:
            return []
        logs = {party.key.public for party in quorum.logs}
        if logs and self.signed and not logs & {one.key.public for one in self.signed}:
            message = "it is signed by a key that the policy's log lines do not have"
            self.faults.append(Fault("not-signed", CHECKPOINT, message))
        try:
            return quorum.check(note)
        except VerificationError as error:
            self.faults.append(Fault(error.code, CHECKPOINT, error.message))
            return []

    def _check_times(self, signed: Iterable[Signed]) -> None:
        latest = self._now + dt.timedelta(minutes=FUTURE_MINUTES_MAX)
        for one in signed:
            at = time_of(one)
            if at and at > latest:
                message = f"{one.key.name} signed at {at:%Y-%m-%d %H:%M} UTC, which is still to come"
                self.faults.append(Fault("from-the-future", CHECKPOINT, message))

    def check_since(self, since: tuple[Note, Checkpoint], reader: LogReader) -> int | None:
        """The size of the earlier checkpoint where this log extends it."""
        note, earlier = since
        if earlier.origin != self.checkpoint.origin:
            message = f"the earlier checkpoint is of another log, {earlier.origin}"
            self.faults.append(Fault("not-consistent", SINCE, message))
            return None
        try:
            if self._keys:
                verify_note(note, self._keys)
            check_extends(self.checkpoint, earlier, reader.tile)
        except VerificationError as error:
            unknown = "it cannot be told whether the log extends the earlier checkpoint"
            message = f"{_SINCE_MESSAGES.get(error.code, unknown)}: {error.message}"
            self.faults.append(Fault(error.code, SINCE, message))
            return None
        return earlier.size


def parse_since(data: bytes) -> tuple[Note, Checkpoint]:
    """An earlier checkpoint that somebody kept. Raises InputError `bad-since`."""
    try:
        return read_checkpoint(data)
    except VerificationError as error:
        remedy = "keep the log's `checkpoint` file as it was served"
        raise InputError("bad-since", error.message, where=SINCE, remedy=remedy) from error


def time_of(signed: Signed) -> dt.datetime | None:
    """When a signature was made, where it says so; the last moment there is where it claims a later one."""
    if signed.time is None:
        return None
    seconds = signed.time / 1000 if signed.key.kind is Kind.TREE_HEAD else signed.time
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return dt.datetime.max.replace(tzinfo=dt.UTC)


def signers(signed: Iterable[Signed]) -> tuple[Signer, ...]:
    """The same, for people and programs."""
    return tuple(Signer(one.key.name, one.key.key_id.hex(), time_of(one)) for one in signed)
