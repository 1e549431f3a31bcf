"""Harm of flaws: defects that nobody can patch in copies that nobody can reach.

A hosted model is patched for all its users. A copy stays as it is unless its holder takes the patch, so
the harm is open flaws × harm of each × copies × (1 - uptake), per year.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halfdoor.core.model.groups import Groups
    from halfdoor.core.risk.document import Flaw
    from halfdoor.core.risk.uncertainty.distributions import Floats
    from halfdoor.core.risk.uncertainty.draws import Draws


def flaw_harm(flaw: Flaw, having: Iterable[str], groups: Groups, draws: Draws) -> Floats:
    """Harm per year in each draw where these groups have the weights: never less when more of them do."""
    open_, harm = (
        draws.of(f"flaw {flaw.id}, {name}", number, "positive")
        for name, number in (("open", flaw.open), ("harm", flaw.harm))
    )
    uptake = draws.of(f"flaw {flaw.id}, uptake", flaw.uptake, "probability")
    return np.asarray(open_ * harm * copies(flaw, having, groups, draws) * (1.0 - uptake))


def copies(flaw: Flaw, having: Iterable[str], groups: Groups, draws: Draws) -> Floats:
    """Copies among the groups that have the weights.

    A row states all copies once that group has the weights, those of the groups in it included; so each
    group adds what it has beyond the groups inside it. A group without a row counts as the nearest wider one
    that has one, and without any as the largest row: a number that is missing never helps.
    """
    having = sorted(groups.close(having))
    stated = {
        group: draws.of(
            f"flaw {flaw.id}, copies of {group}", number, "positive", stream=f"flaw {flaw.id}, copies"
        )
        for group, number in flaw.copies.items()
        if group in groups.shareable
    }
    nothing = np.zeros(draws.count)
    if not stated:
        return nothing
    most: Floats = np.max(list(stated.values()), axis=0)

    def row(group: str) -> Floats:
        wider = [g for g in groups.above(group) if g in stated]
        return stated[min(wider, key=lambda g: (len(groups.below(g)), g))] if wider else most

    total = nothing
    for group in having:
        inside = [np.max([row(h) for h in groups.below(g)], axis=0) for g in groups.below(group) - {group}]
        own: Floats = np.max([row(h) for h in groups.below(group)], axis=0)
        total = total + (own - np.max(inside, axis=0) if inside else own)
    return total
