"""nginx in front: it sends files that the application lets go, and nothing else; it says how much it sent."""

import hashlib
import json
import socket
import time

import pytest
from sqlalchemy import select, update
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from filled import WEIGHTS, WEIGHTS_DIGEST, fill
from halfdoor.bootstrap import doctor
from halfdoor.bootstrap.blobs import blobs_of
from halfdoor.bootstrap.jobs import READ_SO_FAR
from halfdoor.bootstrap.working import working
from halfdoor.services.access_log import AccessLog
from halfdoor.services.deliveries import close_from_access_log
from halfdoor.store.tables.access import delivery
from halfdoor.web.nginx import DELIVERY_HEADER, INTERNAL
from homes import sqlite_home
from nginx_front import behind_nginx, free_port, in_front
from served import ask, served

__all__ = ["sqlite_home"]
DELIVERY = "dlv_00000000000000000000000001"
REVISION = "0123456789abcdef0123456789abcdef01234567"


def application(home, delivery=DELIVERY):
    """What the gate answers where nginx is to send a file."""

    def file(_):
        headers = {
            "X-Accel-Redirect": INTERNAL + blobs_of(home).path(WEIGHTS_DIGEST),
            DELIVERY_HEADER: delivery,
            "ETag": f'"{WEIGHTS_DIGEST[7:]}"',
            "X-Repo-Commit": REVISION,
            "Content-Type": "application/octet-stream",
            "Content-Disposition": 'attachment; filename="model.safetensors"',
        }
        return Response(headers=headers)

    def who(request):
        return PlainTextResponse(f"{request.client.host} {request.headers.get('x-forwarded-for')}")

    return Starlette(routes=[Route("/file", file), Route("/who", who)])


@pytest.fixture
def home(sqlite_home):
    fill(sqlite_home)
    return behind_nginx(sqlite_home)


@pytest.fixture
def url(program, home, tmp_path):
    with (
        served(
            application(home), proxy_headers=True, forwarded_allow_ips=list(home.settings.proxy)
        ) as inside,
        in_front(program, tmp_path / "nginx", home, inside.removeprefix("http://"), free_port()) as outside,
    ):
        yield outside


def lines(home, count):
    file = home.folder / "deliveries.log"
    for _ in range(500):
        found = file.read_text().splitlines() if file.exists() else []
        if len(found) >= count:
            return [json.loads(line) for line in found]
        time.sleep(0.01)
    return pytest.fail(f"{count} lines did not come")


def test_a_file_is_sent_with_the_headers_that_clients_need_and_written_down(url, home):
    answer = ask("GET", f"{url}/file")
    assert answer.data == WEIGHTS
    assert answer.headers["etag"] == f'"{WEIGHTS_DIGEST[7:]}"'
    assert answer.headers["x-repo-commit"] == REVISION
    assert answer.headers["accept-ranges"] == "bytes"
    assert "model.safetensors" in answer.headers["content-disposition"]
    assert DELIVERY_HEADER.lower() not in {name.lower() for name in answer.headers}
    assert "x-accel-redirect" not in {name.lower() for name in answer.headers}
    (line,) = lines(home, 1)
    assert (line["delivery"], line["sent_bytes"], line["status"]) == (DELIVERY, len(WEIGHTS), 200)


def test_a_delivery_ends_with_what_nginx_says_it_sent(program, sqlite_home, tmp_path):
    made = fill(sqlite_home)
    home = behind_nginx(sqlite_home)
    app = application(home, made.delivery)
    with (
        served(app) as inside,
        in_front(program, tmp_path / "nginx", home, inside.removeprefix("http://"), free_port()) as url,
    ):
        assert ask("GET", f"{url}/file", headers={"Range": "bytes=0-99"}).status == 206
        lines(home, 1)
    log = AccessLog(home.place(home.settings.access_log), home.folder / READ_SO_FAR)
    with working(home) as commits:
        with commits.closing() as change:
            change.connection.execute(update(delivery).values(offloaded=True))
        log.read(lambda said: close_from_access_log(commits, said))
        with commits.reading() as connection:
            row = connection.execute(select(delivery.c.ended_ms, delivery.c.sent_bytes)).one()
    assert row.ended_ms is not None
    assert row.sent_bytes == 100
    assert {one.code for one in doctor.examine(home)} == {"waiting"}, "its end is on its way into the log"


def test_a_part_of_a_file_is_sent_and_counted(url, home):
    answer = ask("GET", f"{url}/file", headers={"Range": "bytes=100-199"})
    assert (answer.status, answer.data) == (206, WEIGHTS[100:200])
    assert answer.headers["content-range"] == f"bytes 100-199/{len(WEIGHTS)}"
    assert lines(home, 1)[0]["sent_bytes"] == 100


def test_nobody_reaches_the_files_without_the_application(url, home):
    path = blobs_of(home).path(WEIGHTS_DIGEST)
    for attempt in (
        f"{INTERNAL}{path}",
        f"/x/..{INTERNAL}{path}",
        f"//{INTERNAL[1:]}{path}",
        f"/%5fblobs/{path}",
        f"/log/../{INTERNAL[1:]}{path}",
        f"/log../blobs/{path}",
        "/log/../home.toml",
        "/log../home.toml",
        "/log/%2e%2e/home.toml",
    ):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET {attempt} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.split(b" ")[1] in {b"404", b"400"}, attempt
        assert WEIGHTS[:20] not in answer
        assert b"origin" not in answer


def test_a_client_cannot_make_up_its_address(url):
    said = ask("GET", f"{url}/who", headers={"X-Forwarded-For": "10.1.2.3", "Forwarded": "for=10.1.2.3"})
    assert said.data == b"127.0.0.1 127.0.0.1"


def test_the_log_is_served_without_the_application_and_numbers_are_not(url, home):
    answer = ask("GET", f"{url}/log/checkpoint")
    assert answer.data == (home.folder / "log" / "checkpoint").read_bytes()
    assert answer.headers["cache-control"] == "no-store"
    tile, *_ = sorted((home.folder / "log" / "tile" / "0").rglob("*.p/*"))
    answer = ask("GET", f"{url}/log/{tile.relative_to(home.folder / 'log')}")
    assert answer.data == tile.read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    assert ask("GET", f"{url}/metrics").status == 404


def test_a_download_that_is_cut_off_is_written_down_with_what_was_sent(program, sqlite_home, tmp_path):
    home = behind_nginx(sqlite_home)
    large = b"x" * 50_000_000
    digest = f"sha256:{hashlib.sha256(large).hexdigest()}"
    blobs_of(home).put(digest, len(large), iter([large]))
    headers = {"X-Accel-Redirect": INTERNAL + blobs_of(home).path(digest), DELIVERY_HEADER: DELIVERY}
    app = Starlette(routes=[Route("/file", lambda _: Response(headers=headers))])
    with (
        served(app) as inside,
        in_front(program, tmp_path / "nginx", home, inside.removeprefix("http://"), free_port()) as url,
    ):
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(b"GET /file HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(100_000)
        (line,) = lines(home, 1)
    assert 0 < line["sent_bytes"] < len(large)
