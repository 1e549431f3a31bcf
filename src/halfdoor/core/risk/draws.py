"""One joint draw φ of everything uncertain: the same draws for every configuration compared."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from halfdoor.core.risk.distributions import Floats, Quantity, fit

if TYPE_CHECKING:
    from halfdoor.core.risk.document import Uncertain


class Draws:
    """`count` draws from `seed`. Each named input has its own stream, so that adding one moves no other."""

    def __init__(self, seed: int, count: int) -> None:
        """`seed` is an input of the assessment; `count` ≥ 1."""
        self.seed = seed
        self.count = count
        self._uniforms: dict[str, Floats] = {}
        self._drawn: dict[tuple[str, str], Floats] = {}

    def uniform(self, name: str) -> Floats:
        """`count` uniforms in (0, 1), the same for the same seed and name."""
        if name not in self._uniforms:
            key = hashlib.sha256(f"{self.seed}/{name}".encode()).digest()
            generator = np.random.Generator(np.random.PCG64(int.from_bytes(key, "big")))
            # Halfway between grid points: never 0 or 1, whose quantiles may be infinite.
            whole = generator.integers(0, 2**53, self.count).astype(np.float64)
            self._uniforms[name] = (whole + 0.5) / 2**53
        return self._uniforms[name]

    def correlated(self, name: str, factor: str, correlation: float) -> Floats:
        """Uniforms of `name` that hang together with those of `factor`: one-factor normal copula.

        Two names with the same factor are correlated by `correlation` (0-1) on the normal scale.
        """
        own, common = (special.ndtri(self.uniform(n)) for n in (name, factor))
        return np.asarray(special.ndtr(math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own))

    def of(self, name: str, stated: Uncertain, quantity: Quantity, *, stream: str = "") -> Floats:
        """`count` draws of the number stated under `name`, made once.

        `stream` shares another input's uniforms (comonotone). Raises InputError for impossible percentiles.
        """
        key = (name, stream)
        if key not in self._drawn:
            self._drawn[key] = fit(stated, quantity, where=name).quantile(self.uniform(stream or name))
        return self._drawn[key]


def bits(mask: np.ndarray) -> int:
    """A boolean array over draws as one integer: and, or and counting become single operations."""
    return int.from_bytes(np.packbits(mask).tobytes(), "big")


def all_bits(count: int) -> int:
    """The integer whose every draw is set, in the layout of `bits`."""
    padded = -(-count // 8) * 8
    return ((1 << count) - 1) << (padded - count)
