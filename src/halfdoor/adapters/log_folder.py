"""A log's public files in a folder that any web server can serve, for the one who publishes them."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path, PurePosixPath

from halfdoor.adapters.log_source import FolderSource

_FILE_MODE, _FOLDER_MODE = 0o644, 0o755


class LogFolder(FolderSource):
    """Keeps the contract of `LogFiles`: every file whole and on the disk before `write` returns."""

    def __init__(self, root: Path) -> None:
        """`root`: the folder that is served."""
        super().__init__(root)
        self._durable: set[Path] = set()

    def write(self, path: str, data: bytes) -> None:
        """As the port says."""
        place = self._placed(path)
        self._prepare(place.parent)
        # A name of this process's: another one, whose lease ran out, may still be writing beside it.
        beside = place.parent / f".{place.name}.{os.getpid()}.new"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(place)
        except BaseException:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise
        flush_folder(place.parent)

    def _prepare(self, folder: Path) -> None:
        """Have a folder there, and its name on the disk: it may be one that a crash left behind."""
        if folder in self._durable:
            return
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        for above in (folder, *folder.parents):
            flush_folder(above)
            if above == self.root:
                break
        self._durable.add(folder)

    def remove(self, path: str) -> None:
        """As the port says."""
        place = self._placed(path)
        if place.is_dir():
            shutil.rmtree(place)
            self._durable.discard(place)
        else:
            place.unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """How much room the disk has left."""
        return shutil.disk_usage(self.root).free

    def _placed(self, path: str) -> Path:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts:
            raise ValueError(f"{path!r} is not below the log's folder")
        return self.root.joinpath(*parts)


def flush_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
