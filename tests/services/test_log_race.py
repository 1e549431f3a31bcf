"""Two writers in two processes, each sure of being the one: entries get one place each, and nothing forks."""

import time
from hashlib import sha256

import pytest

from durability.children import Child
from halfdoor.core.errors import HalfdoorError
from halfdoor.store.log import LeaseHeld
from homes import Outside, cluster, databases, entry, home, stored, writing

__all__ = ["cluster", "databases", "home"]  # fixtures

SECONDS = 3
# So short that a writer is late with renewing it: the other takes over while this one still writes.
LEASE_SECONDS = 0.004
REFUSALS = {"lease-lost", "outcome-unknown", "log-stopped"}


def racing(home, name):
    """Write whenever nobody else has the lease; believe to have it as long as nothing says otherwise."""

    def work(tell):
        until, count, takeovers = time.monotonic() + SECONDS, 0, 0
        while time.monotonic() < until:
            try:
                with writing(home, lease_seconds=LEASE_SECONDS, publish_seconds=0.002) as writer:
                    takeovers += 1
                    for _ in range(25):
                        news = [entry(f"{name}-{count}")]
                        count += 1
                        tell.appended(writer.submit(news).result(10), news)
                time.sleep(0.02)  # let the other have its turn
            except LeaseHeld:
                time.sleep(0.001)
            except HalfdoorError as error:
                if error.code not in REFUSALS:
                    raise
        assert takeovers > 1, "the other never let go"

    return work


@pytest.mark.timeout(60)
def test_two_processes_that_take_the_log_from_each_other_cannot_fork_it(home):
    outside = Outside(home)
    children = [Child(racing(home, name)) for name in ("left", "right")]
    for child in children:
        child.go()
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        outside_looks(outside)
        time.sleep(0.2)
    for child in children:
        child.wait()
        assert child.told.ended.get("how") == "done", child.told.ended
    left, right = (child.told.appended for child in children)
    assert left
    assert right
    assert not set(left) & set(right), "two entries were given one place"
    entries, head = stored(home)
    digests = [sha256(one).digest() for one in entries]
    for place, digest in {**left, **right}.items():
        assert digests[place] == digest
    assert head.frontier.size == len(entries)
    with writing(home, lease_seconds=1):
        pass
    assert outside.look().entries == tuple(entries)


def outside_looks(outside):
    """Look while it is published: where a file is just being replaced, once more."""
    for _ in range(20):
        try:
            outside.look()
        except FileNotFoundError:
            continue
        return
