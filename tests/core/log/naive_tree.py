"""RFC 6962 §2.1 as it is written: recursive, over all leaves, in no hurry. What the tree is compared with."""

from functools import lru_cache
from hashlib import sha256
from itertools import islice


def node(left, right):
    return sha256(b"\x01" + left + right).digest()


def split(count):
    """k: the largest power of two smaller than n."""
    k = 1
    while 2 * k < count:
        k *= 2
    return k


@lru_cache(maxsize=100_000)
def root(leaves):
    """MTH over a tuple of leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def path(index, leaves):
    """PATH(m, D[n])."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), root(leaves[k:])]
    return [*path(index - k, leaves[k:]), root(leaves[:k])]


def proof(old, leaves):
    """PROOF(m, D[n])."""
    return subproof(old, leaves, known=True)


def subproof(old, leaves, *, known):
    """SUBPROOF(m, D[n], b)."""
    if old == len(leaves):
        return [] if known else [root(leaves)]
    k = split(len(leaves))
    if old <= k:
        return [*subproof(old, leaves[:k], known=known), root(leaves[k:])]
    return [*subproof(old - k, leaves[k:], known=False), root(leaves[:k])]


def nodes(leaves):
    """The nodes of this tree as halfdoor.core.log.merkle asks for them."""

    def find(level, index):
        below = leaves[index << level : (index + 1) << level]
        assert len(below) == 1 << level, "an incomplete subtree was asked for"
        return root(below)

    return find


def included(index, size, leaf, siblings, top):
    """Whether a proof of inclusion leads to this root: PATH, read backwards."""
    rest = iter(siblings)

    def up(index, size):
        if size == 1:
            return leaf
        k = split(size)
        if index < k:
            left = up(index, k)
            return node(left, next_of(rest))
        right = up(index - k, size - k)
        return node(next_of(rest), right)

    return _holds(lambda: up(index, size) == top, rest)


def consistent(old, new, tops, siblings):
    """Whether a proof of consistency leads to both these roots: PROOF, read backwards."""
    rest = iter(siblings)

    def up(old, new, *, known):
        if old == new:
            one = tops[0] if known else next_of(rest)
            return one, one
        k = split(new)
        if old <= k:
            first, second = up(old, k, known=known)
            return first, node(second, next_of(rest))
        first, second = up(old - k, new - k, known=False)
        left = next_of(rest)
        return node(left, first), node(left, second)

    return _holds(lambda: up(old, new, known=True) == tops, rest)


class ShortProofError(Exception):
    """A proof ended before the root."""


def next_of(rest):
    for one in islice(rest, 1):
        return one
    raise ShortProofError


def _holds(check, rest):
    try:
        return check() and not list(rest)
    except ShortProofError:
        return False
