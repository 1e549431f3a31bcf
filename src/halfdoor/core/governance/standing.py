"""What is open at this moment of one version, and whether somebody may have it.

The gate's one question, and the whole of its answer: open is what both the current stage and the decision in
force have, to the groups that both name. There is no other way in, and no switch beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.governance.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

ANYONE = "anyone"
DISABLED = "Access to this resource is disabled."  # what Hugging Face's clients know it by

Cells = dict[str, frozenset[str]]  # item -> every group that has it, the stricter ones inside a wider one too


class Standing(msgspec.Struct, frozen=True):
    """How a version stands at a moment.

    stage:    the stage that was entered last, from 1; None where none ever was, under this plan
    opened:   item -> every group that has it now; empty where nothing may be had
    listed:   the items that are open to some group now: the others do not exist for outsiders
    why:      why nothing is open, in a sentence; empty where something is
    disabled: it was open, or would be, and was closed: halted, withdrawn, or its decision is not in force
    offload:  the policy lets another server send the bytes
    seen:     some plan of this version entered a stage once, so that its existence is no secret
    """

    version: str
    label: str
    repository: str
    stage: int | None = None
    opened: dict[str, frozenset[str]] = {}
    listed: frozenset[str] = frozenset()
    why: str = ""
    disabled: bool = False
    offload: bool = False
    seen: bool = False


def meet(one: Mapping[str, frozenset[str]], other: Mapping[str, frozenset[str]]) -> Cells:
    """What both have; items that nobody has are left out."""
    both = {item: groups & other.get(item, frozenset()) for item, groups in one.items()}
    return {item: groups for item, groups in both.items() if groups}


def permit(
    standing: Standing, items: Iterable[str], group: str | None, granted: Collection[str] | None
) -> None:
    """Whether somebody may have what consists of all these items. Silence means yes.

    group:   the group that the caller's grant is for; None: the caller has no grant, and has what anyone has
    granted: the items of the grant; None: no grant
    A grant adds to what anyone has and takes nothing away from it: each item must be open to anyone, or both
    open to the group and named by the grant.

    Raises Refused: `disabled` where nothing of the version may be had, `not-listed` where some item is open
    to nobody (or none was named: what belongs to no item is nobody's), `gated` where it is open to others.
    """
    if standing.disabled:
        raise Refused("disabled", DISABLED, remedy=standing.why)
    needed = frozenset(items)
    if not needed or not needed <= standing.listed or not needed <= standing.opened.keys():
        raise Refused("not-listed", "there is no such thing here", remedy="see what the version lists")
    has = frozenset(granted or ())
    for item in sorted(needed):
        groups = standing.opened[item]
        if ANYONE not in groups and not (group is not None and group in groups and item in has):
            raise Refused(
                "gated",
                f"{item} is not open to everybody, and nothing was granted to you that covers it",
                remedy="apply for access to this version",
            )
