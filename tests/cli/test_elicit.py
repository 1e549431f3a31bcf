"""`halfdoor elicit`: what people see, and the exit codes."""

import json
import re

import pytest

from halfdoor.cli.main import main

BLANK = "# p5 =\n# p50 =\n# p95 =\n"


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """Two experts on one number of the shipped model, apart from each other."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    for name, filled in (
        ("Ada", "p5 = 0.01\np50 = 0.02\np95 = 0.03\n"),
        ("Bo", "p5 = 0.1\np50 = 0.2\np95 = 0.3\n"),
    ):
        path = tmp_path / f"{name}.toml"
        command = ["elicit", "new", "public-2026", "--numbers", "reach.OC1.vetted.p", "--expert", name]
        assert main([*command, "--out", str(path)]) == 0
        path.write_text(path.read_text().replace(BLANK, filled))
    return tmp_path


def test_a_merge_shows_who_is_apart_and_can_be_assessed_with(answers, capsys):
    assert main(["elicit", "merge", "public-2026", "Ada.toml", "Bo.toml", "--out", "new.toml"]) == 0
    said = capsys.readouterr().out
    assert "Ada and Bo are apart: Ada is lower." in said
    assert re.search(r"Ada +0\.02 +0\.01 – 0\.03 +0\.50 +apart", said)
    assert "Written: new.toml, 1 number pooled." in said
    (answers / "halfdoor.toml").write_text(
        'schema = "halfdoor/dossier/1"\n[model]\nname = "m"\nversion = "1"\ndeveloper = "d"\n'
        '[[item]]\nid = "final-parameters"\ngroup = "vetted"\n'
    )
    command = ["assess", ".", "--risk-model", "new.toml", "--draws", "500", "--as-of", "2026-06-01"]
    assert main(command) in {0, 1}


def test_json_is_one_object(answers, capsys):
    capsys.readouterr()
    assert main(["elicit", "merge", "public-2026", "Ada.toml", "--out", "new.toml", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["numbers"][0]["number"] == "reach.OC1.vetted.p"
    assert found["numbers"][0]["opinions"][0]["p50"] == 0.02
    assert found["numbers"][0]["pooled"][1] == pytest.approx(0.02, abs=0.002)


def test_bad_answers_exit_2_and_write_nothing(answers, capsys):
    (answers / "Bo.toml").write_text((answers / "Bo.toml").read_text().replace("p95 = 0.3", "p95 = 3"))
    assert main(["elicit", "merge", "public-2026", "Ada.toml", "Bo.toml", "--out", "new.toml"]) == 2
    assert "Bo.toml:" in capsys.readouterr().err
    assert not (answers / "new.toml").exists()


def test_a_long_questionnaire_is_advised_against(tmp_path, capsys):
    assert main(["elicit", "new", "public-2026", "--out", str(tmp_path / "all.toml")]) == 0
    assert "choose with --numbers" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["new"], ["merge", "public-2026"], ["nonsense"]])
def test_bad_usage_is_exit_2(arguments, capsys):
    assert main(["elicit", *arguments]) == 2
