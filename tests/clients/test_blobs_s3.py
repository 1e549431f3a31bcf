"""Blobs in an S3-compatible store behave as blobs in a folder do, and can be linked to for a minute."""

import hashlib
import itertools
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import boto3
import pytest

from halfdoor.adapters import blobs_s3
from halfdoor.adapters.blobs_folder import BlobsFailed
from halfdoor.adapters.blobs_s3 import BlobBucket
from halfdoor.core.errors import InputError

DATA = os.urandom(12 * 1024 * 1024 + 17)
DIGEST = "sha256:" + hashlib.sha256(DATA).hexdigest()
EMPTY = "sha256:" + hashlib.sha256(b"").hexdigest()
START_SECONDS_MAX = 60


pytestmark = pytest.mark.skipif("HALFDOOR_CLIENTS" not in os.environ, reason="not installed: make clients")


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory):
    """A stand-in for an S3-compatible store, as a process of its own."""
    program = Path(os.environ["HALFDOOR_CLIENTS"]) / "tools" / "bin" / "moto_server"
    log = tmp_path_factory.mktemp("s3") / "server.log"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with log.open("wb") as stream:
        server = subprocess.Popen([program, "-p", str(port)], stdout=stream, stderr=stream)
    url = f"http://127.0.0.1:{port}"
    until = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            urllib.request.urlopen(url, timeout=1).close()
            break
        except (OSError, urllib.error.URLError):
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
    yield url
    server.terminate()
    server.wait(START_SECONDS_MAX)


@pytest.fixture
def blobs(endpoint, monkeypatch, request):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(blobs_s3, "PART_BYTES", 5 * 1024 * 1024)  # S3's least
    name = f"bucket-{abs(hash(request.node.name)) % 10**8}"
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1").create_bucket(Bucket=name)
    return BlobBucket.at(f"s3://{name}/models?endpoint={endpoint}&region=us-east-1")


def chunks(data=DATA, size=1_000_000):
    return (data[at : at + size] for at in range(0, len(data), size))


def test_what_was_put_is_read_again_whole_and_in_parts(blobs):
    assert blobs.has(DIGEST) is None
    blobs.put(DIGEST, len(DATA), chunks())
    assert blobs.has(DIGEST) == len(DATA)
    assert b"".join(blobs.open(DIGEST, 0, len(DATA))) == DATA
    assert b"".join(blobs.open(DIGEST, 5_000_000, 3_000_000)) == DATA[5_000_000:8_000_000]
    assert list(blobs.all()) == [(DIGEST, len(DATA))]
    blobs.put(DIGEST, len(DATA), (1 / 0 for _ in "x"))  # it is there
    blobs.remove(DIGEST)
    assert blobs.has(DIGEST) is None


def test_an_empty_blob_is_a_blob(blobs):
    blobs.put(EMPTY, 0, iter(()))
    assert blobs.has(EMPTY) == 0
    assert list(blobs.open(EMPTY, 0, 0)) == []


@pytest.mark.parametrize("given", [DATA[:-1], DATA + b"x", b"x" + DATA[1:]])
def test_what_is_not_of_the_digest_is_not_stored(blobs, given):
    with pytest.raises(InputError) as caught:
        blobs.put(DIGEST, len(DATA), chunks(given))
    assert caught.value.code == "wrong-digest"
    assert list(blobs.all()) == []


@pytest.mark.parametrize("count", [1, 5 * 1024 * 1024, 5 * 1024 * 1024 + 1, 10 * 1024 * 1024])
def test_blobs_of_one_part_and_of_several_are_whole(blobs, count):
    data = DATA[:count]
    digest = "sha256:" + hashlib.sha256(data).hexdigest()
    blobs.put(digest, count, chunks(data))
    assert b"".join(blobs.open(digest, 0, count)) == data
    assert blobs.has(digest) == count


def test_what_failed_midway_leaves_no_upload_behind(blobs, endpoint):
    def failing():
        yield from itertools.islice(chunks(), 8)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        blobs.put(DIGEST, len(DATA), failing())
    with pytest.raises(InputError):
        blobs.put(DIGEST, len(DATA), itertools.repeat(DATA[:1_000_000]))
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    assert "Uploads" not in client.list_multipart_uploads(Bucket=blobs._bucket)
    assert blobs.has(DIGEST) is None


def test_many_writers_of_one_blob_leave_one(blobs):
    threads = [threading.Thread(target=blobs.put, args=(DIGEST, len(DATA), chunks())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(blobs.all()) == [(DIGEST, len(DATA))]
    assert b"".join(blobs.open(DIGEST, 0, len(DATA))) == DATA


def test_a_link_lets_anyone_read_for_a_minute_at_most(blobs):
    blobs.put(DIGEST, len(DATA), chunks())
    with urllib.request.urlopen(blobs.link(DIGEST, 60)) as answer:
        assert answer.read() == DATA
    for seconds in (0, 61):
        with pytest.raises(ValueError, match="60 s"):
            blobs.link(DIGEST, seconds)


def test_what_is_not_there_is_said_before_the_first_chunk(blobs):
    for count in (0, 1):
        with pytest.raises(FileNotFoundError):
            blobs.open(DIGEST, 0, count)


@pytest.mark.parametrize("name", ["../x", "sha256:" + "g" * 64, ""])
def test_only_a_digest_names_a_blob(blobs, name):
    for ask in (
        blobs.has,
        blobs.path,
        blobs.remove,
        lambda it: blobs.open(it, 0, 1),
        lambda it: blobs.link(it, 9),
    ):
        with pytest.raises(KeyError):
            ask(name)


def test_a_bucket_that_is_not_there_is_told(endpoint, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    away = BlobBucket.at(f"s3://nowhere-at-all?endpoint={endpoint}&region=us-east-1")
    with pytest.raises((BlobsFailed, FileNotFoundError)):
        away.put(DIGEST, len(DATA), chunks())
    with pytest.raises((BlobsFailed, FileNotFoundError)):
        list(away.all())


@pytest.mark.parametrize("url", ["s3://", "http://x/y", "s3://b?endpont=x"])
def test_what_names_no_bucket_is_refused(url):
    with pytest.raises(InputError) as caught:
        BlobBucket.at(url)
    assert caught.value.code == "bad-blobs"
