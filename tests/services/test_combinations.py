from __future__ import annotations

import datetime as dt

import pytest

from assessments import DRAWS, HERON, heron
from halfdoor.core.errors import InputError
from halfdoor.core.ids import COMPONENTS
from halfdoor.readers.library import load_risk_model
from halfdoor.services.assess import Options
from halfdoor.services.combinations import Chosen, find_combinations

OPTIONS = Options(as_of=dt.date(2026, 11, 23), draws=DRAWS)


def never(total):
    raise AssertionError("nothing to hash")


def of_model(ability="", actor=""):
    return find_combinations("public-2026", OPTIONS, Chosen(ability, actor), never)


@pytest.fixture
def dossier(tmp_path):
    (tmp_path / "halfdoor.toml").write_text(HERON, encoding="utf-8")
    return tmp_path


def test_a_dossier_has_the_table_of_its_assessment(dossier):
    found = find_combinations(str(dossier), OPTIONS, Chosen(), never)
    assert found.of == "dossier"
    assert found.combinations == heron().combinations
    assert find_combinations(str(dossier / "halfdoor.toml"), OPTIONS, Chosen(), never) == found


def test_what_is_public_or_commonplace_costs_nothing_to_hold(dossier):
    found = find_combinations(str(dossier), OPTIONS, Chosen(), never)
    assert "technical-report" in found.free
    assert not any(set(found.free) & set(row.items) for row in found.combinations)
    later = find_combinations(
        str(dossier), Options(as_of=dt.date(2026, 8, 1), draws=DRAWS), Chosen("retrain"), never
    )
    assert "technical-report" not in later.free
    assert any("technical-report" in row.items for row in later.combinations)


def test_of_a_risk_model_alone_every_component_and_service_exists():
    found = of_model()
    assert set(COMPONENTS) <= set(found.items)
    assert found.free == []
    model = load_risk_model("public-2026")
    assert {row.ability for row in found.combinations} == {rule.gives for rule in model.rule}
    assert len(found.graph) == len(model.rule)
    used = {item for row in found.combinations for item in row.items}
    assert {"sampling@unmitigated", "libraries-and-tools"} & used == {"sampling@unmitigated"}


def test_filters_choose_rows_and_change_none():
    whole = of_model()
    some = of_model("strip-safeguards", "OC1")
    assert some.combinations == [
        row for row in whole.combinations if (row.ability, row.actor) == ("strip-safeguards", "OC1")
    ]
    assert some.combinations
    gifts = {rule.gives for rule in some.graph}
    assert gifts == {"strip-safeguards", "run-unfiltered"}


@pytest.mark.parametrize(
    ("chosen", "code", "nearest"),
    [
        (Chosen(ability="strip-safeguard"), "unknown-ability", "strip-safeguards"),
        (Chosen(actor="OC9"), "unknown-actor", "OC"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(chosen, code, nearest):
    with pytest.raises(InputError) as error:
        find_combinations("public-2026", OPTIONS, chosen, never)
    assert error.value.code == code
    assert nearest in error.value.remedy


@pytest.mark.parametrize(
    ("subject", "code"),
    [("public-2025", "unknown-document"), ("nowhere/at/all", "not-found"), ("gone.toml", "not-found")],
)
def test_what_is_neither_folder_nor_risk_model_is_refused(subject, code):
    with pytest.raises(InputError) as error:
        find_combinations(subject, OPTIONS, Chosen(), never)
    assert error.value.code == code
    with pytest.raises(InputError) as error:
        find_combinations("public-2026", Options(as_of=OPTIONS.as_of, draws=0), Chosen(), never)
    assert error.value.code == "bad-draws"


def test_a_file_says_by_its_schema_what_it_is(tmp_path):
    path = tmp_path / "ours.toml"
    path.write_text(
        'schema = "halfdoor/risk-model/1"\nname = "ours"\nversion = "1"\n'
        '[[actor]]\nid = "a"\ndomain = "d"\nbudget = 10\ndays = 5\nskill = 1\njudgement = "made up"\n'
        '[[rule]]\ngives = "run"\nneeds = ["base:final-parameters"]\ncost = 5\njudgement = "made up"\n'
        '[[domain]]\nid = "d"\n',
        encoding="utf-8",
    )
    found = find_combinations(str(path), OPTIONS, Chosen(), never)
    assert found.of == "risk-model"
    assert [row.items for row in found.combinations] == [["base:final-parameters"]]
    assert found.combinations[0].probability == "1.0000"
