"""Whoever changes what is open is killed at any moment: nothing is lost, and nothing is open too early."""

import random
import shutil
import time
from contextlib import suppress

import pytest

from durability.acts import ACTS, AGAIN, at_work, made_ready
from durability.children import Child
from durability.tracing import Killing
from halfdoor.bootstrap import doctor
from halfdoor.bootstrap.log import stores
from halfdoor.core.errors import HalfdoorError
from halfdoor.store.log import LeaseHeld
from homes import Outside, writing

MOMENTS = 20  # kills of each act, spread over the time that it takes
BEYOND = 1.6  # as another process may need more time for it
CALLS = ("pwrite64", "fdatasync", "rename")  # and at these, the nth of each
NTH_MAX = 400


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Where every act is about to be done."""
    return made_ready(tmp_path_factory.mktemp("ready"))


def doing(act, ready):
    """A process that does it, and says so once it is acknowledged."""

    def work(tell):
        with at_work(ready.home) as commits:
            act.do(commits, ready)
            tell.ended(how="done")

    return work


def seconds_taken(act, ready):
    """How long it takes when nobody kills it."""
    child = Child(doing(act, ready))
    begun = time.monotonic()
    child.go()
    child.wait()
    assert child.told.ended["how"] == "done", child.told.ended
    return time.monotonic() - begun


def recovered(act, ready, outside, *, acknowledged):
    """Looked at as it was left, gone on from, done again: True where it was in effect before that."""
    left = waiting(ready.home)
    with at_work(ready.home) as commits:
        holds, told = act.in_effect(ready, commits), act.in_log(ready)
        assert holds >= acknowledged, "what was acknowledged is lost"
        assert told or act.closes or not holds, "it is open without its entry in the log"
        settle(ready.home)
        assert act.in_effect(ready, commits) == act.in_log(ready)
        assert act.in_effect(ready, commits) >= holds
        assert code_of(act, commits, ready) in {None, *AGAIN}
        assert act.in_effect(ready, commits)
        assert act.in_log(ready)
    assert doctor.examine(ready.home, deep=True) == []
    outside.look()
    return holds, bool(left)


def code_of(act, commits, ready):
    """Do it; the code of a refusal."""
    try:
        act.do(commits, ready)
    except HalfdoorError as refusal:
        return refusal.code
    return None


def waiting(home):
    """How many entries wait; and nothing else is wrong, as it was left."""
    found = doctor.examine(home)
    assert {one.severity for one in found} <= {"note"}, found
    with stores(home) as (store, _):
        return store.waiting_count()


def settle(home):
    """What the next start does first: become the log's writer, and take what waits."""
    for _ in range(500):
        with suppress(LeaseHeld), writing(home) as writer, stores(home) as (store, _):
            writer.nudge()
            while store.waiting_count():
                time.sleep(0.002)
            return
        time.sleep(0.01)
    pytest.fail("the lease of the killed one never runs out")


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", ACTS)
def test_whenever_it_is_killed_an_act_is_done_or_not_done(name, ready, tmp_path, progress):
    act, generator = ACTS[name], random.Random(name)
    (tmp_path / "whole").mkdir()
    took = seconds_taken(act, ready.at(tmp_path / "whole"))
    seen = set()
    for number in range(MOMENTS):
        here = ready.at(made(tmp_path / str(number)))
        outside = Outside(here.home)
        outside.look()
        child = Child(doing(act, here))
        child.go()
        child.listen(BEYOND * took * (number + generator.random()) / MOMENTS)
        child.kill()
        how = child.told.ended.get("how")
        assert how in {None, "done"}, child.told.ended
        seen.add((how, *recovered(act, here, outside, acknowledged=how == "done")))
        shutil.rmtree(here.home.folder.parent)
        progress(f"{name}: {number + 1} of {MOMENTS} killed")
    assert {holds for _, holds, _ in seen} == {False, True}, seen


@pytest.mark.timeout(300)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("name", ACTS)
def test_at_whichever_call_it_is_killed_an_act_is_done_or_not_done(name, call, ready, tmp_path, progress):
    act, nth, killed = ACTS[name], 1, 0
    while nth < NTH_MAX:
        here = ready.at(made(tmp_path / str(nth)))
        outside = Outside(here.home)
        outside.look()
        child = Child(doing(act, here))
        with Killing(child.pid, call, nth):
            child.go()
            child.wait()
        how = child.told.ended.get("how")
        assert how in {None, "done"}, child.told.ended
        recovered(act, here, outside, acknowledged=how == "done")
        shutil.rmtree(here.home.folder.parent)
        progress(f"{name}: killed at {call} {nth}")
        if how == "done":
            assert killed or call == "rename", "nobody was killed"
            return
        killed += 1
        nth += 1 + killed // 2  # the first ones in turn, then further and further apart
    pytest.fail(f"still killed after {NTH_MAX} calls")


def made(folder):
    """A new folder."""
    folder.mkdir()
    return folder
