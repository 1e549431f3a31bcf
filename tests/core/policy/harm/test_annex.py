"""The annex on harm: figures against the draws, units apart, assumptions said, and nothing decided."""

import itertools
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings

from halfdoor.core.annex import Harm
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.policy.document import Band, Frequency, NetTable
from halfdoor.core.policy.harm.annex import Harms
from halfdoor.core.risk.document import Defence, Exposure, Flaw, Leak, Spread, Step, Threat
from harms import harmful, situation
from worlds import DAY, example, score

replace = msgspec.structs.replace


def threat(id_="t", **fields):
    given_ = {
        "domain": "d",
        "needs": "strip",
        "damage": 10.0,
        "actors": {"a": 1.0},
        "attempts": {"a": 2.0},
        "step": (Step(name="s", p=0.1, uplifted=0.9),),
        "words": "somebody does harm",
        "source": "s",
    }
    return Threat(id=id_, **(given_ | fields))


def asked(*threats, policy=None, model=None, **fields):
    question = example(**fields)
    cheap = tuple(replace(rule, cost=1.0) for rule in question.risk_model.rule)
    return replace(
        question,
        policy=replace(question.policy, **(policy or {})),
        risk_model=replace(question.risk_model, rule=cheap, threat=threats, **(model or {})),
    )


def annex(question) -> Harm:
    now = situation(question)
    everything = Configuration({i: ["anyone"] for i in now.items}, now.gates.access.around.groups)
    return Harms(now).annex(now.proposed, everything)


def test_a_model_without_threats_has_no_annex():
    assert annex(asked()) is None


def test_the_figures_of_a_closed_form():
    found = annex(asked(threat(), policy={"horizon_years": Decimal(3)}, group="anyone"))
    row = found.threats[0]
    # With nothing shared .001 a year steal the weights, over three years.
    stolen = 1 - 0.999**3
    assert row.baseline_per_year.mean == pytest.approx(20 * (0.1 + 0.8 * stolen), rel=5e-3)
    assert row.added_per_year.mean == pytest.approx(20 * 0.8 * (1 - stolen), rel=5e-3)
    assert row.added_committed.mean == pytest.approx(3 * 20 * 0.8 * (1 - stolen), rel=5e-3)
    assert row.attempts_per_year.mean == pytest.approx(2 * 0.8 * (1 - stolen), rel=5e-3)
    assert row.added_per_year.mean_se is None  # nothing is uncertain here
    assert found.horizon_years == 3
    assert "over 3 years" in found.sentences[0]


def test_units_are_never_added():
    found = annex(asked(threat(), threat("deadly", unit="deaths", damage=3.0)))
    assert [curve.unit for curve in found.curves] == ["USD", "deaths"]
    assert {run.unit for run in found.runs} == {"USD", "deaths"}
    money, lives = found.sentences[:2]
    assert money.startswith(
        "As proposed, and counted as fully capable where not measured, this model adds $16 "
    )
    assert "beside $2" in money
    assert "deaths" not in money
    assert lives.startswith("It adds 4.8 deaths")


def test_the_first_sentence_says_only_of_the_unmeasured_that_it_is_counted_as_fully_capable():
    measured = annex(asked(threat(), claims=(score(70, methods=("a", "b"), mode="fine-tuned"),)))
    assert measured.sentences[0].startswith("As proposed, this model adds $")
    assert "fully capable" in annex(asked(threat())).sentences[0]


def test_averages_over_rare_events_are_called_so():
    rare = {"unit": "deaths", "damage": 1e6, "attempts": {"a": 0.05}}  # .05 × .1 a year with nothing shared
    said = annex(asked(threat(**rare))).sentences[1]
    assert "rare events" in said
    assert "one in 200 years" in said or "one in 190 years" in said  # theft adds a little
    assert not any("rare" in line for line in annex(asked(threat(attempts={"a": 20.0}))).sentences)


def test_nothing_added_is_said_to_be_there_already():
    for question in (asked(threat(), group="nobody"), asked(threat(step=(Step(name="s", p=0.5),)))):
        found = annex(question)
        assert "nothing that is not there already" in found.sentences[0]
        assert found.threats[0].added_per_year.p95 == 0
    assert any("No uplift is stated for t" in line for line in found.assumptions)


def test_what_was_assumed_is_said():
    found = annex(asked(threat()))
    said = " ".join(found.assumptions)
    for words in ("counted as fully capable", "No time of withdrawal", "No credit"):
        assert words in said
    stated = annex(asked(threat(), claims=(score(70),), model={"exposure": Exposure(withdrawal_days=9)}))
    assert "fully capable" not in " ".join(stated.assumptions)
    assert "withdrawal" not in " ".join(stated.assumptions)
    out = annex(asked(threat(), compute=1e20))
    assert any("out of scope" in line for line in out.assumptions)
    assert out.threats[0].added_per_year.mean == 0


BANDS = (Band(id="small", unit="USD", at_least=5), Band(id="rare", unit="USD", at_least=1e6))


def test_a_band_without_a_line_is_shown_and_not_judged():
    found = annex(asked(threat(), policy={"band": BANDS}))
    small, rare = found.bands
    assert small.outcome == rare.outcome == "not-applicable"
    assert small.added_per_year == pytest.approx(1.6, rel=5e-3)
    assert rare.added_per_year == 0
    assert rare.exceeded_in_a_year == "< 0.2"  # 100 of 500 draws
    # P(at least one event) of a Poisson number with mean 1.6, its rate being certain
    assert float(small.exceeded_in_a_year) == pytest.approx(1 - np.exp(-1.6), abs=0.06)
    assert not found.binding


@pytest.mark.parametrize(("line", "outcome"), [("1.5", "fail"), ("1.7", "pass")])
def test_a_band_with_a_line_is_held_against_it(line, outcome):
    row = Frequency(band="small", per_year=Decimal(line), clause="c")
    found = annex(asked(threat(), policy={"band": BANDS, "frequency": (row,)}))
    assert found.binding
    assert [(b.outcome, b.allowed_per_year, b.confidence, b.clause) for b in found.bands[:1]] == [
        (outcome, line, "0.95", "c")
    ]
    assert found.bands[1].outcome == "not-applicable"


@given(harmful(draws=120, frequency=True))
@settings(max_examples=25, deadline=None)
def test_the_annex_agrees_with_the_rows_that_bind(question):
    now = situation(question)
    found = Harms(now).annex(now.proposed, now.proposed)
    rows = {row.row: row for row in now.rows().frequencies}
    failing = {r.band for r in question.policy.frequency if not rows[r].kept(now.proposed)}
    assert {band.band for band in found.bands if band.outcome == "fail"} == failing
    for curve in found.curves:  # each line of the policy lies on the curve
        lines = [band.at_least for band in question.policy.band if band.unit == curve.unit]
        assert all(curve.x[0] <= line <= curve.x[-1] for line in lines)
        for values in (curve.nothing, curve.proposed, curve.widest):
            assert all(a >= b for a, b in itertools.pairwise(values))
        assert all(a <= b for a, b in zip(curve.nothing, curve.proposed, strict=True))
        assert curve.proposed == curve.widest
    for row in found.threats:
        assert row.added_per_year.p5 <= row.added_per_year.p50 <= row.added_per_year.p95
        if now.policy.horizon_years >= 1:
            assert row.added_committed.mean >= row.added_per_year.mean * (1 - 1e-2)


def test_a_heavy_tail_is_flagged_and_a_steady_number_is_not():
    heavy = Spread(p5=1, p50=1e4, p95=1e8)  # sigma 5.6: no number of draws gives its mean
    found = annex(asked(threat(), threat("heavy", damage=heavy)))
    assert [row.heavy_tailed for row in found.threats] == [False, True]
    assert any("means for heavy rest on few draws" in sentence for sentence in found.sentences)
    assert all("do not rely on it" in run.words for run in found.runs)
    steady = annex(asked(threat()))
    assert not any("rely" in run.words for run in steady.runs)
    assert not any("percentiles" in sentence for sentence in steady.sentences)
    flaw = Flaw(id="f", open=heavy, harm=3.0, uptake=0.5, copies={"vetted": 9.0}, source="s")
    flawed = annex(asked(threat(), model={"flaw": (flaw,)}))
    assert any("means for f rest" in sentence for sentence in flawed.sentences)


def test_flaws_count_copies_beyond_those_that_are_out():
    flaw = Flaw(id="f", open=2.0, harm=3.0, uptake=0.5, copies={"vetted": 10.0, "anyone": 100.0}, source="s")
    shared = annex(asked(threat(), model={"flaw": (flaw,)}, group="vetted"))
    assert shared.flaws[0].per_year.mean == pytest.approx(30)
    hosted = annex(asked(threat(), model={"flaw": (flaw,)}, group="nobody"))
    assert hosted.flaws[0].per_year.mean == 0
    policy = {"scope": replace(example().policy.scope, already_public=False)}
    out = annex(asked(threat(), model={"flaw": (flaw,)}, policy=policy, public=DAY))
    assert out.flaws[0].per_year.mean == 0  # what is public already has its copies


def test_net_stands_beside_gross_and_counts_what_is_open():
    quick = Defence(
        domain="d",
        item="final-parameters",
        group="vetted",
        finding=1,
        fixing=0.5,
        rollout=1,
        uptake=0.5,
        source="x",
    )
    opened = annex(asked(threat(), model={"defence": (quick,)})).net[0]
    assert opened.net_per_year == pytest.approx(0.75 * opened.gross_per_year, rel=5e-3)
    assert opened.averted == "0.25"
    assert "x" in opened.evidence
    narrow = annex(asked(threat(), model={"defence": (quick,)}, group="auditors")).net[0]
    assert narrow.averted == "0.00"
    assert "nothing" in narrow.evidence


def test_net_makes_a_line_kept_only_where_the_policy_says_why():
    quick = Defence(
        domain="d", item="final-parameters", group="vetted", finding=1, fixing=1, rollout=1, uptake=1
    )
    row = Frequency(band="small", per_year=Decimal("0.01"))
    for net, outcome in ((None, "fail"), (NetTable(why="w"), "pass")):
        policy = {"band": BANDS, "frequency": (row,), "net": net}
        assert annex(asked(threat(), policy=policy, model={"defence": (quick,)})).bands[0].outcome == outcome


def test_steps_that_hang_together_succeed_more_often():
    unsure = Spread(p5=0.1, mode=0.3, p95=0.7)
    sure = Spread(p5=0.4, mode=0.7, p95=0.95)
    rows = tuple(Step(name=n, p=unsure, uplifted=sure) for n in "abcd")
    apart, together = annex(asked(threat(step=rows))).runs
    assert together.added_per_year > 1.2 * apart.added_per_year
    assert "mean" in apart.words


def test_elicitation_gaps_are_run_at_three_correlations_where_they_can_matter():
    question = asked(threat())
    twin = replace(question.risk_model.domain[0], id="e", claims=("e.score",))
    actor = replace(question.risk_model.actor[0], id="b", domain="e")
    model = replace(
        question.risk_model,
        domain=(*question.risk_model.domain, twin),
        actor=(*question.risk_model.actor, actor),
        threat=(threat(), threat("u", domain="e", actors={"b": 1.0}, attempts={"b": 2.0})),
    )
    policy = replace(
        question.policy,
        limit=(*question.policy.limit, replace(question.policy.limit[0], domain="e", actor="b")),
        margins=replace(question.policy.margins, elicitation=Decimal("0.3")),
    )
    claims = tuple(score(400, 1000, id=f"{d}.score", methods=("a",), mode="fine-tuned") for d in "de")
    found = annex(replace(question, risk_model=model, policy=policy, claims=claims, draws=4000))
    highs = [run.added_per_year for run in found.runs if "correlated" in run.words]
    assert len(highs) == 3
    assert highs[0] < highs[2]
    assert annex(asked(threat(), claims=claims)).runs == [
        run for run in annex(asked(threat(), claims=claims)).runs if "correlated" not in run.words
    ]


def test_how_much_rests_on_judgement_is_counted():
    judged = annex(asked(threat(source="", judgement="j")))
    sourced = annex(asked(threat()))
    assert float(judged.threats[0].judgement_share) > float(sourced.threats[0].judgement_share)
    assert any("judgements" in sentence for sentence in sourced.sentences)


def test_the_same_seed_gives_the_same_annex_and_draws_more_or_less_the_same_figures():
    unsure = threat(damage=Spread(p5=1, mode=5, p95=60), spread="event")
    leak = {"leak": (Leak(group="vetted", leaks=1, years=3),)}
    question = asked(unsure, policy={"band": BANDS}, model=leak, group="vetted", draws=4000)
    assert annex(question) == annex(question)
    other = annex(replace(question, seed=9)).threats[0].added_per_year.mean
    assert other == pytest.approx(annex(question).threats[0].added_per_year.mean, rel=0.1)
