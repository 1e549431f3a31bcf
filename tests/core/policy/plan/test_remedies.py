"""What is named as lacking is what is lacking: granted, through the whole pipeline, the step is permitted."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from halfdoor.core.assess import assess
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.dossier import SafeguardTable
from halfdoor.core.policy.document import Requirement
from halfdoor.core.policy.plan.remedies import LEVELS, Remedies
from halfdoor.core.question import groups_of
from halfdoor.core.risk.document import ClaimKind, Reach
from harms import harmful, situation
from situations import situation_of
from worlds import example, questions, score

replace = msgspec.structs.replace
SAFEGUARDED = Requirement(
    item="sampling", group="vetted", kind="safeguard", evidence="monitoring", id="watch"
)
SECURE = Requirement(item="final-parameters", group="staff", kind="security", evidence="SL2", id="locks")
AUDITED = Requirement(
    item="final-parameters",
    group="auditors",
    kind="audit",
    evidence="audit.release-risk",
    statistic="value",
    threshold=Decimal(1),
    unit="audits",
    attestor="third-party",
    tier="high",
    id="audit",
)


@st.composite
def asked(draw, *, shown=None):
    """Worlds with theft by security level, safeguards, audits and rules whose cost can be measured."""
    question = draw(questions(items=4))
    model, policy = question.risk_model, question.policy
    theft = [
        Reach(actor=actor, group="nobody", security=level, p=p)
        for actor in ("a1", "a2")
        for level, p in zip(
            ("", "SL2", "SL4"),
            sorted(
                (draw(st.sampled_from((0.001, 0.1, 0.3, 0.6))) for _ in range(3)),
                reverse=True,
            ),
            strict=True,
        )
    ]
    kept = tuple(row for row in model.reach if row.group != "nobody")
    rules = tuple(
        replace(rule, measured_by="tamper-cost", usd_per_unit=1.0) if draw(st.booleans()) else rule
        for rule in model.rule
    )
    rows = draw(st.lists(st.sampled_from((SAFEGUARDED, SECURE, AUDITED)), unique=True))
    return replace(
        question,
        risk_model=replace(
            model,
            reach=(*kept, *theft),
            rule=rules,
            claim=(ClaimKind(id="tamper-cost", unit="steps"), ClaimKind(id="audit", unit="audits")),
        ),
        policy=replace(policy, requirement=(*policy.requirement, *rows)),
        claims=() if shown is None else (score(shown),),
    )


def configurations(question):
    groups = groups_of(question.policy)
    return st.fixed_dictionaries(
        {item.id: st.sampled_from((*groups.names, *["anyone"] * 6)) for item in question.dossier.item}
    ).map(lambda shared: Configuration({i: [g] for i, g in shared.items()}, groups))


def bought(question, remedy):
    """The question with what a remedy names really shown: evidence, safeguards, security."""
    rows = {row.id or f"requirement {n}": row for n, row in enumerate(question.policy.requirement, 1)}
    values = dict(remedy.costs)
    safeguards, security = question.dossier.safeguard, question.dossier.model.security
    for id_ in remedy.shown:
        row = rows[id_]
        if row.kind == "safeguard":
            safeguards = (*safeguards, SafeguardTable(kind=row.evidence, survives=("run-unfiltered",)))
        elif row.kind == "security":
            security = max(security or "", row.evidence)
        else:
            values[row.evidence] = max(values.get(row.evidence, 0.0), float(row.threshold))
    units = {"tamper-cost": "steps", "audit.release-risk": "audits"}
    new = [
        replace(score(0), id=i, passes=None, trials=None, value=v, low=v, unit=units[i], by="third-party")
        for i, v in values.items()
    ]
    new += [score(30 if tier == "notable" else 0, mode="fine-tuned") for _, tier in remedy.tiers]
    gone = {claim.id for claim in new}
    return replace(
        question,
        claims=(*(c for c in question.claims if c.id not in gone), *new),
        dossier=replace(
            question.dossier,
            safeguard=safeguards,
            model=replace(question.dossier.model, security=remedy.security or security),
        ),
    )


def permitted(question, config):
    shared = {i: tuple(g) for i, g in config.as_dict().items()}
    return assess(replace(question, configuration=shared)).verdict.permitted


@given(asked(), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_granting_what_is_named_makes_the_step_permitted(question, data):
    config = data.draw(configurations(question))
    situation = situation_of(question)
    remedies = Remedies(situation)
    remedy = remedies.of(config)
    assert not remedy.out_of_reach  # nothing is measured, so everything may yet be shown
    assert (remedy == type(remedy)()) == permitted(question, config)
    assert remedies.under(remedy).permitted(config)
    assert permitted(bought(question, remedy), config)


@given(asked(), st.data())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_is_named_that_could_be_left_out(question, data):
    config = data.draw(configurations(question))
    remedies = Remedies(situation_of(question))
    remedy = remedies.of(config)
    less = [replace(remedy, shown=tuple(i for i in remedy.shown if i != id_)) for id_ in remedy.shown]
    less += [replace(remedy, tiers=tuple(t for t in remedy.tiers if t != pair)) for pair in remedy.tiers]
    less += [replace(remedy, security=None)] if remedy.security else []
    for part in less:
        assert not remedies.under(part).permitted(config)
    assert len(remedies.sentences(remedy)) == len(less)


@given(asked(shown=95), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_of_a_model_measured_high_either_it_helps_or_nothing_within_reach_does(question, data):
    """Out of reach: every requirement met, the best locks and the dearest attack change nothing."""
    config = data.draw(configurations(question))
    remedy = Remedies(situation_of(question)).of(config)
    if not remedy.out_of_reach:
        assert not remedy.tiers
        assert permitted(bought(question, remedy), config)
        return
    everything = replace(
        remedy,
        shown=tuple(row.id or f"requirement {n}" for n, row in enumerate(question.policy.requirement, 1)),
        costs=(("tamper-cost", 1e9),),
        security=LEVELS[-1],
        tiers=(),
    )
    best = bought(question, everything)
    inside_out = tuple(
        replace(c, mode="fine-tuned", methods=("a", "b")) if c.id == "d.score" else c for c in best.claims
    )
    assert not permitted(replace(best, claims=inside_out), config)


def test_a_measured_domain_whose_margins_lift_it_over_the_threshold_is_within_reach():
    question = example(claims=(score(52, methods=("a",)),))
    situation = situation_of(question)
    config = Configuration({"final-parameters": ["anyone"]}, groups_of(question.policy))
    remedies = Remedies(situation)
    remedy = remedies.of(config)
    assert remedy.tiers == (("d", "notable"),)
    assert not remedy.out_of_reach
    (sentence,) = remedies.sentences(remedy)
    assert "below 0.60" in sentence
    assert "growth and elicitation" in sentence
    assert permitted(bought(question, remedy), config)


def test_a_dear_attack_is_a_remedy_and_the_cheaper_decade_is_not():
    question = example(claims=(score(95),))
    rules = tuple(
        replace(rule, measured_by="tamper-cost", usd_per_unit=0.5) if rule.gives == "strip" else rule
        for rule in question.risk_model.rule
    )
    question = replace(question, risk_model=replace(question.risk_model, rule=rules))
    config = Configuration({"final-parameters": ["anyone"]}, groups_of(question.policy))
    remedy = Remedies(situation_of(question)).of(config)
    assert remedy.costs == (("tamper-cost", 10_000.0),)  # the actor has $1,000
    assert permitted(bought(question, remedy), config)
    cheaper = replace(remedy, costs=(("tamper-cost", 1_000.0),))
    assert not permitted(bought(question, cheaper), config)


def test_what_is_public_and_measured_high_nothing_undoes():
    question = example(public=dt.date(2025, 1, 1), claims=(score(99),))
    remedies = Remedies(situation_of(question))
    remedy = remedies.of(Configuration({}, groups_of(question.policy)))
    assert remedy.out_of_reach == ("d",)
    assert "Nothing that could still be shown" in remedies.sentences(remedy)[0]


@given(asked(), st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_wider_step_needs_no_less(question, data):
    narrow = data.draw(configurations(question))
    wide = narrow.join(data.draw(configurations(question)))
    remedies = Remedies(situation_of(question))
    assume(not remedies.under(remedies.of(wide)).hopeless)
    assert remedies.under(remedies.of(wide)).permitted(narrow)


@given(harmful(draws=60, items=3, frequency=True), st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_frequency_rows_are_undone_too_or_said_to_be_out_of_reach(question, data):
    config = data.draw(configurations(question))
    now = situation(question)
    remedies = Remedies(now)
    remedy = remedies.of(config)
    assert (remedy == type(remedy)()) == now.rows().permitted(config)
    if "" not in remedy.out_of_reach:
        assert remedies.under(remedy).permitted(config)
        return
    lowest = replace(remedy, tiers=tuple((domain, "none") for domain in now.standings), out_of_reach=())
    assert any(not row.kept(config) for row in remedies.under(lowest).frequencies)
    assert "more often" in remedies.sentences(remedy)[-1]
