"""The `halfdoor` command: finds the command that is asked for, runs it, turns errors into exit codes.

Only the module of that command is imported, so `halfdoor --help` stays fast: nothing here may import
msgspec, numpy or the like. A command lives in `cli/<name>.py` with
`configure(parser)`, which adds its arguments, and `run(args) -> int`, which returns the exit code.

Exit codes: 0 yes, 1 no, 2 bad usage or input, 70 our bug, 130 interrupted, 141 nobody reads our output.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Protocol, cast

from halfdoor import __version__
from halfdoor.core.errors import HalfdoorError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141  # as the shell reports a process that SIGPIPE ended

# What a newcomer does, in the order in which it is done: (heading, {command: summary}).
GROUPS: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "Describe a model",
        {
            "init": "scan a model folder, write a first dossier (halfdoor.toml)",
            "inventory": "which parts a model has, and its Model Openness Framework class",
            "evidence": "measure the model, or read logs of evaluations",
        },
    ),
    (
        "Decide",
        {
            "assess": "how open each part may be under a policy, and why",
            "plan": "what to open first, to whom, and what has to be shown before each stage",
            "combinations": "which parts, held together, give whom which ability",
            "diff": "why two assessments differ, in words",
        },
    ),
    (
        "Write what decides",
        {
            "policy": "write, check and compare policies",
            "risk": "simulate the threats of a risk model, or look it over",
            "elicit": "ask experts for the numbers of a risk model, and pool what they say",
        },
    ),
    (
        "Share",
        {
            "publish": "register a version of a model with all its files; that opens nothing",
            "decide": "propose how open each part is to be, approve it, object to it",
            "stage": "open what was decided, stage by stage; halt it",
            "flaw": "warn whoever downloads a version of what is wrong with it",
            "apply": "ask for access, and get a token for it",
            "review": "decide on applications for access",
            "grant": "what people were granted: issue, renew, revoke",
            "token": "issue, rotate and revoke tokens",
            "people": "let people in, give them roles, let them go",
        },
    ),
    (
        "Run it",
        {
            "serve": "serve models to whom they were opened: hub, control API and log in one process",
            "doctor": "hold all that a home keeps against each other, and say what to do",
            "backup": "copy a home, also while it is served",
            "restore": "put a backup into a new home",
        },
    ),
    (
        "Let others check",
        {
            "log": "write to a log, prove what it holds, check somebody else's, be a witness",
            "home": "make the folder with keys and log that an operator needs, and look after it",
        },
    ),
)
COMMANDS: dict[str, tuple[str, str]] = {
    name: (f"halfdoor.cli.{name}", summary) for _, group in GROUPS for name, summary in group.items()
}

EXAMPLES = """\
Start here:
  halfdoor init my-model                  writes my-model/halfdoor.toml, for you to read and correct
  halfdoor assess my-model                the answer on one screen
  halfdoor assess my-model --out report   the same as report/report.html, a memo for a board

`halfdoor COMMAND --help` explains one command.
Exit codes: 0 yes; 1 no (not permitted, not verified); 2 bad usage or input; 70 our bug; 130 interrupted."""


class Command(Protocol):
    """What a module of a command offers."""

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add this command's arguments, and its description if the summary does not say enough."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it; return the exit code. Raises HalfdoorError."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line (default: this process's own) and return its exit code. Raises nothing."""
    try:
        code = _dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except SystemExit as stop:  # argparse: 0 after --help, 2 after a usage error
        return stop.code if isinstance(stop.code, int) else 2
    except HalfdoorError as error:
        print(f"halfdoor: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("halfdoor: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more on the way out; let that go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception as error:  # noqa: BLE001  the last line of defence: a bug is reported calmly
        return _report_bug(error)
    return code


def _dispatch(arguments: list[str]) -> int:
    """Options before the command are few, so they are read here, without argparse."""
    first = arguments[0] if arguments else "--help"
    if first in {"-h", "--help", "help"}:
        print(_help())
        return 0
    if first in {"-V", "--version"}:
        print(f"halfdoor {__version__}")
        return 0
    if first not in COMMANDS:
        kind = "an option" if first.startswith("-") else "a command"
        print(f"halfdoor: {first!r} is not {kind}. {_suggest(first)}", file=sys.stderr)
        return 2
    return _run(first, arguments[1:])


def _run(name: str, arguments: list[str]) -> int:
    import importlib

    from halfdoor.cli.parser import Parser

    module_name, summary = COMMANDS[name]
    command = cast("Command", importlib.import_module(module_name))
    parser = Parser(prog=f"halfdoor {name}", description=summary[:1].upper() + summary[1:] + ".")
    command.configure(parser)
    return command.run(parser.parse_args(arguments))


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [
        "Halfdoor works out how open each part of an AI model can be, and lets anyone check.",
        "",
        "usage: halfdoor COMMAND [ARGUMENTS]   (also: --help, --version)",
    ]
    for heading, commands in GROUPS:
        lines += ["", f"{heading}:"]
        lines += [f"  {name:<{width}}  {summary}" for name, summary in commands.items()]
    return "\n".join([*lines, "", EXAMPLES])


def _suggest(word: str) -> str:
    from halfdoor.core.ids import nearest

    guess = nearest(word, [*COMMANDS, "--help", "--version"])
    return f"Did you mean {guess!r}?" if guess else "See `halfdoor --help`."


def _report_bug(error: Exception) -> int:
    """A bug of ours: say so in two lines, or in full where HALFDOOR_DEBUG is set."""
    if os.environ.get("HALFDOOR_DEBUG"):
        import traceback

        traceback.print_exception(error)
    print(
        f"halfdoor: a bug in Halfdoor {__version__}, not in your files: {type(error).__name__}: {error}\n"
        "  Run it again with HALFDOOR_DEBUG=1 and open an issue with what it prints.",
        file=sys.stderr,
    )
    return EXIT_BUG
