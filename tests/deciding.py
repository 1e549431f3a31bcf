"""A version that a question is about, and the people who decide on it, as the services make them."""

import datetime as dt
import json

import msgspec

from halfdoor.core.canonical import canonical_json
from halfdoor.core.governance.actor import Actor
from halfdoor.core.log.events.access import OrganisationAdded, PersonJoined, RoleGiven
from halfdoor.core.log.events.openness import VersionRegistered
from halfdoor.core.policy.document import Role
from halfdoor.services import decide
from halfdoor.store import people as people_store
from halfdoor.store.models import FileRow, RevisionRow, VersionRow, add_version, put_document
from halfdoor.store.people import PersonRow
from homes import stored
from worlds import DAY, example, score

WEIGHTS = {"final-parameters": "sha256:" + "a" * 64, "model-card": "sha256:" + "c" * 64}
ROLES = (
    Role(name="approver", quorum=2),
    Role(name="outsider", distinct_organisations=True),
    Role(name="overseer", decides=False),
)


class Clock:
    """A clock that stands where a test puts it."""

    def __init__(self, day=DAY):
        self.time = dt.datetime.combine(day, dt.time(12), dt.UTC)

    def now(self):
        return self.time

    def move(self, day):
        self.time = dt.datetime.combine(day, dt.time(0), dt.UTC)


def question(*roles, scope=False, policy=None, **fields):
    """A question whose configuration is permitted: out of scope, or in it but measured to be weak."""
    weak = score(2, weights=WEIGHTS["final-parameters"])
    given = {"claims": (weak,)} if scope else {"compute": 1e22}
    found = example(**({"weights": WEIGHTS} | given | fields))
    changed = msgspec.structs.replace(found.policy, role=roles or ROLES, **(policy or {}))
    return msgspec.structs.replace(found, policy=changed)


def register(commits, about, label="1", weights=None):
    """A version with what the question is about; its id."""
    model = about.dossier.model
    of_item = about.weights if weights is None else weights
    manifest = {
        "schema": "halfdoor/manifest/1",
        "model": model.name,
        "version": model.version,
        "developer": model.developer,
        "items": [
            {"id": i.id, "licence": i.licence, "weights": of_item.get(i.id)} for i in about.dossier.item
        ],
        "variants": [],
        "files": [],
        "label": label,  # so that two versions of one model differ
    }
    with commits.change() as change:
        one = change.new_id("ver")
        stored = put_document(change.connection, "manifest", canonical_json(manifest), change.now_ms)
        entry = change.tell(VersionRegistered, version=one, manifest=stored)
        row = VersionRow(one, "lab/m", label, stored, stored[7:47], change.now_ms)
        files = [FileRow("README.md", stored, 1, ("model-card",))]
        names = [RevisionRow("lab/m", label, one, "", row.sha)]
        add_version(change.connection, row, entry, None, (files, names))
    return one


def joined(change, name, *roles, organisation=None):
    """Somebody who has joined and holds these roles."""
    one = change.new_id("per")
    row = PersonRow(one, name, None, organisation, None, change.now_ms, change.now_ms, None, logged=False)
    people_store.add_person(change.connection, row, change.tell(PersonJoined, person=one))
    for role in roles:
        entry = change.tell(RoleGiven, person=one, role=role)
        people_store.give_role(change.connection, one, role, change.now_ms, entry)
    return Actor(one, frozenset(roles), organisation)


class Board:
    """Who decides: a publisher who proposes, two approvers, and somebody from outside."""

    def __init__(self, commits, about=None):
        self.commits = commits
        self.question = question() if about is None else about
        with commits.change() as change:
            self.home, self.other = (self._organisation(change, name) for name in ("Lab", "Club"))
            self.admin = joined(change, "Ada", "admin")
            self.publisher = joined(change, "Pat", "publisher", "approver", organisation=self.home)
            self.ann = joined(change, "Ann", "approver", organisation=self.home)
            self.ben = joined(change, "Ben", "approver", organisation=self.home)
            self.out = joined(change, "Oda", "outsider", organisation=self.other)
        self.version = register(commits, self.question)

    def _organisation(self, change, name):
        one = change.new_id("org")
        entry = change.tell(OrganisationAdded, organisation=one)
        people_store.add_organisation(change.connection, one, name, change.now_ms, entry)
        return one

    def person(self, name, *roles, organisation=None):
        with self.commits.change() as change:
            return joined(change, name, *roles, organisation=organisation)

    def propose(self, **named):
        given = {"question": self.question, "version": self.version} | named
        return decide.propose(self.commits, self.publisher, **given)

    def approve(self, found, *actors, signature=None):
        for actor in actors:
            found = decide.approve(self.commits, actor, found.id, seen=found.seen, signature=signature)
        return found

    def adopt(self, **named):
        return self.approve(self.propose(**named), self.ann, self.ben, self.out)


def told(home, event):
    """Entries of the log of one kind."""
    entries = [json.loads(entry) for entry in stored(home)[0]]
    return [entry for entry in entries if entry["event"] == event]
