"""A home that serves a real, small model, decided, staged and granted by the services themselves."""

import datetime as dt
from contextlib import contextmanager

from starlette.applications import Starlette
from starlette.middleware import Middleware

from granting import FIELDS, Cast, serving, wait_until
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.log import model_signer
from halfdoor.core.governance.stages import StageSpec
from halfdoor.gate.hub.app import hub_routes
from halfdoor.services import applications, decide, grants, people, stage, tokens
from halfdoor.services.assess import Options, read_question
from halfdoor.services.feed import Feed
from halfdoor.services.parts import Parts
from halfdoor.services.publish import publish
from halfdoor.web.metrics import Meters
from halfdoor.web.middleware import Bounded, Observed
from models_made import model_folder
from served import served

REPOSITORY = "example-lab/heron"
DRAWS = 20


@contextmanager
def _silent(total):
    yield _Silent()


class _Silent:
    def advance(self, amount=1):
        pass


class Gate:
    """A served home, and who acts in it.

    url: where it answers; version, plan: of what was opened last; folder: the files that were published
    """

    def __init__(self, parts):
        self.parts, self.commits, self.url = parts, parts.commits, parts.public_url
        self.cast = Cast(self.commits)
        for name in ("Lab", "Club"):
            people.add_organisation(self.commits, self.cast.admin, name)
        self.publisher = self.cast.person("Pat", "publisher", organisation="Lab")
        self.reviewers = [self.cast.person(name, "reviewer") for name in ("Rea", "Rob")]
        self.board = [self.cast.person(name, "approver", organisation="Lab") for name in ("Ann", "Ben")]
        self.overseer = self.cast.person("Olu", "overseer")
        self.outsiders = {}
        self.folder = self.version = self.plan = self.repository = None

    def publish(self, folder, *, repository=None, layout="revisions"):
        self.folder = folder
        done = publish(
            self.commits,
            self.parts.blobs,
            folder,
            actor=self.publisher,
            repository=repository,
            layout=layout,
            meters=(_silent, _silent),
        )
        self.version, self.repository = done.version, done.repository
        return done

    def decide(self, folder=None, configuration=None):
        """A decision that is adopted by as many as its policy asks for; its id."""
        options = Options(as_of=self.commits.now().date(), draws=DRAWS, configuration=configuration)
        question = read_question(folder or self.folder, options, _silent)
        found = decide.propose(self.commits, self.publisher, question=question, version=self.version)
        for actor in self._approvers(found.document):
            if found.state != "adopted":
                found = decide.approve(self.commits, actor, found.id, seen=found.seen)
        assert found.in_force, found.why
        return found.id

    def _approvers(self, proposal):
        yield from self.board
        for seat in proposal.quorum:
            if seat.role != "approver":
                yield from (
                    self._outsider(f"{seat.role}-{number}", seat.role) for number in range(seat.people)
                )

    def _outsider(self, name, role):
        if name not in self.outsiders:
            self.outsiders[name] = self.cast.person(name, role, organisation="Club")
        return self.outsiders[name]

    def start(self, decision, *stages):
        specs = [StageSpec(one) for one in stages] or None
        self.plan = stage.start(self.commits, self.publisher, decision, stages=specs)
        return self.plan

    def open(self, folder, configuration=None, **options):
        """Publish, decide, enter the first stage, which has all that was decided; the version."""
        self.publish(folder, **options)
        decision = self.decide(folder, configuration)
        self.start(decision)
        assert self.plan.stage, self.plan
        return self.version

    def apply(self, name, group="vetted"):
        """Somebody who applied for the version that was opened last: (who, the application)."""
        actor = self.cast.person(name)
        asked = applications.draft(
            self.commits, actor, version=self.version, group=group, fields=_stated(self, group)
        )
        return actor, applications.submit(self.commits, actor, asked.application.id).application

    def grant(self, name="Gil", group="vetted"):
        """Somebody who applied and was let in: (who, the grant, the secret of its token)."""
        actor, asked = self.apply(name, group)
        for one in self.reviewers:
            view = applications.show(self.commits, one, asked.id)
            if view.application.state == "submitted":
                applications.approve(self.commits, one, asked.id, seen=view.seen)
        (row,) = grants.listed(self.commits, actor, version=self.version)
        return actor, row, tokens.issue(self.commits, actor, grant=row.id).secret

    def revoke(self, grant):
        return grants.revoke(self.commits, self.reviewers[0], grant.id)

    def halt(self):
        return stage.halt(self.commits, self.overseer, self.plan.id)

    def person_token(self, actor):
        return tokens.issue(self.commits, actor).secret


def _stated(gate, group):
    asked = applications.form(gate.commits, gate.version, group).fields
    return {name: FIELDS[name] for name in asked}


@contextmanager
def parts_in(home, *, public_url="http://localhost", clock=None):
    """What the gate is made with, in a home that is being served; the feed runs."""
    with serving(home, clock) as commits:
        feed = Feed(commits.engine)
        feed.start()
        try:
            wait_until(feed.alive)
            yield Parts(
                home=home,
                commits=commits,
                blobs=blobs_of(home),
                feed=feed,
                model_signer=model_signer(home),
                public_url=public_url,
                holder=f"test:{dt.datetime.now(dt.UTC).isoformat()}",
            )
        finally:
            feed.stop()


def hub_of(parts):
    """The hub, as an application of its own, within what all requests go through."""
    return Starlette(
        routes=hub_routes(parts),
        middleware=[Middleware(Observed, meters=Meters()), Middleware(Bounded)],
    )


@contextmanager
def gate_in(home, **options):
    """A home whose hub answers on this machine."""
    late = _Late()
    with served(late) as url, parts_in(home, public_url=url, **options) as parts:
        late.app = hub_of(parts)
        yield Gate(parts)


class _Late:
    """An application that is there once its address is known."""

    def __init__(self):
        self.app = None

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


def heron(folder, **options):
    """A folder whose card and configuration are for anyone, and whose weights (about 4 MB) for the vetted."""
    return model_folder(folder, **{"group": "vetted", "size": 1000, **options})
