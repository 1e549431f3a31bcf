"""Closing: a halt, at once for everybody, and the withdrawal of a plan. Both say what they cannot undo."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.log.events.openness import PlanHalted, PlanWithdrawn
from halfdoor.core.model.words import item_words, listed
from halfdoor.services.plans import load
from halfdoor.store import plans as rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from halfdoor.core.governance.actor import Actor
    from halfdoor.services.commit import Commits

OFFLOADED_SECONDS = 60  # the longest that an offloaded transfer may still be asked for


class Halted(msgspec.Struct, frozen=True):
    """What was closed, and what closing does not reach.

    plans:      those that were halted or withdrawn
    logged:     whether the log tells of it already; it is closed either way
    sentences:  what cannot be undone, to be read
    deliveries: item -> how many times files of it went out; `holders`: item -> to how many grant holders
    running:    transfers that another server sends at this moment
    """

    plan: str
    version: str
    plans: list[str]
    at: dt.datetime
    logged: bool
    sentences: list[str]
    deliveries: dict[str, int]
    holders: dict[str, int]
    running: int


def halt(commits: Commits, actor: Actor, plan: str, *, order: str | None = None) -> Halted:
    """Close the plan's version for everybody, at once, whatever the log does.

    order: the id of the order that asks for it, where one does
    Opening the version again takes a decision adopted after this. Halting twice is no mistake.
    Raises Refused `not-your-role`, `not-found`; InputError `bad-entry` where the order is none.
    """
    actor.require("admin", "approver", "overseer", "publisher")
    with commits.reading() as connection:
        version = _version_of(connection, plan)
    with commits.closing() as change:
        connection = change.connection
        rows.lock_version(connection, version)
        # Whatever replica's clock is ahead: every decision that there is was adopted before this.
        at_ms = max(change.now_ms, rows.newest_adoption(connection, version))
        halted = rows.halt_plans(connection, version, plan, at_ms)
        for one in halted:
            change.tell(PlanHalted, by=actor.person, plan=one, order=order)
        change.announce("plan-halted", version)
    return _closed(commits, plan, version, halted, change.now, logged=change.logged)


def withdraw(commits: Commits, actor: Actor, plan: str) -> Halted:
    """Give a plan up: nothing of it is open any more. Another may be started on the same decision.

    Raises Refused `not-your-role`, `not-found`, `already-so`.
    """
    actor.require("admin", "publisher")
    with commits.reading() as connection:
        version = _version_of(connection, plan)
    with commits.closing() as change:
        rows.lock_version(change.connection, version)
        if not rows.withdraw_plan(change.connection, plan, change.now_ms):
            raise Refused("already-so", "the plan was halted or withdrawn already")
        change.tell(PlanWithdrawn, by=actor.person, plan=plan)
        change.announce("plan-withdrawn", version)
    return _closed(commits, plan, version, [plan], change.now, logged=change.logged)


def _version_of(connection: Connection, plan: str) -> str:
    """Closing needs no document, so a damaged one does not stop it."""
    row = rows.plan_of(connection, plan)
    if row is None:
        raise Refused("not-found", f"there is no plan {plan}", remedy="see `halfdoor stage show`")
    return row.version


def _closed(
    commits: Commits, plan: str, version: str, plans: list[str], at: dt.datetime, *, logged: bool
) -> Halted:
    """Counted after closing: that does not wait for it."""
    gone, public, said = [], [], []
    try:
        with commits.reading() as connection:
            gone = rows.gone(connection, version)
            public = load(connection, plan).document.public
    except HalfdoorError as error:  # it is closed all the same
        said = [f"It is closed; what went out before could not be counted: {error.message}."]
    deliveries: dict[str, int] = {}
    people: dict[str, set[str]] = {}
    unknown: dict[str, int] = {}
    for file in gone:
        for item in file.items:
            deliveries[item] = deliveries.get(item, 0) + file.deliveries
            unknown[item] = unknown.get(item, 0) + file.anonymous
            people.setdefault(item, set()).update(file.holders)
    running = sum(file.running for file in gone)
    holders = {item: len(found) for item, found in sorted(people.items())}
    return Halted(
        plan=plan,
        version=version,
        plans=plans,
        at=at,
        logged=logged,
        sentences=said or _sentences(deliveries, holders, unknown, running, public),
        deliveries=dict(sorted(deliveries.items())),
        holders=holders,
        running=running,
    )


def _sentences(
    deliveries: dict[str, int],
    holders: dict[str, int],
    unknown: dict[str, int],
    running: int,
    public: Sequence[str],
) -> list[str]:
    said = [
        f"Files of {item_words(item)} were delivered {_times(count)}, to {_people(holders[item])}"
        f"{_unknown(unknown[item])}: those copies, and copies of them, cannot be called back."
        for item, count in sorted(deliveries.items())
    ]
    if not said:
        said.append("Nothing of this version was delivered from here.")
    if running:
        said.append(
            f"{running} {'transfer is' if running == 1 else 'transfers are'} being sent by another server, "
            f"which nothing here can cut; links to it run out within {OFFLOADED_SECONDS} seconds."
        )
    if public:
        said.append(f"{listed(map(item_words, public)).capitalize()}: public elsewhere, and stays so.")
    return said


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _people(count: int) -> str:
    return "one holder of a grant" if count == 1 else f"{count:,} holders of grants"


def _unknown(count: int) -> str:
    return f" and {_times(count)} without a grant" if count else ""
