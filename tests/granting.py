"""People and a version with a decision in force, for tests of what may be granted under it."""

import datetime as dt
import threading
from contextlib import contextmanager

import msgspec
import pytest
from sqlalchemy import insert

from halfdoor.bootstrap.working import working
from halfdoor.core.canonical import canonical_json, sha256_bytes
from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.decisions import SCHEMA, Proposal
from halfdoor.core.log.events.openness import AssessmentRecorded, DecisionAdopted, VersionRegistered
from halfdoor.core.policy.document import Application, Policy
from halfdoor.services import people
from halfdoor.services.log.settling import Keeper
from halfdoor.store.tables.decisions import assessment, decision
from halfdoor.store.tables.models import document, version
from homes import writing

ITEMS = {"model-card": ["anyone"], "inference-code": ["vetted"], "final-parameters": ["auditors"]}
FIELDS = {"identity": "Ann of Example", "organisation": "Example", "purpose": "To look for flaws."}


class Clock:
    """A clock that a test moves on."""

    def __init__(self):
        self.ahead = dt.timedelta()

    def now(self):
        return dt.datetime.now(dt.UTC) + self.ahead


@contextmanager
def serving(home, clock=None):
    """Commits as a server has them: with a writer that stays."""
    keepers = []

    def keeping(store):
        keeper = Keeper(store, lambda: writing(home))
        keepers.append(keeper)
        keeper.start()
        return keeper

    with working(home, settling=keeping, clock=clock) as commits:
        try:
            wait_until(lambda: keepers[0].writer is not None)
            yield commits
        finally:
            keepers[0].stop()


def wait_until(true, seconds=20.0):
    done = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if true():
            return
        done.wait(0.01)
    raise AssertionError("it did not happen")


class Cast:
    """An administrator and whoever else is needed, each of whom has joined."""

    def __init__(self, commits):
        self.commits = commits
        first = people.first_admin(commits)
        token = people.join(commits, first.secret, name="Ada", email="ada@example.org")
        self.admin = people.authenticate(commits, token.secret)

    def person(self, name, *roles, organisation=None):
        asked = people.invite(
            self.commits,
            self.admin,
            name=name,
            email=f"{name.lower()}@example.org",
            roles=roles,
            organisation=organisation,
        )
        return people.authenticate(self.commits, people.join(self.commits, asked.secret).secret)


def put(connection, kind, body):
    digest = sha256_bytes(body)
    connection.execute(insert(document).values(digest=digest, kind=kind, body=body.decode(), stored_ms=1))
    return digest


def policy_of(*applications, **more):
    rows = applications or (Application("vetted", ("identity", "organisation", "purpose")),)
    return Policy("halfdoor/policy/1", "test", "1", application=rows, **more)


def decided(commits, policy=None, configuration=None, *, name="1.0", days=300):
    """A version, and a decision in force for it; the version's id."""
    policy = policy or policy_of()
    with commits.change() as change:
        connection = change.connection
        made = change.new_id("ver")
        manifest = put(connection, "manifest", canonical_json({"label": name, "version": made}))
        entry = change.tell(VersionRegistered, version=made, manifest=manifest)
        row = {"repository": "example/model", "label": name, "manifest": manifest, "sha": manifest[7:47]}
        connection.execute(insert(version).values(id=made, published_ms=change.now_ms, entry=entry, **row))
        decide(change, made, policy, configuration or ITEMS, days=days)
    return made


def decide(change, made, policy, configuration, *, days=300):
    connection, today = change.connection, change.now.date()
    question = put(
        connection,
        "question",
        canonical_json({"policy": msgspec.to_builtins(policy), "of": change.new_id("tok")}),
    )
    outcome = put(connection, "assessment", canonical_json({"of": question}))
    entry = change.tell(AssessmentRecorded, version=made, assessment=question, outputs=outcome)
    row = {"version": made, "question": question, "outcome": outcome, "recorded_ms": 1, "entry": entry}
    connection.execute(insert(assessment).values(id=question, **row))
    one = change.new_id("dec")
    proposal = Proposal(
        schema=SCHEMA,
        decision=one,
        version=made,
        repository="example/model",
        label="1.0",
        manifest=question,
        assessment=question,
        outputs=outcome,
        question=question,
        engine="test",
        as_of=today,
        policy="test",
        policy_digest=question,
        risk_model="test",
        risk_model_digest=question,
        in_scope=True,
        headline="permitted",
        configuration=configuration,
        quorum=[],
        people_min=2,
        conditions=[],
        ledger=[],
        proposer="nobody",
        proposer_organisation=None,
        proposed=today,
        review=today + dt.timedelta(days=days),
        evidence_until=None,
    )
    seen = put(connection, "proposal", canonical_json(proposal))
    entry = change.tell(DecisionAdopted, decision=one, configuration=seen, review=proposal.review)
    row = {"document": seen, "proposer": "nobody", "proposed_ms": 1, "adopted_ms": change.now_ms}
    connection.execute(insert(decision).values(id=one, version=made, entry=entry, adopted_entry=entry, **row))
    return one


def code_of(call, *arguments, **named):
    """The code with which a call is refused."""
    with pytest.raises(HalfdoorError) as caught:
        call(*arguments, **named)
    assert caught.value.message
    return caught.value.code


def at_once(*calls):
    """Run calls at the same time; their results, or the codes with which they were refused."""
    barrier = threading.Barrier(len(calls))
    found = [None] * len(calls)

    def run(place, call):
        barrier.wait()
        try:
            found[place] = call()
        except HalfdoorError as error:
            found[place] = error.code

    threads = [threading.Thread(target=run, args=(place, call)) for place, call in enumerate(calls)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    return found
