"""The entries of Certificate Transparency logs as they are served statically (C2SP static-ct-api).

Where other logs have bundles of entries, these have data tiles: the entry as the tree knows it, and behind it
what belongs to it but is not in the tree (the submitted precertificate, the digests of the issuers).
"""

from __future__ import annotations

from halfdoor.core.errors import VerificationError

DATA_BYTES_MAX = 64_000_000  # of a data tile; usual ones have less than 1 MB
_X509, _PRECERTIFICATE = 0, 1
_TIMESTAMP_BYTES, _TYPE_BYTES, _KEY_HASH_BYTES = 8, 2, 32
_MERKLE_TREE_LEAF = b"\x00\x00"  # version 1, timestamped entry (RFC 6962 §3.4)


def data_path(entries_path: str) -> str:
    """Where a data tile lies, from where a bundle would."""
    return entries_path.replace("tile/entries/", "tile/data/", 1)


def decode_data_tile(data: bytes, width: int) -> list[bytes]:
    """What the tree hashes of each entry (the MerkleTreeLeaf of RFC 6962 §3.4).

    Raises VerificationError `bad-bundle` unless there are exactly `width` entries.
    """
    leaves: list[bytes] = []
    at = 0
    while at < len(data) and len(leaves) < width:
        start = at
        at += _TIMESTAMP_BYTES
        kind = int.from_bytes(data[at : at + _TYPE_BYTES], "big")
        at += _TYPE_BYTES
        if kind not in {_X509, _PRECERTIFICATE}:
            raise _bad(width)
        if kind == _PRECERTIFICATE:
            at += _KEY_HASH_BYTES
        at = _after(data, at, 3)  # the certificate, or what of the precertificate is signed
        at = _after(data, at, 2)  # extensions
        leaves.append(_MERKLE_TREE_LEAF + data[start:at])
        if kind == _PRECERTIFICATE:
            at = _after(data, at, 3)  # the precertificate itself
        at = _after(data, at, 2)  # digests of the issuers
    if at != len(data) or len(leaves) != width:
        raise _bad(width)
    return leaves


def _after(data: bytes, at: int, length_bytes: int) -> int:
    """Where a value ends that begins with its length."""
    return at + length_bytes + int.from_bytes(data[at : at + length_bytes], "big")


def _bad(width: int) -> VerificationError:
    return VerificationError("bad-bundle", f"a data tile that should hold {width} entries does not")
