"""A served home, its parts together: ready or not, and ended in order, on both databases."""

import time

import pytest

from filled import fill
from halfdoor.bootstrap.log import writing
from halfdoor.bootstrap.serving import application, parts_of, serving
from halfdoor.services.people import first_admin, join
from homes import cluster, databases, home
from served import ask, served

__all__ = ["cluster", "databases", "home"]


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_ready(url):
    return ask("GET", f"{url}/readyz").json()["ready"]


def test_a_home_is_ready_and_lets_the_log_go_when_it_ends(home):
    fill(home)
    with serving(home) as running, served(running.app) as url:
        until(lambda: is_ready(url))
        text = ask("GET", f"{url}/metrics").data.decode()
        assert "halfdoor_deliveries_running 1" in text
        assert "halfdoor_grants_revoked 0" in text
        assert 'halfdoor_ready{part="log"} 1' in text
        assert 'halfdoor_worker_age_seconds{job="stages"}' in text
    with writing(home):
        pass


def test_a_part_that_fails_is_named(home):
    with serving(home) as running, served(running.app) as url:
        until(lambda: is_ready(url))
        running.parts.feed.stop()
        answer = ask("GET", f"{url}/readyz")
        assert answer.status == 503
        assert answer.json()["parts"] == {"blobs": "ok", "database": "ok", "feed": "failed", "log": "ok"}


def test_whoever_may_see_numbers_shows_a_token(home):
    with serving(home) as running, served(running.app) as url:
        until(lambda: is_ready(url))
        made = join(
            running.parts.commits, first_admin(running.parts.commits).secret, name="A", email="a@example.org"
        )
        elsewhere = {"X-Forwarded-For": "10.1.2.3"}
        assert ask("GET", f"{url}/metrics", headers=elsewhere).status == 401
        token = {"Authorization": f"Bearer {made.secret}"}
        assert ask("GET", f"{url}/metrics", headers=elsewhere | token).status == 200


def test_what_there_is_not_is_told_in_json(home):
    with parts_of(home) as parts, served(application(parts)) as url:
        answer = ask("GET", f"{url}/no/where/at/all")
        assert answer.status == 404
        assert answer.headers["content-type"] == "application/json"
        assert ask("DELETE", f"{url}/healthz").status == 405


@pytest.mark.parametrize("path", ["checkpoint", "tile/entries/000.p/1"])
def test_the_public_log_is_what_lies_in_the_folder(home, path):
    with parts_of(home) as parts, served(application(parts)) as url:
        if not (home.folder / "log" / path).exists():
            with writing(home):
                pass
        answer = ask("GET", f"{url}/log/{path}")
        there = (home.folder / "log" / path).exists()
        assert answer.status == (200 if there else 404)
        if there:
            assert answer.data == (home.folder / "log" / path).read_bytes()
            assert answer.headers["access-control-allow-origin"] == "*"
