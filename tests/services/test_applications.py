"""Applications: from a draft to a grant, by those who have to agree, once."""

import datetime as dt

from sqlalchemy import func, select, update

from granting import FIELDS, Cast, Clock, at_once, code_of, decide, decided, policy_of, serving
from halfdoor.bootstrap.working import working
from halfdoor.core.governance.limits import Limits
from halfdoor.core.policy.document import Application
from halfdoor.services import access_rules, applications, grants, people
from halfdoor.services.commit import milliseconds
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.applications import due_applications
from halfdoor.store.tables.access import access_grant
from halfdoor.store.tables.decisions import decision
from homes import stored

TWO = Application("vetted", ("identity", "purpose"), reviewers=2, days=40, undecided_days=10)
SHORT = {"identity": "Ann", "purpose": "To look for flaws."}


class Down:
    def check(self):
        raise LogUnavailable("log-down", "it is down")

    def settle(self, numbers, seconds_max):
        raise LogUnavailable("log-down", "it is down")


def submitted(commits, who, version, fields=FIELDS, terms=None, **more):
    """An application that was drafted and submitted."""
    made = applications.draft(commits, who, version=version, group="vetted", fields=fields, **more)
    return applications.submit(commits, who, made.application.id, terms=terms).application


def grant_count(commits):
    with commits.reading() as connection:
        return connection.execute(select(func.count()).select_from(access_grant)).scalar_one()


def test_an_application_becomes_a_grant_of_what_the_group_has_beyond_anyone(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        version = decided(commits, policy_of(Application("vetted", ("identity", "purpose"), days=40)))
        form = applications.form(commits, version, "vetted")
        assert (form.fields, form.items, form.days) == (("identity", "purpose"), ("inference-code",), 40)
        assert applications.groups(commits, version) == ["auditors", "vetted"]
        draft = applications.draft(
            commits, ann, version=version, group="vetted", fields={"purpose": "To look."}
        )
        one = draft.application.id
        assert applications.listed(commits, rev, everybody=True) == []
        assert code_of(applications.show, commits, rev, one) == "not-found"
        assert code_of(applications.approve, commits, rev, one) == "not-found"
        assert code_of(applications.submit, commits, ann, one) == "missing-field"
        assert code_of(applications.edit, commits, rev, one, SHORT) == "not-found"
        applications.edit(commits, ann, one, SHORT)
        assert applications.submit(commits, ann, one).application.state == "submitted"
        assert code_of(applications.edit, commits, ann, one, SHORT) == "wrong-state"
        assert [row.id for row in applications.listed(commits, rev, everybody=True)] == [one]
        view = applications.approve(commits, rev, one, reason="Known to us.")
        assert view.application.state == "approved"
        assert [(act.act, act.person) for act in view.acts] == [
            ("submit", ann.person),
            ("approve", rev.person),
        ]
        (grant,) = grants.listed(commits, ann)
        assert (grant.items, grant.group, grant.application) == (("inference-code",), "vetted", one)
        assert (grant.until_ms - grant.issued_ms) / 86_400_000 == 40
        grants.revoke(commits, rev, grant.id)
        assert applications.show(commits, ann, one).application.state == "revoked"
    entries, _ = stored(home)
    everything = b"".join(entries)
    assert b"access:application:approve" in everything
    assert b"To look" not in everything
    assert b"Known to us" not in everything


def test_nobody_applies_where_nothing_can_be_had(home):
    clock = Clock()
    with serving(home, clock) as commits:
        ann = Cast(commits).person("Ann")
        version = decided(commits)
        draft = applications.draft
        as_ = {"version": version, "fields": FIELDS}
        assert code_of(draft, commits, ann, **as_, group="identified") == "nothing-to-get"
        assert code_of(draft, commits, ann, **as_, group="anyone") == "nothing-to-get"
        assert code_of(draft, commits, ann, **as_, group="no such") == "nothing-to-get"
        assert code_of(draft, commits, ann, **as_, group="staff") == "no-applications"
        assert code_of(draft, commits, ann, version="x", fields={}, group="vetted") == "no-decision"
        wrong = {"version": version, "group": "vetted", "fields": {"purposes": "x"}}
        assert code_of(draft, commits, ann, **wrong) == "unknown-field"
        assert applications.groups(commits, "x") == []
        made = draft(commits, ann, **as_, group="vetted")
        assert code_of(draft, commits, ann, **as_, group="vetted") == "already-so"
        clock.ahead = dt.timedelta(days=301)
        assert code_of(applications.submit, commits, ann, made.application.id) == "no-decision"


def test_a_second_reviewer_is_another_person_and_neither_is_the_applicant(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann = cast.person("Ann", "reviewer")
        one, two = cast.person("One", "reviewer"), cast.person("Two", "reviewer")
        version = decided(commits, policy_of(TWO))
        asked = submitted(commits, ann, version, SHORT).id
        assert code_of(applications.approve, commits, ann, asked) == "own-application"
        assert code_of(applications.approve, commits, cast.admin, asked) == "not-your-role"
        view = applications.approve(commits, one, asked)
        assert (view.application.state, view.approvals) == ("submitted", [one.person])
        assert code_of(applications.approve, commits, one, asked) == "already-so"
        assert grant_count(commits) == 0
        assert applications.approve(commits, two, asked).application.state == "approved"
        assert grant_count(commits) == 1
        assert code_of(applications.approve, commits, two, asked) == "wrong-state"


def test_what_was_changed_after_it_was_read_is_not_approved(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, one, two = cast.person("Ann"), cast.person("One", "reviewer"), cast.person("Two", "reviewer")
        asked = submitted(commits, ann, decided(commits)).id
        read = applications.show(commits, one, asked).seen
        assert code_of(applications.return_, commits, two, asked, reason=" ") == "bad-text"
        applications.return_(commits, two, asked, reason="For what?")
        assert code_of(applications.approve, commits, one, asked, seen=read) == "wrong-state"
        other = {**FIELDS, "purpose": "To sell it."}
        applications.submit(commits, ann, asked, fields=other)
        assert code_of(applications.approve, commits, one, asked, seen=read) == "changed-meanwhile"
        assert (
            code_of(applications.reject, commits, one, asked, reason="no", seen=read) == "changed-meanwhile"
        )
        now = applications.show(commits, one, asked)
        assert now.application.fields == other
        assert applications.approve(commits, one, asked, seen=now.seen).application.state == "approved"


def test_a_rejection_is_appealed_once_before_another_reviewer(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, one, two = cast.person("Ann"), cast.person("One", "reviewer"), cast.person("Two", "reviewer")
        version = decided(commits)
        asked = submitted(commits, ann, version).id
        applications.reject(commits, one, asked, reason="Not convincing.")
        assert code_of(applications.submit, commits, ann, asked) == "wrong-state"
        assert code_of(applications.appeal, commits, one, asked, reason="x") == "not-found"
        appealed = applications.appeal(commits, ann, asked, reason="It was misread.")
        assert appealed.application.state == "appealed"
        assert code_of(applications.approve, commits, one, asked) == "another-reviewer"
        applications.reject(commits, two, asked, reason="It was not.")
        assert code_of(applications.appeal, commits, ann, asked, reason="again") == "already-so"
        anew = submitted(commits, ann, version).id
        assert anew != asked
        assert applications.approve(commits, one, anew).application.state == "approved"


def test_two_reviewers_at_once_make_one_grant(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann = cast.person("Ann")
        reviewers = [cast.person(name, "reviewer") for name in ("One", "Two", "Six")]
        version = decided(commits)
        asked = submitted(commits, ann, version).id
        calls = [
            lambda who=who: applications.approve(commits, who, asked).application.state for who in reviewers
        ]
        assert sorted(at_once(*calls)) == ["approved", "wrong-state", "wrong-state"]
        assert grant_count(commits) == 1
        other = decided(commits, policy_of(TWO), name="2.0")
        again = submitted(commits, ann, other, SHORT).id
        calls = [
            lambda who=who: applications.approve(commits, who, again).application.state
            for who in (reviewers[0], reviewers[0], reviewers[1])
        ]
        found = at_once(*calls)
        assert found.count("already-so") + found.count("wrong-state") == 1
        assert found.count("approved") == 1
        assert grant_count(commits) == 2


def test_withdrawing_and_approving_at_once_leave_no_grant_of_a_withdrawn_one(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        asked = submitted(commits, ann, decided(commits)).id
        found = at_once(
            lambda: applications.withdraw(commits, ann, asked).application.state,
            lambda: applications.approve(commits, rev, asked).application.state,
        )
        assert sorted(found) in (["withdrawn", "wrong-state"], ["approved", "wrong-state"])
        assert grant_count(commits) == found.count("approved")


def test_leaving_while_it_is_approved_leaves_nothing_open(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        asked = submitted(commits, ann, decided(commits)).id
        at_once(lambda: people.leave(commits, ann), lambda: applications.approve(commits, rev, asked))
        for grant in grants.listed(commits, rev, everybody=True):
            assert grant.revoked_ms is not None
        assert applications.show(commits, rev, asked).application.state in {"withdrawn", "revoked"}


def test_one_agrees_to_terms_and_keeps_those_that_were_in_effect(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        version = decided(commits)
        assert code_of(access_rules.set_terms, commits, rev, "vetted", "Be kind.") == "not-your-role"
        first = access_rules.set_terms(commits, cast.admin, "vetted", "Be kind.")
        made = applications.draft(commits, ann, version=version, group="vetted", fields=FIELDS)
        one = made.application.id
        assert applications.form(commits, version, "vetted").terms == first
        assert code_of(applications.submit, commits, ann, one) == "no-agreement"
        second = access_rules.set_terms(commits, cast.admin, "vetted", "Be kind, and careful.")
        assert code_of(applications.submit, commits, ann, one, terms=first) == "changed-meanwhile"
        assert applications.submit(commits, ann, one, terms=second).application.terms == second
        access_rules.set_terms(commits, cast.admin, "vetted", "Anything goes.")
        assert applications.approve(commits, rev, one).application.terms == second
        assert access_rules.terms_text(commits, second) == "Be kind, and careful.\n"
        assert code_of(access_rules.terms_text, commits, "sha256:x") == "not-found"


def test_automatic_approval_needs_the_policy_and_somebody_who_answers_for_it(home):
    with serving(home) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        automatic = Application("vetted", ("purpose",), automatic=True)
        stated = {"purpose": "To look."}
        version = decided(commits, policy_of(automatic))
        asked = submitted(commits, ann, version, stated)
        assert asked.state == "submitted", "nobody answers for it yet"
        access_rules.set_limits(commits, cast.admin, "vetted", Limits(bytes=1000))
        assert code_of(access_rules.set_limits, commits, rev, "vetted", Limits()) == "not-your-role"
        assert code_of(access_rules.answer_for, commits, cast.admin, "vetted") == "not-your-role"
        access_rules.answer_for(commits, rev, "vetted")
        assert code_of(access_rules.answer_for, commits, rev, "vetted") == "already-so"
        assert applications.form(commits, version, "vetted").automatic
        bob = cast.person("Bob")
        assert submitted(commits, bob, version, stated).state == "approved"
        (grant,) = grants.listed(commits, bob)
        assert grant.bytes_max == 1000
        # The one who answers is no reviewer of their own, and none at all without the role.
        assert submitted(commits, rev, version, stated).state == "submitted"
        people.take_role(commits, cast.admin, rev.person, "reviewer")
        assert submitted(commits, cast.person("Cat"), version, stated).state == "submitted"
        other = decided(commits, policy_of(TWO), name="2.0")
        assert submitted(commits, bob, other, SHORT).state == "submitted", "the policy does not say so"
        assert code_of(access_rules.answer_no_more, commits, bob, "vetted") == "not-your-role"
        assert access_rules.answer_no_more(commits, cast.admin, "vetted")
        assert code_of(access_rules.answer_no_more, commits, cast.admin, "vetted") == "already-so"
        (rule,) = access_rules.listed(commits)
        assert (rule.group, rule.responsible, rule.limits.bytes) == ("vetted", None, 1000)
    entries, _ = stored(home)
    issued = [entry for entry in entries if b"access:grant:issue" in entry]
    assert len(issued) == 1
    assert rev.person.encode() in issued[0]


def test_of_many_each_is_decided_by_itself(home):
    with serving(home) as commits:
        cast = Cast(commits)
        rev = cast.person("Rev", "reviewer")
        version = decided(commits)
        asked = [submitted(commits, who, version).id for who in (cast.person("Ann"), rev, cast.person("Bob"))]
        assert code_of(applications.bulk, commits, cast.admin, "approve", asked) == "not-your-role"
        assert code_of(applications.bulk, commits, rev, "approve", ["x"] * 201) == "too-many"
        found = applications.bulk(commits, rev, "approve", [*asked, "app_x", asked[0]])
        assert [(one.state, one.code) for one in found] == [
            ("approved", ""),
            (None, "own-application"),
            ("approved", ""),
            (None, "not-found"),
        ]
        assert grant_count(commits) == 2


def test_what_nobody_decides_expires_once(home):
    clock = Clock()
    with serving(home, clock) as commits:
        cast = Cast(commits)
        ann, bob = cast.person("Ann"), cast.person("Bob")
        rev = cast.person("Rev", "reviewer")
        version = decided(commits, policy_of(TWO))
        asked = submitted(commits, ann, version, SHORT).id
        drafted = applications.draft(commits, bob, version=version, group="vetted", fields={})
        assert applications.expire_due(commits) == 0
        clock.ahead = dt.timedelta(days=11)
        assert sum(at_once(*[lambda: applications.expire_due(commits)] * 3)) == 2
        assert applications.expire_due(commits) == 0
        assert applications.show(commits, rev, asked).application.state == "expired"
        assert applications.show(commits, bob, drafted.application.id).application.state == "expired"
        assert code_of(applications.approve, commits, rev, asked) == "wrong-state"
    entries, _ = stored(home)
    assert sum(b"access:application:expire" in entry for entry in entries) == 1


def test_what_one_worker_expires_another_leaves_alone(home):
    clock = Clock()
    with serving(home, clock) as commits:
        ann = Cast(commits).person("Ann")
        version = decided(commits, policy_of(TWO))
        submitted(commits, ann, version, SHORT)
        clock.ahead = dt.timedelta(days=11)
        if commits.engine.dialect.name != "postgresql":
            return  # SQLite has one writer at a time anyway
        with commits.engine.begin() as connection:
            assert len(due_applications(connection, milliseconds(commits.now()), 10)) == 1
            assert applications.expire_due(commits) == 0
        assert applications.expire_due(commits) == 1


def test_an_application_can_prolong_a_grant(home):
    clock = Clock()
    with serving(home, clock) as commits:
        cast = Cast(commits)
        ann, bob, rev = cast.person("Ann"), cast.person("Bob"), cast.person("Rev", "reviewer")
        version = decided(commits, policy_of(Application("vetted", days=30)))
        applications.approve(commits, rev, submitted(commits, ann, version).id)
        (grant,) = grants.listed(commits, ann)
        clock.ahead = dt.timedelta(days=20)
        stranger = {"version": version, "group": "vetted", "fields": FIELDS, "renews": grant.id}
        assert code_of(applications.draft, commits, bob, **stranger) == "not-found"
        applications.approve(commits, rev, submitted(commits, ann, version, renews=grant.id).id)
        (longer,) = grants.listed(commits, ann)
        assert longer.id == grant.id
        assert (longer.until_ms - grant.issued_ms) // 86_400_000 == 50
        # Where the decision gives more by now, a new grant does, and the old one stays what it was.
        with commits.change() as change:
            old = update(decision).where(decision.c.version == version)
            change.connection.execute(old.values(ended_ms=change.now_ms, ended_cause="replaced"))
            wider = {"model-card": ["anyone"], "inference-code": ["vetted"], "final-parameters": ["vetted"]}
            decide(change, version, policy_of(Application("vetted", days=30)), wider)
        clock.ahead = dt.timedelta(days=25)
        applications.approve(commits, rev, submitted(commits, ann, version, renews=grant.id).id)
        items = [row.items for row in grants.listed(commits, ann)]
        assert items == [("inference-code",), ("final-parameters", "inference-code")]


def test_closing_goes_on_while_the_log_is_down_and_opening_does_not(home):
    with working(home) as commits:
        cast = Cast(commits)
        ann, bob, rev = cast.person("Ann"), cast.person("Bob"), cast.person("Rev", "reviewer")
        version = decided(commits)
        asked = [submitted(commits, who, version).id for who in (ann, bob)]
    with working(home, settling=lambda _: Down()) as commits:
        assert code_of(applications.approve, commits, rev, asked[0]) == "log-down"
        assert applications.reject(commits, rev, asked[0], reason="No.").application.state == "rejected"
        assert applications.withdraw(commits, bob, asked[1]).application.state == "withdrawn"
        assert grant_count(commits) == 0


def test_statistics_are_for_those_who_look_after_applications(home):
    clock = Clock()
    with serving(home, clock) as commits:
        cast = Cast(commits)
        ann, rev = cast.person("Ann"), cast.person("Rev", "reviewer")
        version = decided(commits)
        asked = submitted(commits, ann, version).id
        clock.ahead = dt.timedelta(hours=5)
        applications.approve(commits, rev, asked)
        assert code_of(applications.statistics, commits, ann) == "not-your-role"
        (figures,) = applications.statistics(commits, rev)
        assert (figures.counts, figures.decided) == ({"approved": 1}, 1)
        assert 5 <= figures.median_hours < 5.1


def test_one_person_has_only_so_many_open_applications(home, monkeypatch):
    monkeypatch.setattr(applications, "OPEN_MAX", 2)
    with serving(home) as commits:
        ann = Cast(commits).person("Ann")
        versions = [decided(commits, name=f"{number}.0") for number in range(3)]
        for version in versions[:2]:
            submitted(commits, ann, version)
        as_ = {"version": versions[2], "group": "vetted", "fields": FIELDS}
        assert code_of(applications.draft, commits, ann, **as_) == "too-many-requests"
