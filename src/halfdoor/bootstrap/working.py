"""A home's services for one command: changes go into the log before the command goes on."""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from halfdoor.adapters.clock import SystemClock
from halfdoor.bootstrap.log import log_store, writing
from halfdoor.services.commit import Commits, Settling
from halfdoor.services.log.settling import Passing
from halfdoor.store.engine import open_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from halfdoor.ports import Clock
    from halfdoor.services.home import Home
    from halfdoor.store.log import LogStore


@contextmanager
def working(
    home: Home,
    *,
    settling: Callable[[LogStore], Settling] | None = None,
    clock: Clock | None = None,
) -> Iterator[Commits]:
    """What makes changes in this home, until the end of the block.

    settling: what brings entries into the log; by default this process, unless another one writes the log
    Raises InputError, DatabaseFailed, VerificationError, as bootstrap.log.log_store.
    """
    url = home.url(home.settings.database)
    with closing(log_store(home)) as store:
        quick = open_engine(url, durable=False)
        try:
            yield Commits(
                engine=quick,
                durable=store.engine,
                clock=clock or SystemClock(),
                random=os.urandom,
                settling=settling(store) if settling else Passing(store, lambda: writing(home)),
            )
        finally:
            quick.dispose()
