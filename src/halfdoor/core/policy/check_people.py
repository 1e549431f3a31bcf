"""Whether a policy's people mean something: what is expected, who decides, what applicants are asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halfdoor.core.model.groups import Groups
    from halfdoor.core.policy.document import Application, Policy, Role
    from halfdoor.core.risk.problem import Problems

QUORUM_MAX = 100
DAYS_MAX = 3650
_ROLE = re.compile(r"[a-z][a-z0-9-]{0,39}")  # as the log writes roles (core/log/events/base.py)


def check_people(policy: Policy, groups: Groups | None, found: Problems) -> None:
    """All problems of the tables about people; `groups` is None where the policy's own do not hold."""
    for index, row in enumerate(policy.expect):
        for item in (row.item, *row.instead):
            found.item(item, f"expect[{index}].item")
        in_groups(row.group, groups, f"expect[{index}].group", found)
    _roles(policy.role, found)
    for index, form in enumerate(policy.application):
        in_groups(form.group, groups, f"application[{index}].group", found)
        _application(form, f"application[{index}]", found)
    named = [form.group for form in policy.application]
    for index, group in enumerate(named):
        if group in named[:index]:
            found.error(
                "duplicate-id", f"{group} has two forms", f"application[{index}].group", "remove one of them"
            )
    if not 0 <= policy.plan.approvals <= QUORUM_MAX:
        found.error(
            "bad-number",
            f"{policy.plan.approvals} is no number of people",
            "plan.approvals",
            f"0 to {QUORUM_MAX}",
        )


def in_groups(name: str, groups: Groups | None, where: str, found: Problems) -> None:
    """`name` must be a group that something can be shared with."""
    if groups is not None:
        found.known(name, groups.shareable, "group", where)


def _roles(roles: tuple[Role, ...], found: Problems) -> None:
    found.unique((role.name for role in roles), "role", "name")
    for index, role in enumerate(roles):
        at = f"role[{index}]"
        if not _ROLE.fullmatch(role.name):
            found.error(
                "bad-role",
                f"{role.name!r} cannot be given to anyone",
                f"{at}.name",
                "a letter, then letters, digits and '-', all small, at most 40",
            )
        if not 1 <= role.quorum <= QUORUM_MAX:
            found.error(
                "bad-number",
                f"a quorum of {role.quorum} decides nothing",
                f"{at}.quorum",
                f"at least 1, at most {QUORUM_MAX}",
            )
        if role.decides:
            continue
        asked = {
            "quorum": role.quorum > 1,
            "signed": role.signed,
            "distinct_organisations": role.distinct_organisations,
        }
        for name in (name for name, stands in asked.items() if stands):
            found.error(
                "contradiction",
                f"{role.name} approves nothing, so {name} asks for what never comes",
                f"{at}.{name}",
                f"leave {name} out, or decides = true",
            )
    if roles and not any(role.decides for role in roles):
        found.error("nobody-decides", "no role approves anything", "role", "give one of them decides = true")


def _application(form: Application, at: str, found: Problems) -> None:
    if form.group == "anyone":
        found.error(
            "contradiction",
            "what anyone has needs no application",
            f"{at}.group",
            "name a group that people are let into",
        )
    for name in ("days", "undecided_days"):
        days = getattr(form, name)
        if not 1 <= days <= DAYS_MAX:
            found.error("bad-number", f"{days} days is no such time", f"{at}.{name}", f"1 to {DAYS_MAX}")
    if not 1 <= form.reviewers <= QUORUM_MAX:
        found.error(
            "bad-number",
            f"{form.reviewers} reviewers let nobody in",
            f"{at}.reviewers",
            f"1 to {QUORUM_MAX}; for none, automatic = true",
        )
    if form.automatic and form.reviewers > 1:
        found.error(
            "contradiction",
            f"it is automatic and asks for {form.reviewers} reviewers",
            f"{at}.automatic",
            "leave out one of the two",
        )
    if len(set(form.fields)) < len(form.fields):
        found.error("duplicate-id", "a field is asked for twice", f"{at}.fields", "ask once")
