"""The numbers behind layer B of the shipped risk model: the published digits, and what was made of them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from halfdoor.core.risk.document import Spread
from halfdoor.core.risk.uncertainty.distributions import fit
from halfdoor.readers import library

ROOT = Path(__file__).resolve().parents[2]

# SaferAI, LLM_elicitation (MIT), input_data/scenario: 5th percentile, mode, 95th percentile. A mode alone is
# all that the source states of that step.
SAFERAI = {
    "OC1-phishing": {
        "class": "OC1",
        "actors": (2500, 5000, 15000),
        "attempts": (10, 70, 150),
        "damage": (30000, 70000, 130000),
        "steps": {
            "TA0042 - Resource Development": (0.6, 0.8, 0.9),
            "TA0001 - Initial Access": (0.4, 0.53, 0.6),
            "TA0002 - Execution": (0.25, 0.56, 0.7),
            "TA0003 - Persistence": (0.35, 0.5, 0.65),
            "TA0007 - Discovery": (0.3, 0.6, 0.9),
            "T1565.001 - Impact: Stored Data Manipulation": (0.15, 0.4, 0.7),
            "T1657 - Impact: Financial Theft": (0.3, 0.6, 0.75),
        },
    },
    "OC2-data-breach": {
        "class": "OC2",
        "actors": (100, 300, 1000),
        "attempts": (3, 20, 40),
        "damage": (770000, 2.7e6, 7.2e6),
        "steps": {
            "TA0043 - Reconnaissance": (0.95, 0.99, 1.0),
            "TA0042 - Resource Development": (0.8, 0.85, 0.95),
            "TA0001 - Initial Access": (0.4, 0.6, 0.9),
            "TA0004 - Privilege Escalation": (0.5, 0.8, 0.95),
            "TA0008 - Lateral Movement": (0.6, 0.75, 0.95),
            "T1213 - Collection: Data from Information Repositories": (0.55, 0.8, 0.85),
            "T1074 - Collection: Data Staged": (0.5, 0.7, 0.8),
            "TA0010 - Exfiltration": (0.5, 0.85, 0.95),
            "TA0041 - Impact": (0.3, 0.5, 0.6),
        },
    },
    "OC2-access-broker": {
        "class": "OC2",
        "actors": (25, 55, 100),
        "attempts": (15000, 50000, 100000),
        "damage": (855, 3600, 17600),
        "steps": {
            "T1566.002 - Initial Access: Spearphishing Link": (0.07, 0.15, 0.35),
            "TA0002 - Execution": (0.1, 0.4, 0.6),
            "TA0006 - Credential Access": (0.5, 0.8, 0.95),
            "TA0011 - Command-and-Control": (0.5, 0.7, 0.9),
        },
    },
    "OC3-ddos": {
        "class": "OC3",
        "actors": (7, 15, 30),
        "attempts": (50, 150, 300),
        "damage": (3.5e6, 1.81e7, 1.033e8),
        "steps": {
            "T1595 - Reconnaissance: Active Scanning": (0.7, 0.8, 0.9),
            "T1590 - Reconnaissance: Gather Victim Network Information": (0.5, 0.7, 0.9),
            "T1583.005 - Resource Development: Acquire Botnet": (0.85, 0.9, 0.95),
            "T1584.005 - Resource Development: Build/Compromise Botnet": (None, 0.6, None),
            "T1036 - Defense Evasion: Masquerading": (0.5, 0.7, 0.85),
            "T1571 - Defense Evasion: Non-Standard Port": (0.2, 0.4, 0.6),
            "TA0011 - Command-and-Control": (0.4, 0.7, 0.9),
            "T1498.001 - Impact: Direct Network Flood": (0.2, 0.4, 0.6),
            "T1498.002 - Impact: Reflection/Amplification Attack": (None, 0.7, None),
        },
    },
    "OC3-ransomware": {
        "class": "OC3",
        "actors": (1, 10, 40),
        "attempts": (75, 200, 500),
        "damage": (300000, 650000, 1.5e6),
        "steps": {
            "TA0001 - Initial Access": (0.25, 0.6, 0.9),
            "TA0002 - Execution": (0.2, 0.5, 0.9),
            "TA0004 - Privilege Escalation": (0.25, 0.7, 0.9),
            "TA0008 - Lateral Movement": (0.5, 0.65, 0.8),
            "TA0009 - Collection": (None, 0.9, None),
            "TA0040 - Data Encryption & System Disruption": (None, 0.8, None),
            "TA0041 - Extortion": (0.15, 0.3, 0.5),
        },
    },
}
SOMEBODY_ELSE_DECIDES = {"TA0041 - Impact", "TA0041 - Extortion", "T1657 - Impact: Financial Theft"}
ALL_BUT_SURE = {"TA0043 - Reconnaissance"}


@pytest.fixture(scope="module")
def model():
    return library.load_risk_model("public-2026")


@pytest.fixture(scope="module")
def threats(model):
    return {threat.id: threat for threat in model.threat}


def _stated(number):
    """(p5, mode, p95) as written; nothing else may be stated."""
    assert number == Spread(p5=number.p5, mode=number.mode, p95=number.p95)
    return number.p5, number.mode, number.p95


def _mean(number, quantity):
    return fit(number, quantity).mean()


@pytest.mark.parametrize("name", SAFERAI)
def test_the_published_cyber_threats_digit_by_digit(threats, name):
    threat, published = threats[name], SAFERAI[name]
    assert _stated(threat.actors[published["class"]]) == published["actors"]
    assert _stated(threat.attempts[published["class"]]) == published["attempts"]
    assert _stated(threat.damage) == published["damage"]
    assert {step.name: _stated(step.p) for step in threat.step} == published["steps"]
    assert threat.unit == "USD"
    assert "SaferAI" in threat.source


def test_only_the_three_published_pairs_are_alternatives(threats):
    for name in SAFERAI:
        groups = [step.any_of for step in threats[name].step if step.any_of]
        expected = ["reconnaissance", "resource development", "impact"] if name == "OC3-ddos" else []
        assert groups == [group for group in expected for _ in range(2)]


def test_cyber_uplift_is_one_rule_and_not_chosen_step_by_step(threats):
    """The odds three times as high, rounded; none where somebody else decides or nothing is left to gain."""
    for name in SAFERAI:
        for step in threats[name].step:
            if step.name in SOMEBODY_ELSE_DECIDES | ALL_BUT_SURE:
                assert step.uplifted is None
                continue
            for plain, full in zip(_stated(step.p), _stated(step.uplifted), strict=True):
                assert (plain is None) == (full is None)
                if plain is not None:
                    assert full == pytest.approx(3 * plain / (1 + 2 * plain), abs=0.0051)


def test_uplift_is_never_downwards(model):
    for threat in model.threat:
        pairs = [(step.p, step.uplifted, "probability") for step in threat.step]
        pairs += [(threat.damage, threat.damage_uplifted, "positive")]
        for plain, full in (
            (threat.actors, threat.actors_uplifted),
            (threat.attempts, threat.attempts_uplifted),
        ):
            pairs += [(plain[actor], full[actor], "positive") for actor in full]
        for plain, full, quantity in pairs:
            if full is not None:
                assert _mean(full, quantity) > _mean(plain, quantity)


def test_the_biology_threats_divide_one_published_forecast(threats):
    """0.3 % a year, 1.5 % with capable models: the medians of both threats, by class, add up to it."""
    parts = [threats["epidemic"], threats["epidemic-novice"]]
    shares = [
        (threat, threat.actors[actor] * threat.attempts[actor]) for threat in parts for actor in threat.actors
    ]
    assert sum(share for _, share in shares) == pytest.approx(1)
    plain = sum(share * math.prod(step.p.p50 for step in t.step) for t, share in shares)
    full = sum(share * math.prod(step.uplifted.p50 for step in t.step) for t, share in shares)
    assert plain == pytest.approx(0.003, rel=0.02)
    assert full == pytest.approx(0.015, rel=0.02)
    for digits in ("0.3 %", "1.5 %", "0.4 %"):
        assert digits in threats["epidemic"].source


def test_laboratory_uplift_is_the_published_ratio_within_its_interval(threats):
    step = threats["epidemic-novice"].step[0]
    assert step.p.p50 == 0.066
    assert step.uplifted.p50 / step.p.p50 == pytest.approx(1.4, rel=0.01)
    assert 1 <= step.uplifted.p5 / step.p.p5 < 2.62  # published from 0.74 on; a worse tool is not used
    assert 1 <= step.uplifted.p95 / step.p.p95 < 2.62


def test_an_epidemic_is_as_large_as_the_question_asks(threats):
    for name in ("epidemic", "epidemic-novice"):
        assert threats[name].unit == "deaths"
        assert threats[name].damage.p5 == 1e5
        assert threats[name].damage.p95 == pytest.approx(14.9e6, rel=0.02)


def test_fraud_is_scaled_to_the_losses_that_were_reported(threats):
    """The modes give about the 256,256 losses of 2024; damage has the one median and the other mean."""
    threat = threats["fraud-by-message"]
    messages = sum(threat.actors[a].mode * threat.attempts[a].mode for a in threat.actors)
    losses = messages * math.prod(step.p.mode for step in threat.step)
    assert losses == pytest.approx(256_256, rel=0.05)
    assert threat.damage.p50 == 500
    assert _mean(threat.damage, "positive") == pytest.approx(19_372, rel=0.05)
    followed = next(step for step in threat.step if step.uplifted is not None)
    assert (followed.p.mode, followed.uplifted.mode) == (0.12, 0.54)


def test_counts_of_actors_are_those_their_sources_give(threats):
    assert threats["influence-campaign"].actors["state-campaign"].mode == 81
    assert threats["influence-campaign"].actors["campaign-firm"].p5 == 65
    assert threats["stalking"].actors["stalker"].mode == 3.4e6
    assert threats["mass-surveillance"].actors["state-service"].p5 == 75
    assert threats["stalking"].step[0].uplifted.mode == 0.85


def test_every_domain_has_a_threat_a_unit_and_routes_with_modes(model):
    modes = {ability.id: ability.mode for ability in model.ability}
    assert {threat.domain for threat in model.threat} == {domain.id for domain in model.domain}
    for threat in model.threat:
        ways = (threat.needs, *threat.routes)
        assert all(ways)
        assert len(set(ways)) == len(ways)
        assert set(ways) <= set(modes)
        assert threat.words
    assert modes["use-model"] == "filtered"
    assert modes["jailbreak"] == modes["strip-safeguards"] == modes["run-unfiltered"] == "unfiltered"
    assert modes["restore-capability"] == modes["fine-tune"] == "fine-tuned"


def test_the_lag_of_open_models_spans_the_published_averages(model):
    """3 months (Epoch AI 2025), 4 (2026), about 8 (CAISI 2026)."""
    lag = model.exposure.public_lag_days
    assert (lag.p5, lag.mode, lag.p95) == (3 * 30, 4 * 30, 8 * 30)


def test_copies_grow_with_the_audience_and_a_patch_never_reaches_all(model):
    for flaw in model.flaw:
        means = [_mean(flaw.copies[g], "positive") for g in ("staff", "vetted", "identified", "anyone")]
        assert means == sorted(means)
        assert 0 < _mean(flaw.uptake, "probability") < 1
    assert next(f for f in model.flaw if f.id == "defect").uptake.mode == pytest.approx(1 - 0.41)


def test_defence_averts_less_than_half_of_anything(model):
    """It is kept apart from gross exposure; a row that averted most of it would have to be shown."""
    for row in model.defence:
        parts = (row.finding, row.fixing, row.rollout, row.uptake)
        assert math.prod(_mean(part, "probability") for part in parts) < 0.1
    fixing = next(row for row in model.defence if row.domain == "cyber").fixing
    assert fixing.mode == pytest.approx(0.61 / 0.77, abs=0.005)


def test_no_single_safeguard_stops_more_than_all_together_were_forecast_to(model):
    """1.5 % to 0.4 % is 92 % of what models add to 0.3 %."""
    together = (0.015 - 0.004) / (0.015 - 0.003)
    for row in model.stop:
        assert fit(row.p, "probability").quantile(np.asarray([0.95]))[0] < together


def test_most_of_the_model_is_judgement_and_this_is_how_much(model):
    """Rows without a source, of all rows with numbers: the figures that the guide states."""
    guide = " ".join((ROOT / "docs" / "guide" / "risk-models-and-policies.md").read_text("utf-8").split())
    tables = (
        "actor", "rule", "domain", "claim", "threat", "stop", "flaw", "defence", "reach", "leak", "benefit",
        "alternative",
    )  # fmt: skip
    rows = [row for table in tables for row in getattr(model, table)]
    assert all(row.source or row.judgement for row in rows)
    share = sum(not row.source for row in rows) / len(rows)
    assert f"{share:.0%}".replace("%", " %") + " of the rows with numbers have no source" in guide
    harm = [row for table in ("threat", "stop", "flaw", "defence") for row in getattr(model, table)]
    sourced = sum(bool(row.source) for row in harm)
    assert f"of the {len(harm)} rows on harm {sourced} have a source for some of their numbers" in guide
    assert all(row.judgement for row in harm), "every row of harm rests in part on judgement, and says so"
