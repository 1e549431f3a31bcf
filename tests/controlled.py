"""A home with a version that was decided on and opened, people of every kind, and the API in front of it."""

import json
from contextlib import contextmanager
from urllib.parse import urlencode

from starlette.applications import Starlette

from deciding import Board, Clock, question
from granting import serving
from halfdoor.bootstrap.calling import Here, Inside
from halfdoor.core.governance.actor import OWN_ROLES
from halfdoor.services import people, stage, tokens
from halfdoor.web.api.app import api_routes
from halfdoor.web.api.operation import PREFIX

SHARED = {"model-card": ("anyone",), "final-parameters": ("vetted",)}
FIELDS = {"identity": "Ann of Example", "organisation": "Example", "purpose": "To look for flaws."}
URL = "https://hub.example.org"


class Answer:
    """What came back."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["error"]["code"]


class World:
    """The API of a home, asked within the process with the tokens that people have."""

    def __init__(self, commits, home, clock):
        self.commits, self.clock = commits, clock
        self.parts = Here(home, commits, URL)
        self.app = Starlette(routes=api_routes(self.parts))
        self.board = Board(commits, question(configuration=SHARED))
        self.version = self.board.version
        self.admin = self.board.admin
        self.tokens = {}

    def open(self):
        """Adopt a decision and start its plan, so that the version is there for outsiders."""
        found = self.board.adopt()
        return found, stage.start(self.commits, self.board.publisher, found.id)

    def with_role(self, role):
        return self.board.person(f"Some-{role}", role)

    def applicant(self, name="Ann"):
        """Somebody who registered."""
        person, token = people.register(
            self.commits, name=name, email=f"{name.lower()}.x@example.org", organisation="Example"
        )
        self.tokens[person] = token.secret
        return people.person_actor(self.commits, person)

    def token(self, actor):
        if actor.person not in self.tokens:
            self.tokens[actor.person] = tokens.issue(self.commits, actor).secret
        return self.tokens[actor.person]

    def ask(self, actor, method, path, body=None, *, headers=None, raw=None, **query):
        """One request, in the name of somebody (an actor, a token, or None)."""
        sent = {} if headers is None else dict(headers)
        if actor is not None:
            secret = actor if isinstance(actor, str) else self.token(actor)
            sent["authorization"] = f"Bearer {secret}"
        data = b"" if body is None else json.dumps(body).encode()
        if body is not None:
            sent.setdefault("content-type", "application/json")
        target = f"{PREFIX}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        return Answer(*Inside(self.app, None).call(method, target, sent, data if raw is None else raw))


@contextmanager
def world_in(home):
    clock = Clock()
    with serving(home, clock) as commits:
        yield World(commits, home, clock)


__all__ = ["FIELDS", "OWN_ROLES", "SHARED", "URL", "Answer", "World", "world_in"]
