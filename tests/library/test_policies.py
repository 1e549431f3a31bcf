"""The shipped policies beside each other: complete, honest about their numbers, no row idle, and in order."""

from __future__ import annotations

import itertools
import random
import re

import msgspec
import pytest
from tests.assessments import HERON, WREN, asked

from halfdoor.core.assess import assess
from halfdoor.core.ids import COMPONENTS
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.groups import LADDER, Groups
from halfdoor.core.policy.requirements import covers
from halfdoor.core.policy.tiers import tier_rank
from halfdoor.core.risk.abilities import Holdings
from halfdoor.core.risk.access import AccessModel, Gate, Surroundings
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.readers import library

GROUPS = Groups()
OWN = ("eu-code-2025", "frontier-tiers-2025", "nist-800-1")
ALL = (*OWN, "seger-2023")
DRAWS = 1000
CITES = {
    "eu-code-2025": r"\bM\d+\.\d|\bApp\. \d",
    "nist-800-1": r"\b[1-7]\.[1-5]\b",
    "frontier-tiers-2025": r"\bPF\b|\bFSF\b",
    "seger-2023": r"\bR[1-5]\b|§\d",
}
# What evidence may have shown: nothing, or that one attack or both are dear.
MEASURED = (
    {},
    {"tamper-cost": 1e9},
    {"jailbreak-effort": 1e9},
    {"tamper-cost": 1e9, "jailbreak-effort": 1e9},
)


@pytest.fixture(scope="module")
def model():
    return library.load_risk_model("public-2026")


@pytest.fixture(scope="module")
def policies(model):
    return {name: library.load_policy(name, model=model) for name in ALL}


class World:
    """The shipped risk model with good security and some attacks measured as dear; gates made once."""

    def __init__(self, model, measured):
        common = [row.item for row in model.commonplace]
        self.items = [c for c in COMPONENTS if c not in common] + ["sampling@unmitigated"]
        around = Surroundings(groups=GROUPS, security="SL4", measured=measured)
        self.measured = measured
        self._access = AccessModel(model, Holdings.of(self.items, (), common), Draws(1, DRAWS), around)
        self._gates = {}

    def keeps(self, row, configuration):
        key = (row.actor, row.ability, float(row.access_probability))
        if key not in self._gates:
            self._gates[key] = Gate(self._access, *key)
        return self._gates[key].violations(configuration.groups_with) <= DRAWS * (1 - float(row.confidence))

    def everything(self):
        return Configuration({item: ["anyone"] for item in self.items}, GROUPS)

    def small(self):
        """Every configuration that shares one item or two, each with one group."""
        shares = [(item, group) for item in self.items for group in LADDER[1:]]
        for item, group in shares:
            yield Configuration({item: [group]}, GROUPS)
        for (one, group), (two, other) in itertools.combinations(shares, 2):
            if one != two and group == other:
                yield Configuration({one: [group], two: [other]}, GROUPS)

    def random(self, seed, count):
        pick = random.Random(seed)  # a fixed sample, not a secret
        for _ in range(count):
            chosen = pick.sample(self.items, pick.randint(1, 6))
            yield Configuration({item: [pick.choice(LADDER[1:])] for item in chosen}, GROUPS)


@pytest.fixture(scope="module")
def worlds(model):
    return [World(model, measured) for measured in MEASURED]


def _limits_at(policy, domain, tier):
    return [r for r in policy.limit if r.domain == domain and tier_rank(r.tier) <= tier_rank(tier)]


def _rows(policy, table):
    return [
        pytest.param(policy, row.id, id=f"{policy}:{row.id}") for row in table(library.load_policy(policy))
    ]


@pytest.mark.parametrize("name", ALL)
def test_the_name_in_the_document_is_the_name_it_is_shipped_under(policies, name):
    assert policies[name].name == name
    assert library.problems_in("policies", name, model=library.load_risk_model("public-2026")) == ()


@pytest.mark.parametrize("name", OWN)
def test_the_header_says_whose_reading_it_is_and_what_sets_the_numbers(name):
    text = library.shipped("policies", name).decode()
    header = " ".join(text.split("schema =")[0].replace("#", " ").split())
    assert "interpretation by the Halfdoor project" in header
    assert re.search(r"(not|[Nn]either) .*seen or endorsed", header)
    assert "judgement of the project" in header
    assert "What sets the judgements" in header
    assert "by what it does to any particular model" in header


@pytest.mark.parametrize("name", ALL)
def test_every_row_points_to_its_place_in_the_source(policies, name):
    policy = policies[name]
    rows = [*policy.limit, *policy.requirement, *policy.inability]
    rows += [r for r in policy.expect if "udgement" not in r.clause]
    for row in rows:
        assert re.search(CITES[name], row.clause) or "not named" in row.clause, row
    assert all(row.clause for row in (*policy.tier, *policy.expect, *policy.role, *policy.band))
    for part in (policy.scope, policy.plan, *([policy.exposure] if policy.exposure.credit_max else [])):
        assert part.clause


@pytest.mark.parametrize("name", OWN)
def test_a_number_that_the_source_does_not_state_is_called_a_judgement(policies, name):
    policy = policies[name]
    assert policy.kind == "standard"
    for row in (*policy.limit, *policy.tier):
        assert re.search(r"numbers?: judgement", row.clause), row


@pytest.mark.parametrize("name", ALL)
def test_every_domain_has_tiers_and_a_row_and_the_objectives_add_up(policies, model, name):
    policy = policies[name]
    domains = {domain.id for domain in model.domain}
    assert {(t.domain, t.name) for t in policy.tier} == set(
        itertools.product(domains, ("notable", "high", "critical"))
    )
    assert domains <= {row.domain for row in (*policy.limit, *policy.requirement)}
    assert sum(row.weight for row in policy.objective) == 1
    assert {row.id for row in policy.objective} == {row.objective for row in model.benefit}


@pytest.mark.parametrize("name", ALL)
def test_no_line_of_frequency_binds_and_bands_are_those_their_sources_state(policies, name):
    policy = policies[name]
    assert policy.frequency == ()
    assert policy.net is None
    stated = {
        "catastrophe-lives": ("deaths", 51, "more than 50"),
        "catastrophe-money": ("USD", 1e9, "more than $1 billion"),
        "fifty-deaths": ("deaths", 50, "one in 5,000 years"),
        "severe-lives": ("deaths", 1000, "thousands of people"),
        "severe-money": ("USD", 1e11, "hundreds of billions"),
    }
    assert {"catastrophe-lives", "catastrophe-money"} <= {band.id for band in policy.band}
    for band in policy.band:
        unit, at_least, words = stated[band.id]
        assert (band.unit, band.at_least) == (unit, at_least)
        assert words in band.clause


def test_figures_that_the_eu_code_and_the_ai_act_state(policies):
    policy = policies["eu-code-2025"]
    assert policy.scope.anchor_date == "2025-07-10"  # the chapter's publication
    assert policy.scope.training_compute_below_flop == 1e25
    assert not policy.scope.already_public
    assert policy.review_days == 180
    assert policy.evidence_max_age_days == 365
    rows = {row.id: row for row in policy.requirement}
    assert rows["mitigations-tested-jailbreak"].threshold == 20 * 8
    assert rows["security-goal"].evidence == "SL3"
    assert {name for name, margin in _margins(policy).items() if margin} == {
        "growth",
        "elicitation",
        "circumvention",
    }


def _margins(policy):
    return {name: getattr(policy.margins, name) for name in policy.margins.__struct_fields__}


def test_the_frontier_alert_stands_a_margin_below_high_and_net_new_is_since_2021(policies):
    policy = policies["frontier-tiers-2025"]
    assert policy.scope.anchor_date == "2021-12-31"
    at = {(row.domain, row.name): row.capability for row in policy.tier}
    for domain in {row.domain for row in policy.tier}:
        assert at[domain, "high"] - at[domain, "notable"] == policy.margins.growth


def test_the_numbers_of_the_oldest_policy_stand(policies):
    limits = {
        row.id: (str(row.access_probability), str(row.confidence)) for row in policies["seger-2023"].limit
    }
    assert limits == {
        "cyber-high-amateur": ("0.02", "0.95"),
        "cyber-critical-professional": ("0.05", "0.95"),
        "cyber-critical-syndicate": ("0.10", "0.95"),
        "cyber-critical-jailbreak": ("0.05", "0.95"),
        "cyber-critical-restore": ("0.10", "0.95"),
        "biology-high-novice": ("0.02", "0.975"),
        "biology-critical-trained": ("0.05", "0.975"),
        "biology-critical-group": ("0.10", "0.975"),
        "biology-critical-jailbreak": ("0.05", "0.975"),
        "biology-critical-restore": ("0.10", "0.975"),
        "influence-high-scammer": ("0.05", "0.90"),
        "influence-critical-firm": ("0.10", "0.90"),
        "surveillance-high-stalker": ("0.05", "0.90"),
        "surveillance-critical-firm": ("0.10", "0.90"),
    }


@pytest.mark.parametrize("name", ALL)
def test_no_limit_forbids_nothing_and_none_is_beyond_reach(policies, worlds, name):
    plain = worlds[0]
    nothing = Configuration({}, GROUPS)
    for row in policies[name].limit:
        assert not plain.keeps(row, plain.everything()), f"{row.id} forbids nothing"
        assert plain.keeps(row, nothing), f"{row.id} fails with nothing shared"


@pytest.mark.parametrize(("name", "row_id"), [p for n in OWN for p in _rows(n, lambda p: p.limit)])
def test_each_limit_decides_somewhere(policies, worlds, name, row_id):
    """A model at that tier in that domain, and a configuration that this row alone forbids."""
    policy = policies[name]
    row = next(r for r in policy.limit if r.id == row_id)
    others = [r for r in _limits_at(policy, row.domain, row.tier) if r.id != row_id]
    for world in worlds:
        for configuration in world.small():
            if not world.keeps(row, configuration) and all(world.keeps(o, configuration) for o in others):
                return
    pytest.fail(f"{row_id} never decides")


@pytest.mark.parametrize(("name", "row_id"), [p for n in OWN for p in _rows(n, lambda p: p.requirement)])
def test_each_requirement_decides_somewhere(policies, model, name, row_id):
    """An item that every limit lets go to the row's group, while what the row asks for is lacking."""
    policy = policies[name]
    row = next(r for r in policy.requirement if r.id == row_id)
    lacking = {row.evidence: float(row.threshold) * 0.7} if row.threshold and row.unit == "hours" else {}
    world = World(model, lacking)
    domains = [row.domain] if row.domain else [d.id for d in model.domain]
    for domain, item in itertools.product(domains, world.items):
        shared = Configuration({item: [row.group]}, GROUPS)
        limits = _limits_at(policy, domain, row.tier or "critical")
        if covers(row.item, item) and all(world.keeps(limit, shared) for limit in limits):
            return
    pytest.fail(f"{row_id} never decides: some limit forbids it first")


@pytest.mark.parametrize("name", ALL)
def test_what_a_policy_expects_to_be_shared_its_own_limits_allow(policies, worlds, name):
    """All of it together, beside the weights with staff, for a model critical everywhere, well guarded."""
    policy, plain = policies[name], worlds[0]
    expected = {row.item: [row.group] for row in policy.expect}
    inside = Configuration({**expected, "final-parameters": ["staff"], "architecture": ["anyone"]}, GROUPS)
    assert [row.id for row in policy.limit if not plain.keeps(row, inside)] == []


@pytest.mark.parametrize("name", ALL)
def test_a_policy_with_stricter_limits_permits_nothing_more(policies, worlds, name):
    plain = worlds[0]
    for row in policies[name].limit:
        stricter = msgspec.structs.replace(
            row, access_probability=row.access_probability / 2, confidence=(row.confidence + 1) / 2
        )
        for configuration in plain.random(1, 60):
            assert plain.keeps(row, configuration) or not plain.keeps(stricter, configuration)


def test_of_two_rows_that_can_be_compared_the_stricter_permits_no_more(policies, worlds):
    """Across policies: same actor and ability, no more access, at least the confidence."""
    rows = [row for name in ALL for row in policies[name].limit]
    pairs = [
        (a, b)
        for a, b in itertools.permutations(rows, 2)
        if (a.actor, a.ability) == (b.actor, b.ability)
        and a.access_probability <= b.access_probability
        and a.confidence >= b.confidence
    ]
    assert len(pairs) > 20
    plain = worlds[0]
    for configuration in plain.random(2, 60):
        for strict, lax in pairs:
            assert plain.keeps(lax, configuration) or not plain.keeps(strict, configuration)


@pytest.mark.parametrize("name", ALL)
def test_each_policy_answers_and_gives_reasons_of_its_own(policies, name):
    question = msgspec.structs.replace(asked(HERON), policy=policies[name])
    answer = assess(question)
    assert not answer.verdict.permitted
    own = {row.id for row in (*policies[name].limit, *policies[name].requirement)}
    named = {row.row for row in answer.verdict.binding if row.kind in ("limit", "requirement", "security")}
    assert named
    assert named <= own
    assert all(sentence.endswith(".") for sentence in answer.verdict.sentences)


@pytest.mark.parametrize("name", ["eu-code-2025", "seger-2023"])
def test_a_small_model_is_out_of_scope_where_the_policy_draws_a_line_of_compute(policies, name):
    question = msgspec.structs.replace(asked(WREN), policy=policies[name])
    answer = assess(question)
    assert answer.verdict.permitted
    assert not answer.scope.in_scope


PLOVER = """
schema = "halfdoor/dossier/1"
[model]
name = "plover-1b"
version = "1.0"
developer = "Example Lab"
training_compute_flop = 3e25
[[item]]
id = "final-parameters"
group = "anyone"
[[item]]
id = "architecture"
group = "anyone"
[[item]]
id = "model-card"
group = "anyone"
[[item]]
id = "evaluation-results"
group = "anyone"
"""
WEAK = (("cyber.cybench", 0, 40), ("biology.vct-text", 4, 101), ("influence.spear-phishing", 10, 100))


@pytest.mark.parametrize("name", ALL)
def test_a_model_measured_to_be_weak_may_be_published_under_every_policy(policies, name):
    """Openness is the presumption: measured in earnest, below every tier, no row asks for anything."""
    rows = "".join(
        f'[[evidence]]\nclaim = "{claim}"\npasses = {passes}\ntrials = {trials}\nmode = "fine-tuned"\n'
        'methods = ["agent", "few-shot"]\nby = "third-party"\nmeasured = 2026-10-01\n'
        for claim, passes, trials in (*WEAK, ("surveillance.attribute-inference", 100, 400))
    )
    question = msgspec.structs.replace(asked(PLOVER + rows), policy=policies[name])
    answer = assess(question)
    assert answer.verdict.permitted, answer.verdict.sentences
    assert {tier.tier for tier in answer.tiers.values()} <= {"none", "below-reference"}
