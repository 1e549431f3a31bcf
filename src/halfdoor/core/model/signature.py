"""`model.sig`: files and their digests, signed as OpenSSF Model Signing 1.0 has it, for anybody's verifier.

An in-toto statement in a DSSE envelope in a Sigstore bundle (media type v0.3) with a public key's hint.
Written here because the digests are known and the key is elsewhere (docs/adr/0029).
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_PREDICATE_TYPE = "https://model_signing/signature/v1.0"
# What clients and git put beside a model's files, and the signature itself.
IGNORED = (".cache", ".git", ".gitattributes", ".github", ".gitignore", "model.sig")


def statement(name: str, files: Iterable[tuple[str, str]]) -> bytes:
    """The statement over (path, `sha256:…`) pairs, as the JSON that is signed. `name`: of the model."""
    resources = [
        {"name": path, "algorithm": "sha256", "digest": digest.removeprefix("sha256:")}
        for path, digest in sorted(files)
    ]
    root = hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in resources)).hexdigest()
    serialization = {
        "method": "files",
        "hash_type": "sha256",
        "allow_symlinks": True,  # snapshots in a client's cache are links to its blobs
        "ignore_paths": list(IGNORED),
    }
    return _json(
        {
            "_type": _STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": root}}],
            "predicateType": _PREDICATE_TYPE,
            "predicate": {"serialization": serialization, "resources": resources},
        }
    )


def to_sign(payload: bytes) -> bytes:
    """The message that the key signs: DSSE's pre-authentication encoding of the statement."""
    return b"DSSEv1 %d %b %d %b" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)


def bundle(payload: bytes, signature: bytes, public_pem: bytes) -> bytes:
    """The file `model.sig`. signature: ECDSA over `to_sign(payload)` in DER; public_pem: names the key."""
    envelope = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
    }
    material = {"publicKey": {"hint": hashlib.sha256(public_pem).hexdigest()}, "tlogEntries": []}
    return _json({"mediaType": _BUNDLE_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope})


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
