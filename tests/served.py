"""Applications for tests, behind a real server on this machine."""

import socket
import threading
from contextlib import contextmanager

import urllib3
import uvicorn

from halfdoor.web.connections import Connection


@contextmanager
def served(app, **options):
    """The application behind uvicorn, as `halfdoor serve` runs it, on a free port; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        settings = {
            "http": Connection,
            "ws": "none",
            "log_config": None,
            "lifespan": "off",
            "access_log": False,
        }
        server = uvicorn.Server(uvicorn.Config(app, **(settings | options)))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def ask(method, url, **options):
    """One request, on a connection of its own; the answer, read whole."""
    with urllib3.PoolManager(retries=False) as pool:
        return pool.request(method, url, **options)
