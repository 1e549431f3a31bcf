"""`halfdoor log append | show | prove | erase`: what an operator does by hand."""

import io
import json
import sys

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from commands import ORDER, append, home, run
from halfdoor.core.errors import VerificationError
from halfdoor.core.log.cose import verify_receipt

__all__ = ["append", "home", "run"]  # fixtures

PRIVATE = {**ORDER, "private": {"identity": {"name": "Jane Doe"}, "reason": "a court asked"}}


@pytest.fixture
def key(home):
    (file,) = (home / "keys").glob("*.vkey")
    return file


def test_entries_get_their_positions_in_order_and_are_published(home, run, append, tmp_path, key):
    code, out, _ = append()
    assert (code, json.loads(out)) == (0, {"origin": "example.org/log", "positions": [1], "published": True})
    event = tmp_path / "event.json"
    code, out, _ = run("log", "append", "--home", home, event, event)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()[:2]] == ["2", "3"]
    code, out, _ = run("log", "verify", home / "log", "--key", key, "--json")
    assert (code, json.loads(out)["size"]) == (0, 4)


def test_an_event_may_come_on_standard_input(home, run, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(json.dumps(ORDER).encode()))
    monkeypatch.setattr(sys, "stdin", stream)
    assert run("log", "append", "--home", home, "-")[0] == 0


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({**ORDER, "event": "oversight:order:recieve"}, "bad-entry"),
        ({**ORDER, "note": "free text"}, "unknown field `note`"),
        ({key: value for key, value in ORDER.items() if key != "order"}, "missing required field `order`"),
        ({**ORDER, "private": {"shoe-size": 44}}, "bad-entry"),
        ({**ORDER, "private": "Jane"}, "bad-entry"),
        ({**ORDER, "at": "yesterday"}, "bad-entry"),
        ([ORDER], "an event is a JSON object"),
    ],
)
def test_what_is_no_event_is_refused_and_nothing_is_written(document, said, append, run, home):
    code, _, err = append(document)
    assert code == 2
    assert said in err
    assert json.loads(run("log", "show", home, "--json")[1])["size"] == 1


def test_of_several_events_all_or_none_are_written(home, run, tmp_path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(ORDER), encoding="utf-8")
    bad.write_text('{"event": "x", "event": "y"}', encoding="utf-8")
    code, _, err = run("log", "append", "--home", home, good, bad)
    assert code == 2
    assert "bad.json" in err
    assert json.loads(run("log", "show", home, "--json")[1])["size"] == 1


def test_what_is_private_is_in_the_home_and_nowhere_in_the_log(home, run, append, key):
    append(PRIVATE)
    for file in (home / "log").rglob("*"):
        assert file.is_dir() or b"Jane Doe" not in file.read_bytes()
    code, out, _ = run("log", "show", home, 1, "--private", "--json")
    assert code == 0
    openings = {one["name"]: one for one in json.loads(out)["private"]}
    assert openings["identity"]["value"] == {"name": "Jane Doe"}
    assert len(openings["identity"]["salt"]) == 64
    assert run("log", "show", home / "log", 1, "--private")[0] == 2


def test_erased_commitments_stand_for_nothing_and_the_log_stays_whole(home, run, append, key, tmp_path):
    append(PRIVATE)
    run("log", "prove", home, 1, "--out", tmp_path)
    before = (home / "log" / "checkpoint").read_bytes()
    code, out, _ = run("log", "erase", "--home", home, 1, "--cause", "request")
    assert (code, "2 private values" in out) == (0, True)
    assert json.loads(run("log", "show", home, 1, "--private", "--json")[1])["private"] == []
    for file in (home / "halfdoor.db", home / "halfdoor.db-wal"):
        assert not file.exists() or b"Jane Doe" not in file.read_bytes()
    (tmp_path / "before").write_bytes(before)
    assert run("log", "verify", home / "log", "--key", key, "--since", tmp_path / "before")[0] == 0
    proof = ("log", "verify", tmp_path / "entry-1.tlog-proof", "--entry", tmp_path / "entry-1.json")
    assert run(*proof, "--key", key)[0] == 0
    told = json.loads(run("log", "show", home, 2, "--json")[1])["entries"][0]["entry"]
    assert (told["event"], told["entries"], told["cause"]) == ("log:record:erase", [1], "request")
    code, out, _ = run("log", "erase", "--home", home, 1, "--cause", "request")
    assert (code, "0 private values" in out) == (0, True)


@pytest.mark.parametrize("index", [0, 99, -1])
def test_only_entries_that_commit_to_something_can_be_erased(index, home, run, append):
    append(PRIVATE)
    assert run("log", "erase", "--home", home, "--cause", "request", "--", index)[0] == 2


def test_a_proof_is_for_its_entry_and_its_log_alone(home, run, append, key, tmp_path):
    for _ in range(5):
        append()
    code, _, _ = run("log", "prove", home, 3, "--out", tmp_path)
    assert code == 0
    words = ["log", "verify", tmp_path / "entry-3.tlog-proof", "--entry", tmp_path / "entry-3.json"]
    assert run(*words, "--key", key)[0] == 0
    assert run(*words)[0] == 1
    entry = tmp_path / "entry-3.json"
    entry.write_bytes(entry.read_bytes().replace(b"order", b"odrer", 1))
    assert run(*words, "--key", key)[0] == 1


def test_a_receipt_says_the_same_to_those_who_verify_with_cose(home, run, append, tmp_path):
    append()
    run("log", "prove", home, 1, "--out", tmp_path)
    (pem,) = (home / "keys").glob("receipt-*.pub.pem")
    public = load_pem_public_key(pem.read_bytes())
    entry, receipt = ((tmp_path / f"entry-1.{kind}").read_bytes() for kind in ("json", "cbor"))
    found = verify_receipt(receipt, entry, public)
    assert (found.origin, found.size, found.index) == ("example.org/log", 2, 1)
    with pytest.raises(VerificationError):
        verify_receipt(receipt, entry + b" ", public)


def test_from_its_public_files_alone_an_entry_is_proved_without_a_receipt(home, run, append, tmp_path):
    append()
    assert run("log", "prove", home / "log", 1, "--out", tmp_path / "out")[0] == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "entry-1.json",
        "entry-1.tlog-proof",
    ]


@pytest.mark.parametrize("index", [2, -1, 10**30])
def test_an_entry_that_is_not_there_is_bad_input(index, home, run, append):
    append()
    code, _, err = run("log", "show", home, "--", index)
    assert (code, "there is no entry" in err) == (2, True)


def test_show_says_that_nothing_was_verified(home, run, append):
    append()
    code, out, _ = run("log", "show", home)
    assert code == 0
    assert "oversight:order:receive" in out
    assert "Nothing was verified" in out
