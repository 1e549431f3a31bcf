"""Logs that Halfdoor wrote, and other people's programs that judge them.

Where a program is missing these tests skip, saying so. `make outsiders` installs what Debian has and sets
HALFDOOR_OUTSIDERS: then a missing program is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from halfdoor.bootstrap.log import begin_log, writing
from halfdoor.core.log.checkpoint import Checkpoint
from halfdoor.core.log.keys import Kind, VerifierKey
from halfdoor.core.log.merkle import leaf_hash
from halfdoor.core.log.note import Note, Signature
from halfdoor.core.log.tiles import WIDTH, Edge, encode_bundle, tiles_of
from halfdoor.services.home import Home, prepare_home
from halfdoor.services.log.writer import Limits
from halfdoor.store.log import New
from logs import entries_of_ours

HERE = Path(__file__).parent
ORIGIN = "log.example.org/halfdoor"
DEBIANS_GO_PACKAGES = Path("/usr/share/gocode")


class Log(NamedTuple):
    """The folder with its public files, and the line by which its operator publishes the key."""

    folder: Path
    vkey: str


def write_log(folder, entries_count):
    """Have Halfdoor's writer publish a log of so many entries in a folder, in steps; its vkey."""
    made = prepare_home(folder.parent / "home", ORIGIN, database=None, latest=None, secret=None)
    home = Home(made.folder, msgspec.structs.replace(made.settings, public=str(folder)))
    begin_log(home)
    entries = [New(entry) for entry in entries_of_ours(entries_count)]
    with writing(home, limits=Limits(free_bytes_min=1, publish_seconds=0.02)) as writer:
        for start in range(0, entries_count, 3000):
            writer.submit(entries[start : start + 3000]).result()
    return home.settings.note_key[0].public


def published(folder, key, entries):
    """The same by hand, which is how a fork comes about: Halfdoor's writer would refuse."""
    edge = Edge()
    tiles = [*edge.grow([leaf_hash(entry) for entry in entries]), *edge.partial()]
    files = {tile.path: data for tile, data in tiles}
    for tile in tiles_of(len(entries)):
        if tile.level == 0:
            start = tile.index * WIDTH
            files[tile.entries_path] = encode_bundle(entries[start : start + tile.width])
    text = Checkpoint(ORIGIN, len(entries), edge.frontier().root()).text()
    vkey = VerifierKey(ORIGIN, Kind.ED25519, key.public_key().public_bytes_raw())
    signature = Signature(vkey.name, vkey.key_id, key.sign(text.encode()))
    files["checkpoint"] = Note(text, (signature,)).encode()
    for path, data in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return str(vkey)


def run(*command, **env):
    """What a program has said: exit code, output, complaints."""
    return subprocess.run(
        [str(word) for word in command],
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def missing(what, package):
    """Skip, or fail where the programs were to be there."""
    decline = pytest.fail if os.environ.get("HALFDOOR_OUTSIDERS") else pytest.skip
    decline(f"no {what} here: outsiders did not look at the log ({package})")


@pytest.fixture(scope="session")
def log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    return Log(folder, write_log(folder, 70_000))


@pytest.fixture(scope="session")
def publish():
    return lambda folder, key, entries: Log(folder, published(folder, key, entries))


@pytest.fixture(scope="session")
def verify(tmp_path_factory):
    """The Go program of verify/main.go, built with Debian's packages and without a network."""
    if shutil.which("go") is None:
        missing("Go", "Debian: apt install golang-go")
    if not (DEBIANS_GO_PACKAGES / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        missing("golang.org/x/mod", "Debian: apt install golang-golang-x-mod-dev")
    built = tmp_path_factory.mktemp("go")
    program = built / "verify"
    offline = {"GO111MODULE": "off", "GOPATH": str(DEBIANS_GO_PACKAGES), "GOENV": "off", "GOFLAGS": ""}
    done = run("go", "build", "-o", program, HERE / "verify/main.go", GOCACHE=str(built / "cache"), **offline)
    assert done.returncode == 0, done.stderr
    return lambda log, *earlier: run(program, log.folder, log.vkey, *earlier)


@pytest.fixture(scope="session")
def checkpoint_sh():
    """The shell script with which an auditor asks openssl."""
    if shutil.which("openssl") is None or "-rawin" not in run("openssl", "pkeyutl", "-help").stderr:
        missing("openssl 3", "Debian: apt install openssl")
    return lambda checkpoint, public: run(HERE / "checkpoint.sh", checkpoint, public)


@pytest.fixture(scope="session")
def scitt_cose():
    """The command of the package of that name, which verifies COSE receipts."""
    command = Path(sys.executable).with_name("scitt-cose")
    if not command.exists():
        missing("scitt-cose", "pip install scitt-cose")
    return lambda *arguments: run(command, *arguments)
