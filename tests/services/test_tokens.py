"""Tokens: shown once, rotated without a gap, never longer than their grant."""

import datetime as dt

from granting import Cast, Clock, at_once, code_of, decided, serving
from halfdoor.core.governance.limits import Limits
from halfdoor.core.governance.tokens import secret_hash
from halfdoor.services import grants, people, tokens
from halfdoor.services.commit import milliseconds
from halfdoor.store.access import key_of


def key(commits, secret):
    with commits.reading() as connection:
        return key_of(connection, secret_hash(secret), milliseconds(commits.now()))


def granted(commits, cast, days=30):
    """Somebody with a grant for so many days."""
    ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
    version = decided(commits)
    limits = Limits(days=days)
    return (
        ann,
        rev,
        grants.issue(commits, rev, person=ann.person, version=version, group="auditors", limits=limits),
    )


def test_a_token_of_a_grant_is_for_downloads_and_ones_own_for_the_rest(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, rev, grant = granted(commits, cast)
        one = tokens.issue(commits, ann, grant=grant.id)
        found = key(commits, one.secret)
        assert (found.token, found.person, found.grant) == (one.token, ann.person, found.grant)
        assert (found.grant.id, found.grant.items, found.grant.group) == (
            grant.id,
            ("final-parameters", "inference-code"),
            "auditors",
        )
        assert one.until == dt.datetime.fromtimestamp(grant.until_ms / 1000, dt.UTC)
        assert code_of(people.authenticate, commits, one.secret) == "bad-token"
        own = tokens.issue(commits, ann)
        assert key(commits, own.secret).grant is None
        assert people.authenticate(commits, own.secret).token == own.token
        assert code_of(tokens.issue, commits, rev, grant=grant.id) == "not-found"
        assert code_of(tokens.issue, commits, ann, grant="grt_x") == "not-found"
        assert code_of(tokens.issue, commits, ann, days=4000) == "bad-days"
        rows = tokens.listed(commits, ann)
        assert {row.id for row in rows} >= {one.token, own.token}
        assert code_of(tokens.listed, commits, rev, ann.person) == "not-your-role"
        assert tokens.listed(commits, cast.admin, ann.person) == rows


def test_a_token_never_outlives_its_grant(home):
    clock = Clock()
    with serving(home, clock) as commits:
        ann, _, grant = granted(commits, Cast(commits))
        long = tokens.issue(commits, ann, grant=grant.id, days=300)
        short = tokens.issue(commits, ann, grant=grant.id, days=2)
        assert milliseconds(long.until) == grant.until_ms
        clock.ahead = dt.timedelta(days=3)
        assert key(commits, short.secret) is None
        assert key(commits, long.secret) is not None
        clock.ahead = dt.timedelta(days=31)
        assert key(commits, long.secret) is None


def test_rotation_leaves_no_gap_and_ends_the_old_one(home):
    clock = Clock()
    with serving(home, clock) as commits:
        ann, rev, grant = granted(commits, Cast(commits))
        old = tokens.issue(commits, ann, grant=grant.id)
        assert code_of(tokens.rotate, commits, rev, old.token) == "not-found"
        new = tokens.rotate(commits, ann, old.token)
        assert key(commits, old.secret).grant == key(commits, new.secret).grant
        clock.ahead = dt.timedelta(hours=23)
        assert key(commits, old.secret) is not None
        clock.ahead = dt.timedelta(hours=25)
        assert key(commits, old.secret) is None
        assert key(commits, new.secret) is not None
        assert code_of(tokens.rotate, commits, ann, old.token) == "not-live"
        at_once_ = tokens.rotate(commits, ann, new.token, grace_days=0)
        assert key(commits, new.secret) is None
        assert key(commits, at_once_.secret) is not None
        assert code_of(tokens.rotate, commits, ann, new.token, grace_days=100) == "bad-days"


def test_a_revoked_token_works_no_longer(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, bob = cast.person("Ann"), cast.person("Bob")
        one, two = tokens.issue(commits, ann), tokens.issue(commits, ann)
        assert code_of(tokens.revoke, commits, bob, one.token) == "not-found"
        assert tokens.revoke(commits, ann, one.token)
        assert tokens.revoke(commits, cast.admin, two.token)
        for token in (one, two):
            assert key(commits, token.secret) is None
            assert code_of(people.authenticate, commits, token.secret) == "bad-token"
            assert code_of(tokens.revoke, commits, ann, token.token) == "already-so"
            assert code_of(tokens.rotate, commits, ann, token.token) == "not-live"


def test_so_many_tokens_and_no_more_however_they_are_asked_for(home):
    with serving(home) as commits:
        ann = Cast(commits).person("Ann")  # who has one
        for _ in range(tokens.LIVE_MAX - 3):
            tokens.issue(commits, ann)
        found = at_once(*[lambda: tokens.issue(commits, ann).person] * 4)
        assert sorted(found) == [ann.person, ann.person, "too-many-tokens", "too-many-tokens"]
        # One that is replaced may be, all the same: it works on, but only for a while.
        assert tokens.rotate(commits, ann, tokens.listed(commits, ann)[0].id).person == ann.person
        assert code_of(tokens.rotate, commits, ann, tokens.listed(commits, ann)[1].id) == "too-many-tokens"


def test_what_a_revoked_grant_opened_its_tokens_open_no_more(home):
    with serving(home) as commits:
        ann, rev, grant = granted(commits, Cast(commits))
        one = tokens.issue(commits, ann, grant=grant.id)
        grants.revoke(commits, rev, grant.id)
        assert key(commits, one.secret) is None
        assert code_of(tokens.issue, commits, ann, grant=grant.id) == "not-live"
        assert code_of(tokens.rotate, commits, ann, one.token) == "not-live"
