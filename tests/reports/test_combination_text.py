from __future__ import annotations

import re

import msgspec

from assessments import heron, llama
from halfdoor.core.assessment import Combination, Cost
from halfdoor.reports.combination_text import cheapest, sentence, told


def row(items, actor="a", share="0.90", usd=10.0, *, days=1.0, skill=1, upper_bound=False):
    return Combination(
        "run",
        "run it",
        actor,
        f"actor {actor}",
        "d",
        "",
        items,
        share,
        Cost(usd / 2, usd, usd * 4, days, skill),
        upper_bound=upper_bound,
    )


def only(*rows):
    (ability,) = told(rows)
    return ability


def test_a_holding_that_helps_nobody_more_than_a_part_of_it_is_left_out():
    found = only(row(["sampling"]), row(["sampling", "logprobs"], usd=20.0))
    assert [one.items for one in found.holdings] == [("sampling",)]
    assert found.left_out == 1


def test_a_larger_holding_stays_where_it_is_cheaper_or_serves_somebody_more_often():
    cheaper = only(row(["sampling"]), row(["sampling", "logprobs"], usd=5.0))
    assert len(cheaper.holdings) == 2
    oftener = only(row(["sampling"], share="0.50"), row(["sampling", "logprobs"], usd=20.0, share="0.60"))
    assert len(oftener.holdings) == 2
    another = only(row(["sampling"]), row(["sampling", "logprobs"], "b", usd=20.0))
    assert len(another.holdings) == 2


def test_the_sentence_is_about_the_least_able_who_mostly_can():
    (one,) = only(row(["x"], "a", "0.20"), row(["x"], "b", "0.60"), row(["x"], "c", "0.99")).holdings
    said = sentence(one, 3, everybody=True).replace("\u00a0", " ")
    assert said.startswith(
        "Actor b gets run for $10 (90 %: $5.00–$40) in 1 day, with skill 1, from x: 60 in 100."
    )
    assert said.endswith("Others: 20 actor a; 99 actor c.")
    brief = sentence(one, 3, everybody=False).replace("\u00a0", " ")
    assert brief.endswith("60 in 100; 2 other classes 20–99.")


def test_where_nobody_mostly_can_it_is_about_the_most_able():
    (one,) = only(row(["x"], "a", "0.20"), row(["x"], "b", "0.30")).holdings
    assert sentence(one, 2, everybody=False).startswith("Actor b gets")


def test_all_alike_are_said_at_once_and_an_upper_bound_is_called_one():
    (one,) = only(row(["x"], "a"), row(["x"], "b")).holdings
    assert sentence(one, 2, everybody=True).startswith("Every class of actors gets run")
    assert sentence(one, 3, everybody=True).startswith("Actor a gets run")
    (bound,) = only(row(["x"], upper_bound=True)).holdings
    assert "from x: at most 90" in sentence(bound, 1, everybody=True)


def test_nobody_who_is_in_the_table_is_lost():
    for assessment in (heron(), llama()):
        for ability in told(assessment.combinations):
            rows = [r for r in assessment.combinations if r.ability == ability.ability]
            shown = {r.actor for one in ability.holdings for r in one.rows}
            assert shown == {r.actor for r in rows}
            held = {one.items for one in ability.holdings} | {
                i for one in ability.holdings for i in one.alike
            }
            for r in rows:  # each holding is shown, or a part of it that is as good
                assert any(set(items) <= set(r.items) for items in held)


def test_every_number_is_in_the_long_form():
    for ability in told(heron().combinations):
        for one in ability.holdings:
            said = sentence(one, 99, everybody=True)
            stated = {round(float(r.probability) * 100) for r in one.rows}
            assert stated <= {int(n) for n in re.findall(r"(?<![\w$.,])\d+(?![\w.,]*\d)", said)}


def test_rows_that_read_alike_but_for_the_items_stand_together():
    far = [row([name]) for name in ("x", "y", "z", "u", "v", "w")]
    (one,) = only(*far).holdings
    assert "from u, or v, or w, or x, or 2 more such holdings" in sentence(one, 1, everybody=True)
    assert told([]) == []
    free = msgspec.structs.replace(row([]))
    assert "from nothing that is withheld" in sentence(only(free).holdings[0], 1, everybody=True)


def test_in_plain_words_the_ability_is_what_can_be_done_and_items_are_named():
    rows = [row(["final-parameters", "architecture"]), row(["sampling"], usd=99.0)]
    (said,) = cheapest(rows)
    assert said.replace("\u00a0", " ").startswith("Actor a can run it for $10 (90 %: $5.00–$40)")
    assert "from weights + architecture:" in said
    wordless = [msgspec.structs.replace(one, words="") for one in rows]
    assert "gets run for" in cheapest(wordless)[0]
    assert len(cheapest(heron().combinations)) == len({r.ability for r in heron().combinations})
