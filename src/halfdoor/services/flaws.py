"""What is known to be wrong with a version: a warning for whoever downloads it, until it is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.core.errors import InputError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.oversight import FlawJudged, FlawReported
from halfdoor.store.models import FlawRow, add_flaw, close_flaw, flaws, open_warnings, version_of

if TYPE_CHECKING:
    from halfdoor.core.governance.actor import Actor
    from halfdoor.services.commit import Commits

__all__ = ["close", "listed", "open_warnings", "report"]

WARNING_CHARACTERS_MAX = 200
_STAFF = ("admin", "publisher", "reviewer", "overseer")


def report(commits: Commits, actor: Actor, *, version: str, warning: str) -> FlawRow:
    """Warn of a flaw, in one line, from now on. Raises Refused, InputError `bad-warning`, `not-found`."""
    actor.require(*_STAFF)
    words = " ".join(warning.split())
    if not words or len(words) > WARNING_CHARACTERS_MAX or not words.isprintable() or not words.isascii():
        raise InputError(
            "bad-warning",
            f"a warning is one line of 1 to {WARNING_CHARACTERS_MAX} plain characters",
            remedy="say what is wrong and what to do; details belong in an advisory",
        )
    # A warning is shown at once, whatever the log does.
    with commits.closing() as change:
        if version_of(change.connection, version) is None:
            raise InputError("not-found", f"there is no version {version}")
        flaw = change.new_id("flw")
        private = {"text": words}
        entry = change.tell(FlawReported, private, by=actor.person, flaw=flaw, version=version)
        row = FlawRow(flaw, version, words, change.now_ms)
        add_flaw(change.connection, row, entry)
        change.announce("flaw-reported", version)
    return row


def close(commits: Commits, actor: Actor, flaw: str, *, outcome: str = "fixed") -> None:
    """Warn no longer. outcome: duplicate, fixed or rejected. Raises Refused `already-so`, `not-your-role`."""
    actor.require(*_STAFF)
    if outcome not in {"duplicate", "fixed", "rejected"}:
        raise InputError("bad-outcome", f"{outcome!r} is no outcome", remedy="duplicate, fixed or rejected")
    with commits.change() as change:
        if not close_flaw(change.connection, flaw, change.now_ms):
            raise Refused("already-so", f"there is no open flaw {flaw}")
        change.tell(FlawJudged, by=actor.person, flaw=flaw, outcome=outcome)
        change.announce("flaw-closed", flaw)


def listed(commits: Commits, version: str | None = None) -> list[FlawRow]:
    """The flaws of a version, or all, closed ones too."""
    with commits.reading() as connection:
        return flaws(connection, version)
