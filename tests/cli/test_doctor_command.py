"""`halfdoor doctor`: says what is wrong and what to do, for people and for programs."""

import json

from sqlalchemy import delete

from commands import home, run
from filled import fill
from halfdoor.services.home import read_home
from halfdoor.store.tables.access import delivery
from homes import service

__all__ = ["home", "run"]


def test_a_home_that_is_well(home, run):
    fill(read_home(home))
    assert run("doctor", "--home", home)[:2] == (0, "All is well.\n")
    code, out, _ = run("doctor", "--home", home, "--deep", "--json")
    assert (code, json.loads(out)) == (0, {"well": True, "findings": []})


def test_what_is_wrong_is_said_with_what_to_do(home, run):
    fill(read_home(home))
    with service(read_home(home)) as engine, engine.begin() as connection:
        connection.execute(delete(delivery))
    code, out, _ = run("doctor", "--home", home)
    assert code == 1
    assert "fault [entry-without-row]" in out
    assert "To do: bring back a backup" in out
    assert out.endswith("1 faults, 0 warnings; nothing was changed.\n")
    code, out, _ = run("doctor", "--home", home, "--json")
    (one,) = json.loads(out)["findings"]
    assert (code, one["severity"], one["code"]) == (1, "fault", "entry-without-row")


def test_there_has_to_be_a_home(tmp_path, run):
    code, _, said = run("doctor", "--home", tmp_path)
    assert (code, "no-home" in said) == (2, True)


def test_homes_of_earlier_versions_get_a_model_key_when_they_are_migrated(home, run):
    file = home / "home.toml"
    text = file.read_text()
    file.write_text(text[: text.index("[model_key]")])
    (home / "blobs").rmdir()
    code, out, _ = run("doctor", "--home", home)
    assert (code, "no-model-key" in out) == (1, True)
    assert run("home", "migrate", "--home", home)[0] == 0
    assert run("doctor", "--home", home)[0] == 0
    assert (home / "blobs").is_dir()
    first = read_home(home).settings.model_key
    assert run("home", "migrate", "--home", home)[0] == 0
    assert read_home(home).settings.model_key == first
