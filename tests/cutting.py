"""A connection between client and server that breaks when a test wants it to."""

import socket
import threading
from contextlib import contextmanager, suppress


class Cutting:
    """Passes bytes on in both directions. url: where clients reach it."""

    def __init__(self, target):
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open = set()
        self._lock = threading.Lock()
        self._cuts = []
        self.cut = 0  # connections that were broken off
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def cut_after(self, *counts):
        """Break the next connections off that would pass more bytes than these to the client."""
        with self._lock:
            self._cuts += counts

    def close(self):
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._accepting.join(10)
        for one in list(self._open):
            _shut(one)

    def _accept(self):
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            with self._lock:
                self._open |= {client, server}
            for source, sink, counted in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass, args=(source, sink, counted), daemon=True).start()

    def _pass(self, source, sink, counted):
        passed = 0
        try:
            while data := source.recv(65536):
                sink.sendall(data)
                passed += len(data)
                if counted and self._is_due(passed):
                    break
        except OSError:
            pass
        for one in (source, sink):
            _shut(one)
        with self._lock:
            self._open -= {source, sink}

    def _is_due(self, passed):
        with self._lock:
            if not self._cuts or passed < self._cuts[0]:
                return False
            self._cuts.pop(0)
            self.cut += 1
            return True


def _shut(one):
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


@contextmanager
def cutting(url):
    """Something between clients and the server at `url`."""
    host, _, port = url.removeprefix("http://").partition(":")
    found = Cutting((host, int(port)))
    try:
        yield found
    finally:
        found.close()
