"""A log is only written on where all that is known of it fits together, and is the newest."""

import random
import shutil
import threading
import time

import msgspec
import pytest
from sqlalchemy import text

from halfdoor.bootstrap import log as bootstrap
from halfdoor.core.errors import HalfdoorError
from halfdoor.services.home import read_home
from halfdoor.services.log import start as log_start
from halfdoor.store.log import LeaseHeld
from homes import LIMITS, ORIGIN, WAIT, Outside, append, entry, noted, stopping, stored, unpublish, writing


def refusal(home):
    """Why the home's log is not written on; what is published stays as it is."""
    outside = Outside(home)
    before = outside.look()
    with pytest.raises(HalfdoorError) as refused, writing(home):
        pass
    assert outside.look() == before
    return refused.value.code


def latest_file(home):
    return home.folder.parent / "home-latest.db"


def copied(home, folder):
    """Everything of a home, as `cp -r` copies it; the second store stays where it is."""
    shutil.copytree(home.folder, folder)
    return read_home(folder)


def test_a_log_goes_on_where_it_ended(home):
    assert append(home, 3, "a") == [0, 1, 2]
    assert append(home, 300, "b") == list(range(3, 303))
    assert append(home, 1, "c") == [303]
    assert Outside(home).look().size == 304


def test_an_empty_log_starts_again_and_again(home):
    for _ in range(2):
        with writing(home):
            pass
    assert append(home, 1) == [0]


def test_an_old_copy_of_the_database_is_refused(sqlite_home, tmp_path):
    database = sqlite_home.folder / "halfdoor.db"
    append(sqlite_home, 3, "a")
    shutil.copy(database, tmp_path / "old.db")
    append(sqlite_home, 1, "b")
    shutil.copy(database, tmp_path / "new.db")
    shutil.copy(tmp_path / "old.db", database)
    assert refusal(sqlite_home) == "data-older"
    assert refusal(sqlite_home) == "data-older"
    shutil.copy(tmp_path / "new.db", database)
    assert append(sqlite_home, 1, "c") == [4]  # at once: the lease was given up


def test_an_old_copy_is_refused_where_only_the_published_files_are_newer(sqlite_home, tmp_path):
    append(sqlite_home, 3, "a")
    shutil.copytree(sqlite_home.folder, tmp_path / "old")
    shutil.copy(latest_file(sqlite_home), tmp_path / "old-latest.db")
    append(sqlite_home, 1, "b")
    shutil.copy(tmp_path / "old" / "halfdoor.db", sqlite_home.folder / "halfdoor.db")
    shutil.copy(tmp_path / "old-latest.db", latest_file(sqlite_home))
    assert refusal(sqlite_home) == "data-older"
    latest_file(sqlite_home).unlink()
    assert bootstrap.adopt(sqlite_home) == 3  # the second store was lost too, and begun with the old copy
    assert refusal(sqlite_home) == "data-older"


def test_a_lost_second_store_is_not_made_anew_by_itself(sqlite_home):
    append(sqlite_home, 3)
    latest_file(sqlite_home).unlink()
    assert refusal(sqlite_home) == "second-store-empty"
    assert refusal(sqlite_home) == "second-store-empty"
    assert bootstrap.adopt(sqlite_home) == 3
    assert append(sqlite_home, 1) == [3]


def test_the_second_store_of_another_log_says_nothing(home):
    append(home, 1)
    with bootstrap.stores(home) as (_, latest), latest.engine.begin() as connection:
        connection.execute(text("UPDATE latest_checkpoint SET origin = 'another'"))
    assert refusal(home) == "second-store-empty"


def forked(home, folder, count):
    """The same log, with other entries, as it goes on from a copy of everything; its files."""
    other = copied(home, folder / "home")
    settings = msgspec.structs.replace(other.settings, latest=f"sqlite:///{folder}/latest.db")
    shutil.copy(latest_file(home), folder / "latest.db")
    other = msgspec.structs.replace(other, settings=settings)
    append(other, count, "fork")
    return folder


@pytest.mark.parametrize(("forks", "code"), [(1, "forked"), (2, "forked"), (3, "data-older")])
def test_a_published_fork_is_noticed(sqlite_home, tmp_path, forks, code):
    append(sqlite_home, 3, "a")
    (tmp_path / "fork").mkdir()
    other = forked(sqlite_home, tmp_path / "fork", forks)
    append(sqlite_home, 2, "b")
    shutil.copy(other / "home" / "log" / "checkpoint", sqlite_home.folder / "log" / "checkpoint")
    with pytest.raises(HalfdoorError) as refused, writing(sqlite_home):
        pass
    assert refused.value.code == code


@pytest.mark.parametrize(("forks", "code"), [(1, "forked"), (2, "forked"), (3, "data-older")])
def test_a_fork_in_the_second_store_is_noticed(sqlite_home, tmp_path, forks, code):
    append(sqlite_home, 3, "a")
    (tmp_path / "fork").mkdir()
    other = forked(sqlite_home, tmp_path / "fork", forks)
    append(sqlite_home, 2, "b")
    shutil.copy(other / "latest.db", latest_file(sqlite_home))
    assert refusal(sqlite_home) == code


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_copies_of_a_home_one_goes_on(sqlite_home, tmp_path, first):
    append(sqlite_home, 3, "a")
    both = [sqlite_home, copied(sqlite_home, tmp_path / "copy")]
    one, other = both[first], both[1 - first]
    assert append(one, 2, "b") == [3, 4]
    assert refusal(other) == "data-older"
    assert append(one, 1, "c") == [5]


def test_of_two_copies_of_a_home_that_are_both_open_one_goes_on(sqlite_home, tmp_path, wiring):
    append(sqlite_home, 3, "a")
    other = copied(sqlite_home, tmp_path / "copy")
    outside = Outside(other)
    outside.look()
    with writing(sqlite_home) as one:
        with stopping(other) as second:
            assert one.submit([entry("b")]).result(WAIT) == 3
            assert second.submit([entry("c")]).exception(WAIT).code == "forked"
        assert second.failure.code == "forked"
        assert one.submit([entry("d")]).result(WAIT) == 4
    assert outside.look().size == 3  # the fork was never published
    wiring.clock.ahead_seconds += LIMITS.lease_seconds
    assert refusal(other) == "data-older"
    append(sqlite_home, 1)


def flip(place, at, bit=0):
    data = bytearray(place.read_bytes())
    data[at] ^= 1 << bit
    place.write_bytes(data)


def sampled(place, count, seed=0):
    size = place.stat().st_size
    return sorted(random.Random(seed).sample(range(size), min(count, size)))


def tried(home):
    """Start and write on; the code of what refuses that, or "went on". What is published is never wrong."""
    outside = Outside(home)
    try:
        with writing(home) as writer:
            writer.submit([entry("afterwards")]).result(WAIT)
    except HalfdoorError as error:
        return error.code
    finally:
        seen = outside.look()
    assert seen.entries[-1] == entry("afterwards").entry
    return "went on"


@pytest.mark.parametrize("which", ["database", "second store"])
def test_a_bit_that_flips_in_a_database_is_found_or_does_no_harm(sqlite_home, tmp_path, which):
    append(sqlite_home, 30, "a")
    place = sqlite_home.folder / "halfdoor.db" if which == "database" else latest_file(sqlite_home)
    outcomes = set()
    for number, at in enumerate(sampled(place, 40)):
        there = tmp_path / f"{number}"
        shutil.copytree(sqlite_home.folder, there / "home")
        shutil.copy(latest_file(sqlite_home), there / "home-latest.db")
        home = read_home(there / "home")
        settings = msgspec.structs.replace(home.settings, latest=f"sqlite:///{there}/home-latest.db")
        home = msgspec.structs.replace(home, settings=settings)
        flip(there / place.relative_to(tmp_path), at, number % 8)
        outcomes.add(tried(home))
        shutil.rmtree(there)
    assert "went on" in outcomes  # most bytes of the files of a database are not used
    assert len(outcomes) > 1


def change(home, statement, **values):
    """Change what the database holds, as no trigger allows."""
    with bootstrap.stores(home) as (store, _), store.engine.begin() as connection:
        if store.engine.dialect.name == "sqlite":
            query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            triggers = connection.execute(text(query)).all()
            for name, _ in triggers:
                connection.execute(text(f"DROP TRIGGER {name}"))
            connection.execute(text(statement), values)
            for _, sql in triggers:
                connection.exec_driver_sql(sql)
        else:
            for table in ("log_leaf", "log_head"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
            connection.execute(text(statement), values)
            for table in ("log_leaf", "log_head"):
                connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))


HEADS = [
    ("UPDATE log_head SET size = size - 1", {}),
    ("UPDATE log_head SET size = size + 2", {}),
    ("UPDATE log_head SET origin = 'another'", {}),
    ("UPDATE log_head SET peaks = :to", {"to": bytes(64)}),
    ("UPDATE log_head SET checkpoint = :to", {"to": b"no note"}),
    ("UPDATE log_head SET checkpoint = :to", {"to": b""}),
    ("DELETE FROM log_head", {}),
]


@pytest.mark.parametrize(("statement", "values"), HEADS)
def test_a_changed_head_is_found(home, statement, values):
    append(home, 3)
    change(home, statement, **values)
    assert refusal(home) in {"log-damaged", "second-store-empty"}


def test_an_old_head_over_newer_leaves_is_found(home):
    append(home, 3, "a")
    _, head = stored(home)
    append(home, 1, "b")
    peaks = b"".join(head.frontier.peaks)
    change(
        home,
        "UPDATE log_head SET size = 3, peaks = :peaks, checkpoint = :checkpoint",
        peaks=peaks,
        checkpoint=head.checkpoint,
    )
    assert refusal(home) == "data-older"


@pytest.mark.parametrize("count", [10, 300])
def test_a_changed_entry_that_is_not_published_is_found(home, count):
    append(home, count)
    unpublish(home)
    change(home, "UPDATE log_leaf SET entry = :to WHERE position = 7", to=b"another")
    assert refusal(home) == "log-damaged"


def test_a_missing_entry_is_found(home):
    append(home, 10)
    unpublish(home)
    change(home, "DELETE FROM log_leaf WHERE position = 7")
    assert refusal(home) == "log-damaged"


def test_a_changed_entry_is_never_published_over_the_true_one(home):
    """It is below the edge, so starting does not look at it; but its bundle is not full and written again."""
    append(home, 10)
    change(home, "UPDATE log_leaf SET entry = :to WHERE position = 7", to=b"another")
    assert tried(home) == "log-damaged"
    assert Outside(home).look().size == 10


HARMS = {
    "flipped": lambda tile: flip(tile, tile.stat().st_size // 2),
    "emptied": lambda tile: tile.write_bytes(b""),
    "lost": lambda tile: tile.unlink(),
    "too long": lambda tile: tile.write_bytes(tile.read_bytes() * 1000),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS.keys())
@pytest.mark.parametrize("count", [30, 300])
def test_published_tiles_that_are_not_whole_are_made_anew(sqlite_home, count, harm):
    append(sqlite_home, count)
    tiles = [one for one in (sqlite_home.folder / "log" / "tile").rglob("*.p/*") if one.is_file()]
    assert len(tiles) >= count.bit_length() // 8 + 2  # one for each level, and the entries
    for tile in tiles:
        harm(tile)
    append(sqlite_home, 1)
    assert Outside(sqlite_home).look().size == count + 1


def test_published_files_that_are_lost_are_made_anew(home):
    append(home, 600)
    before = Outside(home).look()
    unpublish(home)
    with writing(home) as writer:
        assert writer.wait_published(600, WAIT)
    assert Outside(home).look() == before


@pytest.mark.parametrize("data", [b"x", b"\n\n", b"\xff" * 40, b"A" * 2_000_000])
def test_a_published_checkpoint_that_is_not_ours_is_found(home, data):
    append(home, 3)
    (home.folder / "log" / "checkpoint").write_bytes(data)
    with pytest.raises(HalfdoorError) as refused, writing(home):
        pass
    assert refused.value.code in {"log-damaged", "too-large"}


def test_any_bit_of_the_published_checkpoint_matters(sqlite_home):
    append(sqlite_home, 3)
    place = sqlite_home.folder / "log" / "checkpoint"
    data = place.read_bytes()
    for at in range(0, len(data), 3):
        flip(place, at, at % 8)
        with pytest.raises(HalfdoorError) as refused, writing(sqlite_home):
            pass
        assert refused.value.code in {"log-damaged", "data-older", "forked"}
        place.write_bytes(data)
    assert append(sqlite_home, 1) == [3]


def test_the_lease_is_kept_while_a_long_log_is_looked_at(sqlite_home, wiring, monkeypatch):
    append(sqlite_home, 30)
    shutil.rmtree(sqlite_home.folder / "log" / "tile")
    monkeypatch.setattr(log_start, "READ_AT_ONCE", 1)
    looking = threading.Event()

    def slowly(part, method, arguments):
        if method == "entries":
            looking.set()
            time.sleep(0.05)

    wiring.before = slowly
    results = []

    def start():
        with writing(sqlite_home, lease_seconds=0.4) as writer:
            results.append(writer.submit([entry("x")]).result(WAIT))

    starting = threading.Thread(target=start)
    starting.start()
    assert looking.wait(WAIT)
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        with pytest.raises(LeaseHeld), writing(sqlite_home):
            pass
        time.sleep(0.05)
    starting.join(WAIT)
    assert results == [30]


def test_what_a_start_looks_at_is_told(home):
    append(home, 20)
    shutil.rmtree(home.folder / "log" / "tile")
    told = []
    with bootstrap.writing(home, limits=LIMITS, advance=told.append):
        pass
    assert sum(told) == 20


@pytest.mark.parametrize("what", ["database", "second store", "public folder", "keys"])
def test_what_is_not_there_is_named(sqlite_home, tmp_path, what):
    append(sqlite_home, 1)
    gone = {
        "database": sqlite_home.folder / "halfdoor.db",
        "second store": latest_file(sqlite_home),
        "public folder": sqlite_home.folder / "log",
        "keys": sqlite_home.folder / "keys",
    }[what]
    gone.rename(tmp_path / "gone")
    with pytest.raises(HalfdoorError) as refused, writing(sqlite_home):
        pass
    assert refused.value.code in {"no-database", "second-store-empty", "no-log", "unreadable"}


@pytest.mark.parametrize("what", ["halfdoor.db", "home-latest.db"])
def test_a_file_that_is_no_database_is_named(sqlite_home, what):
    append(sqlite_home, 1)
    place = sqlite_home.folder / what if what == "halfdoor.db" else latest_file(sqlite_home)
    place.write_bytes(b"this is no database\n" * 1000)
    with pytest.raises(HalfdoorError) as refused, writing(sqlite_home):
        pass
    assert refused.value.code == "database-failed"
    assert str(place) in str(refused.value)


def test_the_second_store_has_the_newest_checkpoint(home):
    append(home, 5)
    _, head = stored(home)
    assert noted(home) == head.checkpoint
    assert head.checkpoint.decode().startswith(f"{ORIGIN}\n5\n")
