"""The shipped risk model, policy, references and cases: complete, owned, and doing what they say they do."""

import datetime as dt
import itertools
import re
from pathlib import Path

import pytest

from halfdoor.core.ids import COMPONENTS, parse_item
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.dossier import Dossier
from halfdoor.core.model.groups import LADDER, Groups
from halfdoor.core.policy.scope import ModelFacts, standing
from halfdoor.core.policy.tiers import Grounds
from halfdoor.core.risk.abilities import Holdings, is_item
from halfdoor.core.risk.access import AccessModel, Gate, Surroundings
from halfdoor.core.risk.uncertainty.distributions import fit
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.readers import library
from halfdoor.readers.claims import read_claims
from halfdoor.readers.toml import parse_toml

GROUPS = Groups()
LEVELS = ("", "SL1", "SL2", "SL3", "SL4", "SL5")
SUITE_MAP = ((0.25, 0.0), (0.6, 0.1), (0.95, 1.0))
SUITES = {
    "cyber": "inability.networking-and-code",
    "biology": "inability.school-science",
    "influence": "inability.planning",
}


@pytest.fixture(scope="module")
def model():
    return library.load_risk_model("public-2026")


@pytest.fixture(scope="module")
def policy(model):
    return library.load_policy("seger-2023", model=model)


@pytest.fixture(scope="module")
def references():
    return library.load_references("public-2026").reference


@pytest.fixture(scope="module", params=library.cases())
def case(request):
    return parse_toml(library.case(request.param), Dossier, request.param)


@pytest.mark.parametrize("kind", ["risk_models", "policies", "references"])
def test_no_shipped_document_has_an_error_or_a_lint(kind, model):
    assert library.names(kind)
    for name in library.names(kind):
        assert library.problems_in(kind, name, model=model) == ()


def test_every_component_is_in_a_rule_or_commonplace_or_free_with_a_reason(model):
    in_rules = {parse_item(need).component for rule in model.rule for need in rule.needs if is_item(need)}
    common = {parse_item(row.item).component for row in model.commonplace}
    text = library.shipped("risk_models", "public-2026").decode()
    free = re.search(r"# Components in no rule, and why.*?\n((?:#.*\n)+)", text)
    stated = set(re.findall(r"[a-z]+(?:-[a-z]+)*", free[1])) & set(COMPONENTS)
    assert set(COMPONENTS) == in_rules | common | stated
    assert not in_rules & (common | stated)


def test_every_ability_completes_a_sentence(model):
    for ability in model.ability:
        assert ability.words
        assert ability.words[0].islower()
        assert not ability.words.endswith(".")


def test_every_actor_has_every_door(model):
    for actor in model.actor:
        rows = {(row.group, row.security) for row in model.reach if row.actor == actor.id}
        assert rows == {(g, "") for g in ("staff", "auditors", "vetted", "identified")} | {
            ("nobody", level) for level in LEVELS
        }


def test_wider_groups_are_easier_and_better_security_is_harder(model):
    mean = {(r.actor, r.group, r.security): fit(r.p, "probability").mean() for r in model.reach}
    for actor in model.actor:
        doors = [mean[actor.id, g, ""] for g in ("staff", "auditors", "vetted", "identified")]
        assert doors == sorted(doors)
        theft = [mean[actor.id, "nobody", level] for level in LEVELS]
        assert theft == sorted(theft, reverse=True)


def test_who_has_more_means_has_more_of_everything(model):
    cyber = [a for a in model.actor if a.domain == "cyber"]
    assert [a.id for a in cyber] == ["OC1", "OC2", "OC3", "OC4", "OC5"]
    for weaker, stronger in itertools.pairwise(cyber):
        for field in ("budget", "days"):
            low, high = (fit(getattr(a, field), "positive").mean() for a in (weaker, stronger))
            assert low < high
        assert weaker.skill < stronger.skill


def test_benefits_do_not_fall_as_more_people_have_the_item(model):
    kept = {(b.objective, b.item, b.group): b.kept for b in model.benefit}
    for objective, item in {(b.objective, b.item) for b in model.benefit}:
        values = [kept.get((objective, item, g), 0.0) for g in LADDER[1:-1]]
        assert values == sorted(values), (objective, item)


def test_an_alternative_stands_ready_for_every_objective(model, policy):
    assert {o.id for o in policy.objective} == {b.objective for b in model.benefit}
    assert {a.objective for a in model.alternative} == {o.id for o in policy.objective}
    assert sum(o.weight for o in policy.objective) == 1


def test_the_maps_of_the_inability_suites_are_those_decided_before_measuring(model, policy):
    maps = {c.id: c.map for c in model.claim if c.kind == "inability"}
    assert maps == dict.fromkeys(SUITES.values(), SUITE_MAP)
    assert {row.domain: row.claim for row in policy.inability} == SUITES
    for row in policy.inability:
        assert float(row.at_most) == maps[row.claim][0][0]


def test_every_claim_of_a_domain_states_what_it_might_show_and_what_it_takes(model):
    kinds = {c.id: c for c in model.claim}
    for domain in model.domain:
        for claim in domain.claims:
            assert kinds[claim].map
            assert kinds[claim].prior
            assert kinds[claim].cost
            assert kinds[claim].words


def test_the_policy_covers_every_domain_at_every_tier(model, policy):
    assert {(t.domain, t.name) for t in policy.tier} == set(
        itertools.product((d.id for d in model.domain), ("notable", "high", "critical"))
    )
    for domain in model.domain:
        assert {"high", "critical"} == {row.tier for row in policy.limit if row.domain == domain.id}


def test_every_row_of_the_policy_cites_the_paper(policy):
    rows = (*policy.limit, *policy.requirement, *policy.inability, *policy.expect, *policy.tier, *policy.role)
    assert all(re.search(r"\bR[1-5]\b|§\d", row.clause) for row in rows)
    assert re.search(r"\bR1\b", policy.scope.clause)


def _gates(model, policy, security):
    items = [c for c in COMPONENTS if c not in {row.item for row in model.commonplace}]
    items.append("sampling@unmitigated")
    holdings = Holdings.of(items, (), (row.item for row in model.commonplace))
    around = Surroundings(groups=GROUPS, security=security)
    access = AccessModel(model, holdings, Draws(1, 4000), around)
    return items, {
        row.id: (row, Gate(access, row.actor, row.ability, float(row.access_probability)))
        for row in policy.limit
    }


def _kept(row, gate, configuration):
    return gate.violations(configuration.groups_with) <= gate.draws * (1 - float(row.confidence))


def test_no_limit_is_idle_and_none_is_beyond_reach(model, policy):
    items, gates = _gates(model, policy, "SL4")
    everything = Configuration({item: ["anyone"] for item in items}, GROUPS)
    nothing = Configuration({}, GROUPS)
    for name, (row, gate) in gates.items():
        assert not _kept(row, gate, everything), f"{name} forbids nothing"
        assert _kept(row, gate, nothing), f"{name} fails with nothing shared"


def test_good_security_lets_a_developer_hold_a_critical_model_and_auditors_use_it(model, policy):
    _, gates = _gates(model, policy, "SL4")
    inside = Configuration(
        {"final-parameters": ["staff"], "architecture": ["anyone"], "sampling@unmitigated": ["auditors"],
         "internals-read": ["auditors"], "internals-write": ["auditors"]},
        GROUPS,
    )  # fmt: skip
    for name, (row, gate) in gates.items():
        assert _kept(row, gate, inside), name


def test_without_stated_security_withholding_protects_from_nobody(model, policy):
    _, gates = _gates(model, policy, None)
    row, gate = gates["cyber-high-amateur"]
    assert not _kept(row, gate, Configuration({}, GROUPS))


def test_counts_of_references_agree_with_the_figures_they_are_from(references):
    for reference in references:
        for claim in reference.claim:
            assert claim.measured
            assert claim.methods
            if percent := re.search(r"([\d.]+) % unguided", claim.source):
                assert claim.passes == round(float(percent[1]) / 100 * claim.trials)
            else:
                best = max(float(x) for x in re.findall(r"\b0\.\d{3}\b|\b8\.6(?= of 101)", claim.source))
                assert claim.passes == round(best if best > 1 else best * claim.trials)


def test_references_have_public_weights_and_dates(references):
    assert len({r.id for r in references}) == len(references) >= 5
    for reference in references:
        assert all(reference.public_since <= claim.measured for claim in reference.claim)


def test_a_case_is_told_from_published_counts_alone(case, model):
    known = {claim.id for claim in model.claim}
    assert case.model.root is None
    assert case.model.released
    assert case.evidence
    for row in case.evidence:
        assert row.claim in known
        assert row.path is None
        assert row.weights is None
        assert 0 <= row.passes <= row.trials
        assert row.by
        assert row.measured
        assert row.source
    for item in case.item:
        parse_item(item.id)
        assert item.public_since is None, "a case is assessed as proposed"


def test_a_case_agrees_with_its_reference(case, references):
    own = next(r for r in references if r.id == case.model.name)
    assert own.public_since == case.model.released
    assert {(c.claim, c.passes, c.trials, c.measured) for c in own.claim} == {
        (e.claim, e.passes, e.trials, e.measured) for e in case.evidence
    }


def _standings(name, as_of, model, policy, references):
    case = parse_toml(library.case(name), Dossier, name)
    grounds = Grounds(
        model=model,
        policy=policy,
        claims=read_claims(case, None, Path(name), {}),
        references=tuple(r for r in references if r.id != case.model.name),
        as_of=as_of,
    )
    facts = ModelFacts(case.model.training_compute_flop, weights_public=False, weights_leave=True)
    return {domain.id: standing(domain, grounds, facts) for domain in model.domain}


def test_what_was_counted_by_the_day_of_release_measures_a_domain(model, policy, references):
    day = dt.date(2025, 9, 24)
    found = _standings("cwm-32b", day, model, policy, references)
    for domain in ("cyber", "biology"):
        assert found[domain].capability.total is not None
        assert found[domain].kind == "below-reference"
        best = next(r for r in references if r.id == found[domain].reference.id)
        assert best.public_since < day
    assert {found[d].kind for d in ("influence", "surveillance")} == {"unmeasured"}
    before = _standings("cwm-32b", day - dt.timedelta(1), model, policy, references)
    assert {row.kind for row in before.values()} == {"unmeasured"}


def test_more_attempts_are_no_yardstick_for_fewer(model, policy, references):
    """Ten attempts a task are more effort than one: gpt-oss-120b, public by then, must not help."""
    day = dt.date(2025, 8, 10)
    assert next(r for r in references if r.id == "gpt-oss-120b").public_since < day
    found = _standings("llama-3.1-405b-instruct", day, model, policy, references)
    assert found["cyber"].reference.id == "mixtral-8x22b-instruct"
