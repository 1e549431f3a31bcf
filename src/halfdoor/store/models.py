"""Versions, their files, the names that the hub resolves, documents by digest. Readers see what is logged."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, exists, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from halfdoor.core.canonical import sha256_bytes
from halfdoor.store.log import in_log
from halfdoor.store.tables.decisions import plan, plan_stage
from halfdoor.store.tables.models import document as document_table
from halfdoor.store.tables.models import flaw, revision, version, version_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

MAIN = "main"


class VersionRow(msgspec.Struct, frozen=True):
    """A version. `manifest`: digest of its document; `sha`: the revision that Hugging Face clients see."""

    id: str
    repository: str
    label: str
    manifest: str
    sha: str
    published_ms: int
    withdrawn_ms: int | None = None


class FileRow(msgspec.Struct, frozen=True):
    """A file of a version. It is open to whom all of its items are open."""

    path: str
    digest: str
    size_bytes: int
    items: tuple[str, ...]


class RevisionRow(msgspec.Struct, frozen=True):
    """A name that the hub resolves. `variant` empty: all files."""

    repository: str
    name: str
    version: str
    variant: str
    sha: str


_VERSION: tuple[Any, ...] = (
    version.c.id,
    version.c.repository,
    version.c.label,
    version.c.manifest,
    version.c.sha,
    version.c.published_ms,
    version.c.withdrawn_ms,
)
_REVISION = (
    revision.c.repository,
    revision.c.name,
    revision.c.version,
    revision.c.variant,
    revision.c.sha,
)
_BOTH: tuple[Any, ...] = (*_REVISION, *_VERSION)
_LOGGED = in_log(version.c.entry)
_NAMED = (
    select(*_VERSION, revision.c.variant, revision.c.sha.label("own_sha"))
    .join(revision, revision.c.version == version.c.id)
    .where(revision.c.repository == bindparam("repository"), _LOGGED)
    .order_by(version.c.published_ms.desc(), revision.c.variant)
    .limit(1)
)
_BY_NAME = _NAMED.where(revision.c.name == bindparam("revision"))
_BY_SHA = _NAMED.where(revision.c.sha == bindparam("revision"))
_ENTERED = exists(
    select(plan_stage.c.plan)
    .join(plan, plan.c.id == plan_stage.c.plan)
    .where(plan.c.version == version.c.id, in_log(plan_stage.c.entry))
)
_LIVE = exists(
    select(plan_stage.c.plan)
    .join(plan, plan.c.id == plan_stage.c.plan)
    .where(
        plan.c.version == version.c.id,
        version.c.withdrawn_ms.is_(None),
        plan.c.halted_ms.is_(None),
        plan.c.withdrawn_ms.is_(None),
        in_log(plan_stage.c.entry),
    )
)
_MAIN = (
    _NAMED.where(_ENTERED)
    .order_by(None)
    .order_by(_LIVE.desc(), version.c.published_ms.desc(), revision.c.variant)
)
_FILES = (
    select(version_file.c.path, version_file.c.digest, version_file.c.size_bytes, version_file.c["items"])
    .where(version_file.c.version == bindparam("version"))
    .order_by(version_file.c.path)
)
_FILE = _FILES.where(version_file.c.path == bindparam("path"))


def version_of(connection: Connection, version_id: str) -> VersionRow | None:
    """The version of this id."""
    row = connection.execute(select(*_VERSION).where(version.c.id == version_id, _LOGGED)).one_or_none()
    return None if row is None else VersionRow(*row)


def versions(connection: Connection, repository: str | None = None) -> list[VersionRow]:
    """All versions, or those that a repository shows, the newest first."""
    query = select(*_VERSION).where(_LOGGED)
    if repository is not None:
        shown = exists(
            select(revision.c.version).where(
                revision.c.version == version.c.id, revision.c.repository == repository
            )
        )
        query = query.where(or_(version.c.repository == repository, shown))
    rows = connection.execute(query.order_by(version.c.published_ms.desc(), version.c.id))
    return [VersionRow(*row) for row in rows]


def version_with(connection: Connection, repository: str, label: str) -> VersionRow | None:
    """The version of this label, logged or not: a label is taken as soon as it is stored."""
    query = select(*_VERSION).where(version.c.repository == repository, version.c.label == label)
    row = connection.execute(query).one_or_none()
    return None if row is None else VersionRow(*row)


def waits_under(connection: Connection, version_id: str) -> int | None:
    """The number under which a version's entry waits for the log; None where it stands there."""
    query = select(version.c.entry).where(version.c.id == version_id, ~_LOGGED)
    return connection.execute(query).scalar_one_or_none()


def names_of(connection: Connection, version_id: str) -> list[RevisionRow]:
    """Every stored name of a version, logged or not."""
    query = select(*_REVISION).where(revision.c.version == version_id)
    rows = connection.execute(query.order_by(revision.c.repository, revision.c.name))
    return [RevisionRow(*row) for row in rows]


def entered(connection: Connection, repository: str) -> bool:
    """True where a version that the repository shows ever entered a stage: outsiders may know of it."""
    query = (
        select(version.c.id)
        .join(revision, revision.c.version == version.c.id)
        .where(revision.c.repository == repository, _LOGGED, _ENTERED)
        .limit(1)
    )
    return connection.execute(query).first() is not None


def repositories(connection: Connection) -> list[str]:
    """The names of all repositories that show something, in order."""
    query = select(revision.c.repository).join(version, version.c.id == revision.c.version).where(_LOGGED)
    return list(connection.execute(query.distinct().order_by(revision.c.repository)).scalars())


def resolve(connection: Connection, repository: str, name: str) -> tuple[VersionRow, str] | None:
    """The version that a revision names, and the variant (empty: all of it).

    name: `main` (the newest with a live stage, else the newest that ever entered one), a label, a label with
    a variant, or a sha. The row's `sha` is that of the variant.
    """
    values = {"repository": repository, "revision": name}
    statements = (_MAIN,) if name == MAIN else (_BY_NAME, _BY_SHA)
    for statement in statements:
        row = connection.execute(statement, values).one_or_none()
        if row is not None:
            found = VersionRow(
                row.id,
                row.repository,
                row.label,
                row.manifest,
                row.own_sha,
                row.published_ms,
                row.withdrawn_ms,
            )
            return found, row.variant
    return None


def revisions(connection: Connection, repository: str) -> list[tuple[RevisionRow, VersionRow]]:
    """Every stored name of a repository, the newest version first."""
    query = (
        select(*_BOTH)
        .join(version, version.c.id == revision.c.version)
        .where(revision.c.repository == repository, _LOGGED)
        .order_by(version.c.published_ms.desc(), revision.c.name)
    )
    count = len(RevisionRow.__struct_fields__)
    return [(RevisionRow(*row[:count]), VersionRow(*row[count:])) for row in connection.execute(query)]


def files(connection: Connection, version_id: str, variant: str = "") -> list[FileRow]:
    """The files of a version, or those of one variant and of none, by path."""
    rows = connection.execute(_FILES, {"version": version_id})
    return [found for row in rows if _of_variant(found := _file(row), variant)]


def file(connection: Connection, version_id: str, variant: str, path: str) -> FileRow | None:
    """One file."""
    row = connection.execute(_FILE, {"version": version_id, "path": path}).one_or_none()
    if row is None:
        return None
    found = _file(row)
    return found if _of_variant(found, variant) else None


def _file(row: Any) -> FileRow:  # noqa: ANN401  a row of _FILES
    return FileRow(row.path, row.digest, row.size_bytes, tuple(json.loads(row.items)))


def _of_variant(found: FileRow, variant: str) -> bool:
    """A variant has its own files and those that belong to no variant."""
    own = {item.partition(":")[0] if ":" in item else "" for item in found.items}
    return not variant or own <= {"", variant}


def add_version(
    connection: Connection,
    row: VersionRow,
    entry: int,
    by: str | None,
    content: tuple[Sequence[FileRow], Iterable[RevisionRow]],
) -> None:
    """Store a version, its files and its names. Raises IntegrityError where one is taken."""
    values = msgspec.structs.asdict(row)
    connection.execute(insert(version).values(**values, published_by=by, entry=entry))
    own, names = content
    connection.execute(
        insert(version_file),
        [{**msgspec.structs.asdict(one), "version": row.id, "items": json.dumps(one.items)} for one in own],
    )
    connection.execute(insert(revision), [msgspec.structs.asdict(one) for one in names])


def taken_names(connection: Connection, names: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of (repository, revision) that name something already, logged or not."""
    found = []
    for repository, name in names:
        query = select(revision.c.name).where(revision.c.repository == repository, revision.c.name == name)
        if connection.execute(query).first() is not None:
            found.append((repository, name))
    return found


def withdraw_version(connection: Connection, version_id: str, at_ms: int) -> bool:
    """Mark it; False where it was withdrawn before."""
    mark = update(version).where(version.c.id == version_id, version.c.withdrawn_ms.is_(None))
    return connection.execute(mark.values(withdrawn_ms=at_ms)).rowcount == 1


# Documents that never change.


def put_document(connection: Connection, kind: str, body: bytes, at_ms: int) -> str:
    """Keep a document (UTF-8); its digest. One that is there stays."""
    digest = sha256_bytes(body)
    row = {"digest": digest, "kind": kind, "body": body.decode(), "stored_ms": at_ms}
    once = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(once(document_table).values(row).on_conflict_do_nothing())
    return digest


def document(connection: Connection, digest: str) -> bytes | None:
    """The bytes of a document."""
    query = select(document_table.c.body).where(document_table.c.digest == digest)
    body = connection.execute(query).scalar_one_or_none()
    return None if body is None else body.encode()


def kind_of(connection: Connection, digest: str) -> str | None:
    """What kind of document it is, such as `proposal`."""
    query = select(document_table.c.kind).where(document_table.c.digest == digest)
    return connection.execute(query).scalar_one_or_none()


# Flaws.


class FlawRow(msgspec.Struct, frozen=True):
    """What is known to be wrong with a version."""

    id: str
    version: str
    warning: str
    reported_ms: int
    closed_ms: int | None = None


_WARNINGS = (
    select(flaw.c.warning)
    .where(flaw.c.version == bindparam("version"), flaw.c.closed_ms.is_(None))
    .order_by(flaw.c.reported_ms.desc())
)
_FLAW = (flaw.c.id, flaw.c.version, flaw.c.warning, flaw.c.reported_ms, flaw.c.closed_ms)


def flaws(connection: Connection, version_id: str | None = None) -> list[FlawRow]:
    """The flaws of a version, or all, the newest first, logged or not."""
    query = select(*_FLAW).order_by(flaw.c.reported_ms.desc(), flaw.c.id)
    if version_id is not None:
        query = query.where(flaw.c.version == version_id)
    return [FlawRow(*row) for row in connection.execute(query)]


def open_warnings(connection: Connection, version_id: str) -> list[str]:
    """The warnings of flaws that nobody has closed, the newest first."""
    return list(connection.execute(_WARNINGS, {"version": version_id}).scalars())


def add_flaw(connection: Connection, row: FlawRow, entry: int) -> None:
    """Store a flaw."""
    connection.execute(insert(flaw).values(**msgspec.structs.asdict(row), entry=entry))


def close_flaw(connection: Connection, flaw_id: str, at_ms: int) -> bool:
    """Mark it closed; False where it is not open."""
    mark = update(flaw).where(flaw.c.id == flaw_id, flaw.c.closed_ms.is_(None)).values(closed_ms=at_ms)
    return connection.execute(mark).rowcount == 1
