"""A server in a forked process, with short leases, that takes the silent for dead at once."""

import os
import signal
import threading
import time

from durability.acts import LEASE_SECONDS
from durability.children import Child
from halfdoor.bootstrap import serving
from halfdoor.services import deliveries
from homes import writing
from served import served

START_SECONDS_MAX = 30


class Server:
    """`halfdoor serve` in all but its command line. url: where it answers.

    Forked from a process that never serves itself: threads do not come along.
    """

    def __init__(self, home):
        self._child = Child(_work(home))
        self._child.go()
        until = time.monotonic() + START_SECONDS_MAX
        while "url" not in self._child.told.ended:
            assert not self._child.listen(0.02), self._child.told.ended
            assert time.monotonic() < until, "it does not start"
        self.url = self._child.told.ended["url"]

    def kill_in(self, seconds):
        """End it at once, after so long."""
        threading.Timer(seconds, os.kill, (self._child.pid, signal.SIGKILL)).start()

    def gone(self):
        """Wait for its end."""
        self._child.wait()

    def stop(self):
        """End it in order."""
        os.kill(self._child.pid, signal.SIGTERM)
        self._child.wait()
        assert self._child.told.ended["how"] == "done", self._child.told.ended


def _work(home):
    def work(tell):
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        serving.writing = lambda home: writing(home, lease_seconds=LEASE_SECONDS)
        deliveries.SILENT_MS = 0  # what is left behind by a process that is dead, as two minutes later
        with serving.serving(home) as running, served(running.app) as url:
            while not all(_well(check) for check in running.checks.values()):
                time.sleep(0.005)
            tell.ended(url=url)
            stop.wait()

    return work


def _well(check):
    try:
        check()
    except Exception:  # noqa: BLE001  whatever it is, it is not well yet
        return False
    return True
