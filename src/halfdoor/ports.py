"""What the services need of the world outside. Each docstring is the contract its adapters keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator

    from halfdoor.core.log.keys import VerifierKey
    from halfdoor.core.log.note import Note, Signature


class Clock(Protocol):
    """The application's one clock. Safe for threads."""

    def now(self) -> dt.datetime:
        """The time, aware, in UTC. May stand still between two calls; a test's may go anywhere."""


class Signer(Protocol):
    """A private key that signs and never leaves its place. Safe for threads; may take as long as a key
    service takes. A failure raises HalfdoorError `cannot-sign`, and nothing was signed.
    """  # noqa: D205  one sentence after the other

    def sign(self, message: bytes) -> bytes:
        """The signature: Ed25519 raw (64 bytes), ECDSA in DER. What came from elsewhere was verified."""


class LogSource(Protocol):
    """A log's public files, wherever they are served. Safe for threads. What it gives is not trusted."""

    name: str  # for messages: the folder or URL
    at_once: int  # reads that serve it best

    def read(self, path: str, bytes_max: int) -> bytes | None:
        """The file below the log's address, or None where there is none.

        Reads are repeated where the network asks for it. Raises InputError: `unreadable` where it cannot be
        told whether there is one, `too-large` where it is longer than `bytes_max`.
        """


class LogFiles(LogSource, Protocol):
    """A log's public files, for the one who publishes them."""

    def write(self, path: str, data: bytes) -> None:
        """Put a file in place, whole and durable on return: readers see the old one, the new one or none.

        Files other than `checkpoint` are never changed; writing the same again is allowed. Raises OSError,
        and then the caller stops publishing.
        """

    def remove(self, path: str) -> None:
        """Take a file or folder away where there is one. Only for what a full tile replaced."""


class LatestCheckpoint(Protocol):
    """The second place where the newest checkpoint of a log stands, apart from the log's own data.

    Compare-and-swap: it goes from one checkpoint to the next and never back, whoever writes. Whoever restores
    the log's data from an old copy finds here that they are old.
    """

    def load(self, origin: str) -> bytes | None:
        """The newest checkpoint (a signed note), or None where none was ever stored."""

    def swap(self, origin: str, old: bytes | None, new: bytes) -> bool:
        """Put `new` where `old` stands, durable on return. False, and nothing changed, where another stands.

        Raises OSError or the store's own error where it is not known what stands there: the caller stops.
        """


class Witness(Protocol):
    """A witness that can be asked to cosign (C2SP tlog-witness)."""

    key: VerifierKey

    def add_checkpoint(self, old: int, proof: list[bytes], checkpoint: Note) -> tuple[Signature, ...]:
        """Its signatures on the checkpoint, which extends what it saw at size `old`; not verified yet.

        Raises WitnessConflict (core/log/witnessing.py) where it saw another size, HalfdoorError
        `witness-refused` with its reason, `witness-unreachable` where it did not answer.
        """


class Blobs(Protocol):
    """Files by their digest, for ever. Safe for threads and processes.

    A digest is `sha256:` and 64 hexadecimal digits; anything else is a KeyError: names never become paths.
    Where the blobs cannot be reached, every method raises HalfdoorError `blobs-failed`.
    """

    def has(self, digest: str) -> int | None:
        """How many bytes the blob has; None where there is none."""

    def put(self, digest: str, size_bytes: int, chunks: Iterator[bytes]) -> None:
        """Store a blob, whole and durable on return, or not at all; one that is there stays.

        What is stored was hashed on the way: raises InputError `wrong-digest` where it is something else.
        """

    def open(self, digest: str, first: int, count: int) -> Iterator[bytes]:
        """Bytes [first, first + count) in chunks of 1 MiB. FileNotFoundError before the first one."""

    def path(self, digest: str) -> str | None:
        """The path of the blob below its folder, for a server in front; None where blobs are not files."""

    def link(self, digest: str, seconds: int) -> str | None:
        """A link that lets anyone read the blob for so many seconds, at most 60; None: there are none."""

    def all(self) -> Iterator[tuple[str, int]]:
        """Every blob and its size, in no order."""

    def remove(self, digest: str) -> None:
        """Take a blob away that nothing names any more."""
