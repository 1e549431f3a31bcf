"""A Go program on golang.org/x/mod/sumdb/{note,tlog} verifies logs that Halfdoor wrote, none that changed."""

from __future__ import annotations

from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from halfdoor.core.log.keys import VerifierKey, parse_verifier_key
from halfdoor.core.log.note import Signature, parse_note

SPLIT = 300  # where forked logs part


@contextmanager
def changed(file, data):
    """The file holds something else for a while."""
    before = file.read_bytes()
    file.write_bytes(data)
    try:
        yield
    finally:
        file.write_bytes(before)


def flipped(data, at, bit=0):
    at %= len(data)
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def entries_of(kind, count):
    return [f"{kind} {n}".encode() if n >= SPLIT else f"both {n}".encode() for n in range(count)]


@pytest.fixture
def key():
    return Ed25519PrivateKey.generate()


@pytest.fixture
def folders(tmp_path):
    return tmp_path / "one", tmp_path / "other"


def refused(done, why):
    return done.returncode == 1 and done.stderr.startswith("refused: ") and why in done.stderr


def test_a_log_of_70_000_entries_is_verified_from_outside(log, verify):
    done = verify(log)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1:] == [
        "entries: all 70000, and they have that root",
        "tiles: all 277 hold the hashes of the entries",
        "inclusion: proved for 33 of the entries",
        "consistency: proved with the tree at 33 sizes",
    ]
    assert done.stdout.startswith("checkpoint: 70000 entries, root ")
    assert log.vkey in done.stdout


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/entries/137", "tile/entries/273.p/112"])
@pytest.mark.parametrize("at", [7, -1])
def test_a_flipped_bit_of_a_leaf_is_found(log, verify, path, at):
    file = log.folder / path
    with changed(file, flipped(file.read_bytes(), at)):
        assert refused(verify(log), "entries: they have the root")
    assert verify(log).returncode == 0


def test_a_flipped_bit_of_an_entrys_length_is_found(log, verify):
    file = log.folder / "tile/entries/137"
    for bit in range(8):
        with changed(file, flipped(file.read_bytes(), 1, bit)):
            assert refused(verify(log), "entries: ")


@pytest.mark.parametrize(
    "path",
    ["tile/0/000", "tile/0/137", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"],
)
@pytest.mark.parametrize("at", [0, -1])
def test_a_flipped_bit_of_a_tile_is_found(log, verify, path, at):
    file = log.folder / path
    with changed(file, flipped(file.read_bytes(), at, 7)):
        assert refused(verify(log), f"{path} does not hold the hashes of the entries")


def test_a_flipped_bit_in_any_byte_of_the_checkpoint_is_found(log, verify):
    """Bit 4, for Go reads base64 leniently: the lowest two of the signature's last character mean nothing."""
    file = log.folder / "checkpoint"
    data = file.read_bytes()
    for at in range(len(data)):
        with changed(file, flipped(data, at, 4)):
            assert refused(verify(log), "checkpoint: "), at


def test_entries_that_changed_places_are_found(publish, verify, key, tmp_path):
    small = publish(tmp_path, key, [b"first", b"other"])
    with changed(tmp_path / "tile/entries/000.p/2", b"\0\5other\0\5first"):
        assert refused(verify(small), "entries: they have the root")


def test_a_missing_file_is_missed(log, verify):
    for path in ("checkpoint", "tile/entries/100", "tile/0/100", "tile/1/000"):
        file = log.folder / path
        aside = file.with_name("aside")
        file.rename(aside)
        try:
            assert refused(verify(log), f"{path}: no such file")
        finally:
            aside.rename(file)


def test_a_log_of_another_key_or_name_is_refused(log, verify, key):
    own = parse_verifier_key(log.vkey)
    other_key = VerifierKey(own.name, own.kind, key.public_key().public_bytes_raw())
    other_name = VerifierKey("another.example.org", own.kind, own.public)
    for vkey in (other_key, other_name):
        assert refused(verify(log._replace(vkey=str(vkey))), "note has no verifiable signatures")


def test_cosignatures_of_witnesses_are_passed_over(log, verify):
    file = log.folder / "checkpoint"
    cosigned = parse_note(file.read_bytes()).with_signatures(
        [Signature(f"witness{n}.example.org", bytes([n] * 4), bytes(72)) for n in range(3)]
    )
    with changed(file, cosigned.encode()):
        assert verify(log).returncode == 0


@pytest.mark.parametrize("count", [0, 1, 2, 255, 256, 257, 511, 513, 65_535, 65_536, 65_537])
def test_logs_are_verified_at_the_edges_of_their_tiles(publish, verify, key, tmp_path, count):
    done = verify(publish(tmp_path, key, entries_of("some", count)))
    assert done.returncode == 0, done.stderr


def test_entries_may_be_as_short_and_as_long_as_any(publish, verify, key, tmp_path):
    assert verify(publish(tmp_path, key, [b"", b"\n\n", bytes(65_535)])).returncode == 0


def test_a_log_extends_the_checkpoint_that_somebody_kept(publish, verify, key, folders):
    earlier, now = folders
    publish(earlier, key, entries_of("some", 400))
    done = verify(publish(now, key, entries_of("some", 1_000)), earlier / "checkpoint")
    assert done.returncode == 0, done.stderr
    assert "the log extends its 400 entries" in done.stdout


def test_a_rewritten_log_is_found_by_whoever_kept_a_checkpoint(publish, verify, key, folders):
    earlier, now = folders
    publish(earlier, key, entries_of("some", 400))
    rewritten = publish(now, key, entries_of("others", 1_000))
    assert verify(rewritten).returncode == 0
    assert refused(verify(rewritten, earlier / "checkpoint"), "does not extend")


def test_a_log_that_went_back_is_found_by_whoever_kept_a_checkpoint(publish, verify, key, folders):
    earlier, now = folders
    publish(earlier, key, entries_of("some", 1_000))
    done = verify(publish(now, key, entries_of("some", 400)), earlier / "checkpoint")
    assert refused(done, "it had 1000 entries and now has 400")


def test_a_kept_checkpoint_has_to_be_of_the_same_key(publish, verify, key, tmp_path, log):
    other = publish(tmp_path, key, entries_of("some", 10))
    assert refused(verify(log, other.folder / "checkpoint"), "note has no verifiable signatures")
