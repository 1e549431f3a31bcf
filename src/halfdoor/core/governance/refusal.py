"""A refusal: the request was understood, and the answer is no, for a reason that is said."""

from __future__ import annotations

from halfdoor.core.errors import HalfdoorError


class Refused(HalfdoorError):  # noqa: N818  an answer, not a mistake
    """What was asked for is not allowed, or not as things stand. Exit code 1; for HTTP see statuses.py."""

    exit_code = 1
