"""The real ssh-keygen signs documents: what it makes is accepted here, and it and we agree on what is not."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from halfdoor.core.governance.people import checked_ssh_key
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.ssh_signature import NAMESPACE, verify

DOCUMENT = b'{"schema":"halfdoor/proposal/1"}'
KEYS = (
    ("ed25519",),
    ("ecdsa", "-b", "256"),
    ("ecdsa", "-b", "384"),
    ("ecdsa", "-b", "521"),
    ("rsa", "-b", "3072"),
)


def run(*command):
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(params=KEYS, ids="".join)
def keygen(request, tmp_path):
    """Signs a document under a namespace with a new key; gives the signature and the registered line."""
    program = shutil.which("ssh-keygen")
    if program is None:
        decline = pytest.fail if os.environ.get("HALFDOOR_OUTSIDERS") else pytest.skip
        decline("no ssh-keygen here: outsiders did not sign anything (openssh-client)")
    kind, *options = request.param
    key = tmp_path / "key"
    assert run(program, "-q", "-t", kind, *options, "-N", "", "-C", "me@here", "-f", key).returncode == 0
    public = checked_ssh_key(key.with_suffix(".pub").read_text().strip())

    def sign(document=DOCUMENT, namespace=NAMESPACE, *more):
        file = tmp_path / "decision.json"
        file.write_bytes(document)
        file.with_name("decision.json.sig").unlink(missing_ok=True)
        done = run(program, "-q", "-Y", "sign", "-f", key, "-n", namespace, *more, file)
        assert done.returncode == 0, done.stderr
        return file.with_name("decision.json.sig").read_text(), public

    def accepts(document, signature):
        allowed = tmp_path / "allowed"
        allowed.write_text(f"me {public}\n")
        (tmp_path / "sig").write_text(signature)
        file = tmp_path / "seen"
        file.write_bytes(document)
        command = (
            f'"{program}" -Y verify -f "{allowed}" -I me -n {NAMESPACE} -s "{tmp_path / "sig"}" < "{file}"'
        )
        return run("sh", "-c", command).returncode == 0

    sign.accepts = accepts
    return sign


@pytest.mark.parametrize("digest", ["sha256", "sha512"])
def test_what_it_signs_is_accepted_here(keygen, digest):
    signature, public = keygen(DOCUMENT, NAMESPACE, "-O", f"hashalg={digest}")
    assert keygen.accepts(DOCUMENT, signature)
    assert verify(signature, DOCUMENT, [public]) == public


def test_both_refuse_another_document_and_another_namespace(keygen):
    signature, public = keygen()
    assert not keygen.accepts(DOCUMENT + b"\n", signature)
    with pytest.raises(Refused):
        verify(signature, DOCUMENT + b"\n", [public])
    signature, public = keygen(DOCUMENT, "file")
    assert not keygen.accepts(DOCUMENT, signature)
    with pytest.raises(Refused):
        verify(signature, DOCUMENT, [public])
