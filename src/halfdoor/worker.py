"""What has to be done without anybody asking: dates that come, deliveries whose sender died, old notices.

One thread for each process. Jobs are done by whichever replica comes first; each keeps itself from being done
twice. A job that fails is tried again, and stops no other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from halfdoor.core.errors import HalfdoorError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOGGER = logging.getLogger("halfdoor.worker")
_AGAIN_SECONDS = 60.0  # between two complaints about the same job


class Job(msgspec.Struct, frozen=True):
    """Something to do again and again. `every_seconds`: from the end of one time to the next."""

    name: str
    do: Callable[[], object]
    every_seconds: float = 1.0


class Worker:
    """Does jobs, one after the other, in a thread of its own."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = list(jobs)
        now = time.monotonic()
        self._due = {job.name: now for job in self._jobs}
        self._done = {job.name: now for job in self._jobs}  # when it last succeeded
        self._complained: dict[str, float] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="worker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the job at hand."""
        self._stopping.set()
        self._thread.join()

    def ages_seconds(self) -> dict[str, float]:
        """How long ago each job last succeeded; since the start where it never did."""
        now = time.monotonic()
        return {name: now - at for name, at in self._done.items()}

    def _work(self) -> None:
        while not self._stopping.is_set():
            for job in self._jobs:
                if self._due[job.name] <= time.monotonic() and not self._stopping.is_set():
                    self._try(job)
                    self._due[job.name] = time.monotonic() + job.every_seconds
            soonest = min(self._due.values(), default=time.monotonic() + 1)
            self._stopping.wait(max(0.0, soonest - time.monotonic()))

    def _try(self, job: Job) -> None:
        try:
            job.do()
        except Exception as error:  # noqa: BLE001  the next job has nothing to do with it
            self._complain(job.name, error)
        else:
            self._done[job.name] = time.monotonic()
            self._complained.pop(job.name, None)

    def _complain(self, name: str, error: Exception) -> None:
        now = time.monotonic()
        if now - self._complained.get(name, float("-inf")) < _AGAIN_SECONDS:
            return
        self._complained[name] = now
        if isinstance(error, HalfdoorError):
            _LOGGER.warning("%s did not succeed, and is tried again: %s", name, error)
        else:
            _LOGGER.error("%s failed, and is tried again", name, exc_info=error)
