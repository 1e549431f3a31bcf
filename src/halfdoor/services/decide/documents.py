"""The documents that decisions rest on, read back and held against their digests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.assessment import Assessment
from halfdoor.core.canonical import sha256_bytes
from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.governance.decisions import Proposal, decode
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.policy import check as policy_check
from halfdoor.core.question import Question
from halfdoor.core.risk import check as risk_check
from halfdoor.store.decisions import DecisionRow, assessment_of
from halfdoor.store.models import document

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from halfdoor.core.policy.document import Policy
    from halfdoor.core.risk.document import References, RiskModel

_PROBLEMS_SHOWN = 5
REMEDY = "restore the home from a backup: see `halfdoor doctor`"


class Basis(msgspec.Struct, frozen=True):
    """What a decision rests on: the question, and the assessment that answered it."""

    question: Question
    assessment: Assessment


def intact(connection: Connection, digest: str) -> bytes:
    """A document. Raises VerificationError `damaged-document` where it is gone or is not what it was."""
    body = document(connection, digest)
    if body is None or sha256_bytes(body) != digest:
        state = "is gone" if body is None else "was altered"
        raise VerificationError("damaged-document", f"the document {digest} {state}", remedy=REMEDY)
    return body


def proposal_of(connection: Connection, row: DecisionRow) -> Proposal:
    """What people approve. Raises VerificationError `damaged-document`."""
    try:
        found = decode(intact(connection, row.document))
    except InputError as error:
        raise VerificationError("damaged-document", error.message, remedy=REMEDY) from error
    if (found.decision, found.version, found.proposer) != (row.id, row.version, row.proposer):
        raise VerificationError(
            "damaged-document", f"the document of {row.id} is that of another decision", remedy=REMEDY
        )
    return found


def basis_of(connection: Connection, proposal: Proposal) -> Basis:
    """Question and assessment of a proposal. Raises VerificationError `damaged-document`."""
    row = assessment_of(connection, proposal.assessment, proposal.version)
    if row is None or row.question != proposal.question:
        raise VerificationError(
            "damaged-document", f"the assessment {proposal.assessment} is gone, or is of another question"
        )
    try:
        question = msgspec.json.decode(intact(connection, row.question), type=Question)
        outcome = msgspec.json.decode(intact(connection, row.outcome), type=Assessment)
    except msgspec.MsgspecError as error:
        raise VerificationError("damaged-document", f"an assessment cannot be read: {error}") from error
    return Basis(question, outcome)


def check_documents(policy: Policy, model: RiskModel, references: References | None = None) -> None:
    """What the command line checks when it reads these documents; here they come from anywhere.

    Raises InputError.
    """
    problems = [*policy_check.check(policy, model), *risk_check.check(model)]
    if references is not None:
        problems += risk_check.check_references(references.reference, model)
    errors = [problem for problem in problems if not problem.lint]
    if errors:
        told = "; ".join(f"{one.where}: {one.message}" for one in errors[:_PROBLEMS_SHOWN])
        raise InputError(errors[0].code, f"policy or risk model do not hold: {told}", remedy=errors[0].remedy)


def not_found(decision: str) -> Refused:
    """There is no such decision."""
    return Refused(
        "not-found", f"there is no decision {decision[:40]!r}", remedy="see `halfdoor decide list`"
    )
