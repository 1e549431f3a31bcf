"""A home with something in it: a person, a published version, a grant, a token, a delivery."""

import datetime as dt
import hashlib
import json

import msgspec
from sqlalchemy import insert, update

from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.working import working
from halfdoor.core.canonical import sha256_bytes
from halfdoor.core.log.events.access import (
    FileBegun,
    GrantIssued,
    GrantRenewed,
    GrantRevoked,
    OrganisationAdded,
    PersonInvited,
    TokenIssued,
)
from halfdoor.core.log.events.openness import VersionRegistered
from halfdoor.services.commit import milliseconds
from halfdoor.store.tables.access import access_grant, delivery
from halfdoor.store.tables.models import document, version, version_file
from halfdoor.store.tables.people import organisation, person, token

WEIGHTS = b"weights of a very small model" * 100
WEIGHTS_DIGEST = f"sha256:{hashlib.sha256(WEIGHTS).hexdigest()}"


class Filled(msgspec.Struct):
    """Ids of what is in it."""

    organisation: str = ""
    person: str = ""
    version: str = ""
    grant: str = ""
    token: str = ""
    delivery: str = ""


def fill(home):
    """Put one of each into a home, through its own write path; the ids."""
    made = Filled()
    blobs_of(home).put(WEIGHTS_DIGEST, len(WEIGHTS), iter([WEIGHTS]))
    with working(home) as commits:
        with commits.change() as change:
            _people(change, made)
            _version(change, made)
            _grant(change, made)
        with commits.closing() as change:
            renewed = change.now + dt.timedelta(days=60)
            entry = change.tell(GrantRenewed, grant=made.grant, until=renewed)
            rows = update(access_grant).where(access_grant.c.id == made.grant)
            values = {"renewed_until_ms": milliseconds(renewed), "renewed_entry": entry}
            change.connection.execute(rows.values(values))
    return made


def revoke(home, made):
    """Revoke the grant, in row and log."""
    with working(home) as commits, commits.closing() as change:
        rows = update(access_grant).where(access_grant.c.id == made.grant)
        change.connection.execute(rows.values(revoked_ms=change.now_ms, revoked_cause="reviewer"))
        change.tell(GrantRevoked, grant=made.grant, cause="reviewer")


def _people(change, made):
    made.organisation, made.person = change.new_id("org"), change.new_id("per")
    entry = change.tell(OrganisationAdded, organisation=made.organisation)
    row = {"id": made.organisation, "name": "A", "added_ms": change.now_ms, "entry": entry}
    change.connection.execute(insert(organisation).values(row))
    entry = change.tell(PersonInvited, person=made.person, organisation=made.organisation)
    row = {"id": made.person, "name": "B", "invited_ms": change.now_ms, "entry": entry}
    change.connection.execute(insert(person).values(row))


def _version(change, made):
    made.version = change.new_id("ver")
    manifest = '{"schema":"halfdoor/manifest/1"}'
    digest = sha256_bytes(manifest.encode())
    row = {"digest": digest, "kind": "manifest", "body": manifest, "stored_ms": change.now_ms}
    change.connection.execute(insert(document).values(row))
    row = {
        "id": made.version,
        "repository": "a/b",
        "label": "1",
        "manifest": digest,
        "sha": digest[7:47],
        "published_ms": change.now_ms,
        "entry": change.tell(VersionRegistered, version=made.version, manifest=digest),
    }
    change.connection.execute(insert(version).values(row))
    row = {
        "version": made.version,
        "path": "model.safetensors",
        "digest": WEIGHTS_DIGEST,
        "size_bytes": len(WEIGHTS),
        "items": json.dumps(["final-parameters"]),
    }
    change.connection.execute(insert(version_file).values(row))


def _grant(change, made):
    made.grant, made.token, made.delivery = (change.new_id(kind) for kind in ("grt", "tok", "dlv"))
    until = change.now + dt.timedelta(days=30)
    entry = change.tell(
        GrantIssued,
        grant=made.grant,
        holder=made.person,
        version=made.version,
        group="vetted",
        items=("final-parameters",),
        until=until,
    )
    row = {
        "id": made.grant,
        "person": made.person,
        "version": made.version,
        "access_group": "vetted",
        "items": '["final-parameters"]',
        "issued_ms": change.now_ms,
        "until_ms": milliseconds(until),
        "networks": "[]",
        "bytes_used": 0,
        "bytes_reserved": 0,
        "downloads_used": 0,
        "entry": entry,
    }
    change.connection.execute(insert(access_grant).values(row))
    entry = change.tell(TokenIssued, token=made.token, grant=made.grant, person=made.person, until=until)
    row = {
        "id": made.token,
        "secret_hash": b"\1" * 32,
        "person": made.person,
        "access_grant": made.grant,
        "issued_ms": change.now_ms,
        "until_ms": milliseconds(until),
        "entry": entry,
    }
    change.connection.execute(insert(token).values(row))
    entry = change.tell(
        FileBegun,
        delivery=made.delivery,
        grant=made.grant,
        version=made.version,
        item="final-parameters",
        file=WEIGHTS_DIGEST,
    )
    row = {
        "id": made.delivery,
        "access_grant": made.grant,
        "token": made.token,
        "version": made.version,
        "path": "model.safetensors",
        "digest": WEIGHTS_DIGEST,
        "first_byte": 0,
        "length_bytes": len(WEIGHTS),
        "offloaded": False,
        "holder": "x",
        "begun_ms": change.now_ms,
        "entry": entry,
    }
    change.connection.execute(insert(delivery).values(row))
