"""When two computations of one assessment agree: equal but for the last digits of numbers.

Processors differ in the last bits of floating-point results. Figures are rounded before they are written
(probabilities to four decimals, money to three significant digits), so most machines agree to the letter;
where a figure falls on the border of its rounding, it may differ by what is stated here, and no more.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.editions import root_of

if TYPE_CHECKING:
    from halfdoor.core.assessment import Assessment

ABSOLUTE = 0.001  # probabilities, capabilities and shares
RELATIVE = 0.01  # money and days

_NUMBER = re.compile(r"(?<![\w-])\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def agree(stated: Assessment, again: Assessment) -> bool:
    """True where every field agrees, numbers within the tolerance.

    Digests over results are not compared: they differ where a last digit does.
    """
    bare = [msgspec.structs.replace(a, outputs_digest="", withheld={}) for a in (stated, again)]
    left, right = (msgspec.to_builtins(a) for a in bare)
    return _agree(left, right)


def is_intact(stated: Assessment) -> bool:
    """True where what an edition shows belongs to the whole that its `outputs_digest` was taken of."""
    return root_of(stated) == stated.outputs_digest


def _agree(left: object, right: object) -> bool:
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_agree(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_agree, left, right))
    if isinstance(left, float) and isinstance(right, float | int):
        return _near(left, float(right))
    if isinstance(left, str) and isinstance(right, str):
        return left == right or _texts_agree(left, right)
    return left == right


def _texts_agree(left: str, right: str) -> bool:
    """The same words, and numbers in them that are near each other. Digests agree to the letter."""
    if _DIGEST.search(left) or _NUMBER.split(left) != _NUMBER.split(right):
        return False
    pairs = zip(_NUMBER.findall(left), _NUMBER.findall(right), strict=True)
    return all(_near(float(a.replace(",", "")), float(b.replace(",", ""))) for a, b in pairs)


def _near(left: float, right: float) -> bool:
    return math.isclose(left, right, rel_tol=RELATIVE, abs_tol=ABSOLUTE)
