"""A backup is whole or not at all; a home that is put back is consistent, and its log never forks."""

import io
import json
import shutil
import stat
import tarfile
import threading

import msgspec
import pytest
from sqlalchemy import insert

from filled import WEIGHTS, WEIGHTS_DIGEST, fill
from halfdoor.bootstrap import doctor
from halfdoor.bootstrap.backing_up import age_of, make_backup
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.log import writing
from halfdoor.bootstrap.working import working
from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.events.access import OrganisationAdded
from halfdoor.services.backup import restore
from halfdoor.services.backup_form import LIST, members_of
from halfdoor.services.home import Home, read_home, write_settings
from halfdoor.store.tables.people import organisation
from homes import Outside, noted, stored


def add(home):
    with working(home) as commits, commits.change() as one:
        made = one.new_id("org")
        entry = one.tell(OrganisationAdded, organisation=made)
        row = {"id": made, "name": made, "added_ms": one.now_ms, "entry": entry}
        one.connection.execute(insert(organisation).values(row))


def backed_up(home, to, **how):
    options = {"keys": True, "files": True, "advance": lambda _: None} | how
    return make_backup(home, to, **options)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def leftovers(folder):
    return [one.name for one in folder.iterdir() if one.name.startswith(".")]


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_a_home_that_is_put_back_is_the_same_and_goes_on(sqlite_home, tmp_path, name):
    fill(sqlite_home)
    made = backed_up(sqlite_home, tmp_path / name)
    new, listing = restore(tmp_path / name, tmp_path / "new")
    assert listing == made
    assert read_home(tmp_path / "new") == new
    assert stored(new)[0] == stored(sqlite_home)[0]
    assert b"".join(blobs_of(new).open(WEIGHTS_DIGEST, 0, len(WEIGHTS))) == WEIGHTS
    assert doctor.examine(new, deep=True) == []
    assert age_of(new)[0] == "newest"
    outside = Outside(new)
    before = outside.look().size
    add(new)
    assert outside.look().size == before + 1
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_backups_and_what_is_put_back_are_for_their_owner_alone(sqlite_home, tmp_path, name):
    fill(sqlite_home)
    backed_up(sqlite_home, tmp_path / name)
    assert mode(tmp_path / name) == (0o600 if name.endswith("tar") else 0o700)
    new, _ = restore(tmp_path / name, tmp_path / "new")
    assert mode(new.folder) == mode(sqlite_home.folder)
    for one in ("keys", "log", "blobs", "halfdoor.db", "home.toml", "log/checkpoint"):
        assert mode(new.folder / one) == mode(sqlite_home.folder / one), one
    assert {mode(one) for one in (new.folder / "keys").glob("*-????????.pem")} == {0o600}
    assert {mode(one) for one in (new.folder / "blobs").glob("*/*")} == {0o444}


def test_an_old_copy_does_not_fork_the_log_and_the_doctor_says_why(sqlite_home, tmp_path):
    fill(sqlite_home)
    backed_up(sqlite_home, tmp_path / "copy.tar")
    add(sqlite_home)
    newest = noted(sqlite_home)
    new, _ = restore(tmp_path / "copy.tar", tmp_path / "new")
    assert noted(new) == newest, "the second store was not put back"
    assert age_of(new)[0] == "older"
    with pytest.raises(VerificationError) as refused, writing(new):
        pass
    assert refused.value.code == "data-older"
    told = [one for one in doctor.examine(new) if one.code == "log"]
    assert any("has a checkpoint of" in one.message and "fork" in one.remedy for one in told)
    with pytest.raises(VerificationError), working(new) as commits:
        add_to(commits)
    add(sqlite_home)


def add_to(commits):
    with commits.change() as one:
        one.tell(OrganisationAdded, organisation=one.new_id("org"))


def test_a_second_store_that_is_lost_is_not_made_up(sqlite_home, tmp_path):
    fill(sqlite_home)
    backed_up(sqlite_home, tmp_path / "copy")
    shutil.rmtree(sqlite_home.folder)
    for one in tmp_path.glob("home-latest.db*"):
        one.unlink()
    new, _ = restore(tmp_path / "copy", tmp_path / "new")
    assert age_of(new)[0] == "unknown"
    with pytest.raises(VerificationError) as refused, writing(new):
        pass
    assert refused.value.code == "second-store-empty"


def test_a_backup_that_is_made_while_others_write_is_one_moment(sqlite_home, tmp_path):
    fill(sqlite_home)
    stop = threading.Event()

    def write_on():
        with working(sqlite_home, settling=None) as commits:
            while not stop.is_set():
                add_organisation(commits)

    def add_organisation(commits):
        with commits.change() as one:
            made = one.new_id("org")
            entry = one.tell(OrganisationAdded, organisation=made)
            row = {"id": made, "name": made, "added_ms": one.now_ms, "entry": entry}
            one.connection.execute(insert(organisation).values(row))

    with writing(sqlite_home):
        thread = threading.Thread(target=write_on)
        thread.start()
        try:
            for number in range(3):
                backed_up(sqlite_home, tmp_path / f"copy-{number}")
        finally:
            stop.set()
            thread.join()
    for number in range(3):
        new, _ = restore(tmp_path / f"copy-{number}", tmp_path / f"new-{number}")
        faults = [one.message for one in doctor.examine(new) if one.severity != "note"]
        assert all("has a checkpoint of" in one and "second store" in one for one in faults), faults


def test_files_and_keys_can_be_left_out(sqlite_home, tmp_path):
    fill(sqlite_home)
    made = backed_up(sqlite_home, tmp_path / "copy", keys=False, files=False)
    assert (made.keys, made.blobs) == (False, "left-out")
    names = {name for name, _ in members_of(tmp_path / "copy")}
    assert not any(name.startswith("blobs/") for name in names)
    assert {name for name in names if name.startswith("keys/")} == {
        f"keys/{one.name}"
        for one in (sqlite_home.folder / "keys").iterdir()
        if one.suffix != ".pem" or ".pub" in one.name
    }
    new, _ = restore(tmp_path / "copy", tmp_path / "new")
    assert {one.code for one in doctor.examine(new)} == {"unreadable", "blob-missing"}


def test_files_of_models_are_linked_where_that_can_be(sqlite_home, tmp_path):
    fill(sqlite_home)
    backed_up(sqlite_home, tmp_path / "copy")
    (kept,) = (tmp_path / "copy" / "blobs").glob("*/*")
    assert kept.stat().st_nlink == 2
    new, _ = restore(tmp_path / "copy", tmp_path / "new")
    (own,) = (new.folder / "blobs").glob("*/*")
    assert own.stat().st_nlink == 1


def test_places_outside_the_home_come_into_the_new_one(sqlite_home, tmp_path):
    fill(sqlite_home)
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    for one in ("halfdoor.db", "log", "blobs"):
        shutil.move(sqlite_home.folder / one, outside / one)
    changed = msgspec.structs.replace(
        sqlite_home.settings,
        database=f"sqlite:///{outside}/halfdoor.db",
        public=f"{outside}/log",
        blobs=f"{outside}/blobs",
    )
    write_settings(home := Home(sqlite_home.folder, changed))
    assert doctor.examine(home) == []
    backed_up(home, tmp_path / "copy.tar")
    new, _ = restore(tmp_path / "copy.tar", tmp_path / "new")
    shutil.rmtree(outside)
    assert doctor.examine(new, deep=True) == []


def test_a_database_of_its_own_is_left_to_its_own_tools(home, tmp_path):
    if home.settings.database.startswith("sqlite"):
        pytest.skip("that one is copied")
    fill(home)
    made = backed_up(home, tmp_path / "copy")
    assert made.database == "elsewhere"
    names = {name for name, _ in members_of(tmp_path / "copy")}
    assert not any(name.startswith("log/") or name == "halfdoor.db" for name in names)
    new, _ = restore(tmp_path / "copy", tmp_path / "new")
    assert new.settings.database == home.settings.database
    add(new)
    assert Outside(new).look().size == stored(new)[1].frontier.size, "the public log was made anew"


def test_nothing_is_written_over(sqlite_home, tmp_path):
    backed_up(sqlite_home, tmp_path / "copy")
    with pytest.raises(InputError) as refused:
        backed_up(sqlite_home, tmp_path / "copy")
    assert refused.value.code == "exists"
    with pytest.raises(InputError) as refused:
        restore(tmp_path / "copy", sqlite_home.folder)
    assert refused.value.code == "not-empty"
    (tmp_path / "empty").mkdir()
    restore(tmp_path / "copy", tmp_path / "empty")


def test_a_backup_that_fails_leaves_nothing(sqlite_home, tmp_path):
    fill(sqlite_home)
    (sqlite_home.folder / "halfdoor.db").write_bytes(b"this is no database" * 1000)
    for name in ("copy", "copy.tar"):
        with pytest.raises(Exception, match="database"):
            backed_up(sqlite_home, tmp_path / name)
        assert not (tmp_path / name).exists()
    assert leftovers(tmp_path) == []


DAMAGE = {
    "a changed file": lambda copy: (copy / "home.toml").write_bytes(
        (copy / "home.toml").read_bytes() + b"\n"
    ),
    "a missing file": lambda copy: (copy / "log" / "checkpoint").unlink(),
    "a file too many": lambda copy: (copy / "keys" / "more.pem").write_bytes(b"x"),
    "a file of another name": lambda copy: (copy / "more").write_bytes(b"x"),
    "no list": lambda copy: (copy / LIST).unlink(),
    "a list that is none": lambda copy: (copy / LIST).write_bytes(b"{}"),
    "a link": lambda copy: (copy / "keys" / "more.pem").symlink_to("/etc/passwd"),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_backup_that_is_not_what_was_written_is_refused(sqlite_home, tmp_path, damage):
    fill(sqlite_home)
    backed_up(sqlite_home, tmp_path / "copy")
    damage(tmp_path / "copy")
    with pytest.raises(InputError) as refused:
        restore(tmp_path / "copy", tmp_path / "new")
    assert refused.value.code == "bad-backup"
    assert not (tmp_path / "new").exists()
    assert leftovers(tmp_path) == []


def hostile(name, **fields):
    info = tarfile.TarInfo(name)
    for field, value in fields.items():
        setattr(info, field, value)
    return info


HOSTILE = [
    hostile("../escape"),
    hostile("/etc/escape"),
    hostile("log/../../escape"),
    hostile("log/./x"),
    hostile("log//x"),
    hostile("log/"),
    hostile("other/x"),
    hostile("keys/link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    hostile("keys/link", type=tarfile.LNKTYPE, linkname="home.toml"),
    hostile("keys/device", type=tarfile.CHRTYPE),
    hostile("keys/pipe", type=tarfile.FIFOTYPE),
    hostile("keys", type=tarfile.DIRTYPE),
    hostile("keys/x\n"),
    hostile("home.toml"),
]


@pytest.mark.parametrize("info", HOSTILE, ids=lambda info: f"{info.name!r}-{info.type!r}")
def test_a_tar_file_cannot_write_elsewhere(sqlite_home, tmp_path, info):
    backed_up(sqlite_home, tmp_path / "copy.tar")
    with tarfile.open(tmp_path / "copy.tar", "a:") as tar:
        tar.addfile(info, io.BytesIO())
    with pytest.raises(InputError) as refused:
        restore(tmp_path / "copy.tar", tmp_path / "deep" / "new")
    assert refused.value.code == "bad-backup"
    assert list((tmp_path / "deep").iterdir()) == []
    assert not (tmp_path / "escape").exists()


@pytest.mark.parametrize("data", [b"", b"nothing of the kind" * 100])
def test_what_is_no_tar_file_is_refused(tmp_path, data):
    (tmp_path / "copy.tar").write_bytes(data)
    with pytest.raises(InputError) as refused:
        restore(tmp_path / "copy.tar", tmp_path / "new")
    assert refused.value.code == "bad-backup"


def test_a_tar_file_that_was_cut_off_is_refused(sqlite_home, tmp_path):
    fill(sqlite_home)
    backed_up(sqlite_home, tmp_path / "copy.tar")
    data = (tmp_path / "copy.tar").read_bytes()
    for end in (len(data) // 2, len(data) // 3 + 77, 512):
        (tmp_path / "cut.tar").write_bytes(data[:end])
        with pytest.raises(InputError) as refused:
            restore(tmp_path / "cut.tar", tmp_path / "new")
        assert refused.value.code == "bad-backup"
        assert not (tmp_path / "new").exists()


def test_a_backup_says_what_it_is_in_plain_json(sqlite_home, tmp_path):
    fill(sqlite_home)
    backed_up(sqlite_home, tmp_path / "copy")
    listed = json.loads((tmp_path / "copy" / LIST).read_text())
    assert listed["schema"] == "halfdoor/backup/1"
    assert listed["origin"] == sqlite_home.settings.origin
    assert {
        "name": f"blobs/{WEIGHTS_DIGEST[7:9]}/{WEIGHTS_DIGEST[9:]}",
        "bytes": len(WEIGHTS),
        "digest": WEIGHTS_DIGEST,
    } in listed["members"]
