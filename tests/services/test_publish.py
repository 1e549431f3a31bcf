"""A version is registered with all its files, whole or not at all, and never changes."""

import contextlib
import threading
from contextlib import contextmanager

import msgspec
import pytest

from granting import Cast, serving
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.log import log_store
from halfdoor.bootstrap.working import working
from halfdoor.core.errors import HalfdoorError, InputError
from halfdoor.core.governance.actor import Actor
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.entry import decode_entry
from halfdoor.core.model.manifest import Manifest
from halfdoor.services.flaws import close, listed, open_warnings, report
from halfdoor.services.publish import publish, withdraw
from halfdoor.store.models import document, entered, file, files, resolve, revisions, version_of, versions
from homes import closing
from models_made import model_folder

NOBODY = Actor("per_" + "0" * 26, frozenset({"admin", "approver", "reviewer"}))


class Told:
    """A meter that counts."""

    def __init__(self):
        self.total = self.done = 0

    @contextmanager
    def __call__(self, total):
        self.total += total
        yield self

    def advance(self, amount=1):
        self.done += amount


@pytest.fixture
def commits(home):
    with serving(home) as found:
        yield found


@pytest.fixture
def publisher(commits):
    return Cast(commits).person("Pia", "publisher")


@pytest.fixture
def register(home, commits, publisher):
    def run(folder, **options):
        options = {"repository": None, "layout": "revisions", "meters": (Told(), Told()), **options}
        return publish(commits, blobs_of(home), folder, actor=options.pop("actor", publisher), **options)

    return run


def test_a_version_is_registered_with_all_that_its_dossier_lists(home, commits, register, tmp_path):
    folder = model_folder(tmp_path / "heron")
    (folder / "notes.txt").write_text("listed by nobody")
    hashing, storing = Told(), Told()
    done = register(folder, meters=(hashing, storing))
    assert (done.repository, done.label, done.new) == ("example-lab/heron", "1.0", True)
    assert hashing.done == hashing.total == done.size_bytes == storing.done == done.stored_bytes
    with commits.reading() as connection:
        row = version_of(connection, done.version)
        manifest = msgspec.json.decode(document(connection, row.manifest), type=Manifest)
        found = files(connection, done.version)
        assert versions(connection) == versions(connection, "example-lab/heron") == [row]
        assert not entered(connection, "example-lab/heron")
    assert manifest.digest == done.manifest == f"sha256:{done.sha}{done.manifest[47:]}"
    assert [one.path for one in found] == ["README.md", "config.json", "model.safetensors"]
    for one in found:
        stored = b"".join(blobs_of(home).open(one.digest, 0, one.size_bytes))
        assert stored == (folder / one.path).read_bytes()
    with closing(log_store(home)) as store:
        told = [decode_entry(entry) for entry in store.entries(1, store.head().frontier.size)]
    assert [one.manifest for one in told if getattr(one, "version", "") == done.version] == [done.manifest]


def test_the_same_version_again_is_found_as_it_is(register, tmp_path):
    folder = model_folder(tmp_path / "heron")
    first, storing = register(folder), Told()
    again = register(folder, meters=(Told(), storing))
    assert (again.version, again.new, again.stored_bytes) == (first.version, False, 0)
    assert storing.total == 0


def test_a_version_never_changes(register, tmp_path):
    folder = model_folder(tmp_path / "heron")
    register(folder)
    (folder / "README.md").write_text("# Another")
    with pytest.raises(Refused) as caught:
        register(folder)
    assert caught.value.code == "already-so"
    assert "new `version`" in caught.value.remedy


def test_only_a_publisher_publishes(commits, register, tmp_path):
    folder = model_folder(tmp_path / "heron")
    with pytest.raises(Refused) as caught:
        register(folder, actor=NOBODY)
    assert caught.value.code == "not-your-role"


@pytest.mark.parametrize("change", ["not-there", "longer", "shorter"])
def test_a_folder_that_changes_meanwhile_registers_nothing(commits, register, tmp_path, change):
    folder = model_folder(tmp_path / "heron")

    class Meddling(Told):
        @contextmanager
        def __call__(self, total):
            place = folder / "model.safetensors"
            data = place.read_bytes()
            place.unlink()
            if change != "not-there":
                place.write_bytes(data + b"x" if change == "longer" else data[:-1])
            yield self

    with pytest.raises(InputError) as caught:
        register(folder, meters=(Told(), Meddling()))
    assert caught.value.code in {"wrong-digest", "unreadable"}
    with commits.reading() as connection:
        assert versions(connection) == []
    assert register(model_folder(tmp_path / "heron")).new


def test_variants_are_revisions_with_their_own_files(commits, register, tmp_path):
    done = register(model_folder(tmp_path / "heron", variants=("base", "chat")))
    with commits.reading() as connection:
        shas = {}
        for name, own in (("1.0", {"base", "chat"}), ("1.0-base", {"base"}), ("1.0-chat", {"chat"})):
            row, variant = resolve(connection, done.repository, name)
            assert row.id == done.version
            paths = {one.path for one in files(connection, row.id, variant)}
            assert paths == {"README.md", "config.json", *(f"{one}.safetensors" for one in own)}
            assert resolve(connection, done.repository, row.sha) == (row, variant)
            shas[name] = row.sha
        assert len(set(shas.values())) == 3
        assert file(connection, done.version, "base", "chat.safetensors") is None
        assert file(connection, done.version, "", "chat.safetensors") is not None
        assert len(revisions(connection, done.repository)) == 3


def test_variants_are_repositories_where_that_is_asked_for(commits, register, tmp_path):
    folder = model_folder(tmp_path / "heron", variants=("base", "chat"))
    done = register(folder, layout="repositories", repository="lab/bird")
    assert done.revisions == [("lab/bird", "1.0"), ("lab/bird-base", "1.0"), ("lab/bird-chat", "1.0")]
    with commits.reading() as connection:
        row, variant = resolve(connection, "lab/bird-base", "1.0")
        assert (row.id, variant) == (done.version, "base")
        assert versions(connection, "lab/bird-base") == [msgspec.structs.replace(row, sha=done.sha)]
        assert resolve(connection, "lab/bird-base", "main") is None  # nothing was ever open


def test_names_that_are_taken_are_found_before_anything_is_stored(register, tmp_path):
    register(model_folder(tmp_path / "one", variants=("base",)), repository="lab/bird")
    storing = Told()
    other = model_folder(tmp_path / "two", version="1.0-base", size=32)
    with pytest.raises(Refused) as caught:
        register(other, repository="lab/bird", meters=(Told(), storing))
    assert caught.value.code == "already-so"
    assert storing.total == 0


def test_a_version_that_is_there_keeps_the_names_of_its_variants(register, tmp_path):
    folder, storing = model_folder(tmp_path / "heron", variants=("base",)), Told()
    register(folder)
    with pytest.raises(Refused) as caught:
        register(folder, layout="repositories", meters=(Told(), storing))
    assert (caught.value.code, storing.total) == ("already-so", 0)
    assert "--layout" in caught.value.remedy
    assert not register(folder).new


def test_a_dossier_without_files_has_nothing_to_publish(register, tmp_path):
    folder = model_folder(tmp_path / "heron")
    text = (folder / "halfdoor.toml").read_text()
    head, _, items = text.partition("[[item]]")
    (folder / "halfdoor.toml").write_text(f'{head}[[item]]\nid = "sampling"\ngroup = "anyone"\n')
    with pytest.raises(InputError) as caught:
        register(folder)
    assert caught.value.code == "no-files"
    assert items


def test_what_died_before_the_log_took_it_takes_effect_when_it_is_published_again(
    home, tmp_path, monkeypatch
):
    folder = model_folder(tmp_path / "heron")
    with working(home) as commits:
        actor = Cast(commits).person("Pia", "publisher")

        def register():
            options = {"repository": None, "layout": "revisions", "meters": (Told(), Told())}
            return publish(commits, blobs_of(home), folder, actor=actor, **options)

        def is_seen():
            with commits.reading() as connection:
                return version_of(connection, first.version) is not None

        with monkeypatch.context() as patch:
            patch.setattr(commits, "settle", lambda numbers: None)
            first = register()
        assert not is_seen()
        again = register()
        assert is_seen()
    assert (again.version, again.new) == (first.version, False)


@pytest.mark.parametrize("name", ["heron", "../heron", "lab/x/y"])
def test_a_bad_name_is_refused_before_anything_is_read(register, tmp_path, name):
    hashing = Told()
    with pytest.raises(InputError):
        register(model_folder(tmp_path / "heron"), repository=name, meters=(hashing, Told()))
    assert hashing.total == 0


def test_two_who_publish_the_same_at_once_register_one(commits, register, tmp_path):
    folder, done = model_folder(tmp_path / "heron"), []

    def run():
        with contextlib.suppress(HalfdoorError):
            done.append(register(folder))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done
    with commits.reading() as connection:
        assert [row.id for row in versions(connection)] == [done[0].version]
    assert {one.version for one in done} == {done[0].version}


def test_a_version_is_withdrawn_once(commits, register, publisher, tmp_path):
    done = register(model_folder(tmp_path / "heron"))
    assert withdraw(commits, publisher, done.version)
    assert not withdraw(commits, publisher, done.version)
    with commits.reading() as connection:
        assert version_of(connection, done.version).withdrawn_ms is not None
    with pytest.raises(Refused):
        withdraw(commits, msgspec.structs.replace(NOBODY, roles=frozenset()), done.version)


def test_a_flaw_warns_until_it_is_closed(commits, register, publisher, tmp_path):
    done = register(model_folder(tmp_path / "heron"))
    flaw = report(commits, publisher, version=done.version, warning="Refusals  vanish\nat long inputs.")
    assert flaw.warning == "Refusals vanish at long inputs."
    with commits.reading() as connection:
        assert open_warnings(connection, done.version) == [flaw.warning]
    close(commits, publisher, flaw.id)
    with commits.reading() as connection:
        assert open_warnings(connection, done.version) == []
    assert [one.closed_ms is not None for one in listed(commits, done.version)] == [True]
    with pytest.raises(Refused) as caught:
        close(commits, publisher, flaw.id)
    assert caught.value.code == "already-so"


@pytest.mark.parametrize("warning", ["", "  ", "x" * 201, "a\0b", "ünïcode"])
def test_a_warning_is_one_plain_line(commits, register, publisher, tmp_path, warning):
    done = register(model_folder(tmp_path / "heron"))
    with pytest.raises(InputError):
        report(commits, publisher, version=done.version, warning=warning)
