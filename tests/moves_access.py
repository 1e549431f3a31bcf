"""What people do who are let in, or let others in, as rules of a machine; and the deliveries that follow."""

import datetime as dt

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from halfdoor.core.governance.limits import Limits
from halfdoor.services import applications, decide, deliveries, grants, people, tokens
from halfdoor.services.commit import moment
from halfdoor.store.access import grant_of
from halfdoor.store.tables.access import access_grant
from moves_deciding import WAITS, Moves
from opening import APPLICATIONS, FILES, HERE, NETWORK, PRIVATE, SIZE, admitted, digest_of
from permitted import Grant, Token, cells

APPLICANTS = ("Gil", "Hal", "Ivy")
groups = st.sampled_from([one.group for one in APPLICATIONS])


class NotAdmittedError(Exception):
    """What the gate said when a delivery was to begin."""


class Access(Moves):
    """Applications, grants, tokens, leaving, deliveries."""

    @rule(name=st.sampled_from(APPLICANTS), version=st.integers(0, 1), group=groups)
    def grant(self, name, version, group):
        """Somebody applies, reviewers agree, and a token is issued."""
        person = self._who(name)
        if person in self.model.left:
            return
        version, actor = self._version(version), self.house.actor(name)
        if group == "auditors":
            reviewer = self.house.actor("Rea")
            made = {"person": person, "version": version, "group": group}
            found = self._try(grants.issue, self.commits, reviewer, **made)
        else:
            found = self._apply(actor, version, group)
        if found is not None:
            self._granted(name, version)

    def _apply(self, actor, version, group):
        fields = dict.fromkeys(("identity", "organisation", "purpose"), f"{PRIVATE} states this")
        needed = next(a for a in APPLICATIONS if a.group == group)
        fields = {f: text for f, text in fields.items() if f in needed.fields}
        asks = {"version": version, "group": group, "fields": fields}
        found = self._try(applications.draft, self.commits, actor, **asks)
        if found in (None, WAITS):
            return None
        id_ = found.application.id
        if self._try(applications.submit, self.commits, actor, id_) is None:
            return None
        for reviewer in ("Rea", "Rob")[: needed.reviewers]:
            reason = f"{PRIVATE} is known"
            agreed = self._try(
                applications.approve, self.commits, self.house.actor(reviewer), id_, reason=reason
            )
            if agreed is None:
                return None
        return "granted"

    def _granted(self, name, version):
        """Notice what was granted, and that it might be."""
        for id_ in self._unknown(access_grant, self.model.grants):
            with self.commits.reading() as connection:
                row = grant_of(connection, id_)
            assert (row.person, row.version) == (self._who(name), version)
            force = [d for d in self.model.decisions if d.version == version and d.in_force(self.model.today)]
            assert force, "granted without a decision in force"
            decided = cells(force[-1].configuration)
            assert all((item, row.group) in decided for item in row.items)
            limits = {"auditors": 60, "bio-vetted": 40, "cyber-vetted": 100, "identified": 20}
            until = moment(row.issued_ms) + dt.timedelta(days=limits[row.group])
            self.model.grants.append(
                Grant(id_, row.person, version, row.group, frozenset(row.items), until, logged=row.logged)
            )
            if row.logged:
                self.issue_token(-1, None)

    @precondition(lambda self: self.model.grants)
    @rule(at=st.integers(0, 9), days=st.sampled_from([None, 1, 300]))
    def issue_token(self, at, days):
        grant = self.model.grants[at % len(self.model.grants)]
        name = self._name(grant.person)
        if grant.person in self.model.left or not self._live_tokens(grant) < 10:
            return
        actor = self.house.actor(name)
        found = self._try(tokens.issue, self.commits, actor, grant=grant.id, days=days)
        if found not in (None, WAITS):
            assert self.model.live(grant)
            until = grant.until
            if days is not None:
                until = min(until, self.model.now + dt.timedelta(days=days))
            self.model.tokens.append(Token(found.token, found.secret, grant.person, grant, until))

    def _live_tokens(self, grant):
        return sum(t.grant is grant and not t.revoked and self.model.now < t.until for t in self.model.tokens)

    def _name(self, person):
        return next(name for name, id_ in self.house.ids.items() if id_ == person)

    @rule(name=st.sampled_from(["Gil", "Pat", "Olu"]))
    def issue_own_token(self, name):
        """One for the control plane, which opens nothing at the gate."""
        if self._who(name) in self.model.left:
            return
        found = self._try(tokens.issue, self.commits, self.house.actor(name))
        if found not in (None, WAITS):
            until = self.model.now + dt.timedelta(days=30)
            self.model.tokens.append(Token(found.token, found.secret, self._who(name), None, until))

    @precondition(lambda self: self.model.tokens)
    @rule(at=st.integers(0, 19), grace=st.sampled_from([0, 1, 14]))
    def rotate(self, at, grace):
        old = self.model.tokens[at % len(self.model.tokens)]
        if old.person in self.model.left:
            return
        actor = self.house.actor(self._name(old.person))
        found = self._try(tokens.rotate, self.commits, actor, old.id, grace_days=grace)
        if found is None:
            return
        now = self.model.now
        if found != WAITS:
            assert not old.revoked
            assert now < old.until
            until = now + dt.timedelta(days=30) if old.grant is None else old.grant.until
            self.model.tokens.append(Token(found.token, found.secret, old.person, old.grant, until))
        old.until = min(old.until, now + dt.timedelta(days=grace))

    @precondition(lambda self: self.model.tokens)
    @rule(at=st.integers(0, 19), own=st.booleans())
    def revoke_token(self, at, own):
        one = self.model.tokens[at % len(self.model.tokens)]
        name = self._name(one.person) if own else "Hal"
        if self._who(name) in self.model.left:
            return
        found = self._try(tokens.revoke, self.commits, self.house.actor(name), one.id)
        if one.person == self._who(name):
            one.revoked = True
        else:
            assert found is None

    @precondition(lambda self: self.model.grants)
    @rule(at=st.integers(0, 9), name=st.sampled_from(["Rea", "Olu", "Gil"]))
    def revoke(self, at, name):
        one = self.model.grants[at % len(self.model.grants)]
        if self._who(name) in self.model.left:
            return
        was = one.revoked
        found = self._try(grants.revoke, self.commits, self.house.actor(name), one.id)
        if name != "Gil" or one.person == self._who("Gil"):
            assert was or found is not None or self.model.now >= one.until, "a revocation always works"
            one.revoked = True
        else:
            assert found is None

    @precondition(lambda self: self.model.grants)
    @rule(at=st.integers(0, 9), networks=st.booleans())
    def narrow(self, at, networks):
        one = self.model.grants[at % len(self.model.grants)]
        limits = Limits(networks=(NETWORK,)) if networks else Limits(bytes=2 * SIZE)
        if self._try(grants.narrow, self.commits, self.house.actor("Rob"), one.id, limits) is not None:
            if networks:
                one.networks = (NETWORK,)
            else:
                one.bytes_max = 2 * SIZE

    @precondition(lambda self: self.model.grants)
    @rule(at=st.integers(0, 9), days=st.sampled_from([50, 90]))
    def renew(self, at, days):
        one = self.model.grants[at % len(self.model.grants)]
        found = self._try(grants.renew, self.commits, self.house.actor("Rea"), one.id, days=days)
        if found is None:
            return
        assert self.model.live(one), "what opens nothing any more was renewed"
        until = self.model.now + dt.timedelta(days=days)
        if found == WAITS:
            one.later = until
        else:
            one.until = until

    @rule()
    def expire(self):
        self._try(grants.expire_due, self.commits)
        for one in self.model.grants:
            one.revoked = one.revoked or self.model.now >= max(one.until, one.later or one.until)
        self._try(decide.end_due, self.commits)
        for one in self.model.decisions:
            one.ended = one.ended or self.model.today >= one.review

    @rule(name=st.sampled_from(["Gil", "Ivy", "Ben"]), come=st.integers(0, 3))
    def leave(self, name, come):
        """Seldom: it is for good."""
        if come or self._who(name) in self.model.left:
            return
        found = self._try(people.leave, self.commits, self.house.actor(name))
        assert found is not None, "whoever leaves has left"
        person = self._who(name)
        self.model.left.add(person)
        self.model.roles[person] = set()
        for one in (*self.model.tokens, *self.model.grants):
            one.revoked = one.revoked or one.person == person

    # Deliveries.

    @precondition(lambda self: self.model.tokens)
    @rule(at=st.integers(0, 19), path=st.sampled_from(sorted(FILES)))
    def deliver(self, at, path):
        token = self.model.tokens[at % len(self.model.tokens)]
        version = token.grant.version if token.grant else self._version(0)
        wanted = deliveries.Wanted(version, path, digest_of(path), FILES[path][0], 0, SIZE)
        grant = token.grant
        by = deliveries.By("test", grant and grant.id, token.id)

        def ask(connection, now):
            if admitted(connection, version, path, token.secret, HERE, now) is not True:
                raise NotAdmittedError

        try:
            found = self._try(deliveries.begin, self.commits, wanted, by, ask)
        except NotAdmittedError:
            return
        if found in (None, WAITS):
            return
        assert self.model.may(version, FILES[path], token, HERE), "bytes would have left"
        assert self.witness.look("delivery:file:begin")[-1].delivery == found, "before its entry"
        if grant is not None:
            grant.taken += SIZE
            assert grant.bytes_max is None or grant.taken <= grant.bytes_max, "beyond the limit"
        self.running.append((found, grant))

    @precondition(lambda self: self.running)
    @rule(sent=st.integers(0, SIZE))
    def deliver_end(self, sent):
        id_, grant = self.running.pop(0)
        self._try(deliveries.end, self.commits, id_, sent)
        if grant is not None:
            grant.taken -= SIZE - sent
