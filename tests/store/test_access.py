"""What a secret stands for: only while everything that opens it stands in the log and nothing closes it."""

import pytest
from sqlalchemy import insert, update

from halfdoor.store.access import (
    Delivered,
    GrantRow,
    Key,
    TokenRow,
    add_grant,
    add_token,
    delivered,
    expired_grants,
    grant_of,
    grants,
    key_of,
    live_token_count,
    renew_grant,
    revoke_grant,
    revoke_token,
    shorten_token,
    token_of,
)
from halfdoor.store.engine import open_engine
from halfdoor.store.migrate import migrate
from halfdoor.store.people import PersonRow, add_person
from halfdoor.store.tables import log_leaf
from halfdoor.store.tables.access import access_grant, delivery
from halfdoor.store.tables.models import document, version
from halfdoor.store.tables.people import person, token

HASH, OTHER = b"h" * 32, b"o" * 32
ENTRIES = {"person": 1, "grant": 2, "token": 3, "own": 4, "version": 5}
GRANT = GrantRow(
    id="grt",
    person="per",
    version="ver",
    group="vetted",
    items=("a", "b:c"),
    until_ms=1000,
    revoked_ms=None,
    networks=("10.0.0.0/8",),
    bytes_max=50,
    downloads_max=2,
    issued_ms=10,
)


@pytest.fixture
def connection(database_url):
    """A person with a grant, a token for it, and one of their own; all of it in the log."""
    engine = open_engine(database_url, durable=False)
    migrate(engine)
    with engine.begin() as opened:
        leaves = [
            {"position": place, "entry": b"x", "pending": number}
            for place, number in enumerate(ENTRIES.values())
        ]
        opened.execute(insert(log_leaf), leaves)
        opened.execute(insert(document).values(digest="m", kind="manifest", body="", stored_ms=1))
        row = {"repository": "a/b", "label": "1", "manifest": "m", "sha": "s", "published_ms": 1, "entry": 5}
        opened.execute(insert(version).values(id="ver", **row))
        add_person(opened, PersonRow("per", "P", None, None, None, 1, 1, None, logged=False), 1)
        add_grant(opened, GRANT, ENTRIES["grant"])
        of_grant = TokenRow("tok", "per", "grt", 10, 900, None, logged=False)
        add_token(opened, of_grant, HASH, ENTRIES["token"])
        add_token(opened, TokenRow("own", "per", None, 10, 2000, None, logged=False), OTHER, ENTRIES["own"])
        yield opened
    engine.dispose()


def test_a_secret_stands_for_its_grant_or_its_person(connection):
    assert key_of(connection, HASH, 100) == Key("tok", "per", GRANT)
    assert key_of(connection, OTHER, 100) == Key("own", "per", None)
    assert key_of(connection, b"x" * 32, 100) is None
    assert grant_of(connection, "grt") == GRANT
    assert grants(connection, "per", "ver") == grants(connection) == [GRANT]
    assert grants(connection, "nobody") == grants(connection, version="other") == []


@pytest.mark.parametrize(
    "close",
    [
        update(token).values(revoked_ms=1),
        update(token).values(until_ms=100),
        update(token).values(entry=99),
        update(person).values(left_ms=1),
    ],
)
def test_whatever_closes_a_token_closes_both_kinds(connection, close):
    connection.execute(close)
    assert key_of(connection, HASH, 100) is None
    assert key_of(connection, OTHER, 100) is None


@pytest.mark.parametrize(
    "close",
    [
        {"revoked_ms": 1},
        {"until_ms": 100},
        {"entry": 99},
        {"until_ms": 100, "renewed_until_ms": 5000, "renewed_entry": 99},
    ],
)
def test_whatever_closes_a_grant_closes_its_tokens_and_no_others(connection, close):
    connection.execute(update(access_grant).values(close))
    assert key_of(connection, HASH, 100) is None
    assert key_of(connection, OTHER, 100) is not None


def test_a_renewal_counts_from_its_entry_on(connection):
    connection.execute(update(token).values(until_ms=9000))
    renew_grant(connection, "grt", from_ms=1000, until_ms=5000, entry=99)
    assert key_of(connection, HASH, 999).grant.until_ms == 1000
    assert key_of(connection, HASH, 1000) is None
    assert expired_grants(connection, 1500, 10) == []  # it may come to stand there any moment
    connection.execute(insert(log_leaf).values(position=9, entry=b"x", pending=99))
    assert key_of(connection, HASH, 4999).grant.until_ms == 5000
    assert key_of(connection, HASH, 5000) is None
    assert [row.id for row in expired_grants(connection, 5000, 10)] == ["grt"]


def test_closing_happens_once_and_only_shortens(connection):
    assert revoke_grant(connection, "grt", 50, "reviewer")
    assert not revoke_grant(connection, "grt", 60, "order")
    found = grant_of(connection, "grt")
    assert (found.revoked_ms, found.revoked_cause) == (50, "reviewer")
    assert live_token_count(connection, "per", None, 100) == 1
    shorten_token(connection, "own", 5000)
    assert token_of(connection, "own").until_ms == 2000
    shorten_token(connection, "own", 500)
    assert token_of(connection, "own").until_ms == 500
    assert revoke_token(connection, "own", 100)
    assert not revoke_token(connection, "own", 200)
    assert live_token_count(connection, "per", None, 100) == 0
    assert token_of(connection, "nothing") is None


def test_what_left_under_a_grant_is_counted(connection):
    assert delivered(connection, "grt") == Delivered(0, 0, 0, 0, 0)
    rows = [("d1", 10, 5, False), ("d1", 7, 5, False), ("d2", None, 5, True), ("d3", None, None, False)]
    rows += [("d4", None, None, True), ("d5", 0, 5, False)]
    for number, (digest, sent, ended, offloaded) in enumerate(rows):
        values = {"path": "p", "digest": digest, "first_byte": 0, "length_bytes": 10, "offloaded": offloaded}
        values |= {"holder": "h", "begun_ms": 1, "ended_ms": ended, "sent_bytes": sent, "entry": 1}
        connection.execute(
            insert(delivery).values(id=f"dlv{number}", access_grant="grt", version="ver", **values)
        )
    assert delivered(connection, "grt") == Delivered(4, 17, 1, 1, 1)
