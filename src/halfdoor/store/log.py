"""The log's tables: the head and its lease, leaves, pending entries, openings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam, delete, exists, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.commitment import Opening
from halfdoor.core.log.merkle import HASH_BYTES, Frontier
from halfdoor.core.log.tiles import ENTRY_BYTES_MAX
from halfdoor.store.engine import READS, write_journal_back
from halfdoor.store.erasure import erase
from halfdoor.store.quick import Quick
from halfdoor.store.tables import log_head, log_leaf, log_opening, log_pending

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Connection, Engine, Exists
    from sqlalchemy.sql import Insert

READ_AT_ONCE = 4096
WAITING_MAX = 100_000  # entries in the database that wait for a writer


class Head(msgspec.Struct, frozen=True):
    """How far the log has come: its tree, its signed checkpoint, and the writer's lease.

    epoch: counts writers; a commit under an older one is refused
    lease_until_ms: POSIX milliseconds
    """

    origin: str
    frontier: Frontier
    checkpoint: bytes
    epoch: int
    holder: str | None = None
    lease_until_ms: int = 0


class New(msgspec.Struct, frozen=True):
    """An entry to be appended, what its commitments stand for, and the number it waits under, if it does."""

    entry: bytes
    openings: tuple[Opening, ...] = ()
    pending: int | None = None

    @property
    def weight(self) -> int:
        """About how many bytes of memory it takes."""
        return len(self.entry) + sum(len(str(one.value)) for one in self.openings)


class TooManyWaiting(Exception):  # noqa: N818  said where it is caught: the log takes nothing at the moment
    """So many entries wait that one more would only fill the disk; nothing was written."""


class LeaseLost(Exception):  # noqa: N818  said where it is caught: another writer took over
    """Another writer took over; nothing was written."""


class LeaseHeld(Exception):  # noqa: N818  the same
    """Another writer holds the lease until `until_ms`, POSIX milliseconds."""

    def __init__(self, holder: str, until_ms: int) -> None:
        super().__init__(holder)
        self.holder = holder
        self.until_ms = until_ms


_ADVANCE = (
    update(log_head)
    .where(
        log_head.c.id == 1,
        log_head.c.epoch == bindparam("of_epoch"),
        log_head.c.size == bindparam("from_size"),
    )
    .values(
        size=bindparam("to_size"),
        peaks=bindparam("to_peaks"),
        checkpoint=bindparam("to_checkpoint"),
        lease_until_ms=bindparam("to_lease"),
    )
)
_WAITING_SPAN = select(func.min(log_pending.c.number), func.max(log_pending.c.number))
_SETTLE = delete(log_pending).where(log_pending.c.number == bindparam("waited"))


class LogStore:
    """The log in a database. Safe for threads; every method is one transaction, as durable as its engine."""

    def __init__(self, engine: Engine) -> None:
        """`engine` as `open_engine` makes it; the tables exist."""
        self.engine = engine
        self._quick = Quick(engine)
        self._advance = self._quick.statement(_ADVANCE)
        self._add = self._quick.statement(insert(log_leaf), ["position", "entry", "pending"])
        self._settle = self._quick.statement(_SETTLE)
        opening = _once(engine.dialect.name)
        self._open = self._quick.statement(opening, ["commitment", "name", "salt", "value"])

    def create(self, head: Head) -> None:
        """Begin an empty log."""
        values = {
            "id": 1,
            "origin": head.origin,
            "size": head.frontier.size,
            "peaks": b"".join(head.frontier.peaks),
            "checkpoint": head.checkpoint,
            "epoch": head.epoch,
            "lease_until_ms": 0,
        }
        with self.engine.begin() as connection:
            connection.execute(insert(log_head).values(values))

    @property
    def url(self) -> str:
        """Where the database is, for messages: without a password."""
        return self.engine.url.render_as_string()

    def holds_log(self) -> bool:
        """True where a log was begun here."""
        with self._reading() as connection:
            return connection.execute(select(log_head.c.id)).first() is not None

    def head(self) -> Head:
        """The head. Raises VerificationError `log-damaged` where there is none that could be right."""
        with self._reading() as connection:
            return _head(connection)

    def take_lease(self, holder: str, now_ms: int, until_ms: int) -> Head:
        """Become the writer where nobody is, or whose lease has run out. Raises LeaseHeld."""
        with self.engine.begin() as connection:
            head = _head(connection, lock=True)
            if head.holder not in {None, holder} and head.lease_until_ms > now_ms:
                raise LeaseHeld(str(head.holder), head.lease_until_ms)
            taken = {"epoch": head.epoch + 1, "holder": holder, "lease_until_ms": until_ms}
            connection.execute(update(log_head).values(taken))
        return msgspec.structs.replace(head, **taken)

    def renew_lease(self, head: Head, until_ms: int) -> None:
        """Stay the writer. Raises LeaseLost."""
        self._touch(head, {"lease_until_ms": until_ms})

    def give_up_lease(self, head: Head) -> None:
        """Let others write at once. Raises LeaseLost."""
        self._touch(head, {"holder": None, "lease_until_ms": 0})

    def _touch(self, head: Head, values: dict[str, Any]) -> None:
        with self.engine.begin() as connection:
            mine = update(log_head).where(log_head.c.epoch == head.epoch).values(values)
            if connection.execute(mine).rowcount != 1:
                raise LeaseLost

    def commit(self, before: Head, after: Head, added: Sequence[New]) -> None:
        """Leaves, root and signed checkpoint in one transaction, where `before` is still the head.

        Entries that waited are taken from those that wait. For one thread. Raises LeaseLost, and nothing was
        written; after any other error it is not known whether it was: the caller must stop.
        """
        first = before.frontier.size
        advanced = {
            "of_epoch": before.epoch,
            "from_size": first,
            "to_size": after.frontier.size,
            "to_peaks": b"".join(after.frontier.peaks),
            "to_checkpoint": after.checkpoint,
            "to_lease": after.lease_until_ms,
        }
        leaves = [
            {"position": first + place, "entry": new.entry, "pending": new.pending}
            for place, new in enumerate(added)
        ]
        settled = [{"waited": new.pending} for new in added if new.pending is not None]
        openings = _rows(one for new in added for one in new.openings)
        with self._quick.transaction() as cursor:
            if self._advance.run(cursor, advanced) != 1:
                raise LeaseLost
            self._add.run_each(cursor, leaves)
            if settled:
                self._settle.run_each(cursor, settled)
            if openings:
                self._open.run_each(cursor, openings)

    def problems(self) -> list[str]:
        """What the database itself finds wrong with its files. PostgreSQL is not asked."""
        if self.engine.dialect.name != "sqlite":
            return []
        with self._reading() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars().all()
        return [str(one) for one in found if one != "ok"]

    def tidy(self, *, whole: bool = False) -> None:
        """Bring what SQLite's journal holds into the database file, beside whoever writes; else it grows.

        Where the writer did it, every thousand pages, whoever waits for that batch would wait for the disk.
        whole: of a journal that was left by a crash. After a flush that failed, its newest pages may be in
        the machine's memory alone, and no later flush would write them; this writes all of them again.
        """
        write_journal_back(self.engine, whole=whole)

    def close(self) -> None:
        """Let every connection go."""
        self._quick.close()
        self.engine.dispose()

    def waiting(self, count_max: int) -> list[New]:
        """The entries that wait, the oldest first."""
        query = select(log_pending.c.number, log_pending.c.entry).order_by(log_pending.c.number)
        with self._reading() as connection:
            rows = connection.execute(query.limit(count_max))
            return [New(_blob(entry), pending=number) for number, entry in rows]

    def waiting_count(self) -> int:
        """How many entries wait."""
        with self._reading() as connection:
            return int(connection.execute(select(func.count()).select_from(log_pending)).scalar_one())

    def position_of(self, pending: int) -> int | None:
        """Where the entry stands that waited under this number; None while it waits."""
        query = select(log_leaf.c.position).where(log_leaf.c.pending == pending)
        with self._reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    def are_settled(self, pendings: Sequence[int]) -> bool:
        """True where all that waited under these numbers stands in the log."""
        query = select(func.count()).select_from(log_leaf).where(log_leaf.c.pending.in_(pendings))
        with self._reading() as connection:
            return int(connection.execute(query).scalar_one()) == len(set(pendings))

    def entries(self, begin: int, end: int) -> Iterator[bytes]:
        """The entries at [begin, end), in order. Raises VerificationError `log-damaged` where one lacks."""
        for start in range(begin, end, READ_AT_ONCE):
            stop = min(start + READ_AT_ONCE, end)
            query = (
                select(log_leaf.c.entry)
                .where(log_leaf.c.position >= start, log_leaf.c.position < stop)
                .order_by(log_leaf.c.position)
            )
            with self._reading() as connection:
                found = [_blob(entry) for entry in connection.execute(query).scalars()]
            if len(found) != stop - start:
                message = f"{stop - start - len(found)} of the entries {start} to {stop - 1} are missing"
                raise VerificationError("log-damaged", message)
            yield from found

    def openings(self, commitments: Iterable[str]) -> list[Opening]:
        """What these commitments stand for, as far as it was not erased."""
        query = select(log_opening.c.name, log_opening.c.salt, log_opening.c.value)
        with self._reading() as connection:
            rows = connection.execute(query.where(log_opening.c.commitment.in_(list(commitments))))
            return [Opening(name, salt, json.loads(value)) for name, salt, value in rows]

    def erase(self, commitments: Sequence[str]) -> int:
        """Destroy what these commitments stand for; how many there were. Raises NotErased `still-read`."""
        return erase(self.engine, commitments)

    def _reading(self) -> Connection:
        return self.engine.connect().execution_options(**READS)


def _head(connection: Connection, *, lock: bool = False) -> Head:
    query = select(log_head)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    if row is None:
        raise VerificationError("log-damaged", "the database holds no head of a log")
    peaks, size = _blob(row["peaks"]), _whole(row["size"])
    if len(peaks) != HASH_BYTES * size.bit_count():
        raise VerificationError("log-damaged", "the head of the log does not fit its size")
    hashes = tuple(peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES))
    return Head(
        str(row["origin"]),
        Frontier(size, hashes),
        _blob(row["checkpoint"]),
        _whole(row["epoch"]),
        row["holder"],
        _whole(row["lease_until_ms"]),
    )


def check_new(new: New) -> None:
    """The database can hold it, and a bundle too; in the writer's hands it would stop the log for everybody.

    Raises InputError `bad-entry`.
    """
    if len(new.entry) > ENTRY_BYTES_MAX:
        raise InputError("bad-entry", f"the entry is longer than {ENTRY_BYTES_MAX:,} bytes")
    try:
        for row in _rows(new.openings):
            if b"\0" in "".join(row.values()).encode():
                raise InputError("bad-entry", f"the name {row['name']!r} holds a zero byte")
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError("bad-entry", f"a private value cannot be stored: {error}") from error


def _blob(value: object) -> bytes:
    """Bytes as they were stored. A flipped bit can turn them into text or a number."""
    if not isinstance(value, bytes):
        raise VerificationError("log-damaged", "the database holds something else where bytes were stored")
    return value


def _whole(value: object) -> int:
    """A number as it was stored, likewise."""
    if not isinstance(value, int) or value < 0:
        raise VerificationError("log-damaged", "the database holds something else where a number was stored")
    return value


def in_log(entry: ColumnElement[int]) -> Exists:
    """SQL: the entry that waited under this number stands in the log, so what its row opens is in effect."""
    return exists(select(log_leaf.c.position).where(log_leaf.c.pending == entry))


def add_waiting(connection: Connection, new: New, *, even_full: bool = False) -> int:
    """Store an entry that waits, in the transaction of the change that it tells of; return its number.

    even_full: of what closes something, which happens whether or not the log takes it today
    Raises InputError `bad-entry`, TooManyWaiting where nobody takes what waits.
    """
    check_new(new)
    oldest, newest = connection.execute(_WAITING_SPAN).one()
    if oldest is not None and newest - oldest >= WAITING_MAX and not even_full:
        raise TooManyWaiting
    number = connection.execute(insert(log_pending).values(entry=new.entry)).inserted_primary_key
    store_openings(connection, new.openings)
    assert number is not None
    return int(number[0])


def store_openings(connection: Connection, openings: Iterable[Opening]) -> None:
    """Keep what commitments stand for, in the transaction of their entry."""
    rows = _rows(openings)
    if rows:
        connection.execute(_once(connection.dialect.name), rows)


def _once(dialect: str) -> Insert:
    """Keeps an opening. One that is there stays: equal commitments are of equal openings."""
    if dialect == "sqlite":
        return sqlite.insert(log_opening).on_conflict_do_nothing()
    return postgresql.insert(log_opening).on_conflict_do_nothing()


def _rows(openings: Iterable[Opening]) -> list[dict[str, str]]:
    return [
        {
            "commitment": one.commitment(),
            "name": one.name,
            "salt": one.salt,
            "value": json.dumps(one.value, ensure_ascii=False),
        }
        for one in openings
    ]
