"""COSE receipts (RFC 9942) over the same leaf and root, for those who verify with COSE (RFC 9052).

A receipt is a COSE_Sign1 over the root of the tree. The root is detached: a verifier makes it from the entry
and the proof. What is signed says which log (iss), which entry (sub, its digest) and when (iat), as SCITT
asks of a receipt (RFC 9943 §6, after RFC 8392).
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import cbor2
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from halfdoor.core.canonical import sha256_bytes
from halfdoor.core.errors import VerificationError
from halfdoor.core.log.merkle import leaf_hash, root_from_inclusion

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MEDIA_TYPE = "application/cose"
BYTES_MAX = 65_536
_SIGN1 = 18
_ALGORITHM, _KEY_ID, _CLAIMS, _STRUCTURE, _PROOFS = 1, 4, 15, 395, 396
_ES256 = -7
_RFC9162_SHA256 = 1
_INCLUSION = -1
_ISSUER, _SUBJECT, _ISSUED_AT = 1, 2, 6
_COORDINATE_BYTES = 32
_PARTS = 4


class Receipt(msgspec.Struct, frozen=True):
    """What a verified receipt says."""

    origin: str
    size: int
    index: int
    issued: int  # POSIX seconds


def key_id(public: ec.EllipticCurvePublicKey) -> bytes:
    """How receipts name the key: the SHA-256 of its SPKI."""
    return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()


def make_receipt(
    entry: bytes,
    *,
    origin: str,
    index: int,
    size: int,
    proof: Sequence[bytes],
    issued: int,
    public: ec.EllipticCurvePublicKey,
    sign: Callable[[bytes], bytes],
) -> bytes:
    """A receipt for `entry` at `index` of the tree of `size` leaves.

    issued: POSIX seconds
    public: the log's P-256 key; `sign` gives its ECDSA-SHA256 signature of a message, in DER
    Raises VerificationError `not-included` where the proof has a wrong shape.
    """
    root = root_from_inclusion(index, size, leaf_hash(entry), proof)
    protected = cbor2.dumps(
        {
            _ALGORITHM: _ES256,
            _KEY_ID: key_id(public),
            _CLAIMS: {_ISSUER: origin, _SUBJECT: sha256_bytes(entry), _ISSUED_AT: issued},
            _STRUCTURE: _RFC9162_SHA256,
        },
        canonical=True,
    )
    signature = b"".join(
        number.to_bytes(_COORDINATE_BYTES, "big")
        for number in decode_dss_signature(sign(_to_be_signed(protected, root)))
    )
    proofs = {_INCLUSION: [cbor2.dumps([size, index, list(proof)])]}
    return cbor2.dumps(cbor2.CBORTag(_SIGN1, [protected, {_PROOFS: proofs}, None, signature]))


def verify_receipt(receipt: bytes, entry: bytes, public: ec.EllipticCurvePublicKey) -> Receipt:
    """The receipt is of this log's key and for this entry. Raises VerificationError `bad-receipt`."""
    try:
        return _verified(receipt, entry, public)
    except (VerificationError, InvalidSignature) as error:
        raise _bad("it is not signed by this key, or not for this entry") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise _bad("it is no COSE receipt with an RFC 9162 inclusion proof") from error


def _verified(receipt: bytes, entry: bytes, public: ec.EllipticCurvePublicKey) -> Receipt:
    tagged: Any = cbor2.loads(receipt) if len(receipt) <= BYTES_MAX else None
    if not isinstance(tagged, cbor2.CBORTag) or tagged.tag != _SIGN1 or len(tagged.value) != _PARTS:
        raise ValueError("no COSE_Sign1")
    protected, unprotected, payload, signature = tagged.value
    header: dict[Any, Any] = cbor2.loads(protected)
    if payload is not None or header[_ALGORITHM] != _ES256 or header[_STRUCTURE] != _RFC9162_SHA256:
        raise ValueError("another algorithm or structure, or the root is not detached")
    if cbor2.dumps(header, canonical=True) != protected:
        raise ValueError("the header is not in its one encoding")
    (encoded,) = unprotected[_PROOFS][_INCLUSION]
    size, index, proof = cbor2.loads(encoded)
    if not isinstance(size, int) or not isinstance(index, int) or len(signature) != 2 * _COORDINATE_BYTES:
        raise ValueError("a number is none, or the signature has a wrong length")
    root = root_from_inclusion(index, size, leaf_hash(entry), proof)
    r, s = (
        int.from_bytes(half, "big") for half in (signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:])
    )
    public.verify(encode_dss_signature(r, s), _to_be_signed(protected, root), ec.ECDSA(SHA256()))
    claims = header[_CLAIMS]
    return msgspec.convert(
        {"origin": claims[_ISSUER], "size": size, "index": index, "issued": claims[_ISSUED_AT]}, Receipt
    )


def _to_be_signed(protected: bytes, root: bytes) -> bytes:
    """The Sig_structure of RFC 9052 §4.4."""
    return cbor2.dumps(["Signature1", protected, b"", root])


def _bad(why: str) -> VerificationError:
    return VerificationError("bad-receipt", f"the receipt does not verify: {why}")
