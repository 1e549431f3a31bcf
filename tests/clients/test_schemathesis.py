"""schemathesis against the control API: whatever its document allows, and much that it does not.

`make clients` installs it (HALFDOOR_CLIENTS names where). Nothing may break the server, and every answer has
to be one that the document describes.
"""

import os
import subprocess
from pathlib import Path

import pytest
from starlette.applications import Starlette

from controlled import world_in
from halfdoor.web.api.app import Limits, api_routes
from halfdoor.web.api.limiting import Buckets
from halfdoor.web.api.operation import PREFIX
from homes import new_home
from served import served

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "ignored_auth",
)
# They take away what the run stands on: its own token and role.
ENDING = ("let_leave", "take_role", "revoke_token")


@pytest.fixture(scope="module")
def program():
    folder = os.environ.get("HALFDOOR_CLIENTS")
    found = Path(folder or "nowhere") / "tools" / "bin" / "schemathesis"
    if not found.is_file():
        pytest.skip("schemathesis is not there: make clients")
    return found


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with world_in(new_home(tmp_path_factory.mktemp("schemathesis") / "home")) as made:
        made.open()
        yield made


def run(program, world, folder, actor, examples):
    """Run it, as somebody; what it says where it found something."""
    never = Limits(Buckets(burst=10**9, seconds=1), Buckets(burst=10**9, seconds=1))
    headers = [] if actor is None else ["-H", f"Authorization: Bearer {world.token(actor)}"]
    with served(Starlette(routes=api_routes(world.parts, never))) as address:
        words = [program, "run", f"{address}{PREFIX}/openapi.json", "--url", address]
        words += ["--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing"]
        words += ["--max-examples", str(examples), "--seed", "1", "--workers", "1", "--no-color", *headers]
        words += ["--warnings", "off", "--suppress-health-check", "all", "--request-timeout", "60"]
        for name in ENDING:
            words += ["--exclude-operation-id", name]
        found = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    return found.returncode, found.stdout[-20_000:] + found.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["nobody", "an administrator", "everything at once"])
def test_nothing_that_is_sent_breaks_it(program, world, tmp_path, kind):
    roles = ("admin", "publisher", "approver", "reviewer", "overseer", "auditor", "outsider")
    actor = {
        "nobody": lambda: None,
        "an administrator": lambda: world.with_role("admin"),
        "everything at once": lambda: world.board.person("All", *roles),
    }[kind]()
    code, said = run(program, world, tmp_path, actor, examples=4)
    assert code == 0, said
