"""Homes whose hub answers, one for tests that only ask, one for each test that changes something."""

import http.client
import json
from urllib.parse import urlsplit

import msgspec
import pytest

from gated import gate_in, heron
from homes import cluster, database_url, databases, home, new_home, sqlite_home

__all__ = ["cluster", "database_url", "databases", "home", "sqlite_home"]


class Answer(msgspec.Struct):
    """A whole answer. headers: names in lower case; the last of several."""

    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.headers.get("x-error-code")


class Asking:
    """Sends requests exactly as written: nothing of a path is tidied up."""

    def __init__(self, url):
        self.address = urlsplit(url).netloc

    def __call__(self, method, path, token=None, **headers):
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            given["Authorization"] = f"Bearer {token}"
        body = given.pop("body", None)
        connection = http.client.HTTPConnection(self.address, timeout=30)
        connection._validate_path = lambda url: None  # also what no client would send
        try:
            connection.request(method, path, body=body, headers=given)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    def get(self, path, token=None, **headers):
        return self("GET", path, token, **headers)

    def head(self, path, token=None, **headers):
        return self("HEAD", path, token, **headers)


@pytest.fixture(scope="module")
def asked_only(tmp_path_factory):
    """Heron, opened in part; for tests that change nothing of it."""
    folder = tmp_path_factory.mktemp("gate")
    with gate_in(new_home(folder / "home")) as found:
        found.open(heron(folder / "heron"))
        yield found


@pytest.fixture
def gate(sqlite_home, tmp_path):
    """The same for one test alone."""
    with gate_in(sqlite_home) as found:
        found.open(heron(tmp_path / "heron"))
        yield found


@pytest.fixture
def gate_on_each(home, tmp_path):
    """The same on each kind of database."""
    with gate_in(home) as found:
        found.open(heron(tmp_path / "heron"))
        yield found


@pytest.fixture
def ask(request):
    """Ask the gate that the test uses; without one of its own, that of the tests that only ask."""
    own = [name for name in ("gate", "gate_on_each") if name in request.fixturenames]
    return Asking(request.getfixturevalue((own or ["asked_only"])[0]).url)
