from __future__ import annotations

import json
import xml.etree.ElementTree as ET

from halfdoor.cli.main import main

FAST = ["--draws", "300"]


def test_one_json_object(capsys):
    assert main(["combinations", "public-2026", *FAST, "--ability", "distil", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "halfdoor/combinations/1"
    assert {row["ability"] for row in found["combinations"]} == {"distil"}
    assert all(float(row["probability"]) >= 0.05 for row in found["combinations"])
    assert found["complete"]


def test_sentences_name_who_what_for_how_much_and_from_what(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    command = ["combinations", "public-2026", *FAST, "--ability", "strip-safeguards", "--actor", "novice"]
    assert main(command) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "A novice in biology gets strip-safeguards for $" in shown
    assert "(90 %: $" in shown
    assert "from final-parameters + architecture" in shown
    assert "in 100." in shown


def test_the_graph_is_drawn_beside_the_table(capsys, tmp_path):
    path = tmp_path / "graph.svg"
    assert main(["combinations", "public-2026", *FAST, "--draw", str(path), "--ability", "fine-tune"]) == 0
    assert str(path) in capsys.readouterr().out
    assert ET.fromstring(path.read_text(encoding="utf-8")).tag.endswith("svg")  # our own file


def test_bad_input_is_told_and_nothing_is_written(capsys, tmp_path):
    path = tmp_path / "graph.svg"
    assert main(["combinations", "public-2026", "--actor", "OC-1", "--draw", str(path)]) == 2
    assert "did you mean 'OC1'?" in capsys.readouterr().err
    assert not path.exists()
