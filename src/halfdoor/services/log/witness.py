"""Being a witness of logs (C2SP tlog-witness): cosign what extends the tree seen last, and nothing else.

A cosignature says that its maker has seen no other tree of this log. So what was seen is on the disk before
anything is signed, and of two requests that start from the same tree one is refused.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ed25519, mldsa

from halfdoor.adapters.keys import FileSigner, create_key, load_key, passphrase
from halfdoor.core.errors import InputError
from halfdoor.core.log.keys import Kind, VerifierKey, cosigned_message
from halfdoor.core.log.note import Signature, is_key_name
from halfdoor.core.log.witnessing import Request, Seen, WitnessConflict, admitted, origin_of
from halfdoor.store.engine import open_engine
from halfdoor.store.witnessed import WitnessedStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from halfdoor.ports import Clock, Signer

KEY_FILE = "witness.pem"
PUBLIC_FILE = "witness.vkey"
DATABASE_FILE = "witnessed.sqlite3"
NAME_BYTES_MAX = 255


class Witness:
    """A witness: its key, the logs that it knows, and what it has seen of them. Safe for threads."""

    def __init__(
        self,
        key: VerifierKey,
        signer: Signer,
        logs: Mapping[str, Sequence[VerifierKey]],
        store: WitnessedStore,
        clock: Clock,
    ) -> None:
        """`logs`: by origin, the keys that may sign its checkpoints."""
        self.key = key
        self.logs = logs
        self._signer = signer
        self._store = store
        self._clock = clock

    def close(self) -> None:
        """Let the database go."""
        self._store.close()

    def cosign(self, request: Request) -> Signature:
        """Cosign a checkpoint. Raises WitnessConflict, Refusal, HalfdoorError `cannot-sign`."""
        origin = origin_of(request, self.logs)
        seen = self._store.seen(origin)
        checkpoint = admitted(request, seen)
        new = Seen(checkpoint.size, checkpoint.root)
        if not self._store.advance(origin, seen, new, request.checkpoint.encode()):
            raise WitnessConflict(self._store.seen(origin).size)
        time = int(self._clock.now().timestamp())
        signature = self._signer.sign(cosigned_message(self.key, request.checkpoint.text, time))
        return Signature(self.key.name, self.key.key_id, struct.pack(">Q", time) + signature)


def open_witness(
    state: Path, name: str, logs: Mapping[str, Sequence[VerifierKey]], clock: Clock, *, ml_dsa: bool = False
) -> Witness:
    """The witness of a folder. Raises as `witness_key`."""
    key, signer = witness_key(state, name, ml_dsa=ml_dsa)
    store = WitnessedStore(open_engine(f"sqlite:///{state / DATABASE_FILE}", durable=True))
    return Witness(key, signer, logs, store, clock)


def by_origin(keys: Iterable[VerifierKey]) -> dict[str, list[VerifierKey]]:
    """The logs that these keys sign for: a log's key is named as its origin."""
    logs: dict[str, list[VerifierKey]] = {}
    for key in keys:
        logs.setdefault(key.name, []).append(key)
    return logs


def witness_key(state: Path, name: str, *, ml_dsa: bool) -> tuple[VerifierKey, FileSigner]:
    """The witness's key in its folder, made there on the first run.

    Raises InputError: `bad-name`, `another-key` where the folder holds the key of another witness, and as
    `create_key` and `load_key` do.
    """
    if not is_key_name(name) or len(name.encode()) > NAME_BYTES_MAX:
        remedy = "use a name like an address without https://, for example witness.example.org/w1"
        raise InputError("bad-name", f"{name!r} cannot name a witness", remedy=remedy)
    path, secret = state / KEY_FILE, passphrase()
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError("cannot-write", f"cannot make it: {error.strerror}", where=str(state)) from error
    if not path.exists():
        create_key(path, "ml-dsa-44" if ml_dsa else "ed25519", secret)
    signer = load_key(path, secret)
    public = signer.public
    if isinstance(public, ed25519.Ed25519PublicKey):
        key = VerifierKey(name, Kind.COSIGNATURE, public.public_bytes_raw())
    elif isinstance(public, mldsa.MLDSA44PublicKey):
        key = VerifierKey(name, Kind.COSIGNATURE_ML_DSA, public.public_bytes_raw())
    else:
        raise InputError("bad-key", "a witness signs with Ed25519 or ML-DSA-44", where=str(path))
    _check_same(state / PUBLIC_FILE, key, ml_dsa=ml_dsa)
    return key, signer


def _check_same(path: Path, key: VerifierKey, *, ml_dsa: bool) -> None:
    """Others know the witness by this line, so it must not change unnoticed."""
    line = f"{key}\n"
    if not path.exists():
        path.write_text(line, encoding="utf-8")
    known = path.read_text(encoding="utf-8")
    if known != line or ml_dsa != (key.kind is Kind.COSIGNATURE_ML_DSA):
        message = f"this folder is that of {known.strip()[:120]}"
        remedy = "keep --name and --ml-dsa as they were, or give a new witness a folder of its own"
        raise InputError("another-key", message, where=str(path), remedy=remedy)
