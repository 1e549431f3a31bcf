"""What commands share when they speak to a person: columns, paragraphs, quiet colour, progress."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Never, Self, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from tqdm import tqdm

Style = Literal["bold", "dim", "red", "green", "yellow", "cyan"]

WIDTH_MAX = 100  # longer lines are hard to read
MANY_ENTRIES = 200_000  # take a noticeable time
KILO = 1000  # SI, as disks and download pages count
_CODES: dict[Style, str] = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def width() -> int:
    """Columns to fill: the terminal's, at most 100; 80 where there is no terminal."""
    return min(shutil.get_terminal_size((80, 24)).columns, WIDTH_MAX)


def styled(text: str, *styles: Style, stream: TextIO | None = None) -> str:
    """`text` in these styles where `stream` (default: standard output) is a terminal, else as it is.

    NO_COLOR (no-color.org) and TERM=dumb turn colour off.
    """
    stream = stream or sys.stdout
    plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb" or not stream.isatty()
    if plain or not styles:
        return text
    return f"\033[{';'.join(_CODES[style] for style in styles)}m{text}\033[0m"


def paragraph(text: str, *, indent: int = 0, hanging: int = 0) -> str:
    """`text` wrapped to the width; every line `indent` in, lines after the first `hanging` further."""
    first, rest = " " * indent, " " * (indent + hanging)
    return textwrap.fill(
        text,
        width(),
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def columns(rows: Sequence[Sequence[str]], *, align: str = "", indent: int = 0, gap: int = 2) -> str:
    """Rows of plain cells as aligned lines. `align`: one of `l`, `r` for each column (default `l`).

    The last column wraps where the line would be wider than the terminal. Rows may be of unequal length.
    """
    if not rows:
        return ""
    count = max(map(len, rows))
    widths = [max((len(row[i]) for row in rows if i < len(row)), default=0) for i in range(count)]
    start = indent + sum(widths[:-1]) + gap * (count - 1)
    widths[-1] = min(widths[-1], max(width() - start, 20))
    return "\n".join(_line(row, widths, align.ljust(count, "l"), indent, gap) for row in rows)


def _line(row: Sequence[str], widths: list[int], align: str, indent: int, gap: int) -> str:
    cells = [c.rjust(w) if a == "r" else c.ljust(w) for c, w, a in zip(row, widths, align, strict=False)]
    if len(row) == len(widths) and len(row[-1]) > widths[-1]:
        wrapped = textwrap.wrap(row[-1], widths[-1]) or [""]
        start = " " * (indent + sum(widths[:-1]) + gap * (len(widths) - 1))
        first = " " * indent + (" " * gap).join([*cells[:-1], wrapped[0]])
        return "\n".join([first.rstrip(), *(start + line for line in wrapped[1:])])
    return (" " * indent + (" " * gap).join(cells)).rstrip()


def size(count: int) -> str:
    """A number of bytes as people say it: `98.4 MB`."""
    if count < KILO:
        return f"{count} B"
    value, units = count / KILO, ["kB", "MB", "GB", "TB"]
    while value >= KILO and len(units) > 1:
        value /= KILO
        units.pop(0)
    return f"{value:.1f} {units[0]}"


def complain(sentence: str) -> None:
    """Say on standard error what is amiss and stops nothing."""
    print(f"halfdoor: {sentence}", file=sys.stderr)


def hashing(total: int) -> Progress:
    """Progress while `total` bytes are read for their digests."""
    return Progress(f"Hashing {size(total)}", total=total, unit="B")


@contextmanager
def starting() -> Iterator[Callable[[int], None]]:
    """Progress while a log is looked at before it is written on; said only where that takes its time."""
    shown: list[Progress] = []
    seen = 0

    def advance(amount: int) -> None:
        nonlocal seen
        seen += amount
        if not shown and seen >= MANY_ENTRIES:
            shown.append(Progress("Looking at stored entries", unit=" entries").__enter__())
        for progress in shown:
            progress.advance(amount)

    try:
        yield advance
    finally:
        for progress in shown:
            progress.__exit__(None, None, None)


class Progress:
    """Long work, shown on standard error: a bar on a terminal, else one line when the stage begins.

    with Progress("Hashing 3 files", total=bytes_total, unit="B") as progress:
        progress.advance(len(chunk))
    """

    def __init__(self, stage: str, *, total: int | None = None, unit: str = "it") -> None:
        """`stage` says what is being done; `total` in `unit`s, None where unknown."""
        self._stage = stage
        self._total = total
        self._unit = unit
        self._bar: tqdm[Never] | None = None

    def __enter__(self) -> Self:
        """Begin the stage."""
        if sys.stderr.isatty():
            from tqdm import tqdm

            stage, total, unit = self._stage, self._total, self._unit
            self._bar = tqdm(
                desc=stage, total=total, unit=unit, unit_scale=True, leave=False, file=sys.stderr
            )
        else:
            print(f"{self._stage} …", file=sys.stderr, flush=True)
        return self

    def advance(self, amount: int = 1) -> None:
        """`amount` more units are done."""
        if self._bar is not None:
            self._bar.update(amount)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the stage; the bar goes away."""
        if self._bar is not None:
            self._bar.close()
