"""The doctor finds whatever was changed behind the application's back, and nothing where nothing was."""

import datetime as dt
import shutil

import msgspec
import pytest
from sqlalchemy import delete, insert, text, update

from filled import WEIGHTS, WEIGHTS_DIGEST, fill, revoke
from gated import gate_in, heron
from halfdoor.bootstrap import doctor
from halfdoor.bootstrap.log import model_signer
from halfdoor.bootstrap.working import working
from halfdoor.core.log.events.access import OrganisationAdded
from halfdoor.services import grants, tokens
from halfdoor.services.home import Home, read_home, write_settings
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.runtime import set_mark
from halfdoor.store.tables.access import access_grant, delivery
from halfdoor.store.tables.models import document, version_file
from halfdoor.store.tables.people import organisation, role, token
from homes import noted, service, writing
from served import ask


def found(home, **how):
    return {(one.severity, one.code) for one in doctor.examine(home, **how)}


def change(home, statement):
    with service(home) as engine, engine.begin() as connection:
        connection.execute(statement)


def blob(home):
    return home.folder / "blobs" / WEIGHTS_DIGEST[7:9] / WEIGHTS_DIGEST[9:]


def test_a_home_that_nobody_touched_is_well(home):
    made = fill(home)
    assert found(home, deep=True) == set()
    revoke(home, made)
    assert found(home, deep=True) == set()


def test_a_home_is_looked_over_while_it_is_written(home):
    fill(home)
    with writing(home):
        assert found(home) == set()


CHANGED = {
    "a grant that is open for longer": update(access_grant).values(
        until_ms=access_grant.c.until_ms + 90 * 86_400_000
    ),
    "a renewal that nobody logged": update(access_grant).values(renewed_until_ms=access_grant.c.until_ms + 1),
    "a grant of more items": update(access_grant).values(items='["final-parameters","training-code"]'),
    "a grant for another group": update(access_grant).values(access_group="staff"),
    "a token that lives longer": update(token).values(until_ms=token.c.until_ms + 1),
    "a token without its grant": update(token).values(access_grant=None),
    "a delivery of another file": update(delivery).values(digest="sha256:" + "0" * 64),
}


@pytest.mark.parametrize("statement", CHANGED.values(), ids=CHANGED)
def test_a_row_that_says_more_than_was_logged_is_found(home, statement):
    fill(home)
    change(home, statement)
    assert found(home) == {("fault", "row-changed")}


def test_a_grant_may_be_shorter_than_was_logged(home):
    fill(home)
    change(home, update(access_grant).values(until_ms=access_grant.c.until_ms - 1000))
    assert found(home) == set()


def test_a_revocation_that_was_taken_back_is_found(home):
    revoke(home, fill(home))
    change(home, update(access_grant).values(revoked_ms=None))
    (one,) = doctor.examine(home)
    assert (one.severity, one.code) == ("fault", "not-closed")
    assert "access:grant:revoke" in one.message


def test_rows_that_are_missing_are_found(home):
    fill(home)
    change(home, delete(delivery))
    change(home, delete(token))
    assert found(home) == {("fault", "entry-without-row")}
    assert len(doctor.examine(home)) == 2


def test_rows_that_nobody_logged_are_found(home):
    made = fill(home)
    change(home, insert(role).values(person=made.person, role="admin", since_ms=0, entry=999))
    (one,) = doctor.examine(home)
    assert (one.severity, one.code) == ("fault", "row-without-entry")
    assert made.person in one.message


def test_a_row_under_an_entry_of_something_else_is_found(home):
    made = fill(home)
    with service(home) as engine, engine.begin() as connection:
        other = connection.execute(text("SELECT entry FROM access_grant")).scalar_one()
        connection.execute(insert(role).values(person=made.person, role="admin", since_ms=0, entry=other))
    (one,) = doctor.examine(home)
    assert one.code == "row-changed"
    assert "another kind, access:grant:issue" in one.message


def test_what_waits_for_the_log_is_no_fault(home):
    class Down:
        def check(self):
            pass

        def settle(self, numbers, seconds_max):
            raise LogUnavailable("log-down", "it is down")

    with pytest.raises(LogUnavailable):
        add_organisation(home, settling=lambda _: Down())
    assert found(home) == {("note", "waiting")}


def test_a_document_that_was_changed_is_found(home):
    fill(home)
    change(home, update(document).values(body="{}"))
    assert found(home) == {("fault", "document-changed")}


def test_a_missing_a_short_and_a_changed_file_are_found(home):
    fill(home)
    blob(home).chmod(0o600)
    blob(home).write_bytes(b"x" * len(WEIGHTS))
    assert found(home) == set(), "the size is right, and nobody hashed it"
    assert found(home, deep=True) == {("fault", "blob-damaged")}
    blob(home).write_bytes(b"short")
    assert found(home) == {("fault", "blob-damaged")}
    blob(home).unlink()
    assert found(home) == {("fault", "blob-missing")}


def test_a_file_that_belongs_to_nothing_is_noted(home):
    made = fill(home)
    change(home, delete(delivery))
    change(home, delete(version_file).where(version_file.c.version == made.version))
    assert ("note", "blob-orphan") in found(home)


def test_a_clock_that_went_back_and_deliveries_without_end_are_told(home):
    fill(home)
    change(home, update(delivery).values(begun_ms=0))
    ahead = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    with service(home) as engine, engine.begin() as connection:
        set_mark(connection, round(ahead.timestamp() * 1000))
    assert found(home) == {("warning", "clock-behind"), ("warning", "delivery-unended")}


def test_an_old_copy_is_told_from_the_second_store(sqlite_home):
    fill(sqlite_home)
    files = ["halfdoor.db", "halfdoor.db-wal"]
    for name in files:
        if (sqlite_home.folder / name).exists():
            shutil.copy2(sqlite_home.folder / name, sqlite_home.folder / f"{name}.old")
    add_organisation(sqlite_home)
    for name in files:
        (sqlite_home.folder / name).unlink(missing_ok=True)
        if (sqlite_home.folder / f"{name}.old").exists():
            (sqlite_home.folder / f"{name}.old").rename(sqlite_home.folder / name)
    told = [one for one in doctor.examine(sqlite_home) if one.code == "log"]
    assert any("second store: has a checkpoint of" in one.message for one in told)
    assert "old copy" in told[0].remedy
    assert noted(sqlite_home) is not None


def add_organisation(home, **how):
    with working(home, **how) as commits, commits.change() as one:
        made = one.new_id("org")
        entry = one.tell(OrganisationAdded, organisation=made)
        row = {"id": made, "name": made, "added_ms": one.now_ms, "entry": entry}
        one.connection.execute(insert(organisation).values(row))


def test_many_findings_of_one_kind_are_counted(home):
    with working(home) as commits, commits.change() as one:
        for _ in range(30):
            one.tell(OrganisationAdded, organisation=one.new_id("org"))
    told = doctor.examine(home)
    assert len(told) == 21
    assert any("10 more" in finding.message for finding in told)


def with_settings(home, **changes):
    changed = msgspec.structs.replace(home.settings, **changes)
    write_settings(Home(home.folder, changed))
    return read_home(home.folder)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"offload": "s3"}, "bad-offload"),
        ({"offload": "nginx", "proxy": ("127.0.0.1",)}, "no-access-log"),
        ({"model_key": None}, "no-model-key"),
        ({"public_url": "http://hub.example.org"}, "no-tls"),
    ],
)
def test_settings_that_do_not_fit_are_told(sqlite_home, changes, code):
    assert {one for _, one in found(with_settings(sqlite_home, **changes))} == {code}


def test_keys_and_settings_that_others_may_read_are_told(sqlite_home):
    (sqlite_home.folder / "home.toml").chmod(0o644)
    for key in (sqlite_home.folder / "keys").glob("model-*.pem"):
        if "pub" not in key.name:
            key.chmod(0o644)
    assert found(sqlite_home) == {("fault", "key-exposed"), ("warning", "settings-exposed")}
    with pytest.raises(Exception, match="others than its owner"):
        model_signer(sqlite_home)


def test_a_home_without_its_database_is_told_and_nothing_is_made(sqlite_home):
    for file in sqlite_home.folder.glob("halfdoor.db*"):
        file.unlink()
    assert ("fault", "no-database") in found(sqlite_home)
    assert not (sqlite_home.folder / "halfdoor.db").exists()


def test_a_home_in_which_everything_happened_is_well(home, tmp_path):
    with gate_in(home) as gate:
        gate.open(heron(tmp_path / "heron"))
        actor, grant, _ = gate.grant()
        own = tokens.issue(gate.commits, actor, grant=grant.id)
        tokens.rotate(gate.commits, actor, own.token)
        grants.renew(gate.commits, gate.reviewers[0], grant.id, days=400)
        gate.grant("Ada")
        card = f"{gate.parts.public_url}/{gate.repository}/resolve/main/README.md"
        assert ask("GET", card).status == 200
        assert found(home, deep=True) <= {("note", "waiting")}
        gate.revoke(grant)
        gate.halt()
    assert found(home, deep=True) == set()
