"""Plans: from what is public today to the widest that the policy permits, and what would open the rest.

A plan is a rising chain of configurations. What no row is about, and what the policy expects to be shared,
opens first; the rest in the order of `chain`, a permitted proposal being a station on the way.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from halfdoor.core.annex import Plan, Stage
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.policy.plan.chain import chain, leaves
from halfdoor.core.policy.plan.conditions import Conditions, at_stake, new_cells, opening
from halfdoor.core.policy.plan.remedies import Remedies
from halfdoor.core.policy.plan.remedy import Remedy
from halfdoor.core.policy.requirements import covers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halfdoor.core.model.groups import Groups
    from halfdoor.core.policy.ledger import Benefits
    from halfdoor.core.policy.outlook.situation import Situation

STAGES_MAX = 6  # as many as people can read
BEYOND_MAX = 4
_TRIED_MAX = 16  # steps beyond of which the remedies are looked for


def plan(
    situation: Situation,
    benefits: Benefits,
    widest: Sequence[Configuration],
    public: Iterable[str],
    as_of: dt.date,
) -> Plan:
    """The plan for a model in scope.

    widest: all widest permitted configurations, the one that keeps most benefit first; empty: none is
    public: items that are public already: today's configuration is these for anyone, and nothing else
    """
    groups = situation.gates.access.around.groups
    today = Configuration({item: ["anyone"] for item in public}, groups)
    maker = _Maker(situation, benefits, today, as_of)
    target = _target(situation, widest)
    stages = maker.stages(target) if target is not None else []
    beyond = maker.beyond(target or today, len(stages))
    return Plan(
        today=today.as_dict(),
        target=(target or today).as_dict(),
        stages=stages,
        beyond=beyond,
        sentence=_sentence(stages, beyond, permitted=target is not None),
    )


def at_once(items: Iterable[str], public: Iterable[str], groups: Groups, as_of: dt.date) -> Plan:
    """The plan for a model out of scope: everything, today."""
    today = Configuration({item: ["anyone"] for item in public}, groups)
    target = today.join(Configuration({item: ["anyone"] for item in items}, groups))
    added = new_cells(today, target)
    if not added:
        return Plan(today.as_dict(), target.as_dict(), [], [], "Everything is public already.")
    opens = _opens(today, target, groups)
    stage = Stage(
        number=1,
        opens=opens,
        configuration=target.as_dict(),
        conditions=[],
        irreversible=sorted({item for item, group in added if leaves(item, group, groups)}),
        benefit="1.00",
        earliest=as_of,
        sentence=f"Today: {opening(opens)}.",
    )
    sentence = "The policy does not concern itself with this model: everything may be opened today."
    return Plan(today.as_dict(), target.as_dict(), [stage], [], sentence)


def _target(situation: Situation, widest: Sequence[Configuration]) -> Configuration | None:
    """Of the widest permitted configurations the most beneficial; one around the proposal where it can be."""
    around = [config for config in widest if situation.proposed <= config]
    return next(iter((*around, *widest)), None)


class _Maker:
    """Makes the stages of one plan."""

    def __init__(
        self, situation: Situation, benefits: Benefits, today: Configuration, as_of: dt.date
    ) -> None:
        self._situation = situation
        self._benefits = benefits
        self._today = today
        self._as_of = as_of
        self._groups = situation.gates.access.around.groups
        self._items = situation.gates.access.holdings.items

    def stages(self, target: Configuration) -> list[Stage]:
        """From today to the target; every configuration on the way lies inside the target."""
        dossier, conditions = (
            self._situation.dossier,
            Conditions(self._situation, self._today, self._as_of),
        )
        first = self._today.join(self._given(target))
        proposed = self._situation.proposed
        station = first.join(proposed) if proposed <= target else first
        head = [first] if first != self._today else []
        rest = chain([first, station, target], self._groups, dossier, STAGES_MAX - len(head))
        stages: list[Stage] = []
        before, on = self._today, self._as_of
        for number, after in enumerate([*head, *rest], 1):
            asks = conditions.asks(before, after)
            on += dt.timedelta(days=max(asks.soak_days, asks.no_new_safeguards_days))
            last = after == target
            told = conditions.sentences(before, after, asks, on, last=last)
            opens = _opens(before, after, self._groups)
            when = "Today" if on == self._as_of else f"Not before {on}"
            whole = " That is all that is proposed." if proposed <= after and not proposed <= before else ""
            stages.append(
                Stage(
                    number=number,
                    opens=opens,
                    configuration=after.as_dict(),
                    conditions=told,
                    irreversible=self._irreversible(before, after),
                    benefit=self._benefit(after),
                    earliest=on,
                    sentence=f"{when}: {opening(opens)}.{whole}",
                    asks=asks,
                )
            )
            before = after
        return stages

    def beyond(self, start: Configuration, number: int) -> list[Stage]:
        """From `start` to the proposal and to full openness: what is not permitted yet, and what would do."""
        everything = start.join(Configuration({item: ["anyone"] for item in self._items}, self._groups))
        remedies = Remedies(self._situation)
        steps: list[tuple[Configuration, Remedy]] = []
        head = [start] if start != self._today else [start, start.join(self._given(everything))]
        proposed = head[-1].join(self._situation.proposed)
        stations, dossier = [*head, proposed, everything], self._situation.dossier
        for config in chain(stations, self._groups, dossier, _TRIED_MAX, fine=True):
            before = steps[-1][1] if steps else Remedy()
            remedy = before if before.out_of_reach else remedies.of(config)  # wider needs no less
            if steps and before == remedy and steps[-1][0] != proposed:
                steps.pop()
            steps.append((config, remedy))
        if not steps and start == self._today:  # all of it is public, and not permitted even so
            steps = [(start, remedies.of(start))]
        while len(steps) > BEYOND_MAX:  # the step after asks for all that this one does
            steps.remove(next(step for step in steps[1:] if step[0] != proposed))
        found: list[Stage] = []
        last = start
        for config, remedy in steps:
            opens = _opens(last, config, self._groups)
            found.append(
                Stage(
                    number=number + len(found) + 1,
                    opens=opens,
                    configuration=config.as_dict(),
                    conditions=remedies.sentences(remedy),
                    irreversible=self._irreversible(last, config),
                    benefit=self._benefit(config),
                    earliest=None,
                    sentence=f"Not permitted yet: {opening(opens) or 'what is public already'}.",
                )
            )
            last = config
        return found

    def _given(self, target: Configuration) -> Configuration:
        """Of the target, what no row is about and what the policy expects to be shared."""
        stakes = at_stake(self._situation)
        cells = [(item, group) for item, group in target.cells() if item not in stakes]
        cells += [
            (item, group)
            for row in self._situation.policy.expect
            for item, group in target.cells()
            if covers(row.item, item) and group in self._groups.below(row.group)
        ]
        return Configuration.from_cells(cells, self._groups)

    def _irreversible(self, before: Configuration, after: Configuration) -> list[str]:
        return sorted({i for i, g in new_cells(before, after) if leaves(i, g, self._groups)})

    def _benefit(self, config: Configuration) -> str:
        return f"{self._benefits.share(config, self._items):.2f}"


def _opens(before: Configuration, after: Configuration, groups: Groups) -> dict[str, list[str]]:
    """What is new, by item: the widest of its new groups."""
    new: dict[str, set[str]] = {}
    for item, group in new_cells(before, after):
        new.setdefault(item, set()).add(group)
    return {item: list(groups.widest(frozenset(having))) for item, having in new.items()}


def _sentence(stages: list[Stage], beyond: list[Stage], *, permitted: bool) -> str:
    if not permitted:
        asked = " ".join(beyond[0].conditions) if beyond else ""
        return f"Nothing is permitted as things stand. What a first stage needs: {asked}"
    if not stages:
        return "All that the policy permits is public already."
    count = "One stage leads" if len(stages) == 1 else f"{len(stages)} stages lead"
    last = stages[-1].earliest
    when = "it may be taken today" if last == stages[0].earliest and len(stages) == 1 else ""
    when = when or (f"the last not before {last}" if last else "")
    rest = " Full openness is not permitted yet." if beyond else ""
    return f"{count} from today to the widest that the policy permits, {when}.{rest}"
