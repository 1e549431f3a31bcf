"""A client that sends paths as they are, one that reads slowly, and what log and tables say of deliveries."""

import http.client
import socket
import time
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import select

from granting import wait_until
from halfdoor.store.tables.access import access_grant, delivery
from homes import stored


class Files:
    """Asks a gate for files, with or without a token."""

    def __init__(self, gate, secret=None):
        self.gate = gate
        self.headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}

    def __call__(self, target, method="GET", **headers):
        connection = http.client.HTTPConnection(urlsplit(self.gate.url).netloc, timeout=30)
        connection._validate_path = lambda url: None  # also what no client would send
        given = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, target, headers=given)
            answer = connection.getresponse()
            answer.data = answer.read()
            return answer
        finally:
            connection.close()

    def file(self, name, method="GET", revision="main", **headers):
        return self(f"/{self.gate.repository}/resolve/{revision}/{name}", method, **headers)


def code(answer):
    """The status, and what clients go by."""
    return answer.status, answer.headers.get("x-error-code")


def deliveries(gate):
    """Every delivery as the log tells of it, in order: (how it began, how it ended), once all have."""
    wait_until(lambda: _told(gate) >= len(rows(gate)) and all(ended for _, ended in _deliveries(gate)))
    return _deliveries(gate)


def _told(gate):
    return len(_deliveries(gate))


def _deliveries(gate):
    events = [msgspec.json.decode(entry) for entry in stored(gate.parts.home)[0]]
    begun = [one for one in events if one["event"] == "delivery:file:begin"]
    ended = {one["delivery"]: one for one in events if one["event"] == "delivery:file:end"}
    return [(one, ended.get(one["delivery"])) for one in begun]


def rows(gate):
    """The table's rows, in order."""
    query = select(delivery).order_by(delivery.c.begun_ms)
    with gate.commits.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]


def used(gate, grant):
    """(bytes used, bytes reserved, downloads) of a grant."""
    columns = (access_grant.c.bytes_used, access_grant.c.bytes_reserved, access_grant.c.downloads_used)
    with gate.commits.reading() as connection:
        return tuple(connection.execute(select(*columns).where(access_grant.c.id == grant.id)).one())


class Slow:
    """A download of which only so much is read as is asked for."""

    def __init__(self, url, path, secret=None):
        place = urlsplit(url)
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.socket.settimeout(20)
        self.socket.connect((place.hostname, place.port))
        lines = [f"GET {path} HTTP/1.1", f"Host: {place.netloc}"]
        lines += [f"Authorization: Bearer {secret}"] if secret else []
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.socket.recv(65536)
        self.head, _, rest = head.partition(b"\r\n\r\n")
        self.status = int(self.head.split()[1])
        self.length = int(self.head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        self.got = len(rest)

    def read(self, count):
        """At least so many more bytes."""
        until = self.got + count
        while self.got < until:
            data = self.socket.recv(65536)
            assert data, "the other side ended it"
            self.got += len(data)

    def rest(self, pause=0.0):
        """Read to the end, however it comes; seconds that it took. pause: after each 64 KB."""
        begun = time.monotonic()
        try:
            while data := self.socket.recv(65536):
                self.got += len(data)
                if self.got >= self.length:
                    break
                time.sleep(pause)
        except ConnectionResetError:
            pass
        self.socket.close()
        return time.monotonic() - begun

    def leave(self):
        self.socket.close()

    @property
    def whole(self):
        return self.got == self.length
