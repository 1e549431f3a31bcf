"""Questionnaires, calibration questions and truths: read, checked, every error with file and line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeVar

from halfdoor.core.canonical import sha256_bytes
from halfdoor.core.errors import InputError
from halfdoor.core.risk.experts.questionnaire import (
    Calibration,
    Expert,
    Questionnaire,
    Questions,
    Truths,
    check,
    expert_of,
)
from halfdoor.core.risk.problem import Problem, Problems
from halfdoor.readers.toml import line_of, parse_toml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from halfdoor.core.risk.experts.numbers import Number

T = TypeVar("T", Questionnaire, Questions, Truths)
BYTES_MAX = 4 * 1024 * 1024


def read_answers(path: Path, found: Mapping[str, Number]) -> tuple[Questionnaire, Expert]:
    """One expert's questionnaire, checked against the numbers of the model, and what it answers.

    Raises InputError: as `readers.toml.read_toml`, or with the code of the first wrong answer, naming all.
    """
    paper, data = _read(path, Questionnaire)
    _refuse(check(paper, found), path, data)
    return paper, expert_of(paper, str(path), sha256_bytes(data))


def read_calibration(path: Path) -> tuple[Calibration, ...]:
    """The facilitator's calibration questions. Raises InputError, also `answered` if answers are in it."""
    paper, data = _read(path, Questions)
    problems = Problems()
    problems.unique((row.id for row in paper.calibration), "calibration")
    for index, row in enumerate(paper.calibration):
        if any(value is not None for value in (row.p5, row.p50, row.p95)):
            message = "calibration questions are handed out without answers"
            problems.error("answered", message, f"calibration[{index}]", "remove p5, p50 and p95")
    if not paper.calibration:
        problems.error("no-questions", "there is no calibration question", "", "add [[calibration]]")
    _refuse(tuple(problems.found), path, data)
    return paper.calibration


def read_truths(path: Path) -> dict[str, float]:
    """Calibration question -> what is so. Raises InputError."""
    paper, data = _read(path, Truths)
    problems = Problems()
    problems.unique((row.id for row in paper.truth), "truth")
    for index, row in enumerate(paper.truth):
        if not math.isfinite(row.value):
            problems.error("bad-number", "it is not finite", f"truth[{index}].value", "correct the value")
    _refuse(tuple(problems.found), path, data)
    return {row.id: row.value for row in paper.truth}


def _read(path: Path, kind: type[T]) -> tuple[T, bytes]:
    try:
        with path.open("rb") as stream:
            data = stream.read(BYTES_MAX + 1)
    except OSError as error:
        raise InputError(
            "not-found", f"cannot read it: {error.strerror}", where=str(path), remedy="check the path"
        ) from error
    return parse_toml(data, kind, str(path)), data


def _refuse(found: tuple[Problem, ...], path: Path, data: bytes) -> None:
    """Raise the first problem; the others stand in its remedy, each with its line."""
    if not found:
        return
    text = data.decode("utf-8")
    placed = [(_place(path, text, problem.where), problem) for problem in found]
    where, first = placed[0]
    others = "".join(f"\n  also {place}: {problem.message}" for place, problem in placed[1:])
    raise InputError(first.code, first.message, where=where, remedy=first.remedy + others)


def _place(path: Path, text: str, key: str) -> str:
    line = line_of(text, key)
    return f"{path}:{line}, {key}" if line else f"{path}, {key}" if key else str(path)
