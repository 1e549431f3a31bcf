"""A house with people, two versions and a log that can be shut, for those who try to open more than is open.

Everything is done by the real services in a real home; only the clock and the log's tap are a test's own.
"""

import datetime as dt
import shutil
import time
from contextlib import ExitStack
from functools import cache

import msgspec
from sqlalchemy import select

from halfdoor.bootstrap.working import working
from halfdoor.core.canonical import canonical_json, sha256_bytes
from halfdoor.core.governance.actor import Actor
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.tokens import secret_hash
from halfdoor.core.log.entry import decode_entry
from halfdoor.core.log.events.openness import VersionRegistered
from halfdoor.core.model.dossier import ItemTable
from halfdoor.core.policy.document import Application, GroupTable, Role
from halfdoor.gate.permit import Asked, admit
from halfdoor.services import applications, decide, grants, people, stage, tokens
from halfdoor.services.doctor import Findings, examine_tables
from halfdoor.services.feed import keep_mark
from halfdoor.services.home import read_home
from halfdoor.services.log.settling import _settled
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.settings import FILE
from halfdoor.store import standing
from halfdoor.store.models import FileRow, RevisionRow, VersionRow, add_version, put_document
from halfdoor.store.people import person_of
from halfdoor.store.tables.log import log_leaf
from homes import new_home, writing
from worlds import DAY, example

CARD, CODE, WEIGHTS = "model-card", "inference-code", "final-parameters"
ITEMS = (CARD, CODE, WEIGHTS)
DIGESTS = {CODE: "sha256:" + "b" * 64, WEIGHTS: "sha256:" + "a" * 64}
FILES = {
    "README.md": (CARD,),
    "run.py": (CODE,),
    "weights": (WEIGHTS,),
    "bundle": (CODE, WEIGHTS),
}
SIZE = 10  # bytes of every file
GROUPS = (
    GroupTable(id="bio-vetted", contains=("auditors",), inside=("identified",)),
    GroupTable(id="cyber-vetted", contains=("auditors",), inside=("identified",)),
)
ROLES = (
    Role(name="approver", quorum=2),
    Role(name="outsider", distinct_organisations=True),
    Role(name="overseer", decides=False),
)
APPLICATIONS = (
    Application("bio-vetted", ("identity", "organisation", "purpose"), days=40),
    Application("cyber-vetted", ("identity", "purpose"), reviewers=2, days=100),
    Application("identified", ("identity",), days=20),
    Application("auditors", days=60),
)
# Who works here; organisation and roles.
PEOPLE = {
    "Pat": ("Quillwort", "publisher", "approver"),
    "Ann": ("Quillwort", "approver"),
    "Ben": ("Quillwort", "approver"),
    "Oda": ("Saxifrage", "outsider"),
    "Uwe": ("Quillwort", "outsider"),
    "Rea": (None, "reviewer"),
    "Rob": (None, "reviewer"),
    "Olu": (None, "overseer"),
    "Gil": (None,),
    "Hal": (None,),
    "Ivy": (None,),
}
PRIVATE = "Zyzzogeton"  # in every name, address, statement and reason that is said here
NETWORK = "10.11.12.0/24"
HERE, ELSEWHERE = "10.11.12.13", "192.0.2.77"


class Clock:
    """A clock that stands where a test puts it."""

    def __init__(self):
        self.time = dt.datetime.combine(DAY, dt.time(12), dt.UTC)

    def now(self):
        return self.time


class Tap:
    """A log that can be shut. What is stored while it is shut waits; refusing, it lets nothing be stored."""

    def __init__(self, home, store):
        self.home, self.store = home, store
        self.writer = self._context = None
        self.refusing = False
        self.left = None  # so many more batches are taken, and then it is shut

    def open(self):
        self.refusing, self.left = False, None
        if self.writer is None:
            self._context = writing(self.home)
            self.writer = self._context.__enter__()

    def shut(self):
        context, self._context, self.writer = self._context, None, None
        if context is not None:
            context.__exit__(None, None, None)

    def check(self):
        if self.refusing:
            raise LogUnavailable("log-down", "it is shut")

    def settle(self, numbers, seconds_max):
        if self.refusing:
            raise LogUnavailable("log-down", "it is shut")
        if self.writer is None:
            return False
        self.writer.nudge()
        assert self._wait(numbers)
        if self.left is not None:
            self.left -= 1
            if self.left <= 0:
                self.shut()
        return True

    def catch_up(self):
        """Until nothing waits."""
        self.open()
        waiting = [new.pending for new in self.store.waiting(100_000)]
        self.writer.nudge()
        assert self._wait(waiting)

    def _wait(self, numbers):
        return _settled(self.store, numbers, time.monotonic() + 20)


class House:
    """A home that is at work: `commits` to change it with, `tap` to shut its log, `ids` of whom there is."""

    def __init__(self, home, clock=None):
        self.home, self.clock = home, clock or Clock()
        self.ids, self.versions = {}, []
        self.tap = None
        self._stack = ExitStack()

    def begin(self):
        """As a process that starts: it knows nothing but what is stored."""
        standing._kept._pairs.clear()
        taps = []

        def settling(store):
            taps.append(Tap(self.home, store))
            return taps[0]

        self.commits = self._stack.enter_context(working(self.home, settling=settling, clock=self.clock))
        (self.tap,) = taps
        self.tap.open()
        keep_mark(self.commits)
        return self

    def end(self):
        self.tap.shut()
        self._stack.close()

    __enter__ = begin

    def __exit__(self, *error):
        self.end()

    def furnish(self):
        """People and two versions."""
        first = people.first_admin(self.commits)
        ada = people.join(self.commits, first.secret, name=f"Ada {PRIVATE}", email=f"ada@{PRIVATE}.org")
        admin = people.authenticate(self.commits, ada.secret)
        self.ids["Ada"] = admin.person
        for name in ("Quillwort", "Saxifrage"):
            people.add_organisation(self.commits, admin, f"{name} {PRIVATE}")
        for name, (organisation, *roles) in PEOPLE.items():
            asked = people.invite(
                self.commits,
                admin,
                name=f"{name} {PRIVATE}",
                email=f"{name}@{PRIVATE}.org",
                roles=roles,
                organisation=organisation and f"{organisation} {PRIVATE}",
            )
            self.ids[name] = people.join(self.commits, asked.secret).person
        self.versions = [register(self.commits, label) for label in ("1", "2")]
        return self

    def actor(self, name):
        """Somebody as the control plane would recognise them now; what they hold after they left: nothing."""
        return self.actor_by(self.commits, name)

    def actor_by(self, commits, name):
        """The same by another process."""
        with commits.reading() as connection:
            row = person_of(connection, self.ids[name])
        return Actor(row.id, frozenset(row.roles), row.organisation)

    def propose(self, version, configuration, *, by="Pat", days=None, about=None):
        today = self.commits.now().date()
        return decide.propose(
            self.commits,
            self.actor(by),
            question=about or question(configuration),
            version=version,
            review=None if days is None else today + dt.timedelta(days=days),
        )

    def adopt(self, version, configuration, **how):
        """A decision that everybody who has to approve has approved."""
        found = self.propose(version, configuration, **how)
        for name in ("Ann", "Ben", "Oda"):
            found = decide.approve(self.commits, self.actor(name), found.id, seen=found.seen)
        return found

    def open(self, version, configuration, *chain, **how):
        """Decide, and enter the first stage: of the chain, or of all that is decided; the plan."""
        decision = self.adopt(version, configuration, **how)
        specs = [stage.StageSpec(one) for one in chain or (configuration,)]
        plan = stage.start(self.commits, self.actor("Pat"), decision.id, stages=specs)
        assert plan.stage == 1, plan
        return plan

    def grant(self, name, version, group="bio-vetted"):
        """Somebody applies and is let in: the grant, and its token."""
        actor = self.actor(name)
        form = applications.form(self.commits, version, group)
        fields = dict.fromkeys(form.fields, f"{PRIVATE} states this")
        found = applications.draft(self.commits, actor, version=version, group=group, fields=fields)
        applications.submit(self.commits, actor, found.application.id)
        for reviewer in ("Rea", "Rob")[: form.reviewers]:
            applications.approve(self.commits, self.actor(reviewer), found.application.id)
        row = grants.listed(self.commits, actor, version=version)[-1]
        return row, tokens.issue(self.commits, actor, grant=row.id)

    def execute(self, statement):
        """Change the database behind everybody's back."""
        with self.commits.engine.begin() as connection:
            return connection.execute(statement)

    def row(self, table, id_):
        """A row as it is stored."""
        with self.commits.reading() as connection:
            return dict(connection.execute(select(table).where(table.c.id == id_)).mappings().one())

    def again(self):
        """The process ends, and another one begins."""
        self.end()
        return self.begin()

    def faults(self):
        """What the doctor finds wrong with the tables."""
        findings = Findings()
        with self.commits.reading() as connection:
            examine_tables(self.tap.store, connection, findings)
        return {(one.code, one.message.split(" ")[0]) for one in findings.all() if one.severity == "fault"}

    def admits(self, version, path, secret=None, address=HERE):
        """Whether the gate lets somebody have a file; else the code with which it refuses."""
        with self.commits.reading() as connection:
            return admitted(connection, version, path, secret, address, self.commits.now())

    def leaves(self, begin=0):
        """Entries of the log, from a position on."""
        query = select(log_leaf.c.entry).where(log_leaf.c.position >= begin).order_by(log_leaf.c.position)
        with self.commits.reading() as connection:
            return [bytes(one) for one in connection.execute(query).scalars()]

    def told(self, kind):
        """Events of one kind that stand in the log."""
        return [event for event in map(decode_entry, self.leaves()) if isinstance(event, kind)]


def asked(version, path, secret=None, address=HERE):
    """What the gate is asked."""
    hashed = None if secret is None else secret_hash(secret)
    return Asked(version, FILES[path], hashed, address)


def admitted(connection, version, path, secret, address, now):  # noqa: PLR0917  as the gate is asked
    """True where the gate admits; else its code."""
    try:
        admit(connection, asked(version, path, secret, address), now)
    except Refused as refusal:
        return refusal.code
    return True


@cache
def _question(configuration, scope):
    base = example(compute=1e22)
    change = msgspec.structs.replace
    policy = change(base.policy, role=ROLES, group=GROUPS, application=APPLICATIONS, **dict(scope))
    items = tuple(ItemTable(id=item, group="anyone") for item in ITEMS)
    return change(
        base,
        dossier=change(base.dossier, item=items),
        weights=DIGESTS,
        policy=policy,
        configuration=dict(configuration),
        draws=50,
    )


def question(configuration, **policy):
    """What a decision rests on: of a model that is out of scope, so that whatever is asked is permitted."""
    return _question(tuple(sorted(configuration.items())), tuple(policy.items()))


def register(commits, label):
    """A version with FILES, which nobody publishes: its bytes are not asked for here; its id."""
    about = question({CARD: ("anyone",)}).dossier.model
    manifest = {
        "schema": "halfdoor/manifest/1",
        "model": about.name,
        "version": about.version,
        "developer": about.developer,
        "items": [{"id": item, "licence": "", "weights": DIGESTS.get(item)} for item in ITEMS],
        "variants": [],
        "files": [],
        "label": label,
    }
    with commits.change() as change:
        one = change.new_id("ver")
        stored = put_document(change.connection, "manifest", canonical_json(manifest), change.now_ms)
        entry = change.tell(VersionRegistered, version=one, manifest=stored)
        row = VersionRow(one, "lab/m", label, stored, stored[7:47], change.now_ms)
        files = [FileRow(path, digest_of(path), SIZE, items) for path, items in FILES.items()]
        names = [RevisionRow("lab/m", label, one, "", row.sha)]
        add_version(change.connection, row, entry, None, (files, names))
    return one


def digest_of(path):
    """The digest of a file of FILES."""
    return sha256_bytes(path.encode())


def furnished(folder):
    """A furnished home in a folder that is made once, to be copied; with what is known of it."""
    house = House(new_home(folder / "home"))
    with house:
        house.furnish()
    return house


def copied(template, folder):
    """A house of its own, as furnished."""
    place, new = template.home.folder, folder / "home"
    shutil.copytree(place, new)
    shutil.copy(f"{place}-latest.db", f"{new}-latest.db")
    settings = new / FILE
    settings.write_text(settings.read_text().replace(str(place), str(new)))
    house = House(read_home(new))
    house.ids, house.versions = dict(template.ids), list(template.versions)
    return house
