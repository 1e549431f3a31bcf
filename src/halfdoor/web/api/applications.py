"""Applications: stated, submitted, decided; by whom they are seen follows from whose they are."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Meta

from halfdoor.core.governance.applications import FIELD_MAX, Act, State
from halfdoor.core.governance.people import REASON_MAX
from halfdoor.core.governance.statistics import Figures
from halfdoor.core.log.events.base import ApplicationId, Digest, GrantId, GroupName, VersionId
from halfdoor.services import applications
from halfdoor.services.applications import BULK_MAX, Outcome
from halfdoor.services.commit import moment
from halfdoor.web.api.operation import PERSON, Asks, Call, Nothing, Operation, Table, holding
from halfdoor.web.api.versions import visible

if TYPE_CHECKING:
    from halfdoor.services.handling import ApplicationView
    from halfdoor.store.applications import ApplicationRow

Stated = dict[
    Annotated[str, Meta(max_length=60)], Annotated[str, Meta(max_length=FIELD_MAX)]
]  # by the names of the policy's fields
Reason = Annotated[str, Meta(max_length=REASON_MAX)]


class Summary(msgspec.Struct, frozen=True):
    """An application in a list.

    renews: the grant that it would prolong; until: undecided until then, it expires
    """

    id: str
    person: str
    version: str
    group: str
    state: State
    renews: str | None
    created: dt.datetime
    submitted: dt.datetime | None
    decided: dt.datetime | None
    until: dt.datetime | None


class Done(msgspec.Struct, frozen=True):
    """One thing that was done with it. person null: it happened by itself."""

    act: Act
    person: str | None
    reason: str
    at: dt.datetime


class Application(msgspec.Struct, frozen=True):
    """An application, whole.

    terms:     digest of what was agreed to
    seen:      digest of what a reviewer judges: a decision that names another one is refused
    approvals: by whom, since it was last submitted
    """

    summary: Summary
    fields: dict[str, str]
    terms: str | None
    acts: list[Done]
    seen: str
    approvals: list[str]


class Applications(msgspec.Struct, frozen=True):
    """Applications; who has waited longest comes first. At most 500: narrow the question for more."""

    applications: list[Summary]


class Outcomes(msgspec.Struct, frozen=True):
    """What became of each."""

    outcomes: list[Outcome]


class Statistics(msgspec.Struct, frozen=True):
    """How many applications there are, and how long deciding takes, by group."""

    groups: list[Figures]


class ListApplications(Asks, frozen=True):
    """everybody: not only one's own, for those who look after them; states, version, group: only those."""

    everybody: bool = False
    states: tuple[State, ...] = ()
    version: VersionId | None = None
    group: GroupName | None = None


class Draft(Asks, frozen=True):
    """fields: as the form of that group asks; renews: a live grant of one's own that it would prolong."""

    version: VersionId
    group: GroupName
    fields: Stated
    renews: GrantId | None = None


class Edit(Asks, frozen=True):
    """fields: all of them, in the place of those before."""

    fields: Stated


class Submit(Asks, frozen=True):
    """terms: digest of those that one was shown and agrees to; fields: in the place of those before."""

    terms: Digest | None = None
    fields: Stated | None = None


class Approve(Asks, frozen=True):
    """seen: digest of what was judged; reason: for the applicant."""

    seen: Digest | None = None
    reason: Reason = ""


class Refuse(Asks, frozen=True):
    """reason: for the applicant; seen: digest of what was judged."""

    reason: Reason
    seen: Digest | None = None


class Appeal(Asks, frozen=True):
    """reason: what was judged wrongly."""

    reason: Reason


class Bulk(Asks, frozen=True):
    """act: what to do with each of them, and why."""

    act: Literal["approve", "return", "reject"]
    applications: Annotated[tuple[ApplicationId, ...], Meta(min_length=1, max_length=BULK_MAX)]
    reason: Reason = ""


def _list(call: Call[ListApplications]) -> Applications:
    asks = call.asks
    rows = applications.listed(
        call.commits,
        call.person,
        everybody=asks.everybody,
        states=asks.states,
        version=asks.version,
        group=asks.group,
    )
    return Applications([_summary(row) for row in rows])


def _show(call: Call[Nothing]) -> Application:
    return _whole(applications.show(call.commits, call.person, call.path["application"]))


def _draft(call: Call[Draft]) -> Application:
    asks = call.asks
    with call.commits.reading() as connection:
        visible(call, connection, asks.version)
    return _whole(
        applications.draft(
            call.commits,
            call.person,
            version=asks.version,
            group=asks.group,
            fields=asks.fields,
            renews=asks.renews,
        )
    )


def _edit(call: Call[Edit]) -> Application:
    return _whole(applications.edit(call.commits, call.person, call.path["application"], call.asks.fields))


def _submit(call: Call[Submit]) -> Application:
    asks = call.asks
    return _whole(
        applications.submit(
            call.commits, call.person, call.path["application"], terms=asks.terms, fields=asks.fields
        )
    )


def _approve(call: Call[Approve]) -> Application:
    asks = call.asks
    return _whole(
        applications.approve(
            call.commits, call.person, call.path["application"], reason=asks.reason, seen=asks.seen
        )
    )


def _return(call: Call[Refuse]) -> Application:
    asks = call.asks
    return _whole(
        applications.return_(
            call.commits, call.person, call.path["application"], reason=asks.reason, seen=asks.seen
        )
    )


def _reject(call: Call[Refuse]) -> Application:
    asks = call.asks
    return _whole(
        applications.reject(
            call.commits, call.person, call.path["application"], reason=asks.reason, seen=asks.seen
        )
    )


def _appeal(call: Call[Appeal]) -> Application:
    return _whole(
        applications.appeal(call.commits, call.person, call.path["application"], reason=call.asks.reason)
    )


def _withdraw(call: Call[Nothing]) -> Application:
    return _whole(applications.withdraw(call.commits, call.person, call.path["application"]))


def _bulk(call: Call[Bulk]) -> Outcomes:
    asks = call.asks
    return Outcomes(
        applications.bulk(call.commits, call.person, asks.act, asks.applications, reason=asks.reason)
    )


def _statistics(call: Call[Nothing]) -> Statistics:
    return Statistics(applications.statistics(call.commits, call.person))


def _summary(row: ApplicationRow) -> Summary:
    submitted, decided, until = (
        None if at_ms is None else moment(at_ms) for at_ms in (row.submitted_ms, row.decided_ms, row.until_ms)
    )
    return Summary(
        id=row.id,
        person=row.person,
        version=row.version,
        group=row.group,
        state=row.state,
        renews=row.renews,
        created=moment(row.created_ms),
        submitted=submitted,
        decided=decided,
        until=until,
    )


def _whole(view: ApplicationView) -> Application:
    row = view.application
    return Application(
        summary=_summary(row),
        fields=row.fields,
        terms=row.terms,
        acts=[Done(one.act, one.person, one.reason, moment(one.at_ms)) for one in view.acts],
        seen=view.seen,
        approvals=view.approvals,
    )


_REVIEWER = holding("reviewer")
_SEES_ALL = holding("admin", "auditor", "overseer", "reviewer")
OPERATIONS: Table = (
    Operation(
        name="list_applications",
        method="GET",
        path="/applications",
        who=PERSON,
        summary="One's own applications; everybody's for those who look after them.",
        asks=ListApplications,
        answers=Applications,
        handle=_list,
    ),
    Operation(
        name="draft_application",
        method="POST",
        path="/applications",
        who=PERSON,
        summary="Begin an application; nobody else sees it before it is submitted.",
        asks=Draft,
        answers=Application,
        handle=_draft,
        status=201,
    ),
    Operation(
        name="decide_on_applications",
        method="POST",
        path="/applications/decide",
        who=_REVIEWER,
        summary="Decide on many at once, each by itself.",
        asks=Bulk,
        answers=Outcomes,
        handle=_bulk,
    ),
    Operation(
        name="show_statistics",
        method="GET",
        path="/applications/statistics",
        who=_SEES_ALL,
        summary="How many applications there are, and how long deciding takes.",
        asks=Nothing,
        answers=Statistics,
        handle=_statistics,
    ),
    Operation(
        name="show_application",
        method="GET",
        path="/applications/{application}",
        who=PERSON,
        summary="One application: one's own, or any for those who look after them.",
        asks=Nothing,
        answers=Application,
        handle=_show,
    ),
    Operation(
        name="edit_application",
        method="PUT",
        path="/applications/{application}/fields",
        who=PERSON,
        summary="State something else, while it is a draft or was returned.",
        asks=Edit,
        answers=Application,
        handle=_edit,
    ),
    Operation(
        name="submit_application",
        method="POST",
        path="/applications/{application}/submit",
        who=PERSON,
        summary="Ask for a decision.",
        asks=Submit,
        answers=Application,
        handle=_submit,
    ),
    Operation(
        name="approve_application",
        method="POST",
        path="/applications/{application}/approve",
        who=_REVIEWER,
        summary="Agree; with the last approval that is needed, the grant is issued.",
        asks=Approve,
        answers=Application,
        handle=_approve,
    ),
    Operation(
        name="return_application",
        method="POST",
        path="/applications/{application}/return",
        who=_REVIEWER,
        summary="Ask the applicant for more.",
        asks=Refuse,
        answers=Application,
        handle=_return,
    ),
    Operation(
        name="reject_application",
        method="POST",
        path="/applications/{application}/reject",
        who=_REVIEWER,
        summary="Refuse, and say why.",
        asks=Refuse,
        answers=Application,
        handle=_reject,
    ),
    Operation(
        name="appeal_application",
        method="POST",
        path="/applications/{application}/appeal",
        who=PERSON,
        summary="Ask for another reviewer's look at a rejection, once.",
        asks=Appeal,
        answers=Application,
        handle=_appeal,
    ),
    Operation(
        name="withdraw_application",
        method="POST",
        path="/applications/{application}/withdraw",
        who=PERSON,
        summary="Ask no longer.",
        asks=Nothing,
        answers=Application,
        handle=_withdraw,
    ),
)
