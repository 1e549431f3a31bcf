"""Watching logs: growth is followed quietly; forks, rollbacks, gaps and split views are not."""

from __future__ import annotations

import datetime as dt
import shutil

import pytest

from halfdoor.adapters.log_source import FolderSource
from halfdoor.core.errors import InputError
from halfdoor.core.log.trust import Trust
from halfdoor.services.log.audit import Effort
from halfdoor.services.log.head import read_checkpoint
from halfdoor.services.log.memory import Memory
from halfdoor.services.log.watch import Watched, Watcher
from logs import NOW, ORIGIN, entries_of_ours, files_of, foreign_entries, new_key, write_files, write_log

KEY = new_key()
ENTRIES = entries_of_ours(700)


@pytest.fixture
def log(tmp_path):
    write_log(tmp_path / "log", ENTRIES[:300], KEY)
    return tmp_path / "log"


@pytest.fixture
def look(tmp_path):
    """One round over these folders, by a watcher that was just started; the state lies in one folder."""

    def round_(*folders, trust=KEY.trust, now=NOW, **how):
        places = [Watched(FolderSource(folder), Effort()) for folder in folders]
        return Watcher(places, trust, Memory(tmp_path / "state"), **how).round(now)

    return round_


def kinds(reports):
    return [alert.kind for report in reports for alert in report.alerts]


def sizes_in(alert):
    """The sizes of the signed checkpoints that an alert keeps as evidence."""
    found = []
    for path in alert.evidence:
        with open(path, "rb") as stream:  # noqa: PTH123  the paths are text, as they are printed
            note, checkpoint = read_checkpoint(stream.read())
        KEY.verifier.check(note.text, note.signatures[0].signature)
        found.append(checkpoint.size)
    return found


@pytest.mark.parametrize("entries", [ENTRIES, foreign_entries(700)], ids=["ours", "foreign"])
def test_a_log_that_grows_is_followed_and_only_what_is_new_is_read(tmp_path, look, entries):
    log = tmp_path / "log"
    read = []

    class Listening(FolderSource):
        def read(self, path, bytes_max):
            read.append(path)
            return super().read(path, bytes_max)

    before = 0
    for size in (0, 1, 256, 300, 300, 600, 700):
        write_log(log, entries[:size], KEY)
        read.clear()
        places = [Watched(Listening(log), Effort())]
        (report,) = Watcher(places, KEY.trust, Memory(tmp_path / "state")).round(NOW)
        assert (report.alerts, report.size, report.before, report.origin) == ((), size, before, ORIGIN)
        before = size
    assert "tile/0/000" not in read
    assert "tile/0/002.p/188" in read


def test_two_trees_of_one_size_are_a_fork_and_both_are_kept_as_evidence(log, look):
    assert kinds(look(log)) == []
    write_log(log, [*ENTRIES[:299], ENTRIES[600]], KEY)
    for _ in range(2):  # it is said until somebody does something about it
        (report,) = look(log)
        (alert,) = report.alerts
        assert alert.kind == "fork"
        assert sizes_in(alert) == [300, 300]
        assert len(set(alert.evidence)) == 2
    write_log(log, ENTRIES[:400], KEY)
    assert kinds(look(log)) == []


def test_a_log_that_grew_from_another_history_is_a_fork(log, look):
    look(log)
    write_log(log, [*ENTRIES[:100], ENTRIES[600], *ENTRIES[101:500]], KEY)
    (report,) = look(log)
    (alert,) = report.alerts
    assert alert.kind == "fork"
    assert sizes_in(alert) == [300, 500]


def test_a_log_that_shrank_is_a_rollback(log, look):
    look(log)
    write_log(log, ENTRIES[:200], KEY)
    (alert,) = look(log)[0].alerts
    assert alert.kind == "rollback"
    assert sizes_in(alert) == [300, 200]
    write_log(log, ENTRIES[:300], KEY)
    assert kinds(look(log)) == []


def test_a_gap_is_said_until_it_is_mended_and_nothing_is_skipped(log, look):
    look(log)
    write_log(log, ENTRIES[:600], KEY)
    bundle = log / "tile/entries/001"
    kept = bundle.read_bytes()
    bundle.unlink()
    assert kinds(look(log)) == ["gap"]
    bundle.write_bytes(kept[:400] + b"x" + kept[401:])
    (report,) = look(log)
    assert set(kinds([report])) >= {"gap"}
    assert "tile/entries/001" in report.alerts[0].message
    write_log(log, ENTRIES[:650], KEY)  # it goes on growing
    bundle.unlink()
    assert kinds(look(log)) == ["gap"]
    bundle.write_bytes(kept)
    assert kinds(look(log)) == []


def test_entries_that_vanish_altogether_are_a_gap_where_there_were_some(log, look):
    look(log)
    write_log(log, ENTRIES[:600], KEY)
    shutil.rmtree(log / "tile/entries")
    assert kinds(look(log)) == ["gap"]


def test_a_log_without_entries_is_followed_by_its_tiles(log, look):
    shutil.rmtree(log / "tile/entries")
    assert kinds(look(log)) == []
    write_log(log, ENTRIES[:600], KEY)
    shutil.rmtree(log / "tile/entries")
    assert kinds(look(log)) == []


def test_a_damaged_tile_is_a_gap_and_no_fork(log, look):
    look(log)
    write_log(log, ENTRIES[:600], KEY)
    tile = log / "tile/0/001"
    tile.write_bytes(b"x" + tile.read_bytes()[1:])
    (alert,) = look(log)[0].alerts
    assert alert.kind == "gap"
    assert sizes_in(alert) == [300, 600]  # whoever hides a fork behind damage leaves it all the same
    write_log(log, ENTRIES[:600], KEY)
    assert kinds(look(log)) == []


def test_an_entry_that_breaks_the_schema_is_said_once(log, look):
    look(log)
    bad = [*ENTRIES[:300], b'{"schema":"halfdoor/entry/1"}', *ENTRIES[301:400]]
    write_log(log, bad, KEY)
    (report,) = look(log)
    assert kinds([report]) == ["schema"]
    assert "entry 300:" in report.alerts[0].message
    assert kinds(look(log)) == []
    write_log(log, [*bad, *ENTRIES[400:410]], KEY)
    assert kinds(look(log)) == []


def test_a_split_view_between_mirrors_is_found_with_both_checkpoints(tmp_path, log, look):
    mirror = tmp_path / "mirror"
    for size in (200, 300, 350):  # behind, level, ahead: a mirror may be late
        write_log(mirror, ENTRIES[:size], KEY)
        assert kinds(look(log, mirror)) == []
    shutil.rmtree(mirror)
    other = tmp_path / "other"
    for size in (250, 300, 400):
        write_log(other, [*ENTRIES[:99], ENTRIES[600], *ENTRIES[100:size]], KEY)
        reports = look(log, other)
        assert kinds(reports) == ["split-view"]
        (alert,) = [alert for report in reports for alert in report.alerts]
        assert sorted(sizes_in(alert)) == sorted([300, size])
        shutil.rmtree(tmp_path / "state")


def test_mirrors_that_cannot_be_compared_are_said_to_be_so(tmp_path, log, look):
    mirror = tmp_path / "mirror"
    write_log(mirror, ENTRIES[:600], KEY)
    look(log, mirror)
    (mirror / "tile/0/001").unlink()  # of the part that is not read again
    reports = look(log, mirror)
    assert kinds(reports) == ["gap"]
    assert "cannot be told" in reports[0].alerts[0].message


def test_mirrors_that_agree_are_not_compared_again(tmp_path, log):
    mirror = tmp_path / "mirror"
    shutil.copytree(log, mirror)
    write_log(log, ENTRIES[:600], KEY)
    places = [Watched(FolderSource(folder), Effort()) for folder in (log, mirror)]
    watcher = Watcher(places, KEY.trust, Memory(tmp_path / "state"))
    assert kinds(watcher.round(NOW)) == []
    shutil.rmtree(log / "tile")  # nothing new, so nothing is read
    assert kinds(watcher.round(NOW)) == []


def test_a_missing_signature_and_a_missing_key_are_alerts(log, look):
    assert kinds(look(log, trust=Trust())) == ["signature"]
    assert kinds(look(log, trust=new_key().trust)) == ["signature"]
    look(log)
    text = (log / "checkpoint").read_bytes()
    for bad in (text.replace(b"300", b"301"), b"hello", text.split(b"\n\n")[0] + b"\n\n"):
        (log / "checkpoint").write_bytes(bad)
        assert kinds(look(log)) == ["signature"]
    (log / "checkpoint").write_bytes(text)
    assert kinds(look(log)) == []


def test_another_log_in_the_same_place_is_said(log, look):
    look(log)
    other = new_key("other.example.org")
    write_files(log, files_of(ENTRIES[:300], other, "other.example.org"))
    assert kinds(look(log, trust=Trust((KEY.verifier, other.verifier)))) == ["other-log"]


def test_a_log_that_says_nothing_new_for_long_is_stale(log, look):
    look(log)
    later = NOW + dt.timedelta(hours=2)
    assert kinds(look(log, now=later, stale_seconds=7200)) == []
    assert kinds(look(log, now=later, stale_seconds=7199)) == ["stale"]
    assert kinds(look(log, now=later)) == []
    write_log(log, ENTRIES[:301], KEY)
    assert kinds(look(log, now=later, stale_seconds=60)) == []


def test_a_place_out_of_reach_is_an_alert_only_after_several_rounds(log, look):
    look(log)
    checkpoint = log / "checkpoint"
    checkpoint.rename(log / "away")
    for expected in ([], [], ["unreachable"], ["unreachable"]):
        (report,) = look(log)
        assert not report.reached
        assert kinds([report]) == expected
        assert report.before == 300
    (log / "away").rename(checkpoint)
    assert kinds(look(log)) == []
    checkpoint.rename(log / "away")
    assert kinds(look(log)) == []


def test_what_was_seen_is_never_forgotten_by_itself(tmp_path, log, look):
    look(log)
    (state,) = (tmp_path / "state").glob("*.json")
    state.write_text("{")
    with pytest.raises(InputError) as refused:
        look(log)
    assert refused.value.code == "bad-state"
    assert str(state) == refused.value.where


def test_two_watchers_do_not_share_a_state(tmp_path):
    one, other = Memory(tmp_path), Memory(tmp_path)
    with one.locked(), pytest.raises(InputError, match="another watch"), other.locked():
        pass
    with other.locked():
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError) as refused:
        Memory(tmp_path / "file")
    assert refused.value.code == "cannot-write"
