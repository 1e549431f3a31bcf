"""Addresses of numbers: every uncertain number has one, it leads there, and it outlives edits."""

import msgspec
import pytest
from hypothesis import given

from halfdoor.core.errors import InputError
from halfdoor.core.risk.document import Reach, RiskModel, Spread, Step, Threat
from halfdoor.core.risk.experts.addresses import choose, numbers
from halfdoor.readers.library import load_risk_model
from worlds import risk_models


@pytest.fixture(scope="module")
def model():
    return load_risk_model("public-2026")


def spreads(value, key=()):
    """Where a Spread stands in a document, found without knowing what the document means."""
    if isinstance(value, Spread):
        yield key
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from spreads(getattr(value, name), (*key, name))
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from spreads(part, (*key, name))
    elif isinstance(value, tuple):
        for number, part in enumerate(value):
            yield from spreads(part, (*key, number))


def at(value, key):
    for part in key:
        value = getattr(value, part) if isinstance(value, msgspec.Struct) else value[part]
    return value


def test_every_spread_of_the_shipped_model_has_an_address(model):
    assert {number.key for number in numbers(model).values()} >= set(spreads(model))


@given(risk_models())
def test_an_address_leads_to_its_number(model):
    found = numbers(model)
    assert {number.key for number in found.values()} >= set(spreads(model))
    for address, number in found.items():
        assert number.address == address
        assert at(model, number.key) == number.now
        assert at(model, number.row).judgement == number.judgement


@given(risk_models())
def test_addresses_do_not_depend_on_the_order_of_rows(model):
    turned = msgspec.structs.replace(model, rule=model.rule[::-1], reach=model.reach[::-1])
    before, after = numbers(model), numbers(turned)
    assert before.keys() == after.keys()
    assert all(after[address].now == number.now for address, number in before.items())


def test_steps_are_called_by_their_code_or_by_their_name():
    threat = Threat(
        id="t",
        domain="d",
        step=tuple(
            Step(name=n, p=0.5)
            for n in ("TA0002 - Execution", "T1498.001: flood", "Get in", "T1 - a", "T1 - b")
        ),
    )
    model = RiskModel(schema="halfdoor/risk-model/1", name="m", version="1", threat=(threat,))
    ends = [a.removeprefix("threat.t.step.") for a in numbers(model) if a.endswith(".p")]
    assert ends == ["TA0002.p", "T1498.001.p", "get-in.p", "t1-a.p", "t1-b.p"]


def test_two_rows_with_the_same_ids_are_told_apart(model):
    twice = (Reach(actor="a", group="vetted", p=0.1), Reach(actor="a", group="vetted", p=0.2))
    found = numbers(RiskModel(schema="halfdoor/risk-model/1", name="m", version="1", reach=twice))
    assert {a: n.now for a, n in found.items()} == {"reach.a.vetted.p": 0.1, "reach.a.vetted.p#2": 0.2}


def test_without_patterns_what_rests_on_judgement_is_chosen(model):
    chosen = choose(numbers(model), [])
    assert chosen
    assert all(n.judgement and n.now is not None for n in chosen)
    assert {n.address for n in numbers(model).values() if n.judgement and not n.source and n.now} <= {
        n.address for n in chosen
    }


def test_of_a_row_with_a_source_what_its_judgement_names_is_chosen():
    step = Step(name="S1 one", p=0.5, uplifted=0.7)
    threat = Threat(id="t", domain="d", step=(step,), source="a paper", judgement="uplifted: ours")
    model = RiskModel(schema="halfdoor/risk-model/1", name="m", version="1", threat=(threat,))
    assert [n.address for n in choose(numbers(model), [])] == ["threat.t.step.S1.uplifted"]


def test_a_pattern_takes_brackets_and_points_as_they_are(model):
    found = numbers(model)
    for address in list(found)[::7]:
        if found[address].now is not None:
            assert [n.address for n in choose(found, [address])] == [address]
    stolen = choose(found, ["reach.OC1.nobody[SL?*"[:-2] + "*"])
    assert {n.address for n in stolen} == {f"reach.OC1.nobody[SL{level}].p" for level in range(1, 6)}


def test_what_the_model_leaves_out_is_asked_for_by_name_only():
    threat = Threat(id="t", domain="d", step=(Step(name="S1 one", p=0.5),))
    found = numbers(RiskModel(schema="halfdoor/risk-model/1", name="m", version="1", threat=(threat,)))
    assert [n.address for n in choose(found, ["threat.*"])] == ["threat.t.damage", "threat.t.step.S1.p"]
    assert [n.address for n in choose(found, ["*.step.*.uplifted"])] == ["threat.t.step.S1.uplifted"]


def test_a_pattern_that_names_nothing_says_what_is_near(model):
    with pytest.raises(InputError) as raised:
        choose(numbers(model), ["reach.OC1.veted.p"])
    assert raised.value.code == "unknown-number"
    assert "reach.OC1.vetted.p" in raised.value.remedy


def test_questions_are_whole_sentences(model):
    for number in numbers(model).values():
        assert number.words[0].isupper()
        assert number.words.endswith("?")
        assert number.unit
