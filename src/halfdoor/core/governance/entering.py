"""Whether a stage may be entered: every reason against it, in sentences. None: it may."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core import annex
from halfdoor.core.assess import assess
from halfdoor.core.errors import InputError
from halfdoor.core.policy.plan.advance import Observed, may_advance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from halfdoor.core.governance.stages import PlannedStage
    from halfdoor.core.question import Question

# Reasons why a configuration is too narrow say nothing against opening a part of what was decided.
_TOO_NARROW = {"expectation", "ledger"}


class Seen(msgspec.Struct, frozen=True):
    """What the tables say when somebody wants to enter a stage.

    closed:    why nothing may be opened at all: halted, withdrawn, the decision not in force
    opened_at: when the stage before was opened; None for the first
    until:     when that stage was closed again; None while it is open
    uses, incidents: reported since then
    safeguard_at:    when the latest safeguard had to be added; None: never
    approved_by:     who approved of this stage, of exactly this plan, in a deciding role
    """

    closed: tuple[str, ...] = ()
    opened_at: dt.datetime | None = None
    until: dt.datetime | None = None
    uses: int = 0
    incidents: int = 0
    safeguard_at: dt.datetime | None = None
    approved_by: frozenset[str] = frozenset()


def why_not_enter(stage: PlannedStage, seen: Seen, actor: str, now: dt.datetime) -> list[str]:
    """All that the tables have against entering a stage now. Whoever enters it does not count as approving.

    `actor`: the person who enters it
    """
    reasons = list(seen.closed)
    if stage.not_before is not None and now.astimezone(dt.UTC).date() < stage.not_before:
        reasons.append(f"The plan does not open stage {stage.number} before {stage.not_before}.")
    reasons += may_advance(_as_planned(stage), _observed(seen, now))
    approved = seen.approved_by - {actor}
    if len(approved) < stage.approvals:
        reasons.append(
            f"{stage.approvals} people with a deciding role have to approve of stage {stage.number}, other "
            f"than the one who advances; {len(approved)} did."
        )
    return reasons


def why_not_permitted(
    question: Question, configuration: Mapping[str, Iterable[str]], today: dt.date
) -> list[str]:
    """Assessed again as of today, with a stage's configuration: what stands against it.

    That something else should be shared too, or that its being withheld is not answered for, is no reason:
    a stage is on its way to what was decided.
    """
    wanted = {item: tuple(groups) for item, groups in configuration.items()}
    try:
        verdict = assess(msgspec.structs.replace(question, as_of=today, configuration=wanted)).verdict
    except InputError as error:
        return [f"It cannot be assessed any more: {error.message}."]
    if verdict.permitted:
        return []
    against = [row.sentence for row in verdict.binding if row.kind not in _TOO_NARROW]
    if not against and verdict.binding:
        return []
    return [f"Assessed again as of {today}: {said}" for said in (against or [verdict.headline])]


def _observed(seen: Seen, now: dt.datetime) -> Observed:
    """Whole days that have passed. Deliveries are no monitored uses: nobody saw what came of them."""
    until = min(now, seen.until or now)
    safeguard = seen.safeguard_at
    return Observed(
        days=max(0, (until - seen.opened_at).days) if seen.opened_at else 0,
        uses=seen.uses,
        incidents=seen.incidents,
        safeguard_added_days_ago=None if safeguard is None else max(0, (now - safeguard).days),
    )


def _as_planned(stage: PlannedStage) -> annex.Stage:
    return annex.Stage(
        number=stage.number,
        opens=stage.opens,
        configuration=stage.configuration,
        conditions=[],
        irreversible=stage.irreversible,
        benefit="",
        earliest=stage.not_before,
        sentence=stage.sentence,
        asks=stage.asks,
    )
