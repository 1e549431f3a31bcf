"""The numbers of a running home beyond its requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor import __version__
from halfdoor.store.counting import applications_waiting, deliveries_under_way, grants_revoked
from halfdoor.store.log import LogStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from halfdoor.bootstrap.serving import Serving


def measure(running: Serving) -> None:
    """Have them asked for whenever /metrics is."""
    meters, parts = running.meters, running.parts
    log = LogStore(parts.commits.engine)

    def asked(count: Callable[[Connection], int]) -> Callable[[], int]:
        def ask() -> int:
            with parts.commits.reading() as connection:
                return count(connection)

        return ask

    def well() -> dict[tuple[tuple[str, str], ...], float]:
        return {(("part", name),): float(_is_well(check)) for name, check in running.checks.items()}

    gauge = meters.gauge
    gauge("halfdoor_info", "The version that runs", lambda: {(("version", __version__),): 1})
    gauge("halfdoor_ready", "Whether a part is well", well)
    gauge("halfdoor_log_entries", "Entries in the log", lambda: log.head().frontier.size)
    gauge("halfdoor_log_waiting", "Entries that wait for the log's writer", log.waiting_count)
    gauge(
        "halfdoor_log_writer",
        "Whether this process writes the log",
        lambda: int(running.keeper.writer is not None),
    )
    gauge("halfdoor_deliveries_running", "Deliveries under way", asked(deliveries_under_way))
    gauge("halfdoor_grants_revoked", "Grants that were revoked so far", asked(grants_revoked))
    gauge("halfdoor_applications_waiting", "Applications for a reviewer", asked(applications_waiting))
    gauge(
        "halfdoor_worker_age_seconds",
        "Time since a job of the worker last succeeded",
        lambda: {(("job", name),): age for name, age in running.worker.ages_seconds().items()},
    )


def _is_well(check: Callable[[], object]) -> bool:
    try:
        check()
    except Exception:  # noqa: BLE001  this number says that there is something, the log says what
        return False
    return True
