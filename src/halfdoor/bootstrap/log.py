"""A home's log: its stores, its keys, its running writer."""

from __future__ import annotations

import logging
import os
import shutil
import socket
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from halfdoor.adapters.clock import SystemClock
from halfdoor.adapters.keys import CommandSigner, load_key, passphrase
from halfdoor.adapters.log_folder import LogFolder
from halfdoor.adapters.witness_client import HttpWitness
from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.cose import key_id
from halfdoor.core.log.events.base import SCHEMA
from halfdoor.core.log.events.oversight import KeyAdded, KeyRetired, LogOpened
from halfdoor.core.log.keys import Kind, VerifierKey, parse_verifier_key
from halfdoor.core.log.merkle import Frontier
from halfdoor.core.log.note import NOTE_BYTES_MAX, parse_note
from halfdoor.core.log.quorum import parse_quorum
from halfdoor.services.home import only_ours, read_home
from halfdoor.services.log.check import Checked, check_log
from halfdoor.services.log.cosign import Cosigners
from halfdoor.services.log.publish import Publisher
from halfdoor.services.log.signing import NoteKey, own_checkpoint, signed_checkpoint
from halfdoor.services.log.start import check_start
from halfdoor.services.log.writer import Limits, LogWriter
from halfdoor.services.model_signature import ModelKey
from halfdoor.settings import FILE
from halfdoor.store.engine import database_errors, open_engine, sqlite_file
from halfdoor.store.latest import LatestStore
from halfdoor.store.log import Head, LeaseHeld, LeaseLost, LogStore
from halfdoor.store.migrate import check_schema, migrate

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from halfdoor.adapters.keys import Public
    from halfdoor.ports import Clock, Signer
    from halfdoor.services.home import Home
    from halfdoor.settings import Key

T = TypeVar("T")
_LOGGER = logging.getLogger("halfdoor.log")
MEGABYTE = 1_000_000
WITNESSED_SECONDS = 1.0  # between publications that witnesses are asked for


def open_home(folder: Path) -> Home:
    """A home as it lies on the disk. Raises InputError."""
    return read_home(folder)


def verifier_keys(home: Home) -> tuple[VerifierKey, ...]:
    """The keys that verify this log's checkpoints. Raises InputError `bad-key`."""
    return tuple(_verifier(home, key) for key in home.settings.note_key)


def note_keys(home: Home) -> tuple[NoteKey, ...]:
    """The keys that sign this log's checkpoints. Raises InputError where one cannot be used."""
    return tuple(NoteKey(_verifier(home, key), _note_signer(home, key)) for key in home.settings.note_key)


def _verifier(home: Home, key: Key) -> VerifierKey:
    where = f"{home.folder / FILE}, note_key"
    verifier = parse_verifier_key(key.public, where=where)
    if verifier.kind is not Kind.ED25519 or verifier.name != home.settings.origin:
        message = f"the note key must be an Ed25519 key named {home.settings.origin}"
        raise InputError("bad-key", message, where=where)
    return verifier


def _note_signer(home: Home, key: Key) -> Signer:
    return _signer(home, key, ed25519.Ed25519PublicKey.from_public_bytes(_verifier(home, key).public))


def receipt_public(home: Home) -> ec.EllipticCurvePublicKey:
    """The key that verifies this log's receipts. Raises InputError `bad-key`."""
    return _p256(home, home.settings.receipt_key)


def _p256(home: Home, key: Key) -> ec.EllipticCurvePublicKey:
    place = home.place(key.public)
    try:
        public = load_pem_public_key(place.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError("bad-key", "this is no public key", where=str(place)) from error
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise InputError("bad-key", "this must be a P-256 key", where=str(place))
    return public


def receipt_signer(home: Home) -> Signer:
    """What signs receipts. Raises InputError where it cannot be used."""
    return _signer(home, home.settings.receipt_key, receipt_public(home))


def model_signer(home: Home) -> ModelKey | None:
    """What signs models; None where the home has no such key. Raises InputError where it cannot be used."""
    key = home.settings.model_key
    if key is None:
        return None
    public = _p256(home, key)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return ModelKey(_signer(home, key, public), pem)


def _signer(home: Home, key: Key, public: Public) -> Signer:
    """The key's file, or the command of its service; its public half must be the one that others know."""
    where = f"{home.folder / FILE}, {key.public[:60]}"
    if bool(key.file) == bool(key.command):
        remedy = "name a `file`, or the `command` of a key service"
        raise InputError("bad-key", "a key has either a file or a command", where=where, remedy=remedy)
    if key.command:
        return CommandSigner(key.command, public)
    signer = load_key(home.place(key.file), passphrase())
    if signer.public != public:
        message = "this private key does not belong to the public key in the settings"
        raise InputError("bad-key", message, where=str(home.place(key.file)))
    return signer


def log_store(home: Home) -> LogStore:
    """The log's tables, as this version has them.

    Raises InputError `no-database`, `needs-migration`, DatabaseFailed, VerificationError `triggers-missing`.
    """
    _check_there(home.url(home.settings.database))
    return _opened(home.url(home.settings.database), _checked_store)


def latest_store(home: Home) -> LatestStore:
    """The second store. Raises InputError `bad-database`, DatabaseFailed."""
    return _opened(home.url(home.settings.latest), LatestStore)


def _checked_store(engine: Engine) -> LogStore:
    check_schema(engine)
    return LogStore(engine)


def _check_there(url: str) -> None:
    """SQLite makes the file of a database that is not there, and it would look like a new one."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        remedy = "is its disk mounted? Bring it back; an old copy will be noticed"
        raise InputError("no-database", "the database is not there", where=str(file), remedy=remedy)


def _opened(url: str, make: Callable[[Engine], T]) -> T:
    """What `make` makes of a durable engine; where it fails, the engine is closed."""
    engine = open_engine(url, durable=True)
    with database_errors(url):
        try:
            return make(engine)
        except BaseException:
            engine.dispose()
            raise


@contextmanager
def stores(home: Home) -> Iterator[tuple[LogStore, LatestStore]]:
    """The log's tables and the second store, closed at the end. Raises as each of the two, DatabaseFailed."""
    with (
        database_errors(home.url(home.settings.database)),
        closing(log_store(home)) as store,
        closing(latest_store(home)) as latest,
    ):
        yield store, latest


def public_folder(home: Home) -> LogFolder:
    """The folder that is served. Raises InputError `no-log` where it is not there."""
    place = home.place(home.settings.public)
    if not place.is_dir():
        remedy = "is its disk mounted? An empty folder in its place is filled anew from the database"
        raise InputError("no-log", "the public folder is not there", where=str(place), remedy=remedy)
    return LogFolder(place)


def begin_log(home: Home) -> None:
    """Make the tables and the empty tree of a new log, signed, in both stores.

    Raises InputError `origin-taken`, `not-empty`, DatabaseFailed.
    """
    for setting in (home.settings.database, home.settings.latest):
        only_ours(home.url(setting))
    migrate_home(home)
    origin = home.settings.origin
    head = Head(origin, Frontier(), signed_checkpoint(origin, Frontier(), note_keys(home)), epoch=0)
    with stores(home) as (store, latest):
        if store.holds_log():
            remedy = "one database holds one log: give this one a database of its own"
            raise InputError("not-empty", "there is a log in it", where=home.settings.database, remedy=remedy)
        if not latest.swap(origin, None, head.checkpoint):
            message = f"the second store knows a log {origin} already"
            remedy = "one origin is one log for ever: choose another origin, or open the home of that log"
            raise InputError("origin-taken", message, where=home.settings.latest, remedy=remedy)
        store.create(head)


def cosigners(home: Home, files: LogFolder, report: Callable[[str], None]) -> Cosigners | None:
    """The witnesses of the home's policy; None where it names no policy.

    Raises InputError where the policy cannot be read, is of another log, or could never be met.
    """
    if not home.settings.witnesses:
        return None
    file = home.place(home.settings.witnesses)
    try:
        quorum = parse_quorum(file.read_bytes(), where=str(file))
    except OSError as error:
        raise InputError("unreadable", f"cannot read it: {error.strerror}", where=str(file)) from error
    own = verifier_keys(home)
    if quorum.logs and not any(party.key in own for party in quorum.logs):
        raise InputError(
            "bad-witness-policy", "the policy is of another log than this home's", where=str(file)
        )
    asked = [HttpWitness(one.key, one.url) for one in quorum.witnesses.values() if one.url]
    if not quorum.is_met_by({one.key for one in asked}):
        remedy = "write each witness's address behind its key"
        message = "the witnesses that have an address are too few for the quorum"
        raise InputError("bad-witness-policy", message, where=str(file), remedy=remedy)
    return Cosigners(asked, quorum, files, report)


@contextmanager
def writing(
    home: Home,
    *,
    limits: Limits | None = None,
    advance: Callable[[int], None] = lambda _: None,
    report: Callable[[str], None] = _LOGGER.warning,
) -> Iterator[LogWriter]:
    """The home's log, being written by this process until the end of the block; then all is published.

    advance: told of entries that are looked at before the start
    report:  told of what is amiss and does not stop the log, such as a witness that does not answer
    Raises LeaseHeld where another process writes, VerificationError where going on would not be right.
    """
    if limits is None:
        limits = Limits(
            free_bytes_min=home.settings.free_megabytes_min * MEGABYTE,
            publish_seconds=WITNESSED_SECONDS if home.settings.witnesses else Limits().publish_seconds,
        )
    clock, files, keys = SystemClock(), public_folder(home), note_keys(home)
    cosign = cosigners(home, files, report)
    verifiers = tuple(key.verifier for key in keys)
    with closing(log_store(home)) as store, closing(latest_store(home)) as latest:
        with database_errors(store.url), _lease(store, clock, limits.lease_seconds) as (head, keep):

            def step(count: int) -> None:
                advance(count)
                keep()

            store.tidy(whole=True)
            latest.tidy()
            edge = check_start(head, store=store, latest=latest, files=files, keys=verifiers, advance=step)
            published = files.read("checkpoint", NOTE_BYTES_MAX)
            if cosign is not None and published is not None:
                cosign.check_start(parse_note(published), head.frontier.size)
        writer = LogWriter(
            store=store,
            latest=latest,
            publisher=Publisher(store, files, verifiers, edge, cosign),
            head=head,
            keys=keys,
            clock=clock,
            free_bytes=free_bytes_of(home),
            limits=limits,
        )
        writer.start()
        try:
            yield writer
        finally:
            writer.stop()


@contextmanager
def _lease(store: LogStore, clock: Clock, seconds: float) -> Iterator[tuple[Head, Callable[[], None]]]:
    """The head under a lease, and what renews it. Given up after an error; else it stays.

    Raises LeaseHeld, also where somebody took over within the block: what seemed wrong then is only newer.
    """

    def until_ms() -> int:
        return int((clock.now().timestamp() + seconds) * 1000)

    holder = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
    head = store.take_lease(holder, int(clock.now().timestamp() * 1000), until_ms())
    try:
        yield head, lambda: store.renew_lease(head, until_ms())
    except BaseException as error:
        newer = _given_up(store, head)
        if newer is not None and isinstance(error, LeaseLost | VerificationError):
            raise LeaseHeld(str(newer.holder), newer.lease_until_ms) from error
        raise


def _given_up(store: LogStore, head: Head) -> Head | None:
    """Give up a lease after an error; the head of who has taken over, where somebody has."""
    with suppress(Exception):
        now = store.head()
        if now.epoch != head.epoch:
            return now
        store.give_up_lease(head)
    return None


def free_bytes_of(home: Home) -> Callable[[], int]:
    """How to find what room is left, on the fullest of the disks that the log is written to."""
    urls = (home.url(home.settings.database), home.url(home.settings.latest))
    places = [home.place(home.settings.public), *(file.parent for url in urls if (file := sqlite_file(url)))]
    return lambda: min(shutil.disk_usage(place).free for place in places)


def check_home(home: Home, advance: Callable[[int], None] = lambda _: None) -> Checked:
    """Hold all that the home keeps of its log against each other. Raises where it cannot be read."""
    with stores(home) as (store, latest):
        return check_log(store, latest, public_folder(home), verifier_keys(home), advance)


def adopt(home: Home) -> int:
    """Have a second store that knows nothing of the log begin with the database's checkpoint; its size.

    Raises InputError `not-empty` where it knows the log.
    """
    with stores(home) as (store, latest):
        head = store.head()
        own_checkpoint(head.checkpoint, head.origin, verifier_keys(home), "the database")
        if not latest.swap(head.origin, None, head.checkpoint):
            where = home.settings.latest
            raise InputError("not-empty", "the second store knows this log; it is not lost", where=where)
    return head.frontier.size


def migrate_home(home: Home) -> None:
    """Bring the home's database to this version's tables. Raises DatabaseFailed."""
    url = home.url(home.settings.database)
    _check_there(url)
    engine = open_engine(url, durable=True)
    try:
        with database_errors(url):
            migrate(engine)
    finally:
        engine.dispose()


def keys_event(home: Home, now: dt.datetime) -> LogOpened | KeyAdded:
    """What the log is told of the newest keys: as its first entry, or as a change."""
    with closing(log_store(home)) as store:
        kind = KeyAdded if store.head().frontier.size else LogOpened
    return kind(
        schema=SCHEMA,
        at=now,
        note_key=verifier_keys(home)[0].key_id.hex(),
        receipt_key=f"sha256:{key_id(receipt_public(home)).hex()}",
    )


def retired_event(home: Home, now: dt.datetime) -> KeyRetired:
    """What the log is told when the older note key is retired.

    Raises InputError `not-rotating`, VerificationError where something that the log stands on is not signed
    by the newest key yet: it could not be verified once the old key is gone.
    """
    newest, *older = verifier_keys(home)
    if not older:
        remedy = "make a new one first: halfdoor home rotate-key --home DIR"
        raise InputError("not-rotating", "only one note key signs", where=str(home.folder), remedy=remedy)
    files, origin = public_folder(home), home.settings.origin
    with stores(home) as (store, latest):
        places = (
            ("the database", store.head().checkpoint),
            ("the second store", latest.load(origin)),
            (files.name, files.read("checkpoint", NOTE_BYTES_MAX)),
        )
    for place, data in places:
        if data is not None:
            own_checkpoint(data, origin, (newest,), place)
    return KeyRetired(schema=SCHEMA, at=now, note_key=older[-1].key_id.hex())
