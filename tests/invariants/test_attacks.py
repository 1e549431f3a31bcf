"""Clocks that go wrong, old copies, a log that is down, the wrong token, and many at the same time."""

import datetime as dt
import shutil
import subprocess

import msgspec
import pytest
from sqlalchemy import update

from granting import at_once, wait_until
from halfdoor.bootstrap import serving as served
from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.limits import Limits
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.access import FileBegun, GrantRevoked
from halfdoor.core.model.dossier import LedgerTable
from halfdoor.gate.permit import admit
from halfdoor.services import decide, deliveries, grants, people, stage, tokens
from halfdoor.services.feed import keep_mark
from halfdoor.services.home import read_home
from halfdoor.services.stage import StageSpec
from halfdoor.store.access import grant_of
from halfdoor.store.tables.access import access_grant
from homes import Databases, new_home, writing
from opening import CARD, CODE, DIGESTS, FILES, SIZE, WEIGHTS, Clock, House, asked, digest_of, question
from worlds import score

BOTH = {CARD: ("anyone",), CODE: ("cyber-vetted",), WEIGHTS: ("bio-vetted",)}
YEAR = dt.timedelta(days=365)


def code(call, *arguments, **named):
    with pytest.raises(HalfdoorError) as caught:
        call(*arguments, **named)
    return caught.value.code


# ── Time ──


def test_a_clock_set_back_a_year_revives_nothing(house):
    """Neither a token, a grant nor a decision; not even for a process that begins then."""
    version = house.versions[0]
    house.open(version, BOTH, days=60)
    grant, token = house.grant("Gil", version)
    short = tokens.issue(house.commits, house.actor("Gil"), grant=grant.id, days=1)
    assert house.admits(version, "weights", short.secret) is True
    begun = house.clock.time
    for days, secret, path, refused in (
        (2, short.secret, "weights", "gated"),
        (41, token.secret, "weights", "gated"),
        (61, None, "README.md", "disabled"),
    ):
        house.clock.time = begun + dt.timedelta(days=days)
        assert house.admits(version, path, secret) == refused
        keep_mark(house.commits)  # as a server does every ten seconds
        for time in (begun, begun - YEAR):
            house.clock.time = time
            assert house.admits(version, path, secret) == refused
            house.again()
            assert house.admits(version, path, secret) == refused, "the process that began then believed it"


def test_no_stage_is_entered_by_a_clock_set_back(house):
    version, clock = house.versions[0], house.clock
    found = house.adopt(version, BOTH)
    today = house.commits.now().date()
    later = today + dt.timedelta(days=30)
    specs = [StageSpec({CARD: ("anyone",)}), StageSpec(BOTH, not_before=later)]
    plan = stage.start(house.commits, house.actor("Pat"), found.id, stages=specs)
    for days in (0, 29, -365):
        clock.time = dt.datetime.combine(today + dt.timedelta(days=days), dt.time(12), dt.UTC)
        assert code(stage.advance, house.commits, house.actor("Pat"), plan.id) == "not-yet"
    clock.time = dt.datetime.combine(later, dt.time(1), dt.UTC)
    assert stage.advance(house.commits, house.actor("Pat"), plan.id).stage == 2
    stage.halt(house.commits, house.actor("Olu"), plan.id)
    clock.time -= YEAR  # what is decided now must still count as decided after the halt, and nothing before
    house.again()
    assert code(stage.start, house.commits, house.actor("Pat"), found.id) == "not-in-force"
    assert house.admits(version, "README.md") == "disabled"


ENDS = {
    "review": {"days": 30},
    "evidence": {"days": 90, "evidence_max_age_days": 29},
    "ledger": {"days": 90, "due": 29},
}


@pytest.mark.parametrize("what", ENDS)
def test_the_day_on_which_a_decision_ends_closes_it_by_itself(house, what):
    """Nobody does anything; the gate compares the days, in the middle of what is granted."""
    how = ENDS[what]
    about = _question_ending(house, how)
    version = house.versions[0]
    plan = house.open(version, BOTH, days=how["days"], about=about)
    _, token = house.grant("Gil", version)
    last = _midnight(house, 30)
    house.clock.time = last - dt.timedelta(milliseconds=1)
    assert house.admits(version, "weights", token.secret) is True
    house.clock.time = last
    assert house.admits(version, "weights", token.secret) == "disabled"
    assert house.admits(version, "README.md") == "disabled"
    assert not decide.show(house.commits, plan.decision).in_force
    assert code(house.grant, "Hal", version) == "no-decision"
    assert decide.end_due(house.commits) == [plan.decision]
    assert decide.show(house.commits, plan.decision).ended_cause == what


def _midnight(house, days):
    day = house.commits.now().date() + dt.timedelta(days=days)
    return dt.datetime.combine(day, dt.time(), dt.UTC)


def _question_ending(house, how):
    """In scope, where evidence counts and a ledger is kept, except for the review alone."""
    replace, today = msgspec.structs.replace, house.commits.now().date()
    if how.keys() == {"days"}:
        return question(BOTH)
    about = question(BOTH, evidence_max_age_days=how.get("evidence_max_age_days"))
    ledger = ()
    if "due" in how:
        due = today + dt.timedelta(days=how["due"])
        ledger = (LedgerTable(item=WEIGHTS, replacement="a study", owner="Pat", due=due),)
    model = replace(about.dossier.model, training_compute_flop=None)
    weak = score(2, weights=DIGESTS[WEIGHTS], measured=today)
    return replace(about, dossier=replace(about.dossier, model=model, ledger=ledger), claims=(weak,))


def test_what_is_proposed_is_not_approved_after_its_review(house):
    found = house.propose(house.versions[0], BOTH, days=10)
    for name in ("Ann", "Ben"):
        decide.approve(house.commits, house.actor(name), found.id, seen=found.seen)
    house.clock.time += dt.timedelta(days=10)
    oda = house.actor("Oda")
    assert code(decide.approve, house.commits, oda, found.id, seen=found.seen) == "ended"
    keep_mark(house.commits)  # as a server does every ten seconds
    house.clock.time -= YEAR
    assert code(decide.approve, house.commits, oda, found.id, seen=found.seen) == "ended"


# ── Copies ──


def test_a_copy_in_which_a_revocation_is_undone_is_not_served(sqlite_home):
    """The database as it was before a revocation: the log in it is shorter than its second store knows."""
    kept = sqlite_home.folder.parent / "copy.db"
    with House(sqlite_home) as house:
        house.furnish()
        house.open(house.versions[0], BOTH)
        grant, _ = house.grant("Gil", house.versions[0])
    shutil.copy(sqlite_home.folder / "halfdoor.db", kept)
    with house:
        grants.revoke(house.commits, house.actor("Rea"), grant.id)
    shutil.copy(kept, sqlite_home.folder / "halfdoor.db")
    _is_refused(sqlite_home, house, grant)


def test_a_copy_of_a_postgresql_in_which_a_revocation_is_undone_is_not_served(tmp_path, cluster):
    """The same, by a dump."""
    databases = Databases(cluster.create(), cluster.create())
    home = new_home(tmp_path / "home", databases)
    with House(home) as house:
        house.furnish()
        house.open(house.versions[0], BOTH)
        grant, _ = house.grant("Gil", house.versions[0])
    old = _dump(cluster, databases.log)
    with house:
        grants.revoke(house.commits, house.actor("Rea"), grant.id)
    copy = _restored(cluster, old)
    settings = home.folder / "home.toml"
    settings.write_text(settings.read_text().replace(databases.log, copy))
    house.home = read_home(home.folder)
    _is_refused(house.home, house, grant)
    for one in (databases.log, databases.latest, copy):
        assert cluster.drop(one) == 0


def _is_refused(home, house, grant):
    with pytest.raises(HalfdoorError) as caught, writing(home):
        pass
    assert caught.value.code == "data-older"
    house.home = home
    with served.serving(home, clock=Clock()) as running:
        with running.parts.commits.reading() as connection:
            assert grant_of(connection, grant.id).revoked_ms is None, "this is the old copy"
        wait_until(lambda: running.keeper._why is not None and running.keeper._why.code == "data-older")
        with pytest.raises(HalfdoorError) as caught:
            running.checks["log"]()
        assert "data-older" in str(caught.value.message) or caught.value.code == "log-down"
        gil = house.actor_by(running.parts.commits, "Gil")
        assert code(tokens.issue, running.parts.commits, gil, grant=grant.id) == "log-down"
        wanted = deliveries.Wanted(house.versions[0], "README.md", digest_of("README.md"), CARD, 0, SIZE)

        def ask(connection, now):
            return admit(connection, asked(house.versions[0], "README.md"), now)

        by = deliveries.By("test")
        assert code(deliveries.begin, running.parts.commits, wanted, by, ask) == "log-down"


def _dump(cluster, url):
    return subprocess.run(
        [cluster._programs / "pg_dump", "--no-owner", _plain(url)], check=True, capture_output=True
    ).stdout


def _restored(cluster, dump):
    url = cluster.create()
    subprocess.run(
        [cluster._programs / "psql", "-q", "-v", "ON_ERROR_STOP=1", _plain(url)],
        input=dump,
        check=True,
        capture_output=True,
    )
    return url


def _plain(url):
    return url.replace("postgresql+psycopg://", "postgresql://")


# ── The log is down ──


def test_what_closes_closes_while_the_log_is_down_and_is_logged_later(house):
    version = house.versions[0]
    plan = house.open(version, BOTH)
    grant, token = house.grant("Gil", version)
    house.tap.shut()
    house.tap.refusing = True
    done = grants.revoke(house.commits, house.actor("Rea"), grant.id)
    assert not done.logged
    assert house.admits(version, "weights", token.secret) == "gated"
    assert stage.halt(house.commits, house.actor("Olu"), plan.id).logged is False
    assert house.admits(version, "README.md") == "disabled"
    assert house.told(GrantRevoked) == []
    assert code(house.propose, version, BOTH) == "log-down"
    house.again()
    assert house.admits(version, "README.md") == "disabled", "the revocation was forgotten"
    house.tap.catch_up()
    (one,) = house.told(GrantRevoked)
    assert (one.grant, one.by) == (grant.id, house.ids["Rea"])
    assert house.faults() == set()


def test_what_opens_opens_nothing_before_the_log_has_it(house):
    version = house.versions[0]
    found = house.adopt(version, BOTH)
    house.tap.shut()
    pat = house.actor("Pat")
    assert code(stage.start, house.commits, pat, found.id, stages=[StageSpec(BOTH)]) == "log-late"
    (plan,) = stage.listed(house.commits, version)
    assert house.admits(version, "README.md") == "not-listed"
    assert code(stage.advance, house.commits, pat, plan.id) == "not-yet"
    house.tap.catch_up()
    assert house.admits(version, "README.md") == "not-listed"
    house.tap.shut()
    assert code(stage.advance, house.commits, pat, plan.id) == "log-late"
    assert house.admits(version, "README.md") == "not-listed"
    stage.halt(house.commits, house.actor("Olu"), plan.id)
    house.again()
    house.tap.catch_up()
    assert house.admits(version, "README.md") == "disabled", "what was halted opened when the log went on"


# ── The wrong token ──


def test_a_token_opens_what_its_own_grant_says_and_nothing_else(house):
    one, other = house.versions
    for version in house.versions:
        house.open(version, BOTH)
    _, bio = house.grant("Gil", one)
    _, cyber = house.grant("Hal", one, "cyber-vetted")
    _, elsewhere = house.grant("Gil", other)
    gil = tokens.issue(house.commits, house.actor("Gil"))
    may = {
        secret: {(v, path) for v in house.versions for path in FILES if house.admits(v, path, secret) is True}
        for secret in (None, bio.secret, cyber.secret, elsewhere.secret, gil.secret, bio.secret[:-1], "")
    }
    free = {(one, "README.md"), (other, "README.md")}
    assert may[bio.secret] == free | {(one, "weights")}
    assert may[cyber.secret] == free | {(one, "run.py")}, "one of two groups that are not comparable"
    assert may[elsewhere.secret] == free | {(other, "weights")}
    for secret in (None, gil.secret, bio.secret[:-1], ""):
        assert may[secret] == free


def test_a_grant_does_not_grow_with_what_is_decided_later(house):
    """Its group gets more; the grant names what it named."""
    version = house.versions[0]
    house.open(version, BOTH)
    _, token = house.grant("Gil", version)
    house.open(version, {**BOTH, CODE: ("bio-vetted", "cyber-vetted")})
    assert house.admits(version, "weights", token.secret) is True
    assert house.admits(version, "run.py", token.secret) == "gated"
    assert house.admits(version, "bundle", token.secret) == "gated"


def test_two_grants_in_two_groups_do_not_make_a_bundle(house):
    """Who is in both groups shows one token at a time; a file of both items takes a group that has both."""
    version = house.versions[0]
    house.open(version, BOTH)
    for group in ("bio-vetted", "cyber-vetted"):
        _, token = house.grant("Gil", version, group)
        assert house.admits(version, "bundle", token.secret) == "gated"


def test_the_control_plane_takes_no_grants_token_and_the_gate_no_persons(house):
    version = house.versions[0]
    house.open(version, BOTH)
    _, token = house.grant("Gil", version)
    assert code(people.authenticate, house.commits, token.secret) == "bad-token"
    for name in ("Gil", "Ada", "Pat"):
        own = tokens.issue(house.commits, house.actor(name))
        assert people.authenticate(house.commits, own.secret).person == house.ids[name]
        assert house.admits(version, "weights", own.secret) == "gated", "there is no way past the gate"


def test_nobody_gets_a_token_for_a_grant_of_somebody_else(house):
    version = house.versions[0]
    house.open(version, BOTH)
    grant, token = house.grant("Gil", version)
    for name in ("Hal", "Ada", "Rea"):
        assert code(tokens.issue, house.commits, house.actor(name), grant=grant.id) == "not-found"
        assert code(tokens.rotate, house.commits, house.actor(name), token.token) == "not-found"
    house.execute(update(access_grant).values(person=house.ids["Hal"]))
    assert house.admits(version, "weights", token.secret) == "gated", "its grant is somebody else's"


# ── Many at once ──


@pytest.mark.parametrize("limits", [Limits(bytes=5 * SIZE), Limits(downloads=5)])
def test_many_at_once_take_no_more_than_the_grant_has(home, limits):
    with House(home) as house:
        house.furnish()
        version = house.versions[0]
        house.open(version, BOTH)
        grant, token = house.grant("Gil", version)
        grants.narrow(house.commits, house.actor("Rea"), grant.id, limits)
        made = deliveries.Wanted(version, "weights", digest_of("weights"), WEIGHTS, 0, SIZE)

        def ask(connection, now):
            return admit(connection, asked(version, "weights", token.secret), now)

        def begin():
            return deliveries.begin(house.commits, made, deliveries.By("test", grant.id, token.token), ask)

        found = at_once(*[begin] * 12)
        begun = [one for one in found if one.startswith("dlv_")]
        assert len(begun) == 5
        assert set(found) - set(begun) == {"limit-reached"}
        assert {event.delivery for event in house.told(FileBegun)} == set(begun)
        for one in begun:
            deliveries.end(house.commits, one, SIZE)
        assert code(begin) == "limit-reached"


def test_a_revocation_among_many_deliveries_is_the_last_word(house):
    """Whichever comes first: what begins after it does not begin."""
    version = house.versions[0]
    house.open(version, BOTH)
    grant, token = house.grant("Gil", version)
    made = deliveries.Wanted(version, "weights", digest_of("weights"), WEIGHTS, 0, SIZE)

    def ask(connection, now):
        return admit(connection, asked(version, "weights", token.secret), now)

    def begin():
        return deliveries.begin(house.commits, made, deliveries.By("test", grant.id, token.token), ask)

    def revoke():
        return grants.revoke(house.commits, house.actor("Rea"), grant.id).grant.id

    at_once(begin, begin, revoke, begin, begin)
    with pytest.raises(Refused, match="granted"):
        begin()
