"""The application's clock: the machine's."""

from __future__ import annotations

import datetime as dt


class SystemClock:
    """Keeps the contract of `Clock`."""

    def now(self) -> dt.datetime:
        """As the port says."""
        return dt.datetime.now(dt.UTC)
