"""The Merkle tree of RFC 6962 and RFC 9162 §2.1, over SHA-256: roots, proofs, and what verifies them.

A node is the hash of 2^level leaves that begin at a multiple of 2^level; `Nodes` finds one by (level, index).
All hashes are 32 bytes; indices and sizes count leaves from 0.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import VerificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Nodes = Callable[[int, int], bytes]

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as a leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes; of no leaves, the hash of nothing."""
    return Frontier().extended(leaves).root()


class Frontier(msgspec.Struct, frozen=True):
    """A tree of `size` leaves, kept as the roots of its whole subtrees, the widest first ("compact range").

    It is all that appending and the root need: as many hashes as `size` has binary ones.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def extended(self, leaves: Iterable[bytes]) -> Frontier:
        """The tree with these leaf hashes appended."""
        peaks, size = list(self.peaks), self.size
        for leaf in leaves:
            top, ones = leaf, size
            while ones & 1:
                top = sha256(b"\x01" + peaks.pop() + top).digest()
                ones >>= 1
            peaks.append(top)
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> bytes:
        """The root over all leaves."""
        return _joined(self.peaks) if self.peaks else EMPTY_ROOT


def _joined(peaks: Sequence[bytes]) -> bytes:
    """The root over neighbouring subtrees, each narrower than the one before."""
    *rest, top = peaks
    for peak in reversed(rest):
        top = node_hash(peak, top)
    return top


def range_hash(begin: int, end: int, nodes: Nodes) -> bytes:
    """The hash over leaves [begin, end), where begin is a multiple of the next power of two ≥ end - begin."""
    peaks, at = [], begin
    for level in reversed(range((end - begin).bit_length())):
        if (end - begin) >> level & 1:
            peaks.append(nodes(level, at >> level))
            at += 1 << level
    return _joined(peaks)


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """PATH(index, D[size]) of RFC 9162 §2.1.3.1: siblings from the leaf's up to the root's child.

    Raises ValueError unless 0 ≤ index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    siblings, begin, end = [], 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            siblings.append((middle, end))
            end = middle
        else:
            siblings.append((begin, middle))
            begin = middle
    return [range_hash(*sibling, nodes) for sibling in reversed(siblings)]


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 9162 §2.1.4.1; empty where old is 0 or equals new.

    Raises ValueError unless 0 ≤ old ≤ new.
    """
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} does not extend one of {old}")
    if old in {0, new}:
        return []
    ranges, begin, end, known = [], 0, new, True
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin, known = middle, False
    if not known:  # else the verifier has this hash: it is the old root
        ranges.append((begin, end))
    return [range_hash(*one, nodes) for one in reversed(ranges)]


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << ((width - 1).bit_length() - 1)


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """RFC 9162 §2.1.3.2: the leaf hash stands at `index` of the tree of `size` with this root.

    Raises VerificationError `not-included`.
    """
    if root_from_inclusion(index, size, leaf, proof) != root:
        raise _not_included(f"entry {index} is not in the tree of {size} that the root stands for")


def root_from_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes]) -> bytes:
    """The root that a proof gives. Raises VerificationError `not-included` where it has a wrong shape."""
    if not 0 <= index < size:
        raise _not_included(f"entry {index} is beyond a tree of {size}")
    if not _are_hashes((leaf, *proof)):
        raise _not_included("a hash is not 32 bytes long")
    at, last, top = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise _not_included("the proof is too long")
        if at & 1 or at == last:
            top = node_hash(sibling, top)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            top = node_hash(top, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise _not_included("the proof is too short")
    return top


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 9162 §2.1.4.2: the tree of `new` leaves extends that of `old`.

    A tree of size 0 is consistent with every other, and a proof of that says nothing: it is refused here, and
    callers who allow it say so. Raises VerificationError `not-consistent`.
    """
    if not 0 < old <= new:
        raise _not_consistent(f"no proof can tell a tree of {old} from one of {new}")
    if old == new:
        if proof or old_root != new_root:
            raise _not_consistent(f"two different trees of {old}")
        return
    if not _are_hashes((old_root, new_root, *proof)):
        raise _not_consistent("a hash is not 32 bytes long")
    hashes = list(proof) if old & (old - 1) else [old_root, *proof]
    if not hashes:
        raise _not_consistent("the proof is empty")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise _not_consistent("the proof is too long")
        if at & 1 or at == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        at, last = at >> 1, last >> 1
    if last or first != old_root or second != new_root:
        raise _not_consistent(f"the tree of {new} does not extend the tree of {old}")


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)


def _not_included(message: str) -> VerificationError:
    return VerificationError("not-included", message)


def _not_consistent(message: str) -> VerificationError:
    return VerificationError("not-consistent", message)
