"""`halfdoor serve` as a process of its own, as an operator runs it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

from homes import WAIT

_ADDRESS = re.compile(r"listening\s+(http://\S+)")
_INVITATION = re.compile(r"/join/(hdi_\w+)")


class Served:
    """A running server: what it said so far, and where it is."""

    def __init__(self, process):
        self.process = process
        self.out, self.err = [], []
        self._ready = threading.Event()
        self._threads = [
            threading.Thread(target=self._read, args=(process.stdout, self.out)),
            threading.Thread(target=self._read, args=(process.stderr, self.err)),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, stream, lines):
        for line in stream:
            lines.append(line)
            if "Ctrl-C stops it" in line:
                self._ready.set()
        self._ready.set()

    def wait(self):
        assert self._ready.wait(WAIT), self.said
        assert self.process.poll() is None, self.said
        return self

    @property
    def said(self):
        return "".join(self.out + self.err)

    @property
    def url(self):
        return _ADDRESS.search("".join(self.out))[1]

    @property
    def invitation(self):
        found = _INVITATION.search("".join(self.out))
        return found and found[1]

    @property
    def lines(self):
        """What was logged."""
        return [json.loads(line) for line in self.err if line.startswith("{")]

    def end(self, how=signal.SIGTERM):
        """Stop it; its exit code."""
        self.process.send_signal(how)
        code = self.process.wait(WAIT)
        for thread in self._threads:
            thread.join(WAIT)
        return code


@contextmanager
def serve(home, *options):
    """A server on a free port, until the end of the block at the latest."""
    command = [
        sys.executable,
        "-m",
        "halfdoor",
        "serve",
        "--home",
        str(home),
        "--port",
        "0",
        *map(str, options),
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    running = Served(process)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        running.end()
        process.stdout.close()
        process.stderr.close()
