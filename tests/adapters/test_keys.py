"""Private keys: in files for their owner alone, and with services that sign through a command."""

import errno
import os
import stat
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from halfdoor.adapters import keys
from halfdoor.adapters.keys import (
    PASSPHRASE_VARIABLE,
    CannotSign,
    CommandSigner,
    check_signature,
    create_key,
    load_key,
    passphrase,
)
from halfdoor.core.errors import InputError

KINDS = ["ed25519", "p256", "ml-dsa-44"]


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "keys"
    made.mkdir(mode=0o700)
    return made


def refusal(act):
    with pytest.raises(InputError) as refused:
        act()
    return refused.value.code


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("secret", [None, b"correct horse"])
def test_a_key_that_was_made_signs(folder, kind, secret):
    public = create_key(folder / "key.pem", kind, secret)
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
    signer = load_key(folder / "key.pem", secret)
    assert signer.public == public
    check_signature(public, b"message", signer.sign(b"message"))
    with pytest.raises(CannotSign):
        check_signature(public, b"another message", signer.sign(b"message"))


def test_a_key_is_for_its_owner_alone_whatever_the_mask(folder):
    before = os.umask(0)
    try:
        create_key(folder / "key.pem", "ed25519")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600


def test_a_key_is_never_written_over(folder):
    create_key(folder / "key.pem", "ed25519")
    before = (folder / "key.pem").read_bytes()
    assert refusal(lambda: create_key(folder / "key.pem", "ed25519")) == "exists"
    (folder / "link.pem").symlink_to(folder / "nowhere.pem")
    assert refusal(lambda: create_key(folder / "link.pem", "ed25519")) == "exists"
    assert (folder / "key.pem").read_bytes() == before
    assert not (folder / "nowhere.pem").exists()


def test_a_key_that_cannot_be_written_leaves_nothing(folder, monkeypatch):
    assert refusal(lambda: create_key(folder / "no" / "key.pem", "ed25519")) == "cannot-write"

    def fail(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keys.os, "fsync", fail)
    assert refusal(lambda: create_key(folder / "key.pem", "ed25519")) == "cannot-write"
    assert list(folder.iterdir()) == []


def test_a_passphrase_that_openssl_cannot_use_is_refused(folder):
    assert refusal(lambda: create_key(folder / "key.pem", "ed25519", b"x" * 2000)) == "bad-passphrase"
    assert list(folder.iterdir()) == []


def test_an_encrypted_key_asks_for_its_passphrase(folder):
    create_key(folder / "key.pem", "ed25519", b"right")
    assert refusal(lambda: load_key(folder / "key.pem")) == "needs-passphrase"
    assert refusal(lambda: load_key(folder / "key.pem", b"")) in {"needs-passphrase", "bad-key"}
    assert refusal(lambda: load_key(folder / "key.pem", b"wrong")) == "bad-key"
    assert b"ENCRYPTED" in (folder / "key.pem").read_bytes()


def test_a_passphrase_that_is_not_needed_does_no_harm(folder):
    """One variable for all keys of a home, of which some may be older than it."""
    public = create_key(folder / "key.pem", "ed25519")
    assert load_key(folder / "key.pem", b"some").public == public


def test_the_passphrase_may_be_any_bytes(monkeypatch):
    monkeypatch.delenv(PASSPHRASE_VARIABLE, raising=False)
    assert passphrase() is None
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "")
    assert passphrase() is None
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "für")
    assert passphrase() == "für".encode()
    monkeypatch.setitem(os.environ, PASSPHRASE_VARIABLE, os.fsdecode(b"\xff\xfe"))
    assert passphrase() == b"\xff\xfe"


@pytest.mark.parametrize(
    ("of", "mode"), [("file", 0o640), ("file", 0o604), ("folder", 0o750), ("folder", 0o701)]
)
def test_a_key_that_others_may_reach_is_refused(folder, of, mode):
    create_key(folder / "key.pem", "ed25519")
    place = folder if of == "folder" else folder / "key.pem"
    place.chmod(mode)
    with pytest.raises(InputError) as refused:
        load_key(folder / "key.pem")
    assert refused.value.code == "key-exposed"
    assert str(place) in refused.value.remedy


def test_a_key_of_somebody_else_is_refused(folder, monkeypatch):
    create_key(folder / "key.pem", "ed25519")
    monkeypatch.setattr(keys.os, "geteuid", lambda: os.getuid() + 1)
    assert refusal(lambda: load_key(folder / "key.pem")) == "key-exposed"


def write(place, data):
    place.write_bytes(data)
    place.chmod(0o600)
    return place


@pytest.mark.parametrize("data", [b"", b"x", b"\0" * 100_000, b"-----BEGIN PRIVATE KEY-----\nAA==\n"])
def test_what_is_no_key_is_refused(folder, data):
    assert refusal(lambda: load_key(write(folder / "key.pem", data))) == "bad-key"


def pem(key, secret=None):
    sealed = BestAvailableEncryption(secret) if secret else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, sealed)


@pytest.mark.parametrize("key", [rsa.generate_private_key(65537, 2048), x25519.X25519PrivateKey.generate()])
def test_a_key_of_a_kind_that_does_not_sign_here_is_refused(folder, key):
    assert refusal(lambda: load_key(write(folder / "key.pem", pem(key)))) == "bad-key"


@pytest.mark.parametrize("make", ["missing", "folder", "pipe"])
def test_what_is_no_file_is_refused_at_once(folder, make):
    place = folder / "key.pem"
    if make == "folder":
        place.mkdir(mode=0o700)
    elif make == "pipe":
        os.mkfifo(place, 0o600)
    assert refusal(lambda: load_key(place)) == "unreadable"


# A service's command: a program that reads the message and prints a signature, in one way or another.
SIGNING = """
import sys
from cryptography.hazmat.primitives.serialization import load_pem_private_key
message = sys.stdin.buffer.read()
key = load_pem_private_key(open({place!r}, "rb").read(), None)
{then}
"""


def command(folder, key, then):
    place = write(folder / "service.pem", pem(key))
    return [sys.executable, "-c", SIGNING.format(place=str(place), then=then)]


@pytest.mark.parametrize(
    "key", [ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP256R1())]
)
def test_a_service_signs_through_its_command(folder, key):
    extra = "" if isinstance(key, ed25519.Ed25519PrivateKey) else ", ECDSA(SHA256())"
    then = "from cryptography.hazmat.primitives.asymmetric.ec import ECDSA\n"
    then += "from cryptography.hazmat.primitives.hashes import SHA256\n"
    then += f"sys.stdout.buffer.write(key.sign(message{extra}))"
    signer = CommandSigner(command(folder, key, then), key.public_key())
    message = os.urandom(200_000)
    check_signature(key.public_key(), message, signer.sign(message))


@pytest.mark.parametrize(
    "then",
    [
        "",
        "sys.stdout.buffer.write(key.sign(message + b'!'))",
        "sys.stdout.buffer.write(key.sign(message)[:-1])",
        "sys.stdout.buffer.write(key.sign(message) + b'\\n')",
        "sys.stdout.buffer.write(bytes(64))",
        "sys.exit(3)",
        "sys.stdout.buffer.write(key.sign(message)); sys.stdout.flush(); sys.exit(3)",
        "import os; os.kill(os.getpid(), 9)",
        "sys.stdin.close(); sys.exit('no access')",
    ],
)
def test_a_command_that_does_not_sign_is_an_error(folder, then):
    key = ed25519.Ed25519PrivateKey.generate()
    signer = CommandSigner(command(folder, key, then), key.public_key())
    with pytest.raises(CannotSign) as refused:
        signer.sign(b"message")
    assert refused.value.code == "cannot-sign"


def test_what_a_command_says_is_told(folder):
    key = ed25519.Ed25519PrivateKey.generate()
    signer = CommandSigner(command(folder, key, "sys.exit('quota exceeded')"), key.public_key())
    with pytest.raises(CannotSign, match="quota exceeded"):
        signer.sign(b"message")


def test_a_command_that_does_not_answer_is_given_up(folder, monkeypatch):
    monkeypatch.setattr(keys, "COMMAND_SECONDS_MAX", 0.3)
    key = ed25519.Ed25519PrivateKey.generate()
    signer = CommandSigner(command(folder, key, "import time; time.sleep(60)"), key.public_key())
    with pytest.raises(CannotSign):
        signer.sign(b"message")


def test_a_command_that_is_not_there_is_an_error():
    signer = CommandSigner(["/nowhere/sign"], ed25519.Ed25519PrivateKey.generate().public_key())
    with pytest.raises(CannotSign, match="nowhere"):
        signer.sign(b"message")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "signature", [b"", b"x", bytes(64), bytes(70), b"\x30\x06\x02\x01\x01\x02\x01\x01", bytes(2420)]
)
def test_whatever_is_no_signature_is_an_error_of_one_kind(folder, kind, signature):
    public = create_key(folder / "key.pem", kind)
    with pytest.raises(CannotSign):
        check_signature(public, b"message", signature)
