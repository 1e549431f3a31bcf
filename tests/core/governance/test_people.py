"""Names, addresses, roles and keys: what is taken, and in which form."""

import base64

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.errors import HalfdoorError, InputError
from halfdoor.core.governance.people import (
    checked_email,
    checked_lines,
    checked_role,
    checked_ssh_key,
    checked_text,
)


def line(private):
    public = private.public_key()
    return public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def field(data):
    return len(data).to_bytes(4, "big") + data


def written(kind, *fields):
    blob = b"".join(map(field, (kind.encode(), *fields)))
    return f"{kind} {base64.b64encode(blob).decode()}"


SK = written("sk-ssh-ed25519@openssh.com", b"k" * 32, b"ssh:")
SK_EC = written("sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", b"\x04" + b"k" * 64, b"ssh:")


def test_keys_as_ssh_keygen_writes_them_are_taken_without_their_comment():
    keys = [
        ed25519.Ed25519PrivateKey.generate(),
        *(ec.generate_private_key(curve) for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1())),
        rsa.generate_private_key(public_exponent=65537, key_size=3072),
    ]
    for one in [*map(line, keys), SK, SK_EC]:
        assert checked_ssh_key(f"{one}  somebody@example.org laptop\n".strip()) == one
        assert checked_ssh_key(one) == one


def ed(**change):
    return line(ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32))


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "ssh-ed25519",
        f'command="sh" {ed()}',
        ed()[:-8],
        ed().replace("ssh-ed25519", "ssh-rsa", 1),
        ed() + "\nssh-ed25519 AAAA",
        written("ssh-dss", b"p", b"q", b"g", b"y"),
        written("ssh-ed25519", b"k" * 31),
        written("ssh-ed25519", b"k" * 32, b"more"),
        written("ecdsa-sha2-nistp256", b"nistp384", b"\x04" + b"k" * 64),
        written("ssh-rsa", b"\x01\x00\x01", b"\x00" + b"\xff" * 256),
        written("ssh-ed25519-cert-v01@openssh.com", b"k" * 32),
        "ssh-ed25519 " + "A" * 9000,
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5/////w==",
    ],
)
def test_other_keys_are_refused(wrong):
    with pytest.raises(InputError) as caught:
        checked_ssh_key(wrong)
    assert caught.value.code == "bad-key"


@given(st.binary(max_size=80))
def test_no_bytes_break_the_reading_of_keys(blob):
    with pytest.raises(InputError):
        checked_ssh_key(f"ssh-ed25519 {base64.b64encode(blob).decode()}x")


def test_addresses_are_compared_in_lower_case():
    assert checked_email(" Ann.O+x@Example.ORG ") == "ann.o+x@example.org"


@pytest.mark.parametrize(
    "wrong",
    ["", "ann", "ann@", "@x.org", "a b@x.org", "a@x..org", "a@x.org\n", "a\u202e@x.org", "a@" + "x" * 260],
)
def test_what_is_no_address_is_refused(wrong):
    if wrong == "a@x.org\n":
        assert checked_email(wrong) == "a@x.org"
        return
    with pytest.raises(InputError):
        checked_email(wrong)


@pytest.mark.parametrize("wrong", ["", "  ", "a\x00b", "a\nb", "a\u202eb", "a\u2028b", "x" * 201])
def test_names_are_one_bounded_line_without_controls(wrong):
    with pytest.raises(InputError) as caught:
        checked_text(wrong, "the name")
    assert caught.value.code == "bad-text"


def test_names_of_all_scripts_are_taken():
    for name in ("Ann Öztürk", "\u0645\u06cc\u200c\u0631", "王小明", "Øyvind"):
        assert checked_text(f" {name} ", "the name")


def test_lines_may_be_many_but_not_endless():
    assert checked_lines("a\r\n\tb", "the text", 10) == "a\n\tb"
    with pytest.raises(InputError):
        checked_lines("x" * 11, "the text", 10)
    with pytest.raises(InputError):
        checked_lines("\n", "the text", 10)


def test_roles_are_written_as_policies_do():
    assert checked_role("safety-lead") == "safety-lead"
    for wrong in ("", "Admin", "a b", "-a", "a\n", "x" * 41):
        with pytest.raises(HalfdoorError):
            checked_role(wrong)
