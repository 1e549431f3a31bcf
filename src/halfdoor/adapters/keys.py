"""Private keys: in a file that nobody else may read, or with a key service that a command speaks to.

Files are PEM (PKCS #8), as openssl reads them, encrypted where a passphrase is given.
"""

from __future__ import annotations

import os
import stat
import subprocess
from typing import TYPE_CHECKING, Literal

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from halfdoor.core.errors import HalfdoorError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    Private = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | mldsa.MLDSA44PrivateKey
    Public = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | mldsa.MLDSA44PublicKey

KeyKind = Literal["ed25519", "p256", "ml-dsa-44"]
PASSPHRASE_VARIABLE = "HALFDOOR_KEY_PASSPHRASE"  # noqa: S105  where it is, not what it is
FILE_BYTES_MAX = 65_536
COMMAND_SECONDS_MAX = 30
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class CannotSign(HalfdoorError):  # noqa: N818  named as the port names it
    """The key could not sign; nothing was signed. Exit code 1."""

    exit_code = 1


def passphrase() -> bytes | None:
    """The passphrase of the keys, from HALFDOOR_KEY_PASSPHRASE; None where there is none."""
    found = os.environ.get(PASSPHRASE_VARIABLE)
    return os.fsencode(found) if found else None


def create_key(path: Path, kind: KeyKind, secret: bytes | None = None) -> Public:
    """Make a new private key in a new file that only its owner may read; return its public key.

    Raises InputError `exists`, `cannot-write`, `bad-passphrase`.
    """
    key: Private
    match kind:
        case "ed25519":
            key = ed25519.Ed25519PrivateKey.generate()
        case "p256":
            key = ec.generate_private_key(ec.SECP256R1())
        case "ml-dsa-44":
            key = mldsa.MLDSA44PrivateKey.generate()
    sealed = BestAvailableEncryption(secret) if secret else NoEncryption()
    try:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)
    except ValueError as error:
        raise InputError("bad-passphrase", f"the passphrase cannot be used: {error}") from error
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        remedy = "a key is never written over: move the old one away first"
        raise InputError("exists", "there is a key already", where=str(path), remedy=remedy) from error
    except OSError as error:
        raise InputError("cannot-write", f"cannot write it: {error.strerror}", where=str(path)) from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(pem)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise InputError("cannot-write", f"cannot write it: {error.strerror}", where=str(path)) from error
    return key.public_key()


def load_key(path: Path, secret: bytes | None = None) -> FileSigner:
    """The private key in a file.

    Raises InputError: `unreadable`, `key-exposed` where others may read or change it, `needs-passphrase`,
    `bad-key`.
    """
    try:
        if not path.is_file():  # opening a pipe would wait for somebody to write
            raise InputError("unreadable", "there is no key file here", where=str(path))
        for place in (path.parent, path):
            state = place.stat()
            if state.st_mode & _OTHERS or state.st_uid != os.geteuid():
                raise InputError(
                    "key-exposed",
                    "others than its owner may read this, so it keeps no secret",
                    where=str(place),
                    remedy=f"chmod {'700' if place == path.parent else '600'} {place}; think of a new key",
                )
        with path.open("rb") as stream:
            pem = stream.read(FILE_BYTES_MAX)
    except OSError as error:
        raise InputError("unreadable", f"cannot read the key: {error.strerror}", where=str(path)) from error
    try:
        key = load_pem_private_key(pem, secret if b"ENCRYPTED" in pem else None)
    except TypeError as error:
        remedy = f"set {PASSPHRASE_VARIABLE}"
        raise InputError(
            "needs-passphrase", "the key is encrypted", where=str(path), remedy=remedy
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        remedy = "is it a PEM private key, and the passphrase the right one?"
        raise InputError("bad-key", "the key cannot be read", where=str(path), remedy=remedy) from error
    if isinstance(key, ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | mldsa.MLDSA44PrivateKey):
        return FileSigner(key)
    raise InputError("bad-key", "the key is of no kind that signs here", where=str(path))


class FileSigner:
    """A key from a file (ports.Signer)."""

    def __init__(self, key: Private) -> None:
        self._key = key

    @property
    def public(self) -> Public:
        """Its public key."""
        return self._key.public_key()

    def sign(self, message: bytes) -> bytes:
        """As the port says."""
        if isinstance(self._key, ec.EllipticCurvePrivateKey):
            # Deterministic (RFC 6979): the same message is signed by the same bytes, however often.
            return self._key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))
        return self._key.sign(message)


class CommandSigner:
    """A key that never leaves its service: a command gets the message and prints the raw signature."""

    def __init__(self, command: Sequence[str], public: Public) -> None:
        """`command`: a program and its arguments, no shell. `public`: what its signatures must fit."""
        self._command = list(command)
        self.public = public

    def sign(self, message: bytes) -> bytes:
        """As the port says: the message on standard input, the signature's bytes on standard output."""
        name = self._command[0]
        try:
            ended = subprocess.run(  # noqa: S603  the operator's own configuration names the program
                self._command, input=message, capture_output=True, timeout=COMMAND_SECONDS_MAX, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise CannotSign("cannot-sign", f"{name} could not be run or did not answer: {error}") from error
        if ended.returncode:
            said = ended.stderr.decode(errors="replace").strip()[-200:]
            raise CannotSign("cannot-sign", f"{name} ended with {ended.returncode}: {said}")
        check_signature(self.public, message, ended.stdout)
        return ended.stdout


def check_signature(public: Public, message: bytes, signature: bytes) -> None:
    """The signature fits. Raises CannotSign: a key that signs something else than asked is of no use."""
    try:
        if isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(signature, message, ec.ECDSA(SHA256()))
        else:
            public.verify(signature, message)
    except InvalidSignature as error:
        message_ = "the signature that came back does not fit the public key"
        raise CannotSign("cannot-sign", message_, remedy="is it the right key?") from error
