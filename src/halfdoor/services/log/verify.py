"""Verifying a log from outside: with its public files and its operator's keys, and nothing else.

The use case behind `halfdoor log verify`. Logs that serve no entries (only tiles) are verified as far as
they go, and the result says so: the tree is then the signed one, and whoever holds an entry can prove that it
is in it, so nothing is wrong; but nobody has seen here what the log says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.audit import Fault
from halfdoor.core.log.checkpoint import parse_checkpoint
from halfdoor.core.log.note import NOTE_BYTES_MAX, encode_base64
from halfdoor.core.log.proof import parse_proof
from halfdoor.services.log.audit import Audited, Effort, audit_log
from halfdoor.services.log.head import CHECKPOINT, Asked, Head, Signer, parse_since, read_checkpoint, signers
from halfdoor.services.log.reading import open_reader

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable

    from halfdoor.ports import LogSource
    from halfdoor.services.log.reading import LogReader

Schema = Literal["halfdoor", "certificates", "foreign", "unread"]


class Entries(msgspec.Struct, frozen=True):
    """The entries that were read. `faults`: how many of them break their schema.

    schema: halfdoor (checked), certificates or foreign (their content was not judged), unread (not served)
    """

    count: int = 0
    schema: Schema = "unread"
    faults: int = 0


class Verified(msgspec.Struct, frozen=True):
    """What was verified, and what is wrong: `verified` exactly where there are no faults.

    root:             base64, as in the checkpoint; empty where none could be read, as is `origin`
    signed_by:        whose signatures were checked, of the keys given
    consistent_since: the size of the earlier checkpoint that this log extends; None where none was given, or
                      it does not
    witnesses:        who cosigned, of the policy given
    tiles:            files of hashes that were read
    faults:           the first of `faults_count`
    index:            the entry's place, where a proof was verified
    """

    place: str
    verified: bool
    origin: str = ""
    size: int = 0
    root: str = ""
    signed_by: tuple[Signer, ...] = ()
    consistent_since: int | None = None
    witnesses: tuple[Signer, ...] = ()
    entries: Entries = Entries()
    tiles: int = 0
    faults: tuple[Fault, ...] = ()
    faults_count: int = 0
    index: int | None = None


def verify_log(
    source: LogSource,
    asked: Asked,
    *,
    now: dt.datetime,
    effort: Effort = Effort(),  # noqa: B008  frozen
    progress: Callable[[int], object] = lambda _: None,
) -> Verified:
    """Verify everything that a log serves.

    now:      against which signatures' times are held
    progress: called with numbers of entries done
    Raises InputError: `no-log` where there is no checkpoint, `unreadable`, `bad-since`.
    """
    earlier = None if asked.since is None else parse_since(asked.since)
    data = source.read(CHECKPOINT, NOTE_BYTES_MAX)
    if data is None:
        remedy = "give the address below which the log's `checkpoint` is"
        raise InputError("no-log", "there is no checkpoint here", where=source.name, remedy=remedy)
    try:
        note, checkpoint = read_checkpoint(data)
    except VerificationError as error:
        return _result(source.name, [Fault(error.code, CHECKPOINT, error.message)])
    head = Head(note, checkpoint, asked, now)
    reader = open_reader(source, checkpoint.size)
    audited = audit_log(reader, checkpoint.size, checkpoint.root, effort=effort, progress=progress)
    consistent_since = head.check_since(earlier, reader) if earlier else None
    faults = [*head.faults, *gaps(audited), *audited.listed]
    return _result(
        source.name,
        faults,
        head,
        consistent_since=consistent_since,
        entries=Entries(audited.entries, _schema(reader, audited), audited.schema_faults),
        tiles=audited.tiles,
        more=audited.faults_count - len(audited.listed) + unlisted_gaps(audited),
    )


def verify_proof(proof: bytes, entry: bytes, asked: Asked, *, now: dt.datetime, place: str) -> Verified:
    """Verify, offline, that an entry stands in a log (a `.tlog-proof` file)."""
    try:
        parsed = parse_proof(proof)
        checkpoint = parse_checkpoint(parsed.checkpoint.text)
    except VerificationError as error:
        return _result(place, [Fault(error.code, place, error.message)])
    head = Head(parsed.checkpoint, checkpoint, asked, now)
    try:
        parsed.verify(entry)
    except VerificationError as error:
        remedy = "the proof is of another entry, or the entry is not byte for byte the one in the log"
        head.faults.append(Fault(error.code, place, f"{error.message}; {remedy}"))
    return _result(place, head.faults, head, index=parsed.index)


def gaps(audited: Audited) -> tuple[Fault, ...]:
    """Missing entries as faults: of a log that serves some. Of one that serves none they are not."""
    return audited.absent if audited.entries else ()


def unlisted_gaps(audited: Audited) -> int:
    """How many more of those there are."""
    return audited.absent_count - len(audited.absent) if audited.entries else 0


def _schema(reader: LogReader, audited: Audited) -> Schema:
    if not audited.entries:
        return "unread"
    if reader.layout == "data tiles":
        return "certificates"
    return "halfdoor" if reader.ours else "foreign"


def _result(
    place: str,
    faults: list[Fault],
    head: Head | None = None,
    *,
    more: int = 0,
    consistent_since: int | None = None,
    entries: Entries = Entries(),  # noqa: B008  frozen
    tiles: int = 0,
    index: int | None = None,
) -> Verified:
    count = len(faults) + more
    if head is None:
        return Verified(place, verified=False, faults=tuple(faults), faults_count=count)
    checkpoint = head.checkpoint
    return Verified(
        place,
        verified=count == 0,
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=encode_base64(checkpoint.root),
        signed_by=signers(head.signed),
        consistent_since=consistent_since,
        witnesses=signers(head.witnesses),
        entries=entries,
        tiles=tiles,
        faults=tuple(faults),
        faults_count=count,
        index=index,
    )
