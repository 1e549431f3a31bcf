"""A questionnaire as text: TOML that a person can fill in with any editor."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from halfdoor.core.risk.document import Spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halfdoor.core.risk.document import Uncertain
    from halfdoor.core.risk.experts.numbers import Number
    from halfdoor.core.risk.experts.questionnaire import Calibration

_HOW = """\
#
# For each question, state three numbers:
#   p5   so low that the truth is lower only one time in twenty
#   p50  as likely too low as too high
#   p95  so high that the truth is higher only one time in twenty
# Begin with the ends, and look for reasons why the truth might lie beyond them: most people's ranges are too
# narrow. Take away the "# " before p5, p50 and p95 and write each number after its sign =. To skip a
# question, leave it as it is. Say in `rationale` what you go by. Answer by yourself, before you hear others.
"""
_BLANKS = """\
# p5 =
# p50 =
# p95 =
"""


def questionnaire_text(
    numbers: Sequence[Number],
    calibration: Iterable[Calibration],
    *,
    model: tuple[str, str, str],
    expert: str,
    show_current: bool,
) -> str:
    """The text; `readers.questionnaire.read_answers` takes it as it stands once `expert` is filled in.

    model: name, version and digest of the risk model
    """
    name, version, digest = model
    parts = [
        f"# Questions on the risk model {_comment(name)} {_comment(version)}.\n{_HOW}",
        'schema = "halfdoor/questionnaire/1"',
        f"risk_model = {text(name)}",
        f"version = {text(version)}",
        f"model_digest = {text(digest)}",
        f"expert = {text(expert)}{' ' * 20}# your name, or an id that stands for you",
        "# answered = 2026-01-31         # take away the first sign and write the day",
        "",
    ]
    rows = list(calibration)
    if rows:
        parts += [
            "# ── Questions whose answers are known to whoever asks. Do not look them up ────────────",
            "",
            *map(_calibration, rows),
        ]
    parts.append("# ── Questions ─────────────────────────────────────────────────────────────────────\n")
    parts += [_question(number, show_current=show_current) for number in numbers]
    return "\n".join(parts)


def stated(value: Uncertain | None) -> str:
    """A number as the model states it, in one line: `p5 0.2, mode 0.5, p95 0.8`."""
    if value is None:
        return "not stated"
    if not isinstance(value, Spread):
        return f"{value:g}"
    if value.pool:
        return f"a pool of {len(value.pool)}: " + "; ".join(stated(part) for part in value.pool)
    names = ("p5", "mode", "p50", "p95", "low", "high", "confidence")
    return ", ".join(f"{name} {v:g}" for name in names if (v := getattr(value, name)) is not None)


def text(value: str) -> str:
    """A TOML basic string on one line. JSON's is one, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _calibration(row: Calibration) -> str:
    lines = ["[[calibration]]", f"id = {text(row.id)}", *_words(row.words)]
    lines += [f"unit = {text(row.unit)}"] if row.unit else []
    lines += [f"scale = {text(row.scale)}"] if row.scale != "uniform" else []
    return "\n".join(lines) + f"\n{_BLANKS}"


def _question(number: Number, *, show_current: bool) -> str:
    lines = ["[[question]]", f"number = {text(number.address)}", *_words(number.words)]
    lines.append(f"unit = {text(number.unit)}")
    if show_current:
        lines.append(f"now = {text(stated(number.now))}")
    return "\n".join(lines) + f'\n{_BLANKS}rationale = ""\n'


def _words(words: str) -> list[str]:
    """Over several lines where it is long, so that nobody has to scroll."""
    whole = text(words)
    lines = textwrap.wrap(whole[1:-1], 100, break_long_words=False, break_on_hyphens=False)
    if len(lines) < 2:  # noqa: PLR2004  fits on one
        return [f"words = {whole}"]
    joined = " \\\n    ".join(lines)
    return [f'words = """\\\n    {joined}"""']


def _comment(value: str) -> str:
    """Text that ends neither the comment nor the line."""
    return "".join(c if c.isprintable() else " " for c in value)
