"""The keys that a reader of logs trusts: files of verifier keys, or PEM public keys.

# the log of the example institute
example.org/log+1a2b3c4d+AZ…
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.log.keys import Kind, VerifierKey, keys_from_pem, parse_verifier_key
from halfdoor.core.log.note import decode_base64

if TYPE_CHECKING:
    from collections.abc import Iterable

BYTES_MAX = 1_000_000
_PEM = b"-----BEGIN "
_PEM_LINES = b"-----BEGIN PUBLIC KEY-----\n%b\n-----END PUBLIC KEY-----\n"


class Trust(msgspec.Struct, frozen=True):
    """Whose signatures count. `pems` name nobody: whoever gives one vouches that it is the log's."""

    keys: tuple[VerifierKey, ...] = ()
    pems: tuple[bytes, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.keys or self.pems)

    def of(self, origin: str) -> tuple[VerifierKey, ...]:
        """The keys that may sign checkpoints of this origin.

        Where a key carries the log's name, only such keys: another log's key says nothing here. Where none
        does, all: some logs sign under another name than their origin's (the Go checksum database does).
        """
        nameless = [key for pem in self.pems for key in keys_from_pem(pem, origin)]
        named = [key for key in self.keys if key.name == origin]
        return tuple(named or self.keys) + tuple(nameless)


def read_trust(data: bytes, *, where: str = "") -> Trust:
    """Read a file of keys: one on a line, `#` before a comment; or a PEM. Raises InputError `bad-key`."""
    if len(data) > BYTES_MAX:
        raise _bad("it is too long", where)
    if _PEM in data:
        keys_from_pem(data, "its-log", where=where)  # that it is one is said now, not at the first checkpoint
        return Trust(pems=(data,))
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise _bad("it is neither text nor PEM", where) from error
    keys, pems = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        der = decode_base64(line.strip())
        if der is not None:  # as lists of Certificate Transparency logs have it
            pem = _PEM_LINES % line.strip().encode()
            keys_from_pem(pem, "its-log", where=f"{where}:{number}")
            pems.append(pem)
            continue
        key = parse_verifier_key(line, where=f"{where}:{number}")
        if key.kind is Kind.COSIGNATURE:
            remedy = "name witnesses in a policy file (--witnesses)"
            message = "this is the key of a witness, not of a log"
            raise InputError("bad-key", message, where=f"{where}:{number}", remedy=remedy)
        keys.append(key)
    if not keys and not pems:
        raise _bad("no key stands in it", where)
    return Trust(tuple(keys), tuple(pems))


def joined(trusts: Iterable[Trust]) -> Trust:
    """All of them together."""
    every = list(trusts)
    return Trust(
        tuple(dict.fromkeys(key for one in every for key in one.keys)),
        tuple(dict.fromkeys(pem for one in every for pem in one.pems)),
    )


def _bad(why: str, where: str) -> InputError:
    remedy = "give the file of keys that the log's operator published, or a PEM public key"
    return InputError("bad-key", why, where=where, remedy=remedy)
