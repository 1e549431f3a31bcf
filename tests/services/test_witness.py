"""The witness, over real HTTP on this machine: what it cosigns, what it refuses, what it never forgets."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halfdoor.adapters.clock import SystemClock
from halfdoor.adapters.witness_client import HttpWitness
from halfdoor.core.errors import HalfdoorError, InputError
from halfdoor.core.log.checkpoint import Checkpoint, parse_checkpoint
from halfdoor.core.log.keys import Kind, verify_note
from halfdoor.core.log.merkle import consistency_proof, leaf_hash, root_of
from halfdoor.core.log.note import Note, encode_base64, parse_note
from halfdoor.core.log.quorum import parse_quorum
from halfdoor.core.log.witnessing import (
    REQUEST_BYTES_MAX,
    Refusal,
    Request,
    Seen,
    WitnessConflict,
    admitted,
    parse_request,
)
from halfdoor.services.log.witness import by_origin, open_witness, witness_key
from halfdoor.store.engine import open_engine
from halfdoor.store.witnessed import WitnessedStore
from logs import ORIGIN, foreign_entries, new_key
from witnesses import NAME
from witnesses import running as running_for

KEY = new_key()
LEAVES = [leaf_hash(entry) for entry in foreign_entries(600)]
OTHERS = [leaf_hash(b"x"), *LEAVES[1:]]


def node(leaves):
    return lambda level, index: root_of(leaves[index << level : (index + 1) << level])


def checkpoint(size, *, key=KEY, origin=ORIGIN, leaves=LEAVES):
    return key.sign(Checkpoint(origin, size, root_of(leaves[:size])).text())


def proof(old, new, leaves=LEAVES):
    return consistency_proof(old, new, node(leaves))


def request(old, new, **how):
    return Request(old, tuple(proof(old, new, how.get("leaves", LEAVES))), checkpoint(new, **how))


def running(state, *, ml_dsa=False, keys=(KEY.verifier,)):
    """The witness of a folder, which knows these logs."""
    return running_for(state, keys, ml_dsa=ml_dsa)


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    return tmp_path_factory.mktemp("witness") / "state"


@pytest.fixture(scope="module")
def served(state):
    """One witness that knows a log of its own for every test, so that tests do not meet."""
    keys = {name: new_key(name) for name in ("grow", "refuse", "http", "race")}
    with running(state, keys=[key.verifier for key in keys.values()]) as (url, key):
        yield url, key, keys


@pytest.fixture
def post(served):
    with urllib3.PoolManager(retries=False) as pool:
        yield lambda body: pool.request("POST", f"{served[0]}/add-checkpoint", body=body)


@pytest.mark.parametrize("ml_dsa", [False, True], ids=["Ed25519", "ML-DSA-44"])
def test_a_growing_log_is_cosigned_and_its_quorum_is_met(tmp_path, ml_dsa):
    with running(tmp_path / "state", ml_dsa=ml_dsa) as (url, key):
        assert key.kind is (Kind.COSIGNATURE_ML_DSA if ml_dsa else Kind.COSIGNATURE)
        client = HttpWitness(key, url)
        policy = parse_quorum(f"log {KEY.verifier}\nwitness {NAME} {key} {url}\nquorum {NAME}\n".encode())
        sizes = [0, 0, 1, 1, 255, 256, 257, 600, 600]
        for old, new in zip([0, *sizes], sizes, strict=False):
            note = checkpoint(new)
            before = dt.datetime.now(dt.UTC).timestamp()
            found = client.add_checkpoint(old, proof(old, new), note)
            (signed,) = policy.check(note.with_signatures(found))
            assert signed.key == key
            assert before - 1 <= signed.time <= before + 5


def test_a_witness_that_saw_another_size_says_which(served):
    url, key, keys = served
    client, log = HttpWitness(key, url), {"key": keys["grow"], "origin": "grow"}
    client.add_checkpoint(0, [], checkpoint(300, **log))
    for old, new in [(0, 300), (0, 400), (200, 400), (200, 250)]:
        with pytest.raises(WitnessConflict) as conflict:
            client.add_checkpoint(old, proof(old, new), checkpoint(new, **log))
        assert conflict.value.size == 300
    client.add_checkpoint(300, proof(300, 400), checkpoint(400, **log))


def test_what_a_witness_refuses_and_how(served, post):
    keys = served[2]
    log = {"key": keys["refuse"], "origin": "refuse"}
    assert post(request(0, 300, **log).encode()).status == 200

    def status(body):
        answer = post(body.encode() if isinstance(body, Request) else body)
        return answer.status

    good = request(300, 400, **log)
    assert status(request(300, 400, key=keys["refuse"], origin="unknown.example.org")) == 404
    assert status(request(300, 400, key=keys["grow"], origin="refuse")) == 403
    assert status(Request(300, (), Note(good.checkpoint.text, ()).with_signatures(
        [flipped_signature(good.checkpoint.signatures[0])]))) == 403  # fmt: skip
    assert status(request(300, 400, **log, leaves=OTHERS)) == 422
    assert status(Request(300, good.proof[1:], good.checkpoint)) == 422
    assert status(Request(300, (*good.proof, b"h" * 32), good.checkpoint)) == 422
    assert status(Request(300, good.proof, checkpoint(300, **log))) == 422
    assert status(Request(400, (), checkpoint(300, **log))) == 400
    fork = post(request(300, 300, **log, leaves=OTHERS).encode())
    assert fork.status == 409
    assert "another tree" in fork.data.decode()
    stale = post(request(200, 400, **log).encode())
    assert (stale.status, stale.headers["Content-Type"], stale.data) == (409, "text/x.tlog.size", b"300\n")
    assert status(good) == 200


def flipped_signature(signature):
    """The signature with one bit of it flipped."""
    changed = bytes([signature.signature[0] ^ 1]) + signature.signature[1:]
    return type(signature)(signature.name, signature.key_id, changed)


def test_a_proof_from_nothing_must_be_empty():
    with pytest.raises(Refusal) as refused:
        admitted(Request(0, (b"h" * 32,), checkpoint(5)), Seen(0, root_of([])))
    assert refused.value.code == "bad-proof"


def test_malformed_requests_are_refused(served, post):
    log = {"key": served[2]["http"], "origin": "http"}
    good = request(0, 300, **log).encode()
    line = encode_base64(b"h" * 32).encode() + b"\n"
    for bad in (
        b"",
        b"old 0",
        good.replace(b"old 0", b"old 00"),
        good.replace(b"old 0", b"old -1"),
        good.replace(b"old 0", b"new 0"),
        good.replace(b"old 0\n", b"old 0\nAAAA\n"),
        good.replace(b"old 0\n", b"old 0\n" + line * 64),
        good.replace(b"\n300\n", b"\n0300\n"),
        good[:-1],
        good.replace("—".encode(), b"-"),
        b"\xff" + good,
    ):
        answer = post(bad)
        assert answer.status == 400, bad[:60]
        assert answer.headers["Content-Type"].startswith("text/plain")
    assert post(b"old 0\n" * (REQUEST_BYTES_MAX // 6 + 10)).status == 413
    assert post(good).status == 200


@given(
    st.binary(max_size=300) | st.text(max_size=200).map(lambda text: f"old 1\n\n{text}\n\n— a b\n".encode())
)
def test_no_request_is_a_surprise_to_the_parser(data):
    refused = ""
    try:
        parsed = parse_request(data)
        assert parse_request(parsed.encode()) == parsed
    except Refusal as refusal:
        refused = refusal.code
    assert refused in {"", "bad-request"}


def test_a_witness_says_who_it_is(served):
    url, key, keys = served
    with urllib3.PoolManager() as pool:
        about = pool.request("GET", url).data.decode()
        assert str(key) in about
        assert all(name in about for name in keys)
        assert pool.request("GET", f"{url}/add-checkpoint").status == 405


def test_of_two_clients_that_start_from_the_same_tree_one_is_refused_and_nothing_goes_back(served, state):
    """Many threads push the same log, each with its own idea of what comes next."""
    url, key, keys = served
    log = {"key": keys["race"], "origin": "race"}
    notes = {size: checkpoint(size, **log) for size in range(1, 121)}
    proofs = {(a, b): proof(a, b) for a in range(121) for b in range(a, min(a + 8, 121)) if b}
    cosigned, lock = [], threading.Lock()

    def push(step):
        client, old = HttpWitness(key, url), 0
        while old < 113:
            new = old + step
            try:
                client.add_checkpoint(old, proofs[old, new], notes[new])
            except WitnessConflict as conflict:
                old = conflict.size
            else:
                with lock:
                    cosigned.append((old, new))
                old = new

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(push, [1, 2, 3, 7]))
    olds = [old for old, _ in cosigned]
    assert len(set(olds)) == len(olds)  # each tree was left once
    assert sorted(new for _, new in cosigned)[:-1] == sorted(olds)[1:]  # and each was the start of the next
    store = WitnessedStore(open_engine(f"sqlite:///{state / 'witnessed.sqlite3'}", durable=True))
    last = max(new for _, new in cosigned)
    assert store.seen("race") == Seen(last, root_of(LEAVES[:last]))
    assert parse_checkpoint(parse_note(store.checkpoint("race")).text).size == last
    store.close()


def test_a_restarted_witness_is_the_same_and_remembers(tmp_path):
    state = tmp_path / "state"
    with running(state) as (url, key):
        HttpWitness(key, url).add_checkpoint(0, [], checkpoint(300))
    with running(state) as (url, again):
        assert again == key
        client = HttpWitness(key, url)
        with pytest.raises(WitnessConflict) as conflict:
            client.add_checkpoint(0, [], checkpoint(200))
        assert conflict.value.size == 300
        with pytest.raises(WitnessConflict) as forked:
            client.add_checkpoint(300, [], checkpoint(300, leaves=OTHERS))
        assert forked.value.size == 300  # as it has: the same size, another tree
        client.add_checkpoint(300, proof(300, 301), checkpoint(301))


def test_a_witness_that_cannot_sign_has_seen_the_tree_all_the_same(tmp_path):
    witness = open_witness(tmp_path / "state", NAME, by_origin([KEY.verifier]), SystemClock())

    class Broken:
        def sign(self, message):
            raise HalfdoorError("cannot-sign", "the key service is away")

    working, witness._signer = witness._signer, Broken()
    with pytest.raises(HalfdoorError, match="away"):
        witness.cosign(request(0, 300))
    witness._signer = working
    with pytest.raises(WitnessConflict):
        witness.cosign(request(0, 200))
    signature = witness.cosign(request(300, 300))
    assert verify_note(checkpoint(300).with_signatures([signature]), [witness.key])
    witness.close()


def test_a_witness_whose_key_others_may_read_does_not_start(tmp_path):
    state = tmp_path / "state"
    witness_key(state, NAME, ml_dsa=False)
    assert (state.stat().st_mode & 0o777, (state / "witness.pem").stat().st_mode & 0o777) == (0o700, 0o600)
    for place, mode in ((state, 0o750), (state / "witness.pem", 0o640)):
        before = place.stat().st_mode
        place.chmod(mode)
        with pytest.raises(InputError) as refused:
            witness_key(state, NAME, ml_dsa=False)
        assert refused.value.code == "key-exposed"
        place.chmod(before)
    assert witness_key(state, NAME, ml_dsa=False)


def test_a_witness_keeps_its_name_and_kind_of_key(tmp_path):
    key, _ = witness_key(tmp_path / "state", NAME, ml_dsa=False)
    for name, ml_dsa in (("other.example.org", False), (NAME, True)):
        with pytest.raises(InputError) as refused:
            witness_key(tmp_path / "state", name, ml_dsa=ml_dsa)
        assert refused.value.code == "another-key"
    for name in ("", "a b", "a+b", "x" * 256):
        with pytest.raises(InputError) as refused:
            witness_key(tmp_path / "new", name, ml_dsa=False)
        assert refused.value.code == "bad-name"
    assert witness_key(tmp_path / "state", NAME, ml_dsa=False)[0] == key


def test_a_slow_body_does_not_hold_the_witness(served, monkeypatch):
    monkeypatch.setattr("halfdoor.web.witness.BODY_SECONDS_MAX", 0.2)
    host, port = served[0].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 1000\r\n\r\nold 0\n")
        started = time.monotonic()
        assert b" 408 " in slow.recv(1000)
        assert time.monotonic() - started < 5


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(steps=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.booleans()), max_size=20))
def test_whatever_is_asked_the_trees_cosigned_are_one_history(tmp_path, steps):
    """A witness that is asked at random, also for a forked log, never cosigns two trees that disagree."""
    store = WitnessedStore(open_engine("sqlite://", durable=True))
    seen, cosigned = Seen(0, root_of([])), []
    for old, new, forked in steps:
        leaves = OTHERS if forked else LEAVES
        try:
            hashes = proof(old, new, leaves) if 0 < old <= new else []
            made = admitted(Request(old, tuple(hashes), checkpoint(new, leaves=leaves)), seen)
        except Refusal:
            continue
        assert store.advance(ORIGIN, seen, Seen(made.size, made.root), b"note") is True
        seen = store.seen(ORIGIN)
        cosigned.append((new, made.root))
    sizes = [size for size, _ in cosigned]
    assert sizes == sorted(sizes)
    histories = [leaves for leaves in (LEAVES, OTHERS) if all(root_of(leaves[:s]) == r for s, r in cosigned)]
    assert histories
    store.close()


def test_the_client_says_what_came_back(served):
    url, key, keys = served
    stranger = new_key(NAME).verifier
    log = {"key": keys["http"], "origin": "http"}
    known = type(key)(NAME, Kind.COSIGNATURE, stranger.public)
    with urllib3.PoolManager() as pool:
        size = pool.request("POST", f"{url}/add-checkpoint", body=request(600, 600, **log).encode())
        at = int(size.data) if size.status == 409 else 600
    with pytest.raises(HalfdoorError, match="another key") as refused:
        HttpWitness(known, url).add_checkpoint(at, proof(at, 600), checkpoint(600, **log))
    assert refused.value.code == "witness-refused"
    with pytest.raises(HalfdoorError) as refused:
        HttpWitness(key, url).add_checkpoint(0, [], checkpoint(5))
    assert (refused.value.code, "404" in refused.value.message) == ("witness-refused", True)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    with pytest.raises(HalfdoorError) as away:
        HttpWitness(key, f"http://127.0.0.1:{port}").add_checkpoint(0, [], checkpoint(5))
    assert away.value.code == "witness-unreachable"
    with pytest.raises(InputError):
        HttpWitness(key, "ftp://example.org")
