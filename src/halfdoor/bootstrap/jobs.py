"""What the worker of a running home does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halfdoor.services import applications, deliveries, grants, tasks
from halfdoor.services.access_log import AccessLog
from halfdoor.services.decide.due import adopt_due, end_due
from halfdoor.services.feed import keep_mark
from halfdoor.store.runtime import forget_changes
from halfdoor.worker import Job

if TYPE_CHECKING:
    from halfdoor.services.commit import Commits
    from halfdoor.services.parts import Parts

_DAY_MS = 24 * 60 * 60 * 1000
_SELDOM_SECONDS, _SOMETIMES_SECONDS = 600.0, 10.0
READ_SO_FAR = "deliveries.read"  # in the home


def jobs_of(parts: Parts) -> list[Job]:
    """All of them, in the order in which they are done."""
    commits, settings = parts.commits, parts.home.settings
    jobs = [
        Job("decisions", lambda: (adopt_due(commits), end_due(commits))),
        Job("stages", lambda: tasks.run_due(commits, parts.holder)),
        Job("grants", lambda: grants.expire_due(commits)),
        Job("applications", lambda: applications.expire_due(commits), _SOMETIMES_SECONDS),
        Job("deliveries", lambda: deliveries.close_abandoned(commits, parts.holder), _SOMETIMES_SECONDS),
        Job("clock", lambda: keep_mark(commits), _SOMETIMES_SECONDS),
        Job("notices", lambda: _forget(commits, settings.outbox_days), _SELDOM_SECONDS),
    ]
    if settings.offload == "nginx":
        log = AccessLog(parts.home.place(settings.access_log), parts.home.folder / READ_SO_FAR)
        jobs.append(
            Job(
                "access-log", lambda: log.read(lambda lines: deliveries.close_from_access_log(commits, lines))
            )
        )
    return jobs


def _forget(commits: Commits, days: int) -> int:
    with commits.closing() as change:
        return forget_changes(change.connection, change.now_ms - days * _DAY_MS)
