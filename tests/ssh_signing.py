"""SSH signatures written by hand, so that what nobody would write can be written too."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from halfdoor.core.governance.ssh_signature import NAMESPACE


def string(value):
    return len(value).to_bytes(4, "big") + value


def mpint(value):
    return string(value.to_bytes(value.bit_length() // 8 + 1, "big"))


def message(document, namespace=b"halfdoor-decision", reserved=b"", digest=b"sha512"):
    hashed = hashlib.new(digest.decode(), document).digest()
    return b"SSHSIG" + string(namespace) + string(reserved) + string(digest) + string(hashed)


def armour(data):
    text = base64.b64encode(data).decode()
    lines = [text[at : at + 70] for at in range(0, len(text), 70)]
    return "\n".join(("-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""))


def written(public, signature, **changed):
    given = {"magic": b"SSHSIG", "version": 1, "namespace": NAMESPACE.encode(), "reserved": b""}
    given |= {"digest": b"sha512", "after": b""} | changed
    fields = (public, given["namespace"], given["reserved"], given["digest"], signature)
    head = given["magic"] + given["version"].to_bytes(4, "big")
    return armour(head + b"".join(map(string, fields)) + given["after"])


def line(public):
    kind = public[4 : 4 + int.from_bytes(public[:4], "big")].decode()
    return f"{kind} {base64.b64encode(public).decode()}"


ED25519 = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
ED25519_PUBLIC = string(b"ssh-ed25519") + string(ED25519.public_key().public_bytes_raw())


def by_ed25519(document, signed=None, **changed):
    """A signature as ssh-keygen writes it, but for what is changed."""
    signature = ED25519.sign(message(document) if signed is None else signed)
    return written(ED25519_PUBLIC, string(b"ssh-ed25519") + string(signature), **changed)
