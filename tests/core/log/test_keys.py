"""Keys of every kind: as text, as PEM, and what they verify."""

import base64
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from core.log.published import PUBLISHED, SIGNED, WITH_KEY, key_of, note_of
from core.log.signers import KINDS, ORIGIN, TIME, encoded, signer, tree_head
from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.checkpoint import Checkpoint
from halfdoor.core.log.keys import (
    Kind,
    VerifierKey,
    keys_from_pem,
    parse_verifier_key,
    subtree_message,
    verify_note,
)
from halfdoor.core.log.note import Note, Signature, parse_note, parse_signatures

CHECKPOINT = Checkpoint(ORIGIN, 42, sha256(b"root").digest())
TEXT = CHECKPOINT.text()
BITS_MAX = 8000  # of an ML-DSA signature, one bit in each byte is enough

each_kind = pytest.mark.parametrize("kind", KINDS)
sigstore = PUBLISHED["sigstore"].key.split("+", 2)[2]


def refused(data, *keys):
    """The code under which a note of these bytes is refused."""
    with pytest.raises(VerificationError) as error:
        verify_note(parse_note(data), keys)
    return error.value.code


def bad_key(text):
    with pytest.raises(InputError) as error:
        parse_verifier_key(text, where="keys.txt")
    return (error.value.code, error.value.where) == ("bad-key", "keys.txt")


def vkey(name, kind, public):
    """A key as text, with the ID of its bytes, whatever they are."""
    material = bytes([kind]) + public
    key_id = sha256(name.encode() + b"\n" + material).hexdigest()[:8]
    return f"{name}+{key_id}+{base64.b64encode(material).decode()}"


@pytest.mark.parametrize("name", WITH_KEY)
def test_a_published_key_is_read_and_written_as_it_was(name):
    assert str(key_of(name)) == PUBLISHED[name].key


@pytest.mark.parametrize("name", SIGNED)
def test_a_published_note_is_signed_by_the_key_published_with_it(name):
    (signed,) = verify_note(note_of(name), [key_of(name)])
    assert signed.key == key_of(name)
    assert signed.time == getattr(PUBLISHED[name], "time", None)


@pytest.mark.parametrize("name", SIGNED)
def test_a_published_note_is_not_signed_by_another_published_key(name):
    others = [key_of(other) for other in WITH_KEY if other != name]
    with pytest.raises(VerificationError) as error:
        verify_note(note_of(name), others)
    assert error.value.code == "not-signed"


def test_a_tree_head_as_certificate_logs_publish_it_is_a_note_s_signature():
    argon = PUBLISHED["argon"]
    key = key_of("argon")
    signature = argon.time.to_bytes(8, "big") + base64.b64decode(argon.signature)
    text = Checkpoint(key.name, argon.size, base64.b64decode(argon.root)).text()
    (signed,) = verify_note(Note(text, (Signature(key.name, key.key_id, signature),)), [key])
    assert signed.time == argon.time


def test_a_subtree_that_somebody_else_s_program_signed_verifies():
    published, key = PUBLISHED["torchwood"], key_of("torchwood")
    (line,) = parse_signatures(published.line + "\n")
    assert (line.name, line.key_id, line.signature[:8]) == (key.name, key.key_id, bytes(8))
    public = mldsa.MLDSA44PublicKey.from_public_bytes(key.public)
    root = base64.b64decode(published.root)
    public.verify(line.signature[8:], subtree_message(key.name, 0, published.origin, (8, 13), root))
    for wrong in [
        subtree_message(key.name, 1, published.origin, (8, 13), root),
        subtree_message(key.name, 0, published.origin, (8, 14), root),
        subtree_message(key.name, 0, "wrong origin", (8, 13), root),
        subtree_message("another", 0, published.origin, (8, 13), root),
        subtree_message(key.name, 0, published.origin, (8, 13), bytes(32)),
    ]:
        with pytest.raises(InvalidSignature):
            public.verify(line.signature[8:], wrong)


@pytest.mark.parametrize(
    "text",
    [
        # transparency-dev/formats note/note_verifier_test.go (Apache-2.0)
        "bananas.sigstore.dev+12344556",
        "rekor.sigstore.dev+12345678+THIS_IS_NOT_BASE64!",
        "rekor.sigstore.dev+12345678+AwEB",
        f"rekor.sigstore.dev+NOT_A_NUMBER+{sigstore}",
        f"rekor.sigstore.dev+00000000+{sigstore}",
        # golang.org/x/mod sumdb/note/note_test.go (BSD-3-Clause): too long a key, and an unknown kind
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "",
        "+",
        "++",
        "name++",
        "name+00000000+",
        f"+c0d23d6a+{sigstore}",
        f"rekor.sigstore.dev+C0D23D6A+{sigstore}",
        f"rekor.sigstore.dev+c0d23d6a+{sigstore}=",
        f"rekor.sigstore.dev+c0d23d6a+{sigstore} {sigstore}",
        f"rekor sigstore.dev+c0d23d6a+{sigstore}",
        f"rekor\u00a0sigstore.dev+c0d23d6a+{sigstore}",
    ],
)
def test_what_is_no_key_is_refused(text):
    assert bad_key(text)


def test_every_cut_and_every_changed_character_of_a_key_is_noticed():
    # After golang.org/x/mod sumdb/note/note_test.go (BSD-3-Clause).
    text = PUBLISHED["neumann"].key
    cuts = [text[i:j] for i in range(len(text) + 1) for j in range(i, len(text) + 1)]
    assert all(bad_key(cut) for cut in cuts if cut != text)
    assert all(bad_key(text[:i] + chr(ord(text[i]) + 1) + text[i + 1 :]) for i in range(len(text)))


def test_space_around_a_key_is_no_part_of_it():
    text = PUBLISHED["neumann"].key
    assert str(parse_verifier_key(f" {text}\n")) == text


@pytest.mark.parametrize(
    ("kind", "public"),
    [
        (Kind.ED25519, bytes(31)),
        (Kind.ED25519, bytes(33)),
        (Kind.COSIGNATURE, b""),
        (Kind.COSIGNATURE_ML_DSA, bytes(1311)),
        (Kind.COSIGNATURE_ML_DSA, bytes(1313)),
        (Kind.ECDSA, b"\1\2\3"),
        (Kind.TREE_HEAD, bytes(91)),
        (0x00, bytes(32)),
        (0x03, bytes(32)),
        (0x63, bytes(32)),
        (0xFF, bytes(32)),
    ],
)
def test_a_malformed_key_is_refused_whatever_its_id(kind, public):
    assert bad_key(vkey("example.org", kind, public))


def test_a_key_of_one_sort_is_not_taken_for_another():
    edwards = encoded(ed25519.Ed25519PrivateKey.generate().public_key())
    spki = ed25519.Ed25519PublicKey.from_public_bytes(edwards).public_bytes(
        Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    )
    koblitz = encoded(ec.generate_private_key(ec.SECP256K1()).public_key())
    for kind in (Kind.ECDSA, Kind.TREE_HEAD):
        for public in (spki, koblitz):
            with pytest.raises(InputError):
                parse_verifier_key(str(VerifierKey("example.org", kind, public)))
    with pytest.raises(InputError):
        parse_verifier_key(str(VerifierKey("example.org", Kind.ECDSA, signer("tree head, RSA").key.public)))


@each_kind
def test_a_fresh_key_verifies_what_it_signed(kind):
    one = signer(kind)
    assert parse_verifier_key(str(one.key)) == one.key
    (signed,) = verify_note(parse_note(one.note(TEXT).encode()), [one.key])
    assert (signed.key, signed.signature.name) == (one.key, ORIGIN)
    assert signed.time == (None if one.kind in {Kind.ED25519, Kind.ECDSA} else TIME)


@each_kind
def test_one_flipped_bit_anywhere_in_a_note_is_noticed(kind):
    one = signer(kind)
    data = one.note(TEXT).encode()
    bits = range(8 * len(data))
    for bit in bits if len(bits) < BITS_MAX else [8 * byte + byte % 8 for byte in range(len(data))]:
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        refused(bytes(changed), one.key)


@each_kind
def test_one_flipped_bit_anywhere_in_a_signature_is_noticed(kind):
    one = signer(kind)
    made = one.signature(TEXT)
    for byte in range(len(made.signature)):
        changed = bytearray(made.signature)
        changed[byte] ^= 1 << byte % 8
        note = Note(TEXT, (Signature(made.name, made.key_id, bytes(changed)),))
        assert refused(note.encode(), one.key) == "bad-signature"


@each_kind
def test_a_signature_that_is_cut_off_or_goes_on_is_noticed(kind):
    one = signer(kind)
    made = one.signature(TEXT)
    lengths = [*range(1, 20), len(made.signature) - 1]
    for wrong in [made.signature + b"\0", *(made.signature[:length] for length in lengths)]:
        note = Note(TEXT, (Signature(made.name, made.key_id, wrong),))
        assert refused(note.encode(), one.key) == "bad-signature"


@each_kind
def test_a_signature_is_of_one_key_only(kind):
    one, other = signer(kind), signer(kind, number=2)
    made = one.signature(TEXT)
    assert refused(one.note(TEXT).encode(), other.key) == "not-signed"
    claimed = Note(TEXT, (Signature(other.key.name, other.key.key_id, made.signature),))
    assert refused(claimed.encode(), other.key) == "bad-signature"


def test_a_signature_of_one_kind_is_not_taken_for_another_s_of_the_same_key():
    private = signer("Ed25519").private
    public = encoded(private.public_key())
    plain, timed = VerifierKey(ORIGIN, Kind.ED25519, public), VerifierKey(ORIGIN, Kind.COSIGNATURE, public)
    assert plain.key_id != timed.key_id
    stamped = bytes(8) + private.sign(TEXT.encode())
    assert refused(Note(TEXT, (Signature(ORIGIN, timed.key_id, stamped),)).encode(), timed) == "bad-signature"


@pytest.mark.parametrize("kind", ["tree head", "tree head, RSA"])
def test_a_tree_head_vouches_for_no_line_that_it_does_not_sign(kind):
    # RFC 6962 tree heads sign neither the origin nor further lines; C2SP static-ct-api fixes both.
    one = signer(kind)
    for text in (TEXT + "more\n", Checkpoint("example.org/other", 42, CHECKPOINT.root).text()):
        assert refused(one.note(text).encode(), one.key) == "bad-signature"


def test_a_tree_head_of_the_other_algorithm_is_refused():
    one = signer("tree head")
    made = bytearray(tree_head(one.private, TEXT, TIME))
    made[9] = 1  # RSA, says the signature of an elliptic curve
    note = Note(TEXT, (Signature(ORIGIN, one.key.key_id, bytes(made)),))
    assert refused(note.encode(), one.key) == "bad-signature"


@pytest.mark.parametrize("kind", ["tree head", "ML-DSA-44 cosignature"])
def test_only_checkpoints_are_signed_by_keys_for_checkpoints(kind):
    one = signer(kind)
    made = one.signature(TEXT)
    assert refused(Note("any text\n", (made,)).encode(), one.key) == "bad-checkpoint"


@pytest.mark.parametrize("kind", ["cosignature", "ML-DSA-44 cosignature"])
def test_a_time_beyond_two_to_the_sixty_third_is_refused(kind):
    one = signer(kind)
    assert verify_note(one.note(TEXT, 2**63 - 1), [one.key])[0].time == 2**63 - 1
    assert refused(one.note(TEXT, 2**63).encode(), one.key) == "bad-signature"


def test_names_of_more_than_255_bytes_cannot_have_been_cosigned_with_ml_dsa():
    one = signer("ML-DSA-44 cosignature", "é" * 127)
    assert verify_note(one.note(TEXT), [one.key])
    long = VerifierKey("é" * 128, one.kind, one.key.public)
    note = Note(TEXT, (Signature(long.name, long.key_id, bytes(8 + 2420)),))
    assert refused(note.encode(), long) == "bad-signature"
    text = Checkpoint("o" * 256, 42, CHECKPOINT.root).text()
    assert (
        refused(Note(text, (Signature(one.key.name, one.key.key_id, bytes(2428)),)).encode(), one.key)
        == "bad-signature"
    )


def test_signatures_of_unknown_keys_are_passed_over():
    log, witness = signer("Ed25519"), signer("cosignature", "witness.example")
    same_name = Signature(log.key.name, b"\0\0\0\0", b"anything")
    same_id = Signature("example.org/other", log.key.key_id, b"anything")
    note = Note(TEXT, (same_name, witness.signature(TEXT), same_id, log.signature(TEXT)))
    assert [one.key for one in verify_note(note, [log.key])] == [log.key]
    assert [one.key for one in verify_note(note, [log.key, witness.key])] == [witness.key, log.key]


def test_one_failing_signature_of_a_known_key_spoils_the_note():
    log, witness = signer("Ed25519"), signer("cosignature", "witness.example")
    for bad in (witness.signature("other\n"), log.signature("other\n")):
        for lines in [(log.signature(TEXT), bad), (bad, log.signature(TEXT))]:
            assert refused(Note(TEXT, lines).encode(), log.key, witness.key) == "bad-signature"


def test_a_key_that_signed_twice_counts_once():
    witness = signer("cosignature", "witness.example")
    lines = (witness.signature(TEXT, 1), witness.signature(TEXT, 2))
    (signed,) = verify_note(Note(TEXT, lines), [witness.key])
    assert signed.time == 1


def test_a_note_that_none_of_the_keys_signed_is_refused():
    assert refused(signer("Ed25519").note(TEXT).encode()) == "not-signed"
    assert refused(signer("Ed25519").note(TEXT).encode(), signer("ECDSA").key) == "not-signed"


def pem(private):
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("kind", ["Ed25519", "ECDSA", "ECDSA P-521", "tree head", "tree head, RSA"])
def test_a_pem_is_every_kind_of_key_that_it_may_be(kind):
    one = signer(kind)
    keys = keys_from_pem(pem(one.private), ORIGIN)
    assert one.key in keys
    assert [signed.key for signed in verify_note(one.note(TEXT), keys)] == [one.key]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        PUBLISHED["neumann"].key.encode(),
        pem(ed448.Ed448PrivateKey.generate()),
        pem(x25519.X25519PrivateKey.generate()),
        pem(ec.generate_private_key(ec.SECP256K1())),
        pem(mldsa.MLDSA65PrivateKey.generate()),
    ],
)
def test_a_pem_that_no_log_signs_with_is_refused(data):
    with pytest.raises(InputError) as error:
        keys_from_pem(data, ORIGIN, where="key.pem")
    assert (error.value.code, error.value.where) == ("bad-key", "key.pem")


def test_a_private_key_is_not_taken_for_a_public_one():
    private = rsa.generate_private_key(65537, 2048)
    data = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(InputError):
        keys_from_pem(data, ORIGIN)


def test_a_key_says_what_is_wrong_with_it_and_what_to_do():
    with pytest.raises(InputError) as error:
        parse_verifier_key(f"rekor.sigstore.dev+00000000+{sigstore}", where="k")
    assert "c0d23d6a" in error.value.message
    assert error.value.remedy
