"""SSH signatures: what real ssh-keygen wrote is accepted, and nothing else is."""

import base64
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.ssh_signature import SIGNATURE_MAX, command, verify
from ssh_signing import ED25519, ED25519_PUBLIC, armour, by_ed25519, line, message, mpint, string, written

FIXTURES = Path(__file__).parents[2] / "fixtures" / "ssh"
DOCUMENT = (FIXTURES / "document.json").read_bytes()
KINDS = ("ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa3072")
TOUCHED, UNTOUCHED = 1, 0


def key_of(name):
    return " ".join((FIXTURES / f"{name}.pub").read_text().split()[:2])


def signature_of(name):
    return (FIXTURES / f"{name}.sig").read_text()


def refused(armoured, *keys, document=DOCUMENT):
    with pytest.raises(Refused) as caught:
        verify(armoured, document, keys)
    assert caught.value.code == "bad-signature"
    assert command("decision.json") in caught.value.remedy
    return caught.value.message


@pytest.mark.parametrize("kind", KINDS)
def test_what_ssh_keygen_signed_is_accepted_and_names_the_key(kind):
    keys = [key_of(other) for other in KINDS]
    assert verify(signature_of(kind), DOCUMENT, keys) == key_of(kind)


def test_a_digest_of_256_bits_is_accepted_too():
    assert verify(signature_of("ed25519-sha256"), DOCUMENT, [key_of("ed25519")])


def test_line_ends_of_windows_are_accepted():
    assert verify(signature_of("ed25519").replace("\n", "\r\n"), DOCUMENT, [key_of("ed25519")])


@pytest.mark.parametrize("kind", KINDS)
def test_another_document_is_refused(kind):
    assert "belong" in refused(signature_of(kind), key_of(kind), document=DOCUMENT + b" ")


def test_a_key_that_is_not_registered_for_the_person_is_refused():
    assert "not registered" in refused(signature_of("ed25519"), key_of("ecdsa256"))
    assert "not registered" in refused(signature_of("ed25519"))


def test_a_signature_made_for_files_is_refused():
    assert "namespace" in refused(signature_of("ed25519-file"), key_of("ed25519"))


@pytest.mark.parametrize("kind", KINDS)
@given(at=st.integers(0), bit=st.integers(0, 7))
def test_no_changed_bit_is_accepted(kind, at, bit):
    data = bytearray(base64.b64decode("".join(signature_of(kind).split("\n")[1:-2])))
    data[at % len(data)] ^= 1 << bit
    refused(armour(bytes(data)), key_of(kind))


@given(cut=st.integers(0))
def test_no_part_of_a_signature_is_accepted(cut):
    data = base64.b64decode("".join(signature_of("ed25519").split("\n")[1:-2]))
    refused(armour(data[: cut % len(data)]), key_of("ed25519"))


@given(st.text(max_size=300))
def test_no_text_is_more_than_refused(text):
    refused(text, key_of("ed25519"))
    refused(f"-----BEGIN SSH SIGNATURE-----\n{text}\n-----END SSH SIGNATURE-----", key_of("ed25519"))


def test_what_is_written_by_hand_as_openssh_does_is_accepted():
    assert verify(by_ed25519(DOCUMENT), DOCUMENT, [line(ED25519_PUBLIC)]) == line(ED25519_PUBLIC)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"magic": b"SSHSIH"}, "no SSH signature"),
        ({"version": 2}, "version"),
        ({"version": 0}, "version"),
        ({"after": b"\x00"}, "something follows"),
        ({"reserved": b"x"}, "no meaning"),
        ({"digest": b"sha1"}, "SHA-256 or SHA-512"),
        ({"namespace": b"halfdoor-decision "}, "namespace"),
        ({"namespace": b""}, "namespace"),
    ],
)
def test_what_differs_from_openssh_is_refused(changed, why):
    assert why in refused(by_ed25519(DOCUMENT, **changed), line(ED25519_PUBLIC))


def test_reserved_bytes_are_refused_even_where_they_were_signed():
    text = by_ed25519(DOCUMENT, message(DOCUMENT, reserved=b"x"), reserved=b"x")
    assert "no meaning" in refused(text, line(ED25519_PUBLIC))


def test_bytes_after_the_signature_or_the_key_are_refused():
    signature = string(b"ssh-ed25519") + string(ED25519.sign(message(DOCUMENT)))
    assert "follows" in refused(written(ED25519_PUBLIC, signature + b"\x00"), line(ED25519_PUBLIC))
    longer = ED25519_PUBLIC + b"\x00"
    assert "follows" in refused(written(longer, signature), line(longer))


def test_text_around_the_block_and_loose_base64_are_refused():
    good = by_ed25519(DOCUMENT)
    assert "one block" in refused(good + "x", line(ED25519_PUBLIC))
    assert "one block" in refused("x\n" + good, line(ED25519_PUBLIC))
    assert "one block" in refused("-" * (SIGNATURE_MAX + 1))
    loose = armour(base64.b64decode("".join(good.split("\n")[1:-2])) + b"\x00")
    assert "follows" in refused(loose, line(ED25519_PUBLIC))
    begin, *lines, end, _ = good.split("\n")
    assert "base64" in refused("\n".join((begin, " ".join(lines), end)), line(ED25519_PUBLIC))
    last = lines[-1].rstrip("=")
    if last != lines[-1]:
        other = last[:-1] + chr(ord(last[-1]) + 1) + "=" * (len(lines[-1]) - len(last))
        refused("\n".join((begin, *lines[:-1], other, end)), line(ED25519_PUBLIC))


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(65537, 2048)


def rsa_public(key):
    numbers = key.public_key().public_numbers()
    return string(b"ssh-rsa") + mpint(numbers.e) + mpint(numbers.n)


@pytest.mark.parametrize(
    ("name", "algorithm"), [(b"rsa-sha2-256", hashes.SHA256), (b"rsa-sha2-512", hashes.SHA512)]
)
def test_rsa_with_sha2_is_accepted(rsa_key, name, algorithm):
    signature = rsa_key.sign(message(DOCUMENT), padding.PKCS1v15(), algorithm())
    text = written(rsa_public(rsa_key), string(name) + string(signature))
    assert verify(text, DOCUMENT, [line(rsa_public(rsa_key))])


def test_rsa_with_sha1_is_refused(rsa_key):
    signature = rsa_key.sign(message(DOCUMENT), padding.PKCS1v15(), hashes.SHA1())
    text = written(rsa_public(rsa_key), string(b"ssh-rsa") + string(signature))
    assert "does not allow" in refused(text, line(rsa_public(rsa_key)))


def test_a_small_rsa_key_and_a_number_written_longer_are_refused(rsa_key):
    small = rsa.generate_private_key(65537, 1024)
    signature = small.sign(message(DOCUMENT), padding.PKCS1v15(), hashes.SHA256())
    text = written(rsa_public(small), string(b"rsa-sha2-256") + string(signature))
    assert "bits" in refused(text, line(rsa_public(small)))
    numbers = rsa_key.public_key().public_numbers()
    longer = string(b"ssh-rsa") + string(b"\x00" + b"\x01\x00\x01") + mpint(numbers.n)
    signature = rsa_key.sign(message(DOCUMENT), padding.PKCS1v15(), hashes.SHA256())
    text = written(longer, string(b"rsa-sha2-256") + string(signature))
    assert "not written as OpenSSH does" in refused(text, line(longer))


def test_an_algorithm_of_another_kind_of_key_is_refused():
    signature = string(b"rsa-sha2-256") + string(ED25519.sign(message(DOCUMENT)))
    assert "does not allow" in refused(written(ED25519_PUBLIC, signature), line(ED25519_PUBLIC))
    public = string(b"ssh-dss") + string(b"x")
    text = written(public, string(b"ssh-dss") + string(b"y"))
    assert "not accepted" in refused(text, line(public))


EC = ec.derive_private_key(0x1234567890ABCDEF, ec.SECP256R1())
POINT = EC.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def ecdsa(signed):
    return b"".join(map(mpint, decode_dss_signature(EC.sign(signed, ec.ECDSA(hashes.SHA256())))))


def test_a_curve_that_the_key_does_not_say_is_refused():
    public = string(b"ecdsa-sha2-nistp256") + string(b"nistp384") + string(POINT)
    text = written(public, string(b"ecdsa-sha2-nistp256") + string(ecdsa(message(DOCUMENT))))
    assert "curve" in refused(text, line(public))


def by_security_key(kind, flags, signed=None):
    """As PROTOCOL.u2f says: the key signs the application, its flags and counter, and a digest."""
    application, counter = b"ssh:", (7).to_bytes(4, "big")
    shown = message(DOCUMENT) if signed is None else signed
    digest = hashlib.sha256(shown).digest()
    over = hashlib.sha256(application).digest() + bytes([flags]) + counter + digest
    if kind == b"sk-ssh-ed25519@openssh.com":
        public = string(kind) + string(ED25519.public_key().public_bytes_raw()) + string(application)
        signature = ED25519.sign(over)
    else:
        public = string(kind) + string(b"nistp256") + string(POINT) + string(application)
        signature = ecdsa(over)
    return public, written(public, string(kind) + string(signature) + bytes([flags]) + counter)


SECURITY_KEYS = (b"sk-ssh-ed25519@openssh.com", b"sk-ecdsa-sha2-nistp256@openssh.com")


@pytest.mark.parametrize("kind", SECURITY_KEYS)
def test_a_security_key_that_was_touched_is_accepted(kind):
    public, text = by_security_key(kind, TOUCHED)
    assert verify(text, DOCUMENT, [line(public)]) == line(public)


@pytest.mark.parametrize("kind", SECURITY_KEYS)
def test_a_security_key_that_nobody_touched_is_refused(kind):
    public, text = by_security_key(kind, UNTOUCHED)
    assert "touched" in refused(text, line(public))


@pytest.mark.parametrize("kind", SECURITY_KEYS)
def test_a_security_key_that_signed_something_else_is_refused(kind):
    public, text = by_security_key(kind, TOUCHED, message(b"another"))
    assert "belong" in refused(text, line(public))
