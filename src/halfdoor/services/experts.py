"""Asking experts: a questionnaire out of a risk model, and answers back into it, pooled and owned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.canonical import digest
from halfdoor.core.errors import InputError
from halfdoor.core.model.words import listed
from halfdoor.core.risk import check as risk_check
from halfdoor.core.risk.document import RiskModel
from halfdoor.core.risk.experts.addresses import choose, numbers
from halfdoor.core.risk.experts.pooling import SEEDS_ADVISED, Score, Seed, cooke, panel
from halfdoor.core.risk.problem import Problem
from halfdoor.readers.atomic import write_new
from halfdoor.readers.library import load_risk_model, source_text
from halfdoor.readers.questionnaire import read_answers, read_calibration, read_truths
from halfdoor.readers.toml import parse_toml
from halfdoor.services.model_edit import Edit, edited
from halfdoor.services.pools import PooledNumber, Weights, pool_edits, pool_head, pooled_number
from halfdoor.services.questionnaire_text import questionnaire_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halfdoor.core.risk.experts.questionnaire import Expert, Questionnaire


_MARK = "+experts"  # on the version of a model with pools in it


class PanelScore(msgspec.Struct, frozen=True):
    """How the pool itself does on the calibration questions, under one way of weighing."""

    weights: Weights
    calibration: float
    information: float


class Merged(msgspec.Struct, frozen=True):
    """The result of a merge. `problems`: what `risk check` says of the new model; lints only.

    panels: the pool with Cooke's weights and with equal ones, where calibration questions were asked
    """

    file: str
    model: str
    weights: Weights
    scores: list[Score]
    panels: list[PanelScore]
    numbers: list[PooledNumber]
    notes: list[str]
    problems: list[Problem]


class Asked(msgspec.Struct, frozen=True):
    """A questionnaire that was written."""

    file: Path
    questions: int
    calibration: int


def ask(
    model: str,
    out: Path,
    *,
    patterns: Sequence[str] = (),
    expert: str = "",
    calibration: Path | None = None,
    show_current: bool = False,
) -> Asked:
    """Write a questionnaire for one expert.

    patterns: as `core.risk.addresses.choose`; none: the numbers that rest on judgement
    Raises InputError: of the model, of the calibration questions, `unknown-number`, `no-questions`, `exists`,
    `cannot-write`.
    """
    risk_model = load_risk_model(model)
    chosen = choose(numbers(risk_model), patterns)
    if not chosen:
        raise InputError(
            "no-questions",
            "no number of this model rests on judgement",
            where=model,
            remedy="name some with --numbers",
        )
    seeds = read_calibration(calibration) if calibration else ()
    body = questionnaire_text(
        chosen,
        seeds,
        model=(risk_model.name, risk_model.version, digest(risk_model)),
        expert=expert,
        show_current=show_current,
    )
    write_new(out, body)
    return Asked(out, len(chosen), len(seeds))


def merge(
    model: str,
    answers: Sequence[Path],
    out: Path,
    *,
    weights: Weights = "equal",
    truths: Path | None = None,
    cutoff: float = 0.0,
) -> Merged:
    """Pool experts' answers into a new risk model; nothing is written where anything is wrong.

    truths: of the calibration questions; needed for Cooke's weights, with equal ones only scored and shown
    Raises InputError: of the model, of the first wrong answer, `same-expert`, `other-model`, `no-answers`,
    those of weighing, `cannot-edit`, `exists`, `cannot-write`, or with the code of the first error that the
    new model would have.
    """
    risk_model = load_risk_model(model)
    found = numbers(risk_model)
    papers = [read_answers(path, found) for path in answers]
    experts = [expert for _, expert in papers]
    notes = _belong(papers, risk_model)
    if weights == "cooke" and truths is None:
        raise InputError(
            "no-truths", "Cooke's weights need the truths", where="--truths", remedy="add --truths FILE"
        )
    scores, panels = _scores(papers, truths, cutoff, notes) if truths else ((), [])
    weighing = {score.expert: score.weight for score in scores} if weights == "cooke" else None
    pools = [
        pooled_number(found[a], experts, weighing) for a in found if any(a in e.answers for e in experts)
    ]
    if not any(spread is not None for _, spread in pools):
        raise InputError(
            "no-answers", "no question is answered", where=str(answers[0]), remedy="fill some in"
        )
    edits = pool_edits(found, pools, experts, weights)
    if not risk_model.version.endswith(_MARK):
        edits.append(Edit(("version",), risk_model.version + _MARK))
    body = pool_head(experts, risk_model, weights) + edited(source_text("risk_models", model), edits)
    problems = risk_check.check(parse_toml(body.encode(), RiskModel, str(out)))
    for problem in problems:
        if not problem.lint:
            raise InputError(problem.code, problem.message, where=problem.where, remedy=problem.remedy)
    write_new(out, body)
    return Merged(
        file=str(out),
        model=f"{risk_model.name} {risk_model.version}",
        weights=weights,
        scores=list(scores),
        panels=panels,
        numbers=[number for number, _ in pools],
        notes=notes,
        problems=list(problems),
    )


def _belong(papers: Sequence[tuple[Questionnaire, Expert]], model: RiskModel) -> list[str]:
    """Refuse answers about another model or by the same expert twice; notes on what is merely odd."""
    notes, seen = [], dict[str, str]()
    for paper, expert in papers:
        if paper.risk_model != model.name:
            raise InputError(
                "other-model",
                f"these answers are about {paper.risk_model!r}, not about {model.name!r}",
                where=expert.file,
                remedy="merge them into the model that was asked about",
            )
        known = expert.name.strip().casefold()
        if known in seen:
            raise InputError(
                "same-expert",
                f"{expert.name!r} answers here and in {seen[known]}",
                where=expert.file,
                remedy="merge one of the two, or give different people different names",
            )
        seen[known] = expert.file
        if paper.model_digest and paper.model_digest != digest(model):
            notes.append(
                f"{expert.name} was asked about {paper.risk_model} {paper.version} as it then stood; "
                "the model has changed since."
            )
        if not expert.answers:
            notes.append(f"{expert.name} answered no question about the model.")
    return notes


def _scores(
    papers: Sequence[tuple[Questionnaire, Expert]], truths: Path, cutoff: float, notes: list[str]
) -> tuple[tuple[Score, ...], list[PanelScore]]:
    """How each expert does on the calibration questions, and how the pool does with either weights."""
    known = read_truths(truths)
    if not known:
        raise InputError("no-truths", "there is no truth in it", where=str(truths), remedy="add [[truth]]")
    scales = {row.id: row.scale for paper, _ in papers for row in paper.calibration}
    for _, expert in papers:
        for id_ in known:
            if id_ not in expert.calibration:
                raise InputError(
                    "not-calibrated",
                    f"{expert.name} has not answered calibration question {id_!r}",
                    where=expert.file,
                    remedy="have it answered, leave the expert out, or pool with equal weights and no truths",
                )
    spare = sorted({id_ for _, expert in papers for id_ in expert.calibration} - set(known))
    if spare:
        notes.append(f"No truth is stated for {listed(spare)}, so nothing is made of the answers to that.")
    if len(known) < SEEDS_ADVISED:
        notes.append(f"{len(known)} calibration questions say little; {SEEDS_ADVISED} or more are better.")
    answers = {expert.name: [expert.calibration[id_] for id_ in known] for _, expert in papers}
    seeds = [Seed(value, scales[id_] == "log") for id_, value in known.items()]
    scores = cooke(answers, seeds, cutoff=cutoff)
    ways: dict[Weights, dict[str, float]] = {
        "cooke": {score.expert: score.weight for score in scores},
        "equal": dict.fromkeys(answers, 1.0),
    }
    return scores, [PanelScore(way, *panel(answers, seeds, each)) for way, each in ways.items()]
