"""A page of text for a terminal: sections with their headings in a gutter, nothing wider than the screen."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Literal

from halfdoor.reports import words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Emphasis = Literal["bold", "dim", "red", "green"]

GUTTER = 14  # headings stand left of their section on a wide screen, above it on a narrow one
WIDE = 96
LABEL_MIN = 16


class Page:
    """Lines of at most `width` columns; on a wide one, headings stand in a gutter on the left."""

    def __init__(self, width: int, paint: Callable[[str, Emphasis], str]) -> None:
        self.width = width
        self.paint = paint
        self._margin = GUTTER if width >= WIDE else 2
        self._heading = ""
        self._lines: list[str] = []

    @property
    def room(self) -> int:
        """Columns for the text of a section."""
        return self.width - self._margin

    def gap(self) -> None:
        """An empty line."""
        self._lines.append("")

    def heading(self, text: str) -> None:
        """Begin a section."""
        if self._margin == GUTTER:
            self._heading = text
        else:
            self._lines.append(self.paint(text, "bold"))

    def line(self, text: str, emphasis: Emphasis | None = None) -> None:
        """One line of the section, as it is."""
        shown = self.paint(text.rstrip(), emphasis) if emphasis else text.rstrip()
        heading, self._heading = self._heading, ""
        margin = self.paint(heading, "bold") + " " * (self._margin - len(heading))
        self._lines.append((margin + shown).rstrip())

    def paragraph(
        self,
        text: str,
        *,
        first: str = "",
        lines_max: int = 0,
        emphasised: tuple[str, Emphasis] | None = None,
    ) -> None:
        """`text` wrapped, `first` before it; cut with `…` after `lines_max` lines."""
        wrapped = textwrap.wrap(
            text,
            self.room,
            initial_indent=first,
            subsequent_indent=" " * len(first),
            break_on_hyphens=False,
            max_lines=lines_max or None,
            placeholder=" …",
        )
        for line in wrapped:
            phrase, how = emphasised or ("", "bold")
            painted = self.paint(phrase, how) if phrase else ""
            self.line(line.replace(phrase, painted, 1) if phrase else line)

    def text(self) -> str:
        """All lines."""
        return "\n".join(line.replace(words.NBSP, " ") for line in self._lines)


def table(page: Page, rows: Sequence[Sequence[str]], *, right: Iterable[int] = ()) -> None:
    """Aligned columns, the first line dim; what does not fit is cut with `…`."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    widths[0] = max(LABEL_MIN, min(widths[0], page.room - sum(widths[1:]) - 2 * (len(widths) - 1)))
    for number, row in enumerate(rows):
        cells = [
            words.clipped(cell, width).rjust(width) if i in right else words.clipped(cell, width).ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        page.line(words.clipped("  ".join(cells).rstrip(), page.room), None if number else "dim")
