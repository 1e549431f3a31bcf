"""Sending a file: logged first, then in chunks, until the end, or until client, guard or server say stop.

The loop never waits for a disk or a database: those have threads of their own, so that slow disks hold up no
permit and no page. While one chunk is sent the next one is read.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from starlette.datastructures import State

from halfdoor.core.errors import HalfdoorError
from halfdoor.core.governance.refusal import Refused
from halfdoor.gate.hub.wire import Wire, disconnected
from halfdoor.gate.permit import admit
from halfdoor.services import deliveries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from halfdoor.gate.guard import Guard
    from halfdoor.gate.permit import Asked
    from halfdoor.services.parts import Parts

_LOGGER = logging.getLogger("halfdoor.gate")
BEGINNING = ThreadPoolExecutor(32, thread_name_prefix="gate-begin")
_READING = ThreadPoolExecutor(32, thread_name_prefix="gate-read")
_ENDING = ThreadPoolExecutor(8, thread_name_prefix="gate-end")


class Plan:
    """What is to be sent, and how the answer begins."""

    def __init__(
        self,
        asked: Asked,
        wanted: deliveries.Wanted,
        by: deliveries.By,
        *,
        status: int,
        headers: Sequence[tuple[str, str]],
    ) -> None:
        self.asked, self.wanted, self.by = asked, wanted, by
        self.status, self.headers = status, headers


class Sending:
    """An answer with the bytes of a file (ASGI). A transfer that the guard watches over."""

    def __init__(
        self, parts: Parts, guard: Guard, plan: Plan, refused: Callable[[HalfdoorError], Response]
    ) -> None:
        """refused: the answer where nothing may be sent after all."""
        self.asked = plan.asked
        self._parts, self._guard, self._plan, self._refused = parts, guard, plan, refused
        self._delivery: str | None = None
        self._blob: _Blob | None = None
        self._given = 0  # bytes, to the connection
        self._why: HalfdoorError | None = None
        self._stop = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI asks."""
        self._loop = asyncio.get_running_loop()
        try:
            await self._loop.run_in_executor(BEGINNING, self._begin)
        except HalfdoorError as error:
            await self._refused(error)(scope, receive, send)
            return
        except asyncio.CancelledError:
            self._why = Refused("cut", "the server stops")  # _begin, if it is still at it, sees this
            self._end(0)
            raise
        State(scope["state"]).delivery = self._delivery
        wire = Wire(scope)
        try:
            unsent = await self._send_all(wire, receive, send)
        except BaseException:  # the server stops, or the file cannot be read on: no time to wait
            unsent = wire.unsent_bytes()
            wire.drop()
            self._end(max(0, self._given - unsent))
            raise
        await self._loop.run_in_executor(_ENDING, self._end, self._given - unsent)

    def cut(self, why: HalfdoorError) -> None:
        """As gate.guard.Transfer."""
        if self._why is None:
            self._why = why
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._stop.set)

    def _begin(self) -> None:
        """Logged, watched over, and asked once more. Raises HalfdoorError: then nothing may be sent."""
        plan, commits = self._plan, self._parts.commits
        self._guard.check()
        self._delivery = deliveries.begin(
            commits, plan.wanted, plan.by, lambda connection, now: admit(connection, plan.asked, now)
        )
        try:
            self._guard.add(self)
            with commits.reading() as connection:
                admit(connection, plan.asked, commits.now())
            self._guard.check()
            wanted = plan.wanted
            self._blob = _Blob(self._open(wanted.digest, wanted.first_byte, wanted.length_bytes))
            self._check()
        except BaseException:
            self._end(0)
            raise

    def _check(self) -> None:
        if self._why is not None:
            raise self._why

    def _open(self, digest: str, first: int, count: int) -> Iterator[bytes]:
        try:
            return self._parts.blobs.open(digest, first, count)
        except FileNotFoundError as error:
            _LOGGER.exception("a file that a version names is not among the blobs: %s", digest)
            raise HalfdoorError(
                "blobs-failed",
                "the file is not to be found here, though it should be",
                remedy="tell the operator: `halfdoor doctor` says what is missing",
            ) from error

    async def _send_all(self, wire: Wire, receive: Receive, send: Send) -> int:
        """Until it is all sent or stopped; how many of the bytes given never left this process."""
        gone = asyncio.ensure_future(disconnected(receive))
        sending = asyncio.ensure_future(self._send(send))
        stop = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({gone, sending, stop}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and not sending.exception() and self._why is None:
                return 0
            if gone.done():
                return 0  # what was lost on the way nobody knows
            return await self._cut_off(wire, gone, sending)
        finally:
            for task in (gone, sending, stop):
                task.cancel()
            await asyncio.gather(gone, sending, stop, return_exceptions=True)

    async def _cut_off(self, wire: Wire, gone: asyncio.Future[None], sending: asyncio.Task[None]) -> int:
        """The client has to see that it is not whole: the connection ends."""
        why = self._why or (sending.exception() if sending.done() else None)
        _LOGGER.info("delivery %s was cut: %s", self._delivery, why)
        sending.cancel()
        unsent = wire.unsent_bytes()
        if not await wire.abort(gone):
            raise why if isinstance(why, HalfdoorError) else HalfdoorError("cut", str(why)) from why
        return unsent

    async def _send(self, send: Send) -> None:
        plan, left = self._plan, self._plan.wanted.length_bytes
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in plan.headers]
        await send({"type": "http.response.start", "status": plan.status, "headers": headers})
        blob, loop = self._blob, self._loop
        assert blob is not None
        assert loop is not None
        coming = loop.run_in_executor(_READING, blob.next)
        while chunk := await coming:
            coming = loop.run_in_executor(_READING, blob.next)
            if self._why is not None:
                return
            left -= len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})
            self._given += len(chunk)
        if plan.wanted.length_bytes == 0:
            await send({"type": "http.response.body", "body": b""})

    def _end(self, sent_bytes: int) -> None:
        """Close the file and have the end logged, once."""
        self._guard.remove(self)
        if self._blob is not None:
            self._blob.close()
        delivery, self._delivery = self._delivery, None
        if delivery is None:
            return
        try:
            deliveries.end(self._parts.commits, delivery, sent_bytes)
        except HalfdoorError as error:  # the worker stores it later
            _LOGGER.warning("the end of delivery %s was not stored: %s", delivery, error)


class _Blob:
    """The chunks of a blob, for one reader at a time, closed while nobody reads."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._lock = threading.Lock()
        self._chunks: Iterator[bytes] | None = chunks

    def next(self) -> bytes:
        """The next chunk; empty at the end."""
        with self._lock:
            return b"" if self._chunks is None else next(self._chunks, b"")

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            chunks, self._chunks = self._chunks, None
            if (close := getattr(chunks, "close", None)) is not None:
                close()
