"""The simulation of threats against published cases, closed forms of scipy, and brute force."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from halfdoor.core.errors import InputError
from halfdoor.core.risk.document import RiskModel, Spread, Step
from halfdoor.core.risk.harm.simulate import simulate
from halfdoor.core.risk.harm.success import Success, damage, tries
from halfdoor.core.risk.uncertainty.distributions import fit
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.risk.uncertainty.stratified import Stratified
from threats import RM6, threat, threats

Z95 = stats.norm.ppf(0.95)

# SaferAI's cyber risk model RM4 (LLM_elicitation, MIT): steps as (p5, mode, p95), and the published shares
# of ln(1/p) with means of the fitted Betas.
RM4 = {
    "access": ((0.25, 0.6, 0.9), 0.231),
    "execution": ((0.2, 0.5, 0.9), 0.274),
    "escalation": ((0.25, 0.7, 0.9), 0.204),
    "lateral movement": ((0.5, 0.65, 0.8), 0.180),
    "impact": ((0.6, 0.8, 0.9), 0.110),
}


def spread(low, mode, high):
    return Spread(p5=low, mode=mode, p95=high)


def run(*rows, **options):
    model = RiskModel(schema="halfdoor/risk-model/1", name="m", version="1", threat=rows)
    return simulate(model, **options)


def one(row, **options):
    return run(row, **options).threats[row.id]


def test_published_case_a_chance_of_success_to_the_digits():
    """SaferAI RM6 with the medians of the SPAR project's re-elicitation."""
    found = one(threat(*RM6)).p_success
    assert found.mean == pytest.approx(0.2313951, abs=5e-8)
    assert found.p5 == found.p95 == found.mean
    assert {name for name, step in found.steps.items() if step.share is None} == {
        "active scanning", "gather victim information", "acquire infrastructure", "build a botnet",
        "direct flood", "reflection",
    }  # fmt: skip
    shared = [s.share for s in (*found.steps.values(), *found.groups.values()) if s.share is not None]
    assert sum(shared) == pytest.approx(1, abs=1e-6)
    assert found.groups["impact"].mean == pytest.approx(1 - (1 - 0.449915) * (1 - 0.755165))


def test_published_case_b_bottlenecks_in_order():
    steps = [Step(name=name, p=spread(*stated)) for name, (stated, _) in RM4.items()]
    found = one(threat(*steps)).p_success
    for name, (stated, published) in RM4.items():
        assert found.steps[name].share == pytest.approx(published, abs=0.001), name
        assert found.steps[name].mean == pytest.approx(fit(spread(*stated), "probability").mean())
    order = sorted(found.steps, key=lambda name: -found.steps[name].share)
    assert order == ["execution", "access", "escalation", "lateral movement", "impact"]
    assert found.mean == pytest.approx(math.prod(step.mean for step in found.steps.values()))


@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("attempts", [1.0, 12.0])
def test_a_lognormal_loss_a_year_is_scipys(sigma, attempts):
    middle = 50_000.0
    cost = Spread(p5=middle * math.exp(-Z95 * sigma), p50=middle, p95=middle * math.exp(Z95 * sigma))
    found = one(threat(damage=cost, actors={"a": 1.0}, attempts={"a": attempts}))
    loss = stats.lognorm(sigma, scale=middle * attempts)
    harm = found.annual_harm
    assert harm.mean == pytest.approx(loss.mean(), rel=1e-4)
    assert harm.mean_se == pytest.approx(loss.std() / math.sqrt(20_000), rel=1e-3)
    for figure, level in ((harm.p5, 0.05), (harm.p50, 0.5), (harm.p95, 0.95)):
        assert figure == pytest.approx(loss.ppf(level), rel=2e-3)
    single = stats.lognorm(sigma, scale=middle)
    for x, frequency in found.event_frequency:
        assert frequency == pytest.approx(attempts * single.sf(x), rel=1e-4)


def test_a_product_of_lognormals_with_a_chance_is_scipys():
    """Frequency × magnitude: both lognormal, so that the annual loss is lognormal too."""
    often = Spread(low=2, high=50, confidence=0.9)
    cost = Spread(low=1e4, high=1e6, confidence=0.9)
    harm = one(
        threat(Step(name="x", p=0.2), damage=cost, actors={"a": 1.0}, attempts={"a": often})
    ).annual_harm
    sigmas = [math.log(50 / 2) / (2 * Z95), math.log(1e6 / 1e4) / (2 * Z95)]
    loss = stats.lognorm(math.hypot(*sigmas), scale=0.2 * math.sqrt(100) * math.sqrt(1e10))
    assert harm.mean == pytest.approx(loss.mean(), rel=1e-4)
    for figure, level in ((harm.p5, 0.05), (harm.p50, 0.5), (harm.p95, 0.95)):
        assert figure == pytest.approx(loss.ppf(level), rel=0.03)


@pytest.mark.parametrize(("sigma", "heavy"), [(2.0, False), (3.0, True)])
def test_a_heavy_tail_is_flagged_with_the_known_standard_error(sigma, heavy):
    """At 10^6 draws: 0.7 % of the mean at sigma 2, 9 % at sigma 3 (sqrt(exp(σ²) - 1) / 1000)."""
    cost = Spread(p5=math.exp(-Z95 * sigma), p50=1.0, p95=math.exp(Z95 * sigma))
    harm = one(threat(damage=cost, actors={"a": 1.0}, attempts={"a": 1.0}), draws=1_000_000).annual_harm
    relative = math.sqrt(math.exp(sigma * sigma) - 1) / 1000
    assert harm.mean_se / harm.mean == pytest.approx(relative, rel=1e-3)
    assert harm.heavy_tailed is heavy


def test_several_classes_of_actors_add_up():
    row = threat(
        Step(name="x", p=spread(0.1, 0.2, 0.4)),
        Step(name="y", p=spread(0.3, 0.5, 0.6), any_of="g"),
        Step(name="z", p=spread(0.2, 0.4, 0.8), any_of="g"),
        damage=spread(100, 300, 1500),
        actors={"a": spread(1, 3, 9), "b": 5.0},
        attempts={"a": spread(10, 20, 50), "b": spread(2, 9, 15)},
    )
    found, draws = one(row), Stratified(5, 400_000)
    each = (
        Success(row, draws).at(0.0)
        * sum(tries(row, actor, draws, 0.0) for actor in row.actors)
        * damage(row, draws, 0.0)
    )
    assert found.annual_harm.mean == pytest.approx(float(each.mean()), rel=0.01)
    assert found.annual_harm.mean_se * math.sqrt(20_000) == pytest.approx(float(each.std()), rel=0.03)
    for figure, level in ((found.annual_harm.p5, 0.05), (found.annual_harm.p95, 0.95)):
        assert figure == pytest.approx(float(np.quantile(each, level)), rel=0.04)
    rates = Success(row, draws).at(0.0) * sum(tries(row, actor, draws, 0.0) for actor in row.actors)
    for x, frequency in found.event_frequency:  # the draw's damage is every event's
        counted = float((rates * (damage(row, draws, 0.0) > x)).mean())
        assert frequency == pytest.approx(counted, rel=0.02, abs=2e-3 * float(rates.mean()))


def test_comonotone_figures_stand_beside_the_independent_ones():
    steps = [Step(name=f"s{i}", p=spread(0.1, 0.4, 0.8)) for i in range(3)]
    found = one(threat(*steps, damage=10.0, actors={"a": 2.0}, attempts={"a": 3.0}))
    levels = (np.arange(200_000) + 0.5) / 200_000
    cubed = fit(steps[0].p, "probability").quantile(levels) ** 3
    assert found.comonotone.p_success.mean == pytest.approx(float(cubed.mean()), rel=1e-4)
    assert found.comonotone.p_success.p95 == pytest.approx(float(np.quantile(cubed, 0.95)), rel=1e-3)
    assert found.comonotone.annual_harm.mean == pytest.approx(60 * float(cubed.mean()), rel=1e-4)
    assert found.p_success.mean < found.comonotone.p_success.mean


def test_uplift_is_the_same_at_capability_one():
    row = threat(
        Step(name="x", p=0.1, uplifted=0.4),
        damage=10.0,
        damage_uplifted=20.0,
        actors={"a": 1.0},
        actors_uplifted={"a": 3.0},
        attempts={"a": 7.0},
    )
    found = one(row)
    assert found.has_uplift
    assert found.annual_harm.mean == pytest.approx(7)
    assert found.uplifted.annual_harm.mean == pytest.approx(3 * 7 * 0.4 * 20)
    assert found.uplifted.p_success.steps["x"].mean == 0.4
    assert [x for x, _ in found.event_frequency] == [x for x, _ in found.uplifted.event_frequency]
    assert dict(found.event_frequency)[10.0] == 0  # above 10, strictly
    assert dict(found.uplifted.event_frequency)[10.0] == pytest.approx(8.4)
    assert not one(threat(Step(name="x", p=0.1))).has_uplift


@settings(max_examples=60, deadline=None)
@given(
    threats(),
    st.sampled_from((2.0, Spread(p5=1, mode=5, p95=80))),
    st.sampled_from((None, 0.5, Spread(p5=2, p50=4, p95=9))),
)
def test_uplift_lowers_no_figure(row, plain, uplifted):
    row = msgspec.structs.replace(
        row,
        damage=plain,
        damage_uplifted=uplifted,
        actors={"a": plain},
        actors_uplifted={} if uplifted is None else {"a": uplifted},
        attempts={"a": 3.0},
    )
    low = one(row, draws=200)
    for name in ("mean", "p5", "p50", "p95"):
        near = 1 - 1e-7
        assert getattr(low.uplifted.p_success, name) >= getattr(low.p_success, name) * near
        assert getattr(low.uplifted.annual_harm, name) >= getattr(low.annual_harm, name) * near
    for (_, before), (_, after) in zip(low.event_frequency, low.uplifted.event_frequency, strict=True):
        assert after >= before * (1 - 1e-7)
    frequencies = [frequency for _, frequency in low.event_frequency]
    assert frequencies == sorted(frequencies, reverse=True)


def test_a_pool_of_experts_is_simulated_as_their_mixture():
    pool = Spread(pool=(Spread(p5=1, p50=2, p95=4), Spread(p5=50, p50=100, p95=200, weight=3)))
    found = one(threat(damage=pool, actors={"a": 1.0}, attempts={"a": 1.0}))
    sigma = math.log(2) / Z95
    experts = [(0.25, stats.lognorm(sigma, scale=2)), (0.75, stats.lognorm(sigma, scale=100))]
    assert found.annual_harm.mean == pytest.approx(sum(w * e.mean() for w, e in experts), rel=1e-4)
    for x, frequency in found.event_frequency:
        assert frequency == pytest.approx(sum(w * e.sf(x) for w, e in experts), rel=1e-4)
    for level in (found.annual_harm.p5, found.annual_harm.p50, found.annual_harm.p95):
        below = sum(w * e.cdf(level) for w, e in experts)
        assert min(abs(below - p) for p in (0.05, 0.5, 0.95)) < 2e-3


def test_what_the_spread_of_damage_is_changes_no_mean():
    row = threat(Step(name="x", p=0.3), damage=spread(1, 3, 20), actors={"a": 4.0}, attempts={"a": 2.0})
    assert one(row) == one(msgspec.structs.replace(row, spread="event"))


def test_a_step_that_cannot_fail_or_never_succeeds():
    sure = one(threat(Step(name="x", p=1.0))).p_success
    assert (sure.mean, sure.steps["x"].share) == (1, 0)
    never = one(threat(Step(name="x", p=0.0), Step(name="y", p=0.5))).p_success
    assert (never.mean, never.steps["x"].share, never.steps["y"].share) == (0, 1, 0)


def test_a_threat_with_nothing_but_a_name_has_no_harm():
    found = one(threat())
    assert found.p_success.mean == 1
    assert found.annual_harm.mean == found.annual_harm.mean_se == 0
    assert found.event_frequency == []


@pytest.mark.parametrize(
    "stated",
    [1e-6, 5.0, Spread(p5=1e-12, p50=1.0, p95=1e12), Spread(p5=1e-100, p50=1, p95=1e100), 1e299],
)
def test_the_curve_has_a_grid_that_can_be_read(stated):
    curve = one(threat(damage=stated, actors={"a": 1.0}, attempts={"a": 1.0}), draws=10).event_frequency
    assert 2 <= len(curve) <= 80
    for x, frequency in curve:
        assert f"{x:e}"[0] in "125"
        assert 0 <= frequency <= 1
    assert curve[0][1] > 0.9
    assert curve[-1][1] <= 0.0101


def test_numbers_beyond_all_bounds_end_too():
    found = one(threat(damage=Spread(p5=1e-280, p50=1, p95=1e280), actors={"a": 1e9}, attempts={"a": 1e9}))
    assert found.annual_harm.mean == math.inf
    assert found.annual_harm.heavy_tailed
    assert found.event_frequency == []


def test_percentiles_hardly_hang_on_the_seed():
    row = threat(damage=Spread(p5=1, p50=20, p95=400), actors={"a": 1.0}, attempts={"a": 1.0})
    p95 = [one(row, seed=seed, draws=2000).annual_harm.p95 for seed in range(5)]
    assert max(p95) / min(p95) < 1.02
    plain = [float(np.quantile(damage(row, Draws(seed, 2000), 0.0), 0.95)) for seed in range(5)]
    assert max(plain) / min(plain) > 1.05  # what it would be without the strata


def test_strata_are_each_met_once():
    draws = Stratified(4, 1000)
    values = np.sort(draws.uniform("x"))
    assert (np.floor(values * 1000) == np.arange(1000)).all()
    assert (draws.uniform("x") == Stratified(4, 1000).uniform("x")).all()
    assert abs(np.corrcoef(draws.uniform("x"), draws.uniform("y"))[0, 1]) < 0.1


def test_a_threat_counts_the_same_beside_others():
    rows = [
        threat(*RM6, id=name, damage=spread(1, 2, 3), actors={"a": 1.0}, attempts={"a": 1.0}) for name in "ab"
    ]
    both = run(*rows)
    assert list(both.threats) == ["a", "b"]
    assert run(*rows, threats=["b"]).threats == {"b": both.threats["b"]}
    assert both.threats["a"].annual_harm != both.threats["b"].annual_harm  # streams of their own
    assert run(*rows) == both


def test_an_unknown_threat_names_the_nearest():
    with pytest.raises(InputError) as raised:
        run(threat(id="OC3-ddos"), threats=["OC3-dos"])
    assert raised.value.code == "unknown-threat"
    assert "OC3-ddos" in raised.value.remedy
