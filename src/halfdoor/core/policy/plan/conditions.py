"""What has to be shown before a stage of a plan: evidence still in date, time, incidents, no new safeguard.

The rule is the paper's (Seger et al. 2023 §4.1.3): release in steps, study use, go on if months pass without
new worries and without a safeguard that had to be added; what each stage needs as a filter is gone with the
weights.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from halfdoor.core.annex import Asks
from halfdoor.core.ids import parse_item
from halfdoor.core.model.words import group_words, item_words, listed
from halfdoor.core.policy.constraints import requirement_applies
from halfdoor.core.policy.plan.advance import uses_needed
from halfdoor.core.policy.plan.chain import leaves
from halfdoor.core.policy.requirements import covers

if TYPE_CHECKING:
    from halfdoor.core.model.configuration import Configuration
    from halfdoor.core.policy.document import Requirement
    from halfdoor.core.policy.outlook.situation import Situation
    from halfdoor.core.policy.requirements import RequirementFinding


class Conditions:
    """The conditions of the stages of one plan."""

    def __init__(self, situation: Situation, today: Configuration, as_of: dt.date) -> None:
        """`today`: what is public already."""
        self._situation = situation
        self._groups = situation.gates.access.around.groups
        self._stakes = at_stake(situation)
        self._today = today
        self._as_of = as_of
        self.table = situation.policy.plan

    def asks(self, before: Configuration, after: Configuration) -> Asks:
        """What the stage from `before` to `after` asks of the time since `before` was opened.

        Nothing, while nothing at stake is open that was not public already: there is nothing to learn.
        """
        if not any(item in self._stakes for item, _ in new_cells(self._today, before)):
            return Asks()
        table = self.table
        final = any(leaves(item, group, self._groups) for item, group in new_cells(before, after))
        bound = table.incidents_at_most
        alpha = float(1 - table.confidence)
        return Asks(
            soak_days=table.soak_days,
            no_new_safeguards_days=table.no_new_safeguards_days if final else 0,
            incidents_at_most=None if bound is None else f"{bound:f}",
            confidence=None if bound is None else f"{table.confidence:f}",
            clean_uses=None if bound is None else uses_needed(0, float(bound), alpha),
        )

    def sentences(
        self, before: Configuration, after: Configuration, asks: Asks, on: dt.date, *, last: bool
    ) -> list[str]:
        """The conditions of one stage that may be taken from `on`; none where it may be taken today."""
        said = []
        if on > self._as_of:
            said += [self._still(f, on) for f in self._coming_into_force(before, after)]
        if not last and self.table.incidents_at_most is not None:
            fresh = {item for item, _ in after.cells() if not before.groups_with(item)}
            opening = {item for item in fresh if self._unmonitored(item)}
            if opening:
                said.append(
                    f"Monitoring is in place on {listed(map(item_words, sorted(opening)))}: later stages "
                    "ask how its uses went."
                )
        if asks.soak_days:
            said.append(f"The stage before has been open for {asks.soak_days} days, and its use was studied.")
        if asks.incidents_at_most is not None:
            said.append(self._incidents(before, asks))
        if asks.no_new_safeguards_days:
            said.append(
                f"In the last {asks.no_new_safeguards_days} days no safeguard had to be added: one that "
                "guards a service does not travel with files."
            )
        if on > self._as_of:
            said.append(
                "Assessed again on that day, it is still permitted, and nothing has voided the decision."
            )
        return said

    def _incidents(self, before: Configuration, asks: Asks) -> str:
        bound = f"{float(asks.incidents_at_most or 0) * 100:g} %"
        having = sorted({item for item, _ in before.cells()} & self._stakes)
        services = listed(item_words(item) for item in having if parse_item(item).is_service)
        where = f"monitored uses of {services}" if services else "uses that holders report"
        enough = (
            "no number of uses could show it"
            if asks.clean_uses is None
            else f"{asks.clean_uses:,} uses without an incident show it; with incidents, it takes more"
        )
        return (
            f"At most {bound} of {where} ended in an incident, at {float(asks.confidence or 0) * 100:g} % "
            f"confidence however often one looks: {enough}."
        )

    def _unmonitored(self, item: str) -> bool:
        """Whether an opening service stands without monitoring in the dossier."""
        named_for = [s for s in self._situation.dossier.safeguard if s.kind == "monitoring"]
        covered = any(not s.items or any(covers(i, item) for i in s.items) for s in named_for)
        return parse_item(item).is_service and item in self._stakes and not covered

    def _coming_into_force(self, before: Configuration, after: Configuration) -> list[RequirementFinding]:
        """The requirement rows that hold for what this stage opens."""
        tiers = self._situation.tiers()
        new = set(new_cells(before, after))
        return [
            finding
            for finding in self._situation.findings
            if requirement_applies(finding, tiers)
            and any((i, finding.row.group) in new for i in finding.items)
        ]

    def _still(self, finding: RequirementFinding, on: dt.date) -> str:
        """The row on the day of the stage: what is found today may be too old by then."""
        until = self._good_until(finding.row)
        if until is not None and until < on:
            return (
                f"Measured again, since what there is counts until {until}: {finding.asked} "
                f"(now: {finding.found})."
            )
        return f"Still so: {finding.asked} (now: {finding.found})."

    def _good_until(self, row: Requirement) -> dt.date | None:
        """The last day on which some evidence for the row is not too old; None where it does not age."""
        grounds = self._situation.grounds
        ages = [a for a in (row.max_age_days, grounds.policy.evidence_max_age_days) if a is not None]
        days = [
            claim.measured
            for claim in grounds.claims
            if claim.id == row.evidence and claim.measured is not None and not grounds.why_not(claim)
        ]
        if row.kind not in ("evidence", "audit") or not ages or not days:
            return None
        return max(days) + dt.timedelta(days=min(ages))


def at_stake(situation: Situation) -> frozenset[str]:
    """The items that a row in force is about, whether it is kept or not; the others wait for nothing.

    Wider than the items that a verdict turns on: an attack that nobody can afford is still watched for.
    """
    access, rows, tiers = situation.gates.access, situation.rows(), situation.tiers()
    forbidden = {limit.row.ability for limit in (*rows.limits, *rows.hopeless)}
    used = {item for ability in forbidden for way in access.ways(ability).ways for item in way.items}
    asked = {i for f in situation.findings if requirement_applies(f, tiers) for i in f.items}
    return frozenset(i for i in rows.concerned | used | asked if not access.holdings.is_free(i))


def new_cells(before: Configuration, after: Configuration) -> list[tuple[str, str]]:
    """The cells (item, group) that `after` has and `before` has not."""
    return [(item, group) for item, group in after.cells() if group not in before.groups_with(item)]


def opening(cells: dict[str, list[str]]) -> str:
    """What opens to whom: "sampling and log-probabilities to vetted groups; model card to anyone"."""
    by_groups: dict[tuple[str, ...], list[str]] = {}
    for item, having in cells.items():
        by_groups.setdefault(tuple(having), []).append(item)
    return "; ".join(
        f"{listed(map(item_words, items))} to {listed(map(group_words, g))}" for g, items in by_groups.items()
    )
