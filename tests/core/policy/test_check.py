"""A policy that forbids nothing, or names what does not exist, is refused with place and remedy."""

import pytest

from halfdoor.core.policy.check import check
from halfdoor.core.policy.document import Policy
from halfdoor.core.risk.document import RiskModel
from halfdoor.readers.toml import parse_toml

MODEL = parse_toml(
    b"""
schema = "halfdoor/risk-model/1"
name = "small"
version = "1"
actor = [{id = "amateur", domain = "cyber", budget = 1, days = 1, skill = 1},
         {id = "novice", domain = "biology", budget = 1, days = 1, skill = 1}]
rule = [{gives = "strip", needs = ["final-parameters"]}]
domain = [{id = "cyber", claims = ["ctf", "reading"]}, {id = "biology"}]
claim = [{id = "ctf"}, {id = "reading", kind = "inability"}, {id = "tamper-cost", unit = "steps"}]
benefit = [{item = "sampling", group = "vetted", objective = "use", kept = 0.5}]
threat = [{id = "theft", domain = "cyber", unit = "USD", damage = 1}]
""",
    RiskModel,
    "small.toml",
)

SOUND = """
schema = "halfdoor/policy/1"
name = "small"
version = "1"
quantile = "0.9"
unmeasured = "critical"
review_days = 180
[scope]
anchor_date = "2026-01-01"
reference_margin = "0.05"
training_compute_below_flop = 1e23
[margins]
growth = "0.05"
[[tier]]
domain = "cyber"
name = "high"
capability = "0.6"
[[tier]]
domain = "cyber"
name = "critical"
capability = "0.85"
[[limit]]
id = "one"
domain = "cyber"
tier = "high"
actor = "amateur"
ability = "strip"
access_probability = "0.02"
confidence = "0.95"
clause = "a sentence"
[[requirement]]
id = "two"
item = "final-parameters"
group = "identified"
domain = "cyber"
tier = "high"
evidence = "tamper-cost"
threshold = "1000"
unit = "steps"
clause = "a sentence"
[[requirement]]
item = "final-parameters"
group = "staff"
kind = "security"
evidence = "SL2"
clause = "a sentence"
[[inability]]
domain = "cyber"
claim = "reading"
at_most = "0.25"
clause = "a sentence"
[[group]]
id = "cyber-vetted"
contains = ["auditors"]
inside = ["vetted"]
[[expect]]
item = "model-card"
group = "anyone"
clause = "a sentence"
[[role]]
name = "approver"
quorum = 2
signed = true
[[role]]
name = "overseer"
decides = false
[[application]]
group = "vetted"
fields = ["identity", "purpose"]
reviewers = 2
days = 90
undecided_days = 14
clause = "a form"
[[objective]]
id = "use"
weight = "1"
[[band]]
id = "catastrophe"
unit = "USD"
at_least = 1e9
[[frequency]]
band = "catastrophe"
per_year = "0.0001"
clause = "a line"
[exposure]
credit_max = "0.5"
clause = "a share"
[net]
why = "defenders are quick"
[plan]
soak_days = 30
no_new_safeguards_days = 60
incidents_at_most = "0.01"
confidence = "0.9"
approvals = 1
clause = "a pause"
"""


def policy(text: str) -> Policy:
    return parse_toml(text.encode(), Policy, "small.toml")


def test_a_sound_policy_has_no_problem():
    assert check(policy(SOUND), MODEL) == ()
    assert check(policy(SOUND)) == ()


def test_a_policy_without_rows_is_an_error():
    text = 'schema = "halfdoor/policy/1"\nname = "empty"\nversion = "1"\n'
    assert [(p.code, p.lint) for p in check(policy(text))] == [("no-rows", False)]


ERRORS = [
    ("soak_days = 30", "soak_days = -1", "bad-number", "plan.soak_days", "0 to"),
    ("soak_days = 30", "soak_days = 1000000000", "bad-number", "plan.soak_days", "0 to"),
    ("days = 60", "days = -60", "bad-number", "plan.no_new_safeguards_days", "0 to"),
    ('most = "0.01"', 'most = "0"', "bad-probability", "plan.incidents_at_most", "above 0"),
    ('most = "0.01"', 'most = "1"', "bad-probability", "plan.incidents_at_most", "above 0"),
    ('confidence = "0.9"\n', 'confidence = "1"\n', "bad-probability", "plan.confidence", "between 0 and 1"),
    ('quantile = "0.9"', 'quantile = "0.95"', "bad-quantile", "quantile", ".95"),
    ('quantile = "0.9"', 'quantile = "NaN"', "bad-quantile", "quantile", ".95"),
    ('unmeasured = "critical"', 'unmeasured = "criticle"', "unknown-tier", "unmeasured", "critical"),
    ('unmeasured = "critical"', 'unmeasured = {ciber = "high"}', "unknown-domain", "unmeasured.ciber", "cyb"),
    ("review_days = 180", "review_days = 0", "bad-number", "review_days", "correct"),
    ('anchor_date = "2026-01-01"', 'anchor_date = "new year"', "bad-date", "scope.anchor_date", "2026"),
    ('reference_margin = "0.05"', 'reference_margin = "5"',
     "bad-probability", "scope.reference_margin", "at most 1"),
    ("1e23", "-1.0", "bad-number", "scope.training_compute_below_flop", "correct"),
    ('growth = "0.05"', 'growth = "Infinity"', "bad-probability", "margins.growth", "at most 1"),
    ('domain = "cyber"\nname', 'domain = "ciber"\nname', "unknown-domain", "tier[0].domain", "cyber"),
    ('capability = "0.85"', 'capability = "0.6"',
     "bad-tiers", "tier[1].capability", "notable < high < critical"),
    ('capability = "0.85"', 'capability = "NaN"', "bad-probability", "tier[1].capability", "at most 1"),
    ('name = "critical"', 'name = "high"', "duplicate-id", "tier[1]", "remove"),
    ('tier = "high"\nactor', 'tier = "hihg"\nactor', "unknown-tier", "limit[0].tier", "high"),
    ('tier = "high"\nactor', 'tier = "notable"\nactor', "unknown-tier", "limit[0].tier", "[[tier]]"),
    ('actor = "amateur"', 'actor = "amature"', "unknown-actor", "limit[0].actor", "amateur"),
    ('actor = "amateur"', 'actor = "novice"', "wrong-domain", "limit[0].actor", "domain"),
    ('ability = "strip"', 'ability = "stripe"', "unknown-ability", "limit[0].ability", "strip"),
    ('access_probability = "0.02"', 'access_probability = "1"',
     "bad-probability", "limit[0].access_probability", ""),
    ('confidence = "0.95"', 'confidence = "95"', "bad-probability", "limit[0].confidence", "between"),
    ('item = "final-parameters"', 'item = "final-parameter"',
     "unknown-component", "requirement[0].item", "final"),
    ('group = "identified"', 'group = "identifed"', "unknown-group", "requirement[0].group", "identified"),
    ('evidence = "tamper-cost"', 'evidence = "tamper"',
     "unknown-claim", "requirement[0].evidence", "tamper-cost"),
    ('evidence = "tamper-cost"\n', "", "missing-key", "requirement[0].evidence", "evidence"),
    ('unit = "steps"', 'unit = "hours"', "wrong-unit", "requirement[0].unit", "steps"),
    ('threshold = "1000"', 'threshold = "NaN"', "bad-number", "requirement[0].threshold", "correct"),
    ('evidence = "SL2"', 'evidence = "high"', "bad-security", "requirement[1].evidence", "SL1"),
    ('claim = "reading"', 'claim = "ctf"', "not-inability", "inability[0].claim", "inability"),
    ('at_most = "0.25"', 'at_most = "1.5"', "bad-probability", "inability[0].at_most", ""),
    ('contains = ["auditors"]', 'contains = ["auditor"]', "unknown-group", "group", "auditors"),
    ('contains = ["auditors"]', 'contains = ["vetted"]', "group-circle", "group", "inclusions"),
    ('group = "anyone"', 'group = "everyone"', "unknown-group", "expect[0].group", "anyone"),
    ("quorum = 2", "quorum = 0", "bad-number", "role[0].quorum", "at least 1"),
    ("quorum = 2", "quorum = 101", "bad-number", "role[0].quorum", "at most 100"),
    ('name = "approver"', 'name = "Approver"', "bad-role", "role[0].name", "small"),
    ('name = "overseer"', 'name = "approver"', "duplicate-id", "role[1].name", "rename"),
    ("signed = true", "decides = false", "nobody-decides", "role", "decides = true"),
    ("signed = true", "signed = true\ndecides = false", "contradiction", "role[0].quorum", "out"),
    ("signed = true", "signed = true\ndecides = false", "contradiction", "role[0].signed", "out"),
    ("decides = false", "decides = false\ndistinct_organisations = true",
     "contradiction", "role[1].distinct_organisations", "decides = true"),
    ('group = "vetted"\nfields', 'group = "anyone"\nfields', "contradiction", "application[0].group", "let"),
    ('group = "vetted"\nfields', 'group = "veted"\nfields', "unknown-group", "application[0].group", "ve"),
    ("[[application]]", '[[application]]\ngroup = "vetted"\n[[application]]',
     "duplicate-id", "application[1].group", "remove"),
    ("reviewers = 2", "reviewers = 0", "bad-number", "application[0].reviewers", "automatic"),
    ("reviewers = 2", "reviewers = 2\nautomatic = true", "contradiction", "application[0].automatic", ""),
    ("\ndays = 90", "\ndays = 0", "bad-number", "application[0].days", "1 to"),
    ("undecided_days = 14", "undecided_days = 4000", "bad-number", "application[0].undecided_days", "1 to"),
    ('["identity", "purpose"]', '["purpose", "purpose"]', "duplicate-id", "application[0].fields", "once"),
    ("approvals = 1", "approvals = -1", "bad-number", "plan.approvals", "0 to"),
    ('weight = "1"', 'weight = "0"', "bad-number", "objective", "above 0"),
    ('band = "catastrophe"', 'band = "katastrophe"', "unknown-band", "frequency[0].band", "catastrophe"),
    ("at_least = 1e9", "at_least = 0", "bad-number", "band[0].at_least", "correct"),
    ('unit = "USD"', 'unit = ""', "no-unit", "band[0].unit", "USD"),
    ('per_year = "0.0001"', 'per_year = "-1"', "bad-number", "frequency[0].per_year", "correct"),
    ('clause = "a line"', 'confidence = "1"', "bad-probability", "frequency[0].confidence", "between"),
    ('credit_max = "0.5"', 'credit_max = "1.5"', "bad-probability", "exposure.credit_max", "at most 1"),
    ('credit_max = "0.5"', 'credit_max = "NaN"', "bad-probability", "exposure.credit_max", "at most 1"),
    ('why = "defenders are quick"', 'why = " "', "no-why", "net.why", "[net]"),
    (
        "[exposure]",
        '[[frequency]]\nband = "catastrophe"\nper_year = "0.00010"\n[exposure]',
        "duplicate-id",
        "frequency[1]",
        "remove",
    ),
    ('item = "final-parameters"\ngroup = "staff"', 'id = "two"\nitem = "final-parameters"\ngroup = "staff"',
     "duplicate-id", "requirement[1].id", "rename"),
]  # fmt: skip


@pytest.mark.parametrize(("was", "becomes", "code", "where", "remedy"), ERRORS)
def test_each_fault_is_an_error_with_place_and_remedy(was, becomes, code, where, remedy):
    assert was in SOUND
    errors = [p for p in check(policy(SOUND.replace(was, becomes, 1)), MODEL) if not p.lint]
    assert (code, where) in [(p.code, p.where) for p in errors]
    assert remedy in next(p.remedy for p in errors if (p.code, p.where) == (code, where))


def test_a_row_without_its_sentence_is_a_lint():
    found = check(policy(SOUND.replace('clause = "a sentence"\n', "", 1)), MODEL)
    assert [(p.code, p.where, p.lint) for p in found] == [("no-clause", "limit[0]", True)]


def test_an_objective_that_the_risk_model_does_not_know_is_a_lint():
    found = check(policy(SOUND.replace('id = "use"', 'id = "profit"')), MODEL)
    assert [(p.code, p.lint) for p in found] == [("no-benefit", True)]


LINTS = [
    ('clause = "a line"\n', "", "no-clause", "frequency[0]"),
    ('clause = "a share"\n', "", "no-clause", "exposure"),
    ('clause = "a pause"\n', "", "no-clause", "plan"),
    ('clause = "a form"\n', "", "no-clause", "application[0]"),
    ('unit = "USD"', 'unit = "deaths"', "idle-line", "frequency[0]"),
    (
        '[[frequency]]\nband = "catastrophe"\nper_year = "0.0001"\nclause = "a line"\n',
        "",
        "idle-net",
        "net",
    ),
]


@pytest.mark.parametrize(("was", "becomes", "code", "where"), LINTS)
def test_a_line_that_says_nothing_is_a_lint(was, becomes, code, where):
    assert was in SOUND
    found = check(policy(SOUND.replace(was, becomes, 1)), MODEL)
    assert [(p.code, p.where, p.lint) for p in found] == [(code, where, True)]
