from __future__ import annotations

import re

import msgspec
import pytest

from annexed import filled, heron_filled
from assessments import heron, llama, own_groups, stretched, wren
from halfdoor.core.editions import redact
from halfdoor.reports import summary
from halfdoor.reports.answer import WIDTH_MIN, render

CROSS = "\u2573"


def llama_filled():
    return filled(llama(), binding=True)


ALL = (heron, llama, wren, own_groups, stretched, heron_filled, llama_filled)


@pytest.mark.parametrize("make", ALL)
@pytest.mark.parametrize("width", [WIDTH_MIN, 60, 80, 96, 100, 140])
def test_no_line_is_wider_than_the_screen(make, width):
    assert max(map(len, render(make(), width).splitlines())) <= width


@pytest.mark.parametrize("make", [heron, llama, wren, own_groups, heron_filled, llama_filled])
def test_one_screen(make):
    assert len(render(make(), 100).splitlines()) <= 45


def test_the_answer_names_the_policy_and_what_is_permitted_instead():
    screen = render(heron(), 100)
    assert "NOT PERMITTED under seger-2023 0.1" in screen
    assert "Permitted: weights and base weights to" in screen
    assert re.search(rf"Weights +━+{CROSS}+●{CROSS}* +beyond", screen)
    assert "Mixtral" in screen  # the reference stands beside the model
    assert "funded research access" in screen
    assert "Would change" in screen


def test_out_of_scope_is_shorter_and_says_why():
    screen = render(wren(), 100)
    assert "PERMITTED under seger-2023 0.1, for it is not in scope" in screen
    assert "Everything may be shared with anyone." in screen
    assert "Biological weapons: trained with" in screen
    assert "Withholding" not in screen
    assert len(screen.splitlines()) < len(render(heron(), 100).splitlines())


def test_failing_with_nothing_shared_is_called_security():
    screen = render(llama(), 100)
    assert re.search(r"\d+ rows fail with nothing shared: a matter of security.", screen)
    assert "permitted, security set aside" in screen
    assert re.search(
        r"^Security +\d+ rows fail with nothing shared. Withholding does not", screen, re.MULTILINE
    )


def binding(*kinds_and_rows):
    row = next(row for row in heron().verdict.binding if row.kind == "limit")
    rows = [
        msgspec.structs.replace(row, kind=kind, row=id_, sentence=f"{number}: {kind} {id_}")
        for number, (kind, id_) in enumerate(kinds_and_rows)
    ]
    verdict = msgspec.structs.replace(heron().verdict, binding=rows, sentences=[r.sentence for r in rows])
    return msgspec.structs.replace(heron(), verdict=verdict)


def test_the_reasons_given_are_of_each_kind_and_of_different_rows_as_far_as_there_are():
    many = binding(
        ("limit", "a"),
        ("limit", "a"),
        ("limit", "b"),
        ("requirement", "c"),
        ("security", "d"),
        ("limit", "e"),
    )
    assert [text for text, _ in summary.reasons(many)] == ["0: limit a.", "2: limit b.", "3: requirement c."]
    assert summary.reasons_left(many) == 2
    few = binding(("limit", "a"), ("limit", "a"))
    assert [text for text, _ in summary.reasons(few)] == ["0: limit a.", "1: limit a."]
    assert summary.reasons_left(few) == 0


def test_what_withholding_does_not_mend_is_not_among_the_reasons():
    assert all(row.kind != "security" for _, row in summary.reasons(llama()) if row)
    found = summary.security(llama())
    assert found.rows == len({row.row for row in llama().verdict.binding if row.kind == "security"})


def test_a_failed_expectation_is_said_where_nothing_else_is_wrong():
    base = heron()
    expected = msgspec.structs.replace(base.expects[0], outcome="fail", item="model-card", group="anyone")
    assessment = msgspec.structs.replace(
        base,
        proposed={},
        expects=[expected],
        verdict=msgspec.structs.replace(base.verdict, binding=[], sentences=[]),
    )
    assert "the policy expects model card to go to anyone" in render(assessment, 100)


def test_nothing_permitted_at_all_is_said():
    assessment = msgspec.structs.replace(heron(), widest=[], widest_setting_security_aside=[])
    assert "to nobody" in render(assessment, 100)


def test_colour_adds_nothing_but_colour():
    painted = render(heron(), 100, paint=lambda text, how: f"\0<{how}>{text}\0</>")
    assert "\0<red>NOT PERMITTED\0</>" in painted
    assert re.sub(r"\0<[^>]*>", "", painted) == render(heron(), 100)


def test_the_first_step_and_the_harm_have_a_line_each():
    screen = " ".join(render(heron_filled(), 100).split())
    assert "First step Weights to auditors and sampling to identified users. 1 more stage in" in screen
    assert "Harm For information: proposed, an event" in screen
    assert "For information" not in render(filled(heron(), binding=True), 100)
    bare = msgspec.structs.replace(heron(), plan=None, harm=None)
    assert "First step" not in render(bare, 100)
    assert re.search(r"^Harm", render(bare, 100), re.MULTILINE) is None


def test_the_one_sentence_on_what_would_change_the_answer():
    said = summary.change(heron())
    assert said.startswith("Most of all, measuring ")
    assert "of 100 cases it" in said.replace("\u00a0", " ")
    flips = msgspec.structs.replace(heron(), next=[])
    assert summary.change(flips) == flips.flips[0].sentence
    assert summary.change(msgspec.structs.replace(flips, flips=[])) == ""
    unstated = msgspec.structs.replace(heron().flips[0], now="not stated", sentence="State the compute.")
    first = msgspec.structs.replace(heron(), flips=[*heron().flips, unstated])
    assert summary.change(first) == "State the compute."


def test_where_no_stage_is_permitted_the_plan_says_what_one_would_need():
    assert llama().plan is not None
    assert not llama().plan.stages
    assert summary.first_step(llama()) == llama().plan.sentence
    assert [name for name, _ in summary.further(llama())][:1] == ["plan"]


def test_a_stage_that_says_nothing_is_told_by_what_it_opens():
    base = heron_filled()
    asking = msgspec.structs.replace(base.plan.stages[1], sentence="")
    found = msgspec.structs.replace(base, plan=msgspec.structs.replace(base.plan, stages=[asking]))
    said = summary.first_step(found)
    assert said.startswith("Sampling and training code to anyone. Asks first: 60 days at stage 1")


def test_an_edition_says_what_it_withholds_and_gives_reasons_without_it():
    public = redact(heron_filled(), "public")
    screen = " ".join(render(public, 100).split())
    assert "public edition, which withholds" in screen
    assert "edition" not in render(heron_filled(), 100)
    whole = " ".join(render(heron_filled(), 100).split())
    assert "$" in whole.partition("Why")[2].partition("Not measured")[0]
    assert "$" not in screen.partition("Why")[2].partition("Not measured")[0]
    assert "Why" in screen
