from __future__ import annotations

import datetime as dt
from decimal import Decimal

import msgspec
import pytest

from annexed import filled, heron_filled
from assessments import HERON, asked, assessed, heron, llama, wren
from halfdoor.core.assess import assess
from halfdoor.core.editions import redact
from halfdoor.reports.differences import compare, explain, same_answer

replace = msgspec.structs.replace


def test_nothing_differs_from_itself():
    assert explain(heron(), heron()) == []
    assert same_answer(heron(), heron())


def test_better_results_raise_the_tier_and_are_named_as_the_cause():
    better = assessed(HERON.replace("passes = 25\ntrials = 40", "passes = 40\ntrials = 40"))
    found = compare(heron(), better)
    assert any(
        "Evidence on cyber.cybench" in said and "40 of 40" in said and "25 of 40" in said
        for said in found.inputs
    )
    assert any(
        "Cyber attacks: tier critical" in said and "because of cyber.cybench" in said for said in found.answer
    )
    assert not found.same_answer


AUDIT = """
[[evidence]]
claim = "audit.release-risk"
value = 1
unit = "audits"
by = "third-party"
measured = 2026-11-10
"""


def test_evidence_added_and_gone_is_told_as_such():
    audited = assessed(HERON + AUDIT)
    added = compare(heron(), audited)
    assert any(
        said.startswith("Evidence on audit.release-risk") and "is new" in said for said in added.inputs
    )
    assert any("Requirement independent-audit: met" in said for said in added.answer)
    gone = compare(audited, heron())
    assert any("is gone" in said for said in gone.inputs)


def test_reasons_come_and_go():
    *others, last = heron().verdict.binding
    fewer = replace(heron(), verdict=replace(heron().verdict, binding=others))
    assert f"No longer a reason: {last.sentence}" in compare(heron(), fewer).answer
    assert f"A new reason: {last.sentence}" in compare(fewer, heron()).answer


def test_another_proposal_is_told_item_by_item():
    narrow = assessed(
        HERON.replace(
            'id = "final-parameters"\ngroup = "anyone"', 'id = "final-parameters"\ngroup = "staff"', 1
        )
    )
    found = compare(heron(), narrow)
    assert "Proposed: weights to staff, before anyone." in found.inputs
    assert not any("dossier" in said for said in found.inputs)
    assert found.same_answer  # what is permitted does not turn on what is proposed


def test_verdict_and_widest_changes_are_told():
    other = replace(
        heron(),
        verdict=replace(heron().verdict, permitted=True),
        widest=[{**heron().widest[0], "fine-tuning": ["staff"]}],
    )
    answer = compare(heron(), other).answer
    assert "The proposal is permitted, before not permitted." in answer
    assert any(said.startswith("The widest permitted: fine-tuning to staff, before") for said in answer)
    assert any("1\u00a0widest configuration, before 2" in said for said in answer)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 2}, "Seed 2, before 1."),
        ({"draws": 1000}, "1,000 draws, before 500."),
        (
            {"as_of": dt.date(2026, 11, 24)},
            "Evidence as of 24\u00a0Nov\u00a02026, before as of 23\u00a0Nov\u00a02026.",
        ),
    ],
)
def test_seed_draws_and_date_are_inputs(change, said):
    assert said in compare(heron(), assess(replace(asked(HERON), **change))).inputs


def test_a_policy_changed_under_its_name_is_told():
    question = asked(HERON)
    limits = tuple(replace(row, access_probability=Decimal(1)) for row in question.policy.limit)
    found = compare(heron(), assess(replace(question, policy=replace(question.policy, limit=limits))))
    assert found.inputs == ("The policy was changed, under the same name and version (seger-2023 0.1).",)
    assert any("Limit cyber-high-amateur holds" in said for said in found.answer)


def test_a_dossier_changed_elsewhere_is_still_told():
    found = compare(
        heron(), assessed(HERON.replace('developer = "Example Lab"', 'developer = "Another Lab"'))
    )
    assert any("neither evidence nor proposal" in said for said in found.inputs)
    assert found.same_answer


def test_two_models_are_compared_by_scope_and_verdict_not_item_by_item():
    found = compare(llama(), wren())
    assert found.inputs[0] == "They are about llama-3.1-405b-instruct 3.1 and wren-100m 1.0."
    assert any("now out of scope" in said for said in found.answer)
    assert not any("The widest permitted" in said for said in found.answer)
    assert not found.same_answer


def test_other_weights_are_named():
    subject = replace(
        heron().subject, weights={"final-parameters": "sha256:1", "base:final-parameters": "sha256:2"}
    )
    moved = replace(heron(), subject=replace(subject, weights={"final-parameters": "sha256:3"}))
    found = compare(replace(heron(), subject=subject), moved).inputs
    assert "The files of weights are others now; evidence on the old ones does not count." in found
    assert "The files of base weights are gone." in found


def with_outcomes(assessment, outcome):
    """Every band and every row of the ledger so."""
    bands = [replace(band, outcome=outcome) for band in assessment.harm.bands]
    rows = [replace(row, outcome=outcome) for row in assessment.ledger]
    return replace(assessment, harm=replace(assessment.harm, bands=bands), ledger=rows)


def test_what_changed_in_the_annexes_is_told():
    kept, broken = with_outcomes(heron_filled(), "pass"), with_outcomes(heron_filled(), "fail")
    told = " ".join(compare(kept, broken).answer)
    assert "Harm: catastrophic, beyond the line (once in 1,100" in told
    assert "Ledger: base weights from anyone" in told
    assert ": overdue, before answered." in told
    assert compare(broken, broken).answer == ()
    assert same_answer(kept, broken)  # annexes do not decide


def test_another_first_stage_is_told():
    before = heron_filled()
    one, two = before.plan.stages
    later = replace(before, plan=replace(before.plan, stages=[two]))
    fewer, first = compare(before, later).answer
    assert fewer.replace("\u00a0", " ") == "The plan has 1 stage, before 2."
    assert first == (
        "Its first stage opens sampling and training code to anyone, "
        "before weights to auditors and sampling to identified users."
    )
    asking = replace(before, plan=replace(before.plan, stages=[replace(one, conditions=["a look"]), two]))
    assert compare(before, asking).answer == ("Its first stage now asks: a look.",)
    assert compare(asking, before).answer == ("Its first stage no longer asks: a look.",)
    assert compare(filled(llama()), replace(filled(llama()), plan=None, harm=None)).answer == ()


def test_what_an_edition_withholds_is_no_difference():
    public = redact(heron(), "public")
    assert not any("reason" in said for said in compare(heron(), public).answer)
