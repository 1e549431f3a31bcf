"""Plans: the document that says what opens when, and what has to be shown before each stage.

A plan is a rising chain of configurations inside the decision's. What the policy asks between stages (time,
incidents, no new safeguard, approvals) holds whoever wrote the chain; a caller may ask for more, never less.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from halfdoor.core.annex import Asks
from halfdoor.core.assessment import Assessment
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.standing import Cells
from halfdoor.core.model.configuration import Configuration
from halfdoor.core.model.words import group_words, item_words, listed
from halfdoor.core.policy.document import Policy
from halfdoor.core.policy.plan.advance import uses_needed
from halfdoor.core.policy.plan.chain import leaves
from halfdoor.core.policy.plan.conditions import new_cells, opening
from halfdoor.core.question import groups_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halfdoor.core.model.groups import Groups

SCHEMA: Final = "halfdoor/plan/1"
STAGES_MAX = 50
APPROVERS = ("approver",)  # who approves a stage where the policy names nobody who decides


class StageSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stage as somebody wants it.

    configuration: item -> groups, of all that is open from this stage on
    not_before:    a day, UTC
    approvals, soak_days: at least so many; None: as the policy asks
    """

    configuration: dict[str, tuple[str, ...]]
    not_before: dt.date | None = None
    approvals: int | None = None
    soak_days: int | None = None


class PlannedStage(msgspec.Struct, frozen=True):
    """A stage of a plan's document.

    configuration: item -> the widest groups that have it; `cells`: item -> all of them
    opens:         what is new since the stage before, item -> the widest of its new groups
    asks:          what must have been seen of the stage before
    approvals:     how many different people have to approve that the stage is entered
    irreversible:  items of which copies go out here for the first time: they cannot be called back
    """

    number: int
    configuration: dict[str, list[str]]
    cells: dict[str, list[str]]
    opens: dict[str, list[str]]
    asks: Asks
    approvals: int
    not_before: dt.date | None
    irreversible: list[str]
    sentence: str


class PlanDocument(msgspec.Struct, frozen=True):
    """What a plan's approvers see; its digest is what they say they saw.

    question: digest of the question that the decision's assessment answers
    includes: group -> itself and all groups inside it, by the policy
    deciding: the roles whose people may approve a stage
    public:   items that anyone had elsewhere before any stage
    """

    schema: Literal["halfdoor/plan/1"]
    version: str
    decision: str
    decision_document: str
    question: str
    policy: str
    includes: dict[str, list[str]]
    deciding: list[str]
    offload: bool
    public: list[str]
    stages: list[PlannedStage]


class Ground(msgspec.Struct, frozen=True):
    """What a plan is made from.

    decided: the decision's configuration
    former:  what the version's plan before this one had opened; empty where there was none
    """

    policy: Policy
    assessment: Assessment
    decided: Mapping[str, Iterable[str]]
    former: Cells = {}

    def groups(self) -> Groups:
        """The ladder and the policy's own groups."""
        return groups_of(self.policy)


def closed(shared: Mapping[str, Iterable[str]], includes: Mapping[str, Iterable[str]]) -> Cells:
    """A configuration with every group that has each item; groups that nobody defined have nothing."""
    found = {
        item: frozenset(inner for group in wide for inner in includes.get(group, ()))
        for item, wide in shared.items()
    }
    return {item: having for item, having in found.items() if having}


def includes(groups: Groups) -> dict[str, list[str]]:
    """Group -> itself and all groups inside it, without `nobody`."""
    return {group: sorted(groups.below(group)) for group in groups.shareable}


def stages_of(ground: Ground, specs: Sequence[StageSpec] | None) -> list[PlannedStage]:
    """The stages of a plan: as asked for, else the assessment's own as far as the decision goes.

    Raises Refused: `wider-than-decided`, `not-rising`, `softer-than-policy`, `bad-plan`; InputError
    `unknown-group`.
    """
    groups = ground.groups()
    decided = Configuration(ground.decided, groups)
    if specs is None:
        chain = _own(ground, decided)
        specs = [StageSpec({i: tuple(g) for i, g in config.as_dict().items()}) for config, _ in chain]
        asks = [asked for _, asked in chain]
    else:
        if not 1 <= len(specs) <= STAGES_MAX:
            raise Refused("bad-plan", f"a plan has 1 to {STAGES_MAX} stages, not {len(specs)}")
        asks = [None] * len(specs)
    configs = [_checked(spec, number, decided, groups) for number, spec in enumerate(specs, 1)]
    for number, (before, after) in enumerate(itertools.pairwise(configs), 2):
        _rises(before, after, number)
    stages, before = [], Configuration({}, groups)
    for number, (spec, config, asked) in enumerate(zip(specs, configs, asks, strict=True), 1):
        least = _asks(ground, before, config) if asked is None else asked
        stages.append(_stage(ground, number, spec, before, config, least))
        before = config
    return stages


def begins_at(stages: Sequence[PlannedStage], open_now: Mapping[str, Iterable[str]]) -> int | None:
    """The stage that has exactly what is open now, so that entering it opens nothing; None: there is none."""
    now = {item: frozenset(groups) for item, groups in open_now.items()}
    same = [s.number for s in stages if {i: frozenset(g) for i, g in s.cells.items()} == now]
    return same[-1] if now and same else None


def _own(ground: Ground, decided: Configuration) -> list[tuple[Configuration, Asks | None]]:
    """The assessment's chain, cut to the decision, which is its last stage. Asks None: still to be found."""
    groups, found = ground.groups(), list[tuple[Configuration, Asks | None]]()
    before = Configuration({}, groups)
    for stage in ground.assessment.plan.stages if ground.assessment.plan else ():
        planned = Configuration(stage.configuration, groups)
        config = Configuration.from_cells(
            (c for c in decided.cells() if c[1] in planned.groups_with(c[0])), groups
        )
        if config != before:
            found.append((config, None if ground.former else stage.asks))
            before = config
    if before != decided:
        found.append((decided, None))
    if not found:
        raise Refused("bad-plan", "the decision opens nothing, so there is nothing to plan")
    return found


def _checked(spec: StageSpec, number: int, decided: Configuration, groups: Groups) -> Configuration:
    for wanted in spec.configuration.values():
        for group in wanted:
            groups.check(group, where=f"stage {number}")
    config = Configuration(spec.configuration, groups)
    for item, group in config.widest_cells():
        if group not in decided.groups_with(item):
            having = listed(map(group_words, groups.widest(decided.groups_with(item)))) or "nobody"
            raise Refused(
                "wider-than-decided",
                f"stage {number} opens {item} to {group}; the decision opens it to {having}",
                remedy="narrow the stage, or have a wider configuration decided",
            )
    if not any(config.cells()):
        raise Refused("not-rising", f"stage {number} opens nothing")
    return config


def _rises(before: Configuration, after: Configuration, number: int) -> None:
    for item, group in before.cells():
        if group not in after.groups_with(item):
            raise Refused(
                "not-rising",
                f"stage {number} takes {item} away from {group}, who have it in stage {number - 1}",
                remedy="stages only add; to take something away, withdraw the plan and start another",
            )
    if before == after:
        raise Refused("not-rising", f"stage {number} opens nothing that stage {number - 1} does not")


def _asks(ground: Ground, before: Configuration, after: Configuration) -> Asks:
    """What the policy asks before `after`, for a chain that the assessment did not make; rather too much.

    As core/policy/plan/conditions.py: nothing while nothing at stake was opened. At stake counts here
    whatever the assessment does not show to be free of it.
    """
    groups, table = ground.groups(), ground.policy.plan
    before = before.join(Configuration(ground.former, groups))
    new = new_cells(before, after)
    if not new or not any(item in _stakes(ground) for item, _ in before.cells()):
        return Asks()
    final = any(leaves(item, group, groups) for item, group in new)
    bound = table.incidents_at_most
    return Asks(
        soak_days=table.soak_days,
        no_new_safeguards_days=table.no_new_safeguards_days if final else 0,
        incidents_at_most=None if bound is None else f"{bound:f}",
        confidence=None if bound is None else f"{table.confidence:f}",
        clean_uses=None if bound is None else uses_needed(0, float(bound), float(1 - table.confidence)),
    )


def _stakes(ground: Ground) -> frozenset[str]:
    """Items that a row of the policy may be about: all but what is public, or shown to wait for nothing.

    The assessment's plan shows it of what it opens before a stage that asks nothing.
    """
    if not ground.assessment.scope.in_scope:
        return frozenset()
    free = set(ground.assessment.public)
    planned = ground.assessment.plan.stages if ground.assessment.plan else []
    for stage, following in itertools.pairwise(planned):
        if following.asks == Asks():
            free.update(stage.configuration)
    return frozenset(set(ground.decided) | set(ground.former)) - free


def _stage(  # noqa: PLR0917  one stage, and what it follows
    ground: Ground, number: int, spec: StageSpec, before: Configuration, config: Configuration, asks: Asks
) -> PlannedStage:
    groups, table = ground.groups(), ground.policy.plan
    for what, wanted, least in (
        ("soak_days", spec.soak_days, asks.soak_days),
        ("approvals", spec.approvals, table.approvals),
    ):
        if wanted is not None and wanted < least:
            raise Refused(
                "softer-than-policy",
                f"stage {number} asks for {what} = {wanted}; the policy asks for {least}",
                remedy=f"leave {what} out, or ask for at least {least}",
            )
    if spec.soak_days and number > 1:
        asks = msgspec.structs.replace(asks, soak_days=max(asks.soak_days, spec.soak_days))
    new = new_cells(before, config)
    opens: dict[str, set[str]] = {}
    for item, group in new:
        opens.setdefault(item, set()).add(group)
    shown = {item: list(groups.widest(frozenset(having))) for item, having in opens.items()}
    public = ground.assessment.public
    gone = sorted({i for i, g in new if leaves(i, g, groups) and i not in public})
    return PlannedStage(
        number=number,
        configuration=config.as_dict(),
        cells={item: sorted(config.groups_with(item)) for item in config.as_dict()},
        opens=shown,
        asks=asks,
        approvals=max(spec.approvals or 0, table.approvals),
        not_before=spec.not_before,
        irreversible=gone,
        sentence=_sentence(number, shown, gone, spec.not_before),
    )


def _sentence(
    number: int, opens: dict[str, list[str]], gone: Sequence[str], not_before: dt.date | None
) -> str:
    when = f", not before {not_before}" if not_before else ""
    said = f"Stage {number} opens {opening(opens)}{when}."
    if gone:
        said += f" Copies of {listed(map(item_words, gone))} go out with it and cannot be called back."
    return said
