"""`halfdoor publish`: says what was registered and what comes next, and nothing is open."""

import json

import pytest

from commands import home, run
from granting import Cast
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.working import working
from halfdoor.services.home import read_home
from halfdoor.store.models import files, versions
from models_made import model_folder

__all__ = ["home", "run"]
PUBLISHER, REVIEWER = "pia@example.org", "rea@example.org"


@pytest.fixture(autouse=True)
def _people(home):
    with working(read_home(home)) as commits:
        cast = Cast(commits)
        cast.person("Pia", "publisher")
        cast.person("Rea", "reviewer")


@pytest.fixture
def publish(home, run):
    return lambda folder, *options, by=PUBLISHER: run("publish", folder, "--home", home, "--as", by, *options)


def test_a_version_is_registered_and_the_next_step_is_said(home, publish, tmp_path):
    folder = model_folder(tmp_path / "heron the first")
    code, out, _ = publish(folder)
    assert code == 0
    assert out.startswith("example-lab/heron 1.0 is registered.\n")
    with working(read_home(home)) as commits, commits.reading() as connection:
        (row,) = versions(connection)
        found = files(connection, row.id)
    lines = [line.split() for line in out.splitlines()]
    assert ["version", row.id] in lines
    assert ["commit", row.sha] in lines
    assert ["manifest", row.manifest] in lines
    assert "Nothing of it is open." in out
    assert out.endswith(
        f"  halfdoor decide propose '{folder}' --version {row.id} --home {home} --as {PUBLISHER}\n"
    )
    assert {blobs_of(read_home(home)).has(one.digest) for one in found} == {one.size_bytes for one in found}
    code, out, _ = publish(folder)
    assert (code, out.splitlines()[0]) == (0, "example-lab/heron 1.0 is registered already, as it is.")
    assert "stored now" not in out


def test_programs_get_one_json_object(publish, tmp_path):
    folder = model_folder(tmp_path / "heron", variants=("base",))
    code, out, _ = publish(folder, "--json", "--repository", "lab/bird", "--layout", "repositories")
    done = json.loads(out)
    assert code == 0
    assert done["revisions"] == [["lab/bird", "1.0"], ["lab/bird-base", "1.0"]]
    assert done["new"]
    assert done["stored_bytes"] == done["size_bytes"] > 0
    again = json.loads(publish(folder, "--json", "--repository", "lab/bird", "--layout", "repositories")[1])
    assert again == done | {"new": False, "stored_bytes": 0}


def test_variants_are_listed_by_the_names_that_clients_give(publish, tmp_path):
    code, out, _ = publish(model_folder(tmp_path / "heron", variants=("base", "chat")))
    assert code == 0
    assert "example-lab/heron @ 1.0-base\n" in out
    assert "example-lab/heron @ 1.0-chat\n" in out


def test_another_version_of_the_same_name_is_refused_with_what_to_do(publish, tmp_path):
    folder = model_folder(tmp_path / "heron")
    publish(folder)
    (folder / "README.md").write_text("# Another")
    code, out, said = publish(folder)
    assert (code, out) == (1, "")
    assert "already-so" in said
    assert "give this one a new `version`" in said


@pytest.mark.parametrize(
    ("by", "code", "word"), [(REVIEWER, 1, "not-your-role"), ("nobody@example.org", 1, "nobody here is")]
)
def test_only_a_publisher_publishes(publish, tmp_path, by, code, word):
    found, out, said = publish(model_folder(tmp_path / "heron"), by=by)
    assert (found, out, word in said) == (code, "", True)


def test_what_is_no_model_or_no_home_is_said(home, run, publish, tmp_path):
    (tmp_path / "empty").mkdir()
    code, _, said = publish(tmp_path / "empty")
    assert (code, "halfdoor init" in said) == (2, True)
    code, _, said = run("publish", tmp_path / "empty", "--home", tmp_path, "--as", PUBLISHER)
    assert (code, "no-home" in said) == (2, True)
