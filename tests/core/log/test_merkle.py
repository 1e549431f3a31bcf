"""The Merkle tree against RFC 6962's own recursive definitions."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.log import naive_tree as naive
from halfdoor.core.errors import VerificationError
from halfdoor.core.log.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    range_hash,
    root_from_inclusion,
    root_of,
    verify_consistency,
    verify_inclusion,
)

SMALL = 70
LEAVES = tuple(leaf_hash(f"entry {number}".encode()) for number in range(1000))
sizes = st.integers(1, len(LEAVES))


def accepts(verify, *arguments):
    try:
        verify(*arguments)
    except VerificationError:
        return False
    return True


def flipped(one, bit=0):
    changed = bytearray(one)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def mutations(proof):
    """The proof with one hash changed, left out, given twice or added, and in another order."""
    for at in range(len(proof)):
        yield [*proof[:at], flipped(proof[at], 8 * at % 256), *proof[at + 1 :]]
        yield proof[:at] + proof[at + 1 :]
        yield [*proof[:at], proof[at], *proof[at:]]
        yield [*proof[:at], proof[at][:-1], *proof[at + 1 :]]
    yield [*proof, LEAVES[-1]]
    yield [LEAVES[-1], *proof]
    if len(proof) > 1:
        yield proof[::-1]


def test_an_entry_and_a_node_can_never_have_one_hash():
    assert leaf_hash(b"ab") == sha256(b"\x00ab").digest()
    assert node_hash(LEAVES[0], LEAVES[1]) == sha256(b"\x01" + LEAVES[0] + LEAVES[1]).digest()
    assert leaf_hash(b"") != EMPTY_ROOT


def test_roots_are_as_defined():
    assert root_of([]) == EMPTY_ROOT == sha256(b"").digest()
    for size in range(SMALL + 1):
        assert root_of(LEAVES[:size]) == naive.root(LEAVES[:size])
    assert root_of(LEAVES) == naive.root(LEAVES)


def test_inclusion_proofs_are_as_defined_for_all_small_trees():
    for size in range(1, SMALL + 1):
        leaves = LEAVES[:size]
        for index in range(size):
            proof = inclusion_proof(index, size, naive.nodes(leaves))
            assert proof == naive.path(index, leaves)
            verify_inclusion(index, size, leaves[index], proof, naive.root(leaves))


def test_consistency_proofs_are_as_defined_for_all_small_trees():
    for new in range(1, SMALL + 1):
        leaves = LEAVES[:new]
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, naive.nodes(leaves))
            assert proof == naive.proof(old, leaves)
            verify_consistency(old, new, naive.root(leaves[:old]), naive.root(leaves), proof)


@given(sizes, st.data())
def test_proofs_are_as_defined_for_larger_trees(size, data):
    leaves = LEAVES[:size]
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    included = inclusion_proof(index, size, naive.nodes(leaves))
    assert included == naive.path(index, leaves)
    verify_inclusion(index, size, leaves[index], included, naive.root(leaves))
    extends = consistency_proof(old, size, naive.nodes(leaves))
    assert extends == naive.proof(old, leaves)
    verify_consistency(old, size, naive.root(leaves[:old]), naive.root(leaves), extends)


@given(sizes, st.data())
def test_a_range_that_begins_where_its_subtree_does_has_that_subtree_s_hash(size, data):
    begin = data.draw(st.integers(0, size - 1))
    widest = begin & -begin if begin else size
    end = min(begin + data.draw(st.integers(1, widest)), size)
    assert range_hash(begin, end, naive.nodes(LEAVES[:size])) == naive.root(LEAVES[begin:end])


@given(st.lists(st.integers(0, 90), max_size=8))
def test_leaves_may_come_in_any_batches(batches):
    tree, size = Frontier(), 0
    for count in batches:
        tree = tree.extended(LEAVES[size : size + count])
        size += count
        assert tree.root() == naive.root(LEAVES[:size])
        assert len(tree.peaks) == size.bit_count()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 21])
def test_a_changed_inclusion_proof_is_refused(size):
    leaves, top = LEAVES[:size], naive.root(LEAVES[:size])
    for index in range(size):
        leaf, proof = leaves[index], naive.path(index, leaves)
        for changed in mutations(proof):
            assert not accepts(verify_inclusion, index, size, leaf, changed, top)
        assert not accepts(verify_inclusion, index, size, flipped(leaf), proof, top)
        assert not accepts(verify_inclusion, index, size, leaf[:-1], proof, top)
        assert not accepts(verify_inclusion, index, size, leaf, proof, flipped(top, 255))
        for other in {*range(-2, size + 3)} - {index}:
            assert not accepts(verify_inclusion, other, size, leaf, proof, top)


@pytest.mark.parametrize("new", [2, 3, 4, 5, 7, 8, 9, 13, 16, 21])
def test_a_changed_consistency_proof_is_refused(new):
    second = naive.root(LEAVES[:new])
    for old in range(1, new):
        first, proof = naive.root(LEAVES[:old]), naive.proof(old, LEAVES[:new])
        for changed in mutations(proof):
            assert not accepts(verify_consistency, old, new, first, second, changed)
        assert not accepts(verify_consistency, old, new, flipped(first), second, proof)
        assert not accepts(verify_consistency, old, new, first, flipped(second), proof)
        assert not accepts(verify_consistency, old, new, first[:-1], second, proof)
        assert not accepts(verify_consistency, old, new, second, first, proof)
        assert not accepts(verify_consistency, new, old, first, second, proof)


def test_under_other_sizes_a_proof_is_judged_as_the_definition_judges_it():
    # A proof alone does not fix the size: with [b, c] entry 0 is in the tree of 3 and under the same root
    # "of 4" too. A checkpoint signs root and size together.
    for size in range(1, 18):
        leaves = LEAVES[:size]
        top = naive.root(leaves)
        for index in range(size):
            proof = naive.path(index, leaves)
            for other in range(index + 1, 40):
                wanted = naive.included(index, other, leaves[index], proof, top)
                assert accepts(verify_inclusion, index, other, leaves[index], proof, top) == wanted
            assert not accepts(verify_inclusion, index, index, leaves[index], proof, top)


def test_under_other_sizes_consistency_is_judged_as_the_definition_judges_it():
    for new in range(1, 12):
        for old in range(1, new + 1):
            tops = naive.root(LEAVES[:old]), naive.root(LEAVES[:new])
            proof = naive.proof(old, LEAVES[:new])
            for second in range(1, 20):
                for first in range(1, second + 1):
                    wanted = naive.consistent(first, second, tops, proof)
                    assert accepts(verify_consistency, first, second, *tops, proof) == wanted


def test_an_empty_tree_is_consistent_with_everything_so_no_proof_of_it_counts():
    assert consistency_proof(0, 5, naive.nodes(LEAVES[:5])) == []
    for size in (0, 5):
        assert not accepts(verify_consistency, 0, size, EMPTY_ROOT, naive.root(LEAVES[:size]), [])


def test_one_size_has_one_root():
    verify_consistency(5, 5, LEAVES[0], LEAVES[0], [])
    assert not accepts(verify_consistency, 5, 5, LEAVES[0], LEAVES[1], [])
    assert not accepts(verify_consistency, 5, 5, LEAVES[0], LEAVES[0], [LEAVES[1]])


def test_hashes_cannot_be_cut_anew_to_say_something_else():
    # Two hashes are joined without a mark between them; that each is 32 bytes long makes the cut.
    a, b, top = *LEAVES[:2], naive.root(LEAVES[:2])
    assert node_hash(a[:31], a[31:] + b) == top
    assert not accepts(verify_inclusion, 1, 2, a[31:] + b, [a[:31]], top)
    assert not accepts(verify_inclusion, 0, 2, a + b[:1], [b[1:]], top)
    assert not accepts(verify_consistency, 1, 2, a + b[:1], top, [b[1:]])


def test_a_proof_of_the_wrong_length_gives_no_root():
    proof = naive.path(5, LEAVES[:9])
    assert root_from_inclusion(5, 9, LEAVES[5], proof) == naive.root(LEAVES[:9])
    for wrong in (proof[:-1], [*proof, LEAVES[0]], []):
        assert not accepts(root_from_inclusion, 5, 9, LEAVES[5], wrong)


def test_refusals_have_a_code():
    with pytest.raises(VerificationError) as refused:
        root_from_inclusion(3, 3, LEAVES[0], [])
    assert refused.value.code == "not-included"
    with pytest.raises(VerificationError) as refused:
        verify_consistency(2, 4, LEAVES[0], LEAVES[1], [])
    assert refused.value.code == "not-consistent"


def test_nobody_asks_for_a_proof_of_what_is_not_there():
    for index, size in [(0, 0), (3, 3), (-1, 3)]:
        with pytest.raises(ValueError):
            inclusion_proof(index, size, naive.nodes(LEAVES[:size]))
    for old, new in [(4, 3), (-1, 3)]:
        with pytest.raises(ValueError):
            consistency_proof(old, new, naive.nodes(LEAVES[:new]))


@settings(max_examples=200)
@given(st.integers(-1, 2**64), st.integers(-1, 2**64), st.lists(st.binary(max_size=34) | st.just(b"-" * 32)))
def test_any_proof_is_refused_and_nothing_breaks(index, size, proof):
    assert not accepts(verify_inclusion, index, size, LEAVES[0], proof, EMPTY_ROOT)
    if index != size:
        assert not accepts(verify_consistency, index, size, LEAVES[0], LEAVES[1], proof)
