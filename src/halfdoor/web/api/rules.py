"""What administrators set for a group: terms, limits, and who answers for automatic approvals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec
from msgspec import Meta

from halfdoor.core.governance.limits import Days, Limits, Whole
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.terms import TERMS_MAX
from halfdoor.services import access_rules
from halfdoor.store.models import kind_of
from halfdoor.web.api.operation import ANYONE, HOLDER, PERSON, Asks, Call, Nothing, Operation, Table, holding
from halfdoor.web.api.people import Logged

if TYPE_CHECKING:
    from halfdoor.store.applications import RuleRow

Networks = tuple[Annotated[str, Meta(max_length=60)], ...]


class Rule(msgspec.Struct, frozen=True):
    """How applications as a group are handled here, within what the policy says.

    responsible: who answers for automatic approvals; null: there are none
    terms:       digest of what applicants agree to
    """

    group: str
    responsible: str | None
    terms: str | None
    limits: Limits


class Rules(msgspec.Struct, frozen=True):
    """The rules of all groups that have one."""

    rules: list[Rule]


class Terms(msgspec.Struct, frozen=True):
    """Terms that applicants agree to, by their digest."""

    digest: str
    text: str


class SetTerms(Asks, frozen=True):
    """text: what applicants of this group agree to from now on."""

    text: Annotated[str, Meta(min_length=1, max_length=TERMS_MAX)]


class Limiting(Asks, frozen=True):
    """What a grant is limited to; left out: not limited here.

    bytes: that may leave, all downloads together; downloads: files begun; networks: prefixes; days: it holds
    """

    bytes: Whole | None = None
    downloads: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    networks: Networks = ()
    days: Days | None = None

    def limits(self) -> Limits:
        """As the services take it."""
        return Limits(self.bytes, self.downloads, self.networks, self.days)


def _list(call: Call[Nothing]) -> Rules:
    return Rules([_rule(row) for row in access_rules.listed(call.commits)])


def _set_terms(call: Call[SetTerms]) -> Terms:
    digest = access_rules.set_terms(call.commits, call.person, call.path["group"], call.asks.text)
    return Terms(digest, access_rules.terms_text(call.commits, digest))


def _set_limits(call: Call[Limiting]) -> Rule:
    return _rule(access_rules.set_limits(call.commits, call.person, call.path["group"], call.asks.limits()))


def _answer(call: Call[Nothing]) -> Rule:
    return _rule(access_rules.answer_for(call.commits, call.person, call.path["group"]))


def _answer_no_more(call: Call[Nothing]) -> Logged:
    return Logged(access_rules.answer_no_more(call.commits, call.person, call.path["group"]))


def _terms(call: Call[Nothing]) -> Terms:
    """Of this kind alone: other documents are not for everybody, and the log names their digests."""
    digest = call.path["digest"]
    with call.commits.reading() as connection:
        kind = kind_of(connection, digest)
    if kind != "terms":
        raise Refused("not-found", f"there are no terms {digest}")
    return Terms(digest, access_rules.terms_text(call.commits, digest))


def _rule(row: RuleRow) -> Rule:
    return Rule(row.group, row.responsible, row.terms, row.limits)


OPERATIONS: Table = (
    Operation(
        name="list_rules",
        method="GET",
        path="/groups",
        who=HOLDER,
        summary="How applications are handled here, by group.",
        asks=Nothing,
        answers=Rules,
        handle=_list,
    ),
    Operation(
        name="set_terms",
        method="PUT",
        path="/groups/{group}/terms",
        who=holding("admin"),
        summary="What applicants of a group agree to from now on.",
        asks=SetTerms,
        answers=Terms,
        handle=_set_terms,
    ),
    Operation(
        name="set_limits",
        method="PUT",
        path="/groups/{group}/limits",
        who=holding("admin"),
        summary="What new grants of a group are limited to from now on.",
        asks=Limiting,
        answers=Rule,
        handle=_set_limits,
    ),
    Operation(
        name="answer_for",
        method="PUT",
        path="/groups/{group}/responsible",
        who=holding("reviewer"),
        summary="From now on the caller answers for what the policy lets be approved automatically.",
        asks=Nothing,
        answers=Rule,
        handle=_answer,
    ),
    Operation(
        name="answer_no_more",
        method="DELETE",
        path="/groups/{group}/responsible",
        who=PERSON,
        summary="Nothing is approved automatically any more; by who answers for it, or an administrator.",
        asks=Nothing,
        answers=Logged,
        handle=_answer_no_more,
    ),
    Operation(
        name="show_terms",
        method="GET",
        path="/terms/{digest}",
        who=ANYONE,
        summary="Terms by their digest, those of long ago too.",
        asks=Nothing,
        answers=Terms,
        handle=_terms,
    ),
)
