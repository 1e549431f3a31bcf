"""COSE receipts (RFC 9942) over the same leaf and root, for those who verify with COSE (RFC 9052).

A receipt is a COSE_Sign1 over the root of the tree. The root is detached: a verifier makes it from the entry
and the proof. What is signed says which log (iss), which entry (sub, its digest) and when (iat), as SCITT
asks of a receipt (RFC 9943 §6, after RFC 8392). A root and a proof alone fix neither size nor index: entry 2
of 3 has the path of entry 1 of 2. So both are signed too, as claims of private use that other verifiers skip.
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
_SIZE, _INDEX = -65537, -65538  # of private use (RFC 8392 §9.1)
_COORDINATE_BYTES = 32
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _, _SIMPLE = range(8)  # RFC 8949 §3.1
_ARGUMENT_BYTES = {24: 1, 25: 2, 26: 4, 27: 8}
_NULL = 22
_DEPTH_MAX = 8


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
    said = Receipt(origin, size, index, issued)
    protected = _header(said, entry, public)
    signature = b"".join(
        number.to_bytes(_COORDINATE_BYTES, "big")
        for number in decode_dss_signature(sign(_to_be_signed(protected, root)))
    )
    return _encoded(said, protected, proof, signature)


def _header(said: Receipt, entry: bytes, public: ec.EllipticCurvePublicKey) -> bytes:
    """The protected header: what is signed beside the root."""
    claims = {
        _ISSUER: said.origin,
        _SUBJECT: sha256_bytes(entry),
        _ISSUED_AT: said.issued,
        _SIZE: said.size,
        _INDEX: said.index,
    }
    header = {_ALGORITHM: _ES256, _KEY_ID: key_id(public), _CLAIMS: claims, _STRUCTURE: _RFC9162_SHA256}
    return cbor2.dumps(header, canonical=True)


def _encoded(said: Receipt, protected: bytes, proof: Sequence[bytes], signature: bytes) -> bytes:
    proofs = {_INCLUSION: [cbor2.dumps([said.size, said.index, list(proof)])]}
    return cbor2.dumps(cbor2.CBORTag(_SIGN1, [protected, {_PROOFS: proofs}, None, signature]))


def verify_receipt(receipt: bytes, entry: bytes, public: ec.EllipticCurvePublicKey) -> Receipt:
    """The receipt is of this log's key and for this entry, in the one form that `make_receipt` gives it.

    Raises VerificationError `bad-receipt`.
    """
    try:
        return _verified(receipt, entry, public)
    except (VerificationError, InvalidSignature) as error:
        raise _bad("it is not signed by this key, or not for this entry") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise _bad("it is no COSE receipt with an RFC 9162 inclusion proof") from error


def _verified(receipt: bytes, entry: bytes, public: ec.EllipticCurvePublicKey) -> Receipt:
    if len(receipt) > BYTES_MAX:
        raise ValueError("too long")
    protected, unprotected, _, signature = _decoded(receipt[1:])  # what the tag is, is compared below
    claims = _decoded(protected)[_CLAIMS]
    said = msgspec.convert(
        {
            "origin": claims[_ISSUER],
            "size": claims[_SIZE],
            "index": claims[_INDEX],
            "issued": claims[_ISSUED_AT],
        },
        Receipt,
    )
    (inclusion,) = unprotected[_PROOFS][_INCLUSION]
    *_, proof = _decoded(inclusion)
    root = root_from_inclusion(said.index, said.size, leaf_hash(entry), proof)
    if protected != _header(said, entry, public):
        raise VerificationError("bad-receipt", "its header names another key or entry")
    if receipt != _encoded(said, protected, proof, signature):
        raise ValueError("not in its one encoding")
    if len(signature) != 2 * _COORDINATE_BYTES:
        raise ValueError("the signature has a wrong length")
    r, s = (
        int.from_bytes(half, "big") for half in (signature[:_COORDINATE_BYTES], signature[_COORDINATE_BYTES:])
    )
    public.verify(encode_dss_signature(r, s), _to_be_signed(protected, root), ec.ECDSA(SHA256()))
    return said


def _to_be_signed(protected: bytes, root: bytes) -> bytes:
    """The Sig_structure of RFC 9052 §4.4."""
    return cbor2.dumps(["Signature1", protected, b"", root])


def _decoded(data: bytes) -> Any:  # noqa: ANN401  any item that receipts are made of
    """The CBOR item (RFC 8949) that begins here. Raises ValueError, TypeError, LookupError.

    cbor2 would also follow shared references: 200 bytes of them keep it busy for days. Whether the bytes go
    on, are cut off or say the same in another way shows when what was read is encoded again.
    """
    return _item(data, 0, _DEPTH_MAX)[0]


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """The item that begins here, and where it ends."""
    if not depth:
        raise ValueError("too deep")
    major, number, at = _head(data, at)
    if major in {_BYTES, _TEXT}:
        raw = data[at : at + number]
        return (raw if major == _BYTES else raw.decode()), at + number
    if major in {_ARRAY, _MAP}:
        items = []
        for _ in range(number if major == _ARRAY else 2 * number):
            item, at = _item(data, at, depth - 1)
            items.append(item)
        return (items if major == _ARRAY else dict(zip(items[::2], items[1::2], strict=True))), at
    if major == _SIMPLE and number != _NULL:
        raise ValueError("neither a number nor null")
    return {_UNSIGNED: number, _NEGATIVE: -1 - number, _SIMPLE: None}[major], at  # KeyError: a tag


def _head(data: bytes, at: int) -> tuple[int, int, int]:
    """The major type of the item that begins here, its argument, and where the argument ends."""
    major, short = data[at] >> 5, data[at] & 31
    if short < min(_ARGUMENT_BYTES):
        return major, short, at + 1
    end = at + 1 + _ARGUMENT_BYTES[short]  # KeyError: of unknown length, or reserved
    return major, int.from_bytes(data[at + 1 : end], "big"), end


def _bad(why: str) -> VerificationError:
    return VerificationError("bad-receipt", f"the receipt does not verify: {why}")
