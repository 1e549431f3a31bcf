"""A risk model that means nothing is refused, and every fault is named with its place and a remedy."""

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.errors import InputError
from halfdoor.core.risk.check import check, check_references
from halfdoor.core.risk.document import RiskModel, Spread
from halfdoor.core.risk.problem import Problems
from halfdoor.core.risk.uncertainty.distributions import fit
from halfdoor.readers.toml import parse_toml

SOUND = """
schema = "halfdoor/risk-model/1"
name = "small"
version = "1"
[[actor]]
id = "amateur"
domain = "cyber"
budget = {p5 = 500, mode = 1000, p95 = 2000}
days = 5
skill = 1
source = "a report"
[[ability]]
id = "run"
[[ability]]
id = "strip"
[[rule]]
gives = "run"
needs = ["final-parameters", "architecture"]
source = "a paper"
[[rule]]
gives = "strip"
needs = ["run"]
cost = {p5 = 20, mode = 100, p95 = 600}
days = 1
skill = 1
measured_by = "tamper-cost"
usd_per_unit = 0.5
judgement = "cheap"
[[domain]]
id = "cyber"
claims = ["ctf"]
judgement = "no number"
[[claim]]
id = "ctf"
map = [[0.0, 0.0], [0.5, 0.6], [1.0, 1.0]]
chance = 0.25
judgement = "guessed"
[[claim]]
id = "tamper-cost"
unit = "steps"
prior = {p5 = 5, mode = 50, p95 = 3000}
judgement = "guessed"
[[threat]]
id = "flood"
domain = "cyber"
needs = "strip"
damage = {mode = 1000}
actors = {amateur = 3}
attempts = {amateur = 10}
source = "a report"
[[threat.step]]
name = "knock"
p = {p5 = 0.2, mode = 0.3, p95 = 0.5}
[[stop]]
safeguard = "monitoring"
p = 0.2
judgement = "guessed"
[exposure]
public_lag_days = {p5 = 90, mode = 120, p95 = 240}
withdrawal_days = 14
judgement = "guessed"
[[flaw]]
id = "jailbreak"
open = 3
harm = 20
uptake = 0.6
copies = {anyone = 500}
judgement = "guessed"
[[defence]]
domain = "cyber"
item = "final-parameters"
group = "vetted"
finding = 0.5
fixing = 0.8
rollout = 0.7
uptake = 0.9
judgement = "guessed"
[[reach]]
actor = "amateur"
group = "nobody"
security = "SL1"
p = 0.01
judgement = "guessed"
[[leak]]
group = "vetted"
leaks = 1
years = 2.5
source = "cases"
[[benefit]]
item = "final-parameters"
group = "vetted"
objective = "use"
kept = 0.5
judgement = "guessed"
[[alternative]]
objective = "use"
words = "a service"
adds = 0.4
items = ["final-parameters"]
judgement = "guessed"
[[reference]]
id = "other"
public_since = 2024-01-01
source = "its makers"
[[reference.claim]]
claim = "ctf"
passes = 3
trials = 40
source = "a paper"
"""


def model(text: str) -> RiskModel:
    return parse_toml(text.encode(), RiskModel, "small.toml")


def test_a_sound_model_has_no_problem():
    assert check(model(SOUND)) == ()


ERRORS = [
    # The row changed, what it becomes, the code, the place, a word of the remedy.
    ('needs = ["run"]', 'needs = ["rum"]', "undefined-ability", "rule[1].needs", "run"),
    (
        'needs = ["run"]',
        'needs = ["final-parameter"]',
        "undefined-ability",
        "rule[1].needs",
        "final-parameters",
    ),
    ('needs = ["run"]', "needs = []", "empty-needs", "rule[1].needs", "takes"),
    ('gives = "run"', 'gives = "runs"', "undefined-ability", "rule[1].needs", "runs"),
    ('gives = "strip"', 'gives = "sampling"', "ambiguous-id", "rule[1].gives", "ability"),
    (
        'measured_by = "tamper-cost"',
        'measured_by = "tamper"',
        "unknown-claim",
        "rule[1].measured_by",
        "tamper-cost",
    ),
    ('measured_by = "tamper-cost"', 'measured_by = "ctf"', "no-unit", "rule[1].measured_by", "unit"),
    ("usd_per_unit = 0.5\n", "", "half-measured", "rule[1]", "both"),
    ("skill = 1\nmeasured", "skill = 9\nmeasured", "bad-number", "rule[1].skill", "0 to 5"),
    ("cost = {p5 = 20,", "cost = {p5 = -20,", "bad-number", "rule[1].cost", "correct"),
    ("cost = {p5 = 20,", "cost = {p5 = 0,", "bad-percentiles", "rule[1].cost", "small positive"),
    ("cost = {p5 = 20,", "cost = {p5 = 200,", "bad-percentiles", "rule[1].cost", "p5 ≤ mode"),
    ("p95 = 600}", "p95 = 60}", "bad-percentiles", "rule[1].cost", "p95"),
    (
        "cost = {p5 = 20, mode = 100, p95 = 600}",
        "cost = {p5 = 20}",
        "bad-percentiles",
        "rule[1].cost",
        "state",
    ),
    ("cost = {p5 = 20, mode = 100, p95 = 600}", "cost = inf", "bad-number", "rule[1].cost", "correct"),
    ("days = 5", "days = nan", "bad-number", "actor[0].days", "correct"),
    ('domain = "cyber"\nbudget', 'domain = "ciber"\nbudget', "unknown-domain", "actor[0].domain", "cyber"),
    ('id = "run"', 'id = "sampling"', "ambiguous-id", "ability[0].id", "rename"),
    ('id = "run"', 'id = "strip"', "duplicate-id", "ability[1].id", "rename"),
    ('claims = ["ctf"]', 'claims = ["cft"]', "unknown-claim", "domain[0].claims", "ctf"),
    ('claims = ["ctf"]', 'claims = ["tamper-cost"]', "not-a-score", "domain[0].claims", "scores"),
    ("chance = 0.25", "chance = 1.0", "bad-probability", "claim[0].chance", "below 1"),
    ("[0.5, 0.6]", "[0.5, 1.6]", "bad-map", "claim[0].map", "shares"),
    ("[1.0, 1.0]]", "[1.0, 0.5]]", "bad-map", "claim[0].map", "better score"),
    ("[0.5, 0.6]", "[0.0, 0.6]", "bad-map", "claim[0].map", "order"),
    ('needs = "strip"', 'needs = "stripped"', "unknown-ability", "threat[0].needs", "strip"),
    ("actors = {amateur = 3}", "actors = {amatuer = 3}", "unknown-actor", "threat[0].actors", "amateur"),
    ("attempts = {amateur = 10}", "attempts = {}", "half-stated", "threat[0]", "both"),
    ("p = {p5 = 0.2,", "p = {p5 = 1.2,", "bad-probability", "threat[0].step[0].p", "at most 1"),
    (
        'needs = "strip"',
        'needs = "strip"\nroutes = ["tune"]',
        "unknown-ability",
        "threat[0].routes",
        "run",
    ),
    (
        'source = "a report"\n[[threat.step]]',
        'source = "a report"\nactors_uplifted = {novice = 3}\n[[threat.step]]',
        "half-stated",
        "threat[0].actors_uplifted",
        "if only as 0",
    ),
    (
        "attempts = {",
        "damage_uplifted = -1\nattempts = {",
        "bad-number",
        "threat[0].damage_uplifted",
        "correct",
    ),
    ("p = 0.2\n", "p = 2\n", "bad-probability", "stop[0].p", "at most 1"),
    (
        "[exposure]",
        '[[stop]]\nsafeguard = "monitoring"\np = 0.1\n[exposure]',
        "duplicate-id",
        "stop[1]",
        "remove",
    ),
    ("p5 = 90", "p5 = 900", "bad-percentiles", "exposure.public_lag_days", "p5 ≤ mode"),
    ("withdrawal_days = 14", "withdrawal_days = -1", "bad-number", "exposure.withdrawal_days", "correct"),
    ("uptake = 0.6", "uptake = 6", "bad-probability", "flaw[0].uptake", "at most 1"),
    ("copies = {anyone = 500}", "copies = {anyone = -5}", "bad-number", "flaw[0].copies.anyone", "correct"),
    ("rollout = 0.7", "rollout = 7", "bad-probability", "defence[0].rollout", "at most 1"),
    (
        'domain = "cyber"\nitem = "final-parameters"',
        'domain = "cyber"\nitem = "weights"',
        "unknown-component",
        "defence[0].item",
        "choose",
    ),
    ('domain = "cyber"\nitem', 'domain = "ciber"\nitem', "unknown-domain", "defence[0].domain", "cyber"),
    ("p = 0.01", "p = 1.01", "bad-probability", "reach[0].p", "at most 1"),
    ('security = "SL1"', 'security = "SL9"', "bad-security", "reach[0].security", "SL1"),
    ('group = "nobody"', 'group = "staff"', "bad-security", "reach[0].security", "nobody"),
    ('actor = "amateur"', 'actor = "amature"', "unknown-actor", "reach[0].actor", "amateur"),
    ("years = 2.5", "years = 0", "bad-number", "leak[0].years", "correct"),
    ("kept = 0.5", "kept = 5", "bad-probability", "benefit[0].kept", "at most 1"),
    (
        '[[benefit]]\nitem = "final-parameters"',
        '[[benefit]]\nitem = "weights"',
        "unknown-component",
        "benefit[0].item",
        "",
    ),
    (
        'objective = "use"\nwords',
        'objective = "usage"\nwords',
        "unknown-objective",
        "alternative[0].objective",
        "use",
    ),
    ("passes = 3", "passes = 41", "bad-count", "reference[0].claim[0]", "passes ≤ trials"),
]


@pytest.mark.parametrize(("was", "becomes", "code", "where", "remedy"), ERRORS)
def test_each_fault_is_an_error_with_place_and_remedy(was, becomes, code, where, remedy):
    assert was in SOUND
    errors = [p for p in check(model(SOUND.replace(was, becomes, 1))) if not p.lint]
    assert (code, where) in [(p.code, p.where) for p in errors]
    assert remedy in next(p.remedy for p in errors if (p.code, p.where) == (code, where))


LINTS = [
    ('source = "a report"\n[[ability]]', "[[ability]]", "unsourced", "actor[0]"),
    ('judgement = "cheap"\n', "", "unsourced", "rule[1]"),
    ("map = [[0.0, 0.0], [0.5, 0.6], [1.0, 1.0]]\n", "", "no-map", "domain[0].claims"),
    ('group = "vetted"\nleaks', 'group = "veted"\nleaks', "unknown-group", "leak[0].group"),
    ('group = "nobody"\nsecurity = "SL1"', 'group = "staff"', "no-theft", "actor[0]"),
    ("actors = {amateur = 3}\nattempts = {amateur = 10}\n", "", "no-actors", "threat[0]"),
    ('needs = "strip"\n', "", "no-route", "threat[0]"),
    ('[[threat.step]]\nname = "knock"\np = {p5 = 0.2, mode = 0.3, p95 = 0.5}\n', "", "no-steps", "threat[0]"),
    (
        "[[stop]]",
        '[[threat.step]]\nname = "knock"\np = 0.5\n[[stop]]',
        "duplicate-step",
        "threat[0].step[1].name",
    ),
    ('name = "knock"', 'name = "knock"\nany_of = "in"', "lone-alternative", "threat[0].step[0].any_of"),
    ('withdrawal_days = 14\njudgement = "guessed"', "withdrawal_days = 14", "unsourced", "exposure"),
    ("copies = {anyone = 500}", "copies = {}", "no-copies", "flaw[0]"),
    ("copies = {anyone = 500}", "copies = {everyone = 500}", "unknown-group", "flaw[0].copies"),
    ('claim = "ctf"', 'claim = "gone"', "unknown-claim", "reference[0].claim[0].claim"),
    (
        '[[ability]]\nid = "strip"',
        '[[ability]]\nid = "idle"\n[[ability]]\nid = "strip"',
        "unused-ability",
        "ability[1].id",
    ),
    (
        'needs = ["final-parameters", "architecture"]',
        'needs = ["strip"]',
        "unreachable-ability",
        "ability[0].id",
    ),
]


@pytest.mark.parametrize(("was", "becomes", "code", "where"), LINTS)
def test_what_is_only_worth_a_look_is_a_lint(was, becomes, code, where):
    assert was in SOUND
    found = check(model(SOUND.replace(was, becomes, 1)))
    assert (code, where) in [(p.code, p.where) for p in found]
    assert all(p.lint for p in found)


def test_an_ability_that_no_rule_gives_is_undefined():
    text = SOUND.replace('gives = "run"', 'gives = "strip"', 1)
    assert ("undefined-ability", "rule[1].needs") in [(p.code, p.where) for p in check(model(text))]


THREATS_ALONE = """
schema = "halfdoor/risk-model/1"
name = "published"
version = "1"
[[threat]]
id = "OC3-ddos"
domain = "cyber"
needs = "run-unfiltered"
damage = {p5 = 3.5e6, mode = 1.81e7, p95 = 1.033e8}
actors = {OC3 = {p5 = 7, mode = 15, p95 = 30}}
attempts = {OC3 = 1}
source = "a report"
[[threat.step]]
name = "flood"
p = 0.7
"""


def test_threats_alone_are_a_sound_model():
    assert check(model(THREATS_ALONE)) == ()


def test_one_row_of_a_kind_asks_for_all_of_them():
    actor = '[[actor]]\nid = "OC2"\ndomain = "cyber"\nbudget = 1\ndays = 1\nskill = 1\nsource = "a report"\n'
    rule = '[[rule]]\ngives = "run"\nneeds = ["sampling"]\nsource = "a paper"\n'
    domain = '[[domain]]\nid = "biology"\nsource = "a paper"\n'
    for row, code in ((actor, "unknown-actor"), (rule, "unknown-ability"), (domain, "unknown-domain")):
        assert code in {p.code for p in check(model(THREATS_ALONE + row)) if not p.lint}


def test_an_ability_without_a_row_of_its_own_is_looked_at_too():
    rules = "".join(f'[[rule]]\ngives = "{a}"\nneeds = ["{b}"]\nsource = "s"\n' for a, b in ("xy", "yx"))
    found = check(model(SOUND.replace("[[domain]]", rules + "[[domain]]", 1)))
    assert [(p.code, p.where, p.lint) for p in found] == [
        ("unreachable-ability", "rule[2].gives", True),
        ("unreachable-ability", "rule[3].gives", True),
    ]


def test_a_circle_beside_a_way_in_is_no_problem():
    circle = '[[rule]]\ngives = "run"\nneeds = ["strip"]\nsource = "a paper"\n'
    assert check(model(SOUND.replace("[[domain]]", circle + "[[domain]]", 1))) == ()


def test_all_problems_come_at_once():
    text = SOUND.replace('gives = "strip"', 'gives = "x"').replace("years = 2.5", "years = 0")
    assert len([p for p in check(model(text)) if not p.lint]) >= 2


def test_a_registry_is_checked_like_the_references_of_a_model():
    sound = model(SOUND)
    twice = (sound.reference[0], sound.reference[0])
    assert [p.code for p in check_references(twice)] == ["duplicate-id"]
    bare = msgspec.structs.replace(sound.reference[0], source="", claim=())
    assert [p.code for p in check_references((bare,))] == ["unsourced"]


number = st.one_of(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(0, 1),
    st.sampled_from([0.0, 1.0, 1e-9, math.inf, math.nan]),
)
spread = st.builds(
    Spread,
    **dict.fromkeys(("p5", "mode", "p50", "p95", "low", "high", "confidence"), st.none() | number),
)
ordered = st.lists(st.floats(1e-6, 1), min_size=3, max_size=3).map(
    lambda v: Spread(p5=min(v), mode=sorted(v)[1], p95=max(v))
)


@given(st.one_of(number, spread, ordered), st.sampled_from(["probability", "positive"]))
def test_what_passes_can_be_drawn_from(value, quantity):
    found = Problems()
    found.number(value, quantity, "x")
    try:
        fit(value, quantity)
    except InputError:
        assert found.found, "the check let through what cannot be drawn from"
