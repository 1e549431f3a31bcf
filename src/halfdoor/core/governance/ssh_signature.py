"""SSH signatures over documents, as `ssh-keygen -Y sign` makes them (PROTOCOL.sshsig, PROTOCOL.u2f).

Only what OpenSSH itself writes is accepted: one armoured signature of version 1 in one namespace, over
SHA-256 or SHA-512, by Ed25519, ECDSA on NIST's curves, RSA with SHA-2, or a touched security key. All
else is refused: fields that mean nothing, bytes left over, numbers written in a longer way than needed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from halfdoor.core.governance.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

NAMESPACE: Final = "halfdoor-decision"
SIGNATURE_MAX = 16_384  # characters; RSA with 16384 bits takes about 6000

_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_MAGIC = b"SSHSIG"
_VERSION = 1
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_TOUCHED = 0x01  # the flag by which a security key says that somebody was there
_RSA = {b"rsa-sha2-256": hashes.SHA256, b"rsa-sha2-512": hashes.SHA512}
_RSA_BITS_MIN, _RSA_BITS_MAX = 2048, 16_384
_NISTP256 = b"nistp256"
_CURVES: dict[bytes, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    _NISTP256: (ec.SECP256R1(), hashes.SHA256()),
    b"nistp384": (ec.SECP384R1(), hashes.SHA384()),
    b"nistp521": (ec.SECP521R1(), hashes.SHA512()),
}


class _Malformed(Exception):  # noqa: N818  said where it is caught, as a refusal
    """Not what OpenSSH writes."""


class _Signed(msgspec.Struct, frozen=True):
    """A signature taken apart."""

    key: bytes  # as the wire has it
    namespace: bytes
    hash: bytes
    signature: bytes  # with its algorithm


def command(document: str) -> str:
    """What somebody types to sign a file of that name."""
    return f"ssh-keygen -Y sign -f ~/.ssh/id_ed25519 -n {NAMESPACE} {document}"


def verify(armoured: str, document: bytes, keys: Iterable[str] | None) -> str:
    """The one of `keys` that signed exactly these bytes.

    keys: `type base64`, as checked_ssh_key writes them: the signer's own, and nobody else's. None: any key,
          to see again that a signature which was accepted still holds
    Raises Refused `bad-signature`, and says what is wrong with it.
    """
    try:
        signed = _taken_apart(armoured)
        key = _registered(signed, keys)
        fields = (signed.namespace, b"", signed.hash, _HASHES[signed.hash](document).digest())
        _check(signed, _MAGIC + b"".join(map(_string, fields)))
    except _Malformed as fault:
        raise _refused(str(fault)) from fault
    except InvalidSignature as error:
        raise _refused("it does not belong to these bytes, or was altered") from error
    return key


class _Reader:
    """Reads the wire's fields, and all of them."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """So many bytes."""
        taken = self._data[self._at : self._at + count]
        if len(taken) < count:
            raise _Malformed("it ends too early")
        self._at += count
        return taken

    def number(self) -> int:
        """A uint32."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """A field that says how long it is."""
        return self.take(self.number())

    def positive(self) -> int:
        """A number above 0 as an mpint, in its only form."""
        raw = self.string()
        value = int.from_bytes(raw, "big")
        if value == 0 or raw != value.to_bytes(value.bit_length() // 8 + 1, "big"):
            raise _Malformed("a number in it is not written as OpenSSH does")
        return value

    def end(self) -> None:
        """Nothing is left."""
        if self._at != len(self._data):
            raise _Malformed("something follows where it should end")


def _refused(why: str) -> Refused:
    return Refused(
        "bad-signature",
        f"the signature does not count: {why}",
        remedy=f"sign the document as it was downloaded: {command('decision.json')}",
    )


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _blob(line: str) -> bytes:
    """The key of a registered line, as the wire has it."""
    return base64.b64decode(line.split()[1])


def _taken_apart(armoured: str) -> _Signed:
    lines = armoured.replace("\r\n", "\n").strip().split("\n") if len(armoured) <= SIGNATURE_MAX else []
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:  # noqa: PLR2004  two frame what is between
        raise _Malformed(f"it is not one block from {_BEGIN} to {_END}")
    encoded = "".join(lines[1:-1])
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _Malformed("its base64 is damaged") from error
    if base64.b64encode(data).decode() != encoded:
        raise _Malformed("its base64 is not written as OpenSSH does")
    reader = _Reader(data)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise _Malformed("it is no SSH signature")
    if reader.number() != _VERSION:
        raise _Malformed("its version is unknown")
    key, namespace, reserved, hash_, signature = (reader.string() for _ in range(5))
    reader.end()
    if reserved:
        raise _Malformed("it says something that has no meaning")
    if hash_ not in _HASHES:
        raise _Malformed("its digest is not SHA-256 or SHA-512")
    return _Signed(key, namespace, hash_, signature)


def _registered(signed: _Signed, keys: Iterable[str] | None) -> str:
    """The registered key that the signature names, where it was made for decisions."""
    if signed.namespace != NAMESPACE.encode():
        raise _Malformed(f"it was made for another purpose: its namespace is not {NAMESPACE}")
    if keys is None:
        kind = _Reader(signed.key).string().decode(errors="replace")
        return f"{kind} {base64.b64encode(signed.key).decode()}"
    key = next((line for line in keys if _blob(line) == signed.key), None)
    if key is None:
        raise _Malformed("its key is not registered for you")
    return key


def _check(signed: _Signed, message: bytes) -> None:
    """Raises InvalidSignature or _Malformed unless the key signed the message."""
    key, found = _Reader(signed.key), _Reader(signed.signature)
    kind, algorithm = key.string(), found.string()
    if algorithm not in (_RSA if kind == b"ssh-rsa" else {kind}):
        raise _Malformed("it was made in a way that its key does not allow")
    match kind:
        case b"ssh-ed25519":
            _ed25519(key.string(), found.string(), message)
        case b"ssh-rsa":
            _rsa(key, found.string(), algorithm, message)
        case b"ecdsa-sha2-nistp256" | b"ecdsa-sha2-nistp384" | b"ecdsa-sha2-nistp521":
            _ecdsa(kind.rpartition(b"-")[2], key, found.string(), message)
        case b"sk-ssh-ed25519@openssh.com":
            public, signature = key.string(), found.string()
            _ed25519(public, signature, _touched(key.string(), found, message))
        case b"sk-ecdsa-sha2-nistp256@openssh.com":
            public_part, signature = _Reader(_string(key.string()) + _string(key.string())), found.string()
            _ecdsa(_NISTP256, public_part, signature, _touched(key.string(), found, message))
        case _:
            raise _Malformed("keys of its type are not accepted")
    key.end()
    found.end()


def _touched(application: bytes, found: _Reader, message: bytes) -> bytes:
    """What a security key signs for the message; `found` stands before its flags and counter."""
    flags, counter = found.take(1), found.take(4)
    if not flags[0] & _TOUCHED:
        raise _Malformed("nobody touched the security key for it")
    return hashlib.sha256(application).digest() + flags + counter + hashlib.sha256(message).digest()


def _ed25519(public: bytes, signature: bytes, message: bytes) -> None:
    try:
        key = Ed25519PublicKey.from_public_bytes(public)
    except ValueError as error:
        raise _Malformed("its key is damaged") from error
    key.verify(signature, message)


def _ecdsa(curve: bytes, key: _Reader, signature: bytes, message: bytes) -> None:
    if key.string() != curve:
        raise _Malformed("its key is on another curve than it says")
    kind, algorithm = _CURVES[curve]
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(kind, key.string())
    except ValueError as error:
        raise _Malformed("its key is damaged") from error
    pair = _Reader(signature)
    encoded = encode_dss_signature(pair.positive(), pair.positive())
    pair.end()
    public.verify(encoded, message, ec.ECDSA(algorithm))


def _rsa(key: _Reader, signature: bytes, algorithm: bytes, message: bytes) -> None:
    exponent, modulus = key.positive(), key.positive()
    if not _RSA_BITS_MIN <= modulus.bit_length() <= _RSA_BITS_MAX:
        raise _Malformed(f"its key is not of {_RSA_BITS_MIN} to {_RSA_BITS_MAX} bits")
    try:
        public = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    except ValueError as error:
        raise _Malformed("its key is damaged") from error
    public.verify(signature, message, padding.PKCS1v15(), _RSA[algorithm]())
