"""Applications: whatever is done in whatever order, nobody gets in without those who had to agree."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halfdoor.core.errors import HalfdoorError, InputError
from halfdoor.core.governance.applications import OPEN, STATES, Case, after, checked_fields
from halfdoor.core.governance.statistics import Case as Counted
from halfdoor.core.governance.statistics import figures
from halfdoor.core.governance.terms import agree, checked_terms

REVIEWERS = ["r1", "r2", "r3"]
ROLES = {"r1": ["reviewer"], "r2": ["reviewer"], "r3": ["reviewer"], "ann": ["reviewer"], "eve": ["admin"]}
ACTS = ["submit", "return", "approve", "reject", "appeal", "withdraw", "expire", "revoke"]
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from([*ROLES, None])), max_size=14)
ENDED = {"approved", "withdrawn", "expired", "revoked"}


def walk(needed, steps):
    """The cases that a sequence of commands leads through; those that are refused change nothing."""
    case = Case("ann", needed)
    yield case
    for act, person in steps:
        try:
            case = after(case, act, person, ROLES.get(person, ()))
        except HalfdoorError as error:
            assert error.code, "a refusal without a code"  # noqa: PT017  refusals are what is walked through
            continue
        yield case


def approvers_by_hand(acts):
    """Counted anew from what was done: who agreed since it last lay there."""
    begun = max(place for place, one in enumerate(acts) if one.act in {"submit", "appeal"})
    return {one.person for one in acts[begun:] if one.act == "approve"}


@given(st.integers(1, 3), STEPS)
def test_it_is_approved_by_as_many_reviewers_as_are_needed_and_never_by_its_applicant(needed, steps):
    for case in walk(needed, steps):
        if case.state == "approved":
            people = approvers_by_hand(case.acts)
            assert len(people) >= needed
            assert "ann" not in people
            assert all("reviewer" in ROLES[one] for one in people)


@given(st.integers(1, 3), STEPS)
def test_an_appeal_is_decided_by_others_than_those_who_rejected(needed, steps):
    for case in walk(needed, steps):
        acts = [one.act for one in case.acts]
        if "appeal" in acts:
            before = case.acts[: acts.index("appeal")]
            later = case.acts[acts.index("appeal") :]
            rejected = {one.person for one in before if one.act == "reject"}
            assert rejected
            assert not rejected & {one.person for one in later if one.act in {"approve", "reject"}}
            assert acts.count("appeal") == 1


@given(st.integers(1, 3), STEPS)
def test_nothing_moves_once_it_has_ended(needed, steps):
    cases = list(walk(needed, steps))
    for earlier, later in pairwise(cases):
        assert later.acts[:-1] == earlier.acts
        assert earlier.state not in ENDED or (earlier.state, later.state) == ("approved", "revoked")
        assert earlier.state != "rejected" or later.state == "appealed"
        assert later.state in STATES


@given(st.integers(1, 3), STEPS)
def test_only_the_applicant_submits_appeals_and_withdraws(needed, steps):
    for case in walk(needed, steps):
        assert all(one.person == "ann" for one in case.acts if one.act in {"submit", "appeal", "withdraw"})


def test_every_state_can_be_reached():
    ways = {
        "draft": [],
        "submitted": ["ann submit"],
        "returned": ["ann submit", "r1 return"],
        "approved": ["ann submit", "r1 return", "ann submit", "r1 approve"],
        "rejected": ["ann submit", "r1 reject"],
        "appealed": ["ann submit", "r1 reject", "ann appeal"],
        "withdrawn": ["ann submit", "ann withdraw"],
        "expired": ["ann submit", "None expire"],
        "revoked": ["ann submit", "r1 approve", "None revoke"],
    }
    assert set(ways) == set(STATES)
    for state, way in ways.items():
        assert moved(1, *way).state == state


def moved(needed, *way):
    case = Case("ann", needed)
    for step in way:
        person, act = step.split()
        person = None if person == "None" else person
        case = after(case, act, person, ROLES.get(person, ()))
    return case


def refusal(needed, *way):
    with pytest.raises(HalfdoorError) as caught:
        moved(needed, *way)
    return caught.value.code


def test_refusals_say_why():
    assert refusal(1, "ann submit", "ann approve") == "own-application"
    assert refusal(1, "ann submit", "eve approve") == "not-your-role"
    assert refusal(1, "r1 submit") == "not-yours"
    assert refusal(1, "ann submit", "r1 reject", "ann appeal", "r1 approve") == "another-reviewer"
    assert refusal(1, "ann submit", "r1 reject", "ann appeal", "r1 reject") == "another-reviewer"
    assert refusal(2, "ann submit", "r1 approve", "r1 approve") == "already-so"
    assert refusal(1, "ann submit", "r1 reject", "ann appeal", "r2 reject", "ann appeal") == "already-so"
    assert refusal(1, "ann submit", "r1 reject", "ann submit") == "wrong-state"
    assert refusal(1, "ann submit", "r1 approve", "r2 reject") == "wrong-state"
    assert refusal(1, "ann submit", "None approve") == "not-your-role"


def test_what_was_approved_before_it_was_changed_does_not_count():
    case = moved(2, "ann submit", "r1 approve", "r2 return", "ann submit", "r3 approve")
    assert case.state == "submitted"
    assert case.approvers == {"r3"}
    assert moved(2, "ann submit", "r1 approve", "r2 approve").state == "approved"


def test_fields_are_those_of_the_policy_and_all_are_needed():
    asked = ("identity", "purpose")
    assert checked_fields({"purpose": " x ", "identity": "Ann"}, asked, whole=True) == {
        "identity": "Ann",
        "purpose": "x",
    }
    assert checked_fields({"purpose": "x", "identity": " "}, asked, whole=False) == {"purpose": "x"}
    for given_, code in [
        ({"identity": "Ann", "purposes": "x"}, "unknown-field"),
        ({"identity": "Ann", "purpose": " "}, "missing-field"),
        ({"identity": "Ann", "purpose": "x" * 5001}, "bad-text"),
        ({"identity": "Ann", "purpose": "a\x00b"}, "bad-text"),
    ]:
        with pytest.raises(InputError) as caught:
            checked_fields(given_, asked, whole=True)
        assert caught.value.code == code
    with pytest.raises(InputError) as caught:
        checked_fields({"identity": "Ann", "purposes": "x"}, asked, whole=False)
    assert "purposes" in caught.value.message
    assert "purpose" in caught.value.remedy


def test_one_agrees_to_exactly_what_was_shown():
    assert agree("a", "a") == "a"
    assert agree(None, None) is None
    for shown, code in [(None, "no-agreement"), ("b", "changed-meanwhile")]:
        with pytest.raises(HalfdoorError) as caught:
            agree(shown, "a")
        assert caught.value.code == code
    with pytest.raises(HalfdoorError):
        agree("a", None)
    assert checked_terms(" Be kind. \r\n") == "Be kind.\n"


def test_statistics_count_from_submission_to_decision():
    hour = 3_600_000
    decided = [Counted("vetted", "approved", 0, hours * hour) for hours in range(1, 11)]
    waiting = [Counted("vetted", "submitted", hour, None), Counted("vetted", "appealed", 3 * hour, None)]
    others = [Counted("vetted", "draft", None, None), Counted("auditors", "returned", 0, None)]
    auditors, vetted = figures([*decided, *waiting, *others], 11 * hour)
    assert vetted.counts == {"appealed": 1, "approved": 10, "draft": 1, "submitted": 1}
    assert (vetted.decided, vetted.median_hours, vetted.p90_hours) == (10, 5.5, 9)
    assert vetted.oldest_waiting_hours == 10
    assert (auditors.decided, auditors.median_hours, auditors.p90_hours) == (0, None, None)
    assert auditors.oldest_waiting_hours is None  # it waits for the applicant
    assert figures([], 0) == []
    assert {"draft", "submitted", "returned", "appealed"} == OPEN
