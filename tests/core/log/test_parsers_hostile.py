"""Whatever comes in, a parser gives a value or one of our two errors; and what it takes, it would write."""

import base64
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.log import naive_tree as naive
from core.log.published import PUBLISHED
from core.log.signers import KINDS, ORIGIN, encoded, signer
from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.checkpoint import Checkpoint, parse_checkpoint
from halfdoor.core.log.cose import make_receipt, verify_receipt
from halfdoor.core.log.keys import Kind, keys_from_pem, parse_verifier_key, verify_note
from halfdoor.core.log.merkle import leaf_hash
from halfdoor.core.log.note import parse_note, parse_signatures
from halfdoor.core.log.proof import Proof, parse_proof
from halfdoor.core.log.quorum import parse_quorum
from halfdoor.core.log.tiles import decode_bundle, decode_tile, encode_bundle

ENTRIES = [b"a", b"bb", b"ccc", b"", b"e"]
LEAVES = tuple(map(leaf_hash, ENTRIES))
CHECKPOINT = Checkpoint(ORIGIN, len(ENTRIES), naive.root(LEAVES), ("more",))
KEYS = [signer(kind) for kind in KINDS]
SHORT = [one for one in KEYS if one.kind is not Kind.COSIGNATURE_ML_DSA]
NOTES = [one.note(CHECKPOINT.text()).encode() for one in SHORT]
PROOFS = [
    Proof(index, tuple(naive.path(index, LEAVES)), parse_note(NOTES[0]), extra).encode()
    for index, extra in [(0, None), (4, b"extra")]
]
PEMS = [
    key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for key in (one.private.public_key() for one in KEYS)
]
PRIVATE = ec.generate_private_key(ec.SECP256R1())
RECEIPT = make_receipt(
    ENTRIES[2],
    origin=ORIGIN,
    index=2,
    size=5,
    proof=naive.path(2, LEAVES),
    issued=1_800_000_000,
    public=PRIVATE.public_key(),
    sign=lambda message: PRIVATE.sign(message, ec.ECDSA(SHA256())),
)
WORDS = [
    "log",
    "witness",
    "group",
    "quorum",
    "none",
    "any",
    "all",
    "0",
    "1",
    "2",
    "9" * 30,
    "a",
    "b",
    "é",
    "#",
]
WORDS += [str(one.key) for one in SHORT]

hostile = settings(max_examples=400)
pieces = st.binary(max_size=6) | st.sampled_from(
    [b"\n", b"\n\n", b" ", b"+", b"=", b"\xe2\x80\x94 ", b"\r", b"\0"]
)


@st.composite
def changed(draw, originals):
    """A valid document with bits flipped, and pieces put in, taken out, doubled or swapped."""
    data = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted(draw(st.integers(0, len(data))) for _ in range(2))
        end = min(end, start + draw(st.sampled_from([0, 1, 2, 40, len(data)])))
        match draw(st.sampled_from(["put in", "take out", "double", "flip", "cut off"])):
            case "put in":
                data = data[:start] + draw(pieces) + data[start:]
            case "take out":
                data = data[:start] + data[end:]
            case "double":
                data = data[:end] + data[start:]
            case "flip" if start < len(data):
                data = data[:start] + bytes([data[start] ^ 1 << draw(st.integers(0, 7))]) + data[start + 1 :]
            case "cut off":
                data = data[:start]
    return data


def documents(originals):
    return st.binary(max_size=200) | changed(originals)


def taken(parse, *arguments):
    """What the parser makes of it, or None where it refuses as it should. Anything else is a failure."""
    try:
        return parse(*arguments)
    except (VerificationError, InputError) as error:
        return None if error.code and str(error) else pytest.fail("an error without a code")


@hostile
@given(documents(NOTES))
def test_notes(data):
    note = taken(parse_note, data)
    if note is not None:
        assert note.encode() == data
        taken(verify_note, note, [one.key for one in SHORT])
        checkpoint = taken(parse_checkpoint, note.text)
        assert checkpoint is None or checkpoint.text() == note.text


@hostile
@given(documents([CHECKPOINT.text().encode()]).map(lambda data: data.decode("utf-8", "replace")) | st.text())
def test_checkpoints(text):
    checkpoint = taken(parse_checkpoint, text)
    assert checkpoint is None or checkpoint.text() == text


@hostile
@given(documents(NOTES).map(lambda data: data.decode("utf-8", "replace")) | st.text())
def test_signature_lines(text):
    lines = taken(parse_signatures, text)
    assert lines is None or "".join(line.line() for line in lines) == text


@given(st.sampled_from(KEYS), st.sampled_from([CHECKPOINT.text(), "no checkpoint\n"]), st.binary(max_size=90))
@example(signer("ML-DSA-44 cosignature"), CHECKPOINT.text(), bytes(8 + 2420))
@example(signer("cosignature"), CHECKPOINT.text(), b"\xff" * 72)
@example(signer("tree head, RSA"), CHECKPOINT.text(), bytes(8) + b"\x04\x01\x00\x00")
def test_signatures(one, text, signature):
    with pytest.raises(VerificationError):
        one.key.check(text, signature)


@hostile
@given(documents(PROOFS))
def test_proofs(data):
    proof = taken(parse_proof, data)
    if proof is not None:
        assert proof.encode() == data
        for entry in ENTRIES:
            taken(proof.verify, entry)


@hostile
@given(
    documents([f"witness a {SHORT[3].key}\nlog {SHORT[0].key}\ngroup b 1 a\nquorum b\n".encode()])
    | st.lists(st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join), max_size=8).map(
        lambda lines: "\n".join(lines).encode()
    )
)
def test_quorums(data):
    quorum = taken(parse_quorum, data)
    if quorum is not None:
        quorum.is_met_by(set())
        everybody = {party.key for party in quorum.witnesses.values()}
        assert quorum.is_met_by(everybody)
        taken(quorum.check, parse_note(NOTES[3]))


@hostile
@given(
    documents([str(one.key).encode() for one in KEYS]).map(lambda data: data.decode("utf-8", "replace"))
    | st.text()
)
def test_verifier_keys(text):
    key = taken(parse_verifier_key, text)
    assert key is None or str(key) == text.strip()


@hostile
@given(
    st.sampled_from([*Kind, 0, 3, 0xFF]),
    documents([*{encoded(one.private.public_key()) for one in KEYS}]),
)
def test_verifier_keys_whose_id_fits(kind, public):
    material = bytes([kind]) + public
    hashed = sha256(public).digest() if kind == Kind.TREE_HEAD else public
    digest = sha256(public if kind == Kind.ECDSA else b"k\n" + material[:1] + hashed)
    text = f"k+{digest.hexdigest()[:8]}+{base64.b64encode(material).decode()}"
    key = taken(parse_verifier_key, text)
    if key is not None:
        assert str(key) == text
        with pytest.raises(VerificationError):
            key.check(CHECKPOINT.text(), bytes(80))


@hostile
@given(documents([*PEMS, PUBLISHED["rome"].key.encode()]))
def test_pems(data):
    for key in taken(keys_from_pem, data, ORIGIN) or []:
        assert parse_verifier_key(str(key)) == key


@hostile
@given(
    st.binary(max_size=60).map(
        lambda der: b"-----BEGIN PUBLIC KEY-----\n%s-----END PUBLIC KEY-----\n" % base64.encodebytes(der)
    )
    | changed([base64.b64decode(b"".join(pem.splitlines()[1:-1])) for pem in PEMS]).map(
        lambda der: b"-----BEGIN PUBLIC KEY-----\n%s-----END PUBLIC KEY-----\n" % base64.encodebytes(der)
    )
)
def test_pems_around_broken_keys(data):
    for key in taken(keys_from_pem, data, ORIGIN) or []:
        assert parse_verifier_key(str(key)) == key


@hostile
@given(documents([encode_bundle(ENTRIES)]), st.integers(0, 300))
def test_bundles(data, width):
    for wanted in (width, len(ENTRIES)):
        entries = taken(decode_bundle, data, wanted)
        if entries is not None:
            assert encode_bundle(entries) == data
            assert len(entries) == wanted


@hostile
@given(documents([b"".join(LEAVES)]), st.integers(0, 256))
def test_tiles(data, width):
    for wanted in (width, len(LEAVES), len(data) // 32):
        hashes = taken(decode_tile, data, wanted)
        if hashes is not None:
            assert b"".join(hashes) == data
            assert len(hashes) == wanted


@settings(max_examples=1500)
@given(documents([RECEIPT]))
def test_receipts(data):
    if data != RECEIPT:
        with pytest.raises(VerificationError) as refused:
            verify_receipt(data, ENTRIES[2], PRIVATE.public_key())
        assert refused.value.code == "bad-receipt"
