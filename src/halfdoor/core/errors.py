"""Errors that tell a newcomer what is wrong, where, and what to do next."""

from __future__ import annotations


class HalfdoorError(Exception):
    """A refusal with a stable code. Subclasses choose the exit code.

    code:    stable, kebab-case, for programs ("unknown-key")
    message: what is wrong, one sentence, no trailing full stop
    where:   file, line or key path ("halfdoor.toml:12, item[2].group"); may be empty
    remedy:  what to do next, one sentence; may be empty
    """

    exit_code = 70

    def __init__(self, code: str, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n  {self.remedy}" if self.remedy else ""
        return f"{place}{self.message} [{self.code}]{remedy}"


class InputError(HalfdoorError):
    """Bad usage or bad input: exit code 2, nothing written."""

    exit_code = 2


class VerificationError(HalfdoorError):
    """What was looked at does not verify: exit code 1."""

    exit_code = 1
