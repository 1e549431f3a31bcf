"""Blobs are stored whole or not at all, found by digest, and nowhere else."""

import hashlib
import itertools
import os
import threading
from pathlib import Path

import pytest

from halfdoor.adapters.blobs_folder import BlobFolder, BlobsFailed
from halfdoor.core.errors import InputError

DATA = os.urandom(3 * 1024 * 1024 + 17)
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()


def chunks(data=DATA, size=100_000):
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.fixture
def blobs(tmp_path):
    return BlobFolder(tmp_path / "blobs")


def descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def everything(tmp_path):
    return [one for one in (tmp_path / "blobs").rglob("*") if one.is_file()]


def test_what_was_put_is_read_again_whole_and_in_parts(blobs):
    assert blobs.has(DIGEST) is None
    blobs.put(DIGEST, len(DATA), chunks())
    assert blobs.has(DIGEST) == len(DATA)
    read = list(blobs.open(DIGEST, 0, len(DATA)))
    assert b"".join(read) == DATA
    assert max(map(len, read)) == 1024 * 1024
    assert b"".join(blobs.open(DIGEST, 1_000_000, 1_500_000)) == DATA[1_000_000:2_500_000]
    assert list(blobs.open(DIGEST, 5, 0)) == []
    assert list(blobs.all()) == [(DIGEST, len(DATA))]


@pytest.mark.parametrize("given", [DATA[:-1], DATA + b"x", b"x" + DATA[1:], b""])
def test_what_is_not_of_the_digest_is_not_stored(blobs, tmp_path, given):
    with pytest.raises(InputError) as caught:
        blobs.put(DIGEST, len(DATA), chunks(given))
    assert caught.value.code == "wrong-digest"
    assert everything(tmp_path) == []
    assert blobs.has(DIGEST) is None


def test_a_source_that_fails_midway_leaves_nothing(blobs, tmp_path):
    def failing():
        yield DATA[:1000]
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        blobs.put(DIGEST, len(DATA), failing())
    assert everything(tmp_path) == []


def test_a_source_without_end_is_read_no_further_than_it_should_go(blobs, tmp_path):
    with pytest.raises(InputError) as caught:
        blobs.put(DIGEST, len(DATA), itertools.repeat(DATA[:1000]))
    assert caught.value.code == "wrong-digest"
    assert everything(tmp_path) == []


def test_a_blob_that_is_there_is_not_read_again(blobs):
    blobs.put(DIGEST, len(DATA), chunks())
    blobs.put(DIGEST, len(DATA), (1 / 0 for _ in "x"))


def test_a_blob_that_was_cut_short_is_stored_anew(blobs, tmp_path):
    blobs.put(DIGEST, len(DATA), chunks())
    (place,) = everything(tmp_path)
    place.chmod(0o644)
    place.write_bytes(DATA[:100])
    assert blobs.has(DIGEST) == 100
    with pytest.raises(BlobsFailed):
        list(blobs.open(DIGEST, 0, len(DATA)))
    blobs.put(DIGEST, len(DATA), chunks())
    assert b"".join(blobs.open(DIGEST, 0, len(DATA))) == DATA


@pytest.mark.parametrize(
    "name", ["../x", "sha256:..", "sha256:" + "g" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 64, ""]
)
def test_only_a_digest_names_a_blob(blobs, name):
    for ask in (blobs.has, blobs.path, blobs.remove, lambda it: blobs.open(it, 0, 1)):
        with pytest.raises(KeyError):
            ask(name)


def test_a_link_in_a_blobs_place_is_not_followed(blobs, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(DATA)
    place = tmp_path / "blobs" / DIGEST[7:9] / DIGEST[9:]
    place.parent.mkdir(parents=True)
    place.symlink_to(secret)
    assert blobs.has(DIGEST) is None
    with pytest.raises(BlobsFailed):
        blobs.open(DIGEST, 0, 1)


def test_many_writers_of_one_blob_leave_one(blobs, tmp_path):
    threads = [threading.Thread(target=blobs.put, args=(DIGEST, len(DATA), chunks())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(everything(tmp_path)) == 1
    assert b"".join(blobs.open(DIGEST, 0, len(DATA))) == DATA


def test_what_a_killed_writer_left_is_cleared_away_and_what_a_living_one_writes_is_not(blobs, tmp_path):
    folder = tmp_path / "blobs" / DIGEST[7:9]
    folder.mkdir(parents=True)
    (folder / ".partial-dead").write_bytes(DATA[:100])
    begun, go_on = threading.Event(), threading.Event()

    def slowly():
        yield DATA[:1_000_000]
        begun.set()
        go_on.wait(20)
        yield DATA[1_000_000:]

    slow = threading.Thread(target=blobs.put, args=(DIGEST, len(DATA), slowly()))
    slow.start()
    assert begun.wait(20)
    (half,) = everything(tmp_path)
    assert half.name != ".partial-dead"
    blobs.put(DIGEST, len(DATA), chunks())
    assert set(everything(tmp_path)) == {half, folder / DIGEST[9:]}
    go_on.set()
    slow.join()
    assert everything(tmp_path) == [folder / DIGEST[9:]]
    assert b"".join(blobs.open(DIGEST, 0, len(DATA))) == DATA


def test_what_is_not_there_is_said_before_the_first_chunk(blobs):
    with pytest.raises(FileNotFoundError):
        blobs.open(DIGEST, 0, 1)


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "blobs").write_text("a file")
    with pytest.raises(BlobsFailed):
        BlobFolder(tmp_path / "blobs").put(DIGEST, len(DATA), chunks())


def test_what_is_read_no_further_is_closed(blobs):
    blobs.put(DIGEST, len(DATA), chunks())
    before = descriptors()
    reading = blobs.open(DIGEST, 0, len(DATA))
    next(reading)
    reading.close()
    blobs.open(DIGEST, 0, len(DATA))  # and what is not read at all
    assert descriptors() == before


def test_nobody_else_on_the_machine_reads_blobs(blobs, tmp_path):
    blobs.put(DIGEST, len(DATA), chunks())
    for place in (tmp_path / "blobs", *(tmp_path / "blobs").rglob("*")):
        assert place.stat().st_mode & 0o007 == 0, place


def test_blobs_are_removed(blobs):
    blobs.put(DIGEST, len(DATA), chunks())
    blobs.remove(DIGEST)
    blobs.remove(DIGEST)
    assert blobs.has(DIGEST) is None
