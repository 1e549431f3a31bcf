"""Shipped documents by name, others by path; what is wrong in them is said with file and line."""

import pytest

from halfdoor.core.errors import InputError
from halfdoor.readers import library

SMALL = """\
schema = "halfdoor/risk-model/1"
name = "small"
version = "1"

[[ability]]
id = "run"

[[rule]]
gives = "run"
needs = ["final-parameter"]
"""


def test_shipped_names():
    assert library.names("risk_models") == ["public-2026"]
    assert library.names("policies") == ["eu-code-2025", "frontier-tiers-2025", "nist-800-1", "seger-2023"]
    assert library.names("references") == ["public-2026"]
    assert library.cases() == ["cwm-32b", "llama-3.1-405b-instruct"]


@pytest.mark.parametrize(
    ("load", "wrong", "right"),
    [
        (library.load_risk_model, "public-2025", "public-2026"),
        (library.load_policy, "segar-2023", "seger-2023"),
        (library.load_references, "publc-2026", "public-2026"),
        (library.case, "llama-3.1-405b", "llama-3.1-405b-instruct"),
    ],
)
def test_an_unknown_name_names_the_nearest(load, wrong, right):
    with pytest.raises(InputError) as caught:
        load(wrong)
    assert caught.value.code == "unknown-document"
    assert right in caught.value.remedy


def test_a_name_cannot_climb_out_of_the_library():
    with pytest.raises(InputError):
        library.shipped("policies", "../risk_models/public-2026")


def test_a_path_is_read_from_the_base(tmp_path):
    (tmp_path / "mine.toml").write_bytes(library.shipped("policies", "seger-2023"))
    assert library.load_policy("mine.toml", tmp_path) == library.load_policy("seger-2023")
    assert library.load_policy(str(tmp_path / "mine.toml")).name == "seger-2023"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError) as caught:
        library.load_policy("./none.toml", tmp_path)
    assert caught.value.code == "not-found"
    assert "none.toml" in caught.value.where


def test_an_error_says_file_line_key_and_remedy(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL)
    with pytest.raises(InputError) as caught:
        library.load_risk_model("small.toml", tmp_path)
    error = caught.value
    assert error.code == "undefined-ability"
    assert error.where == f"{tmp_path / 'small.toml'}:10, rule[0].needs"
    assert "final-parameters" in error.remedy


def test_several_errors_are_counted_and_all_are_listed(tmp_path):
    text = SMALL.replace("[[rule]]", "[[rule]]\ncost = {p5 = 2, mode = 1, p95 = 3}\nskill = 7")
    (tmp_path / "small.toml").write_text(text)
    with pytest.raises(InputError, match=r"and 2 more"):
        library.load_risk_model("small.toml", tmp_path)
    listed = library.problems_in("risk_models", "small.toml", tmp_path)
    assert {p.code for p in listed if not p.lint} == {"undefined-ability", "bad-percentiles", "bad-number"}
    assert all("small.toml:" in p.where for p in listed)


def test_lints_do_not_refuse(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL.replace("final-parameter", "final-parameters"))
    assert library.load_risk_model("small.toml", tmp_path).name == "small"
    assert {p.code for p in library.problems_in("risk_models", "small.toml", tmp_path)} == {"unsourced"}


def test_a_policy_is_held_against_the_risk_model(tmp_path):
    text = library.shipped("policies", "seger-2023").decode().replace('actor = "OC1"', 'actor = "OC9"', 1)
    (tmp_path / "p.toml").write_text(text)
    library.load_policy("p.toml", tmp_path)
    with pytest.raises(InputError) as caught:
        library.load_policy("p.toml", tmp_path, model=library.load_risk_model("public-2026"))
    assert caught.value.code == "unknown-actor"
    assert ", limit[0].actor" in caught.value.where
