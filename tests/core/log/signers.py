"""Fresh keys of every kind that signs notes, and signatures made with them."""

import struct
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from halfdoor.core.log.checkpoint import parse_checkpoint
from halfdoor.core.log.keys import Kind, VerifierKey, cosigned_message
from halfdoor.core.log.note import Note, Signature

ORIGIN = "example.org/log"
TIME = 1_800_000_000


class Signer:
    """A private key under a name. What it signs is written here anew, but for the message of ML-DSA."""

    def __init__(self, kind, private, name=ORIGIN):
        self.kind, self.private = kind, private
        self.key = VerifierKey(name, kind, encoded(private.public_key()))

    def named(self, name):
        return Signer(self.kind, self.private, name)

    def signature(self, text, time=TIME):
        return Signature(self.key.name, self.key.key_id, self._made(text, time))

    def note(self, text, time=TIME):
        return Note(text, (self.signature(text, time),))

    def _made(self, text, time):
        match self.kind:
            case Kind.ED25519:
                return self.private.sign(text.encode())
            case Kind.ECDSA:
                return self.private.sign(text.encode(), ec.ECDSA(SHA256()))
            case Kind.COSIGNATURE:
                message = f"cosignature/v1\ntime {time}\n{text}".encode()
                return struct.pack(">Q", time) + self.private.sign(message)
            case Kind.COSIGNATURE_ML_DSA:
                return struct.pack(">Q", time) + self.private.sign(cosigned_message(self.key, text, time))
            case Kind.TREE_HEAD:
                return tree_head(self.private, text, time)


def tree_head(private, text, time):
    checkpoint = parse_checkpoint(text)
    message = b"\0\1" + struct.pack(">QQ", time, checkpoint.size) + checkpoint.root
    if isinstance(private, rsa.RSAPrivateKey):
        algorithm, sealed = 1, private.sign(message, PKCS1v15(), SHA256())
    else:
        algorithm, sealed = 3, private.sign(message, ec.ECDSA(SHA256()))
    return struct.pack(">QBBH", time, 4, algorithm, len(sealed)) + sealed


def encoded(public):
    if isinstance(public, ed25519.Ed25519PublicKey | mldsa.MLDSA44PublicKey):
        return public.public_bytes_raw()
    return public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


KINDS = {
    "Ed25519": (Kind.ED25519, ed25519.Ed25519PrivateKey.generate),
    "ECDSA": (Kind.ECDSA, lambda: ec.generate_private_key(ec.SECP256R1())),
    "ECDSA P-521": (Kind.ECDSA, lambda: ec.generate_private_key(ec.SECP521R1())),
    "cosignature": (Kind.COSIGNATURE, ed25519.Ed25519PrivateKey.generate),
    "tree head": (Kind.TREE_HEAD, lambda: ec.generate_private_key(ec.SECP256R1())),
    "tree head, RSA": (Kind.TREE_HEAD, lambda: rsa.generate_private_key(65537, 2048)),
    "ML-DSA-44 cosignature": (Kind.COSIGNATURE_ML_DSA, mldsa.MLDSA44PrivateKey.generate),
}


@cache
def signer(kind, name=ORIGIN, number=0):
    """One key for each kind, name and number, made when it is first asked for."""
    what, generate = KINDS[kind]
    return Signer(what, generate(), name)
