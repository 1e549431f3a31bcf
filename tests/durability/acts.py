"""Acts that open or close something, in a home where each of them is about to be done."""

from contextlib import contextmanager

import msgspec

from durability.children import moved
from gated import DRAWS, Gate, heron, parts_in
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.working import working
from halfdoor.core.governance.tokens import secret_hash
from halfdoor.core.log.entry import decode_entry
from halfdoor.core.log.events import access, openness
from halfdoor.services import applications, decide, grants, stage
from halfdoor.services.assess import Options, read_question
from halfdoor.services.commit import milliseconds
from halfdoor.services.decide.due import adopt_due
from halfdoor.services.log.settling import Passing
from halfdoor.services.publish import publish
from halfdoor.store import access as access_store
from halfdoor.store import decisions, models
from halfdoor.store.standing import standing_of
from homes import new_home, stored, writing

LEASE_SECONDS = 0.2  # so that nobody waits long for the lease of one that was killed
CARD = {"model-card": ("anyone",)}
ALL = {**CARD, "architecture": ("anyone",), "final-parameters": ("vetted",)}
AGAIN = {"already-so", "wrong-state"}  # how somebody is told that it is done


@contextmanager
def at_work(home):
    """What makes changes, as a command has it, with short leases."""
    with working(
        home, settling=lambda store: Passing(store, lambda: writing(home, lease_seconds=LEASE_SECONDS))
    ) as commits:
        yield commits


@contextmanager
def quiet(_):
    """A meter that shows nothing."""
    yield _Silent()


class _Silent:
    def advance(self, amount=1):
        """Say nothing."""


class Ready(msgspec.Struct):
    """A home, and what the acts are about.

    folder:       a model that is not published yet; known: the versions that are
    staged, plan: a version in the first of two stages
    decision:     lacks the approval of `approver`; `seen`: what it is about
    asked:        an application that lacks the approval of `reviewer`
    grant:        of somebody who was let in, and the hash of their token
    """

    home: object
    folder: object
    publisher: object
    known: list
    staged: str
    plan: str
    approver: object
    decision: str
    seen: str
    reviewer: object
    asked: str
    grant: str
    token: bytes

    def at(self, folder):
        """The same in a copy of the home."""
        return msgspec.structs.replace(self, home=moved(self.home, folder))


def made_ready(folder):
    """A home in which every act is about to be done."""
    home = new_home(folder / "home")
    with parts_in(home) as parts:
        gate = Gate(parts)
        gate.publish(heron(folder / "m2", version="2.0", size=100))
        waiting, decided = _proposed(gate), gate.version
        gate.publish(heron(folder / "m1", size=200))
        gate.start(gate.decide(), CARD, ALL)
        _, grant, secret = gate.grant("Gil")
        _, asked = gate.apply("Hal")
        return Ready(
            home=home,
            folder=heron(folder / "m3", version="3.0", size=500),
            publisher=gate.publisher,
            known=[decided, gate.version],
            staged=gate.version,
            plan=gate.plan.id,
            approver=gate.board[1],
            decision=waiting.id,
            seen=waiting.seen,
            reviewer=_last_reviewer(gate, grant, asked),
            asked=asked.id,
            grant=grant.id,
            token=secret_hash(secret),
        )


def _proposed(gate):
    """A decision that lacks the approval of the last approver."""
    options = Options(as_of=gate.commits.now().date(), draws=DRAWS)
    question = read_question(gate.folder, options, quiet)
    found = decide.propose(gate.commits, gate.publisher, question=question, version=gate.version)
    for actor in gate._approvers(found.document):
        if actor is not gate.board[1]:
            found = decide.approve(gate.commits, actor, found.id, seen=found.seen)
    assert found.state == "proposed", found
    return found


def _last_reviewer(gate, done, asked):
    """Who completes the approval of an application, where as many are needed as for one that is done."""
    view = applications.show(gate.commits, gate.reviewers[0], done.application)
    *first, last = gate.reviewers[: len(view.approvals)]
    for one in first:
        applications.approve(gate.commits, one, asked.id)
    return last


class Act(msgspec.Struct, frozen=True):
    """Something that may be cut off at any point.

    do:     (commits, ready) does it
    holds:  (connection, ready, now) whether it is in effect, as gate and services ask
    told:   (event, ready) whether this entry is its own
    closes: it takes effect before the log has it
    """

    do: object
    holds: object
    told: object
    closes: bool = False

    def in_effect(self, ready, commits):
        """It holds, as things are."""
        with commits.reading() as connection:
            return bool(self.holds(connection, ready, commits.now()))

    def in_log(self, ready):
        """The log tells of it; never more than once."""
        own = [one for one in map(decode_entry, stored(ready.home)[0]) if self.told(one, ready)]
        assert len(own) <= 1, own
        return bool(own)


def _publish(commits, ready):
    publish(
        commits,
        blobs_of(ready.home),
        ready.folder,
        actor=ready.publisher,
        repository=None,
        layout="revisions",
        meters=(quiet, quiet),
    )


def _approve(commits, ready):
    try:
        decide.approve(commits, ready.approver, ready.decision, seen=ready.seen)
    finally:
        adopt_due(commits)  # as the worker does, where somebody was cut off between the two


def _grant(commits, ready):
    applications.approve(commits, ready.reviewer, ready.asked)


def _granted(connection, ready, now):
    rows = access_store.grants(connection, version=ready.staged)
    return any(one.application == ready.asked and one.is_live(milliseconds(now)) for one in rows)


ACTS = {
    "publish": Act(
        do=_publish,
        holds=lambda connection, ready, now: len(models.versions(connection)) > len(ready.known),
        told=lambda event, ready: (
            isinstance(event, openness.VersionRegistered) and event.version not in ready.known
        ),
    ),
    "approve": Act(
        do=_approve,
        holds=lambda connection, ready, now: decisions.decision_of(connection, ready.decision).adopted,
        told=lambda event, ready: (
            isinstance(event, openness.DecisionAdopted) and event.decision == ready.decision
        ),
    ),
    "advance": Act(
        do=lambda commits, ready: stage.advance(commits, ready.publisher, ready.plan, stage=2),
        holds=lambda connection, ready, now: (
            "final-parameters" in standing_of(connection, ready.staged, now).opened
        ),
        told=lambda event, ready: (
            isinstance(event, openness.StageAdvanced) and (event.plan, event.stage) == (ready.plan, 2)
        ),
    ),
    "grant": Act(
        do=_grant,
        holds=_granted,
        told=lambda event, ready: isinstance(event, access.GrantIssued) and event.application == ready.asked,
    ),
    "revoke": Act(
        do=lambda commits, ready: grants.revoke(commits, ready.reviewer, ready.grant),
        holds=lambda connection, ready, now: (
            access_store.key_of(connection, ready.token, milliseconds(now)) is None
        ),
        told=lambda event, ready: isinstance(event, access.GrantRevoked) and event.grant == ready.grant,
        closes=True,
    ),
    "halt": Act(
        do=lambda commits, ready: stage.halt(commits, ready.publisher, ready.plan),
        holds=lambda connection, ready, now: standing_of(connection, ready.staged, now).disabled,
        told=lambda event, ready: isinstance(event, openness.PlanHalted) and event.plan == ready.plan,
        closes=True,
    ),
}
