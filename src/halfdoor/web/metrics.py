"""Numbers about the running server, as Prometheus reads them (text format 0.0.4).

Written here and not with prometheus_client: two counters, one histogram's sums and a handful of gauges are
fewer lines than its set-up, and importing it would start collectors of its own.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TYPE = "text/plain; version=0.0.4; charset=utf-8"
Labels = tuple[tuple[str, str], ...]


class Meters:
    """Counts what happened, and asks for what is. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, dict[Labels, float]] = {}
        self._help: dict[str, tuple[Literal["counter", "gauge"], str]] = {}
        self._gauges: dict[str, Callable[[], Mapping[Labels, float] | float]] = {}

    def count(self, name: str, amount: float = 1, /, **labels: str) -> None:
        """Add to a counter that `counter` announced."""
        with self._lock:
            counts, key = self._counts[name], tuple(sorted(labels.items()))
            counts[key] = counts.get(key, 0) + amount

    def counter(self, name: str, meaning: str) -> None:
        """Announce a counter: its name ends in `_total`."""
        self._help[name] = ("counter", meaning)
        self._counts[name] = {}

    def gauge(self, name: str, meaning: str, read: Callable[[], Mapping[Labels, float] | float]) -> None:
        """Announce a number that `read` gives when it is asked for; where that fails, it is left out."""
        self._help[name] = ("gauge", meaning)
        self._gauges[name] = read

    def text(self) -> str:
        """All of them."""
        lines: list[str] = []
        for name, (kind, meaning) in sorted(self._help.items()):
            values = self._values(name)
            if values is None:
                continue
            lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
            lines += [f"{name}{_labels(labels)} {value:.10g}" for labels, value in sorted(values.items())]
        return "\n".join([*lines, ""])

    def _values(self, name: str) -> Mapping[Labels, float] | None:
        read = self._gauges.get(name)
        if read is None:
            with self._lock:
                return dict(self._counts[name]) or {(): 0}
        try:
            found = read()
        except Exception:  # noqa: BLE001  a part that is down must not take the other numbers with it
            return None
        return {(): found} if isinstance(found, int | float) else found


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
