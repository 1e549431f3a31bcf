"""The questionnaire an expert fills in, the truths the facilitator keeps, and whether answers can be used."""

from __future__ import annotations

import datetime as dt
import math
from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.model.dossier import Table
from halfdoor.core.risk.document import Spread
from halfdoor.core.risk.experts.addresses import nearest_address
from halfdoor.core.risk.problem import Problem, Problems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halfdoor.core.risk.experts.numbers import Number

Scale = Literal["uniform", "log"]


class Calibration(Table, frozen=True):
    """`[[calibration]]`: a question whose answer is known; it scores the expert and moves no number."""

    id: str
    words: str
    unit: str = ""
    scale: Scale = "uniform"  # log: for quantities that span powers of ten
    p5: float | None = None
    p50: float | None = None
    p95: float | None = None


class Asked(Table, frozen=True):
    """`[[question]]`: one number of the risk model. Without p5, p50 and p95 it is skipped."""

    number: str  # its address
    words: str = ""
    unit: str = ""
    now: str = ""  # the model's own value, where the facilitator chose to show it
    p5: float | None = None
    p50: float | None = None
    p95: float | None = None
    rationale: str = ""


class Questionnaire(Table, frozen=True):
    """The whole questionnaire. `expert` is a name or an id; `model_digest` that of the model asked about."""

    schema: Literal["halfdoor/questionnaire/1"]
    risk_model: str
    version: str = ""
    model_digest: str = ""
    expert: str = ""
    answered: dt.date | None = None
    calibration: tuple[Calibration, ...] = ()
    question: tuple[Asked, ...] = ()


class Questions(Table, frozen=True):
    """Calibration questions to be put into questionnaires (`halfdoor/calibration/1`); no answers in it."""

    schema: Literal["halfdoor/calibration/1"]
    calibration: tuple[Calibration, ...] = ()


class Truth(Table, frozen=True):
    """`[[truth]]`: what is so, and where that stands."""

    id: str
    value: float
    source: str = ""


class Truths(Table, frozen=True):
    """The answers to calibration questions (`halfdoor/truths/1`), kept by the facilitator."""

    schema: Literal["halfdoor/truths/1"]
    truth: tuple[Truth, ...] = ()


class Expert(msgspec.Struct, frozen=True):
    """What one expert answered: address -> spread, and the reasons given."""

    name: str
    answered: dt.date | None
    digest: str
    file: str
    answers: dict[str, Spread]
    rationale: dict[str, str]
    calibration: dict[str, tuple[float, float, float]]


def expert_of(paper: Questionnaire, file: str, digest: str) -> Expert:
    """The answers of a checked questionnaire; what was skipped is left out."""
    answers = {q.number: _spread(q) for q in paper.question if _filled(q)}
    return Expert(
        name=paper.expert,
        answered=paper.answered,
        digest=digest,
        file=file,
        answers=answers,
        rationale={q.number: " ".join(q.rationale.split()) for q in paper.question if _filled(q)},
        calibration={
            c.id: (c.p5, c.p50, c.p95)
            for c in paper.calibration
            if c.p5 is not None and c.p50 is not None and c.p95 is not None
        },
    )


def check(paper: Questionnaire, found: Mapping[str, Number]) -> tuple[Problem, ...]:
    """All problems of a filled-in questionnaire, against the numbers of the model it is about."""
    problems = Problems()
    if not paper.expert.strip():
        problems.error("no-expert", "it does not say whose answers these are", "expert", "a name or an id")
    problems.unique((c.id for c in paper.calibration), "calibration")
    seen: set[str] = set()
    for index, row in enumerate(paper.question):
        at = f"question[{index}]"
        if row.number in seen:
            problems.error(
                "duplicate-id", f"{row.number!r} is asked twice", f"{at}.number", "remove one of them"
            )
        seen.add(row.number)
        number = found.get(row.number)
        if number is None:
            message = f"the risk model has no number {row.number!r}"
            problems.error("unknown-number", message, f"{at}.number", nearest_address(row.number, found))
        elif _whole(row, at, problems):
            problems.number(_spread(row), number.quantity, at)
    for index, seed in enumerate(paper.calibration):
        at = f"calibration[{index}]"
        if _whole(seed, at, problems) and not _rising(seed):
            problems.error(
                "bad-percentiles", "the percentiles do not rise", at, "state p5 < p50 < p95, each of its own"
            )
    return tuple(problems.found)


def _filled(row: Asked | Calibration) -> bool:
    return None not in (row.p5, row.p50, row.p95)


def _whole(row: Asked | Calibration, at: str, problems: Problems) -> bool:
    """True where all three percentiles are stated; some of them is an error, none a skipped question."""
    missing = [name for name in ("p5", "p50", "p95") if getattr(row, name) is None]
    if 0 < len(missing) < 3:  # noqa: PLR2004  the three percentiles
        message = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        problems.error("half-answered", message, at, "state p5, p50 and p95, or none of them to skip it")
    return not missing


def _rising(row: Calibration) -> bool:
    """A point has no score, so the percentiles of a calibration question have to differ."""
    values = [value for value in (row.p5, row.p50, row.p95) if value is not None]
    return all(math.isfinite(value) for value in values) and values == sorted(set(values))


def _spread(row: Asked) -> Spread:
    return Spread(p5=row.p5, p50=row.p50, p95=row.p95)
