"""Decisions: what the document holds, whose approvals count, and what ends it."""

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.assessments import HERON, asked
from tests.worlds import DAY, example, score

from halfdoor.core.assess import assess
from halfdoor.core.canonical import canonical_json, digest, sha256_bytes
from halfdoor.core.errors import InputError
from halfdoor.core.governance import proposals
from halfdoor.core.governance.decisions import (
    CAUSES,
    REASON_MAX,
    Approval,
    Promise,
    Seat,
    approving,
    checked_reason,
    condition,
    counted,
    decode,
    encode,
    lapse,
    missing,
    why_not_in_force,
)
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.policy.document import Role

LATER = DAY + dt.timedelta(days=180)
SUBJECT = proposals.Subject("dec_1", "ver_1", "lab/m", "1", "sha256:m", "per_p", "org_p")
ROLES = (
    Role(name="approver", quorum=2),
    Role(name="reviewer-outside", distinct_organisations=True, clause="R2"),
    Role(name="overseer", decides=False),
)


def asked_with(*roles, **fields):
    question = example(compute=1e22, **fields)
    return msgspec.structs.replace(question, policy=msgspec.structs.replace(question.policy, role=roles))


def built(question=None, *, subject=SUBJECT, review=None, until=None, today=DAY):
    question = asked_with(*ROLES) if question is None else question
    return proposals.build(
        subject,
        assess(question),
        question.policy,
        question=digest(question),
        proposed=today,
        review=review,
        evidence_until=until,
    )


PROPOSAL = built()


def by(person, *roles, organisation="org_a", signed=False):
    return Approval(person, organisation, frozenset(roles), signed)


def refused(call, *arguments, **named):
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    return caught.value


# ── The document ──


def test_the_document_names_what_it_rests_on_and_comes_back_as_it_was():
    question = asked_with(*ROLES)
    answer = assess(question)
    assert decode(encode(PROPOSAL)) == PROPOSAL
    assert PROPOSAL.assessment == answer.id
    assert PROPOSAL.outputs == answer.outputs_digest
    assert PROPOSAL.policy_digest == sha256_bytes(canonical_json(question.policy))
    assert PROPOSAL.configuration == {"final-parameters": ["anyone"], "model-card": ["anyone"]}
    assert PROPOSAL.review == LATER
    assert [seat.role for seat in PROPOSAL.quorum] == ["approver", "reviewer-outside"]
    assert proposals.configuration_digest(PROPOSAL) == digest(answer.proposed)


def test_a_policy_that_names_nobody_leaves_it_to_two_approvers():
    assert built(example(compute=1e22)).quorum == [Seat("approver", 2)]


def test_two_decisions_never_have_the_same_document():
    other = built(subject=msgspec.structs.replace(SUBJECT, decision="dec_2"))
    assert encode(other) != encode(PROPOSAL)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"schema":"halfdoor/proposal/2"}'])
def test_what_is_no_document_is_an_error(body):
    with pytest.raises(InputError) as caught:
        decode(body)
    assert caught.value.code == "bad-proposal"


def test_a_document_written_otherwise_is_an_error():
    with pytest.raises(InputError):
        decode(encode(PROPOSAL) + b"\n")


def test_what_is_not_permitted_is_refused_with_the_reasons():
    answer = assess(asked(HERON))
    error = refused(proposals.check_permitted, answer)
    assert error.code == "not-permitted"
    assert answer.verdict.sentences[0] in error.message


def test_sharing_nothing_is_nothing_to_decide():
    assert refused(built, msgspec.structs.replace(asked_with(), configuration={})).code == "not-permitted"


@pytest.mark.parametrize("days", [0, -1, 181])
def test_a_review_lies_within_what_the_policy_allows(days):
    assert refused(built, review=DAY + dt.timedelta(days=days)).code == "bad-review"


def test_a_review_may_come_earlier():
    assert built(review=DAY + dt.timedelta(days=1)).review == DAY + dt.timedelta(days=1)


def test_who_asks_for_other_organisations_must_know_the_proposers():
    subject = msgspec.structs.replace(SUBJECT, proposer_organisation=None)
    assert refused(built, subject=subject).code == "no-organisation"
    assert built(asked_with(ROLES[0]), subject=subject)


def test_what_would_not_be_in_force_is_not_proposed():
    assert refused(built, until=DAY).code == "not-in-force"


def test_flip_points_that_narrow_void_the_decision():
    question = example(claims=(score(2),))
    answer = assess(question)
    narrowing = [flip for flip in answer.flips if flip.direction == "narrows"]
    assert answer.verdict.permitted
    assert narrowing
    found = built(question).conditions
    assert [(one.number, one.input, one.at) for one in found] == [
        (number, flip.input, flip.at) for number, flip in enumerate(narrowing, 1)
    ]
    assert condition(built(question), 1) == found[0]
    for number in (0, len(found) + 1):
        assert refused(condition, built(question), number).code == "not-found"


# ── When it is in force ──


def in_force(proposal=PROPOSAL, *, adopted=1, ended=None, today=DAY):
    return why_not_in_force(proposal, adopted_ms=adopted, ended_cause=ended, today=today)


def test_an_adopted_decision_is_in_force_until_the_day_of_its_review():
    assert in_force() == []
    assert in_force(today=LATER - dt.timedelta(days=1)) == []
    assert "review was due" in in_force(today=LATER)[0]
    assert lapse(PROPOSAL, LATER)[0] == "review"


def test_what_was_not_adopted_or_has_ended_is_not_in_force():
    assert "not adopted" in in_force(adopted=None)[0]
    for cause, words in CAUSES.items():
        assert words in in_force(ended=cause)[0]


def test_it_ends_on_the_day_that_its_evidence_goes_stale():
    proposal = built(until=DAY + dt.timedelta(days=9))
    assert in_force(proposal, today=DAY + dt.timedelta(days=8)) == []
    assert "too old" in in_force(proposal, today=DAY + dt.timedelta(days=9))[0]
    assert lapse(proposal, LATER)[0] == "evidence"


def test_it_ends_the_day_after_what_was_promised_was_due():
    due = DAY + dt.timedelta(days=5)
    proposal = msgspec.structs.replace(
        PROPOSAL,
        ledger=[
            Promise("datasets", "anyone", "a panel", "ann", None),
            Promise("logprobs", "anyone", "x", "", due),
        ],
    )
    assert in_force(proposal, today=due) == []
    assert "logprobs was due" in in_force(proposal, today=due + dt.timedelta(days=1))[0]
    assert lapse(proposal, LATER)[0] == "ledger"


# ── Who has to approve ──


def test_at_first_everybody_is_missing():
    assert missing(PROPOSAL, ()) == [
        "2 more people with the role approver.",
        (
            "One more person with the role reviewer-outside, from an organisation that is neither the "
            "proposer's nor that of somebody who counts in this role already."
        ),
    ]


def test_a_met_quorum_lacks_nothing():
    given_ = [by("a", "approver"), by("b", "approver"), by("c", "reviewer-outside")]
    assert missing(PROPOSAL, given_) == []
    for left_out in given_:
        assert missing(PROPOSAL, [one for one in given_ if one is not left_out])


def test_somebody_counts_in_every_role_that_they_hold():
    assert missing(PROPOSAL, [by("a", "approver", "reviewer-outside"), by("b", "approver")]) == []


def test_the_same_person_twice_is_one_person():
    twice = [by("a", "approver"), by("a", "approver"), by("c", "reviewer-outside")]
    assert missing(PROPOSAL, twice) == ["One more person with the role approver."]


def test_the_proposer_counts_nowhere():
    seat = PROPOSAL.quorum[0]
    assert counted(PROPOSAL, seat, [by("per_p", "approver")]) == 0
    lone = built(asked_with(Role(name="approver")))
    assert len(missing(lone, [by("per_p", "approver"), by("a", "approver")])) == 1


def test_two_people_decide_whatever_the_policy_says():
    lone = built(asked_with(Role(name="approver")))
    assert missing(lone, [by("a", "approver")]) == [
        "One more person with the role approver: two different people decide at least."
    ]
    both = built(asked_with(Role(name="approver"), Role(name="checker")))
    assert missing(both, [by("a", "approver", "checker")])
    assert missing(both, [by("a", "approver", "checker"), by("b", "checker")]) == []


@pytest.mark.parametrize("organisation", [None, "org_p"])
def test_an_organisation_that_is_not_known_or_the_proposers_does_not_count_as_another(organisation):
    seat = PROPOSAL.quorum[1]
    assert counted(PROPOSAL, seat, [by("c", "reviewer-outside", organisation=organisation)]) == 0


def test_organisations_count_once_each():
    seat = Seat("checker", 2, distinct_organisations=True)
    same = [by("a", "checker"), by("b", "checker")]
    assert counted(PROPOSAL, seat, same) == 1
    assert counted(PROPOSAL, seat, [*same, by("c", "checker", organisation="org_c")]) == 2


def test_where_signatures_are_asked_for_others_do_not_count():
    seat = Seat("approver", 1, signed=True)
    assert counted(PROPOSAL, seat, [by("a", "approver")]) == 0
    assert counted(PROPOSAL, seat, [by("a", "approver", signed=True)]) == 1
    asked_ = built(asked_with(Role(name="approver", signed=True)))
    assert "with a signature" in missing(asked_, ())[0]


APPROVALS = st.lists(
    st.builds(
        Approval,
        st.sampled_from(["per_p", "a", "b", "c", "d"]),
        st.sampled_from([None, "org_p", "org_a", "org_b"]),
        st.frozensets(st.sampled_from(["approver", "reviewer-outside", "overseer"])),
        st.booleans(),
    ),
    max_size=6,
)


@given(APPROVALS)
def test_no_set_of_approvals_meets_the_quorum_without_the_people_it_asks_for(approvals):
    """Said again, in another way: by looking for the people."""
    if missing(PROPOSAL, approvals):
        return
    others = [one for one in approvals if one.person != "per_p"]
    assert len({one.person for one in others if "approver" in one.roles}) >= 2
    assert any("reviewer-outside" in one.roles and one.organisation in {"org_a", "org_b"} for one in others)


@given(APPROVALS, APPROVALS)
def test_another_approval_never_makes_more_missing(some, more):
    if not missing(PROPOSAL, some):
        assert not missing(PROPOSAL, [*some, *more])


# ── Approving ──

DIGEST = sha256_bytes(encode(PROPOSAL))


def approve(approval, *, seen=DIGEST, already=False, ended=None, proposal=PROPOSAL):
    approving(proposal, approval, digest=DIGEST, seen=seen, already=already, ended=ended)


def test_who_holds_a_role_of_the_quorum_may_approve():
    approve(by("a", "approver"))
    approve(by("a", "reviewer-outside", "auditor"))


@pytest.mark.parametrize(
    ("code", "approval", "named"),
    [
        ("changed-meanwhile", by("a", "approver"), {"seen": DIGEST[:-1] + "0"}),
        ("changed-meanwhile", by("a", "approver"), {"seen": ""}),
        ("ended", by("a", "approver"), {"ended": "withdrawn"}),
        ("own-proposal", by("per_p", "approver"), {}),
        ("own-proposal", by("per_p", "reviewer-outside"), {}),
        ("not-your-role", by("a", "overseer", "admin"), {}),
        ("not-your-role", by("a"), {}),
        ("already-so", by("a", "approver"), {"already": True}),
    ],
)
def test_who_may_not_approve_is_told_why(code, approval, named):
    error = refused(approve, approval, **named)
    assert error.code == code
    assert error.message


def test_who_saw_another_document_is_told_how_to_look_again():
    assert "halfdoor decide show dec_1" in refused(approve, by("a", "approver"), seen="sha256:x").remedy


def test_a_role_that_asks_for_a_signature_takes_nothing_less():
    signed = built(asked_with(Role(name="approver", signed=True), Role(name="checker")))
    assert refused(approve, by("a", "approver"), proposal=signed).code == "unsigned"
    assert refused(approve, by("a", "approver", "checker"), proposal=signed).code == "unsigned"
    approve(by("a", "approver", signed=True), proposal=signed)
    approve(by("a", "checker"), proposal=signed)


@pytest.mark.parametrize("reason", ["", "  \n", "x" * (REASON_MAX + 1)])
def test_an_objection_says_why(reason):
    with pytest.raises(InputError) as caught:
        checked_reason(reason)
    assert caught.value.code == "bad-reason"
    assert checked_reason(" too early \n") == "too early"
