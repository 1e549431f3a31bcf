"""A witness elsewhere, asked over HTTP (ports.Witness)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from urllib3.exceptions import HTTPError

from halfdoor.adapters.http import Http, checked_url, reason
from halfdoor.core.errors import HalfdoorError, VerificationError
from halfdoor.core.log.checkpoint import parse_checkpoint, parse_decimal
from halfdoor.core.log.note import parse_signatures
from halfdoor.core.log.witnessing import PATH, SIZE_TYPE, Request, WitnessConflict

if TYPE_CHECKING:
    from halfdoor.core.log.keys import VerifierKey
    from halfdoor.core.log.note import Note, Signature

ANSWER_BYTES_MAX = 65_536
SAID_MAX = 200
_OK, _CONFLICT = 200, 409


class WitnessUnavailable(HalfdoorError):  # noqa: N818  what is the matter, not a failure of ours
    """The witness gave no cosignature: `witness-refused` with its reason, `witness-unreachable`."""

    exit_code = 1


class HttpWitness:
    """Keeps the contract of `Witness`. Safe for threads."""

    def __init__(self, key: VerifierKey, url: str) -> None:
        """`url`: its submission prefix. Raises InputError `bad-url`."""
        self.key = key
        self._url = f"{checked_url(url)}/{PATH}"
        self._http = Http()

    def add_checkpoint(self, old: int, proof: list[bytes], checkpoint: Note) -> tuple[Signature, ...]:
        """As the port says."""
        body = Request(old, tuple(proof), checkpoint).encode()
        try:
            answer = self._http.post(self._url, body, ANSWER_BYTES_MAX)
        except HTTPError as error:
            raise WitnessUnavailable("witness-unreachable", reason(error), where=self._url) from error
        said = (answer.data or b"").decode("utf-8", errors="replace")
        if answer.status == _CONFLICT:
            told = answer.content_type.partition(";")[0] == SIZE_TYPE and said.endswith("\n")
            size = parse_decimal(said.removesuffix("\n")) if told else None
            if size is not None:
                raise WitnessConflict(size)
            if old == parse_checkpoint(checkpoint.text).size:
                raise WitnessConflict(old)  # it saw another tree of this size, and has no other words for it
        if answer.status != _OK or answer.data is None:
            raise self._refused(f"it answered {answer.status}: {said.strip()[:SAID_MAX]}")
        return self._signatures(said)

    def _signatures(self, said: str) -> tuple[Signature, ...]:
        try:
            found = parse_signatures(said)
        except VerificationError as error:
            raise self._refused(f"its answer is no signature: {error.message}") from error
        mine = tuple(one for one in found if (one.name, one.key_id) == (self.key.name, self.key.key_id))
        if not mine:
            raise self._refused("it signed with another key than the one it is known by")
        return mine

    def _refused(self, why: str) -> WitnessUnavailable:
        return WitnessUnavailable("witness-refused", why, where=self._url)
