"""Not too often from one network: what anybody may call, and guessing at tokens."""

from __future__ import annotations

import ipaddress
import math
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from halfdoor.core.governance.refusal import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

NETWORKS_MAX = 10_000
IPV6_BITS = 64  # what one household or machine has


class TooMany(Refused):
    """So often was something asked from one network that it has to wait. seconds: how long."""

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "too-many-requests",
            "this was asked too often from your network",
            remedy=f"try again in {seconds} seconds",
        )
        self.seconds = seconds


class Buckets:
    """A bucket of tokens for each network: `burst` at once, then one every `seconds`. Safe for threads.

    Kept in memory, of this process alone: it slows guessing down; what stops it is how long secrets are.
    """

    def __init__(self, *, burst: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst, self._seconds, self._clock = burst, seconds, clock
        self._lock = threading.Lock()
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # level, and when it was so high

    def take(self, network: str) -> None:
        """Take a token. Raises TooMany where there is none."""
        with self._lock:
            level = self._level(network)
            if level < 1:
                raise TooMany(math.ceil((1 - level) * self._seconds))
            self._levels[network] = level - 1, self._clock()
            self._levels.move_to_end(network)
            while len(self._levels) > NETWORKS_MAX:
                self._levels.popitem(last=False)

    def _level(self, network: str) -> float:
        level, at = self._levels.get(network, (float(self._burst), 0.0))
        return min(self._burst, level + (self._clock() - at) / self._seconds)


def network_of(address: str) -> str:
    """The network that counts as one caller: an IPv4 address, 64 bits of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(found), IPV6_BITS), strict=False))
