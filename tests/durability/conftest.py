"""Tests that kill processes and break disks: minutes, so only where HALFDOOR_DURABILITY=1 asks for them."""

import os
import sys
import time

import pytest

SAID_SECONDS = 5
ASKED = os.environ.get("HALFDOOR_DURABILITY") == "1"


def pytest_collection_modifyitems(items):
    skip = pytest.mark.skip(reason="takes minutes: make durability")
    for item in items:
        if "durability" in item.path.parts and not ASKED:
            item.add_marker(skip)


class Progress:
    """A line on the terminal about how far a test is, past pytest's capture."""

    def __init__(self, capsys, name):
        self._capsys, self._name, self._began, self._said = capsys, name, time.monotonic(), 0.0

    def __call__(self, done):
        now = time.monotonic()
        if now - self._said > SAID_SECONDS:
            self._said = now
            with self._capsys.disabled():
                sys.stderr.write(f"  {self._name}: {done}, {now - self._began:.0f} s\n")


@pytest.fixture
def progress(capsys, request):
    return Progress(capsys, request.node.originalname)
