from __future__ import annotations

import msgspec
import pytest

from annexed import bundled
from assessments import heron, llama, own_groups, stretched, wren
from halfdoor.core.annex import Bundle
from halfdoor.reports import board as boards

ALL = (heron, llama, wren, own_groups, stretched)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("rows_max", [3, 6, 8, 12, None])
def test_every_item_stands_in_one_row_or_is_counted_as_hidden(make, rows_max):
    board = boards.release_board(make(), rows_max=rows_max)
    shown = [item for row in board.rows for item in row.items]
    assert len(shown) == len(set(shown))
    assert len(shown) == board.items or board.hidden
    assert rows_max is None or len(board.rows) <= rows_max


@pytest.mark.parametrize("make", ALL)
def test_a_bundle_stands_as_each_of_its_items_does(make):
    single = {row.items[0]: row for row in boards.release_board(make()).rows}
    for row in boards.release_board(make(), rows_max=8).rows:
        for item in row.items:
            assert single[item].stand == row.stand


def test_what_goes_too_far_is_never_hidden():
    assessment = stretched()
    far = {row.label for row in boards.release_board(assessment).beyond}
    shown = [item for row in boards.release_board(assessment, rows_max=3).beyond for item in row.items]
    assert far
    assert shown


def test_cells_follow_inclusion():
    narrow = {**heron().proposed, "final-parameters": ["auditors"]}
    board = boards.release_board(msgspec.structs.replace(heron(), widest=[narrow]))
    weights = next(row for row in board.rows if row.items == ("final-parameters",))
    assert [weights.state(column.id) for column in board.columns] == ["permitted"] * 3 + ["beyond"] * 3
    assert weights.marks == {"anyone"}
    assert board.chain


def test_groups_that_do_not_include_one_another_have_a_column_each():
    board = boards.release_board(own_groups())
    assert not board.chain
    assert {"bio-vetted", "cyber-vetted"} <= {column.id for column in board.columns}
    tuning = next(row for row in board.rows if row.items == ("fine-tuning",))
    assert tuning.marks == {"bio-vetted", "cyber-vetted"}
    assert tuning.state("vetted") == "closed"  # neither proposed nor permitted


def test_what_is_public_is_permitted_whatever_is_proposed():
    assessment = msgspec.structs.replace(heron(), proposed={})
    row = next(r for r in boards.release_board(assessment).rows if r.items == ("technical-report",))
    assert row.note == "public"
    assert not row.beyond


def test_beside_a_permitted_proposal_stands_a_configuration_that_holds_it():
    narrow, wide = {"final-parameters": ["staff"]}, {"final-parameters": ["anyone"]}
    assessment = msgspec.structs.replace(heron(), proposed=wide, widest=[narrow, wide])
    assert boards.shown_configuration(assessment) == (wide, False)


def test_with_nothing_permitted_the_configuration_with_security_aside_is_shown_and_named_so():
    assessment = llama()
    assert not assessment.widest
    assert boards.shown_configuration(assessment) == (assessment.widest_setting_security_aside[0], True)
    assert boards.release_board(assessment).security_aside


def test_narrowings_say_what_is_permitted_instead():
    narrow = {**heron().proposed, "final-parameters": ["vetted"], "fine-tuning": ["vetted"], "datasets": []}
    assessment = msgspec.structs.replace(heron(), widest=[narrow])
    board = boards.release_board(assessment, rows_max=12)
    assert boards.narrowings(board, assessment) == [
        "weights and fine-tuning to vetted groups",
        "datasets to nobody",
    ]


def heron_bundled():
    return bundled(heron())


@pytest.mark.parametrize("rows_max", [3, 6, 12])
def test_bundles_of_the_assessment_are_split_only_where_their_items_stand_otherwise(rows_max):
    assessment = heron_bundled()
    board = boards.release_board(assessment, rows_max=rows_max)
    shown = [item for row in board.rows for item in row.items]
    assert len(shown) == len(set(shown))
    alone = {row.items[0]: row.stand for row in boards.release_board(assessment).rows}
    assert all(alone[item] == row.stand for row in board.rows for item in row.items)


def test_a_bundle_that_stands_alike_bears_its_name():
    everybody = {item: ["anyone"] for item in heron().proposed}
    base = msgspec.structs.replace(heron(), proposed=everybody, widest=[everybody], ledger=[])
    services = ["sampling", "logprobs", "fine-tuning", "internals-read", "sampling@unmitigated"]
    named = [Bundle("the files", sorted(set(everybody) - set(services))), Bundle("the doors", services)]
    board = boards.release_board(msgspec.structs.replace(base, bundles=named), rows_max=12)
    assert [row.label for row in board.rows if len(row.items) > 1] == ["The files", "The doors"]
    held = msgspec.structs.replace(base, proposed={**everybody, "datasets": ["staff"]}, bundles=named)
    labels = [row.label for row in boards.release_board(held, rows_max=12).rows]
    assert "The files" not in labels
    assert "Datasets" in labels
    assert "The doors" in labels
