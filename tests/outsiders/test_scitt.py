"""The `scitt-cose` command accepts a COSE receipt (RFC 9942) of ours, for no other entry and key."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from halfdoor.core.log.checkpoint import parse_checkpoint
from halfdoor.core.log.cose import make_receipt
from halfdoor.core.log.merkle import inclusion_proof
from halfdoor.core.log.note import parse_note
from halfdoor.core.log.tiles import WIDTH, TiledTree, decode_bundle, tile_at

ISSUED = 1_790_000_000


@pytest.fixture(scope="module")
def checkpoint(log):
    return parse_checkpoint(parse_note((log.folder / "checkpoint").read_bytes()).text)


@pytest.fixture(scope="module")
def tree(log, checkpoint):
    return TiledTree(checkpoint.size, lambda tile: (log.folder / tile.path).read_bytes())


@pytest.fixture(scope="module")
def key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def entry_at(log, checkpoint):
    def entry_at(index):
        tile = tile_at(0, index // WIDTH, checkpoint.size)
        return decode_bundle((log.folder / tile.entries_path).read_bytes(), tile.width)[index % WIDTH]

    return entry_at


@pytest.fixture
def receipt_for(entry_at, checkpoint, tree, key):
    def receipt_for(index):
        return make_receipt(
            entry_at(index),
            origin=checkpoint.origin,
            index=index,
            size=checkpoint.size,
            proof=inclusion_proof(index, checkpoint.size, tree.node),
            issued=ISSUED,
            public=key.public_key(),
            sign=lambda message: key.sign(message, ec.ECDSA(SHA256())),
        )

    return receipt_for


@pytest.fixture
def ask(scitt_cose, tmp_path, key):
    """Have the command judge a receipt; its exit code and what it says."""

    def ask(receipt, entry, public=None):
        pem = (public or key.public_key()).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (tmp_path / "receipt.cose").write_bytes(receipt)
        (tmp_path / "log.pem").write_bytes(pem)
        done = scitt_cose(
            *("--receipt", tmp_path / "receipt.cose", "--receipt-log-pubkey", tmp_path / "log.pem"),
            *("--leaf-entry-hex", entry.hex(), "--json"),
        )
        return done.returncode, json.loads(done.stdout)["receipt"]

    return ask


@pytest.mark.parametrize("index", [0, 255, 256, 65_535, 65_536, 69_999])
def test_scitt_cose_accepts_the_receipt_of_an_entry(ask, receipt_for, entry_at, checkpoint, index):
    code, says = ask(receipt_for(index), entry_at(index))
    assert (code, says["ok"]) == (0, True), says
    assert says["root"] == checkpoint.root.hex()
    assert (says["tree_size"], says["leaf_index"]) == (checkpoint.size, index)


def test_scitt_cose_refuses_another_entry(ask, receipt_for, entry_at):
    code, says = ask(receipt_for(1_000), entry_at(1_001))
    assert (code, says["ok"]) == (1, False)


def test_scitt_cose_refuses_another_key(ask, receipt_for, entry_at):
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    code, says = ask(receipt_for(1_000), entry_at(1_000), other)
    assert (code, says["ok"]) == (1, False)


def test_scitt_cose_refuses_a_receipt_with_a_flipped_bit(ask, receipt_for, entry_at):
    receipt = receipt_for(1_000)
    for at in (20, len(receipt) // 2, len(receipt) - 1):
        code, says = ask(receipt[:at] + bytes([receipt[at] ^ 1]) + receipt[at + 1 :], entry_at(1_000))
        assert (code, says["ok"]) == (1, False), at
