"""Everything that a home keeps, held against everything else: tables, blobs, log, clock.

Nothing is changed. The log is what others can check, so where it and the tables differ, the log is right.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.canonical import sha256_bytes
from halfdoor.core.errors import HalfdoorError, InputError
from halfdoor.core.governance.agreement import differences, row_for
from halfdoor.core.log.entry import decode_entry
from halfdoor.core.log.events.access import GrantRenewed
from halfdoor.services.commit import milliseconds
from halfdoor.store import held
from halfdoor.store.runtime import mark

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator

    from sqlalchemy import Connection

    from halfdoor.core.log.events.base import Event
    from halfdoor.ports import Blobs
    from halfdoor.store.log import LogStore

Severity = Literal["fault", "warning", "note"]
EACH_MAX = 20  # findings of one code that are told one by one
_DAY_MS = 24 * 60 * 60 * 1000
_CLOCK_MS = 60 * 1000
_BACKUP = (
    "bring back a backup, or find out who changed the database; until then nothing here can be relied on"
)


class Finding(msgspec.Struct, frozen=True):
    """Something not as it should be. `fault`: it must not go on; `warning`: soon; `note`: good to know."""

    severity: Severity
    code: str
    message: str
    remedy: str = ""


class Findings:
    """Collects them; of each code only so many one by one, and how many more there are."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._count: dict[str, int] = {}

    def add(self, severity: Severity, code: str, message: str, remedy: str = "") -> None:
        """One more."""
        self._count[code] = self._count.get(code, 0) + 1
        if self._count[code] <= EACH_MAX:
            self._found.append(Finding(severity, code, message, remedy))

    def all(self) -> list[Finding]:
        """The worst first."""
        more = [
            Finding("fault", code, f"and {count - EACH_MAX:,} more of this kind")
            for code, count in self._count.items()
            if count > EACH_MAX
        ]
        order = {"fault": 0, "warning": 1, "note": 2}
        return sorted([*self._found, *more], key=lambda one: (order[one.severity], one.code))


def examine_tables(
    store: LogStore,
    connection: Connection,
    findings: Findings,
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Tables against log: every row has its entry, every entry its row, and they say the same."""
    size = store.head().frontier.size  # before the first row is read: rows of later entries do no harm
    for table, columns in held.tables_with_entries().items():
        for column in columns:
            for row in held.held_rows(connection, table, column):
                _examine_row(row, column, findings)
    renewed = _renewed(store, size)
    for position, event in _events(store, size):
        _examine_event(connection, position, event, renewed, findings)
        advance(1)
    for decision in held.decided_otherwise(connection):
        message = f"decision {decision}: its document is not the one that was approved"
        findings.add("fault", "row-changed", message, _BACKUP)
    for digest, body in held.documents(connection):
        if sha256_bytes(body.encode()) != digest:
            findings.add("fault", "document-changed", f"the document {digest} is not what it was", _BACKUP)


def _examine_row(row: held.Held, column: str, findings: Findings) -> None:
    name = _name(row)
    if row.entry is None and row.waits:
        message = f"{name} waits for the log, so it is not in effect yet"
        findings.add("note", "waiting", message, "it takes effect once the log's writer runs: halfdoor serve")
    elif row.entry is None:
        findings.add(
            "fault", "row-without-entry", f"{name} has no entry in the log; it opens nothing", _BACKUP
        )
    else:
        try:
            event = decode_entry(row.entry)
        except InputError:
            return  # the log's own check tells
        for difference in differences(row.table, column, row.values, event):
            findings.add("fault", "row-changed", f"{name}: {difference}", _BACKUP)


def _name(row: held.Held) -> str:
    keys = ("id", "plan", "decision", "person", "number", "stage", "role")
    found = [str(row.values[key]) for key in keys if row.values.get(key) is not None]
    return f"{row.table.replace('_', ' ')} {' '.join(found[:2])}"


def _events(store: LogStore, size: int) -> Iterator[tuple[int, Event]]:
    for position, entry in enumerate(store.entries(0, size)):
        try:
            yield position, decode_entry(entry)
        except InputError:
            continue  # the log's own check tells


def _renewed(store: LogStore, size: int) -> dict[str, dt.datetime]:
    """To which date each grant was renewed at most."""
    found: dict[str, dt.datetime] = {}
    for _, event in _events(store, size):
        if isinstance(event, GrantRenewed):
            found[event.grant] = max(event.until, found.get(event.grant, event.until))
    return found


def _examine_event(
    connection: Connection, position: int, event: Event, renewed: dict[str, dt.datetime], findings: Findings
) -> None:
    must = row_for(event, renewed)
    if must is None:
        return
    kind = type(event).__struct_config__.tag
    row = held.row_where(connection, must.table, must.where)
    if row is None:
        message = f"entry {position} ({kind}) has no row in the tables"
        findings.add("fault", "entry-without-row", message, _BACKUP)
        return
    wrong = must.holds(row) if must.holds is not None else ""
    if wrong:
        code = "not-closed" if must.closing else "row-changed"
        findings.add("fault", code, f"entry {position} ({kind}): {wrong}", _BACKUP)


def examine_blobs(
    blobs: Blobs,
    connection: Connection,
    findings: Findings,
    *,
    deep: bool,
    advance: Callable[[int], None] = lambda _: None,
) -> None:
    """Files of versions against blobs: each is there, whole; with `deep` every byte is hashed again."""
    named = held.blobs_named(connection)
    try:
        there = dict(blobs.all())
        for digest, size in named.items():
            found = there.get(digest)
            if found is None:
                remedy = "bring it back from a backup, or publish the same folder again"
                findings.add("fault", "blob-missing", f"the file {digest} is not among the blobs", remedy)
            elif found != size:
                message = f"the file {digest} has {found:,} bytes, {size:,} were published"
                findings.add("fault", "blob-damaged", message, "remove it and bring it back from a backup")
            elif deep and not _is_whole(blobs, digest, size, advance):
                message = f"the bytes of {digest} are not those that were published"
                findings.add("fault", "blob-damaged", message, "remove it and bring it back from a backup")
    except HalfdoorError as error:
        findings.add("fault", error.code, error.message, error.remedy)
        return
    orphans = sorted(set(there) - set(named))
    if orphans:
        total = sum(there[one] for one in orphans)
        message = f"{len(orphans):,} blobs ({total:,} bytes) belong to no version: {', '.join(orphans[:3])}"
        remedy = "they are of a publication that was cut off; publishing it again uses them"
        findings.add("note", "blob-orphan", message, remedy)


def _is_whole(blobs: Blobs, digest: str, size: int, advance: Callable[[int], None]) -> bool:
    hashed = hashlib.sha256()
    try:
        for chunk in blobs.open(digest, 0, size):
            hashed.update(chunk)
            advance(len(chunk))
    except (FileNotFoundError, HalfdoorError):
        return False
    return f"sha256:{hashed.hexdigest()}" == digest


def examine_time(connection: Connection, now: dt.datetime, findings: Findings) -> None:
    """The clock against what was acted on already, and deliveries that never ended."""
    now_ms = milliseconds(now)
    ahead_ms = mark(connection) - now_ms
    if ahead_ms > _CLOCK_MS:
        message = f"the clock is {ahead_ms // 1000:,} s behind a time that was acted on already"
        remedy = "set the clock right; until then the application's time stands still"
        findings.add("warning", "clock-behind", message, remedy)
    if unended := held.deliveries_begun_before(connection, now_ms - _DAY_MS):
        message = f"{unended:,} deliveries began more than a day ago and have no end"
        remedy = "they are closed by a running server: halfdoor serve; behind nginx, is access_log right?"
        findings.add("warning", "delivery-unended", message, remedy)
