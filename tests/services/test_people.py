"""People: let in once by a secret, recognised by another, and gone at once when they go."""

import datetime as dt

import pytest
from sqlalchemy import select, update

from core.governance.test_people import ed
from granting import Cast, Clock, at_once, code_of, serving
from halfdoor.bootstrap.working import working
from halfdoor.core.governance.tokens import looks_right
from halfdoor.services import people, tokens
from halfdoor.store.tables.people import invitation, person, token
from hindered import Down, Late
from homes import stored


def test_the_first_administrator_is_asked_in_until_one_has_come(home):
    with serving(home) as commits:
        first = people.first_admin(commits)
        again = people.first_admin(commits)
        assert again.person == first.person
        assert code_of(people.join, commits, first.secret) == "bad-invitation"
        joined = people.join(commits, again.secret, name="Ada", email="Ada@Example.org")
        assert people.first_admin(commits) is None
        actor = people.authenticate(commits, joined.secret)
        assert actor.roles == {"admin"}
        assert looks_right(joined.secret)
        assert people.person(commits, "ada@example.org").name == "Ada"
        assert people.person_actor(commits, "ADA@example.org").person == actor.person
        assert people.person_actor(commits, actor.person).roles == {"admin"}
        assert code_of(people.join, commits, again.secret) == "bad-invitation"


def test_an_invitation_lets_in_one_and_once(home):
    with serving(home) as commits:
        cast = Cast(commits)
        asked = people.invite(commits, cast.admin, name="Ann", email="ann@example.org", roles=["reviewer"])
        found = at_once(*[lambda: people.join(commits, asked.secret)] * 4)
        assert sorted(map(str, found)).count("bad-invitation") == 3
        assert code_of(people.join, commits, asked.secret) == "bad-invitation"
        for wrong in ("", "hdi_x", asked.secret + "x", "x" * 100_000):
            assert code_of(people.join, commits, wrong) == "bad-invitation"


def test_an_invitation_runs_out_and_a_new_one_takes_its_place(home):
    clock = Clock()
    with serving(home, clock) as commits:
        cast = Cast(commits)
        ask = {"name": "Ann", "email": "ann@example.org"}
        first = people.invite(commits, cast.admin, **ask)
        second = people.invite(commits, cast.admin, **ask)
        assert first.person == second.person
        assert code_of(people.join, commits, first.secret) == "bad-invitation"
        clock.ahead = dt.timedelta(days=8)
        assert code_of(people.join, commits, second.secret) == "bad-invitation"
        third = people.invite(commits, cast.admin, **ask)
        old = people.join(commits, third.secret)
        people.authenticate(commits, old.secret)
        # Who lost their token is asked in again; what they had works no longer then.
        new = people.join(commits, people.invite(commits, cast.admin, **ask).secret)
        assert code_of(people.authenticate, commits, old.secret) == "bad-token"
        assert people.authenticate(commits, new.secret).person == first.person


def test_only_administrators_ask_in_and_name_what_there_is(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann = cast.person("Ann", "reviewer")
        ask = {"name": "Bob", "email": "bob@example.org"}
        assert code_of(people.invite, commits, ann, **ask) == "not-your-role"
        assert code_of(people.invite, commits, cast.admin, **ask, organisation="None") == "not-found"
        assert code_of(people.invite, commits, cast.admin, **ask, roles=["A b"]) == "bad-role"
        assert code_of(people.invite, commits, cast.admin, **ask, days=400) == "bad-days"
        assert code_of(people.invite, commits, cast.admin, name="x\ny", email="x@y.org") == "bad-text"
        assert code_of(people.add_organisation, commits, ann, "Org") == "not-your-role"
        one = people.add_organisation(commits, cast.admin, "Org")
        assert code_of(people.add_organisation, commits, cast.admin, "Org") == "already-so"
        bob = cast.person("Bob", organisation="Org")
        assert bob.organisation == one
        people.place(commits, cast.admin, bob.person, None)
        assert people.person(commits, bob.person).organisation is None
        assert [row.name for row in people.organisations(commits)] == ["Org"]


def test_who_registers_holds_no_role_and_belongs_to_nobody(home):
    with serving(home) as commits:
        cast = Cast(commits)
        org = people.add_organisation(commits, cast.admin, "Example")
        who, issued = people.register(commits, name="Eve", email="Eve@x.org", organisation=org)
        actor = people.authenticate(commits, issued.secret)
        assert (actor.person, actor.roles, actor.organisation) == (who, frozenset(), None)
        row = people.person(commits, who)
        assert (row.affiliation, row.organisation) == (org, None)
        again = {"name": "Eve", "email": "eve@X.org", "organisation": "-"}
        assert code_of(people.register, commits, **again) == "already-so"
        calls = [lambda: people.register(commits, name="F", email="f@x.org", organisation="-") and "in"] * 3
        assert sorted(at_once(*calls)) == ["already-so", "already-so", "in"]


def test_roles_are_given_by_others_and_taken_at_once(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann = cast.person("Ann")
        give, take = people.give_role, people.take_role
        assert code_of(give, commits, ann, ann.person, "admin") == "not-your-role"
        assert code_of(give, commits, cast.admin, cast.admin.person, "approver") == "not-yourself"
        give(commits, cast.admin, cast.admin.person, "publisher")
        oneself = {"name": "Ada", "email": "ada@example.org", "roles": ["reviewer"]}
        assert code_of(people.invite, commits, cast.admin, **oneself) == "not-yourself"
        give(commits, cast.admin, "ann@example.org", "safety-lead")
        assert code_of(give, commits, cast.admin, ann.person, "safety-lead") == "already-so"
        assert people.person(commits, ann.person).roles == ("safety-lead",)
        assert code_of(take, commits, ann, cast.admin.person, "publisher") == "not-your-role"
        assert take(commits, ann, ann.person, "safety-lead")
        assert code_of(take, commits, ann, ann.person, "safety-lead") == "already-so"
        assert people.person(commits, ann.person).roles == ()
        assert code_of(take, commits, cast.admin, cast.admin.person, "admin") == "last-admin"
        assert code_of(people.leave, commits, cast.admin) == "last-admin"


def test_two_last_administrators_do_not_go_at_once(home):
    with serving(home) as commits:
        cast = Cast(commits)
        bea = cast.person("Bea", "admin")
        found = at_once(
            lambda: people.take_role(commits, cast.admin, cast.admin.person, "admin"),
            lambda: people.leave(commits, bea),
        )
        assert sorted(map(str, found)) == ["True", "last-admin"]


def test_a_role_that_the_log_has_not_taken_is_not_held(home):
    with working(home) as commits:
        cast = Cast(commits)
        ann = cast.person("Ann")
        bea = cast.person("Bea", "approver")
    with working(home, settling=lambda _: Late()) as commits:
        assert code_of(people.give_role, commits, cast.admin, ann.person, "approver") == "log-late"
        assert people.person_actor(commits, ann.person).roles == frozenset()
        asked = code_of(people.invite, commits, cast.admin, name="C", email="c@example.org")
        assert asked == "log-late"
    with working(home, settling=lambda _: Down()) as commits:
        assert code_of(people.give_role, commits, cast.admin, ann.person, "auditor") == "log-down"
        assert people.take_role(commits, cast.admin, bea.person, "approver") is False
        assert people.person_actor(commits, bea.person).roles == frozenset()
    with working(home) as commits:
        people.give_role(commits, cast.admin, ann.person, "auditor")
        assert people.person_actor(commits, ann.person).roles == {"approver", "auditor"}


def test_a_token_of_somebody_whom_the_log_does_not_know_opens_nothing(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann = cast.person("Ann")
        one = tokens.issue(commits, ann)
        people.authenticate(commits, one.secret)
        with commits.closing() as change:
            unknown = update(person).where(person.c.id == ann.person).values(entry=10**9)
            change.connection.execute(unknown)
        assert code_of(people.authenticate, commits, one.secret) == "bad-token"


def test_who_leaves_is_gone_at_once(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, bob = cast.person("Ann", "reviewer"), cast.person("Bob")
        people.add_ssh_key(commits, ann, ed())
        extra = tokens.issue(commits, ann)
        assert code_of(people.leave, commits, bob, ann.person) == "not-your-role"
        assert people.leave(commits, cast.admin, ann.person)
        assert code_of(people.leave, commits, cast.admin, ann.person) == "already-so"
        assert code_of(people.authenticate, commits, extra.secret) == "bad-token"
        assert code_of(people.person_actor, commits, ann.person) == "not-found"
        assert people.ssh_keys(commits, ann.person) == []
        with commits.reading() as connection:
            rows = connection.execute(select(token.c.revoked_ms).where(token.c.person == ann.person))
            assert all(revoked for (revoked,) in rows)
        # Their address may come again, as somebody new, without what they could do.
        again = cast.person("Ann")
        assert again.person != ann.person
        assert again.roles == frozenset()
        assert code_of(people.erase_person, commits, cast.admin, bob.person) == "has-not-left"
        people.erase_person(commits, cast.admin, ann.person)
        assert people.person(commits, ann.person).name == "(erased)"


def test_keys_for_signing_are_ones_own_and_nobody_elses(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, bob = cast.person("Ann"), cast.person("Bob")
        kept = people.add_ssh_key(commits, ann, f"{ed()} ann@laptop")
        assert people.ssh_keys(commits, ann.person) == [kept] == [ed()]
        assert code_of(people.add_ssh_key, commits, bob, ed()) == "already-so"
        assert code_of(people.remove_ssh_key, commits, bob, ed()) == "not-found"
        assert code_of(people.remove_ssh_key, commits, bob, ed(), ann.person) == "not-your-role"
        assert people.remove_ssh_key(commits, cast.admin, ed(), ann.person)
        assert people.ssh_keys(commits, ann.person) == []


@pytest.mark.parametrize("shown", ["", "hd_", "Bearer x", "hd_" + "A" * 36, "x" * 10_000, "\ud800", "hd_\0"])
def test_what_is_no_token_is_refused_in_one_way(sqlite_home, shown):
    with working(sqlite_home) as commits:
        assert code_of(people.authenticate, commits, shown) == "bad-token"


def test_names_and_addresses_stand_in_no_entry_and_secrets_nowhere(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann = people.invite(commits, cast.admin, name="Ann Unusual", email="unusual@example.org")
        joined = people.join(commits, ann.secret)
        with commits.reading() as connection:
            tables = [str(connection.execute(select(one)).all()) for one in (person, token, invitation)]
    entries, _ = stored(home)
    everything = b"".join(entries).decode() + "".join(tables)
    assert "unusual" not in b"".join(entries).decode().lower()
    assert "people:person:join" in everything
    for secret in (ann.secret, joined.secret):
        assert secret not in everything
        assert secret[4:20] not in everything
