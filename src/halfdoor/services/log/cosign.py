"""Having witnesses cosign what is about to be published, and learning from them what they have seen.

A checkpoint is published once as many witnesses cosigned it as the policy asks for (core/log/quorum.py). A
witness that saw more entries than there are here has seen a newer log than this: that stops everything.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from halfdoor.core.errors import HalfdoorError, VerificationError
from halfdoor.core.log.checkpoint import parse_checkpoint
from halfdoor.core.log.merkle import consistency_proof
from halfdoor.core.log.tiles import TiledTree
from halfdoor.core.log.witnessing import WitnessConflict
from halfdoor.services.log.reading import LogReader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from halfdoor.core.log.keys import VerifierKey
    from halfdoor.core.log.note import Note, Signature
    from halfdoor.core.log.quorum import Quorum
    from halfdoor.ports import LogFiles, Witness

AT_ONCE = 8
ASKED_AGAIN = 2  # a witness that says which size it saw is asked once more from there


class Cosigners:
    """The witnesses of one log, for the one who publishes it. For one thread."""

    def __init__(
        self,
        witnesses: Sequence[Witness],
        quorum: Quorum,
        files: LogFiles,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`files`: has the tiles that proofs are made of. `report`: is told which witness did not answer."""
        self._witnesses, self._quorum, self._files, self._report = witnesses, quorum, files, report
        self._seen: dict[VerifierKey, int] = {}

    def __call__(self, note: Note, size: int) -> Note | None:
        """The note with the witnesses' cosignatures; None where they are too few.

        Raises VerificationError `data-older` or `forked` where a witness saw another log than this.
        """
        if size == 0:
            return note if self._quorum.is_met_by(set()) else None
        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(lambda one: self._ask(one, note, size), self._witnesses))
        keys = {one.key for one, found in zip(self._witnesses, answers, strict=True) if found}
        cosigned = note.with_signatures(signature for found in answers for signature in found)
        return cosigned if self._quorum.is_met_by(keys) else None

    def _ask(self, witness: Witness, note: Note, size: int) -> tuple[Signature, ...]:
        tree = TiledTree(size, LogReader(self._files).tile)
        old = self._seen.get(witness.key, 0)
        for _ in range(ASKED_AGAIN):
            try:
                found = witness.add_checkpoint(old, consistency_proof(old, size, tree.node), note)
                for one in found:
                    witness.key.check(note.text, one.signature)
            except WitnessConflict as conflict:
                _check_seen(witness.key.name, conflict.size, old, size)
                self._seen[witness.key] = old = conflict.size
            except HalfdoorError as error:
                self._report(f"witness {witness.key.name}: {error.message}")
                return ()
            else:
                self._seen[witness.key] = size
                return found
        return ()

    def check_start(self, note: Note, size: int) -> None:
        """Ask every witness with the newest published checkpoint: none may have seen more than `size`.

        One that does not answer says nothing; publishing asks it again. Raises as a call does.
        """
        published = parse_checkpoint(note.text)
        if published.size == 0:
            return
        for witness in self._witnesses:
            try:
                witness.add_checkpoint(published.size, [], note)
            except WitnessConflict as conflict:
                _check_seen(witness.key.name, conflict.size, published.size, size)
                self._seen[witness.key] = conflict.size
            except HalfdoorError as error:
                self._report(f"witness {witness.key.name}: {error.message}")
            else:
                self._seen[witness.key] = published.size


def _check_seen(name: str, seen: int, asked: int, size: int) -> None:
    """A witness answered that it saw another size than it was asked from."""
    if seen > size:
        message = f"witness {name} has cosigned {seen:,} entries, and there are {size:,} here"
        remedy = "this is an old copy: bring back the newest data; going on from it would fork the log"
        raise VerificationError("data-older", message, remedy=remedy)
    if seen == asked:
        message = f"witness {name} has cosigned another tree of {seen:,} entries than the one here"
        raise VerificationError("forked", message, remedy="keep both as evidence; do not go on with either")
