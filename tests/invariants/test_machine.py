"""Anybody does anything in any order, and nothing is ever open that may not be.

A machine of real services in a real home: decisions, stages, grants, tokens, people who leave, clocks that go
wrong, a log that goes down, processes that die. After every step the gate is asked everything that can be
asked, and its answers are held against a model (permitted.py) and against what the log says.
"""

import datetime as dt
import shutil
import tempfile
from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from halfdoor.core.governance.tokens import new_secret
from halfdoor.gate.permit import refusals
from halfdoor.services import decide
from halfdoor.store.standing import standing_of
from homes import open_files
from moves_access import APPLICANTS, Access, groups
from moves_deciding import CONFIGURATIONS, Deciding, opens
from opening import ELSEWHERE, FILES, HERE, NETWORK, PEOPLE, PRIVATE, admitted, asked, copied, furnished
from permitted import Model
from witnessed_opening import Witness

NOBODYS = new_secret(bytes(32))


@cache
def template():
    return furnished(Path(tempfile.mkdtemp(prefix="halfdoor-")))


class Opening(Deciding, Access):
    """A house, and what may be open in it."""

    @initialize(opened=st.tuples(opens, opens), group=groups, networks=st.booleans())
    def begin(self, opened, group, networks):
        self.folder = Path(tempfile.mkdtemp(prefix="halfdoor-"))
        self.house = copied(template(), self.folder).begin()
        self.model = Model(self.house.commits.now())
        self.witness = Witness(self.house, CONFIGURATIONS.values())
        self.model.roles = {self.house.ids[name]: set(row[1:]) for name, row in PEOPLE.items()}
        self.model.organisations = {self.house.ids[name]: row[0] for name, row in PEOPLE.items()}
        self.running = []  # deliveries under way, with their grants
        for version, how in enumerate(opened):
            self.open_anew(version, *how)
        for name, one in zip(APPLICANTS, ("bio-vetted", group), strict=False):
            self.grant(name, 0, one)
        if self.model.grants:
            self.narrow(-1, networks)

    # The world.

    @rule(span=st.sampled_from([{"hours": 1}, {"days": 1}, {"days": 6}, {"days": 25}]))
    def time_passes(self, span):
        self._pass(**span)

    @rule(days=st.sampled_from([1, 40, 365]))
    def clock_goes_back(self, days):
        self.house.clock.time -= dt.timedelta(days=days)

    @rule()
    def clock_is_right_again(self):
        self.house.clock.time = self.model.now

    @rule(how=st.sampled_from(["shut", "refuses", "soon", "soon"]))
    def log_goes_down(self, how):
        tap = self.house.tap
        if how == "soon":
            tap.left = 1
            return
        tap.shut()
        tap.refusing = how == "refuses"

    @rule()
    def log_goes_on(self):
        self.house.tap.catch_up()
        self._caught_up()

    def _caught_up(self):
        self.model.caught_up()
        self._pass(seconds=2)
        decide.adopt_due(self.commits)
        for one in self.model.decisions:
            waited = one.adopted is None and not one.ended and self.model.today < one.review
            if waited and self.model.quorum(one):
                self.model.adopt(one, logged=True)

    @rule()
    def crash(self):
        """The process dies, and another one begins, with what is stored."""
        self.house.end()
        self.house.begin()
        self.house.tap.catch_up()
        self._caught_up()

    # What is always so.

    @invariant()
    def what_is_open_is_what_may_be(self):
        if not hasattr(self, "witness"):
            return
        now = self.commits.now()
        assert now == self.model.now, "the clock went back"
        with self.commits.reading() as connection:
            for version in self.house.versions:
                standing = standing_of(connection, version, now)
                opened = {(item, group) for item, groups in standing.opened.items() for group in groups}
                may = self.model.open(version)
                assert opened <= may if self.model.waits else opened == may, standing
                assert standing.listed == {item for item, _ in opened}
                if opened:
                    self.witness.check_opened(version, standing)
            self._ask_everything(connection, now)

    def _ask_everything(self, connection, now):
        """As of running transfers, which are asked of all at once; and again as of new ones."""
        callers = [(None, None), (NOBODYS, None), *((one.secret, one) for one in self.model.tokens)]
        wanted = [
            (version, path, token, (version, path, secret, address))
            for version in self.house.versions
            for path in FILES
            for secret, token in callers
            for address in ((HERE, ELSEWHERE) if token and token.grant and token.grant.networks else (HERE,))
        ]
        answers = refusals(connection, [asked(*question) for *_, question in wanted], now)
        for (version, path, token, question), answer in zip(wanted, answers, strict=True):
            allowed = self.model.may(version, FILES[path], token, question[-1])
            assert answer is not None or allowed, (version, path, token)
            assert self.model.waits or (answer is None) == allowed, (version, path, token, answer)
            if answer is None or path == "weights":  # the same for each alone, as far as time goes
                again = admitted(connection, *question, now)
                assert again == (answer is None or answer.code)

    @invariant()
    def what_is_granted_stands_in_the_log_and_nothing_private_does(self):
        if hasattr(self, "witness"):
            self.witness.check_grants(self.model)
            self.witness.check_private(PRIVATE, PRIVATE.lower(), NETWORK)

    def teardown(self):
        if hasattr(self, "witness"):
            self.house.end()
            assert open_files(self.folder) == []
            shutil.rmtree(self.folder)


EXAMPLES, STEPS = (400, 60) if settings.get_current_profile_name() == "search" else (16, 40)

Opening.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, suppress_health_check=list(HealthCheck)
)
test_nothing_is_open_that_may_not_be = Opening.TestCase
