"""What may be open, said once more with plain sets: from the words of the design, and not from the code.

Only what stands in the log opens; what closes, closes whether it stands there or not.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

# group -> itself and every group inside it.
INSIDE = {
    "staff": {"staff"},
    "auditors": {"staff", "auditors"},
    "vetted": {"staff", "auditors", "vetted"},
    "bio-vetted": {"staff", "auditors", "bio-vetted"},
    "cyber-vetted": {"staff", "auditors", "cyber-vetted"},
    "identified": {"staff", "auditors", "vetted", "bio-vetted", "cyber-vetted", "identified"},
}
INSIDE["anyone"] = INSIDE["identified"] | {"anyone"}


def cells(configuration):
    """(item, group) for every group that has an item."""
    return {
        (item, inner) for item, groups in configuration.items() for group in groups for inner in INSIDE[group]
    }


@dataclass
class Decision:
    id: str
    version: str
    configuration: dict
    seen: str
    proposer: str
    review: dt.date
    logged: bool = True
    approved: dict = field(default_factory=dict)  # person: it stands in the log
    adopted: int | None = None  # when, counted in steps
    adoption_logged: bool = False
    ended: bool = False

    def in_force(self, today):
        return self.adopted is not None and self.adoption_logged and not self.ended and today < self.review


@dataclass
class Plan:
    id: str
    version: str
    decision: Decision
    stages: list  # of configurations
    approvals: int = 0  # that each stage takes
    not_before: dt.date | None = None  # of all but the first
    logged: bool = True
    closed: bool = False
    entered: list = field(default_factory=list)  # for each stage: it stands in the log
    approved: set = field(default_factory=set)  # (stage, person), in the log
    late: set = field(default_factory=set)  # the same, on their way there

    @property
    def stage(self):
        return max((at for at, logged in enumerate(self.entered, 1) if logged), default=0)


@dataclass
class Grant:
    id: str
    person: str
    version: str
    group: str
    items: frozenset
    until: dt.datetime
    logged: bool = True
    revoked: bool = False
    later: dt.datetime | None = None  # a renewal that waits for the log
    networks: tuple = ()
    bytes_max: int | None = None
    taken: int = 0  # bytes that left, or are on their way


@dataclass
class Token:
    id: str
    secret: str
    person: str
    grant: Grant | None
    until: dt.datetime
    revoked: bool = False


class Model:
    """All that was decided, granted and closed, and what is open by that."""

    def __init__(self, now):
        self.now, self.step = now, 0
        self.decisions, self.plans, self.grants, self.tokens = [], [], [], []
        self.halts = {}  # version: in which step it was halted last
        self.roles = {}  # person: the roles that they hold
        self.organisations = {}
        self.left = set()
        self.waits = False  # something waits for the log

    @property
    def today(self):
        return self.now.date()

    def caught_up(self):
        """Whatever waited stands in the log."""
        self.waits = False
        for one in (*self.decisions, *self.plans, *self.grants):
            one.logged = True
        for decision in self.decisions:
            decision.approved = dict.fromkeys(decision.approved, True)
            decision.adoption_logged = decision.adopted is not None
        for plan in self.plans:
            plan.entered = [True] * len(plan.entered)
            plan.approved, plan.late = plan.approved | plan.late, set()
        for grant in self.grants:
            grant.until, grant.later = grant.later or grant.until, None

    def quorum(self, decision):
        """Two approvers and an outsider of another organisation than the proposer's, none the proposer."""
        people = {one for one, logged in decision.approved.items() if logged} - {decision.proposer}
        theirs = self.organisations[decision.proposer]
        approvers = [one for one in people if "approver" in self.roles[one]]
        outsiders = [
            one
            for one in people
            if "outsider" in self.roles[one] and self.organisations[one] not in {None, theirs}
        ]
        return len(approvers) >= 2 and len(outsiders) >= 1

    def adopt(self, decision, *, logged):
        """The quorum is met; what was in force for the version before is over."""
        for other in self.decisions:
            if other.version == decision.version and other.adopted is not None:
                other.ended = True
        decision.adopted, decision.adoption_logged, decision.ended = self.step, logged, False

    def stands(self, plan):
        """The plan's decision permits something today."""
        after_halt = plan.decision.adopted is not None and plan.decision.adopted > self.halts.get(
            plan.version, -1
        )
        return plan.decision.in_force(self.today) and after_halt and not plan.closed

    def current(self, version):
        return next((p for p in reversed(self.plans) if p.version == version and p.logged), None)

    def open(self, version):
        """(item, group) of all that is open at this moment."""
        plan = self.current(version)
        if plan is None or not plan.stage or not self.stands(plan):
            return set()
        return cells(plan.stages[plan.stage - 1]) & cells(plan.decision.configuration)

    def may_enter(self, plan, number, by):
        """A stage may be entered now."""
        started = 1
        if not plan.entered:
            started = self.goes_on_at(plan)
        enough = len({person for stage, person in plan.approved if stage == number} - {by}) >= plan.approvals
        day_has_come = plan.not_before is None or number == 1 or self.today >= plan.not_before
        return (
            plan.logged
            and self.current(plan.version) is plan
            and self.stands(plan)
            and all(plan.entered)
            and number in ({len(plan.entered) + 1} if plan.entered else {1, started})
            and (number == started > 1 or (enough and day_has_come))
        )

    def goes_on_at(self, plan):
        """The stage of a new plan that has just what the former one had open when it was replaced."""
        former = next(
            (
                p
                for p in reversed(self.plans[: self.plans.index(plan)])
                if p.version == plan.version and p.stage
            ),
            None,
        )
        if former is None or former.closed:
            return 1
        had = cells(former.stages[former.stage - 1])
        return max((at for at, stage in enumerate(plan.stages, 1) if cells(stage) == had), default=1)

    def live(self, grant):
        return grant.logged and not grant.revoked and self.now < grant.until and grant.person not in self.left

    def may(self, version, items, token, address):
        """Somebody may have what belongs to all these items. token None: they show none, or none of ours."""
        open_ = self.open(version)
        rest = [item for item in items if (item, "anyone") not in open_]
        if not items or not rest:
            return bool(items)
        if token is None or token.revoked or token.grant is None or self.now >= token.until:
            return False
        grant = token.grant
        inside = not grant.networks or any(
            ipaddress.ip_address(address) in ipaddress.ip_network(one) for one in grant.networks
        )
        return (
            self.live(grant)
            and grant.version == version
            and grant.person == token.person
            and all(item in grant.items and (item, grant.group) in open_ for item in rest)
            and inside
            and (grant.bytes_max is None or grant.taken <= grant.bytes_max)
        )
