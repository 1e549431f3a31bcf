"""What the gate and the control plane are made with, put together once (bootstrap/serving.py)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halfdoor.ports import Blobs
    from halfdoor.services.commit import Commits
    from halfdoor.services.feed import Feed
    from halfdoor.services.home import Home
    from halfdoor.services.model_signature import ModelKey


@dataclass(frozen=True)
class Parts:
    """The parts of a running home.

    public_url: where clients reach this server, without a slash at the end; messages to people name it
    holder:     names this process in rows that it alone looks after (delivery.holder)
    """

    home: Home
    commits: Commits
    blobs: Blobs
    feed: Feed
    model_signer: ModelKey | None
    public_url: str
    holder: str
