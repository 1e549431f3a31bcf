"""Verifying a log from outside: what is right passes, and whatever is wrong is found where it is."""

from __future__ import annotations

import datetime as dt
import gzip
import struct

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import logs
from halfdoor.core.errors import InputError
from halfdoor.core.log.checkpoint import Checkpoint, parse_checkpoint
from halfdoor.core.log.keys import Kind, VerifierKey, cosigned_message
from halfdoor.core.log.merkle import inclusion_proof, leaf_hash
from halfdoor.core.log.note import Note, Signature, parse_note
from halfdoor.core.log.proof import Proof
from halfdoor.core.log.quorum import parse_quorum
from halfdoor.core.log.tiles import Edge, TiledTree
from halfdoor.core.log.trust import Trust, read_trust
from halfdoor.services.log.head import Asked
from halfdoor.services.log.verify import verify_proof
from logs import (
    NOW,
    ORIGIN,
    codes,
    entries_of_ours,
    files_of,
    flipped,
    foreign_entries,
    new_key,
    write_log,
)

KEY = new_key()
SIZES = [0, 1, 2, 255, 256, 257, 511, 600]


def verified(files, trust=KEY.trust, **asked):
    return logs.verified(files, trust, **asked)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("entries_of", [foreign_entries, entries_of_ours])
def test_a_log_as_it_was_written_is_verified(size, entries_of):
    found = verified(files_of(entries_of(size), KEY))
    assert found.verified
    assert (found.origin, found.size, found.entries.count) == (ORIGIN, size, size)
    expected = {foreign_entries: "foreign", entries_of_ours: "halfdoor"}[entries_of] if size else "unread"
    assert found.entries.schema == expected
    assert [one.name for one in found.signed_by] == [ORIGIN]


def test_a_partial_tile_may_be_gone_where_the_full_one_took_its_place():
    files = files_of(foreign_entries(600), KEY)
    older = files_of(foreign_entries(400), KEY)["checkpoint"]
    files = {path: data for path, data in files.items() if ".p/" not in path or path.startswith("tile/1/")}
    longer = files_of(foreign_entries(400), KEY)
    found = verified({**files, "checkpoint": older, "tile/1/000.p/1": longer["tile/1/000.p/1"]})
    assert found.verified
    assert found.entries.count == 400


def test_a_log_that_serves_no_entries_is_verified_as_far_as_it_goes_and_that_is_said():
    files = files_of(entries_of_ours(600), KEY)
    tiles = {path: data for path, data in files.items() if "entries" not in path}
    found = verified(tiles)
    assert found.verified
    assert (found.entries.count, found.entries.schema) == (0, "unread")
    assert not verified({**tiles, "tile/0/001": flipped(tiles["tile/0/001"], 3)}).verified
    one = verified({**tiles, "tile/entries/001": files["tile/entries/001"]})
    assert (codes(one), len(one.faults)) == ({"missing"}, 2)


def test_entries_that_break_the_schema_are_faults_and_those_of_another_log_are_not():
    good = entries_of_ours(3)
    spaced = good[1].replace(b":", b": ", 1)
    twice = good[1].replace(b"{", b'{"at":"2026-11-01T00:00:00Z",', 1)
    found = verified(files_of([good[0], spaced, twice, b"free text"], KEY))
    assert [(fault.code, fault.where) for fault in found.faults] == [
        ("schema", "entry 1"),
        ("schema", "entry 2"),
        ("schema", "entry 3"),
    ]
    assert found.entries.faults == 3
    assert verified(files_of([b"free text", *good], KEY)).entries.schema == "foreign"


def test_without_a_key_everything_else_is_checked_and_the_origin_stays_unproven():
    files = files_of(entries_of_ours(300), KEY)
    found = verified(files, Trust())
    assert codes(found) == {"unproven-origin"}
    assert found.entries.count == 300
    assert "wrong-entry" in codes(
        verified({**files, "tile/entries/000": flipped(files["tile/entries/000"], 9)})
    )


def test_another_key_a_forged_signature_and_no_checkpoint_are_told_apart():
    files = files_of(entries_of_ours(3), KEY)
    assert codes(verified(files, new_key().trust)) == {"not-signed"}
    forged = files["checkpoint"].replace(b"\n3\n", b"\n2\n")
    assert "bad-signature" in codes(verified({**files, "checkpoint": forged}))
    assert codes(verified({**files, "checkpoint": b"hello"})) == {"bad-note"}
    assert codes(verified({**files, "checkpoint": b"a\nb\n\n" + forged.split(b"\n\n")[1]})) == {
        "bad-checkpoint"
    }
    with pytest.raises(InputError, match="no checkpoint"):
        verified({})


def test_only_a_key_of_the_logs_name_counts_where_there_is_one():
    other = new_key("other.example.org")
    files = files_of(entries_of_ours(3), other)  # signed by the other log's key, under our log's origin
    assert verified(files, other.trust).verified
    assert codes(verified(files, Trust((other.verifier, KEY.verifier)))) == {"not-signed"}


@pytest.mark.parametrize("old", [0, 1, 255, 256, 300, 599, 600])
def test_a_log_extends_every_earlier_checkpoint_of_it(old):
    entries = foreign_entries(600)
    since = files_of(entries[:old], KEY)["checkpoint"]
    found = verified(files_of(entries, KEY), since=since)
    assert found.verified
    assert found.consistent_since == old


def test_what_does_not_extend_an_earlier_checkpoint_is_found():
    entries = foreign_entries(600)
    files = files_of(entries, KEY)
    for earlier in ([b"x", *entries[1:300]], [*entries[:599], b"x"], [*entries, b"more"]):
        found = verified(files, since=files_of(earlier, KEY)["checkpoint"])
        assert codes(found) == {"not-consistent"}
        assert found.consistent_since is None
    unsigned = files_of(entries[:300], new_key())["checkpoint"]
    assert codes(verified(files, since=unsigned)) == {"not-signed"}
    elsewhere = files_of(entries[:300], KEY, "other.example.org")["checkpoint"]
    assert codes(verified(files, since=elsewhere)) == {"not-consistent"}
    with pytest.raises(InputError) as refused:
        verified(files, since=b"no checkpoint")
    assert refused.value.code == "bad-since"


def test_a_damaged_tile_is_not_taken_for_a_fork():
    entries = foreign_entries(600)
    files, since = files_of(entries, KEY), files_of(entries[:300], KEY)["checkpoint"]
    found = verified({**files, "tile/0/001": flipped(files["tile/0/001"], 5)}, since=since)
    assert "not-consistent" not in codes(found)
    assert codes(found) == {"wrong-tile", "bad-tile"}


def cosigned(checkpoint, private, name, at):
    note = parse_note(checkpoint)
    key = VerifierKey(name, Kind.COSIGNATURE, private.public_key().public_bytes_raw())
    seconds = int(at.timestamp())
    signature = private.sign(cosigned_message(key, note.text, seconds))
    one = Signature(name, key.key_id, struct.pack(">Q", seconds) + signature)
    return note.with_signatures([one]).encode(), key


def test_the_quorum_of_a_policy_is_asked_for():
    files = files_of(entries_of_ours(3), KEY)
    private = Ed25519PrivateKey.generate()
    checkpoint, key = cosigned(files["checkpoint"], private, "w.example.org", NOW)
    policy = parse_quorum(f"witness w {key}\nquorum w\n".encode())
    found = verified({**files, "checkpoint": checkpoint}, quorum=policy)
    assert found.verified
    assert [(one.name, one.at) for one in found.witnesses] == [("w.example.org", NOW)]
    assert codes(verified(files, quorum=policy)) == {"no-quorum"}
    elsewhere = parse_quorum(f"log {new_key().verifier}\nwitness w {key}\nquorum w\n".encode())
    assert codes(verified({**files, "checkpoint": checkpoint}, quorum=elsewhere)) == {"not-signed"}
    later, _ = cosigned(files["checkpoint"], private, "w.example.org", NOW + dt.timedelta(hours=1))
    assert codes(verified({**files, "checkpoint": later}, quorum=policy)) == {"from-the-future"}


def certificate_log(count):
    """A log as c2sp.org/static-ct-api has it; its files, and its key as PEM."""
    leaves, data = [], []
    for number in range(count):
        signed = b"certificate %d" % number
        entry = struct.pack(">QH", 1_700_000_000_000 + number, number % 2)
        entry += b"k" * 32 if number % 2 else b""
        entry += len(signed).to_bytes(3, "big") + signed + struct.pack(">H", 8) + b"\0\0\5" + bytes(5)
        beside = (len(signed) + 3).to_bytes(3, "big") + b"pre" + signed if number % 2 else b""
        leaves.append(leaf_hash(b"\0\0" + entry))
        data.append(entry + beside + struct.pack(">H", 32) + b"f" * 32)
    edge = Edge()
    tiles = [*edge.grow(leaves), *edge.partial()]
    files = {tile.path: hashes for tile, hashes in tiles}
    for tile, _ in tiles:
        if tile.level == 0:
            path = tile.entries_path.replace("entries", "data")
            files[path] = b"".join(data[tile.index * 256 :][: tile.width])
    private, root = ec.generate_private_key(ec.SECP256R1()), edge.frontier().root()
    text = Checkpoint("ct.example.org/2026", count, root).text()
    spki = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    key = VerifierKey("ct.example.org/2026", Kind.TREE_HEAD, spki)
    at = int(NOW.timestamp() * 1000)
    sealed = private.sign(b"\0\1" + struct.pack(">QQ", at, count) + root, ec.ECDSA(SHA256()))
    signature = struct.pack(">QBBH", at, 4, 3, len(sealed)) + sealed
    files["checkpoint"] = Note(text, (Signature(key.name, key.key_id, signature),)).encode()
    return files, private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("size", [1, 256, 300])
def test_a_certificate_transparency_log_is_verified_with_its_pem_key(size):
    files, pem = certificate_log(size)
    found = verified(files, read_trust(pem))
    assert found.verified
    assert (found.entries.count, found.entries.schema) == (size, "certificates")
    assert [one.at for one in found.signed_by] == [NOW]
    path = next(path for path in files if "data" in path)
    for at in (0, 9, 15):
        assert not verified({**files, path: flipped(files[path], at)}, read_trust(pem)).verified
    for changed in (files[path][:-1], files[path] + b"\0"):
        assert "malformed" in codes(verified({**files, path: changed}, read_trust(pem)))


def test_files_that_lie_compressed_in_a_copied_folder_are_read():
    files, pem = certificate_log(300)
    packed = {path: gzip.compress(data) if "data" in path else data for path, data in files.items()}
    assert verified(packed, read_trust(pem)).verified
    cut = {path: data[:-9] if "data" in path else data for path, data in packed.items()}
    assert codes(verified(cut, read_trust(pem))) == {"malformed"}
    files = files_of(foreign_entries(300), KEY)
    packed = {path: gzip.compress(data) if "entries" in path else data for path, data in files.items()}
    assert verified(packed).verified


def test_a_proof_is_verified_offline(tmp_path):
    entries = entries_of_ours(300)
    checkpoint = write_log(tmp_path, entries, KEY)
    note = parse_note((tmp_path / "checkpoint").read_bytes())
    tree = TiledTree(300, lambda tile: (tmp_path / tile.path).read_bytes())
    hashes = tuple(inclusion_proof(7, checkpoint.size, tree.node))
    proof = Proof(7, hashes, note).encode()

    def proved(proof, entry, trust=KEY.trust):
        return verify_proof(proof, entry, Asked(trust), now=NOW, place="p.tlog-proof")

    found = proved(proof, entries[7])
    assert found.verified
    assert (found.index, found.size, parse_checkpoint(note.text)) == (7, 300, checkpoint)
    assert codes(proved(proof, entries[8])) == {"not-included"}
    assert codes(proved(proof, entries[7], Trust())) == {"unproven-origin"}
    assert codes(proved(proof[5:], entries[7])) == {"bad-proof"}
    for at in range(len(proof)):
        assert not proved(flipped(proof, at), entries[7]).verified


def test_keys_are_read_from_files_that_people_publish():
    pem = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    other = new_key("other.example.org")
    text = f"# our logs\n\n{KEY.verifier}\n  {other.verifier}\n".encode()
    assert read_trust(text).keys == (KEY.verifier, other.verifier)
    assert verified(files_of(entries_of_ours(2), KEY), read_trust(pem)).verified
    witness = VerifierKey("w", Kind.COSIGNATURE, KEY.verifier.public)
    for bad in (
        b"",
        b"# nothing\n",
        b"\xff",
        b"hello",
        str(witness).encode(),
        b"-----BEGIN PUBLIC KEY-----\n",
    ):
        with pytest.raises(InputError) as refused:
            read_trust(bad, where="keys")
        assert refused.value.code == "bad-key"
        assert refused.value.where.startswith("keys")
