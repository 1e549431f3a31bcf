"""Applications: what may happen to one, and what then becomes of it.

    draft → submitted → returned → submitted … → approved | rejected → appealed → approved | rejected
    and: withdrawn, expired (from wherever it is open), revoked (with the grant that came of it)

The state follows from what was done, in order. Nothing here is stored or looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from halfdoor.core.errors import InputError
from halfdoor.core.governance.people import checked_lines
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.ids import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

State = Literal[
    "draft", "submitted", "returned", "approved", "rejected", "appealed", "withdrawn", "expired", "revoked"
]
Act = Literal["submit", "return", "approve", "reject", "appeal", "withdraw", "expire", "revoke"]
STATES: tuple[State, ...] = get_args(State)
OPEN: frozenset[State] = frozenset({"draft", "submitted", "returned", "appealed"})
UNDECIDED_DAYS_DEFAULT = 90
FIELDS_DEFAULT = ("identity", "organisation", "purpose")
FIELD_MAX = 5000  # characters
REVIEWER = "reviewer"

_OF_APPLICANT: frozenset[Act] = frozenset({"submit", "appeal", "withdraw"})
_OF_REVIEWER: frozenset[Act] = frozenset({"return", "approve", "reject"})
_FROM: dict[Act, frozenset[State]] = {
    "submit": frozenset({"draft", "returned"}),
    "return": frozenset({"submitted"}),
    "approve": frozenset({"submitted", "appealed"}),
    "reject": frozenset({"submitted", "appealed"}),
    "appeal": frozenset({"rejected"}),
    "withdraw": OPEN,
    "expire": OPEN,
    "revoke": frozenset({"approved"}),
}
_INTO: dict[Act, State] = {
    "submit": "submitted",
    "return": "returned",
    "reject": "rejected",
    "appeal": "appealed",
    "withdraw": "withdrawn",
    "expire": "expired",
    "revoke": "revoked",
}


class Done(msgspec.Struct, frozen=True):
    """One thing that was done. person None: by the application itself (it expired, its grant was revoked)."""

    act: Act
    person: str | None = None


class Case(msgspec.Struct, frozen=True):
    """An application as its rules see it. needed: distinct reviewers who have to approve."""

    applicant: str
    needed: int = 1
    state: State = "draft"
    acts: tuple[Done, ...] = ()

    @property
    def approvers(self) -> frozenset[str]:
        """Who approved what now lies there: since it was last submitted or appealed."""
        found: set[str] = set()
        for done in self.acts:
            if done.act in {"submit", "appeal"}:
                found.clear()
            elif done.act == "approve" and done.person is not None:
                found.add(done.person)
        return frozenset(found)

    @property
    def rejecters(self) -> frozenset[str]:
        """Who ever rejected it."""
        return frozenset(one.person for one in self.acts if one.act == "reject" and one.person is not None)


def after(case: Case, act: Act, person: str | None, roles: Collection[str] = ()) -> Case:
    """The application once this was done to it.

    person: who does it; None for what happens by itself (expire, revoke)
    Raises Refused `not-yours`, `not-your-role`, `own-application`, `wrong-state`, `already-so`,
    `another-reviewer`.
    """
    if case.state not in _FROM[act]:
        raise _wrong_state(case.state, act)
    if act in _OF_APPLICANT and person != case.applicant:
        raise Refused("not-yours", "only the applicant may do this")
    if act in _OF_REVIEWER:
        _check_reviewer(case, act, person, roles)
    if act == "appeal" and any(one.act == "appeal" for one in case.acts):
        raise Refused(
            "already-so",
            "a second reviewer rejected it too; there is one appeal",
            remedy="apply anew, and say what has changed",
        )
    moved = msgspec.structs.replace(case, acts=(*case.acts, Done(act, person)))
    return msgspec.structs.replace(moved, state=_state_after(moved, act))


def _state_after(case: Case, act: Act) -> State:
    if act != "approve":
        return _INTO[act]
    return "approved" if len(case.approvers) >= max(1, case.needed) else case.state


def _check_reviewer(case: Case, act: Act, person: str | None, roles: Collection[str]) -> None:
    if person is None or REVIEWER not in roles:
        raise Refused(
            "not-your-role",
            f"this is for people with the role {REVIEWER}",
            remedy="ask an administrator for it: halfdoor people role give",
        )
    if person == case.applicant:
        raise Refused("own-application", "nobody decides on an application of their own")
    if case.state == "appealed" and person in case.rejecters:
        raise Refused(
            "another-reviewer",
            "you rejected it; an appeal is decided by another reviewer",
            remedy="ask a colleague with the role reviewer",
        )
    if act == "approve" and person in case.approvers:
        raise Refused(
            "already-so",
            f"you approved it already; {case.needed} different reviewers have to",
            remedy="ask a colleague with the role reviewer",
        )


def _wrong_state(state: State, act: Act) -> Refused:
    can = " or ".join(sorted(_FROM[act]))
    remedy = "apply anew" if state in {"rejected", "withdrawn", "expired", "revoked"} else ""
    return Refused(
        "wrong-state", f"the application is {state}; to {act} one, it must be {can}", remedy=remedy
    )


def checked_fields(given: Mapping[str, str], asked: Collection[str], *, whole: bool) -> dict[str, str]:
    """What the applicant states, by the names of the policy's fields.

    whole: on submission nothing may lack; a draft may be incomplete
    Raises InputError `unknown-field`, `missing-field`, `bad-text`.
    """
    for name in given:
        if name not in asked:
            raise InputError(
                "unknown-field",
                f"the policy asks for no field {name[:60]!r}",
                where=name[:60],
                remedy=did_you_mean(name, asked),
            )
    stated = {name: given[name] for name in asked if given.get(name, "").strip()}
    lacking = [name for name in asked if name not in stated]
    if whole and lacking:
        raise InputError(
            "missing-field",
            f"the application does not state: {', '.join(lacking)}",
            remedy="every field has to be filled in",
        )
    return {name: checked_lines(text, name, FIELD_MAX) for name, text in stated.items()}
