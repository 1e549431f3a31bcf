"""A writer that is killed at any moment, hundreds of times: no acknowledged entry is lost, nothing forks."""

import random
import threading
import time
from hashlib import sha256

import pytest

from durability.children import Child
from halfdoor.bootstrap import log as bootstrap
from halfdoor.core.log.checkpoint import parse_checkpoint
from halfdoor.core.log.merkle import Frontier, leaf_hash
from halfdoor.core.log.note import parse_note
from halfdoor.store.log import LeaseHeld
from homes import Outside, entry, new_home, service, stored, wait_in, writing

ROUNDS = 240
LOOK_EVERY = 60
LEASE_SECONDS = 0.03  # so that the next one does not wait long for the lease of the killed one to run out
LIVES_SECONDS_MAX = 0.35  # some are killed while they start, some while they write


def writer_of(home, number):
    """What a process does until it is killed: threads that append, and one that leaves entries to wait."""

    def work(tell):
        while True:
            try:
                with writing(home, lease_seconds=LEASE_SECONDS, publish_seconds=0.005) as writer:
                    threads = [threading.Thread(target=append, args=(tell, writer, one)) for one in range(3)]
                    threads.append(threading.Thread(target=leave, args=(tell, writer)))
                    for thread in threads:
                        thread.start()
                    for thread in threads:
                        thread.join()
            except LeaseHeld:
                time.sleep(0.002)

    def append(tell, writer, thread):
        generator = random.Random(number * 10 + thread)
        for count in range(10**9):
            size = generator.choice([1, 1, 1, 2, 30])
            news = [entry(f"{number}-{thread}-{count}-{part}", part * 10) for part in range(size)]
            tell.appended(writer.submit(news).result(), news)

    def leave(tell, writer):
        with service(home) as engine:
            for count in range(10**9):
                new = entry(f"{number}-waits-{count}")
                (place,) = wait_in(engine, new)
                tell.waits(place, new)
                writer.nudge()
                time.sleep(0.005)

    return work


class Known:
    """All that processes told before they were killed, and every checkpoint that was seen published."""

    def __init__(self, home):
        self._home = home
        self._outside = Outside(home)
        self.appended, self.waits, self._checkpoints = {}, {}, {}

    def heard(self, told):
        """What one process told; nothing of it contradicts what another one told."""
        assert not told.ended, told.ended
        for position, digest in told.appended.items():
            assert self.appended.setdefault(position, digest) == digest
        self.waits |= told.waits
        place = self._home.folder / "log" / "checkpoint"
        if place.exists():
            seen = parse_checkpoint(parse_note(place.read_bytes()).text)
            assert self._checkpoints.setdefault(seen.size, seen.root) == seen.root

    def check(self):
        """Every acknowledged entry is where it was said to be, and every checkpoint is of this one tree."""
        entries, head = stored(self._home)
        digests = [sha256(one).digest() for one in entries]
        wrong = [at for at, digest in self.appended.items() if at >= len(digests) or digests[at] != digest]
        assert wrong == []
        assert len(set(digests)) == len(digests)
        frontier = Frontier()
        for at, one in enumerate(entries, 1):
            frontier = frontier.extended([leaf_hash(one)])
            assert self._checkpoints.get(at, frontier.root()) == frontier.root()
        assert frontier == head.frontier
        self._outside.look()
        return digests

    def check_waiting(self):
        """Every entry whose change was committed has come to stand, once, where its number says."""
        digests = self.check()
        with bootstrap.stores(self._home) as (store, _):
            assert store.waiting_count() == 0
            for number, digest in self.waits.items():
                assert digests[store.position_of(number)] == digest


@pytest.mark.timeout(300)
def test_nothing_that_was_acknowledged_is_lost_when_processes_are_killed(tmp_path, progress):
    home = new_home(tmp_path / "home")
    known, generator, wrote = Known(home), random.Random(4), 0
    for number in range(ROUNDS):
        child = Child(writer_of(home, number))
        child.go()
        assert not child.listen(generator.uniform(0, LIVES_SECONDS_MAX)), child.told.ended
        child.kill()
        known.heard(child.told)
        wrote += bool(child.told.appended)
        if number % LOOK_EVERY == LOOK_EVERY - 1:
            known.check()
        progress(f"{number + 1} of {ROUNDS} killed, {len(known.appended):,} entries acknowledged")
    time.sleep(LEASE_SECONDS)
    with writing(home) as writer:
        last = writer.submit([entry("last")]).result()
    known.check_waiting()
    assert stored(home)[0][last] == entry("last").entry
    assert wrote > ROUNDS / 4
    assert len(known.waits) > ROUNDS / 4
