"""A running home: its parts, the application that answers over HTTP, and what works beside it."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.responses import JSONResponse

from halfdoor import __version__
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.jobs import jobs_of
from halfdoor.bootstrap.log import model_signer, public_folder, verifier_keys, writing
from halfdoor.bootstrap.meters import measure
from halfdoor.bootstrap.working import working
from halfdoor.core.errors import HalfdoorError
from halfdoor.gate.hub.app import hub_routes
from halfdoor.services.feed import Feed, keep_mark
from halfdoor.services.log.settling import Keeper
from halfdoor.services.parts import Parts
from halfdoor.services.people import authenticate
from halfdoor.store.runtime import mark
from halfdoor.web.api.app import api_routes
from halfdoor.web.front import front_routes
from halfdoor.web.health import health_routes
from halfdoor.web.metrics import Meters
from halfdoor.web.middleware import Bounded, Observed
from halfdoor.web.public_log import log_routes
from halfdoor.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from halfdoor.ports import Clock
    from halfdoor.services.commit import Settling
    from halfdoor.services.home import Home
    from halfdoor.store.log import LogStore

NOWHERE = "http://localhost"  # of an application that is called within a process


@dataclass(frozen=True)
class Serving:
    """A home that is being served. `checks`: what must be well for requests to be answered."""

    parts: Parts
    keeper: Keeper
    worker: Worker
    meters: Meters
    checks: Mapping[str, Callable[[], object]]

    @property
    def app(self) -> Starlette:
        """What answers."""
        return application(self.parts, meters=self.meters, checks=self.checks)


@contextmanager
def parts_of(
    home: Home,
    *,
    public_url: str = "",
    settling: Callable[[LogStore], Settling] | None = None,
    nudge: Callable[[], None] | None = None,
    clock: Clock | None = None,
) -> Iterator[Parts]:
    """The parts of a home, until the end of the block. The feed is not started.

    public_url: where clients reach the server, if the settings do not say
    settling:   what brings entries into the log (bootstrap.working)
    nudge:      called once the feed has heard of changes
    Raises InputError, DatabaseFailed, VerificationError.
    """
    with working(home, settling=settling, clock=clock) as commits, ExitStack() as stack:
        feed = Feed(commits.engine, nudge=nudge)
        stack.callback(feed.stop)
        yield Parts(
            home=home,
            commits=commits,
            blobs=blobs_of(home),
            feed=feed,
            model_signer=model_signer(home),
            public_url=(home.settings.public_url or public_url or NOWHERE).rstrip("/"),
            holder=f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}",
        )


@contextmanager
def serving(home: Home, *, public_url: str = "", clock: Clock | None = None) -> Iterator[Serving]:
    """A home with all that runs beside its application: log, feed, worker; ended in order.

    Raises as parts_of.
    """
    with ExitStack() as stack:
        keepers: list[Keeper] = []

        def keep(store: LogStore) -> Keeper:
            keepers.append(Keeper(store, lambda: writing(home)))
            return keepers[0]

        def nudge() -> None:
            keepers[0].nudge()  # another replica's entries may wait for this one

        parts = stack.enter_context(
            parts_of(home, public_url=public_url, settling=keep, nudge=nudge, clock=clock)
        )
        (keeper,) = keepers
        keeper.start()
        stack.callback(keeper.stop)
        keep_mark(parts.commits)
        parts.feed.start()
        stack.callback(parts.feed.stop)
        worker = Worker(jobs_of(parts))
        worker.start()
        stack.callback(worker.stop)
        meters = Meters()
        running = Serving(parts, keeper, worker, meters, _checks(parts, keeper))
        measure(running)
        yield running


def _checks(parts: Parts, keeper: Keeper) -> dict[str, Callable[[], object]]:
    def database() -> object:
        with parts.commits.reading() as connection:
            return mark(connection)

    def feed() -> None:
        if not parts.feed.alive():
            raise HalfdoorError("no-feed", "the feed of changes is not heard, so nothing is sent")

    return {
        "database": database,
        "log": keeper.check,
        "feed": feed,
        "blobs": lambda: parts.blobs.has("sha256:" + "0" * 64),
    }


def application(
    parts: Parts,
    *,
    meters: Meters | None = None,
    checks: Mapping[str, Callable[[], object]] | None = None,
) -> Starlette:
    """The application of a home: the hub, the control API, the public log, health and numbers."""
    meters = meters or Meters()
    keys = verifier_keys(parts.home)
    routes = [
        *health_routes(checks or {}, meters, lambda secret: authenticate(parts.commits, secret)),
        *log_routes(public_folder(parts.home)),
        *front_routes(parts.public_url, __version__, parts.home.settings.origin, keys),
        *api_routes(parts),
        *hub_routes(parts),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Observed, meters=meters), Middleware(Bounded)],
        exception_handlers={HTTPException: _as_json},
    )


def _as_json(request: Request, error: Exception) -> Response:
    """A path or method that there is not."""
    assert isinstance(error, HTTPException)
    content = {"code": "not-found", "error": error.detail, "request": request.scope["state"]["request_id"]}
    return JSONResponse(content, error.status_code, dict(error.headers or {}))
