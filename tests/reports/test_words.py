from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.assessment import Cost
from halfdoor.reports import words

NB = words.NBSP


@pytest.mark.parametrize(
    ("share", "said"),
    [
        ("0.62", "62 %"),
        (0, "0 %"),
        (1, "100 %"),
        ("0.004", "<1 %"),
        ("0.996", ">99 %"),
        ("< 0.2", "<20 %"),
        ("< 0.005", "<1 %"),
        (None, "–"),
        ("", "–"),
    ],
)
def test_a_share_says_when_it_is_almost_none_or_all(share, said):
    assert words.percent(share) == said.replace(" ", NB)


@given(st.floats(0, 1))
def test_only_nothing_is_said_to_be_nothing(share):
    assert (words.percent(share) == f"0{NB}%") == (share == 0)
    assert (words.percent(share) == f"100{NB}%") == (share == 1)


@pytest.mark.parametrize(
    ("share", "said"),
    [("0.02", "2 in 100"), ("0.005", "0.5 in 100"), ("0.0001", "<0.1 in 100"), ("0", "0 in 100")],
)
def test_a_probability_is_a_count(share, said):
    assert words.in_hundred(share) == said.replace(" ", NB)


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0.01, "under an hour"),
        (0.1, "2 hours"),
        (1, "1 day"),
        (9, "9 days"),
        (30, "4 weeks"),
        (120, "4 months"),
        (800, "2 years"),
        (math.inf, "longer than anybody has"),
    ],
)
def test_durations(days, said):
    assert words.duration(days).replace(NB, " ") == said


def test_a_cost_has_its_range_unless_there_is_none():
    assert words.money_range(Cost(40, 120, 600, 1, 1)) == f"$120 (90{NB}%: $40–$600)"
    assert words.money_range(Cost(120, 120, 120, 1, 1)) == "$120"
    assert words.money(math.inf) == "more than anybody has"


def test_measured_values_have_their_unit():
    assert words.measured("0.41", "score") == f"41{NB}%"
    assert words.measured("1200", "steps") == f"1,200{NB}steps"
    assert words.measured("-inf", "steps") == "–"


def test_dates_are_said_in_full_and_other_text_is_left_alone():
    assert words.date(dt.date(2026, 11, 3)) == f"3{NB}Nov{NB}2026"
    assert words.date_text("2026-11-03") == f"3{NB}Nov{NB}2026"
    assert words.date_text("when it is done") == "when it is done"


def test_sentences_begin_large_unless_they_begin_with_a_file_or_an_id():
    assert words.sentence("weights leave") == "Weights leave."
    assert words.sentence("halfdoor.toml, evidence 1: stale") == "halfdoor.toml, evidence 1: stale."
    assert words.sentence("really?") == "Really?"


@given(st.text(max_size=300), st.integers(2, 200))
def test_what_is_clipped_fits_and_says_so(text, length_max):
    clipped = words.clipped(text, length_max)
    assert len(clipped) <= length_max
    assert clipped == text or clipped.endswith("…")


def test_some_counts_what_it_leaves_out():
    assert words.some(["a", "b"], 3) == "a and b"
    assert words.some(["a", "b", "c", "d"], 2) == "a, b and 2 more"


def test_digests_keep_both_ends():
    assert words.short_digest("sha256:" + "9c41" + "0" * 56 + "e07a") == "sha256:9c41…e07a"
    assert words.short_digest("none") == "none"


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "0"),
        (0.031, "0.031"),
        (0.00012, "0.00012"),
        (1e-7, "1e-7"),
        (3.24, "3.2"),
        (9.99, "10"),
        (4631, "4,600"),
        (999_999, "1 million"),
        (1.24e6, "1.2 million"),
        (5e9, "5 billion"),
        (2e13, "2e13"),
        (math.inf, "unbounded"),
    ],
)
def test_a_number_has_two_figures(amount, said):
    assert words.figure(amount).replace(NB, " ") == said


@given(st.floats(1e-12, 1e14))
def test_a_number_is_near_what_it_says(amount):
    said = words.figure(amount).replace(NB, " ").replace(",", "")
    value, _, name = said.partition(" ")
    assert float(value) * {"": 1, "million": 1e6, "billion": 1e9}[name] == pytest.approx(amount, rel=0.051)


@pytest.mark.parametrize(
    ("frequency", "said"),
    [
        (3.2, "3.2 a year"),
        (1, "1 a year"),
        (0.025, "once in 40 years"),
        (1e-6, "once in 1 million years"),
        (0, "never"),
    ],
)
def test_how_often(frequency, said):
    assert words.per_year(frequency).replace(NB, " ") == said


@pytest.mark.parametrize(
    ("amount", "unit", "said"),
    [(1.2e6, "USD", "$1.2M"), (0.001, "USD", "$0.001"), (0.03, "deaths", "0.03 deaths"), (0, "USD", "$0")],
)
def test_harm_is_said_in_its_unit(amount, unit, said):
    assert words.harm(amount, unit).replace(NB, " ") == said


@pytest.mark.parametrize(("share", "said"), [("0.48", "48"), ("0.001", "<1"), (0, "0"), (1, "100")])
def test_cases_are_bare_numbers(share, said):
    assert words.cases(share) == said


def test_small_letters_do_not_touch_abbreviations():
    assert words.uncapital("Independent audits") == "independent audits"
    assert words.uncapital("MMLU score") == "MMLU score"
