"""The rules drawn: those that what is listed or free can take, by brute force."""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from halfdoor.core.ids import parse_item
from halfdoor.core.model.groups import Groups
from halfdoor.core.risk.abilities import Holdings, is_item
from halfdoor.core.risk.access import AccessModel, Surroundings
from halfdoor.core.risk.document import Rule
from halfdoor.core.risk.uncertainty.draws import Draws
from halfdoor.core.tables import graph_rules
from worlds import ITEMS, example, risk_models


def access(model, items, public=()):
    holdings = Holdings.of(items, public, [row.item for row in model.commonplace])
    return AccessModel(model, holdings, Draws(1, 20), Surroundings(Groups()))


def by_hand(model, holdings):
    """Grow the abilities, one variant at a time, until nothing is added."""

    def had(need, variant, got):
        if not is_item(need):
            return need in got
        serving = holdings.matching(parse_item(need), variant)
        return any(one in holdings.items or holdings.is_free(one) for one in serving)

    taken = set()
    for variant in holdings.variants:
        got, before = set(), None
        while got != before:
            before = set(got)
            ready = {i for i, r in enumerate(model.rule) if all(had(n, variant, got) for n in r.needs)}
            got |= {model.rule[i].gives for i in ready}
        taken |= ready
    return sorted(taken)


@settings(deadline=None)
@given(risk_models(), st.sets(st.sampled_from(ITEMS), min_size=1))
def test_a_rule_is_there_exactly_where_it_can_be_taken(model, items):
    found = access(model, items, public=sorted(items)[:1])
    expected = [model.rule[i] for i in by_hand(model, found.holdings)]
    rows = graph_rules(found)
    assert [(row.gives, tuple(row.needs)) for row in rows] == [(r.gives, r.needs) for r in expected]
    for row in rows:
        assert row.usd_p5 <= row.usd_p50 <= row.usd_p95
        assert all(is_item(need) for need in row.free)


@settings(deadline=None)
@given(risk_models(), st.sampled_from(("run", "tune", "strip", "distil")))
def test_of_one_ability_only_what_leads_to_it(model, ability):
    found = access(model, ITEMS)
    rows = graph_rules(found, ability)
    if any(row.gives == ability for row in graph_rules(found)):
        needed = {need for row in rows for need in row.needs}
        assert all(row.gives == ability or row.gives in needed for row in rows)
        assert {row.gives for row in rows if row.gives == ability} == {ability}
    else:
        assert rows == []


def test_too_many_to_be_read_are_not_drawn_and_end_soon():
    rules = tuple(
        Rule(
            gives=f"a{i}", needs=("final-parameters",) if i % 50 == 0 else (f"a{i - 1}",), judgement="made up"
        )
        for i in range(10_000)
    )
    model = msgspec.structs.replace(example().risk_model, rule=rules)
    found = access(model, ["final-parameters"])
    assert graph_rules(found) == []
    assert len(graph_rules(found, "a149")) == 50
