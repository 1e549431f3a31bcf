"""Blobs in a folder: `ab/cd…`, by digest, written beside and renamed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from halfdoor.adapters.log_folder import flush_folder
from halfdoor.core.errors import HalfdoorError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_BYTES = 1024 * 1024
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
# For their owner, and a group that a web server in front may belong to; no one else on the machine.
_FOLDER_MODE, _FILE_MODE = 0o750, 0o440
_FOLDER, _PARTIAL = re.compile(r"[0-9a-f]{2}"), ".partial-"


class BlobsFailed(HalfdoorError):  # noqa: N818  a state, as DatabaseFailed
    """Blobs could not be reached, read or written. Exit code 1."""

    exit_code = 1


class BlobFolder:
    """A folder of blobs (ports.Blobs)."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made at the first `put`."""
        self._folder = folder

    def has(self, digest: str) -> int | None:
        """As the port says."""
        place = self._place(digest)
        with _said(place):
            try:
                state = place.lstat()
            except FileNotFoundError:
                return None
        return state.st_size if stat.S_ISREG(state.st_mode) else None

    def put(self, digest: str, size_bytes: int, chunks: Iterator[bytes]) -> None:
        """As the port says."""
        place = self._place(digest)
        if self.has(digest) == size_bytes:
            return
        with _said(place):
            if not self._folder.is_dir():
                self._folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
                flush_folder(self._folder.parent)
            place.parent.mkdir(mode=_FOLDER_MODE, exist_ok=True)
            _clear(place.parent)
            handle, partial = _begin(place.parent)
            try:
                with os.fdopen(handle, "wb") as stream:
                    _write_checked(stream, chunks, digest, size_bytes)
                    stream.flush()
                    os.fchmod(stream.fileno(), _FILE_MODE)
                    os.fsync(stream.fileno())
                    partial.rename(place)  # while it is locked
                flush_folder(place.parent)
                flush_folder(self._folder)
            except BaseException:
                with suppress(FileNotFoundError):
                    partial.unlink()
                raise

    def open(self, digest: str, first: int, count: int) -> Iterator[bytes]:
        """As the port says."""
        place = self._place(digest)
        with _said(place):
            handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        return _Reading(handle, first, count, place)

    def path(self, digest: str) -> str | None:
        """As the port says."""
        return self._place(digest).relative_to(self._folder).as_posix()

    def link(self, digest: str, seconds: int) -> str | None:  # noqa: ARG002  the port's: a folder has no links
        """As the port says."""
        return None

    def all(self) -> Iterator[tuple[str, int]]:
        """As the port says."""
        with _said(self._folder):
            if not self._folder.is_dir():
                return
            for folder in sorted(self._folder.iterdir()):
                if _FOLDER.fullmatch(folder.name) and folder.is_dir():
                    for place in sorted(folder.iterdir()):
                        digest = f"sha256:{folder.name}{place.name}"
                        if _DIGEST.fullmatch(digest):
                            yield digest, place.lstat().st_size

    def remove(self, digest: str) -> None:
        """As the port says."""
        place = self._place(digest)
        with _said(place), suppress(FileNotFoundError):
            place.unlink()

    def _place(self, digest: str) -> Path:
        match = _DIGEST.fullmatch(digest)
        if match is None:
            raise KeyError(digest)
        return self._folder / match[1][:2] / match[1][2:]


def _begin(folder: Path) -> tuple[int, Path]:
    """A new file, which whoever writes it holds locked."""
    while True:
        handle, name = tempfile.mkstemp(dir=folder, prefix=_PARTIAL)
        with suppress(OSError):  # a disk without locks: nobody clears anything away there
            fcntl.flock(handle, fcntl.LOCK_EX)
        if os.fstat(handle).st_nlink:
            return handle, Path(name)
        os.close(handle)  # cleared away before it was locked


def _clear(folder: Path) -> None:
    """Take away what writers left who were killed: nobody holds it locked."""
    for place in folder.glob(f"{_PARTIAL}*"):
        with suppress(OSError):  # gone, or somebody is writing it
            handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                place.unlink()
            finally:
                os.close(handle)


def _write_checked(stream: IO[bytes], chunks: Iterator[bytes], digest: str, size_bytes: int) -> None:
    """Write chunks that are what they should be. Raises InputError `wrong-digest`."""
    hasher, written = hashlib.sha256(), 0
    for chunk in chunks:
        stream.write(chunk)
        hasher.update(chunk)
        written += len(chunk)
        if written > size_bytes:  # it grows: no use in reading on
            break
    if written != size_bytes or hasher.hexdigest() != digest.partition(":")[2]:
        raise InputError(
            "wrong-digest",
            "the file changed while it was stored",
            remedy="wait until it is complete, then publish again",
        )


class _Reading:
    """Bytes of an open file, which is closed at the end, and when nobody reads on."""

    def __init__(self, handle: int, first: int, count: int, place: Path) -> None:
        self._handle, self._at, self._end, self._place = handle, first, first + count, place

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        if self._handle < 0 or self._at >= self._end:
            self.close()
            raise StopIteration
        with _said(self._place):
            chunk = os.pread(self._handle, min(CHUNK_BYTES, self._end - self._at), self._at)
        if not chunk:
            self.close()
            raise BlobsFailed("blobs-failed", "a stored file is shorter than it was", where=str(self._place))
        self._at += len(chunk)
        return chunk

    def close(self) -> None:
        """Read no further."""
        handle, self._handle = self._handle, -1
        if handle >= 0:
            os.close(handle)

    __del__ = close


@contextmanager
def _said(place: Path) -> Iterator[None]:
    """Errors of the disk as the port names them."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BlobsFailed(
            "blobs-failed",
            f"stored files cannot be read or written: {error.strerror}",
            where=str(place),
            remedy="is the disk mounted, does it have room, and may this user write there?",
        ) from error
