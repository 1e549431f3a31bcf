"""Putting the parts together: from a home's settings to stores, keys and a running writer."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from halfdoor.adapters.clock import SystemClock
from halfdoor.adapters.keys import CommandSigner, load_key, passphrase
from halfdoor.adapters.log_folder import LogFolder
from halfdoor.core.errors import InputError
from halfdoor.core.log.keys import Kind, VerifierKey, parse_verifier_key
from halfdoor.core.log.merkle import Frontier
from halfdoor.services.home import read_home
from halfdoor.services.log_publish import Publisher
from halfdoor.services.log_signing import NoteKey, signed_checkpoint
from halfdoor.services.log_start import check_start
from halfdoor.services.log_writer import Limits, LogWriter
from halfdoor.settings import FILE
from halfdoor.store.engine import open_engine
from halfdoor.store.latest import LatestStore
from halfdoor.store.log import Head, LogStore
from halfdoor.store.migrate import check_schema, migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from halfdoor.adapters.keys import Public
    from halfdoor.ports import Signer
    from halfdoor.services.home import Home
    from halfdoor.settings import Key

MEGABYTE = 1_000_000


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
    place = home.place(home.settings.receipt_key.public)
    try:
        public = load_pem_public_key(place.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError("bad-key", "this is no public key", where=str(place)) from error
    if not isinstance(public, ec.EllipticCurvePublicKey):
        raise InputError("bad-key", "the receipt key must be a P-256 key", where=str(place))
    return public


def receipt_signer(home: Home) -> Signer:
    """What signs receipts. Raises InputError where it cannot be used."""
    return _signer(home, home.settings.receipt_key, receipt_public(home))


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
    """The log's tables, as this version has them. Raises InputError `needs-migration` and the like."""
    engine = open_engine(home.url(home.settings.database), durable=True)
    check_schema(engine)
    return LogStore(engine)


def latest_store(home: Home) -> LatestStore:
    """The second store. Raises InputError `bad-database`."""
    return LatestStore(open_engine(home.url(home.settings.latest), durable=True))


def public_folder(home: Home) -> LogFolder:
    """The folder that is served. Raises InputError where it is not there."""
    return LogFolder(home.place(home.settings.public))


def begin_log(home: Home) -> None:
    """Make the tables and the empty tree of a new log, signed, in both stores."""
    engine = open_engine(home.url(home.settings.database), durable=True)
    migrate(engine)
    origin = home.settings.origin
    head = Head(origin, Frontier(), signed_checkpoint(origin, Frontier(), note_keys(home)), epoch=0)
    if not latest_store(home).swap(origin, None, head.checkpoint):
        message = f"the second store knows a log {origin} already"
        remedy = "one origin is one log for ever: choose another origin, or open the home of that log"
        raise InputError("origin-taken", message, where=home.settings.latest, remedy=remedy)
    LogStore(engine).create(head)


@contextmanager
def writing(
    home: Home, *, limits: Limits | None = None, advance: Callable[[int], None] = lambda _: None
) -> Iterator[LogWriter]:
    """The home's log, being written by this process until the end of the block; then all is published.

    advance: told of entries that are looked at before the start
    Raises LeaseHeld where another process writes, VerificationError where going on would not be right.
    """
    limits = limits or Limits(free_bytes_min=home.settings.free_megabytes_min * MEGABYTE)
    store, latest, files, clock = log_store(home), latest_store(home), public_folder(home), SystemClock()
    keys = note_keys(home)
    verifiers = tuple(key.verifier for key in keys)
    now_ms = int(clock.now().timestamp() * 1000)
    holder = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
    head = store.take_lease(holder, now_ms, now_ms + int(limits.lease_seconds * 1000))
    try:
        edge = check_start(head, store=store, latest=latest, files=files, keys=verifiers, advance=advance)
    except BaseException:
        store.give_up_lease(head)
        raise
    writer = LogWriter(
        store=store,
        latest=latest,
        publisher=Publisher(store, files, verifiers, edge),
        head=head,
        keys=keys,
        clock=clock,
        free_bytes=files.free_bytes,
        limits=limits,
    )
    writer.start()
    try:
        yield writer
    finally:
        writer.stop()
        store.close()
