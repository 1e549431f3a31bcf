"""What a refusal says: which part somebody may have and which not, and what to type next. Plain ASCII."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from halfdoor.core.model.manifest import SIGNATURE
from halfdoor.services.basis import basis_of
from halfdoor.store.models import MAIN

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from halfdoor.core.governance.refusal import Refused
    from halfdoor.gate.hub.view import View
    from halfdoor.store.models import FileRow

_LIST_CHARACTERS_MAX = 300  # a header has 4 KB behind some servers, and this text stands in two
_CHARACTERS_MAX = 1500


class Teller:
    """Composes messages for people whose files were refused."""

    def __init__(self, url: str, *, signs: bool) -> None:
        """url: where clients reach this server; signs: there is a `model.sig` for what one may have."""
        self._url, self._signs = url, signs

    def gated(
        self, connection: Connection, view: View, why: Refused, file: FileRow | None, now: dt.datetime
    ) -> str:
        """Why, which part is open to the caller, how to get it, and how to apply for the rest."""
        files = view.files(connection)
        had = [one for one in files if view.may(one)]
        refused = [one for one in files if one not in had]
        said = [self._opening(view, why, file), self._apply(connection, view, file or refused[0], now)]
        if had:
            said.append(f"Of {view.repository} ({view.version.label}) you may have: {_named(had)}.")
        else:
            said.append(f"Of {view.repository} ({view.version.label}) you may have nothing so far.")
        said.append(f"You may not have: {_named(refused)}.")
        if had:
            said.append(f"To get your part, type `{self.part_command(view, had)}`.")
        said.append(_about_token(view))
        return _plain(" ".join(one for one in said if one))

    def part_command(self, view: View, had: Sequence[FileRow]) -> str:
        """What to type for the files that one may have."""
        paths = [shlex.quote(one.path) for one in had] + ([SIGNATURE] if self._signs else [])
        command = f"hf download {view.repository}"
        if view.revision != MAIN:
            command += f" --revision {view.revision}"
        if len(paths) == 1:
            return f"{command} --include {paths[0]}"
        typed = " ".join(paths)
        return f"{command} {typed if len(typed) <= _LIST_CHARACTERS_MAX else 'FILE ...'}"

    @staticmethod
    def _opening(view: View, why: Refused, file: FileRow | None) -> str:
        if why.code != "gated":
            return f"{why.message}: {why.remedy}." if why.remedy else f"{why.message}."
        if file is None:
            return f"{view.repository} is open in parts."
        return f"{file.path} ({', '.join(file.items)}) is not open to you."

    def _apply(self, connection: Connection, view: View, file: FileRow, now: dt.datetime) -> str:
        """The exact command for the group that most people can be in."""
        groups = self._groups(connection, view, file, now)
        if not groups:
            return "Nobody can apply for it at the moment; ask whoever runs this server."
        command = f"halfdoor apply {view.repository} --group {groups[-1]} --server {self._url}"
        return f"To apply for access, type `{command}`."

    @staticmethod
    def _groups(connection: Connection, view: View, file: FileRow, now: dt.datetime) -> list[str]:
        """The groups as which one may apply for all items of the file, the strictest first."""
        basis = basis_of(connection, view.version.id, now)
        if basis is None:
            return []
        having = [view.standing.opened.get(item, frozenset()) for item in file.items]
        return [group for group in basis.askable() if all(group in one for one in having)]


def _about_token(view: View) -> str:
    caller = view.caller
    if caller.kind == "anonymous":
        return "If you were granted access, send the grant's token (`hf auth login`, or HF_TOKEN)."
    if caller.kind == "unknown":
        return "The token that you sent opens nothing: it was revoked, is out of date, or was mistyped."
    if caller.kind == "person":
        return "The token that you sent is your own; files come with the token of a grant."
    grant = None if caller.key is None else caller.key.grant
    if grant is not None and grant.version != view.version.id:
        return "Your grant is for another version or model."
    return ""


def _named(files: Sequence[FileRow]) -> str:
    """Names with their items, such as `config.json (architecture)`; many are cut short."""
    shown: list[str] = []
    for one in files:
        shown.append(f"{one.path} ({', '.join(one.items)})"[:_LIST_CHARACTERS_MAX])
        if len(", ".join(shown)) > _LIST_CHARACTERS_MAX and len(shown) > 1:
            shown.pop()
            break
    more = len(files) - len(shown)
    return (", ".join(shown) + (f" and {more:,} more" if more else "")) or "nothing"


def _plain(text: str) -> str:
    """As a header can hold it."""
    plain = text.encode("ascii", "backslashreplace").decode().replace("\n", " ")
    return plain if len(plain) <= _CHARACTERS_MAX else plain[: _CHARACTERS_MAX - 3] + "..."
