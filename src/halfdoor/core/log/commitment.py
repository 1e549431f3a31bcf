"""Salted commitments: what a log may hold of what is personal.

A commitment is the SHA-256 of the canonical JSON of [name, salt, value]. Whoever is shown salt and value (an
opening) can check it; whoever has destroyed the salt has left a number that stands for nothing, since the
value cannot be tried out without 256 bits of salt. The log itself stays whole.
"""

from __future__ import annotations

from typing import Any

import msgspec

from halfdoor.core.canonical import digest
from halfdoor.core.errors import VerificationError

SALT_BYTES = 32


class Opening(msgspec.Struct, frozen=True):
    """What a commitment stands for. `value` is any JSON; the salt is 32 random bytes, as hexadecimal."""

    name: str
    salt: str
    value: Any

    def commitment(self) -> str:
        """The digest that stands in the entry, `sha256:…`."""
        return digest([self.name, self.salt, self.value])


def opened(name: str, value: Any, salt: bytes) -> Opening:  # noqa: ANN401  any JSON
    """The opening of a new commitment. ValueError unless the salt has 32 bytes; never use one twice."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    return Opening(name, salt.hex(), value)


def verify_opening(opening: Opening, commitment: str) -> None:
    """The opening is of this commitment. Raises VerificationError `not-committed`."""
    if opening.commitment() != commitment:
        message = f"what is shown for {opening.name!r} is not what was committed to"
        raise VerificationError("not-committed", message)
