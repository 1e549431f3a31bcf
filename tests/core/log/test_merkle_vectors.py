"""The Merkle tree on conformance data that others wrote."""

import base64
import json
import os
from pathlib import Path

import pytest

from halfdoor.core.errors import VerificationError
from halfdoor.core.log.merkle import verify_consistency, verify_inclusion

VECTORS = os.environ.get("HALFDOOR_VECTORS")
FOLDER = Path(VECTORS or "") / "merkle"
CASES = sorted(FOLDER.rglob("*.json")) if VECTORS else []


def hashes(values):
    return [base64.b64decode(value) for value in values or []]


def check(case):
    (root,) = hashes([case.get("root") or case.get("root2") or ""])
    proof = hashes(case["proof"])
    if "leafIdx" in case:
        verify_inclusion(case["leafIdx"], case["treeSize"], *hashes([case["leafHash"]]), proof, root)
    else:
        verify_consistency(case["size1"], case["size2"], *hashes([case["root1"]]), root, proof)


@pytest.mark.skipif(not VECTORS, reason="HALFDOOR_VECTORS is not set: the conformance data was not tried")
def test_there_are_as_many_cases_as_were_published():
    assert len(CASES) == 196


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_published_case(path):
    case = json.loads(path.read_text(encoding="utf-8"))
    if case["wantErr"]:
        with pytest.raises(VerificationError):
            check(case)
    else:
        check(case)
