"""The connection under a response: how to end it at once, and how much of what was given it holds back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope

_GONE_SECONDS = 1.0


class Wire:
    """What web/connections.py puts into a request's state; under another server, less is known."""

    def __init__(self, scope: Scope) -> None:
        state = scope.get("state", {})
        self._abort: Callable[[], None] | None = state.get("abort")
        self._unsent: Callable[[], int] | None = state.get("unsent")

    def unsent_bytes(self) -> int:
        """Bytes that were given to the connection and have not left this process."""
        return 0 if self._unsent is None else self._unsent()

    def drop(self) -> None:
        """End it now, and wait for nothing."""
        if self._abort is not None:
            self._abort()

    async def abort(self, gone: asyncio.Future[None]) -> bool:
        """End it now, and wait until that is known; False where only the server itself can end it.

        gone: done once the server says that the connection is no more
        """
        if self._abort is None:
            return False
        self._abort()
        await asyncio.wait({gone}, timeout=_GONE_SECONDS)
        return True


async def disconnected(receive: Receive) -> None:
    """Wait until the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
