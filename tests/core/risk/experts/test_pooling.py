"""Cooke's classical model against a published study, and against formulas written down a second time."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from halfdoor.core.errors import InputError
from halfdoor.core.risk.document import Spread
from halfdoor.core.risk.experts.pooling import LEVELS, Seed, apart, calibration, cooke, information, panel
from halfdoor.core.risk.uncertainty.distributions import fit

# The tobacco study: seven experts, ten questions with known answers, percentiles 5, 25, 50, 75, 95.
# Data: Mendeley Data, doi 10.17632/tp5sp4gcd5.1 (described in Cooke and Goossens 2008, doi
# 10.1016/j.ress.2007.03.005). Results: computed by Excalibur, as tabulated in the tests of Anduryl
# (github.com/grongen/anduryl, test/data/Excalibur.csv); to seven digits by Anduryl itself
# (test/data/item_robustness_tobacco.csv).
FIVE = (0.05, 0.25, 0.5, 0.75, 0.95)
TRUTHS = (13.11, 77.3, 7, 74.28, 34, 1.26, 1.2, 0.777, 1.83, 21.3)
TOBACCO = {
    "Ex1": (
        (5, 12, 25, 35, 50), (2, 7, 10, 11, 12), (5, 8, 10, 15, 20), (10, 25, 40, 50, 60),
        (20, 35, 50, 60, 75), (1, 1.1, 1.25, 1.4, 1.8), (1, 1.2, 1.3, 1.4, 1.5), (0.5, 0.75, 1, 1.1, 1.25),
        (0.8, 1, 1.5, 1.6, 1.8), (40, 45, 55, 60, 65),
    ),
    "Ex2": (
        (1, 5, 10, 15, 25), (5, 10, 15, 20, 25), (1, 3, 5, 7, 10), (50, 60, 85, 90, 100),
        (10, 20, 30, 50, 60), (1, 1.1, 1.11, 1.14, 1.2), (1, 1.1, 1.2, 1.3, 1.5), (0.33, 0.4, 0.5, 0.67, 1),
        (1, 1.5, 2, 2.5, 3), (25, 30, 50, 60, 75),
    ),
    "Ex3": (
        (2, 4, 6, 8, 10), (8, 17, 25, 38, 40), (4, 7, 11, 14, 16), (10, 25, 35, 45, 55),
        (15, 27, 30, 40, 45), (0.3, 0.4, 0.5, 1.5, 2), (0.75, 0.8, 1, 1.35, 2), (0.5, 0.6, 0.75, 0.85, 1),
        (1.03, 1.1, 1.15, 1.35, 1.5), (20, 45, 60, 75, 80),
    ),
    "Ex4": (
        (1, 11, 15, 100, 200), (3, 15, 25, 30, 37), (3, 5, 7, 10, 15), (30, 50, 75, 82, 90),
        (20, 30, 35, 42, 48), (0.8, 1, 1.3, 1.4, 1.5), (0.7, 1, 1.1, 1.3, 1.4), (0.5, 0.6, 0.7, 1, 1.1),
        (0.98, 1.1, 1.2, 1.3, 1.5), (45, 50, 60, 70, 85),
    ),
    "Ex5": (
        (500, 550, 600, 750, 1000), (0, 25, 50, 75, 100), (6, 7, 8, 9, 11), (0, 25, 50, 75, 100),
        (27, 29, 33, 34, 35), (0.75, 0.813, 0.875, 0.938, 1), (1, 1.1, 1.25, 1.3, 1.5),
        (0.6, 0.667, 0.733, 0.8, 0.867), (1, 1.25, 1.5, 1.75, 2), (40, 45, 50, 55, 60),
    ),
    "Ex6": (
        (1, 2.3, 2.8, 3.1, 3.4), (0, 2, 4, 7, 10), (3, 13, 17, 19, 20), (50, 60, 73, 80, 90),
        (15, 23, 32, 41, 45), (0.75, 0.83, 0.9, 1.3, 2), (0.87, 0.97, 1, 1.1, 1.3),
        (0.64, 0.71, 0.8, 0.914, 1.067), (0.67, 0.85, 1, 1.2, 1.5), (19, 20, 21, 23, 26),
    ),
    "Ex7": (
        (1, 4, 7, 10, 15), (0, 10, 20, 30, 100), (4, 5, 7, 9, 10), (1, 85, 90, 95, 100),
        (20, 22, 32, 36, 40), (0.5, 0.75, 1, 1.25, 1.5), (1.1, 1.2, 1.3, 1.4, 1.5),
        (0.5, 0.7, 0.8, 0.9, 1), (1, 1.2, 1.4, 1.6, 1.8), (15, 20, 25, 30, 50),
    ),
}  # fmt: skip
SEEDS = [Seed(truth) for truth in TRUTHS]


def decision_maker(weights):
    """The weighted mixture of piecewise uniform distributions, as the study's software builds it."""
    rows, spans = [], []
    for number, truth in enumerate(TRUTHS):
        answers = {name: rows_[number] for name, rows_ in TOBACCO.items()}
        values = sorted({truth, *itertools.chain.from_iterable(answers.values())})
        width = values[-1] - values[0]
        span = (values[0] - 0.1 * width, values[-1] + 0.1 * width)
        points = np.array(sorted({*span, *itertools.chain.from_iterable(answers.values())}))
        mixed = sum(
            weights[name] * np.interp(points, [span[0], *answer, span[1]], [0, *FIVE, 1])
            for name, answer in answers.items()
        )
        rows.append(tuple(np.interp(FIVE, mixed, points)))
        spans.append(span)
    return rows, spans


def scored(weights):
    rows, spans = decision_maker(weights)
    narrow = np.mean([information(row, span, FIVE) for row, span in zip(rows, spans, strict=True)])
    return calibration(rows, TRUTHS, FIVE), float(narrow)


def test_the_best_expert_of_a_published_study():
    best = max(cooke(TOBACCO, SEEDS, levels=FIVE), key=lambda score: score.weight)
    assert (best.calibration, best.information) == pytest.approx((0.69, 1.06), abs=0.005)
    assert best.calibration * best.information == pytest.approx(0.73, abs=0.005)


def test_pools_of_a_published_study():
    alike = dict.fromkeys(TOBACCO, 1 / 7)
    weights = {score.expert: score.weight for score in cooke(TOBACCO, SEEDS, levels=FIVE)}
    published = (0.663905907814218, 0.5276742544199166)
    assert panel(TOBACCO, SEEDS, alike, levels=FIVE) == pytest.approx((0.20, 0.45), abs=0.005)
    assert panel(TOBACCO, SEEDS, weights, levels=FIVE) == pytest.approx(published, abs=1e-9)
    assert panel(TOBACCO, SEEDS, {n: 7 * w for n, w in weights.items()}, levels=FIVE) == pytest.approx(
        published, abs=1e-9
    )
    for each in (alike, weights):
        assert panel(TOBACCO, SEEDS, each, levels=FIVE) == pytest.approx(scored(each), abs=1e-12)


def test_a_panel_of_one_scores_as_that_expert():
    for name, rows in TOBACCO.items():
        (alone,) = cooke({name: rows}, SEEDS, levels=FIVE)
        found = panel({name: rows}, SEEDS, {name: 1.0}, levels=FIVE)
        assert found == pytest.approx((alone.calibration, alone.information), rel=1e-9)


answer = st.lists(st.floats(0.01, 100).map(lambda x: round(x, 2)), min_size=3, max_size=3, unique=True).map(
    lambda values: tuple(sorted(values))
)


@given(st.data())
def test_scores_by_brute_force(data):
    count = data.draw(st.integers(1, 12))
    people = {name: data.draw(st.lists(answer, min_size=count, max_size=count)) for name in ("a", "b", "c")}
    truths = data.draw(st.lists(st.floats(0.01, 100), min_size=count, max_size=count))
    logarithmic = data.draw(st.booleans())
    seeds = [Seed(truth, logarithmic) for truth in truths]
    try:
        found = {score.expert: score for score in cooke(people, seeds)}
    except InputError:  # calibration may be 0 to the last digit, for all of them
        assert all(calibration(rows, truths, LEVELS) < 1e-12 for rows in people.values())
        return
    turn = np.log if logarithmic else np.asarray
    for name, rows in people.items():
        bins = [np.searchsorted(row, truth, side="left") for row, truth in zip(rows, truths, strict=True)]
        share = np.bincount(bins, minlength=4) / count
        statistic = 2 * count * stats.entropy(share, [0.05, 0.45, 0.45, 0.05])
        assert found[name].calibration == pytest.approx(float(stats.chi2.sf(statistic, 3)), rel=1e-7)
        narrow = []
        for number, row in enumerate(rows):
            everything = turn([truths[number], *(v for other in people.values() for v in other[number])])
            reach = np.ptp(everything)
            edges = [everything.min() - reach / 10, *turn(row), everything.max() + reach / 10]
            narrow.append(stats.entropy([0.05, 0.45, 0.45, 0.05], np.diff(edges) / (1.2 * reach)))
        assert found[name].information == pytest.approx(float(np.mean(narrow)), rel=1e-6, abs=1e-9)
    assert math.fsum(score.weight for score in found.values()) == pytest.approx(1)


def test_a_truth_just_above_a_percentile_is_above_it_on_a_logarithmic_scale_too():
    """0.010000000000000002 has the logarithm of 0.01."""
    people = {"a": [(0.01, 1.0, 2.0), (1.0, 2.0, 3.0)], "b": [(0.5, 1.0, 2.0), (1.0, 2.0, 3.0)]}
    by_scale = [
        cooke(people, [Seed(0.010000000000000002, logarithmic), Seed(1.5, logarithmic)])[0].calibration
        for logarithmic in (False, True)
    ]
    assert by_scale[0] == by_scale[1]


def test_whoever_is_below_the_cutoff_weighs_nothing():
    loose, best = 0.0, 0.5
    everybody = cooke(TOBACCO, SEEDS, levels=FIVE, cutoff=loose)
    few = cooke(TOBACCO, SEEDS, levels=FIVE, cutoff=best)
    for one, other in zip(everybody, few, strict=True):
        assert (other.weight > 0) == (one.calibration >= best)
        assert other.calibration == one.calibration
    with pytest.raises(InputError) as raised:
        cooke(TOBACCO, SEEDS, levels=FIVE, cutoff=0.99)
    assert raised.value.code == "no-weight"


def test_points_and_logarithms_of_nothing_have_no_score():
    for people, seed in (
        ({"a": [(1.0, 1.0, 2.0)]}, Seed(1.5)),
        ({"a": [(0.0, 1.0, 2.0)]}, Seed(1.5, logarithmic=True)),
    ):
        with pytest.raises(InputError) as raised:
            cooke(people, [seed])
        assert raised.value.code == "bad-calibration"
        assert "a states" in raised.value.message


def test_the_well_calibrated_outweigh_the_overconfident():
    truths = stats.norm.ppf((np.arange(20) + 0.5) / 20)
    honest = [tuple(stats.norm.ppf(LEVELS))] * 20
    proud = [tuple(stats.norm.ppf(LEVELS) / 10)] * 20
    wide = [tuple(stats.norm.ppf(LEVELS) * 10)] * 20
    weights = {
        s.expert: s.weight
        for s in cooke({"honest": honest, "proud": proud, "wide": wide}, [Seed(float(t)) for t in truths])
    }
    assert weights["honest"] > 0.95


def test_intervals_apart():
    assert apart({"a": (1, 2), "b": (2, 3), "c": (2.5, 4)}) == (("a", "c"),)
    assert apart({"a": (5, 6), "b": (1, 2)}) == (("b", "a"),)
    assert apart({"a": (1, 9)}) == ()


stated = st.tuples(st.floats(0.02, 0.3), st.floats(0.32, 0.6), st.floats(0.62, 0.97))


@settings(max_examples=40)
@given(st.lists(stated, min_size=1, max_size=4))
def test_an_equal_mixture_is_drawing_an_expert_and_then_a_value_of_theirs(answers):
    pool = tuple(Spread(p5=a, p50=b, p95=c, expert=str(n)) for n, (a, b, c) in enumerate(answers))
    mixture = fit(Spread(pool=pool), "probability")
    evenly = (np.arange(20_000) + 0.5) / 20_000
    sample = np.concatenate([fit(part, "probability").quantile(evenly) for part in pool])
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    below = [(sample <= value).mean() for value in mixture.quantile(levels)]
    assert below == pytest.approx(levels, abs=0.002)


@settings(max_examples=40)
@given(stated, st.integers(1, 5), st.sampled_from(["probability", "positive"]))
def test_identical_answers_give_that_distribution_back(values, experts, quantity):
    one = Spread(p5=values[0], p50=values[1], p95=values[2])
    pool = Spread(
        pool=tuple(Spread(p5=one.p5, p50=one.p50, p95=one.p95, expert=str(n)) for n in range(experts))
    )
    u = np.linspace(0.01, 0.99, 99)
    assert fit(pool, quantity).quantile(u) == pytest.approx(fit(one, quantity).quantile(u), rel=2e-3)
