"""One joint draw φ of everything uncertain: the same draws for every configuration compared."""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from halfdoor.core.risk.uncertainty.distributions import Floats, Mask, Quantity, fit
from halfdoor.core.risk.uncertainty.kept import Kept
from halfdoor.core.risk.uncertainty.quantiles import Levels

if TYPE_CHECKING:
    from halfdoor.core.risk.document import Uncertain

_DOUBLE = 8  # bytes
_LEVELS = 5 * _DOUBLE  # bytes for each draw: the uniform, its score, its place in the table, room to work


class Draws:
    """`count` draws from `seed`. Each named input has its own stream, so that adding one moves no other.

    What was drawn is kept as long as there is room and drawn anew after that, the same numbers again: ten
    thousand inputs or a million draws need no more memory than a few.
    """

    def __init__(self, seed: int, count: int) -> None:
        """`seed` is an input of the assessment; `count` ≥ 1."""
        self.seed = seed
        self.count = count
        self.kept = Kept()

    def uniform(self, name: str) -> Floats:
        """`count` uniforms in (0, 1), the same for the same seed and name."""
        return uniforms(stream(self.seed, name), self.count)

    def levels(self, name: str) -> Levels:
        """The uniforms of `name` with what several quantile functions need of them."""
        return self.kept.get(("levels", name), _LEVELS * self.count, lambda: Levels(self.uniform(name)))

    def correlated(self, name: str, factor: str, correlation: float) -> Floats:
        """Uniforms of `name` that hang together with those of `factor`: one-factor normal copula.

        Two names with the same factor are correlated by `correlation` (0-1) on the normal scale.
        """
        own, common = (special.ndtri(self.uniform(n)) for n in (name, factor))
        return np.asarray(special.ndtr(math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own))

    def of(self, name: str, stated: Uncertain, quantity: Quantity, *, stream: str = "") -> Floats:
        """`count` draws of the number stated under `name`: read only.

        `stream` shares another input's uniforms (comonotone). Raises InputError for impossible percentiles.
        """
        fitted = fit(stated, quantity, where=name)
        if fitted.kind == "constant":
            return np.broadcast_to(np.float64(fitted.parameters[0]), (self.count,))

        def make() -> Floats:
            drawn = fitted.quantile(self.levels(stream) if stream else Levels(self.uniform(name)))
            drawn.flags.writeable = False
            return drawn

        return self.kept.get((fitted, stream or name), _DOUBLE * self.count, make)


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one named input."""
    key = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key, "big")))


def uniforms(generator: np.random.Generator, count: int) -> Floats:
    """The next `count` uniforms, halfway between grid points: the quantiles of 0 and 1 may be infinite."""
    return (generator.integers(0, 2**53, count).astype(np.float64) + 0.5) / 2**53


def bits(mask: np.ndarray) -> int:
    """A boolean array over draws as one integer: and, or and counting become single operations."""
    return int.from_bytes(np.packbits(mask).tobytes(), "big")


def unpacked(packed: int, count: int) -> Mask:
    """The boolean array over draws that `bits` made an integer of."""
    rows = np.frombuffer(packed.to_bytes(-(-count // 8), "big"), dtype=np.uint8)
    return np.unpackbits(rows, count=count).astype(np.bool_)


def all_bits(count: int) -> int:
    """The integer whose every draw is set, in the layout of `bits`."""
    padded = -(-count // 8) * 8
    return ((1 << count) - 1) << (padded - count)
