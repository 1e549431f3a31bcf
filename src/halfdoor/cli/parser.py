"""argparse with our habits: options in full only, and a mistyped one names the nearest."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn, TypeAlias

_UNRECOGNISED = re.compile(r"unrecognized arguments: (-\S+)")


# What `add_subparsers` returns, for modules that add one command to it each.
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001  argparse has no other name


class Parser(argparse.ArgumentParser):
    """The parser of one command; the parsers of its subcommands are of this class too."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  whatever argparse takes
        """Keep the line breaks of descriptions; take no abbreviations (a new option would break them)."""
        formatter = argparse.RawDescriptionHelpFormatter
        super().__init__(**{"allow_abbrev": False, "formatter_class": formatter, **options})

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, which option was perhaps meant, and where help is. Exits 2."""
        unknown = _UNRECOGNISED.match(message)
        hint = self._suggest(unknown[1]) if unknown else ""
        self.exit(2, f"{self.prog}: {message}\n  {hint}See `{self.prog} --help`.\n")

    def _suggest(self, option: str) -> str:
        from halfdoor.core.ids import nearest

        guess = nearest(option.partition("=")[0], self.option_names())
        return f"Did you mean {guess}? " if guess else ""

    def option_names(self) -> set[str]:
        """This parser's options and those of its subcommands."""
        return set(self._option_string_actions).union(
            *(parser.option_names() for parser in self.subcommands().values())
        )

    def subcommands(self) -> dict[str, Parser]:
        """Each subcommand's name and parser, in their order; empty where there are none."""
        kind = argparse._SubParsersAction  # noqa: SLF001  argparse has no public name for it
        return {
            name: parser
            for action in self._actions
            if isinstance(action, kind)
            for name, parser in action.choices.items()
        }
