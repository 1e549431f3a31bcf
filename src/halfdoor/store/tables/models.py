"""Model versions, their files, and the names under which the hub shows them."""

from __future__ import annotations

from sqlalchemy import Table, UniqueConstraint

from halfdoor.store.tables.base import key, metadata, of, text, whole

# Documents that never change, by digest: manifests, questions, assessments, policies, proposals, terms.
document = Table(
    "document",
    metadata,
    key("digest"),  # sha256:… of the bytes
    text("kind"),
    text("body"),
    whole("stored_ms"),
)

# One version of a model, fixed by its manifest.
version = Table(
    "version",
    metadata,
    key(),
    text("repository"),  # namespace/name
    text("label"),  # the version's own name, such as 1.0
    of("manifest", "document.digest"),
    text(
        "sha"
    ),  # the first 40 hexadecimal digits of the manifest's digest: a revision, to Hugging Face clients
    text("published_by", optional=True),
    whole("published_ms"),
    whole("withdrawn_ms", optional=True),
    whole("entry"),
    UniqueConstraint("repository", "label", name="uq_version_repository"),
    UniqueConstraint("manifest", "repository", name="uq_version_manifest"),
)

version_file = Table(
    "version_file",
    metadata,
    of("version", "version.id", primary_key=True),
    key("path"),
    text("digest"),  # sha256:… of the bytes, which lie among the blobs
    whole("size_bytes"),
    text("items"),  # JSON list: the file is open to whom all of these are open
)

# A name that the hub resolves: (repository, revision) -> a version, or one variant of it.
revision = Table(
    "revision",
    metadata,
    key("repository"),
    key("name"),
    of("version", "version.id"),
    text("variant"),  # empty: all files of the version
    text("sha"),  # what clients resolve the name to; each variant has its own
)

# What is known to be wrong with a version, as a warning to whoever downloads it.
flaw = Table(
    "flaw",
    metadata,
    key(),
    of("version", "version.id"),
    text("warning"),
    whole("reported_ms"),
    whole("closed_ms", optional=True),
    whole("entry"),
)
