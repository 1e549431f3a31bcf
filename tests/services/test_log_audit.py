"""Auditing a log: every wrong byte is found, and the file that it is in."""

from __future__ import annotations

from collections import Counter

import pytest

import logs
from halfdoor.adapters.log_source import FolderSource
from halfdoor.core.log.checkpoint import Checkpoint
from halfdoor.services.log.audit import Effort
from halfdoor.services.log.head import Asked
from halfdoor.services.log.verify import verify_log
from logs import (
    NOW,
    ORIGIN,
    MemorySource,
    codes,
    entries_of_ours,
    files_of,
    flipped,
    foreign_entries,
    new_key,
    places,
    write_files,
)

KEY = new_key()


def verified(files, trust=KEY.trust, **asked):
    return logs.verified(files, trust, **asked)


@pytest.mark.parametrize(
    "entries",
    [entries_of_ours(4), [b"%d" % (number % 10) for number in range(257)]],
    ids=["ours", "two tiles"],
)
def test_a_flipped_bit_in_any_byte_is_found_in_the_file_that_it_is_in(entries):
    files = files_of(entries, KEY)
    tried = Counter()
    for path, data in files.items():
        for at in range(len(data)):
            found = verified({**files, path: flipped(data, at)})
            assert not found.verified, (path, at)
            if path != "checkpoint":
                assert path in places(found), (path, at, found.faults)
            tried[path] += 1
    assert tried == {path: len(data) for path, data in files.items()}


@pytest.mark.parametrize("size", [1, 257, 600])
def test_a_missing_a_shorter_and_a_longer_file_are_found(size):
    files = files_of(entries_of_ours(size), KEY)
    for path, data in files.items():
        if path == "checkpoint":
            continue
        without = verified({one: data for one, data in files.items() if one != path})
        alone = size == 1 and "entries" in path  # then the log serves no entries at all
        assert without.verified is alone
        assert alone or (codes(without) == {"missing"} and places(without) == {path})
        for changed in (data[:-1], data + b"\0", b""):
            found = verified({**files, path: changed})
            assert not found.verified
            assert places(found) == {path}
            assert codes(found) == {"malformed"}


def test_a_wrong_hash_high_in_the_tree_is_one_fault_and_not_one_for_everything_below_it():
    files = files_of(foreign_entries(66_000), KEY)
    for path in ("tile/1/000", "tile/2/000.p/1", "tile/0/007", "tile/1/001.p/1"):
        found = verified({**files, path: flipped(files[path], 20)})
        assert [(fault.code, fault.where) for fault in found.faults] == [("wrong-tile", path)]


def test_entries_and_tile_that_agree_on_another_history_are_both_wrong():
    entries = foreign_entries(600)
    files, other = files_of(entries, KEY), files_of([*entries[:300], b"forged", *entries[301:]], KEY)
    for forged in (["tile/0/001"], ["tile/entries/001"], ["tile/0/001", "tile/entries/001"]):
        found = verified({**files, **{path: other[path] for path in forged}})
        assert not found.verified
        assert places(found) <= set(forged)
    swapped = {path: data for path, data in other.items() if path != "checkpoint"}
    assert codes(verified({**files, **swapped})) == {"wrong-root"}


def test_two_wrong_files_that_belong_together_are_both_found():
    files = files_of(foreign_entries(66_000), KEY)
    for pair in (
        ("tile/0/007", "tile/entries/007"),
        ("tile/0/257.p/208", "tile/entries/257.p/208"),
        ("tile/1/001.p/1", "tile/0/256"),
        ("tile/1/000", "tile/0/007"),
        ("tile/2/000.p/1", "tile/1/000"),
    ):
        found = verified({**files, **{path: flipped(files[path], 9) for path in pair}})
        assert not found.verified
        assert places(found) & set(pair)
        assert places(found) <= {*pair, "checkpoint"}


def test_many_wrong_entries_of_a_bundle_are_counted():
    files = files_of(foreign_entries(300), KEY)
    bundle = files["tile/entries/000"].replace(b"entry", b"entri")
    found = verified({**files, "tile/entries/000": bundle})
    assert len(found.faults) == 17
    assert "240 further" in found.faults[-1].message


def test_a_wrong_entry_is_named():
    entries = foreign_entries(300)
    files = files_of(entries, KEY)
    bundle = files["tile/entries/000"]
    at = bundle.index(b"entry 77") + 7
    (fault,) = verified({**files, "tile/entries/000": flipped(bundle, at)}).faults
    assert fault.code == "wrong-entry"
    assert "entry 77 " in fault.message


def test_a_log_of_an_impossible_size_is_given_up():
    text = Checkpoint(ORIGIN, 2**63 - 1, b"r" * 32).text()
    source = MemorySource({"checkpoint": KEY.sign(text).encode()})
    for effort in (Effort(), Effort(reads=8)):
        found = verify_log(source, Asked(KEY.trust), now=NOW, effort=effort)
        assert not found.verified
        assert found.faults_count >= 1000
        assert len(found.faults) <= 100


def test_several_processes_find_the_same_as_one(tmp_path):
    size = 3 * 65_536 + 70_000
    files = files_of([b"%d" % number for number in range(size)], KEY)
    for path in ("tile/0/700", "tile/entries/900", "tile/1/001", "tile/1/004.p/17"):
        files[path] = flipped(files[path], 33)
    del files["tile/entries/x001/001"]
    write_files(tmp_path, files)
    source, asked = FolderSource(tmp_path), Asked(KEY.trust)
    done = []
    alone = verify_log(source, asked, now=NOW, progress=done.append)
    assert sum(done) == alone.entries.count
    together = verify_log(source, asked, now=NOW, effort=Effort(processes=2))
    assert places(alone) == {
        "tile/0/700", "tile/entries/900", "tile/1/001", "tile/1/004.p/17", "tile/entries/x001/001"
    }  # fmt: skip
    assert set(together.faults) == set(alone.faults)
    assert (together.entries, together.tiles) == (alone.entries, alone.tiles)
