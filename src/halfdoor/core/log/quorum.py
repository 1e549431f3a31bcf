"""Whose cosignatures are enough: the policy file of C2SP tlog-policy, read and applied.

log <vkey> [<url>]
witness <name> <vkey> [<url>]
group <name> <k|any|all> <member> …
quorum <name|none>
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import InputError, VerificationError
from halfdoor.core.log.checkpoint import parse_decimal
from halfdoor.core.log.keys import COSIGNATURES, Kind, VerifierKey, parse_verifier_key, verify_note

if TYPE_CHECKING:
    from collections.abc import Callable

    from halfdoor.core.log.keys import Signed
    from halfdoor.core.log.note import Note

BYTES_MAX = 1_000_000
EACH_MAX = 256  # logs, witnesses, groups; the specification asks for at least 32 of each
NONE = "none"


class Party(msgspec.Struct, frozen=True):
    """A log or a witness: its key, and where it answers (empty where the file does not say)."""

    key: VerifierKey
    url: str = ""


class Group(msgspec.Struct, frozen=True):
    """At least `least` of these members, witnesses or groups, have to vouch."""

    least: int
    members: tuple[str, ...]


class Quorum(msgspec.Struct, frozen=True):
    """A policy: which logs, which witnesses, and how many of whom are enough."""

    logs: tuple[Party, ...]
    witnesses: dict[str, Party]
    groups: dict[str, Group]  # each below its members
    quorum: str  # the name of a witness or group, or "none"

    def is_met_by(self, vouching: set[VerifierKey]) -> bool:
        """True where the witnesses with these keys are enough."""
        met = {NONE: True} | {name: one.key in vouching for name, one in self.witnesses.items()}
        for name, group in self.groups.items():  # its members stand above it
            met[name] = sum(met[member] for member in group.members) >= group.least
        return met[self.quorum]

    def check(self, note: Note) -> list[Signed]:
        """The witnesses that cosigned, where they are enough.

        Raises VerificationError `no-quorum`, or `bad-signature` where a cosignature does not fit.
        """
        keys = [party.key for party in self.witnesses.values()]
        known = {(key.name, key.key_id) for key in keys}
        mine = any((one.name, one.key_id) in known for one in note.signatures)
        signed = verify_note(note, keys) if mine else []
        if not self.is_met_by({one.key for one in signed}):
            count = f"{len(signed)} of {len(keys)} witnesses cosigned"
            raise VerificationError("no-quorum", f"{count}; the policy asks for {self.quorum!r}")
        return signed


class _Reader:
    """Reads line by line; names must stand above where they are used."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.logs: list[Party] = []
        self.witnesses: dict[str, Party] = {}
        self.groups: dict[str, Group] = {}
        self.quorum = ""
        self.number = 0

    def line(self, words: list[str]) -> None:
        known: dict[str, Callable[..., None]] = {
            "log": self._log, "witness": self._witness, "group": self._group, "quorum": self._quorum
        }  # fmt: skip
        try:
            known[words[0]](*words[1:])
        except KeyError as error:
            raise self.bad(f"{words[0]!r} is not log, witness, group or quorum") from error
        except TypeError as error:
            raise self.bad(f"a {words[0]} line has too few words or too many") from error

    def _log(self, vkey: str, url: str = "") -> None:
        key = self._key(vkey)
        if key.kind is Kind.COSIGNATURE:
            raise self.bad("this is the key of a witness, not of a log")
        if any(party.key.public == key.public for party in self.logs):
            raise self.bad("this log's key stands above already")
        self.logs.append(Party(key, url))

    def _witness(self, name: str, vkey: str, url: str = "") -> None:
        key = self._key(vkey)
        if key.kind not in COSIGNATURES:
            raise self.bad("this is not the key of a witness (kind 04 or 06)")
        if any(party.key.public == key.public for party in self.witnesses.values()):
            raise self.bad("this witness's key stands above already")
        self._new(name)
        self.witnesses[name] = Party(key, url)

    def _group(self, name: str, least: str, *members: str) -> None:
        if not members:
            raise self.bad("the group has no members")
        for member in members:
            self._known(member)
        taken = {one for group in self.groups.values() for one in group.members}
        if len(set(members)) < len(members) or taken & set(members):
            raise self.bad("a member may stand in one group only, once")
        count = {"any": 1, "all": len(members)}.get(least) or parse_decimal(least)
        if count is None or not 1 <= count <= len(members):
            raise self.bad(f"{least!r} is not any, all, or a number from 1 to {len(members)}")
        self._new(name)
        self.groups[name] = Group(count, members)

    def _quorum(self, name: str) -> None:
        if self.quorum:
            raise self.bad("there is a quorum line already")
        if name != NONE:
            self._known(name)
        self.quorum = name

    def _key(self, vkey: str) -> VerifierKey:
        try:
            text = vkey.encode("latin-1").decode("utf-8")
        except UnicodeDecodeError as error:
            raise self.bad("the key is not UTF-8") from error
        return parse_verifier_key(text, where=f"{self.where}:{self.number}")

    def _new(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise self.bad(f"the name {name!r} is taken")

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise self.bad(f"no witness or group above is called {name!r}")

    def bad(self, why: str) -> InputError:
        where = f"{self.where}:{self.number}" if self.number else self.where
        return InputError("bad-witness-policy", why, where=where, remedy="see c2sp.org/tlog-policy")


def parse_quorum(data: bytes, *, where: str = "") -> Quorum:
    """Read a policy file. Raises InputError `bad-witness-policy` or `bad-key`, with the line."""
    reader = _Reader(where)
    if len(data) > BYTES_MAX:
        raise reader.bad("it is too long")
    # Names are compared as bytes: latin-1 keeps each as it is.
    text = data.decode("latin-1")
    if any((c < " " and c not in "\t\n") or c == "\x7f" for c in text):
        raise reader.bad("it holds control characters")
    for number, line in enumerate(text.split("\n"), 1):
        reader.number = number
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if words and not words[0].startswith("#"):
            reader.line(words)
        if max(map(len, (reader.logs, reader.witnesses, reader.groups))) > EACH_MAX:
            raise reader.bad(f"there are more than {EACH_MAX} of one kind")
    reader.number = 0
    if not reader.quorum:
        raise reader.bad("no line says which quorum is enough")
    return Quorum(tuple(reader.logs), reader.witnesses, reader.groups, reader.quorum)
