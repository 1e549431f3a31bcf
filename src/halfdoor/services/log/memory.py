"""What a watcher keeps on the disk: the checkpoint last seen at each place, and evidence of forks."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.log.following import Kept
from halfdoor.readers.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from halfdoor.core.log.checkpoint import Checkpoint

STATE_BYTES_MAX = 4_000_000
EVIDENCE = "evidence"
_LOCK = "lock"


class Memory:
    """A folder with one file for each place. `locked` keeps other watchers out of it."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made where there is none. Raises InputError `cannot-write`."""
        self._folder = folder
        self._evidence = folder / EVIDENCE
        try:
            self._evidence.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _cannot_write(folder, error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone with the folder. Raises InputError `in-use`, `cannot-write`."""
        try:
            stream = (self._folder / _LOCK).open("ab")
        except OSError as error:
            raise _cannot_write(self._folder, error) from error
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                message = "another watch keeps its state here"
                remedy = "wait for it, or give each its own --state"
                raise InputError("in-use", message, where=str(self._folder), remedy=remedy) from error
            yield

    def load(self, place: str) -> Kept:
        """What is known of a place. Raises InputError `bad-state`: it is never begun anew by itself."""
        path = self._path(place)
        try:
            with path.open("rb") as stream:
                kept = msgspec.json.decode(stream.read(STATE_BYTES_MAX), type=Kept)
        except FileNotFoundError:
            return Kept(place)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            remedy = "restore it from a backup; removing it forgets which checkpoint was seen last"
            raise InputError(
                "bad-state", f"cannot read what was seen: {error}", where=str(path), remedy=remedy
            ) from error
        return kept

    def save(self, kept: Kept) -> None:
        """Remember, durably. Raises InputError `cannot-write`."""
        path = self._path(kept.place)
        try:
            write_atomically(path, msgspec.json.format(msgspec.json.encode(kept)) + b"\n")
        except OSError as error:
            raise _cannot_write(path, error) from error

    def keep_evidence(self, checkpoint: Checkpoint, note: bytes) -> str:
        """Keep a signed checkpoint; where. Raises InputError `cannot-write`."""
        origin = sha256(checkpoint.origin.encode()).hexdigest()[:8]
        # Two notes may state one tree and be signed by different keys.
        signed = sha256(note).hexdigest()[:8]
        path = self._evidence / f"{origin}-{checkpoint.size}-{checkpoint.root.hex()[:16]}-{signed}.checkpoint"
        try:
            write_atomically(path, note)
        except OSError as error:
            raise _cannot_write(path, error) from error
        return str(path)

    def _path(self, place: str) -> Path:
        return self._folder / f"{sha256(place.encode()).hexdigest()[:16]}.json"


def _cannot_write(path: Path, error: OSError) -> InputError:
    return InputError("cannot-write", f"cannot write it: {error.strerror}", where=str(path))
