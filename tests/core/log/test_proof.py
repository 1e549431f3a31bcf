"""Proofs that a file holds."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.log import naive_tree as naive
from core.log.signers import ORIGIN, signer
from halfdoor.core.errors import VerificationError
from halfdoor.core.log.checkpoint import SIZE_MAX, Checkpoint
from halfdoor.core.log.keys import verify_note
from halfdoor.core.log.merkle import leaf_hash
from halfdoor.core.log.note import Note, Signature, encode_base64
from halfdoor.core.log.proof import BYTES_MAX, HASHES_MAX, HEAD, Proof, parse_proof

ENTRIES = [f"entry {number}".encode() for number in range(13)]
LEAVES = tuple(map(leaf_hash, ENTRIES))
NOTE = signer("Ed25519").note(Checkpoint(ORIGIN, len(ENTRIES), naive.root(LEAVES)).text())
HASH = encode_base64(sha256(b"hash1").digest())
BELOW = NOTE.encode().decode()

hashes = st.binary(min_size=32, max_size=32)
proofs = st.builds(
    Proof,
    st.integers(0, SIZE_MAX),
    st.lists(hashes, max_size=HASHES_MAX).map(tuple),
    st.just(NOTE),
    st.none() | st.binary(max_size=50),
)


def proof_of(index, extra=None):
    return Proof(index, tuple(naive.path(index, LEAVES)), NOTE, extra)


def code(call, *arguments):
    with pytest.raises(VerificationError) as refused:
        call(*arguments)
    return refused.value.code


# The texts are those of transparency-dev/formats proof/tlog_proof_test.go (Apache-2.0), over a signed note.
@pytest.mark.parametrize(
    ("proof", "head"),
    [
        (
            Proof(5, (sha256(b"hash1").digest(), sha256(b"hash2").digest()), NOTE),
            f"{HEAD}\nindex 5\n{HASH}\n{encode_base64(sha256(b'hash2').digest())}\n\n",
        ),
        (
            Proof(10, (sha256(b"hash1").digest(),), NOTE, b"extra information"),
            f"{HEAD}\nextra {encode_base64(b'extra information')}\nindex 10\n{HASH}\n\n",
        ),
        (Proof(0, (), NOTE), f"{HEAD}\nindex 0\n\n"),
        (Proof(0, (), NOTE, b""), f"{HEAD}\nextra \nindex 0\n\n"),
    ],
)
def test_a_proof_is_written_as_the_specification_says(proof, head):
    assert proof.encode() == (head + BELOW).encode()
    assert parse_proof(proof.encode()) == proof


def test_a_proof_names_its_format():
    assert proof_of(0).encode().startswith(b"c2sp.org/tlog-proof@v1\n")


@given(proofs)
def test_a_proof_is_read_as_it_was_written(proof):
    assert parse_proof(proof.encode()) == proof


def test_every_entry_is_proved_and_no_other_passes_for_it():
    for index, entry in enumerate(ENTRIES):
        proof = parse_proof(proof_of(index, b"anything").encode())
        assert verify_note(proof.checkpoint, [signer("Ed25519").key])
        assert proof.verify(entry) == Checkpoint(ORIGIN, len(ENTRIES), naive.root(LEAVES))
        for other in {*ENTRIES, b"", entry + b"\0"} - {entry}:
            assert code(proof.verify, other) == "not-included"


def test_a_proof_at_another_index_or_under_another_root_is_refused():
    proof = proof_of(3)
    for index in (0, 2, 4, 12, 13, SIZE_MAX):
        assert code(Proof(index, proof.hashes, NOTE).verify, ENTRIES[3]) == "not-included"
    for checkpoint in (Checkpoint(ORIGIN, 13, bytes(32)), Checkpoint(ORIGIN, 3, naive.root(LEAVES))):
        other = signer("Ed25519").note(checkpoint.text())
        assert code(Proof(3, proof.hashes, other).verify, ENTRIES[3]) == "not-included"


def test_a_proof_over_what_is_no_checkpoint_is_refused():
    assert code(Proof(0, (), signer("Ed25519").note("any text\n")).verify, b"") == "bad-checkpoint"


def test_one_flipped_bit_anywhere_in_a_proof_is_noticed():
    def check(data):
        proof = parse_proof(data)
        verify_note(proof.checkpoint, [signer("Ed25519").key])
        proof.verify(ENTRIES[12])

    whole = proof_of(12).encode()
    check(whole)
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(VerificationError):
            check(bytes(changed))


def test_extra_data_are_vouched_for_by_nobody():
    proof = Proof(3, proof_of(3).hashes, NOTE, b"somebody wrote this")
    assert proof.verify(ENTRIES[3])


@pytest.mark.parametrize(
    "head",
    [
        # transparency-dev/formats proof/tlog_proof_test.go (Apache-2.0)
        "wrong-header\nindex 0\n\n",
        f"{HEAD}\nextra !!notbase64!!\nindex 0\n\n",
        f"{HEAD}\n\n\n",
        f"{HEAD}\nindex notanumber\n\n",
        f"{HEAD}\nindex -5\n\n",
        f"{HEAD}\nindex 0\n!!notbase64!!\n\n",
        f"{HEAD}\nindex 0\n{encode_base64(bytes(64))}\n\n",
        f"{HEAD}\nindex 0\n{'a' * 65 * 1024}\n",
        "",
        "\n\n",
        f"{HEAD}\n\n",
        f"{HEAD} \nindex 0\n\n",
        f"{HEAD}\r\nindex 0\r\n\n",
        f" {HEAD}\nindex 0\n\n",
        f"{HEAD}\nextra\nindex 0\n\n",
        f"{HEAD}\nextra AA=\nindex 0\n\n",
        f"{HEAD}\nextra AA==\nextra AA==\nindex 0\n\n",
        f"{HEAD}\nindex 0\nextra AA==\n\n",
        f"{HEAD}\n\nindex 0\n\n",
        f"{HEAD}\nindex 00\n\n",
        f"{HEAD}\nindex 01\n\n",
        f"{HEAD}\nindex  1\n\n",
        f"{HEAD}\nindex 1 \n\n",
        f"{HEAD}\nindex +1\n\n",
        f"{HEAD}\nindex 1.0\n\n",
        f"{HEAD}\nindex {2**63}\n\n",
        f"{HEAD}\nindex\n\n",
        f"{HEAD}\nindex \n\n",
        f"{HEAD}\nindex index 1\n\n",
        f"{HEAD}\nIndex 1\n\n",
        f"{HEAD}\nindex 1\nindex 1\n\n",
        f"{HEAD}\nindex \u0661\n\n",
        f"{HEAD}\nindex 0\n{HASH} \n\n",
        f"{HEAD}\nindex 0\n{HASH[:-1]}\n\n",
        f"{HEAD}\nindex 0\n{encode_base64(bytes(31))}\n\n",
        f"{HEAD}\nindex 0\n{HASH}{HASH}\n\n",
        f"{HEAD}\nindex 0\n" + f"{HASH}\n" * (HASHES_MAX + 1) + "\n",
    ],
)
def test_what_is_no_proof_is_refused(head):
    assert code(parse_proof, (head + BELOW).encode()) == "bad-proof"


def test_a_proof_without_a_checkpoint_is_refused():
    assert code(parse_proof, f"{HEAD}\nindex 0\n".encode()) == "bad-proof"
    assert code(parse_proof, f"{HEAD}\nindex 0\n\n".encode()) == "bad-note"
    assert code(parse_proof, f"{HEAD}\nindex 0\n\ncheckpoint\n".encode()) == "bad-note"
    assert code(parse_proof, f"{HEAD}\nindex 0\n\n\n{BELOW}".encode()[:-1]) == "bad-note"


def test_a_proof_that_is_too_long_is_refused():
    many = tuple(Signature("example.org", bytes(4), bytes(10_000)) for _ in range(75))
    long = Proof(0, (), Note("text\n", many), bytes(10_000)).encode()
    assert len(long) > BYTES_MAX
    assert code(parse_proof, long) == "bad-proof"
