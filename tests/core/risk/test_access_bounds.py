"""Derivations against brute force over sets of rules; bounds where there are too many; bounded memory."""

import contextlib
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.ids import parse_item
from halfdoor.core.model.groups import Groups
from halfdoor.core.risk import abilities, access, bound
from halfdoor.core.risk.abilities import Holdings, is_item
from halfdoor.core.risk.access import AccessModel, Gate, Surroundings
from halfdoor.core.risk.document import Actor, RiskModel, Rule, Spread
from halfdoor.core.risk.uncertainty.draws import Draws
from worlds import ABILITIES, NEEDS, OWN_GROUPS, risk_models

GROUPS = Groups((g.id, g.contains, g.inside) for g in OWN_GROUPS)


@contextlib.contextmanager
def cap(module, **values):
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)


def access_model(model, draws=30, items=NEEDS):
    common = [row.item for row in model.commonplace]
    return AccessModel(model, Holdings.of(items, (), common), Draws(3, draws), Surroundings(GROUPS))


def cut(model, rules):
    return RiskModel(**{f: getattr(model, f) for f in model.__struct_fields__} | {"rule": model.rule[:rules]})


def minimal_sets(model, ability):
    """Every inclusion-minimal set of rules that gives an ability, by trying all."""

    def gives(rules):
        got, grown = set(), True
        while grown:
            new = {
                model.rule[r].gives
                for r in rules
                if all(is_item(need) or need in got for need in model.rule[r].needs)
            }
            grown = bool(new - got)
            got |= new
        return ability in got

    every = [
        frozenset(rules)
        for size in range(1, len(model.rule) + 1)
        for rules in itertools.combinations(range(len(model.rule)), size)
        if gives(rules)
    ]
    return [rules for rules in every if not any(other < rules for other in every)]


@given(risk_models())
@settings(max_examples=60, deadline=None)
def test_the_combination_table_is_that_of_brute_force(model):
    """Each rule paid once; money, days and skill joint in the draw; ways with the same items pooled."""
    model = cut(model, 6)
    found = access_model(model)
    expected = {}
    for ability in {rule.gives for rule in model.rule}:
        for rules in minimal_sets(model, ability):
            needed = {n for r in rules for n in model.rule[r].needs if is_item(n)}
            items = tuple(sorted(i for i in needed if not found.holdings.is_free(i)))
            usd = sum(found._rule(r).usd for r in rules)
            days = sum(found._rule(r).days for r in rules)
            skill = max(model.rule[r].skill for r in rules)
            for actor in model.actor:
                budget = found.draws.of(f"actor {actor.id}, budget", actor.budget, "positive")
                limit = found.draws.of(f"actor {actor.id}, days", actor.days, "positive")
                within = (usd <= budget * (1 + 1e-12)) & (days <= limit) & (skill <= actor.skill)
                key = (ability, actor.id, items)
                expected[key] = expected.get(key, False) | within
    rows = {
        (ability, actor.id, way.items): share for ability, actor, way, share, _, _ in found.combinations()
    }
    assert rows == {key: pytest.approx(within.mean()) for key, within in expected.items()}
    assert not any(row[5] for row in found.combinations())


@given(risk_models(), st.sampled_from(ABILITIES))
@settings(max_examples=60, deadline=None)
def test_a_capped_table_is_marked_and_does_not_understate(model, ability):
    exact = {(a, who.id, way.items): p for a, who, way, p, _, _ in access_model(model).combinations()}
    with cap(abilities, DERIVATIONS_MAX=1):
        capped = list(access_model(model).combinations())
    for given_, who, way, share, _, upper_bound in capped:
        if upper_bound and (given_, who.id, way.items) in exact:
            assert share >= exact[given_, who.id, way.items]
    assert all(row[5] for row in capped if row[0] == ability)


@given(risk_models(), st.sampled_from(ABILITIES), st.data())
@settings(max_examples=80, deadline=None)
def test_without_the_means_to_be_exact_access_is_bounded_from_above(model, ability, data):
    groups = {
        item: data.draw(st.sampled_from(((), ("staff",), ("staff", "vetted"), ("anyone",)))) for item in NEEDS
    }
    having = lambda item: groups[str(parse_item(item))] if item in groups else ()  # noqa: E731  one expression
    exact = Gate(access_model(model), "a2", ability, 0.1)
    with cap(access, PAYMENTS_MAX=0):
        by_rule = Gate(access_model(model), "a2", ability, 0.1)
        with cap(bound, RULES_MAX=0):
            any_item = Gate(access_model(model), "a2", ability, 0.1)
    least = exact.violations(having)
    assert least <= by_rule.violations(having) <= any_item.violations(having)
    if access_model(model).ways(ability).ways:
        assert not by_rule.complete
        assert not any_item.complete


def spread(rng):
    middle = float(np.exp(rng.normal(3, 2)))
    return Spread(p5=middle / 5, p50=middle, p95=middle * 6)


def hostile(kind):
    rng = np.random.default_rng(1)
    if kind == "deep circles":
        names = [f"a{n}" for n in range(400)]
        rules = [
            Rule(
                gives=str(rng.choice(names)),
                needs=tuple(map(str, rng.choice(names, 2, replace=False))),
                cost=spread(rng),
            )
            for _ in range(9_990)
        ]
        rules += [Rule(gives=names[n], needs=("sampling",), cost=spread(rng)) for n in range(10)]
        return rules, names[-1]
    rules = [Rule(gives="a0", needs=("sampling",), cost=spread(rng))]
    rules += [Rule(gives=f"a{n + 1}", needs=(f"a{n}",), cost=spread(rng)) for n in range(9_999)]
    return rules, "a9999"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["deep circles", "one long chain"])
def test_ten_thousand_rules_end_in_bounded_work_and_memory(kind, monkeypatch):
    rules, ability = hostile(kind)
    actors = tuple(
        Actor(id=f"a{n}", domain="d", budget=Spread(p5=10, p50=100, p95=1000), days=300, skill=n)
        for n in range(4)
    )
    model = RiskModel(schema="halfdoor/risk-model/1", name="t", version="0", actor=actors, rule=tuple(rules))
    model_access = access_model(model, draws=5_000)
    paid = []
    rule = AccessModel._rule
    monkeypatch.setattr(AccessModel, "_rule", lambda self, index: paid.append(index) or rule(self, index))
    for actor in actors:
        gate = Gate(model_access, actor.id, ability, 0.5)
        assert gate.violations(lambda _: ()) == 0
        assert gate.violations(lambda _: {"anyone"}) <= 5_000
        assert gate.operations <= 3 * 4 * bound.RULES_MAX
    assert len(paid) <= access.PAYMENTS_MAX
    assert model_access.draws.kept.bytes <= model_access.draws.kept.bytes_max
    assert model_access.ways(ability).steps <= 2 * abilities.STEPS_MAX
