"""Ending a decision, at once: by somebody responsible, or because what was to void it has happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.governance.decisions import Cause, condition
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.openness import DecisionEnded
from halfdoor.services.decide.documents import not_found, proposal_of
from halfdoor.services.decide.views import DecisionView, show
from halfdoor.store import decisions as store
from halfdoor.store.people import person_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from halfdoor.core.governance.actor import Actor
    from halfdoor.services.commit import Commits
    from halfdoor.store.decisions import DecisionRow

ENDING = frozenset({"admin", "approver", "overseer", "publisher"})  # beside the proposer and those who decide
BY_HAND = frozenset(get_args(Cause)) - {"replaced"}


def end(commits: Commits, actor: Actor, decision: str, *, cause: Cause = "withdrawn") -> DecisionView:
    """End a decision, at once and whatever the log does. It is over for good; a new one can be proposed.

    By the proposer, by those who decide, and by administrators, publishers and overseers.
    Raises Refused `not-found`, `not-your-role`, `already-so`; InputError `bad-cause`; VerificationError
    `damaged-document` where it is ended and cannot be shown.
    """
    if cause not in BY_HAND:
        raise InputError("bad-cause", f"{cause!r} ends no decision", remedy=", ".join(sorted(BY_HAND)))
    with commits.closing() as change:
        connection = change.connection
        row = store.lock(connection, decision)
        if row is None:
            raise not_found(decision)
        _check_may_end(connection, actor, row)
        if not store.set_ended(connection, decision, change.now_ms, cause):
            raise Refused("already-so", "the decision has ended already")
        change.tell(DecisionEnded, by=actor.person, decision=decision, cause=cause)
        change.announce("decision-ended", decision)
    return show(commits, decision)


def void(commits: Commits, actor: Actor, decision: str, *, condition: int) -> DecisionView:
    """End a decision because its condition of that number (from 1) has come about. As `end`."""
    with commits.reading() as connection:
        row = store.decision_of(connection, decision)
        if row is None:
            raise not_found(decision)
        _named(connection, row, condition)
    return end(commits, actor, decision, cause="condition")


def _named(connection: Connection, row: DecisionRow, number: int) -> None:
    condition(proposal_of(connection, row), number)


def _check_may_end(connection: Connection, actor: Actor, row: DecisionRow) -> None:
    if actor.person == row.proposer:
        return
    try:
        deciding = {seat.role for seat in proposal_of(connection, row).quorum}
    except VerificationError:  # what is damaged can still be ended
        deciding = set()
    person = person_of(connection, actor.person)
    if person is None or not person.acts or not (ENDING | deciding).intersection(person.roles):
        raise Refused(
            "not-your-role",
            f"a decision is ended by people with the role {' or '.join(sorted(ENDING | deciding))}",
            remedy="ask one of them",
        )
