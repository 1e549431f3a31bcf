"""COSE receipts: our own, and what an independent verifier says of them."""

import re
from hashlib import sha256

import cbor2
import pytest
import scitt_cose
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from core.log import naive_tree as naive
from halfdoor.core.errors import VerificationError
from halfdoor.core.log.cose import BYTES_MAX, Receipt, key_id, make_receipt, verify_receipt
from halfdoor.core.log.merkle import leaf_hash

ENTRIES = [f"entry {number}".encode() for number in range(11)]
LEAVES = tuple(map(leaf_hash, ENTRIES))
PRIVATE, OTHER = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
PUBLIC = PRIVATE.public_key()
ISSUED = 1_800_000_000


def sign(message, private=PRIVATE):
    return private.sign(message, ec.ECDSA(SHA256()))


def receipt_of(index, **more):
    known = {
        "origin": "example.org/log",
        "index": index,
        "size": len(ENTRIES),
        "proof": naive.path(index, LEAVES),
        "issued": ISSUED,
        "public": PUBLIC,
        "sign": sign,
    }
    return make_receipt(ENTRIES[index], **(known | more))


def pem(private):
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def second_opinion(receipt, entry, private=PRIVATE):
    return scitt_cose.verify_receipt(receipt, leaf_entry_hex=entry.hex(), log_public_key_pem=pem(private))


def refused(receipt, entry=ENTRIES[3], public=PUBLIC):
    with pytest.raises(VerificationError) as error:
        verify_receipt(receipt, entry, public)
    return error.value.code == "bad-receipt"


def signed(protected, inclusion=None, *, tag=18, payload=None, unprotected=None):
    """A receipt over this header, signed by the log's own key."""
    numbers = decode_dss_signature(sign(cbor2.dumps(["Signature1", protected, b"", naive.root(LEAVES)])))
    raw = b"".join(number.to_bytes(32, "big") for number in numbers)
    proof = cbor2.dumps([11, 3, naive.path(3, LEAVES)]) if inclusion is None else inclusion
    outside = {396: {-1: [proof]}} if unprotected is None else unprotected
    return cbor2.dumps(cbor2.CBORTag(tag, [protected, outside, payload, raw]))


def header(**claims):
    """The right header, with these claims (c1: iss, c2: sub, c6: iat) in place of its own."""
    known = {1: "example.org/log", 2: "sha256:" + sha256(ENTRIES[3]).hexdigest(), 6: ISSUED}
    known |= {-65537: 11, -65538: 3} | {int(name[1:]): value for name, value in claims.items()}
    return {1: -7, 4: key_id(PUBLIC), 15: known, 395: 1}


def encoded(value):
    return cbor2.dumps(value, canonical=True)


def test_every_entry_has_a_receipt_that_verifies():
    for index, entry in enumerate(ENTRIES):
        said = verify_receipt(receipt_of(index), entry, PUBLIC)
        assert said == Receipt("example.org/log", len(ENTRIES), index, ISSUED)


def test_an_independent_verifier_accepts_every_receipt():
    for index, entry in enumerate(ENTRIES):
        result = second_opinion(receipt_of(index), entry)
        assert result.ok, result.errors
        assert (result.tree_size, result.leaf_index) == (len(ENTRIES), index)
        assert result.root == naive.root(LEAVES).hex()
        assert (result.issuer, result.iat) == ("example.org/log", ISSUED)
        assert result.subject == "sha256:" + sha256(entry).hexdigest()
        assert result.protected_header_ext[4] == key_id(PUBLIC)


def test_an_independent_verifier_refuses_another_entry_and_another_key():
    receipt = receipt_of(3)
    assert not second_opinion(receipt, ENTRIES[4]).ok
    assert not second_opinion(receipt, ENTRIES[3] + b"\0").ok
    assert not second_opinion(receipt, ENTRIES[3], OTHER).ok


def test_another_entry_and_another_key_are_refused():
    receipt = receipt_of(3)
    for entry in {*ENTRIES, b"", ENTRIES[3] + b"\0"} - {ENTRIES[3]}:
        assert refused(receipt, entry)
    assert refused(receipt, public=OTHER.public_key())
    assert refused(receipt_of(3, public=OTHER.public_key()))
    assert refused(receipt_of(3, public=OTHER.public_key()), public=OTHER.public_key())


def test_one_flipped_bit_anywhere_in_a_receipt_is_noticed():
    receipt = receipt_of(3)
    for bit in range(8 * len(receipt)):
        changed = bytearray(receipt)
        changed[bit // 8] ^= 1 << bit % 8
        assert refused(bytes(changed))


def test_a_receipt_that_is_cut_off_or_goes_on_is_refused():
    receipt = receipt_of(3)
    for length in range(len(receipt)):
        assert refused(receipt[:length])
    for more in (b"\0", b"\xf6", receipt):
        assert refused(receipt + more)


def test_the_helper_that_makes_altered_receipts_makes_a_good_one():
    assert verify_receipt(signed(encoded(header())), ENTRIES[3], PUBLIC)


@pytest.mark.parametrize(
    "protected",
    [
        header() | {1: -35},
        header() | {1: 5},
        header() | {4: key_id(OTHER.public_key())},
        header() | {395: 2},
        header() | {2: [99]},
        header() | {99: "more"},
        {key: value for key, value in header().items() if key != 15},
        {key: value for key, value in header().items() if key != 1},
        header(c1=5),
        header(c1=b"example.org/log"),
        header(c2="sha256:" + "0" * 64),
        header(c6="now"),
        header(c6=1.5),
        header(c6=None),
        header(c6=True),
        header(c6=2**70),
        header(c9="more"),
        [1, 2],
        7,
        None,
        {},
    ],
)
def test_a_log_s_own_signature_over_another_header_is_refused(protected):
    assert refused(signed(encoded(protected)))


def test_what_is_not_in_its_one_encoding_is_refused():
    good = header()
    backwards = cbor2.dumps(dict(reversed(good.items())))
    assert refused(signed(backwards))
    twice = encoded(good).replace(b"\xa4", b"\xa5", 1) + encoded(395) + encoded(1)
    assert refused(signed(twice))
    assert refused(signed(encoded(good) + b"\0"))
    long = encoded([11, 3, naive.path(3, LEAVES)]).replace(b"\x83\x0b", b"\x83\x18\x0b", 1)
    assert cbor2.loads(long) == [11, 3, naive.path(3, LEAVES)]
    assert refused(signed(encoded(good), inclusion=long))


def test_another_structure_around_the_same_signature_is_refused():
    protected, proof = encoded(header()), encoded([11, 3, naive.path(3, LEAVES)])
    assert refused(signed(protected, tag=17))
    assert refused(signed(protected, payload=naive.root(LEAVES)))
    for unprotected in [
        {},
        {396: {}},
        {396: {-1: []}},
        {396: {-1: [proof, proof]}},
        {396: {-1: proof}},
        {396: {-2: [proof]}},
        {396: {-1: [proof]}, 4: b"me"},
        {395: 1, 396: {-1: [proof]}},
        [],
        7,
    ]:
        assert refused(signed(protected, unprotected=unprotected))
    receipt = cbor2.loads(receipt_of(3))
    assert refused(cbor2.dumps(receipt.value))
    assert refused(cbor2.dumps(cbor2.CBORTag(18, receipt.value[:3])))
    assert refused(cbor2.dumps(cbor2.CBORTag(18, [*receipt.value, b""])))
    good = receipt.value[3]
    longer = good[:32] + b"\0" + good[32:]  # the same two numbers
    for signature in (b"", good[:-1], good + b"\0", longer, bytes(64), "text", 5):
        assert refused(cbor2.dumps(cbor2.CBORTag(18, [*receipt.value[:3], signature])))


@pytest.mark.parametrize(
    "inclusion",
    [
        [11, 4, naive.path(3, LEAVES)],
        [3, 3, naive.path(3, LEAVES)],
        [11, -1, naive.path(3, LEAVES)],
        [-11, 3, naive.path(3, LEAVES)],
        [11, 3, []],
        [11, 3, [*naive.path(3, LEAVES), bytes(32)]],
        [11, 3, [one[:-1] for one in naive.path(3, LEAVES)]],
        [11, 3, ["x" * 32 for _ in naive.path(3, LEAVES)]],
        [11, 3, [0] * 4],
        [11, 3, 4],
        [11, 3],
        ["11", "3", naive.path(3, LEAVES)],
        [None, None, None],
        [2**64 - 1, 2**63, []],
        {},
    ],
)
def test_another_proof_is_refused(inclusion):
    assert refused(signed(encoded(header()), inclusion=encoded(inclusion)))


@pytest.mark.timeout(10)
def test_a_receipt_cannot_keep_its_reader_busy():
    # Shared references (tags 28 and 29) say in 200 bytes what takes for ever to look at one by one.
    doubled = [b"\xd8\x1c\x82\x00\x00"]
    doubled += [b"\xd8\x1c\x82" + (b"\xd8\x1d" + cbor2.dumps(n)) * 2 for n in range(60)]
    bomb = b"\x98" + bytes([len(doubled)]) + b"".join(doubled)
    for data in (bomb, b"\xa1" + bomb + b"\x00", b"\xa1\x0f" + bomb):
        assert refused(data)
        assert refused(signed(data))
        assert refused(signed(encoded(header()), inclusion=data))
    assert refused(b"\x9b" + b"\xff" * 8)  # an array of 2^64 - 1 items
    assert refused(b"\xbb" + b"\xff" * 8)
    assert refused(b"\x5b" + b"\x7f" + b"\xff" * 7)
    assert refused(b"\x81" * 60_000 + b"\x00")
    assert refused(b"\xd2" * 60_000 + b"\x00")
    assert refused(b"\xd2\xa1\xd2\x80\x00")  # a map whose key is a tagged array
    assert refused(b"\xd2\xa1\x80\x00")


def test_a_receipt_that_is_too_long_is_refused():
    origin = "o" * (BYTES_MAX - 200)
    assert len(receipt_of(3, origin=origin)) > BYTES_MAX
    assert refused(receipt_of(3, origin=origin))
    assert verify_receipt(receipt_of(3, origin=origin[:-1000]), ENTRIES[3], PUBLIC)


def test_no_receipt_is_made_of_a_proof_of_the_wrong_shape():
    with pytest.raises(VerificationError, match=re.compile("too short")):
        receipt_of(3, proof=[])
    with pytest.raises(VerificationError):
        receipt_of(3, size=3)
