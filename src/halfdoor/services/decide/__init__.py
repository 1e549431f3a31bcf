"""Deciding: propose, approve, object, end; and what ends or is adopted by itself."""

from halfdoor.services.decide.adopting import adopt_policy, policy_adopted
from halfdoor.services.decide.checking import recheck
from halfdoor.services.decide.due import adopt_due, end_due
from halfdoor.services.decide.ending import end, void
from halfdoor.services.decide.proposing import propose
from halfdoor.services.decide.views import ApprovalView, DecisionView, ObjectionView, listed, show
from halfdoor.services.decide.voting import approve, object_to

__all__ = [
    "ApprovalView",
    "DecisionView",
    "ObjectionView",
    "adopt_due",
    "adopt_policy",
    "approve",
    "end",
    "end_due",
    "listed",
    "object_to",
    "policy_adopted",
    "propose",
    "recheck",
    "show",
    "void",
]
