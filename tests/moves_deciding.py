"""What people do who decide and open, as rules of a machine; each success is held against the model.

What is not allowed is tried too: replayed approvals, approvals of what nobody saw, plans that go too far.
"""

import datetime as dt

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from sqlalchemy import select

from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.stages import StageSpec
from halfdoor.services import decide, stage
from halfdoor.services.feed import keep_mark
from halfdoor.services.log.signing import LogUnavailable
from halfdoor.store.plans import entered, plan_of
from halfdoor.store.tables.decisions import decision as decision_table
from halfdoor.store.tables.decisions import plan as plan_table
from opening import CARD, CODE, PRIVATE, WEIGHTS
from permitted import Decision, Plan, cells

CONFIGURATIONS = {
    "card": {CARD: ("anyone",)},
    "bio": {CARD: ("anyone",), WEIGHTS: ("bio-vetted",)},
    "cyber": {CARD: ("anyone",), CODE: ("cyber-vetted",)},
    "both": {CARD: ("anyone",), CODE: ("cyber-vetted",), WEIGHTS: ("bio-vetted",)},
    "more": {CARD: ("anyone",), CODE: ("bio-vetted", "cyber-vetted"), WEIGHTS: ("bio-vetted",)},
    "audit": {CARD: ("anyone",), CODE: ("anyone",), WEIGHTS: ("auditors",)},
    "wide": {CARD: ("anyone",), CODE: ("anyone",), WEIGHTS: ("identified",)},
}
CHAINS = [["card"], ["card", "both"], ["bio", "both", "wide"], ["cyber", "more"], ["wide"], ["audit", "wide"]]
APPROVERS = ("Pat", "Ann", "Ben", "Oda", "Uwe")
WAITS = "waits"
_versions, _names = st.integers(0, 1), st.sampled_from(sorted(CONFIGURATIONS))
# What is decided, the stages, and for how many days.
opens = st.sampled_from(
    [
        ("both", ["card", "both"], 20),
        ("both", ["both"], 180),
        ("more", ["more"], 180),
        ("wide", ["bio", "wide"], 180),
        ("audit", ["audit"], 20),
    ]
)


class Moves(RuleBasedStateMachine):
    """What every rule needs. house, model, witness, running: as `begin` of the machine makes them."""

    @property
    def commits(self):
        return self.house.commits

    def _version(self, number):
        return self.house.versions[number]

    def _who(self, name):
        return self.house.ids[name]

    def _try(self, call, *arguments, **named):
        """What a service answered; or `waits`, where it stored all and the log is late; or None: refused.

        Two seconds pass before.
        """
        self._pass(seconds=2)
        try:
            return call(*arguments, **named)
        except LogUnavailable as error:
            if error.code == "log-late":
                self.model.waits = True
                return WAITS
            if not self.house.tap.refusing:
                raise
        except Refused:
            pass
        return None

    def _pass(self, **span):
        self.house.clock.time += dt.timedelta(**span)
        self.model.step += 1
        keep_mark(self.commits)  # as a server does every ten seconds
        self.model.waits = self.model.waits or self.house.tap.writer is None
        self.model.now = max(self.model.now, self.house.clock.time)

    def _unknown(self, table, known):
        """Ids of rows that were stored and not told of."""
        with self.commits.reading() as connection:
            found = set(connection.execute(select(table.c.id)).scalars())
        return found - {one.id for one in known}


class Deciding(Moves):
    """Decisions and stages."""

    @rule(version=_versions, name=_names, days=st.sampled_from([30, 180]), all_approve=st.booleans())
    def propose(self, version, name, days, all_approve):
        found = self._try(self.house.propose, self._version(version), CONFIGURATIONS[name], days=days)
        review = self.model.today + dt.timedelta(days=days)
        if found is None:
            return
        if found == WAITS:
            for id_ in self._unknown(decision_table, self.model.decisions):
                with self.commits.reading() as connection:
                    query = select(decision_table.c.document).where(decision_table.c.id == id_)
                    seen = connection.execute(query).scalar_one()
                self._proposed(id_, version, name, seen, review, logged=False)
            return
        assert found.document.review == review
        self._proposed(found.id, version, name, found.seen, review, logged=True)
        if all_approve:
            for one in ("Ann", "Ben", "Oda"):
                self.approve(len(self.model.decisions) - 1, one, None)

    def _proposed(self, id_, version, name, seen, review, *, logged):
        made = Decision(
            id=id_,
            version=self._version(version),
            configuration=CONFIGURATIONS[name],
            seen=seen,
            proposer=self._who("Pat"),
            review=review,
            logged=logged,
        )
        self.model.decisions.append(made)

    @precondition(lambda self: self.model.decisions)
    @rule(
        at=st.integers(0, 9), name=st.sampled_from(APPROVERS), other=st.one_of(st.none(), st.integers(0, 9))
    )
    def approve(self, at, name, other):
        """other: state the digest of another decision, as who replays an approval does."""
        one = self.model.decisions[at % len(self.model.decisions)]
        replayed = one if other is None else self.model.decisions[other % len(self.model.decisions)]
        person = self._who(name)
        if person in self.model.left:
            return
        actor = self.house.actor(name)
        found = self._try(decide.approve, self.commits, actor, one.id, seen=replayed.seen)
        if found is None:
            return
        assert replayed.seen == one.seen, "an approval of another decision was taken"
        assert person != one.proposer, "who proposed it approved it"
        assert person not in one.approved
        assert not one.ended
        assert self.model.roles[person] & {"approver", "outsider"}
        assert self.model.today < one.review
        one.approved[person] = found != WAITS
        if self.model.quorum(one) and one.adopted is None:
            self.model.adopt(one, logged=found.adopted is not None)
        if found != WAITS:
            assert (found.adopted is not None) == one.adoption_logged

    @precondition(lambda self: self.model.decisions)
    @rule(at=st.integers(0, 9), name=st.sampled_from(APPROVERS))
    def object(self, at, name):
        one = self.model.decisions[at % len(self.model.decisions)]
        if self._who(name) in self.model.left:
            return
        reason = f"{PRIVATE} is against it"
        actor = self.house.actor(name)
        self._try(decide.object_to, self.commits, actor, one.id, seen=one.seen, reason=reason)

    @precondition(lambda self: self.model.decisions)
    @rule(at=st.integers(0, 9), name=st.sampled_from(["Ann", "Gil", "Olu", "Rea"]))
    def end(self, at, name):
        one = self.model.decisions[at % len(self.model.decisions)]
        if self._who(name) in self.model.left:
            return
        found = self._try(decide.end, self.commits, self.house.actor(name), one.id)
        if found is not None:
            assert name in {"Ann", "Olu"}
            one.ended = True

    @rule(version=_versions, opens=opens)
    def decide_and_start(self, version, opens):
        self.open_anew(version, *opens)

    def open_anew(self, version, name, chain, days):
        """What takes many steps, in one."""
        if self.model.waits or self.house.tap.refusing:
            self.log_goes_on()
        self.propose(version, name, days=days, all_approve=True)
        self.start(len(self.model.decisions) - 1, chain, 0, 0)

    @precondition(lambda self: self.model.decisions)
    @rule(
        at=st.integers(0, 9),
        chain=st.sampled_from(CHAINS),
        approvals=st.sampled_from([0, 0, 0, 1]),
        wait_days=st.sampled_from([0, 0, 5]),
    )
    def start(self, at, chain, approvals, wait_days):
        one = self.model.decisions[at % len(self.model.decisions)]
        stages = [CONFIGURATIONS[name] for name in chain]
        day = self.model.today + dt.timedelta(days=wait_days) if wait_days else None
        specs = [
            StageSpec(config, day if number else None, approvals=approvals)
            for number, config in enumerate(stages)
        ]
        found = self._try(stage.start, self.commits, self.house.actor("Pat"), one.id, stages=specs)
        if found is None:
            return
        (id_,) = self._unknown(plan_table, self.model.plans) if found == WAITS else {found.id}
        assert all(cells(config) <= cells(one.configuration) for config in stages), "wider than decided"
        assert one.in_force(self.model.today)
        assert one.adopted > self.model.halts.get(one.version, -1)
        for other in self.model.plans:
            assert other.closed or other.decision is not one
        with self.commits.reading() as connection:
            logged = plan_of(connection, id_).logged
        plan = Plan(id_, one.version, one, stages, approvals, day, logged=logged)
        self.model.plans.append(plan)
        self._entered(plan)

    def _entered(self, plan):
        """Notice which stages the service entered, and that it might."""
        with self.commits.reading() as connection:
            rows = {one.stage: one.logged for one in entered(connection, plan.id)}
        first = min(rows, default=0)
        for number in sorted(set(rows) - set(range(1, len(plan.entered) + 1))):
            assert self.model.may_enter(plan, number, self._who("Pat")), f"stage {number} was entered"
            if number == first:
                plan.entered = [True] * (number - 1)
            plan.entered.append(rows[number])

    @precondition(lambda self: self.model.plans)
    @rule(at=st.integers(0, 9))
    def advance(self, at):
        plan = self.model.plans[-1 - at % len(self.model.plans)]
        self._try(stage.advance, self.commits, self.house.actor("Pat"), plan.id)
        self._entered(plan)

    @precondition(lambda self: self.model.plans)
    @rule(at=st.integers(0, 9), name=st.sampled_from(APPROVERS), number=st.integers(1, 3), old=st.booleans())
    def approve_stage(self, at, name, number, old):
        plan = self.model.plans[-1 - at % len(self.model.plans)]
        person = self._who(name)
        if person in self.model.left:
            return
        seen = plan.decision.seen if old else stage.show(self.commits, plan.id).seen
        actor = self.house.actor(name)
        found = self._try(stage.approve_stage, self.commits, actor, plan.id, number, seen)
        if found is not None:
            assert not old, "a stage was approved by who saw something else"
            assert self.model.roles[person] & {"approver", "outsider"}
            if found != WAITS:
                plan.approved.add((number, person))
            else:
                plan.late.add((number, person))

    @precondition(lambda self: self.model.plans)
    @rule(at=st.integers(0, 9), name=st.sampled_from(["Pat", "Olu", "Gil"]))
    def halt(self, at, name):
        plan = self.model.plans[-1 - at % len(self.model.plans)]
        if self._who(name) in self.model.left:
            return
        found = self._try(stage.halt, self.commits, self.house.actor(name), plan.id)
        assert (found is None) == (name == "Gil"), "a halt works whatever the log does"
        if found is not None:
            self.model.halts[plan.version] = self.model.step
            for other in self.model.plans:
                other.closed = other.closed or other.version == plan.version

    @precondition(lambda self: self.model.plans)
    @rule(at=st.integers(0, 9))
    def withdraw(self, at):
        plan = self.model.plans[-1 - at % len(self.model.plans)]
        was = plan.closed
        found = self._try(stage.withdraw, self.commits, self.house.actor("Pat"), plan.id)
        assert was or found is not None
        plan.closed = True
