"""`halfdoor log verify`, `watch` and `witness`, as people and cron jobs run them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from halfdoor.adapters.witness_client import HttpWitness
from halfdoor.cli.main import main
from halfdoor.core.log.keys import parse_verifier_key
from halfdoor.core.log.merkle import consistency_proof, inclusion_proof
from halfdoor.core.log.note import parse_note
from halfdoor.core.log.proof import Proof
from halfdoor.core.log.tiles import TiledTree
from halfdoor.core.log.witnessing import WitnessConflict
from logs import ORIGIN, entries_of_ours, new_key, served, write_log

KEY = new_key()
ENTRIES = entries_of_ours(600)
HALFDOOR = [sys.executable, "-m", "halfdoor"]


@pytest.fixture
def log(tmp_path):
    write_log(tmp_path / "log", ENTRIES[:300], KEY)
    return tmp_path / "log"


@pytest.fixture
def key(tmp_path):
    path = tmp_path / "log.vkey"
    path.write_text(f"# ours\n{KEY.verifier}\n")
    return str(path)


@pytest.fixture
def halfdoor(capsys):
    """Run a command: its exit code, what it printed (lines of text unwrapped), and what it complained of."""

    def run(*arguments):
        capsys.readouterr()
        code = main(["log", *map(str, arguments)])
        out, err = capsys.readouterr()
        return code, re.sub(r"(?<=\S)\n *(?=\S)", " ", out) if arguments[0] == "verify" else out, err

    return run


def test_a_folder_and_an_address_are_verified_alike(halfdoor, log, key):
    with served(log) as url:
        for place in (log, url):
            code, out, _ = halfdoor("verify", place, "--key", key)
            assert code == 0
            assert "300 entries" in out
            assert "Verified." in out
            assert "not that everything was" in out
            assert "Without witnesses" in out


def test_the_json_of_verify_has_the_fields_that_the_help_names(halfdoor, log, key):
    code, out, _ = halfdoor("verify", log, "--key", key, "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["verified"], found["origin"], found["size"], found["faults"]) == (True, ORIGIN, 300, [])
    assert found["entries"] == {"count": 300, "schema": "halfdoor", "faults": 0}
    assert found["signed_by"] == [{"name": ORIGIN, "key_id": KEY.verifier.key_id.hex(), "at": None}]
    unproven = json.loads(halfdoor("verify", log, "--json")[1])
    assert [one["code"] for one in unproven["faults"]] == ["unproven-origin"]


def test_the_help_names_every_field(halfdoor, log):
    found = json.loads(halfdoor("verify", log, "--json")[1])
    code, out, _ = halfdoor("verify", "--help")
    assert code == 0
    assert {name for name in found if name not in out} == set()


def test_without_a_key_the_origin_is_unproven_and_the_exit_code_1(halfdoor, log):
    code, out, _ = halfdoor("verify", log)
    assert code == 1
    assert "no key was given" in out
    assert "pass it with --key" in out


def test_a_pem_key_vouches_for_the_name_too(halfdoor, log, tmp_path):
    pem = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "log.pem").write_bytes(pem)
    assert halfdoor("verify", log, "--key", tmp_path / "log.pem")[0] == 0


def test_faults_are_said_with_their_place_and_what_to_do(halfdoor, log, key):
    (log / "tile/entries/001.p/44").unlink()
    bundle = log / "tile/entries/000"
    bundle.write_bytes(bundle.read_bytes().replace(b"flw_1", b"flw_2", 1))
    code, out, _ = halfdoor("verify", log, "--key", key)
    assert code == 1
    assert "tile/entries/001.p/44: the entries are not there" in out
    assert "tile/entries/000: entry 1 is not the one" in out
    assert "Next: " in out


def test_a_hostile_log_does_not_write_on_the_terminal(halfdoor, tmp_path):
    origin = "log.example.org/\x9b2J"
    key = new_key(origin)
    keys = tmp_path / "keys"
    keys.write_text(str(key.verifier))
    entries = [*ENTRIES[:2], b'{"schema":"halfdoor/entry/1","event":"log:key:add","\\u001b[2J":1}']
    write_log(tmp_path / "hostile", entries, key, origin)
    for call in (["verify"], ["watch", "--once", "--state", tmp_path / "state"]):
        code, out, _ = halfdoor(*call, tmp_path / "hostile", "--key", keys)
        assert code == 1
        assert "\\x9b2J" in out
        assert "entry 2" in out
        assert not {"\x1b", "\x9b"} & set(out)


def test_an_earlier_checkpoint_and_a_fork(halfdoor, log, key, tmp_path):
    earlier = tmp_path / "earlier"
    earlier.write_bytes((log / "checkpoint").read_bytes())
    write_log(log, ENTRIES[:500], KEY)
    code, out, _ = halfdoor("verify", log, "--key", key, "--since", earlier)
    assert (code, "extends the checkpoint of 300 entries" in out) == (0, True)
    write_log(log, [*ENTRIES[:50], *ENTRIES[51:501]], KEY)
    code, out, _ = halfdoor("verify", log, "--key", key, "--since", earlier)
    assert (code, "keep both checkpoints" in out) == (1, True)


def test_bad_input_is_told_from_a_bad_log(halfdoor, log, key, tmp_path):
    (tmp_path / "bad").write_text("hello")
    for arguments in (
        [tmp_path / "nowhere"],
        [tmp_path],
        ["http://127.0.0.1:1/log"],
        ["ftp://example.org"],
        [log, "--key", tmp_path / "bad"],
        [log, "--key", tmp_path / "nowhere"],
        [log, "--key", key, "--since", tmp_path / "bad"],
        [log, "--key", key, "--witnesses", tmp_path / "bad"],
        [log, "--entry", key],
        [tmp_path / "p.tlog-proof"],
    ):
        code, out, err = halfdoor("verify", *arguments)
        assert (code, out) == (2, ""), arguments
        assert "halfdoor: " in err
    (log / "checkpoint").write_text("hello")
    assert halfdoor("verify", log, "--key", key)[0] == 1


def test_a_proof_is_verified_without_the_log(halfdoor, log, key, tmp_path):
    tree = TiledTree(300, lambda tile: (log / tile.path).read_bytes())
    proof = Proof(7, tuple(inclusion_proof(7, 300, tree.node)), parse_note((log / "checkpoint").read_bytes()))
    (tmp_path / "p.tlog-proof").write_bytes(proof.encode())
    (tmp_path / "entry.json").write_bytes(ENTRIES[7])
    (tmp_path / "other.json").write_bytes(ENTRIES[7] + b"\n")
    call = ["verify", tmp_path / "p.tlog-proof", "--key", key, "--entry"]
    code, out, _ = halfdoor(*call, tmp_path / "entry.json")
    assert (code, "7 of 300" in out) == (0, True)
    assert json.loads(halfdoor(*call, tmp_path / "entry.json", "--json")[1])["index"] == 7
    code, out, _ = halfdoor(*call, tmp_path / "other.json")
    assert (code, "byte for byte" in out) == (1, True)


def test_a_watch_in_a_cron_job_tells_by_its_exit_code(halfdoor, log, key, tmp_path):
    mirror = tmp_path / "mirror"
    write_log(mirror, ENTRIES[:200], KEY)
    call = ["watch", "--once", "--key", key, "--state", tmp_path / "state"]
    code, out, _ = halfdoor(*call, log, mirror, log)
    assert (code, out.count("as it should be")) == (0, 2)
    write_log(log, ENTRIES[:600], KEY)
    code, out, _ = halfdoor(*call, log)
    assert (code, "600 entries, 300 of them new" in out) == (0, True)
    write_log(mirror, [*ENTRIES[:10], *ENTRIES[11:401]], KEY)
    code, out, _ = halfdoor(*call, log, mirror, "--json")
    first, second = map(json.loads, out.splitlines())
    assert (code, first["alerts"]) == (1, [])
    assert [alert["kind"] for alert in second["alerts"]] == ["fork", "split-view"]
    assert all(os.path.exists(path) for alert in second["alerts"] for path in alert["evidence"])  # noqa: PTH110  text
    code, out, _ = halfdoor(*call, mirror)
    assert "ALERT fork" in out
    assert "kept as evidence: " in out
    with served(log) as url:
        assert halfdoor(*call, url)[0] == 0
    code, out, _ = halfdoor(*call, url)
    assert (code, "out of reach" in out) == (2, True)
    assert halfdoor(*call, tmp_path / "nowhere")[0] == 2


@contextmanager
def started(*arguments):
    """A `halfdoor log` of its own, and a function that waits for what it prints."""
    process = subprocess.Popen(
        [*HALFDOOR, "log", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "1000"},
    )
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()

    def line(wanted):
        for text in process.stdout:
            if wanted in text:
                return text
        raise AssertionError(f"never said: {wanted}\n{process.stderr.read()}")

    try:
        yield process, line
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def test_a_watch_goes_on_says_what_changes_and_ends_at_ctrl_c(log, key, tmp_path):
    call = ["watch", log, "--key", key, "--state", tmp_path / "state", "--every", "0.05"]
    with started(*call) as (process, line):
        line("300 entries; as it should be")
        write_new_then_checkpoint(log, ENTRIES[:400])
        line("400 entries, 100 of them new; as it should be")
        write_new_then_checkpoint(log, [*ENTRIES[:10], *ENTRIES[11:501]])
        assert "different" not in line("ALERT fork")
        assert "evidence" in line("kept as evidence")
        write_new_then_checkpoint(log, ENTRIES[:500])
        line("what was wrong is mended")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130


def write_new_then_checkpoint(folder, entries):
    """As a log does: first the tiles, then the checkpoint, in place at once."""
    beside = folder.parent / "beside"
    write_log(beside, entries, KEY)
    for path in sorted(beside.rglob("*"), key=lambda path: path.name == "checkpoint"):
        place = folder / path.relative_to(beside)
        if path.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)


def test_a_witness_that_is_killed_is_the_same_afterwards(log, key, tmp_path):
    notes = {}
    for size in (300, 400, 500):
        write_log(log, ENTRIES[:size], KEY)
        notes[size] = parse_note((log / "checkpoint").read_bytes())
    tree = TiledTree(500, lambda tile: (log / tile.path).read_bytes())

    def proof(old, new):
        assert new == 500
        return consistency_proof(old, new, tree.node)

    call = ["witness", "--state", tmp_path / "w", "--name", "w.example.org", "--log", key, "--port", "0"]
    with started(*call) as (process, line):
        verifier, url = line("witness w.example.org").split()[2:]
        line("Listening")
        client = HttpWitness(parse_verifier_key(verifier), url)
        found = client.add_checkpoint(0, [], notes[300])
        assert client.key.check(notes[300].text, found[0].signature) == pytest.approx(time.time(), abs=60)
        process.kill()
    with started(*call) as (process, line):
        again, url = line("witness w.example.org").split()[2:]
        assert again == verifier
        line("Listening")
        client = HttpWitness(parse_verifier_key(verifier), url)
        with pytest.raises(WitnessConflict) as conflict:
            client.add_checkpoint(0, [], notes[400])
        assert conflict.value.size == 300
        client.add_checkpoint(300, proof(300, 500), notes[500])
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
        assert process.stderr.read() == "halfdoor: interrupted\n"


def test_a_witness_says_what_keeps_it_from_starting(halfdoor, key, tmp_path):
    call = ["witness", "--state", tmp_path / "w", "--name", "w.example.org", "--log"]
    pem = KEY.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "log.pem").write_bytes(pem)
    assert "does not say of which log" in halfdoor(*call, tmp_path / "log.pem")[2]
    with served(tmp_path) as url:
        code, _, err = halfdoor(*call, key, "--port", url.rsplit(":", 1)[1])
    assert (code, "[cannot-listen]" in err) == (2, True)
    (tmp_path / "w").chmod(0o755)
    code, _, err = halfdoor(*call, key)
    assert (code, "[key-exposed]" in err) == (2, True)
