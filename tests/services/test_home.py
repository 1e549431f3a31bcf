"""A home is made whole or not at all, wherever it lies, and is never mistaken for another."""

import errno
import shutil
import stat

import msgspec
import pytest

from halfdoor.bootstrap import log as bootstrap
from halfdoor.core.errors import HalfdoorError, InputError
from halfdoor.services import home as homes_of
from halfdoor.services.home import (
    Home,
    prepare_home,
    read_home,
    with_new_keys,
    without_old_key,
    write_settings,
)
from homes import ORIGIN, Databases, Outside, append, new_home, open_files, stored

FOLDERS = ["a b", "ü", "a%20b", "a#b", "a?b", "a?mode=ro", "a@b", ":x", "a:b@c", "a'b", 'a"b', "a\\b"]


def prepared(folder, **changes):
    arguments = {"database": None, "latest": None, "secret": None} | changes
    return prepare_home(folder, arguments.pop("origin", ORIGIN), **arguments)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_home_may_have_any_name(tmp_path, name):
    (tmp_path / name).mkdir()
    made = new_home(tmp_path / name / "home")
    append(made, 2)
    assert read_home(made.folder) == made
    assert Outside(made).look().size == 2
    assert {one.name for one in tmp_path.iterdir()} == {name}
    assert {one.name for one in (tmp_path / name).iterdir()} == {"home", "home-latest.db"}
    assert {one.name for one in made.folder.iterdir()} == {"blobs", "halfdoor.db", "home.toml", "keys", "log"}
    assert open_files(tmp_path) == []


def test_databases_that_hold_private_values_are_for_their_owner_alone(sqlite_home):
    with bootstrap.stores(sqlite_home) as (store, _):
        store.take_lease("x", 0, 1)
        files = list(sqlite_home.folder.glob("halfdoor.db*"))
        assert len(files) == 3  # with its journal
        assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}


ORIGINS = [
    "",
    " ",
    "a b",
    "a+b",
    "a\nb",
    "a\tb",
    "a\u2028b",
    "a\u00a0b",
    "a\0b",
    "https://a",
    "a" * 201,
    "ü" * 101,
]


@pytest.mark.parametrize("origin", ORIGINS)
def test_what_cannot_name_a_log_makes_nothing(tmp_path, origin):
    with pytest.raises(InputError) as refused:
        prepared(tmp_path / "home", origin=origin)
    assert refused.value.code == "bad-origin"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["file/home", "file"])
def test_a_home_that_cannot_be_made_says_why(tmp_path, place):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((InputError, NotADirectoryError)) as refused:
        prepared(tmp_path / place)
    assert isinstance(refused.value, InputError)
    assert refused.value.code in {"cannot-write", "not-empty"}


@pytest.mark.parametrize("nth", range(1, 5))
def test_a_disk_that_fills_while_a_home_is_made_is_told(tmp_path, monkeypatch, nth):
    write, calls = homes_of.write_atomically, []

    def failing(path, data, **how):
        calls.append(path)
        if len(calls) == nth:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data, **how)

    monkeypatch.setattr(homes_of, "write_atomically", failing)
    with pytest.raises(InputError) as refused:
        prepared(tmp_path / "home")
    assert refused.value.code == "cannot-write"
    assert "No space left" in refused.value.message
    with pytest.raises(InputError) as refused:
        read_home(tmp_path / "home")  # a home is there once its settings are
    assert refused.value.code == "no-home"


@pytest.mark.parametrize(
    ("database", "latest"),
    [
        ("sqlite:///x.db", "sqlite:///x.db"),
        ("sqlite:///x.db", "sqlite:///{home}/x.db"),
        ("sqlite:///x.db", "sqlite:///{home}/keys/../x.db"),
        ("sqlite:///{home}/link.db", "sqlite:///x.db"),
        ("postgresql://user@host/name", "postgresql://user@host/name"),
    ],
)
def test_a_second_store_in_the_same_database_is_none(tmp_path, database, latest):
    made = prepared(tmp_path / "home")
    (made.folder / "link.db").symlink_to(made.folder / "x.db")
    changed = msgspec.structs.replace(
        made.settings, database=database.format(home=made.folder), latest=latest.format(home=made.folder)
    )
    write_settings(Home(made.folder, changed))
    with pytest.raises(InputError) as refused:
        read_home(made.folder)
    assert refused.value.code == "same-database"


def test_a_new_home_does_not_take_the_second_store_of_another(tmp_path):
    made = new_home(tmp_path / "home")
    append(made, 1)
    shutil.rmtree(made.folder)
    with pytest.raises(InputError) as refused:
        prepared(tmp_path / "home")
    assert refused.value.code == "not-empty"
    with pytest.raises(InputError) as refused:
        new_home(tmp_path / "other", Databases(None, made.settings.latest))
    assert refused.value.code == "origin-taken"
    assert open_files(tmp_path) == []


def test_a_database_that_holds_a_log_takes_no_other(tmp_path, home):
    append(home, 3)
    before = stored(home)
    other = prepared(
        tmp_path / "other", origin="example.org/other", database=home.url(home.settings.database)
    )
    with pytest.raises(InputError) as refused:
        bootstrap.begin_log(other)
    assert refused.value.code == "not-empty"
    assert stored(home) == before
    append(home, 1)


def test_a_home_does_not_write_the_log_of_another(tmp_path, home):
    append(home, 3)
    other = prepared(
        tmp_path / "other", database=home.url(home.settings.database), latest=home.settings.latest
    )
    with pytest.raises(HalfdoorError) as refused, bootstrap.writing(other):
        pass
    assert refused.value.code == "log-damaged"
    append(home, 1)


def test_settings_keep_what_somebody_wrote_beside_them(tmp_path):
    made = prepared(tmp_path / "home")
    file = made.folder / "home.toml"
    file.write_text(file.read_text() + "\n# ask Ada before you change this\n")
    text = file.read_text().replace("origin", "# for ever\norigin", 1)
    file.write_text(text)
    changed = with_new_keys(made, None)
    assert "# for ever" in file.read_text()
    assert read_home(made.folder) == changed
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_keys_take_over_one_after_the_other(home):
    append(home, 2, "a")
    both = with_new_keys(home, None)
    assert [key.public for key in both.settings.note_key[1:]] == [home.settings.note_key[0].public]
    assert both.settings.receipt_key != home.settings.receipt_key
    with pytest.raises(InputError) as refused:
        with_new_keys(both, None)
    assert refused.value.code == "rotating"
    append(both, 1, "b")
    new = without_old_key(both)
    append(new, 1, "c")
    assert Outside(new).look().size == 4
    assert stored(new)[1].frontier.size == 4


def test_a_key_that_never_signed_is_not_trusted_with_the_log(home):
    append(home, 2)
    new = without_old_key(with_new_keys(home, None))
    with pytest.raises(HalfdoorError) as refused:
        append(new, 1)
    assert refused.value.code == "log-damaged"
    append(home, 1)
