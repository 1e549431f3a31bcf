"""What a backup looks like: a folder or a tar file of plain members, and a list of their digests.

Reading one trusts nothing: names that could lead elsewhere, links, devices and holes are refused.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from halfdoor.adapters.log_folder import flush_folder
from halfdoor.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

LIST = "backup.json"
DATABASE = "halfdoor.db"
WITNESSES = "witnesses"
LIST_BYTES_MAX = 256 * 1024 * 1024
MEMBERS_MAX = 1_000_000
CHUNK = 1024 * 1024
_NAME = re.compile(
    r"(?:backup\.json|halfdoor\.db|home\.toml|witnesses|(?:keys|log|blobs)/[A-Za-z0-9._/-]{1,300})"
)


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of a backup."""

    name: str
    bytes: int
    digest: str


class Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`backup.json`: what a backup holds, and what has to be known to put it back.

    at:       when the database was copied
    database: `file` where it is in the backup, else it has to be brought back by its own means
    latest:   the URL of the second store, which is never part of a backup
    entries:  how many the log had
    """

    schema: Literal["halfdoor/backup/1"]
    at: str
    origin: str
    database: Literal["file", "elsewhere"]
    blobs: Literal["here", "elsewhere", "left-out"]
    keys: bool
    latest: str
    entries: int
    members: list[Member]


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """At most so many of them; none at the end."""


class Sink(Protocol):
    """Where a backup is written to."""

    def add(self, name: str, stream: Readable, size_bytes: int) -> None:
        """A file, whose bytes the stream gives."""

    def link(self, name: str, file: Path) -> bool:
        """The same file under another name, without copying it; False where that cannot be."""


class FolderSink:
    """A folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(mode=0o700)

    def add(self, name: str, stream: Readable, size_bytes: int) -> None:  # noqa: ARG002  a file grows by itself
        """As Sink."""
        with new_file(self._new(name)) as file:
            shutil.copyfileobj(stream, file, CHUNK)
            file.flush()
            os.fsync(file.fileno())

    def link(self, name: str, file: Path) -> bool:
        """As Sink. Only of files that never change."""
        try:
            self._new(name).hardlink_to(file)
        except OSError:
            return False
        return True

    def _new(self, name: str) -> Path:
        place = self._root / name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return place


class TarSink:
    """A tar file."""

    def __init__(self, file: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115  closed by its owner

    def add(self, name: str, stream: Readable, size_bytes: int) -> None:
        """As Sink."""
        info = tarfile.TarInfo(name)
        info.size, info.mode = size_bytes, 0o600
        self._tar.addfile(info, stream)

    def link(self, name: str, file: Path) -> bool:  # noqa: ARG002  a tar file holds bytes
        """As Sink."""
        return False

    def close(self) -> None:
        """The end of the archive."""
        self._tar.close()


@contextmanager
def new_backup(to: Path) -> Iterator[Sink]:
    """A new backup, which is there once the block has ended, whole and durable, or not at all.

    Raises InputError `exists`, `cannot-write`.
    """
    to = to.absolute()
    if to.exists():
        raise InputError(
            "exists", "there is something here already", where=str(to), remedy="choose a new name"
        )
    beside = to.parent / f".{to.name}.{os.getpid()}.partial"
    try:
        try:
            if to.suffix == ".tar":
                with new_file(beside) as file:
                    sink = TarSink(file)
                    yield sink
                    sink.close()
                    file.flush()
                    os.fsync(file.fileno())
            else:
                yield FolderSink(beside)
                for folder, _, _ in os.walk(beside):
                    flush_folder(beside / folder)
            beside.rename(to)
            flush_folder(to.parent)
        except OSError as error:
            raise InputError("cannot-write", f"cannot write it: {error.strerror}", where=str(to)) from error
    finally:
        remove(beside)


def remove(place: Path) -> None:
    """Take away what was begun."""
    if place.is_dir():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)


def new_file(place: Path) -> BinaryIO:
    """A new file that its owner alone may read."""
    return os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


class Hashing:
    """A stream that is hashed while it is read."""

    def __init__(self, stream: Readable, advance: Callable[[int], None] = lambda _: None) -> None:
        self._stream, self._advance = stream, advance
        self._hash = hashlib.sha256()
        self.bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        """As Readable."""
        data = self._stream.read(size)
        self._hash.update(data)
        self.bytes += len(data)
        self._advance(len(data))
        return data

    @property
    def digest(self) -> str:
        """Of what was read so far."""
        return f"sha256:{self._hash.hexdigest()}"


def members_of(backup: Path) -> Iterator[tuple[str, Readable]]:
    """Each file of a backup, to be read before the next one. Raises InputError `no-backup`, `bad-backup`."""
    found = _of_folder(backup) if backup.is_dir() else _of_tar(backup)
    for count, (name, stream) in enumerate(found):
        if count >= MEMBERS_MAX or not _NAME.fullmatch(name) or _leads_away(name):
            raise bad(f"{name[:100]!r} has no place in a backup", backup)
        yield name, stream


def _leads_away(name: str) -> bool:
    return any(part in {"", ".", ".."} for part in name.split("/"))


def _of_folder(backup: Path) -> Iterator[tuple[str, Readable]]:
    for folder, _, files in os.walk(backup):
        for one in sorted(files):
            place = backup / folder / one
            if place.is_symlink() or not place.is_file():
                raise bad(f"{place} is no plain file", backup)
            with place.open("rb") as stream:
                yield place.relative_to(backup).as_posix(), stream


def _of_tar(backup: Path) -> Iterator[tuple[str, Readable]]:
    try:
        with tarfile.open(backup, "r:") as tar:
            for info in tar:
                if not info.isreg() or info.issparse():
                    raise bad(f"{info.name[:100]!r} is no plain file", backup)
                stream = tar.extractfile(info)
                assert stream is not None
                yield info.name, stream
    except tarfile.TarError as error:
        raise bad(f"this is no whole tar file: {error}", backup) from error
    except OSError as error:
        raise InputError("no-backup", f"cannot read it: {error.strerror}", where=str(backup)) from error


def bad(message: str, backup: Path) -> InputError:
    """What is wrong with a backup."""
    remedy = "use another copy; nothing was written"
    return InputError("bad-backup", message, where=str(backup), remedy=remedy)
