"""A log's public files, in a folder or behind an address (ports.LogSource)."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from halfdoor.core.errors import InputError
from halfdoor.core.log.note import NOTE_BYTES_MAX

if TYPE_CHECKING:
    from halfdoor.adapters.log_http import HttpSource

_PATH = re.compile(r"(?!.*(?:^|/)\.\.?(?:/|$))[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
_NO_FILE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG})


class FolderSource:
    """Keeps the contract of `LogSource` over a folder. Links are followed inside it, never out of it."""

    at_once = 1  # reads that serve it best

    def __init__(self, root: Path) -> None:
        """`root`: the folder that has `checkpoint` in it."""
        self.root = root
        self.name = str(root)
        self._real = Path(os.path.realpath(root))
        self._inside: set[str] = set()

    def read(self, path: str, bytes_max: int) -> bytes | None:
        """As the port says."""
        check_path(path)
        where = f"{self.name}/{path}"
        try:
            descriptor = self._open(path, where)
        except OSError as error:
            if error.errno in _NO_FILE:
                return None
            raise unreadable(where, error.strerror or str(error)) from error
        with os.fdopen(descriptor, "rb", buffering=0):
            try:
                state = os.fstat(descriptor)
                if stat.S_ISDIR(state.st_mode):
                    return None
                if not stat.S_ISREG(state.st_mode):
                    raise unreadable(where, "it is not a file")
                if state.st_size > bytes_max:
                    raise too_large(where, bytes_max)
                data = _whole(descriptor, state.st_size)
            except OSError as error:
                raise unreadable(where, error.strerror or str(error)) from error
        return data

    def _open(self, path: str, where: str) -> int:
        """Open a file that lies in the folder by its real path. O_NONBLOCK: a pipe must not hold us up."""
        folder, _, name = path.rpartition("/")
        if folder not in self._inside:
            self._confine(self._real / folder, where)
            self._inside.add(folder)
        place = self._real / folder / name
        try:
            return os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
        return os.open(self._confine(place, where), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def _confine(self, place: Path, where: str) -> Path:
        real = Path(os.path.realpath(place))
        if not real.is_relative_to(self._real):
            raise unreadable(where, "it is a link that leads out of the folder")
        return real


def _whole(descriptor: int, size: int) -> bytes:
    data = os.read(descriptor, size)
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return data


def open_source(place: str) -> FolderSource | HttpSource:
    """The log at an address or in a folder.

    Raises InputError: `bad-url`, or `no-log` where there is no folder, or no checkpoint in it.
    """
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", place):
        from halfdoor.adapters.log_http import HttpSource  # noqa: PLC0415  a folder is read without urllib3

        return HttpSource(place)
    root = Path(place)
    if not root.is_dir():
        raise InputError("no-log", "there is no such folder", where=place, remedy="give a folder or a URL")
    source = FolderSource(root)
    if source.read("checkpoint", NOTE_BYTES_MAX) is None:
        remedy = "give the folder that a log's `checkpoint` and `tile` are in"
        raise InputError("no-log", "there is no log in this folder", where=place, remedy=remedy)
    return source


def check_path(path: str) -> None:
    """ValueError for what would leave the log's address: no path of ours does."""
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} is not below the log's address")


def unreadable(where: str, why: str) -> InputError:
    """What `read` raises where it cannot be told whether there is a file."""
    return InputError("unreadable", f"cannot read it: {why}", where=where)


def too_large(where: str, bytes_max: int) -> InputError:
    """What `read` raises where a file is longer than was asked for."""
    return InputError("too-large", f"longer than {bytes_max:,} bytes", where=where)
