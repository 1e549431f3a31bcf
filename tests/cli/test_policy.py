"""`halfdoor policy`: what people see, and the exit codes."""

import json

import pytest

from halfdoor.cli.main import main


@pytest.fixture
def ours(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["policy", "new", "ours", "--out", "ours.toml"]) == 0
    return tmp_path / "ours.toml"


def test_new_says_what_to_do_next_and_that_can_be_done(ours, capsys):
    capsys.readouterr()
    assert main(["policy", "new", "mine", "--from", "seger-2023", "--out", "mine.toml"]) == 0
    said = capsys.readouterr().out
    commands = [line.split() for line in said.splitlines() if line.startswith("  halfdoor ")]
    assert len(commands) == 2
    assert main(commands[0][1:]) == 0
    assert main([*commands[1][1:], "--draws", "200"]) in {0, 1}


def test_check_is_exit_0_with_lints_and_2_with_errors(ours, capsys):
    assert main(["policy", "check", "ours.toml"]) == 0
    assert "0 errors, 5 worth a look." in capsys.readouterr().out
    ours.write_text(ours.read_text().replace('"OC1"', '"OC0"'))
    assert main(["policy", "check", "ours.toml"]) == 2
    said = capsys.readouterr().out
    assert "ours.toml:" in said
    assert "'OC0' is not a known actor" in said


def test_check_in_json(ours, capsys):
    capsys.readouterr()
    assert main(["policy", "check", "ours.toml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["errors"] == []
    assert found["said"]["limits"] == 2
    assert all(":" in lint["where"] for lint in found["lints"])


def test_compare_shows_a_table_first_and_exits_1_where_answers_differ(ours, capsys):
    capsys.readouterr()
    command = ["policy", "compare", "seger-2023", "ours.toml", "cwm-32b", "--draws", "300"]
    assert main(command) == 1
    ended = capsys.readouterr()
    lines = ended.out.splitlines()
    assert lines[0].split()[:2] == ["release", "as"]
    assert lines[1].startswith("cwm-32b 1")
    assert "1 of 1 would have had another answer." in ended.out
    assert ended.err.startswith("Assessing 1 release under two policies")
    assert main([*command, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["policies"] == ["seger-2023", "ours"]
    assert found["same"] is False
    assert found["dossiers"][0]["first"]["answer"] == "not permitted"


def test_compare_exits_0_where_all_answers_are_the_same(capsys):
    assert main(["policy", "compare", "seger-2023", "seger-2023", "cwm-32b", "--draws", "200"]) == 0
    assert capsys.readouterr().out.endswith("The answers are the same.\n")


@pytest.mark.parametrize(
    "arguments", [[], ["check"], ["compare", "a", "b"], ["check", "none.toml"], ["new", "ours"]]
)
def test_bad_usage_is_exit_2(arguments, capsys):
    assert main(["policy", *arguments]) == 2
