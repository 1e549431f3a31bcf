"""Witnesses for tests: real ones, over HTTP on this machine."""

import socket
import threading
from contextlib import contextmanager

import uvicorn

from halfdoor.adapters.clock import SystemClock
from halfdoor.services.log.witness import by_origin, open_witness
from halfdoor.web.witness import witness_app

NAME = "witness.example.org/w1"


@contextmanager
def running(state, keys, *, ml_dsa=False, port=0):
    """The witness of a folder, behind uvicorn on a free port; its address and its key."""
    witness = open_witness(state, NAME, by_origin(keys), SystemClock(), ml_dsa=ml_dsa)
    with socket.create_server(("127.0.0.1", port)) as listening:
        config = uvicorn.Config(witness_app(witness), log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}", witness.key
        finally:
            server.should_exit = True
            thread.join()
            witness.close()
