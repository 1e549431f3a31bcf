"""The policy and the risk model that decisions are taken under here."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.policy.document import Policy
from halfdoor.core.risk.document import RiskModel
from halfdoor.services import decide
from halfdoor.services.commit import moment
from halfdoor.web.api.operation import (
    ANYONE,
    QUESTION_BYTES_MAX,
    Asks,
    Call,
    Nothing,
    Operation,
    Table,
    holding,
)

if TYPE_CHECKING:
    from halfdoor.store.decisions import AdoptedPolicyRow


class AdoptPolicy(Asks, frozen=True):
    """policy, risk_model: the documents, whole."""

    policy: Policy
    risk_model: RiskModel


class AdoptedPolicy(msgspec.Struct, frozen=True):
    """Digests of both documents, and who adopted them when."""

    policy: str
    risk_model: str
    adopted_by: str
    at: dt.datetime


class Adopted(msgspec.Struct, frozen=True):
    """What decisions are taken under here; null: nothing was adopted, and whoever proposes names it."""

    adopted: AdoptedPolicy | None


def _show(call: Call[Nothing]) -> Adopted:
    row = decide.policy_adopted(call.commits)
    return Adopted(None if row is None else _adopted(row))


def _adopt(call: Call[AdoptPolicy]) -> Adopted:
    asks = call.asks
    row = decide.adopt_policy(call.commits, call.person, policy=asks.policy, risk_model=asks.risk_model)
    return Adopted(_adopted(row))


def _adopted(row: AdoptedPolicyRow) -> AdoptedPolicy:
    return AdoptedPolicy(row.policy, row.risk_model, row.adopted_by, moment(row.at_ms))


OPERATIONS: Table = (
    Operation(
        name="show_adopted_policy",
        method="GET",
        path="/policy",
        who=ANYONE,
        summary="The policy and the risk model that decisions are taken under here.",
        asks=Nothing,
        answers=Adopted,
        handle=_show,
    ),
    Operation(
        name="adopt_policy",
        method="PUT",
        path="/policy",
        who=holding("admin"),
        summary="From now on decisions are proposed under this policy and this risk model alone.",
        asks=AdoptPolicy,
        answers=Adopted,
        handle=_adopt,
        body_bytes_max=QUESTION_BYTES_MAX,
    ),
)
