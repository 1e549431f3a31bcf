"""Watching logs: round after round, each must extend what was seen of it, everywhere it is served.

The use case behind `halfdoor log watch`. What cannot be explained by a damaged file is told apart from what
can: a fork, a rollback and a split view are shown by signed checkpoints, which are kept as evidence; a gap is
a file that is missing or not the tree's, and may be mended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from halfdoor.core.errors import HalfdoorError, InputError, VerificationError
from halfdoor.core.log.checkpoint import Checkpoint
from halfdoor.core.log.following import Kept, Step, is_stale, step
from halfdoor.core.log.keys import verify_note
from halfdoor.core.log.note import NOTE_BYTES_MAX
from halfdoor.core.log.proven import check_extends
from halfdoor.ports import LogSource
from halfdoor.services.log.audit import Effort, audit_log
from halfdoor.services.log.head import CHECKPOINT, read_checkpoint
from halfdoor.services.log.reading import LogReader, open_reader

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Sequence

    from halfdoor.core.log.audit import Fault
    from halfdoor.core.log.trust import Trust
    from halfdoor.services.log.audit import Audited
    from halfdoor.services.log.memory import Memory

Kind = Literal[
    "fork", "gap", "other-log", "rollback", "schema", "signature", "split-view", "stale", "unreachable"
]
FAULTS_SAID = 3
ROUNDS_UNREACHABLE = 3  # then it is an alert


class Alert(msgspec.Struct, frozen=True):
    """Something that somebody has to look at. `evidence`: files with signed checkpoints."""

    kind: Kind
    message: str
    evidence: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """One place in one round.

    origin, size: of the checkpoint served; empty and 0 where there was none to read
    before:       how many entries were seen there earlier
    reached:      the place answered
    message:      why not
    """

    place: str
    origin: str = ""
    size: int = 0
    before: int = 0
    reached: bool = True
    message: str = ""
    alerts: tuple[Alert, ...] = ()


class Watched(msgspec.Struct, frozen=True):
    """A place to watch, and how hard to work on it."""

    source: LogSource
    effort: Effort


class _Sight(msgspec.Struct, frozen=True):
    """A checkpoint that a place served, under a signature that was verified where keys were given."""

    place: str
    note: bytes
    checkpoint: Checkpoint
    reader: LogReader


class Watcher:
    """Watches several places. For one thread."""

    def __init__(
        self, places: Sequence[Watched], trust: Trust, memory: Memory, *, stale_seconds: int | None = None
    ) -> None:
        """`trust`: without any key, signatures are not checked, and that is an alert each round."""
        self._places = places
        self._trust = trust
        self._memory = memory
        self._stale_seconds = stale_seconds
        self._agreed: set[tuple[str, int, bytes, int, bytes]] = set()

    def round(
        self, now: dt.datetime, progress: Callable[[int], object] = lambda _: None
    ) -> tuple[Report, ...]:
        """Look at every place once. Raises InputError `bad-state`, `cannot-write`."""
        reports, sights = [], []
        for watched in self._places:
            report, sight = self._look(watched, now, progress)
            reports.append(report)
            sights += [sight] if sight else []
        split = self._compare(sights)
        return tuple(
            msgspec.structs.replace(one, alerts=(*one.alerts, *split.get(one.place, ()))) for one in reports
        )

    def _look(
        self, watched: Watched, now: dt.datetime, progress: Callable[[int], object]
    ) -> tuple[Report, _Sight | None]:
        place = watched.source.name
        kept = self._memory.load(place)
        report = Report(place, before=_before(kept))
        try:
            data = watched.source.read(CHECKPOINT, NOTE_BYTES_MAX)
            if data is None:
                raise InputError("no-log", "there is no checkpoint")  # noqa: TRY301  as if it were out of reach
            note, checkpoint = read_checkpoint(data)
            report = msgspec.structs.replace(report, origin=checkpoint.origin, size=checkpoint.size)
            if self._trust:
                verify_note(note, self._trust.of(checkpoint.origin))
            sight = _Sight(place, data, checkpoint, open_reader(watched.source, checkpoint.size))
            after, alerts = self._follow(kept, sight, watched.effort, now, progress)
        except VerificationError as error:
            return _with(report, [Alert("signature", error.message)]), None
        except InputError as error:
            if error.code not in {"no-log", "too-large", "unreadable"}:
                raise
            return self._unreached(kept, report, error), None
        if after != kept:
            self._memory.save(after)
        if not self._trust:
            alerts.append(Alert("signature", "whose log this is was not proven: no key was given"))
        if is_stale(after, now, self._stale_seconds):
            alerts.append(
                Alert("stale", f"nothing new was published since {after.changed:%Y-%m-%d %H:%M} UTC")
            )
        return _with(report, alerts), sight

    def _unreached(self, kept: Kept, report: Report, error: InputError) -> Report:
        failures = kept.failures + 1
        self._memory.save(msgspec.structs.replace(kept, failures=failures))
        alerts = []
        if failures >= ROUNDS_UNREACHABLE:
            alerts.append(Alert("unreachable", f"for {failures} rounds: {error.message}"))
        return msgspec.structs.replace(report, reached=False, message=error.message, alerts=tuple(alerts))

    def _follow(
        self, kept: Kept, sight: _Sight, effort: Effort, now: dt.datetime, progress: Callable[[int], object]
    ) -> tuple[Kept, list[Alert]]:
        """What to remember from now on, and what is wrong."""
        text = sight.note.decode()
        reached = msgspec.structs.replace(kept, failures=0)
        earlier = read_checkpoint(kept.checkpoint.encode())[1] if kept.checkpoint else None
        if alert := self._against(kept, earlier, sight):
            return reached, [alert]
        changed = now if text != kept.checkpoint else kept.changed
        after = msgspec.structs.replace(reached, checkpoint=text, changed=changed)
        if sight.checkpoint.size == kept.checked and earlier is not None:
            return after, []
        size, root = sight.checkpoint.size, sight.checkpoint.root
        audited = audit_log(sight.reader, size, root, since=kept.checked, effort=effort, progress=progress)
        served = kept.served or sight.reader.served or audited.entries > 0
        alerts = _alerts(audited, served=served)
        if any(alert.kind == "gap" for alert in alerts):
            return msgspec.structs.replace(after, served=served), alerts
        return msgspec.structs.replace(after, served=served, checked=size), alerts

    def _against(self, kept: Kept, earlier: Checkpoint | None, sight: _Sight) -> Alert | None:
        """What is wrong with a checkpoint beside the one seen before."""
        new = sight.checkpoint
        if earlier is None:
            return None
        kind: Kind = "fork"
        match step(earlier, new):
            case Step.OTHER:
                kind, message = "other-log", f"it was {earlier.origin}, and now is {new.origin}"
            case Step.ROLLBACK:
                kind, message = "rollback", f"it held {earlier.size:,} entries, and now holds {new.size:,}"
            case Step.FORK:
                message = f"two different trees of {new.size:,} entries are signed"
            case Step.GROWN:
                try:
                    check_extends(new, earlier, sight.reader.tile)
                except VerificationError as error:
                    message = f"at {new.size:,} entries: {error.message}"
                    if error.code != "not-consistent":
                        kind, message = "gap", f"it cannot be told whether it only grew: {_placed(error)}"
                else:
                    return None
            case _:
                return None
        evidence = self._evidence((earlier, kept.checkpoint.encode()), (new, sight.note))
        return Alert(kind, message, evidence)

    def _evidence(self, *checkpoints: tuple[Checkpoint, bytes]) -> tuple[str, ...]:
        return tuple(self._memory.keep_evidence(*one) for one in checkpoints)

    def _compare(self, sights: list[_Sight]) -> dict[str, list[Alert]]:
        """Alerts by place where two places show the log of one origin differently."""
        found: dict[str, list[Alert]] = {}
        largest: dict[str, _Sight] = {}
        for sight in sights:
            held = largest.setdefault(sight.checkpoint.origin, sight)
            if sight.checkpoint.size > held.checkpoint.size:
                largest[sight.checkpoint.origin] = sight
        for sight in sights:
            main = largest[sight.checkpoint.origin]
            if main is not sight and (alert := self._split(main, sight)):
                found.setdefault(sight.place, []).append(alert)
        return found

    def _split(self, main: _Sight, other: _Sight) -> Alert | None:
        large, small = main.checkpoint, other.checkpoint
        pair = (large.origin, large.size, large.root, small.size, small.root)
        if pair in self._agreed:
            return None
        try:
            check_extends(large, small, main.reader.tile)
        except VerificationError as error:
            if error.code != "not-consistent":
                return _untold(main, error)
            evidence = self._evidence((large, main.note), (small, other.note))
            return Alert("split-view", f"{main.place} shows another log of this origin", evidence)
        except InputError as error:
            return _untold(main, error)
        self._agreed.add(pair)
        return None


def _before(kept: Kept) -> int:
    return read_checkpoint(kept.checkpoint.encode())[1].size if kept.checkpoint else 0


def _with(report: Report, alerts: list[Alert]) -> Report:
    return msgspec.structs.replace(report, alerts=tuple(alerts))


def _alerts(audited: Audited, *, served: bool) -> list[Alert]:
    """What an audit found, the schema's faults apart from the tree's."""
    schema = [fault for fault in audited.listed if fault.code == "schema"]
    gaps = [*(audited.absent if served else ()), *(one for one in audited.listed if one.code != "schema")]
    count = audited.faults_count - audited.schema_faults + (audited.absent_count if served else 0)
    alerts = [Alert("gap", _said(gaps, count))] if gaps else []
    return [*alerts, Alert("schema", _said(schema, audited.schema_faults))] if schema else alerts


def _said(faults: list[Fault], count: int) -> str:
    said = "; ".join(f"{fault.where}: {fault.message}" for fault in faults[:FAULTS_SAID])
    return f"{said}; and {count - FAULTS_SAID:,} more" if count > FAULTS_SAID else said


def _untold(main: _Sight, error: HalfdoorError) -> Alert:
    return Alert("gap", f"it cannot be told whether {main.place} shows the same log: {_placed(error)}")


def _placed(error: HalfdoorError) -> str:
    return f"{error.where}: {error.message}" if error.where else error.message
