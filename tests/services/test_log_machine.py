"""Anything in any order: what was acknowledged stands, and what is published grows.

A machine that appends, leaves entries to wait, crashes at any call of any part, restores old copies, and is
compared with a list after every step.
"""

import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from halfdoor.core.errors import HalfdoorError
from halfdoor.store.engine import open_engine
from halfdoor.store.log import LeaseHeld, add_waiting
from homes import LIMITS, WAIT, Outside, Wiring, entry, new_home, noted, open_files, stored, wait_in, writing

CALLS = [
    "files.read",
    "files.remove",
    "files.write",
    "latest.load",
    "latest.swap",
    "store.commit",
    "store.entries",
    "store.give_up_lease",
    "store.head",
    "store.take_lease",
    "store.tidy",
    "store.waiting",
]


class CrashError(BaseException):
    """The machine stops here: nothing is written any longer, nobody is told anything."""


class Log(RuleBasedStateMachine):
    """A log in a home, and what is known of it from outside."""

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(prefix="halfdoor-"))
        self.home = new_home(self.folder / "home")
        self.outside = Outside(self.home)
        self.patch = pytest.MonkeyPatch()
        self.wiring = Wiring(self.patch)
        self.wiring.before = self._call
        self.service = open_engine(self.home.url(self.home.settings.database), durable=False)
        self.wiring.after = self._called
        self.planned = None  # the next crash: part, method, before or after, at which call
        self.dead = False
        self.context = self.writer = None
        self.numbers = iter(range(10**9))
        self.acknowledged = {}  # position: entry
        self.waiting = {}  # number: entry
        self.submitted = set()
        self.copy = None  # of everything but the second store and what is published; how large it was

    def _call(self, part, method, arguments):
        if self.dead and method not in {"close", "origin"}:
            raise CrashError
        self._die_at(part, method, after=False)

    def _called(self, part, method):
        self._die_at(part, method, after=True)

    def _die_at(self, part, method, *, after):
        if self.planned and self.planned[:2] == (f"{part}.{method}", after):
            *where, nth = self.planned
            self.planned = (*where, nth - 1)
            if nth <= 1:
                self.dead = True
                raise CrashError

    def _news(self, count):
        news = [entry(next(self.numbers)) for _ in range(count)]
        self.submitted |= {new.entry for new in news}
        return news

    # What happens while a writer runs.

    @precondition(lambda self: self.writer is None)
    @rule()
    def start(self):
        context = writing(self.home)
        try:
            self.writer = context.__enter__()
            self.context = context
        except (HalfdoorError, CrashError):
            assert self.dead, "nothing is wrong, and it does not start"
            self._gone()
        except LeaseHeld:  # of one who crashed: it has run out when we look again
            self.wiring.clock.ahead_seconds += LIMITS.lease_seconds

    @precondition(lambda self: self.writer is not None)
    @rule(counts=st.lists(st.integers(1, 60), min_size=1, max_size=6))
    def append(self, counts):
        batches = []
        for count in counts:
            news = self._news(count)
            try:
                batches.append((self.writer.submit(news), news))
            except HalfdoorError:
                break
        for future, news in batches:
            error = future.exception(WAIT)
            if error is None:
                first = future.result()
                self.acknowledged |= {first + at: new.entry for at, new in enumerate(news)}
            else:
                assert error.code == "outcome-unknown"

    @rule(count=st.integers(1, 20), nudged=st.booleans())
    def leave_waiting(self, count, nudged):
        news = self._news(count)
        self.waiting |= dict(zip(wait_in(self.service, *news), [new.entry for new in news], strict=True))
        if self.writer is not None and nudged:
            self.writer.nudge()

    @rule()
    def take_back(self):
        connection = self.service.connect()
        number = add_waiting(connection, entry("never"))
        connection.rollback()
        connection.close()
        assert number not in self.waiting

    @precondition(lambda self: self.writer is not None)
    @rule()
    def publish(self):
        size = self.writer.head.frontier.size
        assert self.writer.wait_published(size, WAIT) or self.writer.failure is not None
        if self.writer.failure is None:
            assert self.outside.look().size >= size

    @precondition(lambda self: self.writer is not None)
    @rule()
    def stop(self):
        context, failed = self.context, self.writer.failure
        self.context = self.writer = None
        try:
            context.__exit__(None, None, None)
        except (HalfdoorError, CrashError):
            assert self.dead
            self._gone()
        else:
            assert failed is None
            entries, head = stored(self.home)
            assert self.outside.look().entries == tuple(entries)
            assert noted(self.home) == head.checkpoint

    @precondition(lambda self: not self.dead)
    @rule(where=st.sampled_from(CALLS), after=st.booleans(), nth=st.integers(1, 4))
    def plan_a_crash(self, where, after, nth):
        self.planned = (where, after, nth)

    @precondition(lambda self: self.writer is not None)
    @rule()
    def crash(self):
        self.dead = True
        context, self.context, self.writer = self.context, None, None
        with suppress(HalfdoorError, CrashError):
            context.__exit__(None, None, None)
        self._gone()

    def _gone(self):
        """What crashed is gone, and its lease runs out."""
        self.context = self.writer = self.planned = None
        self.dead = False
        self.wiring.clock.ahead_seconds += LIMITS.lease_seconds

    # What happens while none does.

    @precondition(lambda self: self.writer is None)
    @rule()
    def keep_a_copy(self):
        self.service.dispose()
        self.copy = self.folder / "copy"
        shutil.rmtree(self.copy, ignore_errors=True)
        self.copy.mkdir()
        for file in self.home.folder.glob("halfdoor.db*"):
            shutil.copy(file, self.copy)
        self.copied = stored(self.home)[1].frontier.size

    @precondition(lambda self: self.writer is None and self.copy is not None)
    @rule()
    def restore_the_copy(self):
        """Once the log has gone on, an old copy is refused; then the newest is brought back."""
        entries, _ = stored(self.home)
        if len(entries) == self.copied:
            return
        self.service.dispose()
        newest = self.folder / "newest"
        newest.mkdir()
        for file in self.home.folder.glob("halfdoor.db*"):
            file.rename(newest / file.name)
        for file in self.copy.iterdir():
            shutil.copy(file, self.home.folder)
        self.planned = None
        self.wiring.clock.ahead_seconds += LIMITS.lease_seconds
        newer = max(self.outside.look().size, int(noted(self.home).split(b"\n")[1]))
        if newer > self.copied:
            with pytest.raises(HalfdoorError) as refused, writing(self.home):
                pass
            assert refused.value.code == "data-older"
        for file in self.home.folder.glob("halfdoor.db*"):
            file.unlink()
        for file in newest.iterdir():
            file.rename(self.home.folder / file.name)
        newest.rmdir()

    # What is always so.

    @invariant()
    def what_is_published_only_grows(self):
        if not hasattr(self, "outside"):
            return
        seen = self.outside.look().entries
        assert set(seen) <= self.submitted
        for position, known in self.acknowledged.items():
            assert position >= len(seen) or seen[position] == known

    @invariant()
    def what_was_acknowledged_stands(self):
        if not hasattr(self, "outside"):
            return
        entries, _ = stored(self.home)
        assert len(set(entries)) == len(entries)
        assert {position: entries[position] for position in self.acknowledged} == self.acknowledged

    def teardown(self):
        if not hasattr(self, "outside"):
            return
        if self.writer is not None:
            self.stop()
        self.planned = None
        while self.writer is None:
            self.start()
        until = time.monotonic() + WAIT
        while self.writer.head.frontier.size < len(self.acknowledged) or self._left():
            assert time.monotonic() < until, "what waits is not taken up"
            time.sleep(0.005)
        self.stop()
        entries, _ = stored(self.home)
        for known in self.waiting.values():
            assert entries.count(known) == 1
        self.what_was_acknowledged_stands()
        self.service.dispose()
        self.patch.undo()
        assert open_files(self.folder) == []
        shutil.rmtree(self.folder)

    def _left(self):
        with self.service.connect().execution_options(halfdoor_reads=True) as connection:
            return connection.exec_driver_sql("SELECT count(*) FROM log_pending").scalar_one()


EXAMPLES = 300 if settings.get_current_profile_name() == "search" else 12

Log.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
test_a_log_survives_anything_in_any_order = Log.TestCase
