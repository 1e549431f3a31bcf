"""The manifest of a model version: every file by digest, and the items that it belongs to. Names on the hub.

Nothing here becomes a path on a server: files are found by digest, and digests come from the manifest alone.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.canonical import canonical_json, sha256_bytes
from halfdoor.core.errors import InputError
from halfdoor.core.model.signature import IGNORED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SHA_CHARACTERS = 40  # as git's, which is what clients expect
MAIN = "main"
SIGNATURE = "model.sig"  # made when it is asked for; no file of a version may have the name
PATH_BYTES_MAX = 512
_PART = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9])?"
_REPOSITORY = re.compile(rf"{_PART}/{_PART}")
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,95}")
_SHA = re.compile(r"[0-9a-f]{40}")
# Other addresses of the server, and what clients take for another kind of repository.
_RESERVED = frozenset(
    {"api", "datasets", "healthz", "join", "log", "metrics", "models", "oauth", "readyz", "spaces"}
)

Layout = Literal["revisions", "repositories"]


class ManifestItem(msgspec.Struct, frozen=True):
    """An item: its licence, and the digest of its files (core/evidence/binding.py)."""

    id: str
    licence: str | None
    weights: str


class ManifestFile(msgspec.Struct, frozen=True, order=True):
    """A file: POSIX path below the model's folder, digest, size, and the items that it belongs to."""

    path: str
    sha256: str
    bytes: int
    items: tuple[str, ...]


class Manifest(msgspec.Struct, frozen=True):
    """All that makes a version what it is. Files and items in order of path and id."""

    schema: Literal["halfdoor/manifest/1"]
    model: str
    version: str
    developer: str
    items: tuple[ManifestItem, ...]
    variants: tuple[str, ...]
    files: tuple[ManifestFile, ...]

    def encode(self) -> bytes:
        """The canonical JSON."""
        return canonical_json(self)

    @property
    def digest(self) -> str:
        """What names the version, `sha256:…`."""
        return sha256_bytes(self.encode())


class Name(msgspec.Struct, frozen=True):
    """What the hub will resolve: a revision of a repository, for one variant or for all (empty)."""

    repository: str
    revision: str
    variant: str = ""


def sha_of(manifest: str, variant: str = "") -> str:
    """The revision that clients see for a manifest's digest: 40 hexadecimal digits, each variant its own."""
    whole = sha256_bytes(f"{manifest}\n{variant}".encode()) if variant else manifest
    return whole.removeprefix("sha256:")[:SHA_CHARACTERS]


def check_repository(name: str) -> str:
    """The name, where it is one: `namespace/name`, letters, digits, `-`, `_` and `.` inside.

    Raises InputError `bad-repository`.
    """
    if (
        _REPOSITORY.fullmatch(name) is None
        or ".." in name
        or "--" in name
        or name.endswith((".git", ".ipynb"))
        or name.partition("/")[0].lower() in _RESERVED
    ):
        raise InputError(
            "bad-repository",
            f"{name!r} cannot name a repository",
            remedy="write namespace/name with letters, digits, '-', '_' and '.', such as example-lab/small-1",
        )
    return name


def check_label(label: str) -> str:
    """The label, where it can be a revision. Raises InputError `bad-label`."""
    if _LABEL.fullmatch(label) is None or ".." in label or _SHA.fullmatch(label) or label == MAIN:
        raise InputError(
            "bad-label",
            f"the version {label!r} cannot be a revision",
            where="halfdoor.toml, model.version",
            remedy="use letters, digits, '.', '_', '+' and '-'; not 'main', and nothing like a commit",
        )
    return label


def repository_of(developer: str, model: str) -> str:
    """A repository's name made of developer and model. Raises InputError `bad-repository`."""
    return check_repository(f"{_slug(developer)}/{_slug(model)}")


def names(manifest: Manifest, repository: str, layout: Layout) -> list[Name]:
    """Every name that the hub will resolve for the version, besides shas and `main`.

    revisions:    LABEL for all files, LABEL-VARIANT for those of one variant and of none
    repositories: the same label in a repository for each variant, namespace/name-VARIANT
    Raises InputError `bad-label`, `bad-repository`.
    """
    label = check_label(manifest.version)
    found = [Name(repository, label)]
    for variant in manifest.variants:
        if layout == "revisions":
            found.append(Name(repository, check_label(f"{label}-{variant}"), variant))
        else:
            found.append(Name(check_repository(f"{repository}-{variant}"), label, variant))
    return found


def check_paths(paths: Iterable[str]) -> None:
    """Paths that every client can write below a folder of its own, whatever its system.

    Raises InputError `bad-path`.
    """
    seen: dict[str, str] = {}
    for path in paths:
        parts = path.split("/")
        folded = unicodedata.normalize("NFC", path.casefold())
        fault = ""
        if any(part in {"", ".", ".."} for part in parts) or path.startswith("/"):
            fault = "is no path below a folder"
        elif any(one in path for one in "\\:") or any(not character.isprintable() for character in path):
            fault = "holds a character that some systems take for something else"
        elif len(path.encode(errors="surrogatepass")) > PATH_BYTES_MAX:
            fault = f"is longer than {PATH_BYTES_MAX} bytes"
        elif folded.split("/")[0] in IGNORED:
            fault = "has a name that clients, git or the signature need for themselves"
        elif folded in seen:
            fault = f"and {seen[folded]!r} are one file on some systems"
        if fault:
            raise InputError("bad-path", f"{path!r} {fault}", where="halfdoor.toml", remedy="rename the file")
        seen[folded] = path


def manifest_of(
    about: tuple[str, str, str],
    items: Mapping[str, tuple[str | None, str]],
    files: Iterable[tuple[str, str, int, Iterable[str]]],
    variants: Iterable[str],
) -> Manifest:
    """The manifest. about: model, version, developer. items: id -> (licence, digest of its files or empty).

    files: (path, digest, bytes, items). Raises InputError `bad-path`.
    """
    listed = sorted(ManifestFile(path, digest, size, tuple(sorted(own))) for path, digest, size, own in files)
    check_paths(one.path for one in listed)
    model, version, developer = about
    return Manifest(
        schema="halfdoor/manifest/1",
        model=model,
        version=version,
        developer=developer,
        items=tuple(ManifestItem(one, *items[one]) for one in sorted(items)),
        variants=tuple(sorted(variants)),
        files=tuple(listed),
    )


def _slug(words: str) -> str:
    """Words as part of a repository's name."""
    return re.sub(r"[^A-Za-z0-9._]+|\.\.+|--+", "-", words).strip("-._").lower()[:96].rstrip("-._") or "model"
