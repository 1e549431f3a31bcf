"""Logs that do not take what waits, for tests of what happens then."""

from halfdoor.services.log.signing import LogUnavailable


class Down:
    """A log that takes nothing, and says so."""

    def check(self):
        raise LogUnavailable("log-down", "it is down")

    def settle(self, numbers, seconds_max):
        raise LogUnavailable("log-down", "it is down")


class Late:
    """A log that takes its time."""

    def check(self):
        pass

    def settle(self, numbers, seconds_max):
        return False
