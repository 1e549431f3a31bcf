"""Versions of models: what there is, what is open of it, what is known to be wrong with it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.base import VersionId
from halfdoor.services import applications, flaws, publish
from halfdoor.services.commit import moment
from halfdoor.services.handling import Form
from halfdoor.store import models
from halfdoor.store.standing import standing_of
from halfdoor.web.api.operation import (
    ANYONE,
    HOLDER,
    Asks,
    Call,
    Nothing,
    Operation,
    Raw,
    Table,
    holding,
)

if TYPE_CHECKING:
    from typing import Any

    from sqlalchemy import Connection

    from halfdoor.core.governance.standing import Standing

Repository = Annotated[str, Meta(max_length=200)]


class Version(msgspec.Struct, frozen=True):
    """A version of a model.

    commit:   the revision by which clients of the hub know it
    stage:    the stage of its plan that was entered last
    opened:   item -> every group that has it now
    disabled: it was open, or would be, and was closed; `why` says in a sentence why nothing is open
    warnings: what is known to be wrong with it
    """

    id: str
    repository: str
    label: str
    manifest: str
    commit: str
    published: dt.datetime
    withdrawn: dt.datetime | None
    stage: int | None
    opened: dict[str, list[str]]
    disabled: bool
    why: str
    warnings: list[str]


class Versions(msgspec.Struct, frozen=True):
    """Versions, the newest first."""

    versions: list[Version]


class File(msgspec.Struct, frozen=True):
    """A file of a version. It is open to whom all of its items are open."""

    path: str
    digest: str
    size_bytes: int
    items: tuple[str, ...]


class Files(msgspec.Struct, frozen=True):
    """Files, by path."""

    files: list[File]


class Groups(msgspec.Struct, frozen=True):
    """As which groups one may apply, the strictest first."""

    groups: list[str]


class Changed(msgspec.Struct, frozen=True):
    """What was closed. changed: False where that was so before."""

    changed: bool


class Flaw(msgspec.Struct, frozen=True):
    """What is known to be wrong with a version. closed: nobody is warned any more."""

    id: str
    version: str
    warning: str
    reported: dt.datetime
    closed: dt.datetime | None


class Flaws(msgspec.Struct, frozen=True):
    """Flaws, the newest first."""

    flaws: list[Flaw]


class ListVersions(Asks, frozen=True):
    """repository: only those that it shows."""

    repository: Repository | None = None


class ListFlaws(Asks, frozen=True):
    """version: only those of it."""

    version: VersionId | None = None


class ReportFlaw(Asks, frozen=True):
    """warning: one line of plain characters, shown to whoever downloads."""

    version: VersionId
    warning: Annotated[str, Meta(max_length=1000)]


class CloseFlaw(Asks, frozen=True):
    """outcome: duplicate, fixed or rejected."""

    outcome: Annotated[str, Meta(max_length=20)] = "fixed"


def visible(call: Call[Any], connection: Connection, version: str) -> tuple[models.VersionRow, Standing]:
    """A version that the caller may know of. Raises Refused `not-found`."""
    row = models.version_of(connection, version)
    standing = standing_of(connection, version, call.commits.now())
    if row is None or standing is None or not (standing.seen or call.is_insider):
        raise Refused("not-found", f"there is no version {version}", remedy="see what is published")
    return row, standing


def _version(connection: Connection, row: models.VersionRow, standing: Standing) -> Version:
    return Version(
        id=row.id,
        repository=row.repository,
        label=row.label,
        manifest=row.manifest,
        commit=row.sha,
        published=moment(row.published_ms),
        withdrawn=None if row.withdrawn_ms is None else moment(row.withdrawn_ms),
        stage=standing.stage,
        opened={item: sorted(groups) for item, groups in sorted(standing.opened.items())},
        disabled=standing.disabled,
        why=standing.why,
        warnings=models.open_warnings(connection, row.id),
    )


def _list(call: Call[ListVersions]) -> Versions:
    now = call.commits.now()
    with call.commits.reading() as connection:
        found = [
            _version(connection, row, standing)
            for row in models.versions(connection, call.asks.repository)
            if (standing := standing_of(connection, row.id, now)) is not None
            and (standing.seen or call.is_insider)
        ]
    return Versions(found)


def _show(call: Call[Nothing]) -> Version:
    with call.commits.reading() as connection:
        return _version(connection, *visible(call, connection, call.path["version"]))


def _files(call: Call[Nothing]) -> Files:
    with call.commits.reading() as connection:
        row, standing = visible(call, connection, call.path["version"])
        rows = models.files(connection, row.id)
    may_know = [one for one in rows if call.is_insider or (one.items and set(one.items) <= standing.listed)]
    return Files([File(one.path, one.digest, one.size_bytes, one.items) for one in may_know])


def _groups(call: Call[Nothing]) -> Groups:
    with call.commits.reading() as connection:
        visible(call, connection, call.path["version"])
    return Groups(applications.groups(call.commits, call.path["version"]))


def _form(call: Call[Nothing]) -> Form:
    with call.commits.reading() as connection:
        visible(call, connection, call.path["version"])
    return applications.form(call.commits, call.path["version"], call.path["group"])


def _withdraw(call: Call[Nothing]) -> Changed:
    return Changed(publish.withdraw(call.commits, call.person, call.path["version"]))


def _document(call: Call[Nothing]) -> Raw:
    with call.commits.reading() as connection:
        kind = models.kind_of(connection, call.path["digest"])
        body = models.document(connection, call.path["digest"])
    if body is None:
        raise Refused("not-found", f"there is no document {call.path['digest']}")
    return Raw(body, "text/plain; charset=utf-8" if kind == "terms" else "application/json")


def _list_flaws(call: Call[ListFlaws]) -> Flaws:
    return Flaws([_flaw(row) for row in flaws.listed(call.commits, call.asks.version)])


def _report(call: Call[ReportFlaw]) -> Flaw:
    asks = call.asks
    return _flaw(flaws.report(call.commits, call.person, version=asks.version, warning=asks.warning))


def _close(call: Call[CloseFlaw]) -> Changed:
    flaws.close(call.commits, call.person, call.path["flaw"], outcome=call.asks.outcome)
    return Changed(changed=True)


def _flaw(row: models.FlawRow) -> Flaw:
    closed = None if row.closed_ms is None else moment(row.closed_ms)
    return Flaw(row.id, row.version, row.warning, moment(row.reported_ms), closed)


_STAFF = holding("admin", "publisher", "reviewer", "overseer")
OPERATIONS: Table = (
    Operation(
        name="list_versions",
        method="GET",
        path="/versions",
        who=ANYONE,
        summary="The versions that have ever been open in part; all of them for people with a role.",
        asks=ListVersions,
        answers=Versions,
        handle=_list,
    ),
    Operation(
        name="show_version",
        method="GET",
        path="/versions/{version}",
        who=ANYONE,
        summary="One version, and what is open of it now.",
        asks=Nothing,
        answers=Version,
        handle=_show,
    ),
    Operation(
        name="list_files",
        method="GET",
        path="/versions/{version}/files",
        who=ANYONE,
        summary="A version's files, as far as they are open to somebody; all of them for people with a role.",
        asks=Nothing,
        answers=Files,
        handle=_files,
    ),
    Operation(
        name="list_groups",
        method="GET",
        path="/versions/{version}/groups",
        who=ANYONE,
        summary="As which groups one may apply for a version.",
        asks=Nothing,
        answers=Groups,
        handle=_groups,
    ),
    Operation(
        name="show_form",
        method="GET",
        path="/versions/{version}/groups/{group}",
        who=ANYONE,
        summary="What one has to state and agree to as this group, and what one would get.",
        asks=Nothing,
        answers=Form,
        handle=_form,
    ),
    Operation(
        name="withdraw_version",
        method="POST",
        path="/versions/{version}/withdraw",
        who=holding("publisher", "admin", "overseer"),
        summary="Serve a version to nobody any more, at once.",
        asks=Nothing,
        answers=Changed,
        handle=_withdraw,
    ),
    Operation(
        name="show_document",
        method="GET",
        path="/documents/{digest}",
        who=HOLDER,
        summary="A document by its digest: its exact bytes (manifest, proposal, question, assessment, plan).",
        asks=Nothing,
        answers=Raw,
        handle=_document,
    ),
    Operation(
        name="list_flaws",
        method="GET",
        path="/flaws",
        who=HOLDER,
        summary="What is known to be wrong with versions.",
        asks=ListFlaws,
        answers=Flaws,
        handle=_list_flaws,
    ),
    Operation(
        name="report_flaw",
        method="POST",
        path="/flaws",
        who=_STAFF,
        summary="Warn whoever downloads a version.",
        asks=ReportFlaw,
        answers=Flaw,
        handle=_report,
        status=201,
    ),
    Operation(
        name="close_flaw",
        method="POST",
        path="/flaws/{flaw}/close",
        who=_STAFF,
        summary="Warn no longer.",
        asks=CloseFlaw,
        answers=Changed,
        handle=_close,
    ),
)
