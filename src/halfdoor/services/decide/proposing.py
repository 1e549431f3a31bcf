"""Proposing: the server assesses the question itself, and writes down what people are to approve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.assess import assess
from halfdoor.core.canonical import canonical_json
from halfdoor.core.errors import InputError
from halfdoor.core.governance import proposals
from halfdoor.core.governance.decisions import Proposal, encode
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.staleness import evidence_until
from halfdoor.core.log.events.openness import AssessmentRecorded, DecisionProposed
from halfdoor.core.question import Question
from halfdoor.services.decide.adopting import check_adopted
from halfdoor.services.decide.documents import check_documents, intact
from halfdoor.services.decide.views import DecisionView, show
from halfdoor.store import decisions as store
from halfdoor.store.models import put_document, version_of
from halfdoor.store.people import person_of

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Connection

    from halfdoor.core.assessment import Assessment
    from halfdoor.core.governance.actor import Actor
    from halfdoor.core.policy.document import Policy
    from halfdoor.services.commit import Change, Commits
    from halfdoor.store.models import VersionRow

PROPOSERS = ("approver", "publisher")  # beside those who decide by the policy


def propose(
    commits: Commits, actor: Actor, *, question: Question, version: str, review: dt.date | None = None
) -> DecisionView:
    """Propose that the question's configuration be decided for a version.

    The assessment is made here, from the question; also as of later days, to know until when the evidence
    permits the configuration. review: at the latest as the policy says, which is also the default.
    Raises Refused `not-your-role`, `not-found`, `withdrawn`, `other-version`, `not-permitted`, `bad-review`,
    `no-organisation`, `not-adopted`, `not-in-force`, `future`; InputError for documents that do not hold or
    fit together; LogUnavailable.
    """
    policy = question.policy
    actor.require(*PROPOSERS, *(seat.role for seat in proposals.seats(policy)))
    question = _as_stored(question)
    check_documents(question.policy, question.risk_model, question.references)
    today = commits.now().date()
    if question.as_of > today:
        raise Refused("future", f"it was assessed as of {question.as_of}, and today is {today}")
    with commits.reading() as connection:
        check_adopted(connection, question)
        about = _version(connection, version)
        manifest = msgspec.json.decode(intact(connection, about.manifest), type=proposals.Manifest)
    differences = proposals.differences(question, manifest)
    if differences:
        raise Refused(
            "other-version",
            f"this was not assessed for the version {about.label}: {'; '.join(differences)}",
            remedy="assess the folder that was published: halfdoor assess",
        )
    found = assess(question)
    proposals.check_permitted(found)
    latest = proposals.reviewed(policy, today, review)
    until = evidence_until(question, assess, today=today, review=latest)
    with commits.change() as change:
        store.lock_version(change.connection, version)
        check_adopted(change.connection, question)
        about = _version(change.connection, version)
        asked = _recorded(change, actor, version, question, found)
        decision = change.new_id("dec")
        row = person_of(change.connection, actor.person)
        if row is None or not row.acts:
            raise Refused("not-your-role", "you do not act here any more")
        subject = proposals.Subject(
            decision=decision,
            version=version,
            repository=about.repository,
            label=about.label,
            manifest=about.manifest,
            proposer=actor.person,
            proposer_organisation=row.organisation,
        )
        document = proposals.build(
            subject, found, policy, question=asked, proposed=today, review=latest, evidence_until=until
        )
        _store(change, actor, document, policy)
    return show(commits, decision)


def _as_stored(question: Question) -> Question:
    """The question as it will be read back. What does not come back as it went cannot be assessed again."""
    body = canonical_json(question)
    again = msgspec.json.decode(body, type=Question)
    if canonical_json(again) != body:
        raise InputError("bad-question", "the question cannot be written down and read back unchanged")
    return again


def _version(connection: Connection, version: str) -> VersionRow:
    about = version_of(connection, version)
    if about is None:
        raise Refused("not-found", f"there is no version {version[:40]!r}", remedy="see what is published")
    if about.withdrawn_ms is not None:
        raise Refused("withdrawn", f"the version {about.label} was withdrawn")
    return about


def _recorded(change: Change, actor: Actor, version: str, question: Question, found: Assessment) -> str:
    """Keep question and assessment; the question's digest."""
    at_ms, connection = change.now_ms, change.connection
    asked = put_document(connection, "question", canonical_json(question), at_ms)
    known = store.assessment_of(connection, found.id, version)
    if known is None:
        outcome = put_document(connection, "assessment", canonical_json(found), at_ms)
        entry = change.tell(
            AssessmentRecorded,
            by=actor.person,
            version=version,
            assessment=found.id,
            outputs=found.outputs_digest,
        )
        store.add_assessment(connection, found.id, version, asked, outcome, at_ms, entry)
    return asked if known is None else known.question


def _store(change: Change, actor: Actor, document: Proposal, policy: Policy) -> None:
    connection = change.connection
    put_document(connection, "policy", canonical_json(policy), change.now_ms)
    digest = put_document(connection, "proposal", encode(document), change.now_ms)
    entry = change.tell(
        DecisionProposed,
        by=actor.person,
        decision=document.decision,
        version=document.version,
        assessment=document.assessment,
        configuration=proposals.configuration_digest(document),
    )
    store.add_decision(
        connection, document.decision, document.version, digest, actor.person, change.now_ms, entry
    )
    change.announce("decision-proposed", document.decision)
