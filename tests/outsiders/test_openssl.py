"""openssl and a few lines of shell verify a checkpoint that Halfdoor signed, and no changed one."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from halfdoor.core.log.keys import parse_verifier_key
from halfdoor.core.log.note import Note, Signature, parse_note


def write_pem(path, public):
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return path


@pytest.fixture
def public(log, tmp_path):
    raw = parse_verifier_key(log.vkey).public
    return write_pem(tmp_path / "public.pem", Ed25519PublicKey.from_public_bytes(raw))


@pytest.fixture
def note(log):
    return parse_note((log.folder / "checkpoint").read_bytes())


@pytest.fixture
def ask(checkpoint_sh, tmp_path):
    def ask(data, public):
        file = tmp_path / "checkpoint"
        file.write_bytes(data)
        return checkpoint_sh(file, public)

    return ask


def refused(done):
    return done.returncode == 1 and done.stderr.startswith("refused: ") and not done.stdout


def test_openssl_verifies_a_checkpoint_and_its_text_is_shown(ask, note, public):
    done = ask(note.encode(), public)
    assert (done.returncode, done.stdout) == (0, note.text), done.stderr


def test_openssl_refuses_a_checkpoint_changed_anywhere_in_its_text(ask, note, public):
    data = note.encode()
    for at in range(len(note.text)):
        changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        assert refused(ask(changed, public)), at


def test_openssl_refuses_a_changed_or_shortened_signature(ask, note, public):
    (own,) = note.signatures
    for signature in (bytes([own.signature[0] ^ 1]) + own.signature[1:], own.signature[:-1]):
        assert refused(ask(Note(note.text, (Signature(own.name, own.key_id, signature),)).encode(), public))


def test_openssl_refuses_a_checkpoint_without_a_signature(ask, note, public):
    assert refused(ask(note.text.encode(), public))
    assert refused(ask(f"{note.text}\n".encode(), public))


def test_openssl_refuses_the_key_of_another_log(ask, note, tmp_path):
    other = write_pem(tmp_path / "other.pem", Ed25519PrivateKey.generate().public_key())
    assert refused(ask(note.encode(), other))


def test_the_logs_signature_is_found_among_those_of_witnesses_and_of_a_key_before(ask, note, public):
    (own,) = note.signatures
    others = [Signature(own.name, bytes(4), bytes(64)), Signature("witness.example.org", bytes(4), bytes(72))]
    done = ask(Note(note.text, (*others, own, *others)).encode(), public)
    assert (done.returncode, done.stdout) == (0, note.text), done.stderr


def test_nothing_can_be_slipped_in_between_text_and_signature(ask, note, public):
    text, below = note.encode().split(b"\n\n")
    for more in (b"\n\n1000000\n\n", b"\n\n\n", b"\n\n1000000\n"):
        assert refused(ask(text + more + below, public))
