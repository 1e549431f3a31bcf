"""The steps of a threat: their names, and which of them are alternatives to each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halfdoor.core.risk.document import Step


def step_names(steps: Sequence[Step]) -> list[str]:
    """A name for each step, unique within its threat: a second "access" is "access (2)"."""
    seen: dict[str, int] = {}
    names = []
    for step in steps:
        seen[step.name] = seen.get(step.name, 0) + 1
        names.append(step.name if seen[step.name] == 1 else f"{step.name} ({seen[step.name]})")
    return names


def step_groups(steps: Sequence[Step]) -> dict[tuple[str, int], list[int]]:
    """The numbers of the steps that are alternatives to each other, in the document's order.

    The key is (name of the alternatives, -1), or ("", number) for a step that has none.
    """
    groups: dict[tuple[str, int], list[int]] = {}
    for index, step in enumerate(steps):
        groups.setdefault((step.any_of, -1) if step.any_of else ("", index), []).append(index)
    return groups
