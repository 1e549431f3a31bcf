"""What every request goes through: ids, logs, limits, headers, the last resort, and connections that idle."""

import asyncio
import json
import logging
import socket
import time

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from halfdoor.core.governance.actor import Actor
from halfdoor.core.governance.refusal import Refused
from halfdoor.core.governance.tokens import INVITATION, new_secret
from halfdoor.web import connections, middleware
from halfdoor.web.front import front_routes
from halfdoor.web.health import health_routes
from halfdoor.web.metrics import Meters
from halfdoor.web.middleware import Bounded, JsonLines, Observed
from served import ask, served

SECRET = "hdi_" + "x" * 36


async def known(request):
    request.state.person, request.state.grant = "per_1", "grt_1"
    return PlainTextResponse("hello", headers={"Cache-Control": "private"})


async def refuse(_):
    raise Refused("no-feed", "nothing is sent", remedy="wait")


async def fail(_):
    raise ZeroDivisionError("a secret of the inside")


async def fail_late(_):
    async def chunks():
        yield b"one"
        raise ZeroDivisionError

    return StreamingResponse(chunks())


async def take(request):
    return PlainTextResponse(str(len(await request.body())))


def auditor(secret):
    if secret != "hd_good":
        raise Refused("bad-token", "not known")
    return Actor("per_1", frozenset({"auditor"}))


def broken():
    raise Refused("log-down", "it is down")


def app_of(meters, checks=None):
    routes = [
        Route("/known/{name}", known),
        Route("/refuse", refuse),
        Route("/fail", fail),
        Route("/fail-late", fail_late),
        Route("/take", take, methods=["POST"]),
        Route("/api/halfdoor/take", take, methods=["POST"]),
        *health_routes(checks or {}, meters, auditor),
        *front_routes("https://hub.example.org", "1", "example.org/log", ()),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Observed, meters=meters), Middleware(Bounded)])


@pytest.fixture
def meters():
    return Meters()


@pytest.fixture
def url(meters):
    with served(app_of(meters)) as address:
        yield address


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "halfdoor.access")
    return lambda: [record.fields for record in caplog.records if record.name == "halfdoor.access"]


def wait_for(condition):
    until = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
    return condition()


def is_closed(client):
    """Closed from the other side, within a while."""
    client.settimeout(5)
    try:
        return client.recv(4096) == b""
    except ConnectionResetError:
        return True


def test_an_answer_has_an_id_and_headers_and_a_line_that_names_who_asked(url, lines):
    answer = ask("GET", f"{url}/known/x?token=hd_secret", headers={"X-Request-Id": "client-1234"})
    assert answer.headers["x-request-id"] == "client-1234"
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    (line,) = wait_for(lines)
    assert line | {"ms": 0} == {
        "request": "client-1234",
        "method": "GET",
        "path": "/known/x",
        "status": 200,
        "bytes": 5,
        "ms": 0,
        "complete": True,
        "person": "per_1",
        "grant": "grt_1",
    }


@pytest.mark.parametrize("given", ["short", "a" * 65, "with space", "ü" * 10, "a;b=c;d=e"])
def test_an_id_that_could_do_harm_is_replaced(url, given):
    answer = ask("GET", f"{url}/known/x", headers={"X-Request-Id": given.encode()})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 32


def test_a_refusal_that_nobody_answered_is_told_with_its_remedy(url):
    answer = ask("GET", f"{url}/refuse")
    assert answer.status == 503
    assert answer.json() == {
        "code": "no-feed",
        "error": "nothing is sent",
        "remedy": "wait",
        "request": answer.headers["x-request-id"],
    }


def test_a_bug_is_answered_calmly_and_its_trace_stays_with_us(url, caplog):
    answer = ask("GET", f"{url}/fail")
    assert answer.status == 500
    assert answer.json()["code"] == "bug"
    assert b"secret of the inside" not in answer.data
    assert "secret of the inside" in caplog.text
    assert caplog.records[0].fields["request"] == answer.headers["x-request-id"]


def test_a_bug_in_the_middle_of_an_answer_cuts_it_off(url, lines):
    with pytest.raises(Exception, match=r"InvalidChunkLength|broken|IncompleteRead"):
        ask("GET", f"{url}/fail-late")
    (line,) = wait_for(lines)
    assert (line["status"], line["complete"]) == (200, False)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("path", "limit"),
    [("take", middleware.BODY_BYTES_MAX), ("api/halfdoor/take", middleware.API_BODY_BYTES_MAX)],
)
def test_a_body_has_a_limit_whether_or_not_it_says_how_long_it_is(url, path, limit, chunked):
    def body(count):
        return iter([b"x" * 1024] * (count // 1024) + [b"x" * (count % 1024)]) if chunked else b"x" * count

    fits = ask("POST", f"{url}/{path}", body=body(limit), chunked=chunked)
    assert (fits.status, fits.data) == (200, str(limit).encode())
    too_long = ask("POST", f"{url}/{path}", body=body(limit + 1), chunked=chunked)
    assert (too_long.status, too_long.json()["code"]) == (413, "too-large")


def test_a_body_that_comes_too_slowly_is_refused(url, monkeypatch):
    monkeypatch.setattr(middleware, "BODY_SECONDS_MAX", 0.2)
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as slow:
        slow.sendall(b"POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
        assert b" 408 " in slow.recv(4096)


def test_a_connection_that_sends_no_request_is_closed(meters, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_SECONDS_MAX", 0.2)
    with served(app_of(meters)) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as idle:
            assert is_closed(idle)
        with socket.create_connection((host, int(port))) as half:
            half.sendall(b"GET /known/x HTTP/1.1\r\nHost: x\r\n\r\n")
            seen = b""
            while not seen.endswith(b"hello"):
                seen += half.recv(4096)
            half.sendall(b"GET /known/x HT")
            assert is_closed(half)


def test_a_client_that_takes_nothing_is_let_go(monkeypatch, lines):
    monkeypatch.setattr(connections, "STALL_SECONDS_MAX", 0.2)

    async def endless(_):
        async def chunks():
            while True:
                yield b"x" * 1_000_000
                await asyncio.sleep(0)  # so that the server hears of anything at all

        return StreamingResponse(chunks())

    app = Starlette(routes=[Route("/", endless)], middleware=[Middleware(Observed, meters=Meters())])
    with served(app) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as lazy:
            lazy.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_for(lines)


def test_a_slow_client_is_no_idle_one(monkeypatch):
    monkeypatch.setattr(connections, "STALL_SECONDS_MAX", 0.3)
    size = 12_000_000

    async def large(_):
        async def chunks():
            yield b"x" * size

        return StreamingResponse(chunks())

    app = Starlette(routes=[Route("/", large)])
    with served(app) as url:
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            seen, begun = 0, time.monotonic()
            while data := slow.recv(400_000):
                seen += len(data)
                time.sleep(0.04)
    assert seen > size
    assert time.monotonic() - begun > 0.9, "it took longer than an idle client would be given"


def test_ready_says_which_part_is_not_and_not_why(meters):
    with served(app_of(meters, {"log": broken, "database": lambda: None})) as url:
        answer = ask("GET", f"{url}/readyz")
        assert answer.status == 503
        assert answer.json() == {"ready": False, "parts": {"log": "failed", "database": "ok"}}
        assert ask("GET", f"{url}/healthz").status == 200
    with served(app_of(Meters(), {"database": lambda: None})) as url:
        assert ask("GET", f"{url}/readyz").json() == {"ready": True, "parts": {"database": "ok"}}


def test_numbers_are_for_this_machine_and_for_auditors(url):
    for path in ("known/a", "known/b", "nowhere/secret-name"):
        ask("GET", f"{url}/{path}")
    text = ask("GET", f"{url}/metrics").data.decode()
    assert 'halfdoor_requests_total{route="/known/{name}",status="200"} 2' in text
    assert 'halfdoor_sent_bytes_total{route="/known/{name}"} 10' in text
    assert "halfdoor_requests_running 1" in text
    assert "secret-name" not in text, "names that clients make up would never end"
    behind = {"X-Forwarded-For": "127.0.0.1"}
    assert ask("GET", f"{url}/metrics", headers=behind).status == 401
    assert ask("GET", f"{url}/metrics", headers=behind | {"Authorization": "Bearer hd_bad"}).status == 401
    assert ask("GET", f"{url}/metrics", headers=behind | {"Authorization": "Bearer hd_good"}).status == 200


def test_numbers_leave_out_what_cannot_be_read(meters):
    meters.gauge("a", "A", lambda: 1 / 0)
    meters.gauge("b", "B", lambda: {(("name", 'a"\\\n'),): 2})
    assert meters.text() == '# HELP b B\n# TYPE b gauge\nb{name="a\\"\\\\\\n"} 2\n'


def test_an_invitation_is_not_used_up_by_looking_and_not_written_down(url, lines):
    secret = new_secret(bytes(range(32)), INVITATION)
    answer = ask("GET", f"{url}/join/{secret}")
    assert answer.status == 200
    assert b"halfdoor people join --server https://hub.example.org" in answer.data
    assert secret.encode() not in answer.data
    assert ask("GET", f"{url}/join/{secret[:-1]}").status == 404
    assert secret not in str(wait_for(lines))
    assert lines()[0]["path"] == "/join/…"


def test_log_lines_are_json_with_their_fields_and_traces():
    record = logging.LogRecord("halfdoor.x", logging.INFO, "", 1, "hello %s", ("you",), None)
    record.fields = {"request": "r"}
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["request"], line["level"]) == ("hello you", "r", "info")
