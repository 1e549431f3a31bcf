"""Logs for tests, written with nothing but the pure formats: folders as a web server would serve them."""

from __future__ import annotations

import datetime as dt
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from halfdoor.core.errors import InputError
from halfdoor.core.log.checkpoint import Checkpoint, parse_checkpoint
from halfdoor.core.log.entry import encode_entry
from halfdoor.core.log.events.base import SCHEMA, new_id
from halfdoor.core.log.events.oversight import FlawReported
from halfdoor.core.log.keys import Kind, VerifierKey
from halfdoor.core.log.merkle import leaf_hash
from halfdoor.core.log.note import Note, Signature, parse_note
from halfdoor.core.log.tiles import WIDTH, Edge, encode_bundle, tiles_of
from halfdoor.core.log.trust import Trust
from halfdoor.services.log.head import Asked
from halfdoor.services.log.verify import verify_log

if TYPE_CHECKING:
    from pathlib import Path

ORIGIN = "log.example.org/halfdoor"
NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)


class LogKey(NamedTuple):
    """A log's private key and the line by which it is known."""

    private: Ed25519PrivateKey
    verifier: VerifierKey

    @property
    def trust(self):
        return Trust((self.verifier,))

    def sign(self, text):
        signature = self.private.sign(text.encode())
        return Note(text, (Signature(self.verifier.name, self.verifier.key_id, signature),))


def new_key(origin=ORIGIN):
    private = Ed25519PrivateKey.generate()
    return LogKey(private, VerifierKey(origin, Kind.ED25519, private.public_key().public_bytes_raw()))


def entries_of_ours(count, start=0):
    """Entries that fit Halfdoor's schema."""
    at = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    return [
        encode_entry(FlawReported(schema=SCHEMA, at=at, flaw=new_id("flw", number), version=new_id("ver", 1)))
        for number in range(start, start + count)
    ]


def foreign_entries(count):
    return [b"entry %d" % number for number in range(count)]


def files_of(entries, key, origin=ORIGIN):
    """Every public file of a log by its path, and no more than the specification asks for."""
    edge = Edge()
    tiles = [*edge.grow([leaf_hash(entry) for entry in entries]), *edge.partial()]
    files = {tile.path: data for tile, data in tiles}
    for tile in tiles_of(len(entries)):
        if tile.level == 0:
            start = tile.index * WIDTH
            files[tile.entries_path] = encode_bundle(entries[start : start + tile.width])
    text = Checkpoint(origin, len(entries), edge.frontier().root()).text()
    files["checkpoint"] = key.sign(text).encode()
    return files


def write_log(folder, entries, key, origin=ORIGIN):
    """Write a log into a folder, over what is there; its checkpoint."""
    write_files(folder, files_of(entries, key, origin))
    return read_checkpoint(folder)


def write_files(folder, files):
    for path, data in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def read_checkpoint(folder: Path) -> Checkpoint:
    return parse_checkpoint(parse_note((folder / "checkpoint").read_bytes()).text)


class MemorySource:
    """A log's files in memory (ports.LogSource), for tests that change them thousands of times."""

    name = "memory"
    at_once = 1

    def __init__(self, files):
        self.files = files

    def read(self, path, bytes_max):
        data = self.files.get(path)
        if data is not None and len(data) > bytes_max:
            raise InputError("too-large", f"longer than {bytes_max:,} bytes", where=path)
        return data


@contextmanager
def served(folder, handler=SimpleHTTPRequestHandler):
    """The folder behind a web server on this machine; its address."""

    class Quiet(handler):
        protocol_version = "HTTP/1.1"  # connections are kept
        disable_nagle_algorithm = True

        def log_message(self, *args):
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 64

    server = Server(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def verified(files, trust, **asked):
    """What verifying these files finds."""
    return verify_log(MemorySource(files), Asked(trust, **asked), now=NOW)


def codes(found):
    return {fault.code for fault in found.faults}


def places(found):
    return {fault.where for fault in found.faults}


def flipped(data, at):
    return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]
