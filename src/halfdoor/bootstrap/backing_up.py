"""Backups of a home: what there is to copy, and whether a copy that was put back may go on."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Literal

from halfdoor.adapters.clock import SystemClock
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.log import log_store, stores, verifier_keys
from halfdoor.services.backup import back_up
from halfdoor.services.log.signing import own_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from halfdoor.services.backup_form import Listing
    from halfdoor.services.home import Home

Age = Literal["newest", "older", "unknown"]


def make_backup(home: Home, to: Path, *, keys: bool, files: bool, advance: Callable[[int], None]) -> Listing:
    """As services.backup.back_up."""
    with closing(log_store(home)) as store:
        entries = store.head().frontier.size
    now = SystemClock().now()
    return back_up(
        home, blobs_of(home), to, now=now, entries=entries, keys=keys, files=files, advance=advance
    )


def age_of(home: Home) -> tuple[Age, int, int]:
    """Whether a home that was put back is the newest copy; its entries, and how many the second store knows.

    Raises DatabaseFailed, VerificationError.
    """
    with stores(home) as (store, latest):
        own = store.head().frontier.size
        noted = latest.load(home.settings.origin)
    if noted is None:
        return "unknown", own, 0
    known = own_checkpoint(noted, home.settings.origin, verifier_keys(home), "the second store").size
    return ("newest" if known <= own else "older"), own, known
