"""Jobs are done again and again, and none of them stops another."""

import time

from halfdoor.core.errors import HalfdoorError
from halfdoor.worker import Job, Worker


def until(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_job_that_fails_stops_no_other_and_is_said_once(caplog):
    done = []

    def refuse():
        raise HalfdoorError("log-down", "the log is down")

    def fail():
        raise ZeroDivisionError

    worker = Worker([Job("a", refuse, 0.01), Job("b", fail, 0.01), Job("c", lambda: done.append(1), 0.01)])
    worker.start()
    until(lambda: len(done) > 3)
    worker.stop()
    ages = worker.ages_seconds()
    assert ages["c"] < ages["a"]
    assert [record.message.split()[0] for record in caplog.records] == ["a", "b"]
    assert "ZeroDivisionError" in caplog.text


def test_a_job_is_done_as_often_as_it_says():
    often, seldom = [], []
    worker = Worker(
        [Job("often", lambda: often.append(1), 0.01), Job("seldom", lambda: seldom.append(1), 60)]
    )
    worker.start()
    until(lambda: len(often) > 5)
    worker.stop()
    assert len(seldom) == 1
