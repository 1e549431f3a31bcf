"""Who may do what: every operation against every kind of caller. What is not listed here is a failure."""

import pytest

from controlled import OWN_ROLES, world_in
from halfdoor.web.api.table import OPERATIONS
from homes import new_home

PERSON = frozenset({"applicant", "other", "policy-role", *OWN_ROLES})
HOLDER = PERSON - {"applicant", "other"}
ANYONE = PERSON | {"anonymous"}
ADMIN = frozenset({"admin"})
STAFF = frozenset({"admin", "publisher", "reviewer", "overseer"})

# Written apart from the table, so that whoever widens one has to widen the other.
MAY = {
    "about": ANYONE,
    "openapi": ANYONE,
    "list_versions": ANYONE,
    "show_version": ANYONE,
    "list_files": ANYONE,
    "list_groups": ANYONE,
    "show_form": ANYONE,
    "withdraw_version": frozenset({"publisher", "admin", "overseer"}),
    "show_document": HOLDER,
    "list_flaws": HOLDER,
    "report_flaw": STAFF,
    "close_flaw": STAFF,
    "show_public_decision": ANYONE,
    "show_assessment": ANYONE,
    "list_decisions": HOLDER,
    "propose_decision": HOLDER,
    "show_decision": HOLDER,
    "show_proposal": HOLDER,
    "approve_decision": HOLDER,
    "object_to_decision": HOLDER,
    "end_decision": HOLDER,
    "void_decision": HOLDER,
    "recheck_decision": HOLDER,
    "show_adopted_policy": ANYONE,
    "adopt_policy": ADMIN,
    "list_plans": HOLDER,
    "start_plan": frozenset({"publisher"}),
    "show_plan": HOLDER,
    "advance_plan": frozenset({"publisher"}),
    "approve_stage": HOLDER,
    "observe_plan": frozenset({"auditor", "overseer", "publisher"}),
    "halt_plan": frozenset({"admin", "approver", "overseer", "publisher"}),
    "withdraw_plan": frozenset({"admin", "publisher"}),
    "register": ANYONE,
    "join": ANYONE,
    "show_me": PERSON,
    "add_key": PERSON,
    "remove_key": PERSON,
    "list_people": frozenset({"admin", "auditor"}),
    "invite_person": ADMIN,
    "show_person": frozenset({"admin", "auditor"}),
    "give_role": ADMIN,
    "take_role": PERSON,
    "place_person": ADMIN,
    "let_leave": PERSON,
    "erase_person": ADMIN,
    "list_organisations": HOLDER,
    "add_organisation": ADMIN,
    "list_applications": PERSON,
    "draft_application": PERSON,
    "decide_on_applications": frozenset({"reviewer"}),
    "show_statistics": frozenset({"admin", "auditor", "overseer", "reviewer"}),
    "show_application": PERSON,
    "edit_application": PERSON,
    "submit_application": PERSON,
    "approve_application": frozenset({"reviewer"}),
    "return_application": frozenset({"reviewer"}),
    "reject_application": frozenset({"reviewer"}),
    "appeal_application": PERSON,
    "withdraw_application": PERSON,
    "list_rules": HOLDER,
    "set_terms": ADMIN,
    "set_limits": ADMIN,
    "answer_for": frozenset({"reviewer"}),
    "answer_no_more": PERSON,
    "show_terms": ANYONE,
    "list_grants": PERSON,
    "issue_grant": frozenset({"reviewer", "admin"}),
    "show_grant": PERSON,
    "renew_grant": frozenset({"reviewer"}),
    "narrow_grant": frozenset({"reviewer", "admin"}),
    "revoke_grant": PERSON,
    "list_tokens": PERSON,
    "issue_token": PERSON,
    "rotate_token": PERSON,
    "revoke_token": PERSON,
}
# Ids of nothing, so that whoever is let in is told that it is not there.
ZEROS = "0" * 26
PATH = {
    "application": f"app_{ZEROS}",
    "decision": f"dec_{ZEROS}",
    "digest": f"sha256:{'0' * 64}",
    "flaw": f"flw_{ZEROS}",
    "grant": f"grt_{ZEROS}",
    "group": "vetted",
    "person": f"per_{ZEROS}",
    "plan": f"pln_{ZEROS}",
    "role": "reviewer",
    "token": f"tok_{ZEROS}",
    "version": f"ver_{ZEROS}",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with world_in(new_home(tmp_path_factory.mktemp("matrix") / "home")) as made:
        made.open()
        yield made


@pytest.fixture(scope="module")
def callers(world):
    by_role = {role: world.with_role(role) for role in OWN_ROLES}
    return by_role | {
        "anonymous": None,
        "applicant": world.applicant(),
        "other": world.applicant("Other"),
        "policy-role": world.with_role("outsider"),
    }


def test_every_operation_has_its_row_and_every_row_its_operation():
    assert {one.name for one in OPERATIONS} == set(MAY)
    assert len({one.name for one in OPERATIONS}) == len(OPERATIONS)
    assert len({(one.method, one.path) for one in OPERATIONS}) == len(OPERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_only_who_may_is_let_in(world, callers, operation):
    """A body that nobody takes stands for any: who may is told so (400), who may not never gets that far."""
    path = operation.path.format(**PATH)
    body = None if operation.method == "GET" else {"nonsense": 1}
    query = {"nonsense": 1} if operation.method == "GET" else {}
    for kind, caller in callers.items():
        answer = world.ask(caller, operation.method, path, body, **query)
        if kind in MAY[operation.name]:
            assert (answer.status, answer.code) == (400, "bad-request"), kind
        elif caller is None:
            assert (answer.status, answer.code) == (401, "no-token")
        else:
            assert (answer.status, answer.code) == (403, "not-your-role"), kind


@pytest.mark.parametrize("role", [None, *OWN_ROLES])
def test_nobody_reaches_what_is_not_there(world, callers, role):
    """Without a body, or with none that is needed: the services' own checks answer, never with a fault."""
    caller = callers["applicant" if role is None else role]
    for operation in OPERATIONS:
        path = operation.path.format(**PATH)
        answer = world.ask(caller, operation.method, path)
        assert answer.status < 500, (operation.name, answer.body)


def test_services_check_again_what_the_table_lets_through(world, callers):
    """An auditor and a reviewer hold roles, and may look; deciding is not theirs."""
    found = world.ask(world.admin, "GET", "/decisions").json["decisions"][0]
    for kind in ("auditor", "reviewer", "admin"):
        for path, body in (
            ("approve", {"seen": found["seen"]}),
            ("void", {"condition": 1}),
        ):
            answer = world.ask(callers[kind], "POST", f"/decisions/{found['id']}/{path}", body)
            assert answer.status in {403, 404, 409}, (kind, path, answer.body)
    assert world.ask(callers["auditor"], "POST", f"/decisions/{found['id']}/end").code == "not-your-role"
    (plan,) = world.ask(world.admin, "GET", "/plans").json["plans"]
    body = {"stage": 1, "seen": plan["seen"]}
    assert world.ask(callers["auditor"], "POST", f"/plans/{plan['id']}/approve", body).status == 403
    assert (
        world.ask(callers["applicant"], "DELETE", f"/people/{world.admin.person}/roles/admin").status == 403
    )
    assert world.ask(callers["other"], "POST", f"/people/{world.admin.person}/leave").status == 403
