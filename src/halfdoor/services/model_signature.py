"""Signing what somebody may have of a version, so that they can check what they got."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from halfdoor.core.model.signature import bundle, statement, to_sign

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halfdoor.ports import Signer

KEPT_MAX = 1024  # signatures; each is as long as the list of files


@dataclass(frozen=True)
class ModelKey:
    """What signs models: a P-256 key, and its public half as everybody can have it (PEM)."""

    signer: Signer
    public_pem: bytes


def signed(key: ModelKey, files: Iterable[tuple[str, str]], *, name: str = "model") -> bytes:
    """`model.sig` over (path, `sha256:…`) pairs: the same bytes for the same list, as long as it is kept.

    name: of the model, as the statement's subject. Raises HalfdoorError `cannot-sign`.
    """
    return _signed(key, name, tuple(sorted(files)))


@lru_cache(maxsize=KEPT_MAX)
def _signed(key: ModelKey, name: str, files: tuple[tuple[str, str], ...]) -> bytes:
    # Kept: a size that was told in HEAD must be the size of what GET sends, and key services sign at random.
    payload = statement(name, files)
    return bundle(payload, key.signer.sign(to_sign(payload)), key.public_pem)
