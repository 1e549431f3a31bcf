"""Stands between a server and PostgreSQL, as a process of its own that a test stops, kills, starts again."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

SOCKET = ".s.PGSQL.5432"
START_SECONDS_MAX = 20


class Between:
    """Passes on what comes to a socket in `folder` to the server whose socket is in `target`."""

    def __init__(self, target, folder):
        self._command = [sys.executable, __file__, target / SOCKET, folder / SOCKET]
        self._place = folder / SOCKET
        self._process = None
        self.heal()

    def hold(self):
        """From now on nothing passes, as when a network or a machine is gone without a word."""
        self._process.send_signal(signal.SIGSTOP)

    def refuse(self):
        """Break every connection off and take no new one."""
        self._process.kill()
        self._process.wait()
        self._process = None
        self._place.unlink()

    def heal(self):
        """Pass on again what comes, and what was held back."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            return
        self._process = subprocess.Popen(self._command)
        until = time.monotonic() + START_SECONDS_MAX
        while not self._place.exists():
            assert time.monotonic() < until
            time.sleep(0.01)

    def close(self):
        """End it."""
        if self._process is not None:
            self.refuse()


async def _pass(reader, writer):
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def _main(target, place):
    async def both(reader, writer):
        theirs, ours = await asyncio.open_unix_connection(target)
        await asyncio.gather(_pass(reader, ours), _pass(theirs, writer))

    made = f"{place}.new"
    server = await asyncio.start_unix_server(both, made)
    Path(made).rename(place)  # noqa: ASYNC240  at once; and who finds it can connect to it
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
