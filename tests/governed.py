"""A version, people and a decision in a home, as the services would have made them."""

from __future__ import annotations

import datetime as dt
from functools import cache

import msgspec
from sqlalchemy import insert, select, update

from assessments import HERON, asked
from halfdoor.core.assess import assess
from halfdoor.core.canonical import canonical_json, digest, sha256_bytes
from halfdoor.core.governance.actor import Actor
from halfdoor.core.governance.decisions import PEOPLE_MIN, Proposal
from halfdoor.core.log.events.access import FileBegun, PersonJoined, RoleGiven
from halfdoor.core.log.events.openness import (
    AssessmentRecorded,
    DecisionAdopted,
    DecisionEnded,
    DecisionProposed,
    VersionRegistered,
)
from halfdoor.store.tables.access import access_grant, delivery
from halfdoor.store.tables.decisions import assessment, decision
from halfdoor.store.tables.models import document, version, version_file
from halfdoor.store.tables.people import person, role

CARD = {"model-card": ("anyone",)}
SERVED = {**CARD, "sampling": ("vetted",)}
WIDER = {**CARD, "sampling": ("anyone",)}
WIDEST = {**WIDER, "inference-code": ("anyone",)}
FILES = {
    "README.md": ["model-card"],
    "run.py": ["inference-code"],
    "both.txt": ["inference-code", "model-card"],
}
DRAWS = 20
NOON = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


class Clock:
    """A clock that stands where a test puts it."""

    def __init__(self, time=NOON):
        self.time = time

    def now(self):
        return self.time

    def pass_(self, **spans):
        self.time += dt.timedelta(**spans)


@cache
def question(**policy):
    """What the decision's assessment was asked, and its answer: of a part of heron, to be quick."""
    change, base = msgspec.structs.replace, asked(HERON)
    items = tuple(item for item in base.dossier.item if item.id in {*WIDEST, "technical-report"})
    found = change(
        base,
        dossier=change(base.dossier, item=items, variant=(), ledger=()),
        configuration=dict(WIDEST),
        policy=change(base.policy, plan=change(base.policy.plan, **policy)),
        draws=DRAWS,
    )
    return found, assess(found)


def put(change, kind, value):
    """A document, by its digest."""
    body = value if isinstance(value, bytes) else canonical_json(value)
    row = {"digest": sha256_bytes(body), "kind": kind, "body": body.decode(), "stored_ms": change.now_ms}
    there = select(document.c.digest).where(document.c.digest == row["digest"])
    if change.connection.execute(there).first() is None:
        change.connection.execute(insert(document).values(row))
    return row["digest"]


def actor(commits, *roles):
    """Somebody who holds these roles."""
    with commits.change() as change:
        one = change.new_id("per")
        entry = change.tell(PersonJoined, person=one)
        row = {"id": one, "name": one[-4:], "invited_ms": change.now_ms, "joined_ms": change.now_ms}
        change.connection.execute(insert(person).values(**row, entry=entry))
        for name in roles:
            entry = change.tell(RoleGiven, person=one, role=name)
            held = {"person": one, "role": name, "since_ms": change.now_ms, "entry": entry}
            change.connection.execute(insert(role).values(held))
    return Actor(person=one, roles=frozenset(roles))


def registered(commits, label="1.0", files=FILES):
    """A version of heron; its id."""
    with commits.change() as change:
        one = change.new_id("ver")
        manifest = put(change, "manifest", {"label": label, "files": files})
        entry = change.tell(VersionRegistered, version=one, manifest=manifest)
        row = {
            "id": one,
            "repository": "lab/heron",
            "label": label,
            "manifest": manifest,
            "sha": manifest[7:47],
        }
        change.connection.execute(insert(version).values(**row, published_ms=change.now_ms, entry=entry))
        for path, items in files.items():
            row = {"version": one, "path": path, "digest": digest(path), "size_bytes": 10}
            row["items"] = msgspec.json.encode(items).decode()
            change.connection.execute(insert(version_file).values(row))
    return one


def adopted(commits, of_version, decided=WIDEST, *, review=None, asked_and_answered=None, adopt=True):
    """A decision that was adopted, ending the one before; its id."""
    asked_, outcome = asked_and_answered or question()
    with commits.change() as change:
        connection, one = change.connection, change.new_id("dec")
        stored = put(change, "question", asked_)
        answer = put(change, "assessment", outcome)
        known = {"id": outcome.id, "version": of_version}
        if connection.execute(select(assessment.c.id).filter_by(**known)).first() is None:
            entry = change.tell(
                AssessmentRecorded, version=of_version, assessment=outcome.id, outputs=outcome.outputs_digest
            )
            made = {**known, "question": stored, "outcome": answer, "recorded_ms": change.now_ms}
            connection.execute(insert(assessment).values(**made, entry=entry))
        proposal = proposed(one, of_version, outcome, stored, decided, change.now.date(), review)
        seen = put(change, "proposal", proposal)
        configuration = digest(proposal.configuration)
        entry = change.tell(
            DecisionProposed,
            decision=one,
            version=of_version,
            assessment=outcome.id,
            configuration=configuration,
        )
        row = {"id": one, "version": of_version, "document": seen, "proposer": proposal.proposer}
        connection.execute(insert(decision).values(**row, proposed_ms=change.now_ms, entry=entry))
        if adopt:
            end(change, of_version, one)
            entry = change.tell(
                DecisionAdopted, decision=one, configuration=configuration, review=proposal.review
            )
            values = {"adopted_ms": change.now_ms, "adopted_entry": entry}
            connection.execute(update(decision).where(decision.c.id == one).values(values))
    return one


def end(change, of_version, but, cause="replaced"):
    """End the decisions about a version, all but one."""
    live = (decision.c.version == of_version, decision.c.id != but, decision.c.ended_ms.is_(None))
    for one in list(change.connection.execute(select(decision.c.id).where(*live)).scalars()):
        change.tell(DecisionEnded, decision=one, cause=cause)
        values = {"ended_ms": change.now_ms, "ended_cause": cause}
        change.connection.execute(update(decision).where(decision.c.id == one).values(values))


def proposed(one, of_version, outcome, stored, decided, today, review):  # noqa: PLR0917  what it names
    return Proposal(
        schema="halfdoor/proposal/1",
        decision=one,
        version=of_version,
        repository="lab/heron",
        label="1.0",
        manifest=digest("manifest"),
        assessment=outcome.id,
        outputs=outcome.outputs_digest,
        question=stored,
        engine=outcome.engine,
        as_of=outcome.as_of,
        policy=outcome.subject.policy,
        policy_digest=outcome.inputs["policy"],
        risk_model=outcome.subject.risk_model,
        risk_model_digest=outcome.inputs["risk_model"],
        in_scope=True,
        headline="",
        configuration={item: list(groups) for item, groups in decided.items()},
        quorum=[],
        people_min=PEOPLE_MIN,
        conditions=[],
        ledger=[],
        proposer="per_" + "0" * 26,
        proposer_organisation=None,
        proposed=today,
        review=review or today + dt.timedelta(days=180),
        evidence_until=None,
    )


def delivered(commits, of_version, path, *, holder=None, offloaded=False, ended=True):
    """A delivery that took place, or is under way."""
    with commits.change() as change:
        grant = change.new_id("grt") if holder else None
        if holder:
            row = {"id": grant, "person": holder.person, "version": of_version, "access_group": "vetted"}
            row |= {"items": "[]", "issued_ms": 0, "until_ms": 1, "networks": "[]", "bytes_used": 0}
            row |= {"bytes_reserved": 0, "downloads_used": 0, "entry": 0}
            change.connection.execute(insert(access_grant).values(row))
        one = change.new_id("dlv")
        entry = change.tell(
            FileBegun, delivery=one, grant=grant, version=of_version, item=FILES[path][0], file=digest(path)
        )
        row = {"id": one, "access_grant": grant, "version": of_version, "path": path, "digest": digest(path)}
        row |= {"first_byte": 0, "length_bytes": 10, "offloaded": offloaded, "holder": "test"}
        row |= {"begun_ms": change.now_ms, "ended_ms": change.now_ms if ended else None, "entry": entry}
        change.connection.execute(insert(delivery).values(row))
