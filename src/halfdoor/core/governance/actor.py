"""Who acts: a person, with the roles that they hold at the moment."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from halfdoor.core.governance.refusal import Refused

# What people may do in the application itself. A policy names further roles for its quorum.
OwnRole = Literal["admin", "approver", "auditor", "overseer", "publisher", "reviewer"]
OWN_ROLES: tuple[str, ...] = get_args(OwnRole)


class Actor(msgspec.Struct, frozen=True):
    """A person who was recognised. `token`: the id of the token that they showed, where they did."""

    person: str
    roles: frozenset[str] = frozenset()
    organisation: str | None = None
    token: str | None = None

    def require(self, *roles: str) -> None:
        """Raises Refused `not-your-role` unless the person holds one of these roles."""
        if not self.roles.intersection(roles):
            raise Refused(
                "not-your-role",
                f"this is for people with the role {' or '.join(roles)}",
                remedy="ask an administrator for it: halfdoor people role give",
            )
