"""Following a log: what a new checkpoint is, beside the one seen before."""

from __future__ import annotations

import datetime as dt
import enum
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from halfdoor.core.log.checkpoint import Checkpoint


class Step(enum.Enum):
    """How a log went on. Only growth has to be proven from its tiles; the rest two checkpoints show."""

    FIRST = "first"
    SAME = "same"
    GROWN = "grown"
    FORK = "fork"  # two trees of one size
    ROLLBACK = "rollback"  # smaller than it was
    OTHER = "other"  # the log of another origin


def step(before: Checkpoint | None, after: Checkpoint) -> Step:
    """What happened between two checkpoints that one place served."""
    if before is None:
        return Step.FIRST
    if before.origin != after.origin:
        return Step.OTHER
    if after.size < before.size:
        return Step.ROLLBACK
    if after.size > before.size:
        return Step.GROWN
    return Step.SAME if after.root == before.root else Step.FORK


class Kept(msgspec.Struct, frozen=True):
    """What a watcher remembers of the log at one place.

    checkpoint: the newest signed note that extends all earlier ones, as it was served; empty: none yet
    checked:    so many entries were read, and are in the tree
    served:     the log has served entries, so that missing ones are a gap
    changed:    when it last published something new
    failures:   rounds since it could be reached
    """

    place: str
    checkpoint: str = ""
    checked: int = 0
    served: bool = False
    changed: dt.datetime | None = None
    failures: int = 0


def is_stale(kept: Kept, now: dt.datetime, seconds_max: int | None) -> bool:
    """True where nothing new was published for longer than that."""
    if seconds_max is None or kept.changed is None:
        return False
    return now - kept.changed > dt.timedelta(seconds=seconds_max)
