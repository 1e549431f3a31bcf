"""Writers in processes of their own, forked from one that has loaded everything; what they tell."""

import json
import os
import select
import shutil
import signal
import socket
import struct
import sys
import time
import traceback
from hashlib import sha256

import msgspec

from halfdoor.services.home import Home

RECORD = struct.Struct(">cQ32s")
TELL_SECONDS_MAX = 60


class Teller:
    """A process's way to its parent: records, each whole, in the order in which they were sent."""

    def __init__(self, channel):
        self._channel = channel

    def appended(self, first, news):
        """These entries were acknowledged, the first of them at this position."""
        for at, new in enumerate(news):
            self._send(b"A", first + at, new.entry)

    def waits(self, number, new):
        """This entry's change was committed; it waits under this number."""
        self._send(b"W", number, new.entry)

    def _send(self, kind, number, entry):
        self._channel.send(RECORD.pack(kind, number, sha256(entry).digest()))

    def ended(self, **how):
        """How it ended: the last that is said."""
        self._channel.send(b"E" + json.dumps(how).encode())


class Told(msgspec.Struct):
    """What a process told until it ended: digests of entries by position, by the number they wait under."""

    appended: dict[int, bytes] = {}
    waits: dict[int, bytes] = {}
    ended: dict[str, str] = {}


class Child:
    """A forked process that runs `work(tell)`; `go` lets it begin."""

    def __init__(self, work):
        mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._channel = mine
        self.told = Told({}, {}, {})
        self.pid = os.fork()
        if self.pid == 0:
            mine.close()
            _run(work, its)
        its.close()

    def go(self):
        """Let it begin."""
        self._channel.send(b"go")

    def listen(self, seconds=TELL_SECONDS_MAX):
        """Hear what it tells, for so long or until it has ended; False where it has not."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self._channel], [], [], left)[0]:
                break
            try:
                data = self._channel.recv(65536)
            except ConnectionResetError:  # it was killed before it read
                data = b""
            if not data:
                return True
            self._hear(data)
        return False

    def _hear(self, data):
        if data[:1] == b"E":
            self.told.ended = json.loads(data[1:])
            return
        kind, number, digest = RECORD.unpack(data)
        (self.told.appended if kind == b"A" else self.told.waits)[number] = digest

    def kill(self):
        """End it at once, and hear what it had told."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait()

    def wait(self):
        """Hear all of it until its end."""
        ended = self.listen()
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self._channel.close()
        assert ended, "the process hangs"


def _run(work, channel):
    """In the new process: nothing of the parent's is cleaned up, so nothing of the parent's is touched."""
    tell = Teller(channel)
    try:
        channel.recv(16)
        work(tell)
        tell.ended(how="done")
    except BaseException as error:  # noqa: BLE001  whatever it was is told
        how = {"how": type(error).__name__, "code": getattr(error, "code", ""), "said": str(error)[:500]}
        how["trace"] = "".join(traceback.format_exception(error))[-3000:]
        tell.ended(**how)
    finally:
        sys.stdout.flush()
        os._exit(0)


def moved(home, folder):
    """A copy of a home with its second store, apart from the first."""
    shutil.copytree(home.folder, folder / "home")
    for file in home.folder.parent.glob("home-latest.db*"):
        shutil.copy(file, folder)
    latest = f"sqlite:///{folder}/home-latest.db"
    return Home(folder / "home", msgspec.structs.replace(home.settings, latest=latest))
