"""`halfdoor log watch`: follow logs, and say when one changes what it said."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from halfdoor.cli.log_reading import add_key, counted, effort_for, plain, read_keys, source_of

if TYPE_CHECKING:
    import argparse
    import datetime as dt

    from halfdoor.cli.parser import Commands
    from halfdoor.services.log.watch import Report, Watcher

EVERY_SECONDS = 60
EXIT_ALERT, EXIT_UNREACHED = 1, 2
DESCRIPTION = """\
Follow logs: every round each must be signed, extend what was seen of it, hold its new entries, and be the
same log in every place where it is served.

Alerts: fork (another history under the same name), rollback (fewer entries than before), split-view (two
places show different logs of one origin), gap (files missing or wrong), schema (an entry that breaks
Halfdoor's schema), signature, other-log, stale (--stale), unreachable (three rounds in a row). Signed
checkpoints that contradict each other are kept in DIR/evidence.

With --once one round, for cron: exit code 0 all well, 1 an alert, 2 a place that could not be reached. Else
it goes on until Ctrl-C. With --json one object on a line for each place: place, origin, size, before (entries
seen there earlier), reached, message (why not), alerts (kind, message, evidence)."""


def add(commands: Commands) -> None:
    """Add `watch`."""
    parser = commands.add_parser(
        "watch", help="follow logs, alert on forks and gaps", description=DESCRIPTION
    )
    parser.add_argument("places", nargs="+", metavar="PLACE", help="address or folder; mirrors too")
    add_key(parser)
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="where to remember (default: ~/.local/state/halfdoor/watch)"
    )
    parser.add_argument(
        "--every",
        type=float,
        default=EVERY_SECONDS,
        metavar="SECONDS",
        help=f"between rounds (default: {EVERY_SECONDS})",
    )
    parser.add_argument(
        "--stale", type=int, metavar="SECONDS", help="alert where nothing new came for so long"
    )
    parser.add_argument("--once", action="store_true", help="one round, then exit")
    parser.add_argument("--json", action="store_true", help="print JSON, one object on a line")
    parser.set_defaults(do=_watch)


def _watch(args: argparse.Namespace) -> int:
    from halfdoor.adapters.clock import SystemClock
    from halfdoor.cli.terminal import Progress
    from halfdoor.services.log.memory import Memory
    from halfdoor.services.log.watch import Watched, Watcher

    places = dict.fromkeys(one if "://" in one else str(Path(one).resolve()) for one in args.places)
    sources = [source_of(place) for place in places]
    memory = Memory(args.state or _default_state())
    watched = [Watched(source, effort_for(source)) for source in sources]
    watcher = Watcher(watched, read_keys(args.key), memory, stale_seconds=args.stale)
    clock, said = SystemClock(), _Said(as_json=args.json, all_of_it=args.once)
    with memory.locked():
        with Progress(f"Looking at {counted(len(sources), 'log')}", unit=" entries") as progress:
            reports = watcher.round(clock.now(), progress.advance)
        said.say(reports, clock.now())
        if args.once:
            return _exit_code(reports)
        _go_on(watcher, said, max(args.every, 0))
    return 0


def _go_on(watcher: Watcher, said: _Said, every: float) -> None:
    """Round after round, until Ctrl-C."""
    from halfdoor.adapters.clock import SystemClock

    clock = SystemClock()
    while True:
        time.sleep(every)
        said.say(watcher.round(clock.now()), clock.now())


def _default_state() -> Path:
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "halfdoor" / "watch"


def _exit_code(reports: tuple[Report, ...]) -> int:
    if any(alert.kind != "unreachable" for report in reports for alert in report.alerts):
        return EXIT_ALERT
    return 0 if all(report.reached for report in reports) else EXIT_UNREACHED


class _Said:
    """Says each thing once: what changed since the last round, all of it in the first."""

    def __init__(self, *, as_json: bool, all_of_it: bool) -> None:
        self._as_json = as_json
        self._all_of_it = all_of_it
        self._last: dict[str, Report] = {}

    def say(self, reports: tuple[Report, ...], now: dt.datetime) -> None:
        """Print what is new, a line for each change, never wrapped: such output is searched by programs."""
        for report in reports:
            last = self._last.get(report.place)
            if self._all_of_it or last is None or self._differ(last, report):
                self._one(report, last, f"{now:%Y-%m-%d %H:%M:%S}")
            self._last[report.place] = report

    @staticmethod
    def _differ(last: Report, new: Report) -> bool:
        def told(report: Report) -> tuple[object, ...]:
            # How often a place was out of reach is no news.
            alerts = [(one.kind, one.kind == "unreachable" or one.message) for one in report.alerts]
            return report.origin, report.size, report.reached, alerts

        return told(last) != told(new)

    def _one(self, report: Report, last: Report | None, at: str) -> None:
        from halfdoor.cli.terminal import styled

        if self._as_json:
            import msgspec

            print(msgspec.json.encode(report).decode(), flush=True)
            return
        where = plain(f"{report.origin} at {report.place}" if report.origin else report.place)
        for alert in report.alerts:
            print(f"{at}  {styled(f'ALERT {alert.kind}', 'bold', 'red')}  {where}: {plain(alert.message)}")
            for path in alert.evidence:
                print(f"    kept as evidence: {path}")
        if not report.alerts:
            print(f"{at}  {where}: {_state(report, last)}")
        print(end="", flush=True)


def _state(report: Report, last: Report | None) -> str:
    if not report.reached:
        return f"out of reach: {plain(report.message)}"
    new = report.size - report.before
    grown = f", {new:,} of them new" if new and report.before else ""
    mended = "; what was wrong is mended" if last and last.alerts else ""
    return f"{counted(report.size, 'entry', 'entries')}{grown}; as it should be{mended}"
