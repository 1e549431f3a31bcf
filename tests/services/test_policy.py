"""A newcomer's policy from the first line to a comparison on past releases."""

import datetime as dt
import tomllib

import pytest

from assessments import WREN
from halfdoor.cli.terminal import hashing
from halfdoor.core.errors import InputError
from halfdoor.readers import library
from halfdoor.services.policy import begin, check, compare

TODAY = dt.date(2026, 11, 1)


def compared(first, second, *dossiers, **fields):
    seen = []
    found = compare(
        (str(first), str(second)),
        [str(d) for d in dossiers],
        **({"today": TODAY, "draws": 300, "meter": hashing, "advance": lambda: seen.append(1)} | fields),
    )
    assert len(seen) == 2 * len(dossiers)
    return found


@pytest.fixture
def ours(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin("ours", tmp_path / "ours.toml")
    return tmp_path / "ours.toml"


def test_a_first_policy_is_sound_short_and_never_idle(ours):
    found = check(str(ours))
    assert found.errors == []
    assert {problem.code for problem in found.lints} == {"no-clause"}
    assert found.said.without_clause == found.said.rows
    text = ours.read_text()
    assert len(text.splitlines()) < 130
    assert tomllib.loads(text)["name"] == "ours"
    domains = {domain.id for domain in library.load_risk_model("public-2026").domain}
    assert set(found.said.tiers) == domains


@pytest.mark.parametrize("shipped", library.names("policies"))
def test_a_copy_of_a_shipped_policy_differs_in_its_name_alone(shipped, tmp_path):
    out = tmp_path / "mine.toml"
    begin("mine", out, shipped)
    before = tomllib.loads(library.shipped("policies", shipped).decode())
    now = tomllib.loads(out.read_text())
    own = {"name", "version", "issuer", "kind"}
    assert {k: v for k, v in now.items() if k not in own} == {k: v for k, v in before.items() if k not in own}
    assert now["name"] == "mine"
    assert shipped in now["issuer"]
    assert check(str(out)).errors == []


@pytest.mark.parametrize("shipped", library.names("policies"))
def test_no_shipped_policy_has_an_idle_row(shipped):
    assert check(shipped).errors == check(shipped).lints == []


def test_nothing_is_written_over_and_names_are_names(ours):
    with pytest.raises(InputError) as raised:
        begin("ours", ours)
    assert raised.value.code == "exists"
    for name, out, start, code in (
        ("no name", "a.toml", None, "bad-name"),
        ("ours", "a.txt", None, "bad-name"),
        ("ours", "a.toml", "seger", "unknown-document"),
    ):
        with pytest.raises(InputError) as raised:
            begin(name, ours.with_name(out), start)
        assert raised.value.code == code
        assert not ours.with_name(out).exists()


def test_errors_and_lints_have_their_line(ours):
    text = ours.read_text()
    ours.write_text(text.replace('"OC1"', '"OC0"').replace('"biology-novice"', '"cyber-amateur"'))
    found = check(str(ours))
    assert {problem.code for problem in found.errors} == {"unknown-actor", "duplicate-id"}
    lines = ours.read_text().splitlines()
    for problem in found.errors:
        line = int(problem.where.split(":")[1].split(",")[0])
        assert lines[line - 1].startswith(("actor =", "id ="))
    ours.write_text(text.replace('"strip-safeguards"', '"retrain"', 1))  # no amateur can pay for that
    idle = [problem for problem in check(str(ours)).lints if problem.code == "never-binds"]
    assert len(idle) == 1
    assert lines[int(idle[0].where.split(":")[1].split(",")[0]) - 1] == "[[limit]]"


def test_a_policy_against_itself_has_the_same_answers(ours):
    found = compared("seger-2023", "seger-2023", "cwm-32b")
    assert [one.same for one in found] == [True]
    assert found[0].as_of == "2025-09-24"  # the day it was released
    assert found[0].first.policy != found[0].second.policy


def test_a_folder_a_file_and_a_shipped_case_are_the_same_release(ours, tmp_path):
    folder = tmp_path / "release"
    folder.mkdir()
    (folder / "halfdoor.toml").write_bytes(library.case("cwm-32b"))
    found = compared("seger-2023", ours, folder, folder / "halfdoor.toml", "cwm-32b")
    assert found[0] == found[1] == found[2]
    assert not found[0].same
    assert found[0].sentences


def test_the_day_is_the_release_or_the_one_asked_for_or_today(ours, tmp_path):
    released, asked = dt.date(2025, 5, 4), dt.date(2026, 1, 2)
    (tmp_path / "undated.toml").write_text(WREN)
    (tmp_path / "dated.toml").write_text(WREN.replace("[model]\n", f"[model]\nreleased = {released}\n"))
    both = tmp_path / "undated.toml", tmp_path / "dated.toml"
    found = compared("seger-2023", ours, *both)
    assert [one.as_of for one in found] == [TODAY.isoformat(), released.isoformat()]
    assert [one.first.answer for one in found] == ["out of scope"] * 2
    found = compared("seger-2023", ours, *both, as_of=asked)
    assert [one.as_of for one in found] == [asked.isoformat()] * 2


def test_a_policy_that_passes_a_domain_over_gives_no_answer(ours):
    text = ours.read_text()
    start, end = text.index("[[requirement]]"), text.index("# What is to be shared")
    ours.write_text(text[:start] + text[end:])
    found = compared("seger-2023", ours, "llama-3.1-405b-instruct")[0]
    assert found.second.answer == "no answer"
    assert not found.same
    assert any("no limit and no requirement" in sentence for sentence in found.sentences)


def test_what_cannot_be_read_is_an_error(ours):
    for first, dossier, code in (
        ("seger", "cwm-32b", "unknown-document"),
        ("seger-2023", "cwm", "unknown-document"),
        ("seger-2023", "none.toml", "not-found"),
    ):
        with pytest.raises(InputError) as raised:
            compared(first, ours, dossier)
        assert raised.value.code == code
    with pytest.raises(InputError) as raised:
        compared("seger-2023", ours, "cwm-32b", draws=0)
    assert raised.value.code == "bad-draws"
