"""People as the store has them: roles count once they stand in the log."""

import pytest
from sqlalchemy import insert

from halfdoor.store import people as store
from halfdoor.store.engine import open_engine
from halfdoor.store.migrate import migrate
from halfdoor.store.people import OrganisationRow, PersonRow
from halfdoor.store.tables import log_leaf

WAITS = 99  # a number that no leaf has


@pytest.fixture
def connection(database_url):
    engine = open_engine(database_url, durable=False)
    migrate(engine)
    with engine.begin() as opened:
        leaves = [{"position": at, "entry": b"x", "pending": at + 1} for at in range(5)]
        opened.execute(insert(log_leaf), leaves)
        yield opened
    engine.dispose()


def person(id_, *, joined=5, email=None, invited=1):
    return PersonRow(id_, id_.title(), email, None, None, invited, joined, None, logged=False)


def test_roles_and_people_count_once_the_log_has_them(connection):
    store.add_person(connection, person("ann", email="ann@x.org"), 1)
    store.add_person(connection, person("bob", invited=2), WAITS)
    for role, entry in (("admin", 2), ("approver", WAITS)):
        store.give_role(connection, "ann", role, 1, entry)
    store.give_role(connection, "bob", "admin", 1, 3)
    ann, bob = store.people(connection)
    assert (ann.roles, ann.acts) == (("admin",), True)
    assert (bob.roles, bob.acts) == (("admin",), False)
    assert store.admins(connection) == ["ann"]
    assert store.has_role(connection, "ann", "approver")
    assert store.person_with_email(connection, "ann@x.org") == ann == store.person_of(connection, "ann")
    assert store.person_of(connection, "eve") is None
    assert store.take_role(connection, "ann", "admin")
    assert not store.take_role(connection, "ann", "admin")
    assert store.names_of(connection, ["ann", "bob", "eve"]) == {"ann": "Ann", "bob": "Bob"}


def test_an_awaited_administrator_is_found_until_they_come(connection):
    assert store.awaited_admin(connection) is None
    store.add_person(connection, person("ann", joined=None), 1)
    store.give_role(connection, "ann", "admin", 1, 2)
    assert store.awaited_admin(connection) == "ann"
    assert store.admins(connection) == []
    store.set_joined(connection, "ann", 7, name="Ann", email="a@x.org")
    assert store.awaited_admin(connection) is None
    assert store.admins(connection) == ["ann"]


def test_an_invitation_is_used_once_in_time_and_replaces_earlier_ones(connection):
    store.add_person(connection, person("ann"), 1)
    store.invite(connection, b"1", "ann", 100)
    store.invite(connection, b"2", "ann", 100)
    assert store.use_invitation(connection, b"1", 50) is None
    assert store.use_invitation(connection, b"2", 100) is None
    assert store.use_invitation(connection, b"2", 99) == "ann"
    assert store.use_invitation(connection, b"2", 99) is None


def test_who_leaves_keeps_nothing_that_opens(connection):
    store.add_person(connection, person("ann", email="a@x.org"), 1)
    store.give_role(connection, "ann", "admin", 1, 2)
    store.add_ssh_key(connection, "ann", "ssh-ed25519 A", 1, 3)
    store.add_ssh_key(connection, "ann", "ssh-ed25519 B", 1, WAITS)
    store.invite(connection, b"1", "ann", 100)
    assert store.ssh_keys(connection, "ann") == ["ssh-ed25519 A"]
    assert store.has_ssh_key(connection, "ssh-ed25519 B")
    store.set_left(connection, "ann", 9)
    found = store.person_of(connection, "ann")
    assert (found.left_ms, found.roles, found.acts) == (9, (), False)
    assert store.ssh_keys(connection, "ann") == []
    assert store.use_invitation(connection, b"1", 50) is None
    store.release_email(connection, "ann")
    assert store.person_with_email(connection, "a@x.org") is None


def test_organisations_are_listed_by_name_once_logged(connection):
    store.add_organisation(connection, "org2", "B", 1, 2)
    store.add_organisation(connection, "org1", "A", 1, 1)
    store.add_organisation(connection, "org3", "C", 1, WAITS)
    assert store.organisations(connection) == [OrganisationRow("org1", "A"), OrganisationRow("org2", "B")]
    assert store.organisation_named(connection, "C") == "org3"
