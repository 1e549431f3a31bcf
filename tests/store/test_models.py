"""What names a version, which of them `main` is, and that nobody sees what the log does not have."""

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from halfdoor.bootstrap.working import working
from halfdoor.core.canonical import canonical_json, sha256_bytes
from halfdoor.core.log.events.openness import VersionRegistered
from halfdoor.core.model.manifest import sha_of
from halfdoor.store.models import (
    FileRow,
    RevisionRow,
    VersionRow,
    add_version,
    document,
    entered,
    file,
    files,
    kind_of,
    names_of,
    put_document,
    repositories,
    resolve,
    revisions,
    taken_names,
    version_of,
    version_with,
    versions,
    waits_under,
    withdraw_version,
)
from halfdoor.store.tables.decisions import decision, plan, plan_stage
from halfdoor.store.tables.models import version

NOT_IN_LOG = 10**9  # a number under which nothing ever waited
REPOSITORY = "lab/heron"
CARD, BASE, CHAT = "sha256:" + "a" * 64, "sha256:" + "b" * 64, "sha256:" + "c" * 64
FILES = (
    FileRow("README.md", CARD, 3, ("model-card",)),
    FileRow("base.bin", BASE, 5, ("base:architecture", "base:final-parameters")),
    FileRow("chat.bin", CHAT, 7, ("chat:final-parameters@unmitigated",)),
)


@pytest.fixture
def world(home):
    with working(home) as commits:
        yield World(commits)


class World:
    def __init__(self, commits):
        self._commits = commits
        self._count = 0

    def register(self, label, *, at_ms, repository=REPOSITORY, variants=()):
        """A version, published at a time; its row."""
        with self._commits.change() as change:
            one = change.new_id("ver")
            body = canonical_json({"label": label, "repository": repository})
            manifest = put_document(change.connection, "manifest", body, at_ms)
            entry = change.tell(VersionRegistered, version=one, manifest=manifest)
            row = VersionRow(one, repository, label, manifest, sha_of(manifest), at_ms)
            names = [RevisionRow(repository, label, one, "", row.sha)]
            for variant in variants:
                sha = sha_of(manifest, variant)
                names.append(RevisionRow(repository, f"{label}-{variant}", one, variant, sha))
            add_version(change.connection, row, entry, None, (FILES, names))
        return row

    def enter(self, row, *, entry=None):
        """A plan of the version that entered its first stage; its id. entry: of the stage."""
        self._count += 1
        with self._commits.closing() as change:
            connection = change.connection
            logged = connection.execute(select(version.c.entry).where(version.c.id == row.id)).scalar_one()
            about = {"version": row.id, "document": row.manifest, "entry": logged}
            decided = {"id": f"dec_{self._count}", "proposer": "nobody", "proposed_ms": 1}
            connection.execute(insert(decision).values(**decided, **about))
            one = f"pln_{self._count}"
            planned = {"id": one, "decision": decided["id"], "started_ms": 1}
            connection.execute(insert(plan).values(**planned, **about))
            stage = {"plan": one, "stage": 1, "opened_ms": 1, "entry": entry or logged}
            connection.execute(insert(plan_stage).values(stage))
        return one

    def write(self, statement):
        with self._commits.closing() as change:
            change.connection.execute(statement)

    def hide(self, row):
        """As if the log had not taken it yet."""
        self.write(update(version).where(version.c.id == row.id).values(entry=NOT_IN_LOG))

    def ask(self, function, *arguments):
        with self._commits.reading() as connection:
            return function(connection, *arguments)

    def main(self):
        found = self.ask(resolve, REPOSITORY, "main")
        return found and found[0].label


def test_main_is_nothing_before_a_stage_was_entered(world):
    row = world.register("1.0", at_ms=1)
    assert world.main() is None
    assert not world.ask(entered, REPOSITORY)
    world.enter(row, entry=NOT_IN_LOG)
    assert world.main() is None
    assert not world.ask(entered, REPOSITORY)


def test_main_is_the_newest_with_a_live_stage(world):
    old, new, _ = (world.register(label, at_ms=at) for at, label in enumerate(("1.0", "2.0", "3.0"), 1))
    world.enter(new)
    world.enter(old)
    assert world.main() == "2.0"
    assert world.ask(entered, REPOSITORY)


@pytest.mark.parametrize("how", ["halted", "withdrawn", "version"])
def test_main_goes_back_where_the_newest_was_closed_and_stays_where_all_were(world, how):
    old, new = world.register("1.0", at_ms=1), world.register("2.0", at_ms=2)
    plans = {one.id: world.enter(one) for one in (old, new)}

    def close(row):
        if how == "version":
            world.write(update(version).where(version.c.id == row.id).values(withdrawn_ms=9))
        else:
            world.write(update(plan).where(plan.c.id == plans[row.id]).values({f"{how}_ms": 9}))

    close(new)
    assert world.main() == "1.0"
    close(old)
    assert world.main() == "2.0"
    if how != "version":
        world.enter(old)
        assert world.main() == "1.0"


def test_a_version_is_found_by_its_label_its_variants_and_its_shas(world):
    row = world.register("1.0", at_ms=1, variants=("base", "chat"))
    shas = {"": row.sha, "base": sha_of(row.manifest, "base"), "chat": sha_of(row.manifest, "chat")}
    for variant, sha in shas.items():
        for name in (f"1.0-{variant}".rstrip("-"), sha):
            found, own = world.ask(resolve, REPOSITORY, name)
            assert (found.id, found.sha, own) == (row.id, sha, variant)
    for name in ("1.0-other", "1", "", row.sha[:39], row.sha.upper(), row.id, "main", "%", "refs/heads/1.0"):
        assert world.ask(resolve, REPOSITORY, name) is None
    for repository in ("lab/other", "LAB/heron", "lab", "lab/heron/", ""):
        assert world.ask(resolve, repository, "1.0") is None
        assert world.ask(resolve, repository, row.sha) is None


def test_a_variant_has_its_own_files_and_those_of_none(world):
    one = world.register("1.0", at_ms=1).id
    wanted = {"": FILES, "base": FILES[:2], "chat": (FILES[0], FILES[2]), "other": FILES[:1]}
    for variant, own in wanted.items():
        assert tuple(world.ask(files, one, variant)) == own
        for each in FILES:
            assert world.ask(file, one, variant, each.path) == (each if each in own else None)
    assert world.ask(file, one, "", "readme.md") is None
    assert world.ask(files, "ver_none", "") == []


def test_nobody_sees_a_version_that_the_log_does_not_have(world):
    row = world.register("1.0", at_ms=1, variants=("base",))
    world.enter(row)
    assert len(world.ask(versions)) == 1
    world.hide(row)
    for name in ("1.0", "1.0-base", row.sha, "main"):
        assert world.ask(resolve, REPOSITORY, name) is None
    assert world.ask(version_of, row.id) is None
    assert world.ask(versions) == world.ask(versions, REPOSITORY) == []
    assert world.ask(revisions, REPOSITORY) == world.ask(repositories) == []
    assert not world.ask(entered, REPOSITORY)


def test_a_name_is_taken_before_the_log_has_it(world):
    row = world.register("1.0", at_ms=1)
    assert world.ask(waits_under, row.id) is None
    world.hide(row)
    assert world.ask(version_with, REPOSITORY, "1.0") == row
    assert world.ask(waits_under, row.id) == NOT_IN_LOG
    assert world.ask(taken_names, [(REPOSITORY, "1.0"), (REPOSITORY, "2.0")]) == [(REPOSITORY, "1.0")]
    assert [one.name for one in world.ask(names_of, row.id)] == ["1.0"]


def test_versions_are_listed_the_newest_first_and_by_repository(world):
    one, two = world.register("1.0", at_ms=1), world.register("2.0", at_ms=2)
    other = world.register("1.0", at_ms=3, repository="lab/other")
    assert world.ask(versions) == [other, two, one]
    assert world.ask(versions, REPOSITORY) == [two, one]
    assert [found for _, found in world.ask(revisions, REPOSITORY)] == [two, one]
    assert world.ask(repositories) == [REPOSITORY, "lab/other"]


def test_the_database_itself_keeps_two_versions_apart(world):
    row = world.register("1.0", at_ms=1)
    with pytest.raises(IntegrityError), world._commits.engine.begin() as connection:
        add_version(connection, row, 1, None, (FILES, []))


def test_a_version_is_withdrawn_once(world):
    row = world.register("1.0", at_ms=1)
    with world._commits.engine.begin() as connection:
        assert withdraw_version(connection, row.id, 7)
        assert not withdraw_version(connection, row.id, 8)
        assert not withdraw_version(connection, "ver_none", 8)
    assert world.ask(version_of, row.id).withdrawn_ms == 7


def test_a_document_is_kept_once_under_its_digest(world):
    body = '{"name":"Größe"}'.encode()
    with world._commits.engine.begin() as connection:
        digest = put_document(connection, "policy", body, 1)
        assert put_document(connection, "other", body, 2) == digest == sha256_bytes(body)
    assert world.ask(document, digest) == body
    assert world.ask(kind_of, digest) == "policy"
    assert world.ask(document, "sha256:" + "0" * 64) is None
    assert world.ask(kind_of, "sha256:" + "0" * 64) is None
