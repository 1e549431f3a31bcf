"""Access probability against its definition, and what must hold in every draw."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.ids import parse_item
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.groups import Groups
from halfdoor.core.risk import abilities
from halfdoor.core.risk.abilities import Holdings, derive, is_item
from halfdoor.core.risk.access import AccessModel, Gate, Surroundings
from halfdoor.core.risk.document import Actor, Reach, RiskModel, Rule, Spread
from halfdoor.core.risk.uncertainty.draws import Draws
from worlds import ABILITIES, ITEMS, OWN_GROUPS, risk_models

GROUPS = Groups((g.id, g.contains, g.inside) for g in OWN_GROUPS)


def configurations(items=ITEMS):
    return st.dictionaries(
        st.sampled_from(items), st.lists(st.sampled_from(GROUPS.shareable), max_size=2)
    ).map(lambda shared: Configuration(shared, GROUPS))


def access_model(model, items=ITEMS, draws=60, **around):
    common = [row.item for row in model.commonplace]
    return AccessModel(model, Holdings.of(items, (), common), Draws(3, draws), Surroundings(GROUPS, **around))


def brute(access, actor, ability, x, config):
    """Draws with X > x straight from the definition: every subset of rules, each paid once, per draw."""
    model, holdings, count = access.model, access.holdings, access.draws.count
    who = next(a for a in model.actor if a.id == actor)
    budget = access.draws.of(f"actor {who.id}, budget", who.budget, "positive")
    days = access.draws.of(f"actor {who.id}, days", who.days, "positive")
    reach = access.reach(actor)

    def within_reach(item, draw):
        parsed = parse_item(item)
        if holdings.is_free(item):
            return True
        if not parsed.is_service and reach.theft[draw] > x:
            return True
        return any(reach.access(g, service=parsed.is_service)[draw] > x for g in config.groups_with(item))

    def derivable(rules, variant, draw):
        got, grown = set(), True
        while grown:
            grown = False
            for index in rules:
                rule = model.rule[index]
                if rule.gives in got:
                    continue
                if all(
                    any(within_reach(i, draw) for i in holdings.matching(parse_item(need), variant))
                    if is_item(need)
                    else need in got
                    for need in rule.needs
                ):
                    got.add(rule.gives)
                    grown = True
        return ability in got

    hits = 0
    for draw in range(count):
        hits += any(
            sum(access._rule(i).usd[draw] for i in rules) <= budget[draw]
            and sum(access._rule(i).days[draw] for i in rules) <= days[draw]
            and max(access._rule(i).skill for i in rules) <= who.skill
            and derivable(rules, variant, draw)
            for variant in holdings.variants
            for size in range(1, len(model.rule) + 1)
            for rules in itertools.combinations(range(len(model.rule)), size)
        )
    return hits


@given(risk_models(), configurations(), st.sampled_from(ABILITIES), st.sampled_from((0.0, 0.05, 0.3)))
@settings(max_examples=60, deadline=None)
def test_the_gate_counts_what_the_definition_counts(model, config, ability, x):
    model = RiskModel(**{f: getattr(model, f) for f in model.__struct_fields__} | {"rule": model.rule[:5]})
    access = access_model(model, draws=12)
    for actor in ("a1", "a2"):
        expected = brute(access, actor, ability, x, config)
        assert Gate(access, actor, ability, x).violations(config.groups_with) == expected


@given(risk_models(), configurations(), configurations(), st.sampled_from(ABILITIES))
@settings(max_examples=150, deadline=None)
def test_sharing_more_never_lowers_access(model, config, more, ability):
    """Invariant 6, over cycles, leaks, theft and incomparable groups; draw by draw, as counts of one gate."""
    access = access_model(model)
    wider = config.join(more)
    for x in (0.0, 0.1, 0.5):
        gate = Gate(access, "a2", ability, x)
        assert gate.violations(config.groups_with) <= gate.violations(wider.groups_with)


@given(risk_models(), configurations(), st.sampled_from(ABILITIES))
@settings(max_examples=100, deadline=None)
def test_a_capped_search_never_understates_access(model, config, ability):
    exact = Gate(access_model(model), "a2", ability, 0.1)
    cap, abilities.DERIVATIONS_MAX = abilities.DERIVATIONS_MAX, 1
    try:
        capped = Gate(access_model(model), "a2", ability, 0.1)
    finally:
        abilities.DERIVATIONS_MAX = cap
    assert capped.violations(config.groups_with) >= exact.violations(config.groups_with)


@given(risk_models(), st.sampled_from(ABILITIES))
@settings(max_examples=150, deadline=None)
def test_derivations_are_minimal_and_use_each_ability_once(model, ability):
    holdings = Holdings.of(ITEMS, (), [row.item for row in model.commonplace])
    found = derive(model, ability, holdings)
    by_variant = {}
    for way in found.ways:
        gives = [model.rule[r].gives for r in way.rules]
        assert len(set(gives)) == len(gives)
        assert gives[-1] == ability
        got = set()
        for index in way.rules:  # in an order in which they can be carried out
            assert {n for n in model.rule[index].needs if not is_item(n)} <= got
            got.add(model.rule[index].gives)
        by_variant.setdefault(way.variant, set()).add(frozenset(way.rules))
    for sets in by_variant.values():
        assert not any(a < b for a in sets for b in sets)


def simple(*rules, **fields):
    actor = Actor(id="a", domain="d", budget=100, days=10, skill=1)
    return RiskModel(
        schema="halfdoor/risk-model/1", name="t", version="0", actor=(actor,), rule=rules, **fields
    )


def test_a_shared_rule_is_paid_once():
    model = simple(
        Rule(gives="run", needs=("final-parameters",), cost=60),
        Rule(gives="tune", needs=("run",), cost=10),
        Rule(gives="probe", needs=("run",), cost=10),
        Rule(gives="strip", needs=("tune", "probe"), cost=10),
    )
    access = access_model(model, ("final-parameters",))
    (way,) = access.ways("strip").ways
    assert float(access.spend(way).usd[0]) == 90  # not 150
    gate = Gate(access, "a", "strip", 0.5)
    assert gate.violations(lambda _: {"anyone"}) == access.draws.count


def test_limits_hold_jointly_in_the_same_draw():
    """Each of two ways meets one limit; neither meets both."""
    model = simple(
        Rule(gives="strip", needs=("sampling",), cost=90, days=20),
        Rule(gives="strip", needs=("fine-tuning",), cost=900, days=1),
    )
    gate = Gate(access_model(model, ("sampling", "fine-tuning")), "a", "strip", 0.5)
    assert gate.violations(lambda _: {"anyone"}) == 0


def test_variants_do_not_mix_but_share_the_code():
    model = simple(
        Rule(gives="run", needs=("final-parameters", "sampling")),
        Rule(gives="read", needs=("final-parameters", "architecture")),
    )
    items = ("base:final-parameters", "chat:sampling", "architecture")
    access = access_model(model, items)
    run = Gate(access, "a", "run", 0.5)
    shared = Configuration({item: ["anyone"] for item in items}, GROUPS)
    assert run.violations(shared.groups_with) == 0  # the weights of one, the service of another
    assert {w.items for w in access.ways("read").ways} >= {("architecture", "base:final-parameters")}


def test_a_service_that_is_not_listed_does_not_exist_and_a_file_can_be_stolen():

    model = simple(
        Rule(gives="ask", needs=("sampling",)),
        Rule(gives="run", needs=("final-parameters",)),
        reach=(Reach(actor="a", group="nobody", p=0.3),),
    )
    access = access_model(model, ("model-card",))
    assert Gate(access, "a", "ask", 0.0).violations(lambda _: ()) == 0
    assert Gate(access, "a", "run", 0.2).violations(lambda _: ()) == access.draws.count
    assert Gate(access, "a", "run", 0.2).violations(lambda _: (), theft=False) == 0
    assert Gate(access, "a", "run", 0.4).violations(lambda _: ()) == 0


def test_a_measured_attack_cost_raises_the_rule_it_measures_and_never_lowers_it():
    rule = Rule(
        gives="strip", needs=("final-parameters",), cost=50, measured_by="tamper-cost", usd_per_unit=0.5
    )
    for low, expected in ((1000.0, 500.0), (1.0, 50.0)):
        access = access_model(simple(rule), ("final-parameters",), measured={"tamper-cost": low})
        (way,) = access.ways("strip").ways
        assert float(access.spend(way).usd[0]) == expected


def test_a_group_without_a_reach_row_counts_as_the_next_wider_one():

    model = simple(
        Rule(gives="run", needs=("sampling",)), reach=(Reach(actor="a", group="identified", p=0.3),)
    )
    access = access_model(model, ("sampling",))
    for group, reached in (("vetted", 0.3), ("cyber", 1.0), ("anyone", 1.0)):
        assert access.reach("a").access(group, service=True)[0] == pytest.approx(reached)


def test_a_deep_chain_and_a_dense_graph_end():
    chain = [Rule(gives=f"s{i + 1}", needs=(f"s{i}",)) for i in range(3000)]
    model = simple(Rule(gives="s0", needs=("sampling",)), *chain)
    assert len(derive(model, "s3000", Holdings.of(("sampling",), (), ())).ways) == 1
    dense = [
        Rule(gives=f"n{i}", needs=(f"n{j}",), cost=float(i)) for i, j in itertools.permutations(range(12), 2)
    ]
    model = simple(*dense, Rule(gives="n0", needs=("sampling",)))
    assert derive(model, "n11", Holdings.of(("sampling",), (), ())).complete is False


def test_all_of_an_actors_doors_open_together():
    """Incomparable groups are comonotone doors, so that splitting a group is not free."""

    wide = Spread(p5=0.01, mode=0.1, p95=0.5)
    model = simple(
        Rule(gives="ask", needs=("sampling",)),
        reach=(Reach(actor="a", group="bio", p=wide), Reach(actor="a", group="cyber", p=wide)),
    )
    reach = access_model(model, ("sampling",)).reach("a")
    assert np.array_equal(reach.access("bio", service=True), reach.access("cyber", service=True))


def test_a_hostile_graph_ends_and_is_bounded_from_above():
    """Thousands of rules, deep circles: the searches stop, and access is not understated."""
    rng = np.random.default_rng(1)
    names = [f"a{i}" for i in range(60)]
    rules = [
        Rule(gives=str(rng.choice(names)), needs=tuple(map(str, rng.choice(names, 2, replace=False))), cost=1)
        for _ in range(1500)
    ]
    begin = [Rule(gives=name, needs=("sampling",), cost=1) for name in names[:3]]
    access = access_model(simple(*begin, *rules), ("sampling",))
    gate = Gate(access, "a", "a59", 0.5)
    assert gate.complete is False
    assert gate.violations(lambda _: ()) == 0
    assert gate.violations(lambda _: {"anyone"}) == access.draws.count
    assert sum(access.ways(name).steps for name in names) < 3 * abilities.STEPS_TOTAL_MAX
