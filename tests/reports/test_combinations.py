from __future__ import annotations

import msgspec

from assessments import heron, llama
from halfdoor.core.assessment import Combination, Cost
from halfdoor.reports.combinations import ROWS_MAX, combination_table

COST = Cost(1, 10, 100, 1, 1)


def combination(items, actor="a", share="0.50", *, cost=COST):
    return Combination(
        "run", "run it", actor, f"actor {actor}", "cyber", "", items, share, cost, upper_bound=False
    )


def table(*rows):
    return combination_table(msgspec.structs.replace(heron(), combinations=list(rows)))


def test_one_row_for_a_holding_and_one_column_for_an_actor():
    found = table(combination(["sampling"], "a", "0.10"), combination(["sampling"], "b", "0.90"))
    (ability,) = found.abilities
    (row,) = ability.rows
    assert [column.id for column in found.columns] == ["a", "b"]  # the least able first
    assert [cell.shown for cell in row.cells] == ["10", "90"]


def test_variants_stand_together_only_where_all_else_is_equal():
    alike = table(combination(["final-parameters"]), combination(["base:final-parameters"]))
    assert [row.label for row in alike.abilities[0].rows] == ["weights (also of base)"]
    unlike = table(combination(["final-parameters"]), combination(["base:final-parameters"], share="0.40"))
    assert sorted(row.label for row in unlike.abilities[0].rows) == ["weights", "weights (of base)"]


def test_who_is_not_in_the_table_has_an_empty_cell():
    found = table(combination(["sampling"], "a"), combination(["datasets"], "b", cost=Cost(2, 20, 200, 1, 1)))
    assert [[cell.shown for cell in row.cells] for row in found.abilities[0].rows] == [["50", ""], ["", "50"]]


def test_no_share_is_lost():
    assessment = llama()
    found = combination_table(assessment)
    shown = {
        round(cell.share, 4) for a in found.abilities for row in a.rows for cell in row.cells if cell.share
    }
    assert shown == {float(row.probability) for row in assessment.combinations}
    assert sum(columns for _, columns in found.domains) == len({row.actor for row in assessment.combinations})


def test_a_page_bears_so_many_holdings_and_counts_the_rest():
    every = [combination(["sampling"], cost=Cost(1, 10 + n, 100, 1, 1)) for n in range(ROWS_MAX + 7)]
    found = table(*every)
    assert sum(len(ability.rows) for ability in found.abilities) == ROWS_MAX
    assert found.left_out == 7
    assert table(every[0]).left_out == 0
