"""`model.sig` is what DSSE, in-toto and Sigstore's bundles say; tests/clients has the package verify it."""

import base64
import hashlib
import json

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from halfdoor.adapters.keys import FileSigner
from halfdoor.core.model.signature import bundle, statement, to_sign
from halfdoor.services.model_signature import ModelKey, signed

FILES = [("b/w.bin", "sha256:" + "2" * 64), ("a.md", "sha256:" + "1" * 64)]
KEY = ec.derive_private_key(7, ec.SECP256R1())
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Counting(FileSigner):
    """A signer that counts how often it is asked."""

    asked = 0

    def sign(self, message):
        self.asked += 1
        return super().sign(message)


def test_the_statement_names_every_file_and_a_digest_over_all():
    found = json.loads(statement("lab/small", FILES))
    listed = found["predicate"]["resources"]
    assert [one["name"] for one in listed] == ["a.md", "b/w.bin"]
    root = hashlib.sha256(bytes.fromhex("1" * 64) + bytes.fromhex("2" * 64)).hexdigest()
    assert found["subject"] == [{"name": "lab/small", "digest": {"sha256": root}}]


def test_the_envelope_is_signed_as_dsse_says():
    key = ModelKey(FileSigner(KEY), PEM)
    found = json.loads(signed(key, FILES))
    envelope = found["dsseEnvelope"]
    payload = base64.b64decode(envelope["payload"])
    assert payload == statement("model", FILES)
    message = b"DSSEv1 28 application/vnd.in-toto+json " + str(len(payload)).encode() + b" " + payload
    assert to_sign(payload) == message
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    KEY.public_key().verify(signature, message, ec.ECDSA(SHA256()))
    assert found["verificationMaterial"]["publicKey"]["hint"] == hashlib.sha256(PEM).hexdigest()


def test_the_same_files_give_the_same_bytes_and_ask_the_key_once():
    signer = Counting(KEY)
    key = ModelKey(signer, PEM)
    first = signed(key, FILES)
    assert signed(key, FILES[::-1]) == first
    assert signer.asked == 1
    assert signed(key, FILES[:1]) != first
    assert signer.asked == 2


def test_a_key_in_a_file_signs_the_same_bytes_each_time():
    payload = statement("model", FILES)
    one, other = (FileSigner(KEY).sign(to_sign(payload)) for _ in range(2))
    assert bundle(payload, one, PEM) == bundle(payload, other, PEM)
