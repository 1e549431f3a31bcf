"""What administrators set for a group: its terms, its limits, and who answers for automatic approvals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.governance.applications import REVIEWER
from halfdoor.core.governance.limits import Limits, checked
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.terms import checked_terms
from halfdoor.core.log.events.access import ResponsibilityEnded, ResponsibilityTaken, TermsSet
from halfdoor.store.applications import RuleRow, rule_of, rules, set_rule
from halfdoor.store.models import document, put_document
from halfdoor.store.people import alone

if TYPE_CHECKING:
    from halfdoor.core.governance.actor import Actor
    from halfdoor.services.commit import Commits

__all__ = ["RuleRow", "answer_for", "answer_no_more", "listed", "set_limits", "set_terms", "terms_text"]


def set_terms(commits: Commits, actor: Actor, group: str, text: str) -> str:
    """Whoever applies as this group agrees to these terms from now on; their digest. By an administrator.

    Applications that were submitted keep the terms that they agreed to.
    Raises Refused `not-your-role`, InputError `bad-text`, `bad-entry` (of a group's name), LogUnavailable.
    """
    actor.require("admin")
    body = checked_terms(text).encode()
    with commits.change() as change:
        alone(change.connection)
        digest = put_document(change.connection, "terms", body, change.now_ms)
        change.tell(TermsSet, by=actor.person, group=group, terms=digest)
        rule = rule_of(change.connection, group)
        set_rule(change.connection, msgspec.structs.replace(rule, terms=digest), change.now_ms)
        change.announce("terms-set", group)
    return digest


def set_limits(commits: Commits, actor: Actor, group: str, limits: Limits) -> RuleRow:
    """New grants of this group get these limits from now on. By an administrator.

    Raises Refused `not-your-role`, InputError `bad-limits`.
    """
    actor.require("admin")
    limits = checked(limits)
    with commits.change() as change:
        alone(change.connection)
        rule = msgspec.structs.replace(rule_of(change.connection, group), limits=limits)
        set_rule(change.connection, rule, change.now_ms)
        change.announce("limits-set", group)
    return rule


def answer_for(commits: Commits, actor: Actor, group: str) -> RuleRow:
    """From now on the actor, a reviewer, answers for what the policy lets be approved automatically.

    Nobody is named by somebody else: every such grant stands in the log as theirs.
    Raises Refused `not-your-role`, `already-so`, InputError `bad-entry`, LogUnavailable.
    """
    actor.require(REVIEWER)
    with commits.change() as change:
        alone(change.connection)
        rule = rule_of(change.connection, group)
        if rule.responsible == actor.person:
            raise Refused("already-so", "you answer for it already")
        change.tell(ResponsibilityTaken, by=actor.person, group=group)
        rule = msgspec.structs.replace(rule, responsible=actor.person)
        set_rule(change.connection, rule, change.now_ms)
    return rule


def answer_no_more(commits: Commits, actor: Actor, group: str) -> bool:
    """Nothing is approved automatically any more; whether the log has it already.

    By who answers for it, or an administrator. Raises Refused `not-your-role`, `already-so`.
    """
    with commits.closing() as change:
        alone(change.connection)
        rule = rule_of(change.connection, group)
        if rule.responsible != actor.person:
            actor.require("admin")
        if rule.responsible is None:
            raise Refused("already-so", "nobody answers for automatic approvals of this group")
        change.tell(ResponsibilityEnded, by=actor.person, group=group)
        set_rule(change.connection, msgspec.structs.replace(rule, responsible=None), change.now_ms)
    return change.logged


def listed(commits: Commits) -> list[RuleRow]:
    """The rules of all groups that have one."""
    with commits.reading() as connection:
        return rules(connection)


def terms_text(commits: Commits, digest: str) -> str:
    """The text of terms, those of long ago too. Raises Refused `not-found`."""
    with commits.reading() as connection:
        body = document(connection, digest)
    if body is None:
        raise Refused("not-found", f"there are no terms {digest[:80]!r}")
    return body.decode()
