"""strace, attached to a process that waits to begin: it is killed at the nth system call of a kind."""

import shutil
import subprocess
import time
from pathlib import Path

ATTACH_SECONDS_MAX = 10
STRACE = shutil.which("strace")


class Killing:
    """Kills a process, whichever of its threads makes the call; until the end of the block."""

    def __init__(self, pid, call, nth):
        assert STRACE, "strace is not there (Debian: apt install strace)"
        inject = f"inject={call}:signal=SIGKILL:when={nth}"
        self._pid = pid
        self._command = [STRACE, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject]

    def __enter__(self):
        self._process = subprocess.Popen(
            [*self._command, "-p", str(self._pid)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + ATTACH_SECONDS_MAX
        while "TracerPid:\t0" in Path(f"/proc/{self._pid}/status").read_text(encoding="utf-8"):
            assert time.monotonic() < until, "strace does not attach"
            time.sleep(0.002)

    def __exit__(self, *_):
        self._process.wait(20)
