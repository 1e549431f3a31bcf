"""Servers that send one large file, side by side, and a client that throws the bytes away in the kernel.

nginx with sendfile, Starlette's own FileResponse under uvicorn, and whoever else is given; each server on one
core, the client on another, every round asks all of them, so that a busy machine disturbs all alike.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HOST = "127.0.0.1"
START_SECONDS_MAX = 60
_CHUNK = 1024 * 1024
_SERVER_CORE, _CLIENT_CORE = 0, 1

NGINX = """\
worker_processes 1; daemon off; user {user}; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log warn;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; tcp_nopush on;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen {host}:{port}; location / {{ root {root}; }} }}
}}
"""
STARLETTE = """\
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Route
path, port = sys.argv[1], int(sys.argv[2])
app = Starlette(routes=[Route("/file", lambda request: FileResponse(path))])
uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")
"""


class Target(NamedTuple):
    """What to ask: a port, a path, and headers."""

    port: int
    path: str
    headers: Mapping[str, str] = {}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(command: Sequence[str], port: int, *, stop: int = 15) -> Iterator[subprocess.Popen[bytes]]:
    """A server on its own core, from its first answer until the end of the block."""
    started = subprocess.Popen(
        ["taskset", "-c", str(_SERVER_CORE), *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + START_SECONDS_MAX
        while True:
            with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
                break
            if started.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{' '.join(command)} does not answer")
            time.sleep(0.05)
        yield started
    finally:
        started.send_signal(stop)
        started.wait(START_SECONDS_MAX)


def nginx() -> str | None:
    """The program, where there is one."""
    places = [*os.environ["PATH"].split(os.pathsep), "/usr/sbin"]
    return next((str(Path(at) / "nginx") for at in places if (Path(at) / "nginx").exists()), None)


@contextlib.contextmanager
def nginx_serving(program: str, folder: Path, root: Path) -> Iterator[int]:
    """A real nginx with sendfile over a folder; its port."""
    port = free_port()
    config = folder / "peer.conf"
    config.write_text(NGINX.format(folder=folder, host=HOST, port=port, root=root, user=getuser()))
    with serving([program, "-p", str(folder), "-c", str(config)], port):
        yield port


@contextlib.contextmanager
def starlette_serving(file: Path) -> Iterator[int]:
    """Starlette's FileResponse as it comes; its port."""
    port = free_port()
    with serving([sys.executable, "-c", STARLETTE, str(file), str(port)], port):
        yield port


def fetch(target: Target, *, method: str = "GET") -> tuple[float, int]:
    """Seconds and bytes of body of one request; the bytes are dropped in the kernel (MSG_TRUNC)."""
    os.sched_setaffinity(0, {_CLIENT_CORE % (os.cpu_count() or 1)})
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {HOST}:{target.port}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in target.headers.items()]
    begun = time.perf_counter()
    with socket.create_connection((HOST, target.port)) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += _some(connection)
        top, _, rest = head.partition(b"\r\n\r\n")
        status = int(top.split()[1])
        if status not in {200, 206}:
            raise SystemExit(f"{target.path}: HTTP {status}\n{top.decode()}\n{rest.decode()[:500]}")
        length = next(
            int(line.split(b":")[1])
            for line in top.splitlines()
            if line.lower().startswith(b"content-length:")
        )
        got = len(rest)
        while method == "GET" and got < length:
            count = connection.recv_into(_SINK, _CHUNK, socket.MSG_TRUNC)
            if count == 0:
                raise SystemExit(f"{target.path}: cut after {got} of {length} bytes")
            got += count
    return time.perf_counter() - begun, got


_SINK = bytearray(_CHUNK)


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(16384)
    if not data:
        raise SystemExit("a server closed the connection before its answer")
    return data
