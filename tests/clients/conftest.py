"""Real clients of the hub, each in an environment of its own: `make clients` makes them and says where."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gated import Gate, gate_in, heron
from homes import cluster, database_url, databases, home, sqlite_home

__all__ = ["cluster", "database_url", "databases", "home", "sqlite_home"]

HUBS = ("hub036", "hub1", "hub2")
DOING = Path(__file__).with_name("doing.py")
SECONDS_MAX = 100


@pytest.fixture(autouse=True)
def _made():
    if "HALFDOOR_CLIENTS" not in os.environ:
        pytest.skip("the clients are not installed: make clients")


class Client:
    """A Hugging Face client as somebody has it: a version, a cache of its own, a token or none."""

    def __init__(self, hub, url, folder):
        self.folder = Path(os.environ["HALFDOOR_CLIENTS"]) / hub / "bin"
        self.hub, self.url, self.cache = hub, url, folder

    def _run(self, command, token):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.cache),
            "HF_HOME": str(self.cache / "hf"),
            "HF_ENDPOINT": self.url,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_DOWNLOAD_TIMEOUT": "20",
            "NO_COLOR": "1",
            "COLUMNS": "400",
        }
        if token is not None:
            environment["HF_TOKEN"] = token
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=SECONDS_MAX, check=False
        )

    def do(self, action, token=None, **arguments):
        """What `doing.py` found: its result, or `error` with the names of its classes and its `message`."""
        done = self._run([self.folder / "python", DOING, action, json.dumps(arguments)], token)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout.splitlines()[-1])
        return {**found, "stderr": done.stderr}

    def program(self, *arguments, token=None):
        """A program of the environment, such as `hf`: the finished process."""
        name, *rest = arguments
        return self._run([self.folder / name, *map(str, rest)], token)


@pytest.fixture(params=HUBS)
def hub(request):
    """Each of the versions."""
    return request.param


@pytest.fixture
def gate(sqlite_home):
    """A served home with nothing in it yet."""
    with gate_in(sqlite_home) as found:
        yield found


@pytest.fixture
def opened(gate: Gate, tmp_path):
    """The same with heron: card and configuration for anyone, weights for the vetted."""
    gate.open(heron(tmp_path / "heron"))
    return gate


@pytest.fixture
def client_of(tmp_path):
    """Make a client: client_of(hub, url)."""
    count = iter(range(sys.maxsize))

    def make(hub, url):
        folder = tmp_path / f"client{next(count)}"
        folder.mkdir()
        return Client(hub, url, folder)

    return make
