"""On what somebody may be granted access: the version's decision in force, and the policy that it follows."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.governance.applications import FIELDS_DEFAULT
from halfdoor.core.governance.decisions import Proposal, why_not_in_force
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.policy.document import Application, Policy
from halfdoor.core.question import groups_of
from halfdoor.store.applications import decisions_of
from halfdoor.store.plans import question_of
from halfdoor.store.standing import intact, standing_of

if TYPE_CHECKING:
    import datetime as dt

    from sqlalchemy import Connection

    from halfdoor.core.model.groups import Groups

ANYONE, STAFF = "anyone", "staff"


class _Asked(msgspec.Struct, frozen=True):
    """What counts here of a stored question."""

    policy: Policy


class Basis(msgspec.Struct, frozen=True):
    """A decision in force: what it gives whom, and how its policy wants applications handled.

    opened: item -> every group that has it now, in the current stage
    """

    version: str
    decision: str
    configuration: Configuration
    policy: Policy
    opened: dict[str, frozenset[str]] = {}

    @property
    def groups(self) -> Groups:
        """The ladder and the policy's own groups."""
        return groups_of(self.policy)

    def items(self, group: str) -> tuple[str, ...]:
        """What the group has beyond anyone, for good or at this stage, sorted.

        Raises Refused `nothing-to-get`.
        """
        found = tuple(sorted(self._beyond_anyone(group)))
        if not found:
            raise Refused(
                "nothing-to-get",
                f"the decision in force gives the group {group[:40]!r} nothing that not everybody has",
                remedy=f"ask as one of: {', '.join(self.askable()) or 'no group has more at the moment'}",
            )
        return found

    def askable(self) -> list[str]:
        """The groups as which one may apply, the strictest first."""
        named = {row.group for row in self.policy.application}
        return [
            one
            for one in self.groups.shareable
            if (one != STAFF or one in named) and self._beyond_anyone(one)
        ]

    def row(self, group: str) -> Application:
        """How applications as this group are handled; the defaults where the policy has no row for it."""
        found = next((row for row in self.policy.application if row.group == group), Application(group))
        return found if found.fields else msgspec.structs.replace(found, fields=FIELDS_DEFAULT)

    def days(self, group: str) -> int | None:
        """For how many days the policy lets a grant hold; None where it does not say."""
        return next((row.days for row in self.policy.application if row.group == group), None)

    def _beyond_anyone(self, group: str) -> list[str]:
        if group not in self.groups.shareable:
            return []
        found = []
        for item in self.configuration.as_dict():
            decided, now = self.configuration.groups_with(item), self.opened.get(item, frozenset())
            ahead = group in now and ANYONE not in now  # of anyone, whose turn comes with a later stage
            if group in decided and (ANYONE not in decided or ahead):
                found.append(item)
        return found


def basis_of(connection: Connection, version: str, now: dt.datetime) -> Basis | None:
    """The version's decision in force at `now`; None where there is none, or it is damaged."""
    for found in decisions_of(connection, version):
        try:
            proposal = msgspec.json.decode(intact(connection, found.document), type=Proposal)
            documents = question_of(connection, proposal.assessment, version)
            if documents is None or (proposal.version, proposal.decision) != (version, found.id):
                continue
            policy = _policy(documents[0], intact(connection, documents[0]))
            for one in documents[1:]:
                intact(connection, one)
        except (LookupError, msgspec.MsgspecError):
            continue
        if why_not_in_force(
            proposal,
            adopted_ms=found.adopted_ms,
            ended_cause=found.ended_cause,
            today=now.date(),
        ):
            continue
        standing = standing_of(connection, version, now)
        opened = {} if standing is None else standing.opened
        configuration = Configuration(proposal.configuration, groups_of(policy))
        return Basis(version, found.id, configuration, policy, opened)
    return None


def required(connection: Connection, version: str, now: dt.datetime) -> Basis:
    """The same. Raises Refused `no-decision`."""
    found = basis_of(connection, version, now)
    if found is None:
        raise Refused(
            "no-decision",
            "no decision is in force for this version, so there is nothing that could be granted",
            remedy="see `halfdoor decide show`",
        )
    return found


@lru_cache(maxsize=64)
def _policy(digest: str, body: bytes) -> Policy:
    """The policy of a question; a document never changes, so it is read once."""
    del digest  # the key: bytes of a document are those of its digest
    return msgspec.json.decode(body, type=_Asked).policy
