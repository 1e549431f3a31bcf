"""Publishing: a version of a model is registered, with all its files, by digest. That opens nothing.

Files go first, each whole or not at all; then one change names them. Whoever dies in between has left files
that nothing names, and finds them stored when beginning again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.openness import VersionRegistered, VersionWithdrawn
from halfdoor.core.model.manifest import (
    Layout,
    Manifest,
    Name,
    check_label,
    check_repository,
    manifest_of,
    names,
    repository_of,
    sha_of,
)
from halfdoor.readers.digests import CHUNK_BYTES, FileDigest, weights_digests
from halfdoor.readers.dossier import dossier_file, dossier_root, read_dossier, resolve_files
from halfdoor.services.inventory import digest_all
from halfdoor.store.models import (
    FileRow,
    RevisionRow,
    VersionRow,
    add_version,
    names_of,
    put_document,
    taken_names,
    version_of,
    version_with,
    waits_under,
    withdraw_version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Connection

    from halfdoor.core.governance.actor import Actor
    from halfdoor.core.model.dossier import Dossier
    from halfdoor.ports import Blobs
    from halfdoor.services.commit import Change, Commits
    from halfdoor.services.inventory import Meter


class Published(msgspec.Struct, frozen=True):
    """A version as it is registered. `new`: by this call; `stored_bytes`: that were not there before."""

    version: str
    repository: str
    label: str
    sha: str
    manifest: str
    revisions: list[tuple[str, str]]  # (repository, revision)
    files: int
    size_bytes: int
    new: bool
    stored_bytes: int = 0


def publish(
    commits: Commits,
    blobs: Blobs,
    folder: Path,
    *,
    actor: Actor,
    repository: str | None,
    layout: Layout,
    meters: tuple[Meter, Meter],
) -> Published:
    """Register the version that a dossier describes, with the files that it lists.

    repository: namespace/name; None: made of developer and model
    layout:     how variants are named (core/model/manifest.names)
    meters:     told of hashing and of storing
    The same version again is found as it is, and waited for until the log has it. Raises Refused
    `not-your-role`, `already-so` where its label or one of its names is of something else; InputError for
    what is wrong with the folder.
    """
    actor.require("publisher")
    path = dossier_file(folder)
    dossier = read_dossier(path)
    check_label(dossier.model.version)
    name = (
        check_repository(repository)
        if repository
        else repository_of(dossier.model.developer, dossier.model.name)
    )
    root = dossier_root(path, dossier)
    if root is None:
        raise InputError(
            "no-files", "the dossier is of published facts: there is nothing to publish", where=str(path)
        )
    paths = {item: found for item, found in resolve_files(dossier, root).items() if found}
    if not paths:
        raise InputError(
            "no-files",
            "no item of the dossier has files: there is nothing to publish",
            where=str(path),
            remedy="name the files of each item in its `paths`",
        )
    digests = digest_all(root, paths, meters[0], rehash=True)
    manifest = _manifest(dossier, paths, digests)
    _check_free(commits, manifest, name, layout)
    stored = _store(blobs, root, digests, meters[1])
    registered = _register(commits, actor, manifest, name, layout)
    return msgspec.structs.replace(registered, stored_bytes=stored)


def _manifest(
    dossier: Dossier, paths: Mapping[str, tuple[str, ...]], digests: Mapping[str, FileDigest]
) -> Manifest:
    weights = weights_digests(paths, digests)
    owners: dict[str, list[str]] = {}
    for item, found in paths.items():
        for path in found:
            owners.setdefault(path, []).append(item)
    model = dossier.model
    return manifest_of(
        (model.name, model.version, model.developer),
        {table.id: (table.licence, weights.get(table.id, "")) for table in dossier.item},
        [(path, digests[path].sha256, digests[path].bytes, own) for path, own in owners.items()],
        [variant.id for variant in dossier.variant],
    )


def _check_free(commits: Commits, manifest: Manifest, repository: str, layout: Layout) -> None:
    """Before gigabytes are copied: the label is free, or of this very version."""
    with commits.reading() as connection:
        found = version_with(connection, repository, manifest.version)
        if found is None:
            taken = taken_names(
                connection, [(n.repository, n.revision) for n in names(manifest, repository, layout)]
            )
            if taken:
                raise _taken(*taken[0])
        else:
            _check_same(connection, found, manifest, names(manifest, repository, layout))


def _check_same(connection: Connection, found: VersionRow, manifest: Manifest, asked: list[Name]) -> None:
    """What is registered is what is asked for. Raises Refused `already-so`."""
    if found.manifest != manifest.digest:
        raise _taken(found.repository, found.label)
    shown = {(one.repository, one.name) for one in names_of(connection, found.id)}
    if shown != {(one.repository, one.revision) for one in asked}:
        raise Refused(
            "already-so",
            f"{found.repository} has the version {found.label} already, with its variants named otherwise",
            remedy="leave --layout as it was: what clients know by a name keeps it",
        )


def _taken(repository: str, revision: str) -> Refused:
    return Refused(
        "already-so",
        f"{repository} has a version {revision} already, and it is another one",
        remedy="a version never changes: give this one a new `version` in halfdoor.toml",
    )


def _store(blobs: Blobs, root: Path, digests: Mapping[str, FileDigest], meter: Meter) -> int:
    """Put every file among the blobs; how many bytes were not there before."""
    lacking = {one.sha256: one for one in digests.values() if blobs.has(one.sha256) != one.bytes}
    total = sum(one.bytes for one in lacking.values())
    if not total:
        for one in lacking.values():
            blobs.put(one.sha256, 0, iter(()))
        return 0
    with meter(total) as progress:
        for one in lacking.values():
            blobs.put(one.sha256, one.bytes, _chunks(root / one.path, progress.advance))
    return total


def _chunks(path: Path, advance: Callable[[int], None]) -> Iterator[bytes]:
    try:
        with path.open("rb", buffering=0) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
                advance(len(chunk))
    except OSError as error:
        raise InputError("unreadable", f"cannot read it: {error.strerror}", where=str(path)) from error


def _register(
    commits: Commits, actor: Actor, manifest: Manifest, repository: str, layout: Layout
) -> Published:
    """One change: document, version, files, names. What is there already is found, whoever put it there."""
    asked = names(manifest, repository, layout)
    with commits.change() as change:
        found = version_with(change.connection, repository, manifest.version)
        if found is not None:
            _check_same(change.connection, found, manifest, asked)
        row = found or _added(change, actor, manifest, repository, asked)
        waits = waits_under(change.connection, row.id)
    if found is not None and waits is not None:
        commits.settle([waits])  # whoever registered it may have died before the log took it
    return Published(
        version=row.id,
        repository=repository,
        label=row.label,
        sha=row.sha,
        manifest=row.manifest,
        revisions=[(one.repository, one.revision) for one in asked],
        files=len(manifest.files),
        size_bytes=sum(one.bytes for one in manifest.files),
        new=found is None,
    )


def _added(
    change: Change, actor: Actor, manifest: Manifest, repository: str, asked: list[Name]
) -> VersionRow:
    version = change.new_id("ver")
    digest = put_document(change.connection, "manifest", manifest.encode(), change.now_ms)
    row = VersionRow(version, repository, manifest.version, digest, sha_of(digest), change.now_ms)
    entry = change.tell(VersionRegistered, by=actor.person, version=version, manifest=digest)
    files = [FileRow(one.path, one.sha256, one.bytes, one.items) for one in manifest.files]
    revisions = [
        RevisionRow(one.repository, one.revision, version, one.variant, sha_of(digest, one.variant))
        for one in asked
    ]
    add_version(change.connection, row, entry, actor.person, (files, revisions))
    change.announce("version-registered", version)
    return row


def withdraw(commits: Commits, actor: Actor, version: str) -> bool:
    """Serve a version to nobody any more, at once; False where it was withdrawn. Copies stay out.

    Raises Refused `not-your-role`, `not-found`.
    """
    actor.require("publisher", "admin", "overseer")
    with commits.closing() as change:
        if version_of(change.connection, version) is None:
            raise Refused("not-found", f"there is no version {version}")
        if not withdraw_version(change.connection, version, change.now_ms):
            return False
        change.tell(VersionWithdrawn, by=actor.person, version=version)
        change.announce("version-withdrawn", version)
    return True
