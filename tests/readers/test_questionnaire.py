"""Hostile questionnaires end in an InputError never in anything else."""

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from halfdoor.core.errors import InputError
from halfdoor.core.risk.experts.addresses import numbers
from halfdoor.readers.library import load_risk_model
from halfdoor.readers.questionnaire import read_answers, read_calibration, read_truths

FOUND = numbers(load_risk_model("public-2026"))
GOOD = """\
schema = "halfdoor/questionnaire/1"
risk_model = "public-2026"
expert = "Ada"
[[calibration]]
id = "moon"
words = "w"
p5 = 1
p50 = 2
p95 = 3
[[question]]
number = "reach.OC1.vetted.p"
p5 = 0.1
p50 = 0.2
p95 = 0.3
"""
WORDS = st.sampled_from(
    ["-1", "nan", "inf", "1e999", '""', "[]", "2099-01-01", "true", "0", "[[", "\x00", "p5"]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(0, len(GOOD.split()) - 1), WORDS)
def test_whatever_stands_in_it(tmp_path, place, word):
    words = GOOD.split(" ")
    words[place % len(words)] = word
    path = tmp_path / "answers.toml"
    path.write_text(" ".join(words))
    for read in (
        lambda: read_answers(path, FOUND),
        lambda: read_calibration(path),
        lambda: read_truths(path),
    ):
        with contextlib.suppress(InputError):
            read()


def test_a_good_one_is_read(tmp_path):
    path = tmp_path / "answers.toml"
    path.write_text(GOOD)
    _, expert = read_answers(path, FOUND)
    assert expert.name == "Ada"
    assert expert.answers["reach.OC1.vetted.p"].p50 == 0.2
    assert expert.calibration == {"moon": (1, 2, 3)}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('schema = "halfdoor/truths/1"\n[[truth]]\nid = "a"\nvalue = nan\n', "bad-number"),
        (
            'schema = "halfdoor/truths/1"\n[[truth]]\nid = "a"\nvalue = 1\n[[truth]]\nid = "a"\nvalue = 2\n',
            "duplicate-id",
        ),
    ],
)
def test_truths_are_finite_and_stand_once(tmp_path, text, code):
    path = tmp_path / "truths.toml"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        read_truths(path)
    assert raised.value.code == code
    assert "truths.toml:" in raised.value.where


def test_calibration_needs_questions(tmp_path):
    path = tmp_path / "cal.toml"
    path.write_text('schema = "halfdoor/calibration/1"\n')
    with pytest.raises(InputError) as raised:
        read_calibration(path)
    assert raised.value.code == "no-questions"
