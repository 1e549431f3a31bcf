"""Writing a file so that a reader sees the old one or the new one, never half of one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from halfdoor.core.errors import InputError


def write_atomically(path: Path, data: bytes, mode: int | None = None) -> None:
    """Write `data` beside `path`, flush it to the disk, then put it in place.

    mode: permission bits; None for those that a new file has

    Raises OSError, and then leaves nothing behind.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    beside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        # mkstemp's 0600 would hide a file in a shared folder
        beside.chmod(0o666 & ~_umask() if mode is None else mode)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_new(path: Path, text: str) -> None:
    """Write a document that is not there yet, whole or not at all.

    Raises InputError `bad-name` unless it ends in .toml, `exists`, `cannot-write`.
    """
    if path.suffix != ".toml":
        remedy = f"call it {path}.toml"
        raise InputError("bad-name", "the name of a document ends in .toml", where=str(path), remedy=remedy)
    if path.exists() or path.is_symlink():
        raise InputError(
            "exists", "there is a file already", where=str(path), remedy="choose another name for it"
        )
    try:
        write_atomically(path, text.encode())
    except OSError as error:
        raise InputError("cannot-write", f"cannot write it: {error.strerror}", where=str(path)) from error


def _umask() -> int:
    """The process's mask; reading it means setting it for a moment."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
