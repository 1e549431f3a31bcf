"""What the commands share that read logs from outside: files of keys, and words for numbers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from halfdoor.adapters.log_http import HttpSource
    from halfdoor.adapters.log_source import FolderSource
    from halfdoor.core.log.trust import Trust
    from halfdoor.services.log.audit import Effort

PROCESSES_MAX = 8
SHOWN_MAX = 500
KEY_HELP = "a file with the log's key or keys, as its operator published them, or a PEM (may be repeated)"


def add_key(parser: argparse.ArgumentParser) -> None:
    """Add `--key`."""
    parser.add_argument("--key", type=Path, action="append", default=[], metavar="FILE", help=KEY_HELP)


def source_of(place: str) -> FolderSource | HttpSource:
    """The log at an address, in a folder, or of a home. Raises InputError where there is none."""
    from halfdoor.adapters.log_source import open_source
    from halfdoor.settings import FILE

    if "://" not in place and (Path(place) / FILE).is_file():
        from halfdoor.bootstrap.log import open_home, public_folder

        return public_folder(open_home(Path(place)))
    return open_source(place)


def read_bytes(path: Path, bytes_max: int = 1_000_000) -> bytes:
    """A small file that somebody names. Raises InputError `unreadable`, `too-large`."""
    from halfdoor.core.errors import InputError

    try:
        with path.open("rb") as stream:
            data = stream.read(bytes_max + 1)
    except OSError as error:
        raise InputError("unreadable", f"cannot read it: {error.strerror}", where=str(path)) from error
    if len(data) > bytes_max:
        raise InputError("too-large", f"longer than {bytes_max:,} bytes", where=str(path))
    return data


def read_keys(paths: Iterable[Path]) -> Trust:
    """The keys in these files. Raises InputError `unreadable`, `bad-key`."""
    from halfdoor.core.log.trust import joined, read_trust

    return joined(read_trust(read_bytes(path), where=str(path)) for path in paths)


def effort_for(source: FolderSource | HttpSource) -> Effort:
    """As much as this machine and that source can take."""
    from halfdoor.services.log.audit import Effort

    alone = source.at_once > 1  # over a network the processors wait anyway
    return Effort(source.at_once, 1 if alone else min(_processors(), PROCESSES_MAX))


def _processors() -> int:
    """Those that this process may use; macOS does not say."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 entry`, `70,000 entries`."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def plain(text: str) -> str:
    """What a log says of itself, for a terminal: no control characters, and not without end."""
    shown = text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in shown)
