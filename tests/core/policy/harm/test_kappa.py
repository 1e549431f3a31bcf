"""Capability as draws: in the order of the modes, at its worst where nothing is measured, gaps as margins."""

import datetime as dt
from decimal import Decimal

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.assess import _grounds, _standings
from halfdoor.core.policy.harm.kappa import MODES, capability_draws, tier_span
from halfdoor.core.question import groups_of, proposal
from halfdoor.core.risk.document import ClaimKind, Domain, PublishedClaim, Reference, References
from halfdoor.core.risk.uncertainty.draws import Draws
from worlds import DAY, example, score

replace = msgspec.structs.replace
DRAWS = Draws(4, 4000)


def drawn(question, correlation=None, domain="d"):
    grounds = _grounds(question)
    standings = _standings(question, grounds, proposal(question, groups_of(question.policy)), ())
    stated = next(d for d in question.risk_model.domain if d.id == domain)
    return capability_draws(stated, standings[domain], grounds, DRAWS, correlation), standings[domain]


@st.composite
def claims(draw):
    return tuple(
        score(
            draw(st.integers(0, 100)),
            mode=mode,
            methods=draw(st.sampled_from((("a",), ("a", "b")))),
            measured=draw(st.sampled_from((DAY, DAY, DAY + dt.timedelta(days=3)))),
        )
        for mode in draw(st.lists(st.sampled_from(MODES), max_size=4))
    )


@given(claims())
@settings(max_examples=80, deadline=None)
def test_the_modes_rise_in_every_draw(evidence):
    found, _ = drawn(example(claims=evidence))
    filtered, unfiltered, tuned = (found.modes[mode] for mode in MODES)
    assert (filtered >= 0).all()
    assert (filtered <= unfiltered).all()
    assert (unfiltered <= tuned).all()
    assert (tuned <= 1).all()


@given(claims())
@settings(max_examples=60, deadline=None)
def test_what_is_not_measured_is_at_its_worst(evidence):
    found, standing = drawn(example(claims=evidence))
    without, _ = drawn(example(claims=()))
    assert all((without.modes[mode] == 1).all() for mode in MODES)
    assert "not measured" in without.words[0]
    if standing.capability.total is None:
        assert all((found.modes[mode] == 1).all() for mode in MODES)


def test_a_well_measured_score_is_its_posterior():
    found, _ = drawn(example(claims=(score(30, mode="fine-tuned"),)))
    for mode in MODES:
        assert found.modes[mode].mean() == pytest.approx(30.5 / 101, abs=0.002)
        assert found.modes[mode].std() == pytest.approx(np.sqrt(0.302 * 0.698 / 102), rel=0.05)


def test_margins_are_gaps_of_that_mean_where_the_step_was_not_measured():
    found, _ = drawn(example(claims=(score(30, mode="filtered", methods=("a",)),)))
    means = [found.modes[mode].mean() for mode in MODES]
    assert means[0] == pytest.approx(30.5 / 101 + 0.1, abs=0.003)  # elicitation
    assert means[1] - means[0] == pytest.approx(0.1, abs=0.003)  # circumvention
    assert means[2] - means[1] == pytest.approx(0.05, abs=0.003)  # growth
    gaps = found.modes["unfiltered"] - found.modes["filtered"]
    assert gaps.min() >= 0
    assert gaps.max() <= 0.2 + 1e-9


def test_a_filter_counts_only_where_it_was_measured_in_earnest():
    bare = score(60)
    weak = score(10, mode="filtered", methods=("a",))
    earnest = score(10, mode="filtered")
    for claims_, lower in (((bare,), False), ((bare, weak), False), ((bare, earnest), True)):
        found, _ = drawn(example(claims=claims_))
        assert (found.modes["filtered"] < found.modes["unfiltered"] - 0.1).all() == lower
    model = example().risk_model
    two = replace(model, domain=(Domain(id="d", claims=("d.score", "d.more"), map=((0, 0), (1, 1))),))
    both = (bare, replace(bare, id="d.more", passes=50), earnest)  # nobody tried the filter on `d.more`
    found, _ = drawn(example(claims=both, risk_model=two))
    assert (found.modes["filtered"] == found.modes["unfiltered"]).all()


def test_evidence_that_may_not_count_in_favour_is_a_floor():
    stale = score(90, measured=DAY - dt.timedelta(days=100))
    policy = replace(example().policy, evidence_max_age_days=30)
    found, standing = drawn(example(claims=(score(20), stale), policy=policy))
    assert standing.capability.against > 0.9
    assert found.modes["filtered"].min() == pytest.approx(standing.capability.against)
    assert "still counts against" in found.words[-1]


def test_elicitation_gaps_hang_together_across_domains_as_stated():
    twin = tuple(
        Domain(id=name, claims=(f"{name}.score",), map=((0.0, 0.0), (1.0, 1.0)), elicitation_correlation=0.9)
        for name in ("d", "e")
    )
    model = replace(example().risk_model, domain=twin)
    claims_ = tuple(score(300, 1000, id=f"{n}.score", methods=("a",), mode="fine-tuned") for n in "de")
    policy = example().policy
    policy = replace(policy, limit=(*policy.limit, replace(policy.limit[0], domain="e")))
    question = example(claims=claims_, risk_model=model, policy=policy)

    def correlation(override):
        gaps = []
        for name in ("d", "e"):
            own = drawn(question, override, name)[0].modes["fine-tuned"]
            gaps.append(own - drawn(example(claims=(), risk_model=model), None, name)[0].modes["filtered"])
        return np.corrcoef(gaps)[0, 1]

    # Independent sampling noise (variance .00021) beside the gaps (variance .2² / 12 = .00333).
    assert correlation(None) == pytest.approx(0.9 * 0.94, abs=0.05)
    assert correlation(0.0) == pytest.approx(0.0, abs=0.05)


def test_a_reference_is_never_better_than_the_scope_test_grants():
    public = Reference(
        id="pub",
        public_since=dt.date(2024, 1, 1),
        claim=(PublishedClaim(claim="d.score", passes=50, trials=100, methods=("a",)),),
        source="s",
    )
    question = example(
        claims=(score(80),), references=References("halfdoor/references/1", "x", "0", reference=(public,))
    )
    found, standing = drawn(question)
    assert standing.in_scope
    assert found.reference is not None
    assert found.reference.max() <= standing.reference.capability
    assert found.reference.mean() == pytest.approx(0.5, abs=0.02)
    none, _ = drawn(example(claims=(score(80),)))
    assert none.reference is None


def test_without_a_map_a_score_bounds_nothing():
    model = example().risk_model
    bare = replace(model, domain=(Domain(id="d", claims=("d.score",)),), claim=(ClaimKind(id="d.score"),))
    found, _ = drawn(example(claims=(score(10),), risk_model=bare))
    assert (found.modes["filtered"] == 1).all()


def test_a_tier_stands_for_the_capabilities_up_to_the_next():
    policy = example().policy  # notable .3, high .6
    assert tier_span("d", "none", policy) == (0.0, 0.3)
    assert tier_span("d", "notable", policy) == (0.3, 0.6)
    assert tier_span("d", "high", policy) == (0.6, 1.0)
    assert Decimal("0.3") == policy.tier[0].capability
    found, _ = drawn(example(claims=(score(50),)))
    assert found.within(0.6, 1.0).modes["filtered"].min() == 0.6
