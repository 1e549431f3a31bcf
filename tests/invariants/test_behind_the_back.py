"""Rows that somebody changed in the database: what opens nothing, and what the doctor has to say.

Whoever writes to the database can widen a row whose entry stands in the log, and the gate, which reads rows,
cannot notice; the log, which others hold copies of, can. What has no entry opens nothing at all.
"""

import json

import msgspec
import pytest
from sqlalchemy import delete, func, insert, select, update

from halfdoor.core.canonical import canonical_json, sha256_bytes
from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.decisions import decode, encode
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.tokens import new_secret, secret_hash
from halfdoor.services import decide, grants, people, stage, tokens
from halfdoor.store.models import document as document_of
from halfdoor.store.tables.access import access_grant
from halfdoor.store.tables.decisions import approval, decision, plan, plan_stage
from halfdoor.store.tables.log import log_leaf
from halfdoor.store.tables.models import document, version
from halfdoor.store.tables.people import person, role, token
from opening import CARD, CODE, WEIGHTS, House

BIO = {CARD: ("anyone",), WEIGHTS: ("bio-vetted",)}
WIDE = {CARD: ("anyone",), CODE: ("anyone",), WEIGHTS: ("anyone",)}
NEVER = 999_999_999  # the number of no entry


def code(call, *arguments, **named):
    with pytest.raises(HalfdoorError) as caught:
        call(*arguments, **named)
    return caught.value.code


def opens(house, version=0):
    """Files that whoever shows no token may have."""
    house.again()
    found = house.versions[version]
    return {
        path for path in ("README.md", "run.py", "weights", "bundle") if house.admits(found, path) is True
    }


def stored(house, kind, body):
    """Put a document there, as everything is: under its digest."""
    digest = sha256_bytes(body)
    house.execute(insert(document).values(digest=digest, kind=kind, body=body.decode(), stored_ms=1))
    return digest


def body_of(house, digest):
    with house.commits.reading() as connection:
        return document_of(connection, digest)


def widened(house, id_):
    """The decision's document with a wider configuration, stored; its digest."""
    was = decode(body_of(house, house.row(decision, id_)["document"]))
    wide = {item: list(groups) for item, groups in WIDE.items()}
    return stored(house, "proposal", encode(msgspec.structs.replace(was, configuration=wide)))


def entry_of(house, table, id_):
    return house.row(table, id_)["entry"]


def test_an_approval_counts_for_nothing_but_what_was_seen(house):
    """The document is exchanged when one has approved it; the others approve what they see now."""
    found = house.propose(house.versions[0], BIO)
    for name in ("Ann", "Oda"):
        decide.approve(house.commits, house.actor(name), found.id, seen=found.seen)
    house.execute(update(decision).where(decision.c.id == found.id).values(document=widened(house, found.id)))
    shown = decide.show(house.commits, found.id)
    shown = decide.approve(house.commits, house.actor("Ben"), found.id, seen=shown.seen)
    assert shown.state == "proposed", "approvals of another document were counted"


def test_who_approved_before_the_exchange_is_not_said_to_have_approved(house):
    found = house.propose(house.versions[0], BIO)
    for name in ("Ann", "Ben"):
        decide.approve(house.commits, house.actor(name), found.id, seen=found.seen)
    house.execute(update(decision).where(decision.c.id == found.id).values(document=widened(house, found.id)))
    house.execute(update(approval).values(seen=decide.show(house.commits, found.id).seen))
    assert ("row-changed", "approval") in house.faults()


def test_the_doctor_finds_an_exchanged_document(house):
    found = house.adopt(house.versions[0], BIO)
    assert house.faults() == set()
    house.execute(update(decision).where(decision.c.id == found.id).values(document=widened(house, found.id)))
    assert ("row-changed", "decision") in house.faults()


def test_a_decision_whose_document_was_exchanged_opens_nothing(house):
    found = house.open(house.versions[0], BIO)
    assert opens(house) == {"README.md"}
    digest = widened(house, found.decision)
    house.execute(update(decision).where(decision.c.id == found.decision).values(document=digest))
    assert opens(house) == set(), "the plan was made from another document"
    assert code(stage.start, house.commits, house.actor("Pat"), found.decision) in {
        "already-so",
        "damaged-document",
    }


def test_a_document_whose_bytes_were_changed_opens_nothing(house):
    found = house.open(house.versions[0], BIO)
    digest = house.row(decision, found.decision)["document"]
    body = body_of(house, digest).replace(b"bio-vetted", b"anyone")
    house.execute(update(document).where(document.c.digest == digest).values(body=body.decode()))
    assert opens(house) == set()
    assert ("document-changed", "the") in house.faults()


def test_an_exchanged_plan_is_found(house):
    """Plan and decision exchanged together, and written to fit each other: the gate believes it."""
    found = house.open(house.versions[0], BIO)
    digest = widened(house, found.decision)
    was = json.loads(body_of(house, house.row(plan, found.id)["document"]))
    cells = {item: ["anyone"] for item in WIDE}
    was["decision_document"] = digest
    was["stages"][0] |= {"configuration": cells, "cells": cells}
    exchanged = stored(house, "plan", canonical_json(was))
    house.execute(update(decision).where(decision.c.id == found.decision).values(document=digest))
    house.execute(update(plan).where(plan.c.id == found.id).values(document=exchanged))
    assert opens(house) == {"README.md", "run.py", "weights", "bundle"}
    assert {one for one, _ in house.faults()} == {"row-changed"}


def test_an_exchanged_plan_with_other_groups_in_it_is_found(house):
    """The decision is as it was, but the plan says who is inside which group: the gate believes it."""
    found = house.open(house.versions[0], BIO)
    was = json.loads(body_of(house, house.row(plan, found.id)["document"]))
    was["includes"]["bio-vetted"].append("anyone")
    was["stages"][0]["cells"][WEIGHTS].append("anyone")
    exchanged = stored(house, "plan", canonical_json(was))
    house.execute(update(plan).where(plan.c.id == found.id).values(document=exchanged))
    assert opens(house) == {"README.md", "weights"}
    assert ("row-changed", "plan") in house.faults()


@pytest.mark.parametrize("borrowed", [False, True])
def test_a_stage_that_nobody_logged_opens_nothing_or_is_found(house, borrowed):
    """borrowed: under the entry of the stage before, which is in the log; then only the doctor sees it."""
    found = house.open(house.versions[0], WIDE, {CARD: ("anyone",)}, WIDE)
    with house.commits.reading() as connection:
        query = select(plan_stage.c.entry).where(plan_stage.c.plan == found.id)
        entry = connection.execute(query).scalar_one() if borrowed else NEVER
    house.execute(insert(plan_stage).values(plan=found.id, stage=2, opened_ms=1, entry=entry))
    if borrowed:
        assert ("row-changed", "plan") in house.faults()
    else:
        assert opens(house) == {"README.md"}
        assert ("row-without-entry", "plan") in house.faults()


def test_an_adoption_that_nobody_logged_opens_nothing(house):
    found = house.propose(house.versions[0], WIDE)
    house.execute(update(decision).where(decision.c.id == found.id).values(adopted_ms=1, adopted_entry=NEVER))
    assert decide.show(house.commits, found.id).state == "proposed"
    assert code(stage.start, house.commits, house.actor("Pat"), found.id) == "not-in-force"
    assert ("row-without-entry", "decision") in house.faults()


def test_approvals_that_nobody_logged_count_for_nothing(house):
    found = house.propose(house.versions[0], WIDE)
    for name, held in (("Ann", "approver"), ("Ben", "approver")):
        row = {"decision": found.id, "person": house.ids[name], "roles": json.dumps([held])}
        house.execute(insert(approval).values(row | {"seen": found.seen, "at_ms": 1, "entry": NEVER}))
    shown = decide.approve(house.commits, house.actor("Oda"), found.id, seen=found.seen)
    assert shown.state == "proposed"
    assert decide.adopt_due(house.commits) == []
    assert opens(house) == set()


def test_a_role_that_nobody_logged_lets_nobody_approve(house):
    found = house.propose(house.versions[0], WIDE)
    house.execute(insert(role).values(person=house.ids["Gil"], role="approver", since_ms=0, entry=NEVER))
    gil = house.actor("Gil")
    assert code(decide.approve, house.commits, gil, found.id, seen=found.seen) == "not-your-role"


def test_a_plan_that_nobody_logged_opens_nothing(house):
    found = house.open(house.versions[0], BIO)
    row = house.row(plan, found.id) | {"id": "pln_" + "0" * 26, "entry": NEVER}
    house.execute(insert(plan).values(row))
    house.execute(insert(plan_stage).values(plan=row["id"], stage=1, opened_ms=1, entry=NEVER))
    house.execute(update(plan).where(plan.c.id == found.id).values(halted_ms=1))
    assert opens(house) == set()


def granted(house):
    house.open(house.versions[0], {**BIO, CODE: ("cyber-vetted",)})
    return house.grant("Gil", house.versions[0])


def test_a_grant_or_token_that_nobody_logged_opens_nothing(house):
    grant, mine = granted(house)
    secret = new_secret(bytes(range(32)))
    row = house.row(token, mine.token)
    row |= {"id": "tok_" + "0" * 26, "secret_hash": secret_hash(secret), "entry": NEVER}
    house.execute(insert(token).values(row))
    assert house.admits(house.versions[0], "weights", mine.secret) is True
    assert house.admits(house.versions[0], "weights", secret) == "gated"
    row = house.row(access_grant, grant.id) | {"id": "grt_" + "0" * 26, "entry": NEVER}
    house.execute(insert(access_grant).values(row))
    moved = update(token).where(token.c.id == mine.token).values(access_grant=row["id"])
    house.execute(moved)
    assert house.admits(house.versions[0], "weights", mine.secret) == "gated"
    codes = {one for one, _ in house.faults()}
    assert codes == {"row-without-entry", "row-changed"}


LONG = 4_000_000_000_000
WIDENED = {
    "a grant for longer": lambda made: update(access_grant).values(until_ms=LONG),
    "a grant of more items": lambda made: update(access_grant).values(items=json.dumps([CODE, WEIGHTS])),
    "a grant of another version": lambda made: update(access_grant).values(version=made.versions[1]),
    "a grant of another group": lambda made: update(access_grant).values(access_group="cyber-vetted"),
    "a grant of somebody else": lambda made: update(access_grant).values(person=made.ids["Hal"]),
    "a token for longer": lambda made: update(token).values(until_ms=LONG),
    "a token of somebody else": lambda made: (
        update(token).where(token.c.access_grant.is_not(None)).values(person=made.ids["Hal"])
    ),
    "a token of the administrator": lambda made: (
        update(token).where(token.c.person == made.ids["Gil"]).values(person=made.ids["Ada"])
    ),
    "a role of somebody else": lambda made: (
        update(role).where(role.c.person == made.ids["Rea"]).values(person=made.ids["Gil"])
    ),
    "a role of another kind": lambda made: (
        update(role).where(role.c.person == made.ids["Rea"]).values(role="admin")
    ),
    "a decision of another version": lambda made: update(decision).values(version=made.versions[1]),
    "a plan of another version": lambda made: update(plan).values(version=made.versions[1]),
    "a person who came back": lambda made: (
        update(person).where(person.c.id == made.ids["Ivy"]).values(left_ms=None)
    ),
}


@pytest.mark.parametrize("what", WIDENED.values(), ids=WIDENED)
def test_the_doctor_finds_a_row_that_was_widened(sqlite_home, what):
    with House(sqlite_home) as house:
        house.furnish()
        granted(house)
        people.leave(house.commits, house.actor("Ivy"))
        assert house.faults() == set()
        house.execute(what(house))
        assert house.faults() != set()


CLOSED = {
    "a revoked grant": (access_grant, {"revoked_ms": None}),
    "a revoked token": (token, {"revoked_ms": None}),
    "an ended decision": (decision, {"ended_ms": None, "ended_cause": None}),
    "a halted plan": (plan, {"halted_ms": None}),
}


@pytest.mark.parametrize(("table", "values"), CLOSED.values(), ids=CLOSED)
def test_the_doctor_finds_what_was_closed_and_is_open_again(house, table, values):
    grant, mine = granted(house)
    tokens.revoke(house.commits, house.actor("Gil"), mine.token)
    grants.revoke(house.commits, house.actor("Rea"), grant.id)
    found = stage.listed(house.commits, house.versions[0])[0]
    stage.halt(house.commits, house.actor("Olu"), found.id)
    decide.end(house.commits, house.actor("Ann"), found.decision)
    assert house.faults() == set()
    house.execute(update(table).values(values))
    assert {one for one, _ in house.faults()} == {"not-closed"}


def test_a_version_that_nobody_logged_is_none(house):
    row = house.row(version, house.versions[0]) | {
        "id": "ver_" + "0" * 26,
        "entry": NEVER,
        "repository": "lab/other",
    }
    house.execute(insert(version).values(row))
    assert house.admits(row["id"], "README.md") == "not-found"


def test_entries_are_not_taken_out_of_the_log(house):
    """The tables of the log refuse it: whoever deletes an entry has to take the triggers away first."""
    with pytest.raises(Exception, match=r"(?i)log"):
        house.execute(delete(log_leaf).where(log_leaf.c.position == 1))
    with house.commits.reading() as connection:
        assert connection.execute(select(func.count()).where(log_leaf.c.position == 1)).scalar_one() == 1


def test_an_approval_is_of_one_decision_alone(house):
    """The same proposed twice: an approval of one says nothing of the other."""
    one, two = (house.propose(house.versions[0], BIO) for _ in range(2))
    assert one.seen != two.seen
    for seen in (one.seen, "sha256:" + "0" * 64, two.seen[:-1], ""):
        refused = code(decide.approve, house.commits, house.actor("Ann"), two.id, seen=seen)
        assert refused == "changed-meanwhile"
    for name in ("Ann", "Ben", "Oda"):
        decide.approve(house.commits, house.actor(name), one.id, seen=one.seen)
    assert code(decide.approve, house.commits, house.actor("Ann"), one.id, seen=one.seen) == "already-so"
    assert decide.show(house.commits, two.id).approvals == []
    assert decide.show(house.commits, two.id).state == "proposed"
    with pytest.raises(Refused):
        stage.start(house.commits, house.actor("Pat"), two.id)
