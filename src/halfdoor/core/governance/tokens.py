"""Secrets that people and clients show: how they are written, recognised and stored.

A secret is a prefix, 30 characters drawn at random (178 bits) and a checksum of 6: a CRC32, as others use for
theirs, so that a scanner of source code tells a real one from an accident without asking anybody. Only its
SHA-256 is stored. With so many bits a plain hash is enough: there is nothing to guess.
"""

from __future__ import annotations

import hashlib
import re
import zlib

TOKEN = "hd_"  # noqa: S105  the prefix of every token, not one
INVITATION = "hdi_"
RANDOM_BYTES = 32  # reduced to 178 bits; what is left over makes the reduction even
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARACTERS, _CHECK_CHARACTERS = 30, 6
_BODY = re.compile(rf"[0-9A-Za-z]{{{_RANDOM_CHARACTERS + _CHECK_CHARACTERS}}}")
_SHOWN_MAX = 256  # of a secret that somebody shows; a longer one is none


def new_secret(random: bytes, prefix: str = TOKEN) -> str:
    """A new secret from 32 random bytes. ValueError where there are fewer."""
    if len(random) < RANDOM_BYTES:
        raise ValueError(f"a secret takes {RANDOM_BYTES} random bytes")
    body = prefix + _written(int.from_bytes(random, "big"), _RANDOM_CHARACTERS)
    return body + _checksum(body)


def looks_right(secret: str, prefix: str = TOKEN) -> bool:
    """Well-formed, with the right checksum. Says nothing of whether it was ever issued."""
    if not secret.startswith(prefix) or not _BODY.fullmatch(secret[len(prefix) :]):
        return False
    return secret[-_CHECK_CHARACTERS:] == _checksum(secret[:-_CHECK_CHARACTERS])


def secret_hash(secret: str) -> bytes:
    """What is stored of a secret: SHA-256, 32 bytes. Works on whatever somebody shows."""
    return hashlib.sha256(secret[:_SHOWN_MAX].encode("utf-8", "surrogatepass")).digest()


def _checksum(body: str) -> str:
    return _written(zlib.crc32(body.encode()), _CHECK_CHARACTERS)


def _written(number: int, characters: int) -> str:
    digits = []
    for _ in range(characters):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
