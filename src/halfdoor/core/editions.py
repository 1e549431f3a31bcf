"""Editions: one assessment for several readers, under one id and one digest.

`outputs_digest` is the root of a Merkle tree (RFC 9162) with a leaf for each section, in the order of their
names; a leaf is the canonical JSON of [name, salt, value]. An edition that withholds a section states the
hash of its leaf instead, so anybody can check that what is shown belongs to the whole, and nobody learns what
is not. Salts come from everything the assessment was made of: whoever has all that can make the assessment
again, and whoever has not cannot try out values for what is withheld.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

import msgspec

from halfdoor.core.assessment import Assessment, Edition, Verdict
from halfdoor.core.canonical import canonical_json, sha256_bytes
from halfdoor.core.log.merkle import leaf_hash
from halfdoor.core.log.merkle import root_of as root_of_leaves

if TYPE_CHECKING:
    from collections.abc import Mapping

# Restricted editions (board, regulator) hold everything. The public one leaves out the cheapest ways round:
# what they cost, how they go, and at which prices the answer would turn.
WITHHELD: dict[Edition, tuple[str, ...]] = {
    "board": (),
    "regulator": (),
    "public": (
        "combinations",
        "drivers",
        "flips",
        "graph",
        "security",
        "verdict.binding",
        "verdict.sentences",
    ),
}
_OUTSIDE = frozenset({"edition", "withheld", "salts", "outputs_digest", "verdict"})


def seal(result: Assessment, key: bytes) -> Assessment:
    """Salt every section; the root becomes `outputs_digest`. `key` must not follow from what is published."""
    sections = _sections(result)
    salts = {name: hmac.new(key, name.encode(), hashlib.sha256).hexdigest() for name in sections}
    sealed = msgspec.structs.replace(result, edition="board", withheld={}, salts=salts)
    return msgspec.structs.replace(sealed, outputs_digest=root_of(sealed))


def redact(whole: Assessment, edition: Edition) -> Assessment:
    """The edition: what it withholds stands empty, its leaf's hash under `withheld`, its salt gone."""
    hidden = WITHHELD[edition]
    sections = _sections(whole)
    withheld = {name: _leaf(name, whole.salts[name], sections[name]).hex() for name in hidden}
    of_verdict: dict[str, list[Any]] = {
        name.partition(".")[2]: [] for name in hidden if name.startswith("verdict.")
    }
    return msgspec.structs.replace(
        whole,
        edition=edition,
        withheld={name: f"sha256:{hash_}" for name, hash_ in withheld.items()},
        salts={name: salt for name, salt in whole.salts.items() if name not in hidden},
        verdict=msgspec.structs.replace(whole.verdict, **of_verdict),
        **{name: [] for name in hidden if "." not in name},
    )


def root_of(edition: Assessment) -> str:
    """The root that an edition's sections and withheld hashes give, as `sha256:…`; empty where it has gaps.

    A withheld section must stand empty: something in its place would be shown without being proved.
    """
    sections = _sections(edition)
    if set(edition.salts) | set(edition.withheld) != set(sections) or set(edition.salts) & set(
        edition.withheld
    ):
        return ""
    if any(sections[name] for name in edition.withheld):
        return ""
    try:
        leaves = [
            bytes.fromhex(edition.withheld[name].removeprefix("sha256:"))
            if name in edition.withheld
            else _leaf(name, edition.salts[name], value)
            for name, value in sections.items()
        ]
    except ValueError:  # not hexadecimal
        return ""
    return f"sha256:{root_of_leaves(leaves).hex()}"


def salt_key(parts: Mapping[str, Any]) -> bytes:
    """The key of the salts from all inputs together: no digest of a single input gives it away."""
    return bytes.fromhex(sha256_bytes(b"halfdoor/salt/1" + canonical_json(parts)).removeprefix("sha256:"))


def _sections(result: Assessment) -> dict[str, Any]:
    """Name -> JSON value, sorted by name. The verdict is told in parts, so that one can be withheld."""
    top = {f: getattr(result, f) for f in Assessment.__struct_fields__ if f not in _OUTSIDE}
    verdict = {f"verdict.{f}": getattr(result.verdict, f) for f in Verdict.__struct_fields__}
    return {
        name: msgspec.to_builtins(value, str_keys=True) for name, value in sorted({**top, **verdict}.items())
    }


def _leaf(name: str, salt: str, value: object) -> bytes:
    return leaf_hash(canonical_json([name, salt, value]))
