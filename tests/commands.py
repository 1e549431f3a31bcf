"""Running the command as a shell would, and a home to run it on."""

import json

import pytest

from halfdoor.cli import main as shell

ORDER = {
    "event": "oversight:order:receive",
    "order": "ord_00000000000000000000000001",
    "document": "sha256:" + "0" * 64,
}


@pytest.fixture
def run(capsys):
    """Run a command; exit code, standard output, standard error."""

    def command(*words):
        code = shell.main([str(word) for word in words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def home(tmp_path, run):
    """A home of the log example.org/log."""
    folder = tmp_path / "home"
    assert run("home", "init", folder, "--origin", "example.org/log")[0] == 0
    return folder


@pytest.fixture
def append(run, home, tmp_path):
    """Append an event to the home's log: an order, or what the caller gives."""

    def one(document=ORDER, *options):
        event = tmp_path / "event.json"
        event.write_text(json.dumps(document), encoding="utf-8")
        return run("log", "append", "--home", home, event, *(options or ("--json",)))

    return one
