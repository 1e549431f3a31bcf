"""A home for the benchmarks of the gate: a model with one large file, and people of the house with grants."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from halfdoor.bootstrap.begin import make_home
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.working import working
from halfdoor.core.governance.tokens import new_secret, secret_hash
from halfdoor.services import decide, grants, membership, people, stage, tokens
from halfdoor.services.assess import Options, read_question
from halfdoor.services.publish import publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from halfdoor.core.governance.actor import Actor
    from halfdoor.services.commit import Commits

REPOSITORY = "example-lab/bench"
DOSSIER = """\
schema = "halfdoor/dossier/1"
[model]
name = "bench"
version = "1.0"
developer = "Example Lab"
root = "."
training_compute_flop = 1e19
training_compute_source = "its training log"
[[item]]
id = "model-card"
paths = ["README.md"]
licence = "CC-BY-4.0"
group = "anyone"
[[item]]
id = "final-parameters"
paths = ["model.safetensors"]
licence = "Apache-2.0"
group = "staff"
"""
DRAWS = 200


class Granted(NamedTuple):
    """A grant, and the token that stands for it."""

    grant: str
    secret: str


class Prepared(NamedTuple):
    """What was set up: grants, the first of which nobody revokes; the token of a reviewer."""

    granted: list[Granted]
    reviewer: str


class _Silent:
    def advance(self, amount: int = 1) -> None:
        """Nobody looks."""


@contextlib.contextmanager
def _silent(_: int) -> Iterator[_Silent]:
    yield _Silent()


def prepare(folder: Path, model: Path, count: int) -> Prepared:
    """Make the home, publish the model, open it to people of the house, and give `count` of them a grant."""
    home = make_home(folder, "example.org/bench", database=None, latest=None, secret=None)
    with working(home) as commits:
        first = people.first_admin(commits)
        assert first is not None
        joined = people.join(commits, first.secret, name="Ada", email="ada@example.org")
        admin = people.authenticate(commits, joined.secret)
        for name in ("Lab", "Club"):
            membership.add_organisation(commits, admin, name)
        publisher = _person(commits, admin, "pat", "Lab", "publisher")[0]
        board = [
            _person(commits, admin, "ann", "Lab", "approver")[0],
            _person(commits, admin, "ben", "Club", "approver", "independent-reviewer")[0],
        ]
        reviewer, reviewer_token = _person(commits, admin, "rea", "Lab", "reviewer")
        done = publish(
            commits,
            blobs_of(home),
            model,
            actor=publisher,
            repository=REPOSITORY,
            layout="revisions",
            meters=(_silent, _silent),
        )
        today = dt.datetime.now(dt.UTC).date()
        question = read_question(model, Options(as_of=today, draws=DRAWS), _silent)
        decision = decide.propose(commits, publisher, question=question, version=done.version)
        for one in board:
            decision = decide.approve(commits, one, decision.id, seen=decision.seen)
        plan = stage.start(commits, publisher, decision.id)
        if not plan.stage:
            raise SystemExit(f"the bench's model was not opened: {plan.next}")
        granted = []
        for number in range(count):
            holder, _ = _person(commits, admin, f"staff{number}", "Lab")
            grant = grants.issue(commits, reviewer, person=holder.person, version=done.version, group="staff")
            granted.append(Granted(grant.id, tokens.issue(commits, holder, grant=grant.id).secret))
    return Prepared(granted, reviewer_token)


def _person(commits: Commits, admin: Actor, name: str, organisation: str, *roles: str) -> tuple[Actor, str]:
    asked = people.invite(
        commits, admin, name=name, email=f"{name}@example.org", organisation=organisation, roles=roles
    )
    secret = people.join(commits, asked.secret).secret
    return people.authenticate(commits, secret), secret


def multiply(database: Path, count: int) -> list[str]:
    """Add so many grants with a token each, straight into the tables; some of the secrets."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        grant = dict(connection.execute("SELECT * FROM access_grant WHERE revoked_ms IS NULL").fetchone())
        token = dict(
            connection.execute("SELECT * FROM token WHERE access_grant = ?", (grant["id"],)).fetchone()
        )
        secrets = [new_secret(hashlib.sha256(json.dumps(number).encode()).digest()) for number in range(1000)]
        with connection:
            for table, row in (("access_grant", grant), ("token", token)):
                marks = ", ".join("?" * len(row))
                columns = ", ".join(row)
                connection.executemany(
                    f"INSERT INTO {table} ({columns}) VALUES ({marks})",
                    (tuple(_like(table, row, number, secrets).values()) for number in range(count)),
                )
    return secrets


def _like(table: str, row: dict[str, object], number: int, secrets: list[str]) -> dict[str, object]:
    grant = f"grt_{number:026d}"
    if table == "access_grant":
        return {**row, "id": grant}
    if number < len(secrets):
        hashed = secret_hash(secrets[number])
    else:
        hashed = hashlib.sha256(b"%d" % number).digest()
    return {**row, "id": f"tok_{number:026d}", "access_grant": grant, "secret_hash": hashed}
