"""What happens to decisions by itself: they end on a day, and are adopted once everything is in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.errors import VerificationError
from halfdoor.core.governance.decisions import lapse
from halfdoor.core.log.events.openness import DecisionEnded
from halfdoor.services.decide.documents import proposal_of
from halfdoor.services.decide.voting import adopt_if_met
from halfdoor.store import decisions as store

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Connection

    from halfdoor.core.governance.decisions import Cause
    from halfdoor.services.commit import Commits
    from halfdoor.store.decisions import DecisionRow


def end_due(commits: Commits) -> list[str]:
    """End what is past its review, its evidence or its ledger; their ids. For any number of replicas at once.

    The gate compares days itself, so nothing is open because this is late: it only says so, in the log.
    """
    today = commits.now().date()
    with commits.reading() as connection:
        due = [row.id for row in store.not_ended(connection) if _lapsed(connection, row, today) is not None]
    return [decision for decision in due if _end(commits, decision)]


def adopt_due(commits: Commits) -> list[str]:
    """Adopt what met its quorum while the log was late, or when the program stopped; their ids.

    Raises LogUnavailable.
    """
    with commits.reading() as connection:
        waiting = [row.id for row in store.not_ended(connection) if row.adopted_ms is None]
    adopted = []
    for decision in waiting:
        try:
            if adopt_if_met(commits, decision):
                adopted.append(decision)
        except VerificationError:  # said where the decision is shown, and by `halfdoor doctor`
            continue
    return adopted


def _end(commits: Commits, decision: str) -> bool:
    with commits.closing() as change:
        row = store.lock(change.connection, decision)
        cause = None if row is None else _lapsed(change.connection, row, change.now.date())
        if cause is None or not store.set_ended(change.connection, decision, change.now_ms, cause):
            return False
        change.tell(DecisionEnded, decision=decision, cause=cause)
        change.announce("decision-ended", decision)
    return True


def _lapsed(connection: Connection, row: DecisionRow, today: dt.date) -> Cause | None:
    if row.ended_ms is not None:
        return None
    try:
        return lapse(proposal_of(connection, row), today)[0]
    except VerificationError:  # it opens nothing as it is, and `halfdoor doctor` says so
        return None
