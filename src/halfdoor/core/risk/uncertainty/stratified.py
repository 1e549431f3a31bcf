"""Draws that are spread evenly over each number, for percentiles that hardly hang on the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from halfdoor.core.risk.uncertainty.draws import Draws, stream, uniforms

if TYPE_CHECKING:
    from halfdoor.core.risk.uncertainty.distributions import Floats


class Stratified(Draws):
    """A Latin hypercube: each stream has one value in every interval of width 1/count, in random order.

    Of a number by itself every percentile is right to 1/count. After McKay, Beckman and Conover 1979.
    """

    def uniform(self, name: str) -> Floats:
        """`count` uniforms in (0, 1), the same for the same seed and name."""
        generator = stream(self.seed, name)
        strata = generator.permutation(self.count)
        return np.minimum((strata + uniforms(generator, self.count)) / self.count, 1 - 2**-53)
