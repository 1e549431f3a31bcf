"""Flip points: just beyond them the verdict really changes, just before them it does not."""

import collections
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.assess import assess
from halfdoor.core.evidence.claim import Claim
from halfdoor.core.policy.document import Requirement
from halfdoor.core.risk.document import Leak
from worlds import DAY, example, questions, score

replace = msgspec.structs.replace
CERTAIN = 1e7  # watched years: a leak rate known as well as exactly


def scaled(at, factor, unit):
    """A value a little off `at`; of a probability the odds are scaled."""
    value = float(at)
    if unit != "probability a year":
        return value * factor
    odds = value / (1 - value) * factor
    return odds / (1 + odds)


def with_input(question, name, value):
    """The question with one input set to a constant."""
    model = question.risk_model
    if name == "security level":
        facts = replace(question.dossier.model, security=value)
        return replace(question, dossier=replace(question.dossier, model=facts))
    if name == "tamper-cost":
        claim = Claim(
            id=name,
            origin="x",
            value=value,
            low=value,
            unit="steps",
            measured=DAY,
            binding="bound",
            by="third-party",
            mode="fine-tuned",
        )
        return replace(question, claims=(*(c for c in question.claims if c.id != name), claim))
    changed = {
        "actor": [
            replace(a, **{key: value}) if name == f"actor {a.id}, {key}" else a
            for a in model.actor
            for key in [name.rpartition(", ")[2] if name.startswith(f"actor {a.id},") else "budget"]
        ],
        "rule": [
            replace(r, **{name.rpartition(", ")[2]: value})
            if name.rpartition(", ")[0] == f"rule {r.gives} <- {' + '.join(r.needs)}"
            else r
            for r in model.rule
        ],
        "reach": [
            replace(r, p=value) if name == f"reach {r.actor}, {r.group} {r.security}".rstrip() else r
            for r in model.reach
        ],
        "leak": [
            replace(r, leaks=value * CERTAIN - 0.5, years=CERTAIN) if name == f"leak/{r.group}" else r
            for r in model.leak
        ],
    }
    changed = {key: tuple(rows) for key, rows in changed.items()}
    assert any(getattr(model, key) != rows for key, rows in changed.items()), name
    return replace(question, risk_model=replace(model, **changed))


def check(question, kinds):
    result = assess(question)
    assert len(result.flips) <= 13
    for flip in result.flips:
        if flip.comparator is None or flip.input.startswith("capability"):
            continue
        kinds[flip.input.split()[0].split("/")[0]] += 1
        assert (flip.direction == "widens") != result.verdict.permitted
        if flip.input == "security level":
            levels = ["SL1", "SL2", "SL3", "SL4", "SL5"]
            below = levels[levels.index(flip.at) - 1] if flip.at > "SL1" else None
            beyond, before = (flip.at, below) if flip.comparator == ">=" else (below, flip.at)
        else:
            up = 1.005 if flip.comparator == ">=" else 1 / 1.005
            beyond, before = (scaled(flip.at, f, flip.unit) for f in (up, up**-7))
        assert assess(with_input(question, flip.input, beyond)).verdict.permitted != result.verdict.permitted
        if before is not None:
            again = assess(with_input(question, flip.input, before))
            assert again.verdict.permitted == result.verdict.permitted


@pytest.mark.slow
def test_the_verdict_changes_just_there():
    seen = collections.Counter()

    @given(questions(), st.sampled_from((75, 95)))
    @settings(max_examples=80, deadline=None)
    def in_random_worlds(question, passes):
        check(replace(question, claims=(score(passes),)), seen)

    in_random_worlds()
    assert seen  # which kinds there are is left to chance; each has a test of its own below


def flips_of(question):
    return {flip.input: flip for flip in assess(question).flips}


def test_a_permitted_proposal_says_what_would_void_it():
    kinds = collections.Counter()
    question = example(group="vetted")
    check(question, kinds)
    assert kinds["reach"] >= 2  # who is vetted, and theft
    found = flips_of(question)["reach a, vetted"]
    assert (found.direction, found.comparator) == ("narrows", ">=")
    assert 0.02 <= float(found.at) <= 0.0205  # the policy's own line
    assert "no longer permitted" in found.sentence
    assert "an amateur (a)" in found.sentence


def test_budgets_flip_too():
    question = example(group="identified")
    poor = tuple(replace(actor, budget=150.0) for actor in question.risk_model.actor)
    asked = replace(question, risk_model=replace(question.risk_model, actor=poor))
    kinds = collections.Counter()
    check(asked, kinds)
    flip = flips_of(asked)["actor a, budget"]
    assert (flip.direction, flip.comparator, flip.unit) == ("widens", "<", "USD")
    assert kinds["actor"]


def test_leaks_flip_too():
    question = example(group="vetted")
    leaks = (Leak(group="vetted", leaks=0, years=1000.0, source="s"),)
    watched = replace(question, risk_model=replace(question.risk_model, leak=leaks))
    kinds = collections.Counter()
    check(watched, kinds)
    assert kinds["leak"] == 1
    flip = flips_of(watched)["leak/vetted"]
    assert float(flip.at) == pytest.approx(0.0102, abs=0.0002)  # with 1 % who get in, 2 % are allowed


def test_a_forbidden_proposal_says_what_would_permit_it():
    kinds = collections.Counter()
    check(example(group="identified"), kinds)
    assert kinds["rule"]
    assert kinds["reach"]


def test_the_nearest_comes_first():
    question = example(group="vetted")
    found = [f for f in assess(question).flips if f.input.startswith("reach")]
    ratios = [abs(float(f.at) / float(f.now)) for f in found]
    assert ratios == sorted(ratios)


def with_row(**row):
    question = example(group="vetted", claims=(score(90),))
    rows = (Requirement(item="final-parameters", group="vetted", tier="high", **row),)
    return replace(question, policy=replace(question.policy, requirement=rows))


def test_a_requirement_flips_at_its_own_threshold():
    question = with_row(evidence="tamper-cost", threshold=Decimal(1000), unit="steps")
    kinds = collections.Counter()
    check(question, kinds)
    flip = flips_of(question)["tamper-cost"]
    assert (flip.at, flip.comparator, flip.unit, flip.now) == ("1000", ">=", "steps", "not measured")
    assert not any(name.startswith(("reach", "actor", "rule")) for name in flips_of(question))
    measured = with_input(question, "tamper-cost", 3000.0)
    check(measured, kinds)
    assert flips_of(measured)["tamper-cost"].comparator == "<"
    assert kinds["tamper-cost"] == 2


def test_security_flips_at_the_level_that_is_asked_for():
    question = with_row(kind="security", evidence="SL3")
    kinds = collections.Counter()
    check(question, kinds)
    assert flips_of(question)["security level"].at == "SL3"
    better = with_input(question, "security level", "SL4")
    check(better, kinds)
    assert (flips_of(better)["security level"].at, flips_of(better)["security level"].comparator) == (
        "SL3",
        "<",
    )


@pytest.mark.parametrize("passes", [2, 99])
def test_capability_says_from_where_on(passes):
    question = example(claims=(score(passes),), group="anyone")
    flip = flips_of(question)["capability in d"]
    assert flip.comparator == (">=" if passes == 2 else "<")
    assert flip.direction == ("narrows" if passes == 2 else "widens")
