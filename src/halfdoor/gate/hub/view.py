"""What somebody sees of a repository, and which of its files they may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.standing import DISABLED, Standing
from halfdoor.gate.hub.caller import Caller
from halfdoor.gate.hub.names import is_revision, no_repository
from halfdoor.gate.permit import Asked, judge
from halfdoor.store import models
from halfdoor.store.models import MAIN, FileRow, VersionRow
from halfdoor.store.standing import standing_of

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Connection


class View(msgspec.Struct, frozen=True):
    """One revision of a repository, as the caller sees it.

    version: its `sha` is that of the variant
    revision: the name by which it was asked for
    """

    repository: str
    revision: str
    version: VersionRow
    variant: str
    standing: Standing
    caller: Caller

    def lists(self, file: FileRow) -> bool:
        """The file exists, as far as the caller is concerned."""
        return self.caller.sees_all or bool(file.items and set(file.items) <= self.standing.listed)

    def asked(self, file: FileRow) -> Asked:
        """What the gate is asked about a file."""
        return Asked(self.version.id, file.items, self.caller.secret, self.caller.address)

    def may(self, file: FileRow) -> bool:
        """The caller may have the file, as things stand in this view."""
        return self.why_not(file) is None

    def why_not(self, file: FileRow) -> Refused | None:
        """Why the caller may not have it."""
        try:
            judge(self.asked(file), self.caller.key, self.standing)
        except Refused as refusal:
            return refusal
        return None

    def files(self, connection: Connection) -> list[FileRow]:
        """The files that the caller sees, by path."""
        found = models.files(connection, self.version.id, self.variant)
        return [one for one in found if self.lists(one)]


def look(connection: Connection, caller: Caller, repository: str, revision: str, now: dt.datetime) -> View:
    """A revision, where the caller may know of it.

    Raises Refused `no-such-repository`, `no-such-revision`, `disabled`.
    """
    found = models.resolve(connection, repository, revision) if is_revision(revision) else None
    if found is None and revision == MAIN and caller.sees_all:
        newest = next(iter(models.versions(connection, repository)), None)
        found = None if newest is None else models.resolve(connection, repository, newest.label)
    standing = None if found is None else standing_of(connection, found[0].id, now)
    if found is None or standing is None or not (standing.seen or caller.sees_all):
        raise nothing_there(connection, caller, repository, revision)
    if standing.disabled and not caller.sees_all:
        raise Refused("disabled", DISABLED, remedy=standing.why)
    return View(repository, revision, found[0], found[1], standing, caller)


def nothing_there(connection: Connection, caller: Caller, repository: str, revision: str) -> Refused:
    """The revision is not there, or the whole repository is not."""
    if not is_seen(connection, caller, repository):
        return no_repository(repository)
    shown = revision.encode("ascii", "backslashreplace").decode()[:100]
    return Refused("no-such-revision", f"{repository} has no revision {shown!r}")


def is_seen(connection: Connection, caller: Caller, repository: str) -> bool:
    """The caller may know that there is such a repository."""
    if models.entered(connection, repository):
        return True
    return caller.sees_all and bool(models.versions(connection, repository))
