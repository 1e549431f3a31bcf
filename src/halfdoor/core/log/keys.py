"""Keys that verify notes: what each kind signs, and the text in which a public key is passed around.

    <name>+<key ID, 8 hexadecimal digits>+<base64 of kind || public key>

A log of ours signs with Ed25519, its witnesses with Ed25519 or ML-DSA-44. The other kinds are here so that
logs which Halfdoor did not write can be verified: ECDSA, and the tree heads of Certificate Transparency.
"""

from __future__ import annotations

import enum
import functools
import struct
from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
    load_pem_public_key,
)

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.checkpoint import SIZE_MAX, parse_checkpoint
from halfdoor.core.log.note import (
    KEY_ID_BYTES,
    Note,
    Signature,
    decode_base64,
    encode_base64,
    is_key_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Public = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey | mldsa.MLDSA44PublicKey


class Kind(enum.IntEnum):
    """The signature types of C2SP signed-note; the public key that follows is raw or, where said, SPKI."""

    ED25519 = 0x01
    ECDSA = 0x02  # SPKI
    COSIGNATURE = 0x04  # Ed25519, with the time (C2SP tlog-cosignature)
    TREE_HEAD = 0x05  # SPKI; RFC 6962 TreeHeadSignature (C2SP static-ct-api)
    COSIGNATURE_ML_DSA = 0x06  # ML-DSA-44, with the time


COSIGNATURES = frozenset({Kind.COSIGNATURE, Kind.COSIGNATURE_ML_DSA})
_RAW_BYTES = {Kind.ED25519: 32, Kind.COSIGNATURE: 32, Kind.COSIGNATURE_ML_DSA: 1312}
_TIME_BYTES = 8
_NAME_BYTES_MAX = 255
_TREE_HEAD = b"\x00\x01"  # version 1, signature type tree_hash
_SHA256, _RSA, _ECDSA = 4, 1, 3  # of TLS 1.2 (RFC 5246 §7.4.1.4.1)
_CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


class VerifierKey(msgspec.Struct, frozen=True, order=True):
    """A public key under a name. `public` is encoded as its kind asks."""

    name: str
    kind: Kind
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart; no protection against forgery."""
        if self.kind is Kind.ECDSA:
            return sha256(self.public).digest()[:KEY_ID_BYTES]
        material = sha256(self.public).digest() if self.kind is Kind.TREE_HEAD else self.public
        return sha256(f"{self.name}\n".encode() + bytes([self.kind]) + material).digest()[:KEY_ID_BYTES]

    def __str__(self) -> str:
        """The key as text, as `parse_verifier_key` reads it."""
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.kind]) + self.public)}"

    def check(self, text: str, signature: bytes) -> int | None:
        """Verify a signature on a note's text; return its time, None where it has none.

        Times are POSIX seconds, those of tree heads milliseconds.

        Raises VerificationError `bad-signature`.
        """
        try:
            return self._check(text, signature)
        except (InvalidSignature, struct.error) as error:
            message = f"the signature of {self.name} ({self.key_id.hex()}) does not fit the text"
            raise VerificationError("bad-signature", message) from error

    def _check(self, text: str, signature: bytes) -> int | None:
        public = _load(self.kind, self.public)
        match self.kind:
            case Kind.ED25519:
                _verify(public, signature, text.encode())
                return None
            case Kind.ECDSA:
                _verify(public, signature, text.encode())
                return None
            case Kind.TREE_HEAD:
                time, sealed = _tree_head(signature, public)
                _verify(
                    public, sealed, _TREE_HEAD + struct.pack(">Q", time) + _size_and_root(text, self.name)
                )
                return time
            case Kind.COSIGNATURE | Kind.COSIGNATURE_ML_DSA:
                (time,) = struct.unpack(">Q", signature[:_TIME_BYTES])
                if time > SIZE_MAX:
                    raise InvalidSignature
                message = cosigned_message(self, text, time)
                _verify(public, signature[_TIME_BYTES:], message)
                return int(time)


def cosigned_message(key: VerifierKey, text: str, time: int) -> bytes:
    """What a witness signs of a checkpoint's text at `time`, POSIX seconds (C2SP tlog-cosignature)."""
    if key.kind is Kind.COSIGNATURE:
        return f"cosignature/v1\ntime {time}\n{text}".encode()
    checkpoint = parse_checkpoint(text)
    return subtree_message(key.name, time, checkpoint.origin, (0, checkpoint.size), checkpoint.root)


def subtree_message(name: str, time: int, origin: str, leaves: tuple[int, int], root: bytes) -> bytes:
    """What an ML-DSA-44 cosigner signs of the subtree over leaves [start, end); a checkpoint begins at 0.

    Raises InvalidSignature where a name is longer than 255 bytes: it cannot have been signed.
    """
    names = [one.encode() for one in (name, origin)]
    if any(len(one) > _NAME_BYTES_MAX for one in names):
        raise InvalidSignature
    cosigner, log = (bytes([len(one)]) + one for one in names)
    return b"subtree/v1\n\x00" + cosigner + struct.pack(">Q", time) + log + struct.pack(">QQ", *leaves) + root


def _size_and_root(text: str, name: str) -> bytes:
    """What a tree head signs of a checkpoint; refused where the text says anything beside it."""
    checkpoint = parse_checkpoint(text)
    if checkpoint.origin != name or checkpoint.extensions:
        raise InvalidSignature
    return struct.pack(">Q", checkpoint.size) + checkpoint.root


def _tree_head(signature: bytes, public: Public) -> tuple[int, bytes]:
    """RFC6962NoteSignature: the time in milliseconds, and a TLS digitally-signed value."""
    time, hash_, algorithm, length = struct.unpack(">QBBH", signature[:12])
    wanted = _RSA if isinstance(public, rsa.RSAPublicKey) else _ECDSA
    if (hash_, algorithm) != (_SHA256, wanted) or len(signature) != 12 + length:
        raise InvalidSignature
    return time, signature[12:]


def _verify(public: Public, signature: bytes, message: bytes) -> None:
    if isinstance(public, ec.EllipticCurvePublicKey):
        public.verify(signature, message, ec.ECDSA(SHA256()))
    elif isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, message, PKCS1v15(), SHA256())
    else:
        public.verify(signature, message)


@functools.lru_cache(maxsize=256)
def _load(kind: Kind, public: bytes) -> Public:
    """The key as `cryptography` has it. Raises ValueError."""
    if kind in {Kind.ED25519, Kind.COSIGNATURE}:
        return ed25519.Ed25519PublicKey.from_public_bytes(public)
    if kind is Kind.COSIGNATURE_ML_DSA:
        return mldsa.MLDSA44PublicKey.from_public_bytes(public)
    key = load_der_public_key(public)
    wanted = (
        (ec.EllipticCurvePublicKey, rsa.RSAPublicKey)
        if kind is Kind.TREE_HEAD
        else (ec.EllipticCurvePublicKey,)
    )
    if not isinstance(key, wanted):
        raise ValueError("not a key of this kind")  # noqa: TRY004  a value from outside, not a caller's mistake
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, _CURVES):
        raise ValueError("not a curve that signs notes")  # noqa: TRY004  the same
    return key


def parse_verifier_key(text: str, *, where: str = "") -> VerifierKey:
    """Read a key that somebody trusts. Raises InputError `bad-key`."""
    name, _, rest = text.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    material = decode_base64(encoded)
    if not is_key_name(name) or not material:
        raise _bad(where, "is not written as name+ID+base64")
    try:
        key = VerifierKey(name, Kind(material[0]), material[1:])
        _load(key.kind, key.public)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad(where, "is of no known kind, or malformed") from error
    if key.key_id.hex() != key_id:
        raise _bad(where, f"should have the ID {key.key_id.hex()}, and has {key_id!r}")
    return key


def keys_from_pem(data: bytes, name: str, *, where: str = "") -> list[VerifierKey]:
    """The keys that a PEM public key may be under this name. Raises InputError `bad-key`.

    A PEM names nobody, so whoever passes one vouches for the name too.
    """
    try:
        public = load_pem_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _bad(where, "is no PEM public key") from error
    if isinstance(public, ed25519.Ed25519PublicKey):
        return [VerifierKey(name, Kind.ED25519, public.public_bytes_raw())]
    spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, _CURVES):
        return [VerifierKey(name, kind, spki) for kind in (Kind.TREE_HEAD, Kind.ECDSA)]
    if isinstance(public, rsa.RSAPublicKey):
        return [VerifierKey(name, Kind.TREE_HEAD, spki)]
    raise _bad(where, "is of no kind that signs logs")


def _bad(where: str, why: str) -> InputError:
    remedy = "use the line that the log's operator published, for example example.org/log+1a2b3c4d+AZ…"
    return InputError("bad-key", f"this key {why}", where=where, remedy=remedy)


class Signed(msgspec.Struct, frozen=True):
    """A key whose signature on a note was verified, and when it signed, where its kind says so."""

    key: VerifierKey
    signature: Signature
    time: int | None


def verify_note(note: Note, keys: Iterable[VerifierKey]) -> list[Signed]:
    """Who of these signed, each key once. Signatures of other keys are passed over.

    Raises VerificationError: `bad-signature` where one of these keys' signatures does not fit, `not-signed`
    where there is none.
    """
    known = {(key.name, key.key_id): key for key in keys}
    signed: dict[tuple[str, bytes], Signed] = {}
    for one in note.signatures:
        place = (one.name, one.key_id)
        if place in known:
            time = known[place].check(note.text, one.signature)
            signed.setdefault(place, Signed(known[place], one, time))
    if not signed:
        raise VerificationError("not-signed", f"not signed by {_listed(list(known.values()))}")
    return list(signed.values())


def _listed(keys: Sequence[VerifierKey]) -> str:
    return " or ".join(f"{key.name} ({key.key_id.hex()})" for key in keys) or "any key given"
