"""Frequency rows bind: verdict and frontier heed them, and their reasons are causes."""

import itertools
from decimal import Decimal

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from halfdoor.core.model.configuration import Configuration
from halfdoor.core.policy.constraints import Gates, TierInScope
from halfdoor.core.policy.document import Band, Frequency, NetTable
from halfdoor.core.policy.reasons import reasons
from halfdoor.core.risk.document import Defence, Step, Threat
from harms import harmful, rising, situation
from worlds import example, score

replace = msgspec.structs.replace


def line(per_year="0.5", confidence="0.95", **fields):
    """`example` with one threat by stripping, ten deaths each, and one line on five deaths."""
    question = example(**fields)
    threat = Threat(
        id="t",
        domain="d",
        needs="strip",
        unit="deaths",
        damage=10.0,
        actors={"a": 1.0},
        attempts={"a": 2.0},
        step=(Step(name="s", p=0.1, uplifted=0.9),),
        words="somebody does harm",
        judgement="j",
    )
    policy = replace(
        question.policy,
        limit=(replace(question.policy.limit[0], access_probability=Decimal("0.999")),),
        band=(Band(id="grave", unit="deaths", at_least=5),),
        frequency=(
            Frequency(band="grave", per_year=Decimal(per_year), confidence=Decimal(confidence), clause="c"),
        ),
    )
    model = replace(question.risk_model, threat=(threat,))
    return replace(question, policy=policy, risk_model=model)


def config(now, **shared):
    return Configuration(
        {item.replace("_", "-"): [group] for item, group in shared.items()}, now.gates.access.around.groups
    )


def test_a_line_changes_the_verdict():
    now = situation(line())
    rows = now.rows()
    wide = config(now, final_parameters="anyone")
    assert rows.broken(wide)  # the limit of layer A at .999 of 1
    narrow = config(now, final_parameters="identified")  # half of them get in: 2 × .8 × .5 = .8 a year
    assert not rows.broken(narrow)
    assert not rows.permitted(narrow)
    assert [row.share(narrow) for row in rows.frequencies] == [pytest.approx(1.0, abs=0.05)]
    assert rows.permitted(config(now, final_parameters="vetted"))
    assert situation(line("0.9")).rows().permitted(narrow)


def test_the_line_is_kept_up_to_its_very_value_and_confidence():
    now = situation(line())
    held = config(now, final_parameters="identified")
    over = now.rows().frequencies[0].violations(held)
    assert 0 < over < 500  # where stripping costs too much nothing is added
    for tolerated, kept in ((over, True), (over - 1, False)):
        row = situation(line(confidence=str(1 - Decimal(tolerated) / 500))).rows().frequencies[0]
        assert row.tolerated == tolerated
        assert row.kept(held) == kept
    top = float(now.rows().frequencies[0].added(held).max())
    at, below = (situation(line(str(Decimal(top) + d))).rows().frequencies[0] for d in (0, Decimal("-1e-9")))
    assert at.violations(held) == 0  # as often as allowed is not too often
    assert below.violations(held) > 0


@given(harmful(draws=100, items=2, frequency=True))
@settings(max_examples=50, deadline=None)
def test_the_frontier_is_that_of_brute_force(question):
    now = situation(question)
    rows = now.rows()
    groups = now.gates.access.around.groups
    items = sorted(rows.concerned & set(now.items))
    downsets = {groups.close(s) for n in range(4) for s in itertools.combinations(groups.shareable, n)}
    every = [
        Configuration(dict(zip(items, pick, strict=True)), groups)
        for pick in itertools.product(downsets, repeat=len(items))
    ]
    for strict in (False, True):
        permitted = rows.permitted if strict else rows.permitted_setting_security_aside
        good = [c for c in every if permitted(c)]
        found = now.border(rows, strict=strict)
        assert set(found.widest) == {c for c in good if not any(c <= d and c != d for d in good)}
        bad = [c for c in every if not permitted(c)]
        assert set(found.blocking) == {c for c in bad if not any(d <= c and c != d for d in bad)}


def test_the_rows_one_by_one_are_the_verdict():
    """Together they permit what `permitted` does, and each turns on its own items alone."""
    answers = []

    @given(harmful(draws=60, items=4, frequency=True), st.integers(0, 2**32))
    @settings(max_examples=60, deadline=None)
    def world(question, seed):
        now = situation(question)
        rows = now.rows()
        every = list(rising(seed, now.items, now.gates.access.around.groups))
        for strict in (False, True):
            permitted = rows.permitted if strict else rows.permitted_setting_security_aside
            parts = rows.parts(strict=strict)
            for held in (now.proposed, *every):
                assert all(part.kept(held) for part in parts) == permitted(held)
                assert all(part.kept(held) == part.kept(held.only(part.items)) for part in parts)
                answers.append((permitted(held), all(row.kept(held) for row in rows.frequencies)))

    world()
    for answer in ((True, True), (False, True), (False, False)):
        assert answers.count(answer) > 20


def undone(given_, reason):
    for named in (reason.items, *reason.alternatives):
        for item, groups in named.items():
            for group in groups:
                given_ = given_.withhold(item, group)
    return given_


def test_undoing_what_a_reason_names_makes_the_row_kept():
    told = []

    @given(harmful(draws=100, frequency=True), st.booleans())
    @settings(max_examples=120, deadline=None)
    def world(question, net):
        told.append(reasons_are_causes(question, net=net))

    world()
    assert sum(told) > 5  # and not idle


def reasons_are_causes(question, *, net):
    if net:
        question = replace(question, policy=replace(question.policy, net=NetTable(why="defenders are quick")))
    now = situation(question)
    rows = now.rows()
    found = reasons(now.proposed, rows, now.gates.access, now.tiers())
    current = now.proposed
    by_id = {row.id: row for row in rows.frequencies}
    for reason in found:
        if reason.kind == "limit":
            current = undone(current, reason)
        if reason.kind == "frequency":
            row = by_id[reason.row]
            named = Configuration(reason.items, now.gates.access.around.groups)
            assert not row.kept_as_proposed(current)
            assert named <= current
            if not net:  # the named items alone break it, and without any one of them it is kept
                assert not row.kept(named)
                assert all(
                    row.kept(named.withhold(i, g)) for i, groups in reason.items.items() for g in groups
                )
            current = undone(current, reason)
    assert not rows.too_often(current)
    said = any(r.kind == "frequency" for r in found)
    assert said <= bool(rows.too_often(now.proposed))
    return said


def test_the_sentence_says_what_is_shared_how_often_and_what_is_tolerated():
    now = situation(line(group="identified"))
    found = [
        r for r in reasons(now.proposed, now.rows(), now.gates.access, now.tiers()) if r.kind == "frequency"
    ]
    assert [r.row for r in found] == ["frequency 1"]
    assert found[0].items == {"final-parameters": ["identified"]}
    assert found[0].clause == "c"
    assert found[0].allowed == "0.05"
    for words in ("weights to identified users", "0.5 events a year", "10 deaths"[3:], "somebody does harm"):
        assert words in found[0].sentence


@given(harmful(draws=60, frequency=True))
@settings(max_examples=40, deadline=None)
def test_nothing_shared_keeps_every_line(question):
    now = situation(question)
    rows = now.rows()
    nothing = Configuration({}, now.gates.access.around.groups)
    assert all(row.kept(nothing) and row.violations(nothing) == 0 for row in rows.frequencies)
    assert {item for row in rows.frequencies for item in row.items} <= rows.concerned


def test_rows_of_another_unit_or_out_of_scope_do_not_bind():
    other = line()
    policy = replace(other.policy, band=(Band(id="grave", unit="USD", at_least=5),))
    for question in (replace(other, policy=policy), line(claims=(score(0, 1000),), compute=1e20)):
        now = situation(question)
        row = now.gates.exposures.frequencies()[0]
        assert row.kept(config(now, final_parameters="anyone"))
        assert row.items == ()


def test_at_a_lower_tier_the_line_is_asked_of_what_that_tier_stands_for():
    now = situation(line())  # not measured: as capable as can be
    held = config(now, final_parameters="identified")
    by_tier = {
        tier: now.rows({"d": TierInScope(tier, in_scope=True)}).frequencies[0].added(held).mean()
        for tier in ("none", "notable", "high")
    }
    assert by_tier["none"] < by_tier["notable"] < by_tier["high"]
    assert by_tier["high"] == now.rows().frequencies[0].added(held).mean()
    out = now.rows({"d": TierInScope("below-reference", in_scope=False)})
    assert not out.frequencies[0].added(held).any()


def test_net_counts_only_where_the_policy_says_why_and_only_for_the_proposal():
    quick = Defence(
        domain="d", item="final-parameters", group="vetted", finding=1, fixing=1, rollout=1, uptake=0.9
    )
    question = line(group="identified")
    question = replace(question, risk_model=replace(question.risk_model, defence=(quick,)))
    for net, permitted in ((None, False), (NetTable(), False), (NetTable(why="patched in a day"), True)):
        now = situation(replace(question, policy=replace(question.policy, net=net)))
        rows = now.rows()
        assert rows.permitted_as_proposed(now.proposed) == permitted
        assert not rows.permitted(now.proposed)  # the frontier stays gross
        assert bool(reasons(now.proposed, rows, now.gates.access, now.tiers())) != permitted


def test_lines_are_never_passed_over_in_silence():
    question = line()
    now = situation(question)
    without = replace(now, gates=Gates(now.gates.access))
    with pytest.raises(ValueError, match="exposures"):
        without.rows()


@given(harmful(draws=60, frequency=True), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_a_stricter_line_never_permits_more(question, factor):
    assume(question.policy.frequency)
    stricter = tuple(replace(row, per_year=row.per_year * factor / 4) for row in question.policy.frequency)
    now, then = (
        situation(q)
        for q in (question, replace(question, policy=replace(question.policy, frequency=stricter)))
    )
    if then.rows().permitted(then.proposed):
        assert now.rows().permitted(now.proposed)
