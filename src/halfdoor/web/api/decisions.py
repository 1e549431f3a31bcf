"""Decisions: proposed, approved, objected to, ended; and what the public sees of the one in force."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from halfdoor.core.assessment import Assessment
from halfdoor.core.editions import redact
from halfdoor.core.governance.decisions import REASON_MAX, Cause, encode
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.base import Digest, VersionId
from halfdoor.core.question import Question
from halfdoor.services import decide
from halfdoor.services.decide import DecisionView
from halfdoor.services.decide.documents import basis_of
from halfdoor.web.api.operation import (
    ANYONE,
    HOLDER,
    QUESTION_BYTES_MAX,
    Asks,
    Call,
    Nothing,
    Operation,
    Raw,
    Table,
)
from halfdoor.web.api.versions import visible

if TYPE_CHECKING:
    from typing import Any


class Decisions(msgspec.Struct, frozen=True):
    """Decisions, the newest first."""

    decisions: list[DecisionView]


class PublicDecision(msgspec.Struct, frozen=True):
    """The decision in force for a version, as everybody may see it.

    assessment, outputs: its assessment's id and outputs digest; its public edition is beside it
    configuration: item -> the widest groups that may have it, which is not what is open: see the version
    seen: digest of what was approved, as the log has it
    """

    id: str
    version: str
    repository: str
    label: str
    seen: str
    assessment: str
    outputs: str
    policy: str
    policy_digest: str
    configuration: dict[str, list[str]]
    adopted: dt.datetime | None
    review: dt.date
    evidence_until: dt.date | None


class Differences(msgspec.Struct, frozen=True):
    """What does not hold any more, in sentences; none where everything does."""

    differences: list[str]


class ListDecisions(Asks, frozen=True):
    """version: only those about it."""

    version: VersionId | None = None


class Propose(Asks, frozen=True):
    """question: all that the assessment depends on; review: when to look again (default: as late as the
    policy allows).
    """  # noqa: D205  one sentence after the other

    version: VersionId
    question: Question
    review: dt.date | None = None


class Approve(Asks, frozen=True):
    """seen: digest of the document that the approver read; signature: over its bytes, by ssh-keygen -Y."""

    seen: Digest
    signature: Annotated[str, Meta(max_length=20_000)] | None = None


class Object(Asks, frozen=True):
    """seen: as for an approval; reason: kept with the decision, whatever comes of it."""

    seen: Digest
    reason: Annotated[str, Meta(max_length=REASON_MAX)]


class End(Asks, frozen=True):
    """cause: why it ends."""

    cause: Cause = "withdrawn"


class Void(Asks, frozen=True):
    """condition: the number of the one that has come about."""

    condition: Annotated[int, Meta(ge=1, le=10_000)]


class ShowAssessment(Asks, frozen=True):
    """edition: public for everybody; board for people with a role."""

    edition: Literal["public", "board"] = "public"


def _list(call: Call[ListDecisions]) -> Decisions:
    return Decisions(decide.listed(call.commits, call.asks.version))


def _show(call: Call[Nothing]) -> DecisionView:
    return decide.show(call.commits, call.path["decision"])


def _document(call: Call[Nothing]) -> Raw:
    return Raw(encode(decide.show(call.commits, call.path["decision"]).document), "application/json")


def _propose(call: Call[Propose]) -> DecisionView:
    asks = call.asks
    return decide.propose(
        call.commits, call.person, question=asks.question, version=asks.version, review=asks.review
    )


def _approve(call: Call[Approve]) -> DecisionView:
    asks = call.asks
    return decide.approve(
        call.commits, call.person, call.path["decision"], seen=asks.seen, signature=asks.signature
    )


def _object(call: Call[Object]) -> DecisionView:
    asks = call.asks
    return decide.object_to(
        call.commits, call.person, call.path["decision"], seen=asks.seen, reason=asks.reason
    )


def _end(call: Call[End]) -> DecisionView:
    return decide.end(call.commits, call.person, call.path["decision"], cause=call.asks.cause)


def _void(call: Call[Void]) -> DecisionView:
    return decide.void(call.commits, call.person, call.path["decision"], condition=call.asks.condition)


def _recheck(call: Call[Nothing]) -> Differences:
    return Differences(decide.recheck(call.commits, call.path["decision"]))


def _in_force(call: Call[Any]) -> DecisionView:
    version = call.path["version"]
    with call.commits.reading() as connection:
        visible(call, connection, version)
    found = next((one for one in decide.listed(call.commits, version) if one.in_force), None)
    if found is None:
        raise Refused("not-found", "no decision is in force for this version")
    return found


def _public(call: Call[Nothing]) -> PublicDecision:
    found = _in_force(call)
    document = found.document
    return PublicDecision(
        id=found.id,
        version=found.version,
        repository=document.repository,
        label=document.label,
        seen=found.seen,
        assessment=document.assessment,
        outputs=document.outputs,
        policy=document.policy,
        policy_digest=document.policy_digest,
        configuration=document.configuration,
        adopted=found.adopted,
        review=document.review,
        evidence_until=document.evidence_until,
    )


def _assessment(call: Call[ShowAssessment]) -> Assessment:
    if call.asks.edition != "public":
        HOLDER.check(call.actor)
        if call.actor is None:
            raise Refused("no-token", "the board's edition is for people with a role")
    found = _in_force(call)
    with call.commits.reading() as connection:
        whole = basis_of(connection, found.document).assessment
    return redact(whole, call.asks.edition)


OPERATIONS: Table = (
    Operation(
        name="show_public_decision",
        method="GET",
        path="/versions/{version}/decision",
        who=ANYONE,
        summary="The decision in force for a version, as everybody may see it.",
        asks=Nothing,
        answers=PublicDecision,
        handle=_public,
    ),
    Operation(
        name="show_assessment",
        method="GET",
        path="/versions/{version}/assessment",
        who=ANYONE,
        summary="The assessment that the decision in force rests on, in its public edition.",
        asks=ShowAssessment,
        answers=Assessment,
        handle=_assessment,
    ),
    Operation(
        name="list_decisions",
        method="GET",
        path="/decisions",
        who=HOLDER,
        summary="All decisions, the newest first.",
        asks=ListDecisions,
        answers=Decisions,
        handle=_list,
    ),
    Operation(
        name="propose_decision",
        method="POST",
        path="/decisions",
        who=HOLDER,
        summary="Propose that a question's configuration be decided; the server assesses it itself.",
        asks=Propose,
        answers=DecisionView,
        handle=_propose,
        status=201,
        body_bytes_max=QUESTION_BYTES_MAX,
    ),
    Operation(
        name="show_decision",
        method="GET",
        path="/decisions/{decision}",
        who=HOLDER,
        summary="A decision: its document, who approved or objected, what is missing or against it.",
        asks=Nothing,
        answers=DecisionView,
        handle=_show,
    ),
    Operation(
        name="show_proposal",
        method="GET",
        path="/decisions/{decision}/document",
        who=HOLDER,
        summary="The exact bytes that people approve and sign.",
        asks=Nothing,
        answers=Raw,
        handle=_document,
    ),
    Operation(
        name="approve_decision",
        method="POST",
        path="/decisions/{decision}/approve",
        who=HOLDER,
        summary="Approve a decision; the approval that completes the quorum adopts it.",
        asks=Approve,
        answers=DecisionView,
        handle=_approve,
    ),
    Operation(
        name="object_to_decision",
        method="POST",
        path="/decisions/{decision}/object",
        who=HOLDER,
        summary="Object to a decision; that is kept whatever comes of it.",
        asks=Object,
        answers=DecisionView,
        handle=_object,
    ),
    Operation(
        name="end_decision",
        method="POST",
        path="/decisions/{decision}/end",
        who=HOLDER,
        summary="End a decision, at once and for good.",
        asks=End,
        answers=DecisionView,
        handle=_end,
    ),
    Operation(
        name="void_decision",
        method="POST",
        path="/decisions/{decision}/void",
        who=HOLDER,
        summary="End a decision because one of its conditions has come about.",
        asks=Void,
        answers=DecisionView,
        handle=_void,
    ),
    Operation(
        name="recheck_decision",
        method="POST",
        path="/decisions/{decision}/recheck",
        who=HOLDER,
        summary="Assess the stored question again and hold everything against the decision.",
        asks=Nothing,
        answers=Differences,
        handle=_recheck,
    ),
)
