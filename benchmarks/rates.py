"""Dependent draws: draws × cells per second, beside a plain numpy loop, squigglepy and OpenTURNS.

Everybody does the same: 12 inputs, 5 of them Betas and 7 lognormals, every two correlated by a half; 30
cells, each the product of some inputs; of each cell the mean. A slow peer is given fewer draws, and the rates
are compared. One core for all.
"""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import openturns as ot
import squigglepy as sq
from measured import Row, runs_asked, table
from numpy.typing import NDArray
from scipy import special

from halfdoor.core.risk.uncertainty.dependence import Dependence, Logarithms, products
from halfdoor.core.risk.uncertainty.distributions import Fitted

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]

DRAWS, CELLS, CORRELATION = 1_000_000, 30, 0.5
BETAS = ((2.0, 8.0), (3.0, 3.0), (1.5, 6.0), (8.0, 2.0), (4.0, 10.0))
LOGNORMALS = ((0.0, 0.5), (1.0, 0.7), (2.0, 0.4), (-1.0, 0.6), (0.5, 0.3), (3.0, 0.5), (-2.0, 0.4))
INPUTS = len(BETAS) + len(LOGNORMALS)
_picked = np.random.default_rng(7).random((CELLS, INPUTS))
USED = _picked <= np.sort(_picked, axis=1)[:, 4:5]  # five inputs in each cell
AGREE = 0.1  # of the means of two programs, relative

# The goals: times as fast.
NUMPY_LOOP_MIN, SQUIGGLEPY_MIN, OPENTURNS_MIN = 3, 10, 5


def rates(runs: int) -> list[Row]:
    """Ours first, then how many times as fast as each peer."""
    ours, means = _rate(_ours, DRAWS, runs)
    rows = [Row(f"draws × cells per second, {DRAWS:,} × {INPUTS} × {CELLS}", f"{ours:.3g}")]
    for name, peer, draws, least in (
        ("a plain numpy loop", _numpy_loop, DRAWS, NUMPY_LOOP_MIN),
        ("squigglepy", _squigglepy, DRAWS // 10, SQUIGGLEPY_MIN),
        ("OpenTURNS' copula", _openturns, DRAWS // 5, OPENTURNS_MIN),
    ):
        theirs, also = _rate(peer, draws, 1)
        if not np.allclose(also, means, rtol=AGREE):
            sys.exit(f"{name} gives other means than ours")
        fewer = f" ({draws:,} draws)" if draws < DRAWS else ""
        ratio = ours / theirs
        rows.append(Row(f"ours / {name}{fewer}", f"{ratio:.1f} ×", f"≥ {least} ×", ratio >= least))
    return rows


def _rate(work: Callable[[int], Floats], draws: int, runs: int) -> tuple[float, Floats]:
    best, means = math.inf, np.zeros(CELLS)
    for _ in range(runs):
        started = time.perf_counter()
        means = work(draws)
        best = min(best, time.perf_counter() - started)
    return draws * CELLS / best, means


def _ours(draws: int) -> Floats:
    inputs = [Fitted("beta", pair) for pair in BETAS] + [Fitted("lognormal", pair) for pair in LOGNORMALS]
    together = Dependence.alike([str(n) for n in range(INPUTS)], CORRELATION)
    logarithms, exponents, total = Logarithms(inputs), USED.astype(np.float64), np.zeros(CELLS)
    for normals in together.normals(1, draws):
        total += products(logarithms.of(normals), exponents, same_everywhere=False).sum(axis=1)
    return np.asarray(total / draws)


def _cells(values: list[Floats]) -> Floats:
    """The peers' cells: one product after the other."""
    means = []
    for used in USED:
        cell = np.ones_like(values[0])
        for value, wanted in zip(values, used, strict=True):
            if wanted:
                cell = cell * value
        means.append(cell.mean())
    return np.array(means)


def _matrix() -> Floats:
    matrix: Floats = np.full((INPUTS, INPUTS), CORRELATION)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def _numpy_loop(draws: int) -> Floats:
    rng = np.random.default_rng(1)
    normals = np.linalg.cholesky(_matrix()) @ rng.standard_normal((INPUTS, draws))
    values = [special.betaincinv(a, b, special.ndtr(z)) for (a, b), z in zip(BETAS, normals, strict=False)]
    values += [np.exp(m + s * z) for (m, s), z in zip(LOGNORMALS, normals[len(BETAS) :], strict=True)]
    return _cells(values)


def _squigglepy(draws: int) -> Floats:
    """Its correlations are of ranks, by reordering (Iman and Conover 1982)."""
    sq.set_seed(1)
    inputs = [sq.beta(a, b) for a, b in BETAS]
    inputs += [
        sq.lognorm(lognorm_mean=math.exp(m + s * s / 2), lognorm_sd=_deviation(m, s)) for m, s in LOGNORMALS
    ]
    ranks = 6 / math.pi * math.asin(CORRELATION / 2)
    matrix = np.where(_matrix() == 1, 1.0, ranks)
    together = sq.correlate(tuple(inputs), matrix, tolerance=0.1)
    return _cells([np.asarray(sq.sample(one, draws)) for one in together])


def _deviation(mu: float, sigma: float) -> float:
    return math.sqrt(math.expm1(sigma**2)) * math.exp(mu + sigma**2 / 2)


def _openturns(draws: int) -> Floats:
    ot.RandomGenerator.SetSeed(1)
    inputs = [ot.Beta(a, b, 0.0, 1.0) for a, b in BETAS] + [ot.LogNormal(m, s, 0.0) for m, s in LOGNORMALS]
    matrix = ot.CorrelationMatrix(_matrix().tolist())
    sample = ot.JointDistribution(inputs, ot.NormalCopula(matrix)).getSample(draws)
    return _cells(list(np.ascontiguousarray(np.asarray(sample).T)))


if __name__ == "__main__":
    print(table("Dependent draws", rates(runs_asked())))
