"""Connections that may not be held open for nothing: uvicorn's HTTP/1.1, with the time limits it lacks.

Whoever opens a connection has to send a request's head, and whoever asked for a file has to take it. A
connection that does neither would otherwise keep its place, and there are only so many.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS_MAX = 15.0
_DROP = struct.pack("ii", 1, 0)  # SO_LINGER: closing resets
STALL_SECONDS_MAX = 60.0  # while the other side takes nothing of what is sent


class Connection(H11Protocol):
    """One connection, closed where the other side is idle in the middle of something."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  uvicorn's own
        super().__init__(*arguments, **named)
        self._late: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A head is expected now."""
        assert isinstance(transport, asyncio.Transport)
        super().connection_made(transport)
        # Head and body of an answer are two writes, and the second would wait for the client to have heard of
        # the first (40 ms). asyncio sets this by itself only for sockets that it made.
        if (
            connection := transport.get_extra_info("socket")
        ) is not None and connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # For whoever sends long bodies (gate/hub/wire.py): an end at once, and what was not sent yet.
        wire = {"abort": self._abort, "unsent": transport.get_write_buffer_size}
        self.app_state = {**self.app_state, **wire}
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Some bytes came: of a head that is not whole yet, or of something else."""
        super().data_received(data)
        if self._is_waiting():
            if self._late is None:
                self._expect_head()
        elif self._late is not None:
            self._late.cancel()
            self._late = None

    def connection_lost(self, exc: Exception | None) -> None:
        """No more timers."""
        for timer in (self._late, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The other side does not take what is sent."""
        super().pause_writing()
        self._watch(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """It does again."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def _watch(self, held_bytes: int) -> None:
        self._stalled = self.loop.call_later(STALL_SECONDS_MAX, self._look, held_bytes)

    def _look(self, held_bytes: int) -> None:
        """A slow line is no reproach; one on which nothing moves is."""
        now = self.transport.get_write_buffer_size()
        if now >= held_bytes:
            self.transport.abort()
        else:
            self._watch(now)

    def _abort(self) -> None:
        """End the connection; what the system has taken and not sent yet is dropped, too."""
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            with suppress(OSError):  # it is gone already
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
        self.transport.abort()

    def _is_waiting(self) -> bool:
        """No request is under way."""
        return getattr(self.cycle, "response_complete", True)  # there is no cycle before the first request

    def _expect_head(self) -> None:
        self._late = self.loop.call_later(HEAD_SECONDS_MAX, self._close_late)

    def _close_late(self) -> None:
        if self._is_waiting():
            self.transport.abort()
