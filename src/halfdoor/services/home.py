"""A home: the folder where an operator keeps keys, settings, database and public log."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import tomlkit
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from halfdoor.adapters.keys import create_key
from halfdoor.adapters.log_folder import flush_folder
from halfdoor.core.errors import InputError
from halfdoor.core.log.keys import Kind, VerifierKey
from halfdoor.core.log.note import is_key_name
from halfdoor.readers.atomic import write_atomically
from halfdoor.readers.toml import read_toml
from halfdoor.settings import FILE, Key, Settings
from halfdoor.store.engine import sqlite_file

ORIGIN_BYTES_MAX = 200
_SQLITE = "sqlite:///"
_TABLES = ("note_key", "receipt_key", "model_key")  # of settings; TOML has them behind all else
_HEAD = """\
# A home of Halfdoor. Everything secret is in keys/; everything public is in log/.
# Paths are below this folder unless they begin with a slash.

"""


class Home(msgspec.Struct, frozen=True):
    """An opened home: its folder (absolute) and its settings."""

    folder: Path
    settings: Settings

    def place(self, name: str) -> Path:
        """The path that a setting names."""
        return self.folder / name

    def url(self, setting: str) -> str:
        """A database URL whose SQLite file is below the home, unless it is absolute."""
        if setting.startswith(_SQLITE) and not setting.startswith(f"{_SQLITE}/"):
            return f"{_SQLITE}{_in_url(self.folder)}/{setting.removeprefix(_SQLITE)}"
        return setting


def _in_url(path: Path) -> str:
    """A path as part of a database's URL, where these two mean something else."""
    return str(path).replace("%", "%25").replace("?", "%3F")


def read_home(folder: Path) -> Home:
    """Open a home. Raises InputError `no-home`, or what is wrong with its settings."""
    file = folder / FILE
    if not file.is_file():
        raise InputError(
            "no-home",
            f"there is no home here: it has no {FILE}",
            where=str(folder),
            remedy=f"make one: halfdoor home init {folder} --origin example.org/releases",
        )
    home = Home(folder.resolve(), read_toml(file, Settings))
    _check_apart(home)
    return home


def _check_apart(home: Home) -> None:
    """Raises InputError `same-database`: a second store in the log's database would be restored with it."""
    places = [home.url(setting) for setting in (home.settings.database, home.settings.latest)]
    files = [file.resolve() for file in map(sqlite_file, places) if file is not None]
    if places[0] == places[1] or (files and files[1:] == files[:1]):
        raise InputError(
            "same-database",
            "the second store is in the log's own database, so an old copy of both would go unnoticed",
            where=f"{home.folder / FILE}, latest",
            remedy="give it a database of its own, best on another disk or machine",
        )


def prepare_home(
    folder: Path, origin: str, *, database: str | None, latest: str | None, secret: bytes | None
) -> Home:
    """Make the folder with keys and settings; the log itself is begun by whoever opens it first.

    database, latest: URLs; None for a file in the home and one beside it
    secret: passphrase of the key files
    Raises InputError `bad-origin`, `not-empty`, `cannot-write`.
    """
    if not is_key_name(origin) or len(origin.encode()) > ORIGIN_BYTES_MAX or "://" in origin:
        raise InputError(
            "bad-origin",
            f"{origin!r} cannot name a log",
            remedy="write a name of yours without scheme, spaces or '+': example.org/releases",
        )
    folder = folder.absolute()
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(
            "not-empty", "there is something here already", where=str(folder), remedy="choose a new folder"
        )
    beside = folder.parent / f"{folder.name}-latest.db"
    if latest is None and beside.exists():
        remedy = f"it may guard a log that was here before; keep it, and pass --latest sqlite:///{beside}.new"
        raise InputError("not-empty", "a second store is here already", where=str(beside), remedy=remedy)
    try:
        (folder / "keys").mkdir(parents=True)
        folder.chmod(0o711)  # a web server passes through to log/, and sees nothing else
        (folder / "keys").chmod(0o700)
        (folder / "log").mkdir()
        (folder / "blobs").mkdir(mode=0o700)  # an operator who has nginx send them lets its group in
        settings = Settings(
            schema="halfdoor/settings/1",
            origin=origin,
            database=database or "sqlite:///halfdoor.db",
            latest=latest or f"{_SQLITE}{_in_url(beside)}",
            note_key=(new_note_key(folder, origin, secret),),
            receipt_key=new_receipt_key(folder, secret),
            model_key=new_model_key(folder, secret),
        )
        home = Home(folder, settings)
        _check_apart(home)
        write_settings(home)
        for place in (folder / "keys", folder, folder.parent):
            flush_folder(place)  # a log whose keys are lost has ended
    except OSError as error:
        raise InputError("cannot-write", f"cannot make it: {error.strerror}", where=str(folder)) from error
    return home


def new_note_key(folder: Path, origin: str, secret: bytes | None) -> Key:
    """Make an Ed25519 key in the home's keys, named by its ID."""
    made = folder / "keys" / "note.new.pem"
    made.unlink(missing_ok=True)  # of an attempt that was cut off: nothing was signed with it
    public = create_key(made, "ed25519", secret)
    assert isinstance(public, ed25519.Ed25519PublicKey)
    verifier = VerifierKey(origin, Kind.ED25519, public.public_bytes_raw())
    name = f"keys/note-{verifier.key_id.hex()}"
    write_atomically(folder / f"{name}.vkey", f"{verifier}\n".encode())
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_atomically(folder / f"{name}.pub.pem", pem)
    made.rename(folder / f"{name}.pem")
    return Key(public=str(verifier), file=f"{name}.pem")


def new_receipt_key(folder: Path, secret: bytes | None) -> Key:
    """Make a P-256 key for receipts in the home's keys, named by a random mark."""
    return _new_p256(folder, "receipt", secret)


def new_model_key(folder: Path, secret: bytes | None) -> Key:
    """Make a P-256 key that signs models, likewise."""
    return _new_p256(folder, "model", secret)


def _new_p256(folder: Path, use: str, secret: bytes | None) -> Key:
    name = f"keys/{use}-{os.urandom(4).hex()}"
    public = create_key(folder / f"{name}.pem", "p256", secret)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    write_atomically(folder / f"{name}.pub.pem", pem)
    return Key(public=f"{name}.pub.pem", file=f"{name}.pem")


def only_ours(url: str) -> None:
    """Have a SQLite database that is about to be made be readable by its owner alone."""
    file = sqlite_file(url)
    if file is not None:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))


def write_settings(home: Home) -> None:
    """Write `home.toml`, whole or not at all. Comments of one that stands there are kept."""
    file = home.folder / FILE
    document = tomlkit.parse(file.read_text("utf-8")) if file.exists() else tomlkit.parse(_HEAD)
    for name in _TABLES:
        document.pop(name, None)
    for name, value in msgspec.to_builtins(home.settings).items():
        if name not in _TABLES and document.get(name) != value:
            document[name] = value
    tables = tomlkit.aot()
    for key in home.settings.note_key:
        tables.append(_table(key))
    document["note_key"] = tables
    document["receipt_key"] = _table(home.settings.receipt_key)
    if home.settings.model_key is not None:
        document["model_key"] = _table(home.settings.model_key)
    # A database's URL may hold a password.
    write_atomically(file, tomlkit.dumps(document).encode(), mode=0o600)


def _table(key: Key) -> tomlkit.items.Table:
    table = tomlkit.table()
    for name, value in msgspec.to_builtins(key).items():
        if value:
            table[name] = value
    return table


def with_new_keys(home: Home, secret: bytes | None) -> Home:
    """Make a new note key, which signs beside the old one, and a new receipt key; write the settings.

    Raises InputError `rotating` where an old key still signs beside the newest.
    """
    settings = home.settings
    if len(settings.note_key) > 1:
        remedy = "retire the older one first: halfdoor home retire-key --home DIR"
        raise InputError("rotating", "two note keys sign already", where=str(home.folder), remedy=remedy)
    changed = msgspec.structs.replace(
        settings,
        note_key=(new_note_key(home.folder, settings.origin, secret), *settings.note_key),
        receipt_key=new_receipt_key(home.folder, secret),
    )
    write_settings(new := Home(home.folder, changed))
    return new


def as_this_version_needs_it(home: Home, secret: bytes | None) -> Home:
    """Add what homes of earlier versions lack: a key that signs models, and the folder for their files."""
    blobs = home.settings.blobs
    if "://" not in blobs and not blobs.startswith("/"):
        home.place(blobs).mkdir(mode=0o700, exist_ok=True)
    if home.settings.model_key is not None:
        return home
    changed = msgspec.structs.replace(home.settings, model_key=new_model_key(home.folder, secret))
    write_settings(new := Home(home.folder, changed))
    return new


def without_old_key(home: Home) -> Home:
    """Only the newest note key signs from now on; write the settings."""
    changed = msgspec.structs.replace(home.settings, note_key=home.settings.note_key[:1])
    write_settings(new := Home(home.folder, changed))
    return new
