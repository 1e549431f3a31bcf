"""Pooling experts: Cooke's classical model, and where experts disagree.

The classical model (R. M. Cooke, "Experts in Uncertainty", Oxford University Press 1991; in short: Cooke,
Marti and Mazzuchi 2021, International Journal of Forecasting 37, 378-387) asks experts for percentiles of
quantities whose true values the facilitator knows. Two scores come out:

- calibration: how likely a deviation as large as the one seen would be if the truth really fell between the
  expert's percentiles as often as stated (5, 45, 45 and 5 % of the time). The p-value of 2·N·I(s; p), which
  is nearly chi-square with one degree of freedom less than there are bins.
- information: how narrow the percentiles are, as relative entropy against a flat background over the range of
  all answers and the truth, widened by a tenth on each side; the mean over the questions.

An expert weighs their product, or nothing where calibration is below the cut-off.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from scipy import special

from halfdoor.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEVELS = (0.05, 0.5, 0.95)
OVERSHOOT = 0.1  # of the range of all answers and the truth, on each side
SEEDS_ADVISED = 8  # with fewer, calibration scores tell experts apart badly

Stated = tuple[float, ...]  # one answer: values at the levels, rising


class Score(msgspec.Struct, frozen=True):
    """One expert under the classical model; the weights of all add up to 1."""

    expert: str
    calibration: float
    information: float
    weight: float


class Seed(msgspec.Struct, frozen=True):
    """The truth of a calibration question. logarithmic: its background is flat in the logarithm."""

    truth: float
    logarithmic: bool = False


def cooke(
    answers: Mapping[str, Sequence[Stated]],
    seeds: Sequence[Seed],
    *,
    levels: Sequence[float] = LEVELS,
    cutoff: float = 0.0,
) -> tuple[Score, ...]:
    """Scores and weights of the experts, in their order.

    answers: of each expert, one answer for each seed, strictly rising
    cutoff:  an expert whose calibration is below it weighs nothing
    Raises InputError `no-weight` where nobody is left, `bad-calibration` for answers that do not rise.
    """
    _check(answers, seeds)
    flat = {name: [_scaled(a, s) for a, s in zip(rows, seeds, strict=True)] for name, rows in answers.items()}
    truths = [_scaled((seed.truth,), seed)[0] for seed in seeds]
    scores = []
    for name, rows in flat.items():
        # As stated: two numbers that differ in the last digit have one logarithm.
        right = calibration(answers[name], [seed.truth for seed in seeds], levels)
        spans = [_span([other[i] for other in flat.values()], truth) for i, truth in enumerate(truths)]
        narrow = math.fsum(information(row, span, levels) for row, span in zip(rows, spans, strict=True))
        scores.append((name, right, narrow / len(truths)))
    raw = [right * narrow if right >= cutoff else 0.0 for _, right, narrow in scores]
    total = math.fsum(raw)
    if total <= 0:
        raise InputError(
            "no-weight",
            "no expert is calibrated well enough to weigh anything",
            remedy="lower the cut-off, ask more calibration questions, or pool with equal weights",
        )
    return tuple(
        Score(name, right, narrow, one / total)
        for (name, right, narrow), one in zip(scores, raw, strict=True)
    )


def panel(
    answers: Mapping[str, Sequence[Stated]],
    seeds: Sequence[Seed],
    weights: Mapping[str, float],
    *,
    levels: Sequence[float] = LEVELS,
) -> tuple[float, float]:
    """Calibration and information of the pool itself, at these weights, on the calibration questions.

    Between their percentiles the experts' distributions are flat here, as Cooke's decision maker has it.
    """
    _check(answers, seeds)
    truths, rows, narrow = [], [], []
    total = math.fsum(weights.values())
    for number, seed in enumerate(seeds):
        stated = {name: _scaled(given[number], seed) for name, given in answers.items()}
        truth = _scaled((seed.truth,), seed)[0]
        low, high = _span(list(stated.values()), truth)
        points = np.unique(np.concatenate([[low, high], *stated.values()]))
        mixed = np.zeros_like(points)
        for name, answer in stated.items():
            share = weights[name] / total
            mixed += share * np.interp(points, [low, *answer, high], [0.0, *levels, 1.0])
        row = tuple(float(value) for value in np.interp(levels, mixed, points))
        truths.append(truth)
        rows.append(row)
        narrow.append(information(row, (low, high), levels))
    return calibration(rows, truths, levels), math.fsum(narrow) / len(narrow)


def calibration(answers: Sequence[Stated], truths: Sequence[float], levels: Sequence[float]) -> float:
    """P(a deviation as large or larger | the expert's percentiles are right), 0-1."""
    expected = [b - a for a, b in itertools.pairwise((0.0, *levels, 1.0))]
    seen = [0] * len(expected)
    for answer, truth in zip(answers, truths, strict=True):
        seen[sum(truth > value for value in answer)] += 1
    count = len(truths)
    entropy = math.fsum(s / count * math.log(s / count / p) for s, p in zip(seen, expected, strict=True) if s)
    return float(special.chdtrc(len(expected) - 1, max(2 * count * entropy, 0.0)))


def information(answer: Stated, span: tuple[float, float], levels: Sequence[float]) -> float:
    """Relative entropy of an answer against a flat background over `span`, in nats, at least 0."""
    masses = [b - a for a, b in itertools.pairwise((0.0, *levels, 1.0))]
    widths = [b - a for a, b in itertools.pairwise((span[0], *answer, span[1]))]
    entropy = math.fsum(p * math.log(p / width) for p, width in zip(masses, widths, strict=True))
    return entropy + math.log(span[1] - span[0])


def apart(intervals: Mapping[str, tuple[float, float]]) -> tuple[tuple[str, str], ...]:
    """The pairs of experts whose intervals have no value in common, lower one first."""
    return tuple(
        (low, high)
        for low, high in itertools.permutations(intervals, 2)
        if intervals[low][1] < intervals[high][0]
    )


def _span(answers: Sequence[Stated], truth: float) -> tuple[float, float]:
    """The intrinsic range: of all answers and the truth, and a tenth beyond on each side."""
    values = [truth, *itertools.chain.from_iterable(answers)]
    low, high = min(values), max(values)
    return low - OVERSHOOT * (high - low), high + OVERSHOOT * (high - low)


def _scaled(values: Sequence[float], seed: Seed) -> Stated:
    return tuple(math.log(value) for value in values) if seed.logarithmic else tuple(values)


def _check(answers: Mapping[str, Sequence[Stated]], seeds: Sequence[Seed]) -> None:
    """Answers that are points, or nothing to score, have no score."""
    if not answers or not seeds:
        raise InputError("no-weight", "there is nothing to score", remedy="ask calibration questions")
    for name, rows in answers.items():
        for number, (row, seed) in enumerate(zip(rows, seeds, strict=True), 1):
            if not all(a < b for a, b in itertools.pairwise(row)):
                raise InputError(
                    "bad-calibration",
                    f"{name} states the same value twice in calibration question {number}",
                    remedy="the percentiles have to rise: p5 < p50 < p95",
                )
            if seed.logarithmic and min(*row, seed.truth) <= 0:
                raise InputError(
                    "bad-calibration",
                    f"calibration question {number} is on a logarithmic scale, and {name} states 0 or less",
                    remedy='state numbers above 0, or give the question scale = "uniform"',
                )
