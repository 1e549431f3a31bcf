"""Where a log's public files are read from: folders that may be hostile, and servers that may be worse."""

from __future__ import annotations

import gzip
import os
import pickle
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import SimpleHTTPRequestHandler

import pytest

from halfdoor.adapters import http
from halfdoor.adapters.log_http import HttpSource
from halfdoor.adapters.log_source import FolderSource, open_source
from halfdoor.core.errors import InputError
from logs import entries_of_ours, new_key, served, write_log


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    write_log(folder, entries_of_ours(300), new_key())
    return folder


@pytest.fixture(params=["folder", "http"])
def source(request, folder):
    if request.param == "folder":
        yield open_source(str(folder))
    else:
        with served(folder) as url:
            yield open_source(f"{url}/")


def refused(call, *arguments):
    with pytest.raises(InputError) as error:
        call(*arguments)
    return error.value


def test_a_file_is_read_whole_a_missing_one_is_none_and_a_long_one_is_refused(source, folder):
    for path in ("checkpoint", "tile/entries/001.p/44", "tile/0/000"):
        data = (folder / path).read_bytes()
        assert source.read(path, len(data)) == data
        assert refused(source.read, path, len(data) - 1).code == "too-large"
    for path in ("nothing", "tile/0/001.p/45", "checkpoint/below", "tile/" + "x" * 300):
        assert source.read(path, 10) is None


def test_no_path_leaves_the_log(source):
    for path in ("", "../checkpoint", "tile/../checkpoint", "/etc/passwd", "a//b", "a/", "a\\b", "a\0b", "."):
        with pytest.raises(ValueError, match="not below"):
            source.read(path, 10)


def test_a_link_may_stay_inside_and_not_lead_out(tmp_path):
    log, outside = tmp_path / "log", tmp_path / "outside"
    log.mkdir()
    outside.mkdir()
    for place in (log, outside):
        (place / "file").write_bytes(b"data")
    (log / "inside").symlink_to("file")
    (log / "leads-out").symlink_to(outside / "file")
    (log / "folder").symlink_to(outside)
    (log / "loop").symlink_to("loop")
    (log / "gone").symlink_to("nowhere")
    os.mkfifo(log / "pipe")
    source = FolderSource(log)
    assert source.read("inside", 10) == b"data"
    assert source.read("gone", 10) is None
    for path in ("leads-out", "folder/file", "pipe", "loop"):
        assert refused(source.read, path, 10).code == "unreadable"
    (tmp_path / "link").symlink_to(log)
    assert FolderSource(tmp_path / "link").read("file", 10) == b"data"


def test_a_source_in_a_folder_goes_to_other_processes(folder):
    again = pickle.loads(pickle.dumps(FolderSource(folder)))
    assert again.read("checkpoint", 10_000) == (folder / "checkpoint").read_bytes()


def test_what_is_no_log_is_said_at_once(tmp_path):
    assert refused(open_source, str(tmp_path / "nowhere")).code == "no-log"
    assert refused(open_source, str(tmp_path)).code == "no-log"
    for url in ("ftp://example.org/log", "http://", "https://a b", "http://x/log?a=b", "file:///etc"):
        assert refused(open_source, url).code == "bad-url"
    assert open_source("HTTPS://example.org/log/").name == "HTTPS://example.org/log"


class Moody(SimpleHTTPRequestHandler):
    """Answers by what stands in the path; counts how often it was asked."""

    asked: dict[str, int]

    def do_GET(self):
        name = self.path.strip("/")
        Moody.asked[name] = count = Moody.asked.get(name, 0) + 1
        body, status, headers = b"data", 200, {}
        match name.split("-"):
            case ["busy", times]:
                status = 503 if count <= int(times) else 200
            case ["gzip"]:
                body, headers = gzip.compress(b"data" * 1000), {"Content-Encoding": "gzip"}
            case ["bomb"]:
                body, headers = gzip.compress(bytes(50_000_000)), {"Content-Encoding": "gzip"}
            case ["garbled"]:
                headers = {"Content-Encoding": "gzip"}
            case ["status", code]:
                status = int(code)
            case ["moved", where]:
                status, headers = 302, {"Location": where}
            case ["cut", times]:
                self.close_connection = count <= int(times)
                headers = {"Content-Length": "100"} if self.close_connection else {}
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(key, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except ConnectionError:
            self.close_connection = True


@pytest.fixture
def moody(tmp_path):
    Moody.asked = {}
    with served(tmp_path, Moody) as url:
        yield HttpSource(url)


def test_a_busy_server_and_a_cut_connection_are_tried_again(moody):
    assert moody.read("busy-2", 10) == b"data"
    assert Moody.asked["busy-2"] == 3
    assert moody.read("cut-1", 10) == b"data"
    assert refused(moody.read, "busy-9", 10).code == "unreadable"
    assert refused(moody.read, "cut-9", 10).code == "unreadable"
    assert (Moody.asked["busy-9"], Moody.asked["cut-9"]) == (3, 3)


def test_a_servers_answers_are_told_apart(moody):
    assert moody.read("moved-plain", 10) == b"data"
    assert moody.read("gzip", 4000) == b"data" * 1000
    for code in (403, 404, 410):
        assert moody.read(f"status-{code}", 10) is None
    for code in (201, 400, 401):
        error = refused(moody.read, f"status-{code}", 10)
        assert (error.code, str(code) in error.message) == ("unreadable", True)
    assert refused(moody.read, "garbled", 10).code == "unreadable"


def test_nothing_is_unpacked_beyond_what_was_asked_for(moody):
    assert refused(moody.read, "bomb", 100_000).code == "too-large"
    assert refused(moody.read, "gzip", 3999).code == "too-large"
    assert moody.read("plain", 4) == b"data"


def test_a_server_that_drips_is_left(monkeypatch):
    monkeypatch.setattr(http, "WHOLE_SECONDS", 0.3)
    done = threading.Event()

    def drip(listening):
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not done.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=[listening])
        thread.start()
        source = HttpSource(f"http://127.0.0.1:{listening.getsockname()[1]}")
        assert "longer than" in refused(source.read, "checkpoint", 1000).message
        done.set()
        thread.join()


def test_nobody_there_is_said_in_words(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    error = refused(HttpSource(f"http://127.0.0.1:{port}").read, "checkpoint", 10)
    assert error.code == "unreadable"
    assert "refused" in error.message
    assert "object at" not in error.message


def test_many_threads_read_at_once(moody):
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda n: moody.read(f"plain-{n}", 10), range(200))) == {b"data"}
