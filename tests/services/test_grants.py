"""Grants: by others, of what was decided, until a date; and closed at once."""

import datetime as dt

import pytest
from sqlalchemy import insert, update

from granting import Cast, Clock, at_once, code_of, decide, decided, policy_of, serving
from halfdoor.bootstrap.working import working
from halfdoor.core.governance.limits import Limits
from halfdoor.core.governance.tokens import secret_hash
from halfdoor.core.policy.document import Application
from halfdoor.services import applications, grants, people, tokens
from halfdoor.services.commit import milliseconds
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.access import GrantRow, key_of
from halfdoor.store.applications import RuleRow, set_rule
from halfdoor.store.tables.access import delivery
from halfdoor.store.tables.decisions import decision
from homes import stored

DAY_MS = 86_400_000


class Late:
    def check(self):
        pass

    def settle(self, numbers, seconds_max):
        return False


class Down(Late):
    def check(self):
        raise LogUnavailable("log-down", "it is down")

    def settle(self, numbers, seconds_max):
        raise LogUnavailable("log-down", "it is down")


def key(commits, secret):
    with commits.reading() as connection:
        return key_of(connection, secret_hash(secret), milliseconds(commits.now()))


def rule(commits, group, limits, responsible=None):
    with commits.change() as change:
        set_rule(change.connection, RuleRow(group, responsible, None, limits), change.now_ms)


def issue(commits, actor, person, version, **more):
    return grants.issue(commits, actor, person=person, version=version, group="auditors", **more)


def test_staff_and_auditors_are_let_in_by_others(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann", "reviewer"), cast.person("Rev", "reviewer")
        version = decided(commits)
        grant = issue(commits, rev, ann.person, version)
        assert grant.items == ("final-parameters", "inference-code")
        assert abs(grant.until_ms - grant.issued_ms - 180 * DAY_MS) < 1000
        assert grants.listed(commits, ann) == [grants.show(commits, ann, grant.id)]
        issue(commits, cast.admin, ann.person, version)
        assert code_of(issue, commits, ann, ann.person, version) == "own-grant"
        assert code_of(issue, commits, cast.person("Bob"), ann.person, version) == "not-your-role"
        assert code_of(issue, commits, rev, "per_x", version) == "not-found"
        assert code_of(issue, commits, rev, ann.person, "ver_x") == "no-decision"
        as_vetted = {"person": ann.person, "version": version, "group": "vetted"}
        assert code_of(grants.issue, commits, rev, **as_vetted) == "needs-application"


def test_nothing_is_granted_beyond_the_decision_or_without_one_in_force(home):
    clock = Clock()
    with serving(home, clock) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        nothing = decided(commits, configuration={"model-card": ["anyone"], "final-parameters": ["staff"]})
        assert code_of(issue, commits, rev, ann.person, nothing) == "nothing-to-get"
        version = decided(commits, name="2.0", days=100)
        with commits.closing() as change:
            ended = update(decision).where(decision.c.version == nothing)
            change.connection.execute(ended.values(ended_ms=change.now_ms, ended_cause="condition"))
        assert code_of(issue, commits, rev, ann.person, nothing) == "no-decision"
        issue(commits, rev, ann.person, version)
        clock.ahead = dt.timedelta(days=101)
        assert code_of(issue, commits, rev, ann.person, version) == "no-decision"


def test_limits_are_those_of_the_rule_or_narrower(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        version = decided(commits, policy_of(Application("auditors", days=20)))
        rule(commits, "auditors", Limits(bytes=1000, networks=("10.0.0.0/8",), days=50))
        grant = issue(commits, rev, ann.person, version, limits=Limits(downloads=3))
        assert (grant.bytes_max, grant.downloads_max, grant.networks) == (1000, 3, ("10.0.0.0/8",))
        assert grant.until_ms - grant.issued_ms == 20 * DAY_MS
        wider = {"limits": Limits(bytes=1001)}
        assert code_of(issue, commits, rev, ann.person, version, **wider) == "not-narrower"
        narrow = Limits(bytes=10, networks=("10.1.0.0/16",))
        assert code_of(grants.narrow, commits, ann, grant.id, narrow) == "not-your-role"
        grants.narrow(commits, rev, grant.id, narrow)
        now = grants.show(commits, rev, grant.id)
        assert (now.bytes_max, now.downloads_max, now.networks) == (10, 3, ("10.1.0.0/16",))
        assert code_of(grants.narrow, commits, rev, grant.id, Limits(bytes=11)) == "not-narrower"


def test_a_renewal_holds_once_it_is_logged_and_the_grant_meanwhile(home):
    clock = Clock()
    with serving(home, clock) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann", "reviewer"), cast.person("Rev", "reviewer")
        version = decided(commits)
        grant = issue(commits, rev, ann.person, version, limits=Limits(days=30))
        one = tokens.issue(commits, ann, grant=grant.id)
        assert code_of(grants.renew, commits, ann, grant.id) == "own-grant"
        assert code_of(grants.renew, commits, cast.admin, grant.id) == "not-your-role"
        assert code_of(grants.renew, commits, rev, grant.id, days=20) == "already-so"
        assert grants.renew(commits, rev, grant.id, days=60).until_ms > grant.until_ms
    with working(home, settling=lambda _: Late(), clock=clock) as commits:
        assert code_of(grants.renew, commits, rev, grant.id, days=90) == "log-late"
        clock.ahead = dt.timedelta(days=20)
        assert key(commits, one.secret) is not None, "a renewal that waits closed the grant"
        until = grants.show(commits, ann, grant.id).until_ms
        assert (until - grant.issued_ms) // DAY_MS == 60
        clock.ahead = dt.timedelta(days=70)
        assert not grants.show(commits, ann, grant.id).is_live(milliseconds(commits.now()))
        assert grants.expire_due(commits) == 0, "a renewal that waits for the log was cut off"
    with serving(home, clock) as commits:
        people.add_organisation(commits, cast.admin, "after it")  # what waited longer is in the log by then
        assert grants.show(commits, ann, grant.id).is_live(milliseconds(commits.now()))
        clock.ahead = dt.timedelta(days=91)
        assert code_of(grants.renew, commits, rev, grant.id) == "not-live"


def test_nothing_is_prolonged_that_is_no_longer_decided(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        version = decided(commits)
        grant = issue(commits, rev, ann.person, version, limits=Limits(days=30))
        with commits.change() as change:
            old = update(decision).where(decision.c.version == version)
            change.connection.execute(old.values(ended_ms=change.now_ms, ended_cause="replaced"))
        assert code_of(grants.renew, commits, rev, grant.id) == "no-decision"
        with commits.change() as change:
            narrower = {"model-card": ["anyone"], "inference-code": ["vetted"]}
            decide(change, version, policy_of(), narrower)
        assert code_of(grants.renew, commits, rev, grant.id) == "nothing-to-get"
        assert grants.show(commits, ann, grant.id).until_ms == grant.until_ms


def test_revoking_closes_at_once_whatever_the_log_does(home):
    with working(home) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        over = cast.person("Over", "overseer")
        version = decided(commits)
        made = [issue(commits, rev, ann.person, version) for _ in range(3)]
        secret = tokens.issue(commits, ann, grant=made[0].id).secret
    with working(home, settling=lambda _: Down()) as commits:
        gone = grants.revoke(commits, rev, made[0].id, cause="terms")
        assert not gone.logged
        assert key(commits, secret) is None
        assert gone.unreached == ["Nothing had left under this grant."]
        assert code_of(grants.revoke, commits, rev, made[0].id) == "already-so"
        assert code_of(grants.revoke, commits, rev, made[1].id, cause="order") == "not-your-role"
        assert code_of(grants.revoke, commits, ann, made[1].id, cause="reviewer") == "not-your-role"
        assert grants.revoke(commits, ann, made[1].id).grant.revoked_cause == "holder"
        assert grants.revoke(commits, over, made[2].id).grant.revoked_cause == "order"
        assert code_of(grants.revoke, commits, cast.admin, "grt_x") == "not-found"


def test_whoever_revokes_is_told_what_that_cannot_reach(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        version = decided(commits)
        grant = issue(commits, rev, ann.person, version)
        with commits.change() as change:
            for number, (sent, ended, offloaded) in enumerate(
                [
                    (10, 1, False),
                    (5, 1, False),
                    (None, 1, True),
                    (None, None, False),
                    (None, None, True),
                    (0, 1, False),
                ]
            ):
                row = {"id": change.new_id("dlv"), "path": f"{number % 2}", "digest": f"{number % 2}"}
                row |= {
                    "first_byte": 0,
                    "length_bytes": 10,
                    "offloaded": offloaded,
                    "holder": "x",
                    "entry": 1,
                }
                row |= {"begun_ms": 1, "ended_ms": ended, "sent_bytes": sent, "version": version}
                change.connection.execute(insert(delivery).values(access_grant=grant.id, **row))
        said = " ".join(grants.revoke(commits, rev, grant.id).unreached)
        for words in (
            "2 files left",
            "15 bytes",
            "cache",
            "1 deliveries another",
            "1 transfers were",
            "1 transfers run",
        ):
            assert words in said


def test_two_who_revoke_at_once_are_one_revocation(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        grant = issue(commits, rev, ann.person, decided(commits))
        calls = [lambda: grants.revoke(commits, rev, grant.id).grant.revoked_cause] * 3
        assert sorted(at_once(*calls)) == ["already-so", "already-so", "reviewer"]
    entries, _ = stored(home)
    assert sum(b"access:grant:revoke" in entry for entry in entries) == 1


def test_grants_run_out_once_however_many_look_after_that(home):
    clock = Clock()
    with serving(home, clock) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        version = decided(commits)
        for days in (2, 3, 40):
            issue(commits, rev, ann.person, version, limits=Limits(days=days))
        assert grants.expire_due(commits) == 0
        clock.ahead = dt.timedelta(days=4)
        counts = at_once(*[lambda: applications.expire_due(commits)] * 3)
        assert sum(counts) == 2
        assert applications.expire_due(commits) == 0
        states = [row.revoked_cause for row in grants.listed(commits, rev, everybody=True)]
        assert states == ["expired", "expired", None]
    entries, _ = stored(home)
    assert sum(b"access:grant:expire" in entry for entry in entries) == 2


def test_others_grants_are_for_those_who_look_after_them(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, bob = cast.person("Ann"), cast.person("Bob")
        rev, aud = cast.person("Rev", "reviewer"), cast.person("Aud", "auditor")
        grant = issue(commits, rev, ann.person, decided(commits))
        assert code_of(grants.show, commits, bob, grant.id) == "not-found"
        assert code_of(grants.listed, commits, bob, person=ann.person) == "not-your-role"
        assert code_of(grants.listed, commits, bob, everybody=True) == "not-your-role"
        for who in (rev, aud, cast.admin):
            assert grants.listed(commits, who, person=ann.person)[0].id == grant.id
        people.leave(commits, ann)
        assert grants.show(commits, rev, grant.id).revoked_cause == "holder"


@pytest.mark.parametrize(
    ("row", "live"),
    [({}, True), ({"revoked_ms": 5}, False), ({"until_ms": 10}, False), ({"logged": False}, False)],
)
def test_a_grant_is_live_while_nothing_closes_it(row, live):
    values = {"until_ms": 20, "revoked_ms": None, "logged": True, **row}
    empty = {"networks": (), "bytes_max": None, "downloads_max": None}
    assert GrantRow("grt", "per", "ver", "vetted", ("x",), **values, **empty).is_live(10) is live
