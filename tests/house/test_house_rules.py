"""The house rules that no linter knows: short files, short functions, reasons beside exceptions."""

from __future__ import annotations

import ast
import re
import socket
import subprocess
import tomllib
from pathlib import Path

import pytest
from pytest_socket import SocketConnectBlockedError

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
LINES_MAX = 400
FUNCTION_LINES_MAX = 70

_EXCEPTION = re.compile(r"#\s*(?:noqa|type:\s*ignore|mypy:|pragma:)[^#]*")
_REASONED = re.compile(r"#\s*(?:noqa: [A-Z0-9, ]+|type: ?ignore\[[a-z-, ]+\])(?:\s*#)?\s+\S.*")


def _id(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=_id)
def test_files_and_functions_are_short(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LINES_MAX
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert long == {}


@pytest.mark.parametrize("path", [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))], ids=_id)
def test_every_exception_to_a_lint_rule_has_its_reason(path):
    bare = [
        f"{number}: {line.strip()}"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := _EXCEPTION.search(line))
        and "re.compile" not in line
        and not _REASONED.fullmatch(found[0].rstrip())
    ]
    assert bare == []


def test_every_rule_switched_off_says_why():
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    start = lines.index("ignore = [")
    for line in lines[start + 1 : lines.index("]", start)]:
        assert re.fullmatch(r'    "[A-Z0-9]+", +# .+', line), line


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.lock")), ids=_id)
def test_locks_have_hashes_and_name_no_index(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"://|^\s*-[^-]|^torch==", text, re.MULTILINE)
    blocks = re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^#.*\n", "", text))
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)


def test_what_is_committed_names_no_place_on_a_machine():
    """No path of a developer's machine. `.ci/run` may know where its conformance data lies."""
    found = subprocess.run(
        ["git", "grep", "-nIE", r"/(work|home|Users)/|\.\./shared", "--", ":!.ci/run", ":!tests/house"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode not in {0, 1}:
        pytest.skip("not a git checkout")
    assert found.stdout == ""


def test_the_base_install_stays_small():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.split(r"[<>=]", dep)[0] for dep in project["dependencies"]}
    assert not names & {"inspect-ai", "torch", "transformers", "pandas", "pydantic", "rich"}


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_tests_reach_no_host_but_this_one():
    """192.0.2.1 is reserved for documentation (RFC 5737): nobody answers there, and nobody is asked."""
    with pytest.raises(SocketConnectBlockedError), socket.socket() as outside:
        outside.connect(("192.0.2.1", 80))
