"""`halfdoor plan` as a person and a program meet it."""

from __future__ import annotations

import json

import pytest

from assessments import HERON, WREN, assessed
from halfdoor.cli.main import main

FAST = ["--as-of", "2026-11-23", "--draws", "500"]


@pytest.fixture
def heron(tmp_path):
    (tmp_path / "halfdoor.toml").write_text(HERON)
    return tmp_path


def told(capsys, *args, code=0):
    assert main(["plan", *map(str, args), *FAST]) == code
    return capsys.readouterr().out


def test_stages_stand_in_order_with_dates_conditions_and_what_cannot_be_undone(heron, capsys):
    shown = " ".join(told(capsys, heron).split())
    plan = assessed(HERON).plan
    numbered = [f"{stage.number}. {stage.sentence}" for stage in (*plan.stages, *plan.beyond)]
    places = [shown.index(sentence) for sentence in numbered]
    assert places == sorted(places)
    closed = shown.index("What stays closed, and what would open it")
    assert places[len(plan.stages) - 1] < closed < places[len(plan.stages)]
    parts = [shown[a:b] for a, b in zip(places, [*places[1:], len(shown)], strict=True)]
    for stage, part in zip((*plan.stages, *plan.beyond), parts, strict=True):
        assert ("Cannot be undone: " in part.split("Keeps")[0].split("Would keep")[0]) == bool(
            stage.irreversible
        )
    for stage, part in zip(plan.stages, parts, strict=False):
        assert all(sentence in part for sentence in stage.conditions)
        assert str(stage.earliest) in part or part.split(". ")[1].startswith("Today")
    assert all(sentence in shown for stage in plan.beyond for sentence in stage.conditions)


def test_one_json_object_says_the_same_as_the_assessment(heron, capsys):
    found = json.loads(told(capsys, heron, "--json"))
    assert list(found) == ["schema", "id", "plan"]
    assert found["schema"] == "halfdoor/plan/1"
    main(["assess", str(heron), *FAST, "--json"])
    whole = json.loads(capsys.readouterr().out)
    assert found["id"] == whole["id"]
    assert found["plan"] == whole["plan"]


def test_nothing_may_be_opened_is_a_no(heron, capsys):
    path = heron / "halfdoor.toml"
    path.write_text(HERON.replace('security = "SL4"\n', ""))
    shown = told(capsys, heron, code=1)
    assert "Nothing is permitted as things stand" in shown
    assert "What would open it" in shown
    assert "Keeps" not in shown


def test_out_of_scope_is_everything_today(heron, capsys):
    (heron / "halfdoor.toml").write_text(WREN)
    shown = told(capsys, heron)
    assert "1. Today:" in shown
    assert "2." not in shown
    assert "Nothing has to be shown first." in shown


def test_all_that_is_public_leaves_nothing_to_open(heron, capsys):
    (heron / "halfdoor.toml").write_text(
        WREN.replace('group = "anyone"\n[[', 'group = "anyone"\npublic_since = 2024-11-01\n[[')
    )
    shown = told(capsys, heron)
    assert "Everything is public already." in shown
    assert "Stage" not in shown
    assert "1." not in shown.split("\n", 1)[1].replace("1.0", "")


def test_a_folder_without_a_dossier_is_bad_input(tmp_path, capsys):
    assert main(["plan", str(tmp_path / "none")]) == 2
    assert "halfdoor:" in capsys.readouterr().err
