"""The order of a chain: withdrawable before not, small before large, narrow before wide."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.ids import parse_item
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.dossier import Dossier, ModelTable, VariantTable
from halfdoor.core.model.groups import Groups
from halfdoor.core.policy.plan.chain import chain, leaves, size_ranks

LADDER = Groups()
OWN = Groups([("bio", ("auditors",), ("identified",)), ("cyber", ("staff",), ("anyone",))])
SIZES = ("124M", "355M", "774M", "1.5B")
ITEMS = (
    *(f"{v}:{c}" for v in SIZES for c in ("final-parameters", "sampling")),
    "architecture",
    "datasets",
    "model-card",
    "logprobs",
)


def dossier(name="m", variants=()):
    return Dossier(
        schema="halfdoor/dossier/1",
        model=ModelTable(name=name, version="1", developer="d"),
        variant=tuple(VariantTable(id=v, parent=p) for v, p in variants),
    )


def steps(stages, start):
    """What each stage adds, as cells."""
    return [
        [(i, g) for i, g in after.cells() if g not in before.groups_with(i)]
        for before, after in itertools.pairwise([start, *stages])
    ]


@st.composite
def configurations(draw, groups):
    shared = {i: draw(st.sampled_from(groups.names)) for i in draw(st.sets(st.sampled_from(ITEMS)))}
    return Configuration({i: [g] for i, g in shared.items()}, groups)


@given(st.data(), st.sampled_from((LADDER, OWN)), st.integers(2, 8))
def test_every_stage_rises_within_the_target_and_the_stations_are_met(data, groups, stages_max):
    first, middle, last = (data.draw(configurations(groups)) for _ in range(3))
    stations = [first, first.join(middle), first.join(middle).join(last)]
    stages = chain(stations, groups, dossier(), stages_max)
    assert len(stages) <= max(stages_max, 4)
    for before, after in itertools.pairwise([first, *stages]):
        assert before <= after
        assert before != after
    assert [first, *stages][-1] == stations[-1]
    assert stations[1] in [first, *stages]


@given(st.data(), st.sampled_from((LADDER, OWN)))
def test_between_two_stations_what_can_be_withdrawn_comes_first(data, groups):
    start, rest = data.draw(configurations(groups)), data.draw(configurations(groups))
    stages = chain([start, start.join(rest)], groups, dossier(), 6)
    final = [[leaves(i, g, groups) for i, g in added] for added in steps(stages, start)]
    assert all(len(set(stage)) == 1 for stage in final)
    assert [stage[0] for stage in final] == sorted(stage[0] for stage in final)


def test_four_sizes_are_four_stages_as_they_were_in_2019():
    everything = Configuration({item: ["anyone"] for item in ITEMS}, LADDER)
    stages = chain([Configuration({}, LADDER), everything], LADDER, dossier("gpt2"), 5)
    first_out = {
        size: next(n for n, c in enumerate(stages) if "anyone" in c.groups_with(f"{size}:final-parameters"))
        for size in SIZES
    }
    assert list(first_out.values()) == [1, 2, 3, 4]
    services = [n for n, c in enumerate(stages) if "anyone" in c.groups_with("1.5B:sampling")]
    assert services[0] == 0
    # what running needs goes with the smallest, what only retraining needs with the largest
    assert "anyone" in stages[1].groups_with("architecture")
    assert "anyone" not in stages[3].groups_with("datasets")


def test_with_room_narrow_groups_have_the_largest_first():
    items = [f"{size}:final-parameters" for size in SIZES]
    everything = Configuration({item: ["anyone"] for item in items}, LADDER)
    stages = chain([Configuration({}, LADDER), everything], LADDER, dossier(), 6)
    assert stages[-2].groups_with("1.5B:final-parameters") < stages[-1].groups_with("1.5B:final-parameters")
    assert "vetted" in stages[-2].groups_with("1.5B:final-parameters")


@pytest.mark.parametrize(
    ("name", "variants", "items", "ranks"),
    [
        ("m", (), ("7b:sampling", "70B-chat:sampling", "8x7b:sampling"), (0, 2, 1)),
        ("m", (("chat", "7b"), ("7b", None)), ("chat:sampling", "13b:sampling"), (0, 1)),
        ("heron-12b", (), ("sampling", "base:sampling", "3b:sampling"), (1, 1, 0)),
        ("m", (), ("q4_k_m:sampling", "3b:sampling", "7b:sampling"), (1, 0, 1)),
        ("m", (("a", "b"), ("b", "a")), ("a:sampling", "b:sampling"), (0, 0)),
        ("m-3.1", (), ("4bit:sampling", "1.5B:sampling", "900M:sampling"), (1, 1, 0)),
    ],
)
def test_sizes_are_read_from_ids_lineage_and_name(name, variants, items, ranks):
    found = size_ranks(items, dossier(name, variants))
    assert tuple(found[i] for i in items) == ranks
    assert all(parse_item(i).variant in i for i in items)
