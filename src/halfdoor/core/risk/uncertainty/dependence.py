"""Inputs that hang together: a normal copula with a stated correlation matrix, at a million draws a blink.

Each input keeps its own stream of uniforms and its own distribution; only how they move together changes. At
correlation 0 the draws are those of `Draws` by itself. Products of powers are sums of logarithms.

What an assessment's digest rests on must not depend on the machine's linear algebra library, whose last
digits differ: correlating uses element by element arithmetic in a fixed order, and `products` does so unless
told otherwise.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from halfdoor.core.errors import InputError
from halfdoor.core.risk.uncertainty.draws import stream, uniforms
from halfdoor.core.risk.uncertainty.quantiles import NORMAL_GRID, TABLE_POINTS, on_normal_grid

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halfdoor.core.risk.uncertainty.distributions import Fitted, Floats
    from halfdoor.core.risk.uncertainty.draws import Draws

CHUNK_DRAWS = 25_000  # what is in hand fits a processor's cache
_ROUNDING = 1e-9


class Dependence:
    """A named correlation matrix on the normal scale, and its Cholesky factor."""

    def __init__(self, names: Sequence[str], correlation: Sequence[Sequence[float]]) -> None:
        """Raises InputError `bad-correlation` unless symmetric, 1 on the diagonal, and possible."""
        self.names = tuple(names)
        self.factor = _cholesky(correlation, len(self.names))

    @classmethod
    def alike(cls, names: Sequence[str], correlation: float) -> Dependence:
        """Every two of the inputs correlated by the same number."""
        count = len(names)
        return cls(names, [[1.0 if i == j else correlation for j in range(count)] for i in range(count)])

    def correlate(self, independent: Floats) -> Floats:
        """Independent normal scores (inputs × draws) made to hang together."""
        result = np.empty_like(independent)
        room = np.empty(independent.shape[1:])
        for row, weights in enumerate(self.factor):
            np.multiply(independent[row], weights[row], out=result[row])
            for column, weight in enumerate(weights[:row]):
                if weight:
                    np.multiply(independent[column], weight, out=room)
                    result[row] += room
        return result

    def uniforms(self, draws: Draws) -> dict[str, Floats]:
        """Uniforms by name, for `Fitted.quantile`: those of the draws' own streams, made to hang together."""
        normals = self.correlate(np.array([special.ndtri(draws.uniform(name)) for name in self.names]))
        return dict(zip(self.names, special.ndtr(normals), strict=True))

    def normals(self, seed: int, count: int, chunk: int = CHUNK_DRAWS) -> Iterator[Floats]:
        """Correlated normal scores (inputs × draws), chunk by chunk; the numbers do not depend on `chunk`."""
        streams = [stream(seed, name) for name in self.names]
        for start in range(0, count, chunk):
            size = min(chunk, count - start)
            yield self.correlate(special.ndtri(np.array([uniforms(source, size) for source in streams])))


class Logarithms:
    """The logarithms of several inputs' values, from their normal scores.

    A lognormal's is linear in the score; all others come from a table, off by less than 1e-6.
    """

    def __init__(self, inputs: Sequence[Fitted]) -> None:
        """Quantities that may be 0 have no logarithm: an impossible input is one of the caller's."""
        self._inputs = tuple(inputs)
        self._tables = [None if fitted.kind == "lognormal" else _log_table(fitted) for fitted in inputs]

    def of(self, normals: Floats) -> Floats:
        """Logarithms (inputs × draws)."""
        result = np.empty_like(normals)
        for row, (fitted, table) in enumerate(zip(self._inputs, self._tables, strict=True)):
            if table is None:
                mu, sigma = fitted.parameters
                np.multiply(normals[row], sigma, out=result[row])
                result[row] += mu
            else:
                result[row] = on_normal_grid(table, normals[row])
        return result


def products(logarithms: Floats, exponents: Floats, *, same_everywhere: bool = True) -> Floats:
    """Products of powers (cells × draws) from logarithms (inputs × draws) and exponents (cells × inputs).

    One matrix product where the last digits may differ between machines, else sums in a fixed order.
    """
    if not same_everywhere:
        sums = exponents @ logarithms
    else:
        sums = np.zeros((len(exponents), logarithms.shape[1]))
        for cell, powers in enumerate(exponents):
            for row, power in enumerate(powers):
                if power:
                    sums[cell] += power * logarithms[row]
    return np.asarray(np.exp(sums, out=sums))


def _log_table(fitted: Fitted) -> Floats:
    levels = special.ndtr(NORMAL_GRID)
    parts = np.array_split(levels, -(-levels.size // TABLE_POINTS))  # few at a time are worked out exactly
    values = np.concatenate([fitted.quantile(part) for part in parts])
    limits = np.finfo(np.float64)  # beyond what 53 bits of uniform reach, a quantile may be 0 or infinite
    return np.asarray(np.log(np.clip(values, limits.tiny, limits.max)))


def _cholesky(matrix: Sequence[Sequence[float]], count: int) -> list[list[float]]:
    """The lower factor, in plain Python: small, and the same on every machine."""
    wrong = (
        len(matrix) != count
        or any(len(row) != count for row in matrix)
        or any(not abs(matrix[i][i] - 1) <= _ROUNDING for i in range(count))
        or any(not abs(matrix[i][j] - matrix[j][i]) <= _ROUNDING for i in range(count) for j in range(i))
    )
    factor = [[0.0] * count for _ in range(count)]
    for i in range(0 if wrong else count):
        for j in range(i + 1):
            rest = matrix[i][j] - sum(factor[i][k] * factor[j][k] for k in range(j))
            if i == j:
                wrong = wrong or not rest >= -_ROUNDING
                factor[i][i] = math.sqrt(max(rest, 0.0))
            elif factor[j][j] > _ROUNDING:
                factor[i][j] = rest / factor[j][j]
            else:
                wrong = wrong or not abs(rest) <= math.sqrt(_ROUNDING)
    if wrong:
        raise InputError(
            "bad-correlation",
            "this is not a correlation matrix",
            remedy="state a symmetric matrix with 1 on its diagonal that some quantities can have together",
        )
    return factor
