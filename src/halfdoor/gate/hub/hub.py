"""What the answers of the hub have in common: the parts, a moment, the caller, what they see."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from halfdoor.core.canonical import sha256_bytes
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.model.manifest import SIGNATURE
from halfdoor.gate.guard import Guard
from halfdoor.gate.hub.caller import Caller, caller_of
from halfdoor.gate.hub.errors import warning
from halfdoor.gate.hub.telling import Teller
from halfdoor.gate.hub.view import View, look
from halfdoor.services.model_signature import signed
from halfdoor.store.models import FileRow, open_warnings

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection
    from starlette.requests import Request

    from halfdoor.services.parts import Parts


class Question:
    """One request under way: a connection that reads, the moment, and who asks."""

    def __init__(self, hub: Hub, request: Request, connection: Connection, now: dt.datetime) -> None:
        self.hub, self.request, self.connection, self.now = hub, request, connection, now
        self.caller: Caller = caller_of(connection, request, now)

    def look(self, repository: str, revision: str) -> View:
        """As view.look."""
        return look(self.connection, self.caller, repository, revision, self.now)

    def warnings(self, view: View) -> list[tuple[str, str]]:
        """A header for each open flaw of the version. Clients show each topic once."""
        return [
            ("X-HF-Warning", warning(f"{view.repository}: {text}"))
            for text in open_warnings(self.connection, view.version.id)
        ]

    def gated(self, view: View, why: Refused, file: FileRow | None) -> Refused:
        """The refusal with all that helps: which part is open, how to apply."""
        message = self.hub.teller.gated(self.connection, view, why, file, self.now)
        code = why.code
        if code == "gated" and self.caller.kind in {"anonymous", "unknown"}:
            code = "gated-without-token"
        return Refused(code, message)

    def signature(self, view: View, files: Sequence[FileRow]) -> tuple[FileRow, bytes] | None:
        """`model.sig` over those of the files that the caller may have; None where that is nothing.

        It is no file of the version: it opens nothing, and no delivery is logged for it.
        """
        key = self.hub.parts.model_signer
        had = [(one.path, one.digest) for one in files if view.may(one)]
        if key is None or not had:
            return None
        body = signed(key, had, name=f"{view.repository}@{view.version.sha}")
        return FileRow(SIGNATURE, sha256_bytes(body), len(body), ()), body


class Hub:
    """The hub of a home."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.guard = Guard(parts.commits, parts.feed)
        self.teller = Teller(parts.public_url, signs=parts.model_signer is not None)

    @contextmanager
    def asked(self, request: Request) -> Iterator[Question]:
        """A request, until the end of the block. Raises DatabaseFailed."""
        with self.parts.commits.reading() as connection:
            yield Question(self, request, connection, self.parts.commits.now())
