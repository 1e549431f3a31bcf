"""Copying a home while it is used, and putting it back somewhere else.

The public log is copied before the database, and the database before the files of models: so the database of
the copy knows every public checkpoint, and every file that it names is there. The second store of the newest
checkpoint is never copied and never put back: it is what tells that a home is an old copy.
"""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import tarfile
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.adapters.log_folder import flush_folder
from halfdoor.core.errors import InputError
from halfdoor.readers.toml import read_toml
from halfdoor.services.backup_form import (
    CHUNK,
    DATABASE,
    LIST,
    LIST_BYTES_MAX,
    WITNESSES,
    Hashing,
    Listing,
    Member,
    bad,
    members_of,
    new_backup,
    new_file,
    remove,
)
from halfdoor.services.home import Home, write_settings
from halfdoor.settings import FILE, Settings
from halfdoor.store.engine import sqlite_file
from halfdoor.store.snapshot import snapshot

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from halfdoor.ports import Blobs
    from halfdoor.services.backup_form import Readable, Sink

_LOG_FILE_MODE, _FOLDER_MODE = 0o644, 0o755
_BLOB_MODE = 0o444


def back_up(
    home: Home,
    blobs: Blobs,
    to: Path,
    *,
    now: dt.datetime,
    entries: int,
    keys: bool = True,
    files: bool = True,
    advance: Callable[[int], None] = lambda _: None,
) -> Listing:
    """Write a backup; what is in it. A path that ends in `.tar` becomes a tar file, another a folder.

    entries: of the log, for people to read
    keys, files: False where private keys, or the files of models, are kept elsewhere
    Raises InputError `exists`, `cannot-write`, `cannot-read`.
    """
    database = sqlite_file(home.url(home.settings.database))
    with new_backup(to) as sink:
        writer = _Writer(sink, advance)
        if database is not None:  # else the public log is made anew from the database that is brought back
            _add_log(writer, home.place(home.settings.public))
            _add_database(writer, database, to.absolute().parent)
        writer.bytes(FILE, (home.folder / FILE).read_bytes())
        if home.settings.witnesses:
            writer.file(WITNESSES, home.place(home.settings.witnesses))
        for key in sorted((home.folder / "keys").iterdir()):
            if keys or not _is_private(key):
                writer.file(f"keys/{key.name}", key)
        where: Literal["here", "elsewhere", "left-out"] = "left-out"
        if files:
            where = "here" if _add_blobs(writer, home, blobs) else "elsewhere"
        listing = Listing(
            schema="halfdoor/backup/1",
            at=now.isoformat(timespec="seconds"),
            origin=home.settings.origin,
            database="file" if database is not None else "elsewhere",
            blobs=where,
            keys=keys,
            latest=home.url(home.settings.latest),
            entries=entries,
            members=list(writer.members),  # without the list itself
        )
        writer.bytes(LIST, msgspec.json.format(msgspec.json.encode(listing), indent=1))
    return listing


class _Writer:
    """Adds files to a backup, and remembers their digests."""

    def __init__(self, sink: Sink, advance: Callable[[int], None]) -> None:
        self._sink, self._advance = sink, advance
        self.members: list[Member] = []

    def bytes(self, name: str, data: bytes) -> None:
        self._add(name, io.BytesIO(data), len(data))

    def file(self, name: str, place: Path) -> None:
        with place.open("rb") as stream:
            self._add(name, stream, os.fstat(stream.fileno()).st_size)

    def blob(self, name: str, place: Path, digest: str, size: int) -> None:
        """A file that never changes, and whose digest is its name."""
        if self._sink.link(name, place):
            self.members.append(Member(name, size, digest))
            self._advance(size)
        else:
            self.file(name, place)

    def _add(self, name: str, stream: Readable, size: int) -> None:
        hashing = Hashing(stream, self._advance)
        self._sink.add(name, hashing, size)
        self.members.append(Member(name, hashing.bytes, hashing.digest))


def _is_private(key: Path) -> bool:
    return key.suffix == ".pem" and not key.name.endswith(".pub.pem")


def _add_log(writer: _Writer, public: Path) -> None:
    """The checkpoint first: what it is of is there, and grows."""
    checkpoint = public / "checkpoint"
    if checkpoint.is_file():
        writer.file("log/checkpoint", checkpoint)
    for folder, _, files in os.walk(public / "tile"):
        for one in sorted(files):
            place = public / folder / one
            if not one.startswith("."):  # of a writer that is at it
                try:
                    writer.file(f"log/{place.relative_to(public).as_posix()}", place)
                except FileNotFoundError:
                    continue  # a partial tile that a full one replaced meanwhile


def _add_database(writer: _Writer, database: Path, beside: Path) -> None:
    with TemporaryDirectory(prefix=".halfdoor-", dir=beside) as folder:
        copy = Path(folder) / DATABASE
        try:
            snapshot(database, copy)
        except sqlite3.Error as error:
            message = f"the database cannot be copied: {error}"
            raise InputError("cannot-read", message, where=str(database)) from error
        writer.file(DATABASE, copy)


def _add_blobs(writer: _Writer, home: Home, blobs: Blobs) -> bool:
    """False where they are no files."""
    root = home.place(home.settings.blobs)
    for digest, size in blobs.all():
        path = blobs.path(digest)
        if path is None:
            return False
        writer.blob(f"blobs/{path}", root / path, digest, size)
    return "://" not in home.settings.blobs


def restore(
    backup: Path, folder: Path, *, advance: Callable[[int], None] = lambda _: None
) -> tuple[Home, Listing]:
    """Put a backup into a new home, every byte of it verified. The second store is left as it is.

    Raises InputError `not-empty`, `no-backup`, `bad-backup`, `cannot-write`; then nothing is there.
    """
    folder = folder.absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        remedy = "choose a new folder"
        raise InputError("not-empty", "there is something here already", where=str(folder), remedy=remedy)
    try:
        with _staged(folder) as stage:
            listing = _extracted(backup, stage, advance)
            home = _settled(stage, listing)
            for place, _, _ in os.walk(stage):
                flush_folder(Path(place))
    except tarfile.TarError as error:
        raise bad(f"this is no whole tar file: {error}", backup) from error
    except OSError as error:
        raise InputError("cannot-write", f"cannot write it: {error.strerror}", where=str(folder)) from error
    return Home(folder, home.settings), listing


@contextmanager
def _staged(folder: Path) -> Iterator[Path]:
    """A new folder that takes its name once the block has ended."""
    stage = folder.parent / f".{folder.name}.{os.getpid()}.partial"
    stage.mkdir(mode=0o700, parents=True)
    try:
        yield stage
        if folder.exists():
            folder.rmdir()  # it is empty
        stage.rename(folder)
        folder.chmod(0o711)  # as of a new home: a web server passes through to log/
        flush_folder(folder.parent)
    finally:
        remove(stage)


def _extracted(backup: Path, stage: Path, advance: Callable[[int], None]) -> Listing:
    """Every member in place, and its list. Raises InputError `bad-backup` where the two differ."""
    found: dict[str, Member] = {}
    listing: Listing | None = None
    for name, stream in members_of(backup):
        if name in found or (name == LIST and listing is not None):
            raise bad(f"{name} is in it twice", backup)
        if name == LIST:
            listing = _listing(stream.read(LIST_BYTES_MAX), backup)
            continue
        place = stage / name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        hashing = Hashing(stream, advance)
        with new_file(place) as file:
            shutil.copyfileobj(hashing, file, CHUNK)
            file.flush()
            os.fsync(file.fileno())
        found[name] = Member(name, hashing.bytes, hashing.digest)
    if listing is None:
        raise bad(f"it has no {LIST}: it is not whole, or no backup of Halfdoor's", backup)
    wanted = {one.name: one for one in listing.members}
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            how = "is missing" if name not in found else "is not the one that was backed up"
            raise bad(f"{name} {how}", backup)
    return listing


def _listing(data: bytes, backup: Path) -> Listing:
    try:
        return msgspec.json.decode(data, type=Listing)
    except msgspec.MsgspecError as error:
        raise bad(f"its {LIST} cannot be read: {error}", backup) from error


def _settled(stage: Path, listing: Listing) -> Home:
    """What was below the old home is below the new one; the second store stays where it is."""
    if not (stage / FILE).is_file():
        raise bad(f"it has no {FILE}", stage)
    for name, mode in (("keys", 0o700), ("log", _FOLDER_MODE), ("blobs", 0o700)):
        (stage / name).mkdir(mode=mode, exist_ok=True)
        (stage / name).chmod(mode)
    for name, mode in (("log", _LOG_FILE_MODE), ("blobs", _BLOB_MODE)):
        for place, folders, files in os.walk(stage / name):
            for one in folders:
                (Path(place) / one).chmod(_FOLDER_MODE)
            for one in files:
                (Path(place) / one).chmod(mode)
    settings = read_toml(stage / FILE, Settings)
    changed = msgspec.structs.replace(
        settings,
        database=f"sqlite:///{DATABASE}" if listing.database == "file" else settings.database,
        public="log",
        blobs=settings.blobs if "://" in settings.blobs else "blobs",
        latest=listing.latest,
        witnesses=WITNESSES if (stage / WITNESSES).is_file() else settings.witnesses,
    )
    write_settings(home := Home(stage, changed))
    return home
