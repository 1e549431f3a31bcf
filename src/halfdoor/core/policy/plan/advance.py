"""Whether the next stage of a plan may be taken: what was seen, held against what the stage asks.

The bound on incidents is judged by a confidence sequence: one may look after every use, stop when it looks
good, and still be wrong at most as often as the policy allows. A fixed interval looked at daily is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.evidence.estimate import confidence_sequence

if TYPE_CHECKING:
    from halfdoor.core.annex import Stage

USES_MAX = 10**9  # a bound that more clean uses than this would be needed for cannot be shown


class Observed(msgspec.Struct, frozen=True):
    """What was seen since the stage before was opened.

    days:                     how long it has been open
    uses, incidents:          monitored uses, and those of them that ended in an incident
    safeguard_added_days_ago: None where none had to be added
    flips:                    sentences of the assessment's flip points that have come true
    """

    days: int
    uses: int = 0
    incidents: int = 0
    safeguard_added_days_ago: int | None = None
    flips: tuple[str, ...] = ()


def uses_needed(incidents: int, at_most: float, alpha: float) -> int | None:
    """The fewest uses, `incidents` among them, that show a share of at most `at_most`; None: beyond all.

    The sequence errs at most `alpha` over all looks. More uses with the same incidents show it all the more.
    """
    least, most = incidents, max(incidents, 1)
    while not _shown(incidents, most, at_most, alpha):
        least, most = most, most * 2
        if most > USES_MAX:
            return None
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if _shown(incidents, middle, at_most, alpha) else (middle, most)
    return most


def may_advance(stage: Stage, seen: Observed) -> list[str]:
    """Why the stage may not be taken yet, as sentences; empty where what it asks in numbers is met.

    Its other conditions (evidence still in date, assessed again) are for the assessment of that day.
    """
    asks = stage.asks
    reasons = [f"A condition that voids the decision has come true: {flip}" for flip in seen.flips]
    if seen.days < asks.soak_days:
        reasons.append(f"Open for {seen.days} days; {asks.soak_days} are asked for.")
    quiet = asks.no_new_safeguards_days
    since = seen.safeguard_added_days_ago
    if quiet and since is not None and since < quiet:
        reasons.append(
            f"A safeguard had to be added {since} days ago; {quiet} days without one are asked for, "
            f"since safeguards of a service do not travel with files."
        )
    elif quiet and seen.days < quiet:
        reasons.append(f"{quiet} days without a new safeguard are asked for; {seen.days} have passed.")
    if asks.incidents_at_most is not None and asks.confidence is not None:
        bound, alpha = float(asks.incidents_at_most), 1 - float(asks.confidence)
        if not _shown(seen.incidents, seen.uses, bound, alpha):
            needed = uses_needed(seen.incidents, bound, alpha)
            enough = "no number of uses" if needed is None else f"{needed:,} uses"
            reasons.append(
                f"{seen.incidents} incidents in {seen.uses:,} monitored uses do not show at most "
                f"{bound * 100:g} %; with so many incidents {enough} would."
            )
    return reasons


def _shown(incidents: int, uses: int, at_most: float, alpha: float) -> bool:
    """Whether the upper end of the confidence sequence is within the bound."""
    return 0 <= incidents <= uses and confidence_sequence(incidents, uses, alpha)[1] <= at_most
