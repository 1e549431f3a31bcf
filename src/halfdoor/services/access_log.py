"""Reading what nginx says it sent, line by line, once; across restarts and rotations of its log.

Whoever can write to that file could claim any number, so a line ends a delivery, and opens nothing.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import msgspec

from halfdoor.readers.atomic import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AT_ONCE_BYTES = 4 * 1024 * 1024
_LINE_BYTES_MAX = 4096


class _Place(msgspec.Struct, frozen=True):
    """How far the file was read. inode: which file it was, for a new one may have taken its name."""

    inode: int = 0
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0


class AccessLog:
    """The file that nginx writes. For one thread."""

    def __init__(self, file: Path, remembered: Path) -> None:
        """`remembered`: a file of ours, where it is kept how far `file` was read."""
        self._file, self._remembered = file, remembered

    def read(self, take: Callable[[list[str]], object]) -> int:
        """Have `take` (services.deliveries.close_from_access_log) told of new lines; how many there were.

        A line may be told twice where the process ends in between. Where a log was rotated away before its
        end was read, what it held is lost, and those deliveries end as unknown.
        """
        try:
            stream = self._file.open("rb")
        except FileNotFoundError:
            return 0
        with stream:
            state = os.fstat(stream.fileno())
            place = self._place()
            is_same = place.inode == state.st_ino and place.offset <= state.st_size
            offset = place.offset if is_same else 0
            stream.seek(offset)
            data = stream.read(AT_ONCE_BYTES)
        whole, _, rest = data.rpartition(b"\n")
        if not whole:
            if len(rest) < _LINE_BYTES_MAX:
                return 0  # a line is being written
            whole = rest  # this is no line
        lines = whole.decode("utf-8", "replace").split("\n")
        take(lines)
        # What follows the last line end is read again.
        done = _Place(state.st_ino, offset + len(whole) + (1 if whole is not rest else 0))
        write_atomically(self._remembered, msgspec.json.encode(done), mode=0o600)
        return len(lines)

    def _place(self) -> _Place:
        try:
            return msgspec.json.decode(self._remembered.read_bytes(), type=_Place)
        except (FileNotFoundError, msgspec.MsgspecError):
            return _Place()
