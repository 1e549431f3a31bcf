"""Deliveries: in the log before the first byte leaves, and again at the end, with the bytes that left."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import msgspec

from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.access import FileBegun, FileEnded
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.access import grant_of
from halfdoor.store.deliveries import (
    DeliveryRow,
    add_delivery,
    began_before,
    end_delivery,
    has_running,
    keep_alive,
    left_behind,
    reserve,
    running,
)
from halfdoor.store.engine import DatabaseFailed

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable

    from sqlalchemy import Connection

    from halfdoor.services.commit import Change, Commits
    from halfdoor.store.access import GrantRow

SILENT_MS = 120_000  # after which the process that sends something is taken for dead
OFFLOADED_MS = 600_000  # within which another server has to have said what it sent
_AT_ONCE = 100
_BYTES_MAX = 2**53 - 1
# Ends that the database did not take: delivery -> bytes sent. This process keeps its deliveries alive, so
# nobody else would close these.
_untold: WeakKeyDictionary[Commits, dict[str, int | None]] = WeakKeyDictionary()
_untold_lock = threading.Lock()


class Wanted(msgspec.Struct, frozen=True):
    """What is to be sent: `length_bytes` of a version's file, from `first_byte` on; `item`: what it is of."""

    version: str
    path: str
    digest: str
    item: str
    first_byte: int
    length_bytes: int


class By(msgspec.Struct, frozen=True):
    """Who sends it, to whom. grant, token: None for what is open to anyone."""

    holder: str
    grant: str | None = None
    token: str | None = None
    offloaded: bool = False


def begin(
    commits: Commits,
    wanted: Wanted,
    by: By,
    ask: Callable[[Connection, dt.datetime], object],
) -> str:
    """Have a delivery logged and its bytes reserved; its id, once the log has it. Then bytes may leave.

    ask: whether it may be, within the same transaction, the grant's row locked; raises Refused
    Raises Refused: what `ask` raises, `limit-reached`; LogUnavailable; DatabaseFailed: nothing may leave.
    """
    id_ = ""
    try:
        with commits.change(wait=False) as change:
            id_ = change.new_id("dlv")
            _begun(change, id_, wanted, by, ask)
    except DatabaseFailed:  # it may be stored all the same
        _tell_later(commits, id_, 0)
        raise
    try:
        commits.settle(change.numbers)
    except HalfdoorError:
        end(commits, id_, 0)
        raise
    return id_


def _begun(
    change: Change, id_: str, wanted: Wanted, by: By, ask: Callable[[Connection, dt.datetime], object]
) -> None:
    grant = None if by.grant is None else grant_of(change.connection, by.grant, lock=True)
    ask(change.connection, change.now)
    if grant is not None:
        reserve(change.connection, grant.id, wanted.length_bytes, _downloads(change, grant, wanted))
    row = DeliveryRow(
        id=id_,
        grant=by.grant,
        token=by.token,
        version=wanted.version,
        path=wanted.path,
        digest=wanted.digest,
        first_byte=wanted.first_byte,
        length_bytes=wanted.length_bytes,
        offloaded=by.offloaded,
        holder=by.holder,
        begun_ms=change.now_ms,
    )
    entry = change.tell(
        FileBegun,
        delivery=row.id,
        grant=by.grant,
        version=wanted.version,
        item=wanted.item,
        file=wanted.digest,
    )
    add_delivery(change.connection, row, entry)


def _downloads(change: Change, grant: GrantRow, wanted: Wanted) -> int:
    """How many downloads it counts as. Raises Refused `limit-reached` where the grant has no room for it.

    What goes on where an earlier delivery of the same file stopped is no further download.
    """
    goes_on = wanted.first_byte > 0 and began_before(change.connection, grant.id, wanted.digest)
    count = 0 if goes_on else 1
    if grant.downloads_max is not None and grant.downloads_used + count > grant.downloads_max:
        raise _reached(f"{grant.downloads_max:,} downloads")
    taken = grant.bytes_used + grant.bytes_reserved
    if grant.bytes_max is not None and taken + wanted.length_bytes > grant.bytes_max:
        left = max(0, grant.bytes_max - taken)
        raise _reached(f"{grant.bytes_max:,} bytes ({left:,} are left, {wanted.length_bytes:,} are needed)")
    return count


def _reached(limit: str) -> Refused:
    return Refused(
        "limit-reached",
        f"your grant is for at most {limit}",
        remedy="ask a reviewer for another grant: halfdoor apply",
    )


def end(commits: Commits, delivery: str, sent_bytes: int | None) -> bool:
    """It is over, and so many bytes left (None: unknown); False where its end was known.

    Happens whatever the log does. Raises DatabaseFailed: then `close_abandoned` stores it later.
    """
    try:
        try:
            with commits.change(wait=False) as change:
                return _ended(change, running(change.connection, delivery), sent_bytes)
        except LogUnavailable:  # an end is stored all the same
            with commits.closing() as change:
                return _ended(change, running(change.connection, delivery), sent_bytes)
    except DatabaseFailed:
        _tell_later(commits, delivery, sent_bytes)
        raise


def _ended(change: Change, row: DeliveryRow | None, sent_bytes: int | None) -> bool:
    if row is None or not end_delivery(change.connection, row, change.now_ms, sent_bytes):
        return False
    change.tell(FileEnded, delivery=row.id, sent_bytes=sent_bytes)
    return True


def _tell_later(commits: Commits, delivery: str, sent_bytes: int | None) -> None:
    if delivery:
        with _untold_lock:
            _untold.setdefault(commits, {})[delivery] = sent_bytes


def _tell_again(commits: Commits) -> None:
    """Store the ends that could not be stored. Raises DatabaseFailed: they are kept."""
    with _untold_lock:
        due = dict(_untold.get(commits, {}))
    for delivery, sent_bytes in due.items():
        end(commits, delivery, sent_bytes)
        with _untold_lock:
            del _untold[commits][delivery]


def close_abandoned(commits: Commits, holder: str) -> int:
    """Say that this process is at work, and close what nobody will end any more; how many. For the worker.

    That is what processes began that have been silent for two minutes, and what another server was to send
    and said nothing of for ten. How much of it left is unknown. A process that comes again has a new name,
    so its own former deliveries are among them.
    """
    _tell_again(commits)
    with commits.reading() as connection:
        if not has_running(connection):
            return 0
    count = 0
    while True:
        with commits.closing() as change:
            if not count:
                keep_alive(change.connection, holder, change.now_ms)
            due = left_behind(
                change.connection,
                silent_before_ms=change.now_ms - SILENT_MS,
                offloaded_before_ms=change.now_ms - OFFLOADED_MS,
                most=_AT_ONCE,
            )
            for row in due:
                _ended(change, row, None)
        count += len(due)
        if len(due) < _AT_ONCE:
            return count


def close_from_access_log(commits: Commits, lines: Iterable[str | bytes]) -> int:
    """End offloaded deliveries by the lines that nginx writes of what it sent; how many.

    Lines that say nothing of an offloaded delivery under way are passed over.
    """
    count = 0
    for line in lines:
        try:
            said = json.loads(line)
            delivery, sent_bytes = said["delivery"], said["sent_bytes"]
        except (ValueError, KeyError, TypeError):
            continue
        if not isinstance(delivery, str) or type(sent_bytes) is not int or not 0 <= sent_bytes <= _BYTES_MAX:
            continue
        with commits.reading() as connection:
            row = running(connection, delivery) if delivery.isprintable() else None
        if row is not None and row.offloaded:
            count += end(commits, delivery, sent_bytes)
    return count
