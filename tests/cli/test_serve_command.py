"""`halfdoor serve`: the first run makes a home and lets an administrator in; signals end it in order."""

import json
import logging
import signal
import socket
import stat
import tomllib

import pytest

from commands import run
from halfdoor.bootstrap import doctor
from halfdoor.bootstrap.log import writing
from halfdoor.services.home import read_home
from homes import Outside, new_home
from served import ask
from serving_process import serve

__all__ = ["run"]


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """`serve` says where everything is logged, for the whole process."""
    root, of_ours = logging.getLogger(), [logging.getLogger(name) for name in ("halfdoor", "halfdoor.access")]
    before = root.handlers[:], root.level, [one.level for one in of_ours]
    yield
    root.handlers[:], level, levels = before
    root.setLevel(level)
    for one, was in zip(of_ours, levels, strict=True):
        one.setLevel(was)


def settings(home):
    return tomllib.loads((home / "home.toml").read_text(encoding="utf-8"))


def test_the_first_run_makes_a_home_and_invites_its_administrator_until_one_has_come(tmp_path):
    with serve(tmp_path / "home", "--origin", "example.org/log") as server:
        server.wait()
        assert "Made a new home" in server.said
        assert settings(tmp_path / "home")["origin"] == "example.org/log"
        first = server.invitation
        page = ask("GET", f"{server.url}/join/{first}")
        assert b"halfdoor people join --server" in page.data
        assert ask("GET", f"{server.url}/readyz").json() == {
            "ready": True,
            "parts": {"database": "ok", "log": "ok", "feed": "ok", "blobs": "ok"},
        }
        assert server.end() == 0
        assert "Stopped." in server.said
    with serve(tmp_path / "home") as server:
        server.wait()
        assert "Made a new home" not in server.said
        assert server.invitation not in {None, first}, "nobody has come yet"
        assert server.end(signal.SIGINT) == 0
    home = read_home(tmp_path / "home")
    assert doctor.examine(home) == []
    assert Outside(home).seen.size == 0
    with writing(home):  # the lease was given up
        pass


def test_a_home_without_a_name_of_its_own_says_that_it_is_for_trying_things_out(tmp_path):
    (tmp_path / "home").mkdir()
    with serve(tmp_path / "home") as server:
        server.wait()
        assert settings(tmp_path / "home")["origin"] == "localhost/halfdoor"
        assert "for trying things out" in server.said


def test_a_home_is_named_by_the_address_where_it_will_be_reached(tmp_path):
    with serve(tmp_path / "home", "--public-url", "https://hub.example.org") as server:
        server.wait()
        assert settings(tmp_path / "home")["origin"] == "hub.example.org/halfdoor"
        assert f"https://hub.example.org/join/{server.invitation}" in server.said
        assert "https://hub.example.org" in ask("GET", server.url).data.decode()


def test_what_is_there_is_not_taken_for_a_home(tmp_path, run):
    (tmp_path / "x").touch()
    code, _, said = run("serve", "--home", tmp_path)
    assert (code, "no-home" in said) == (2, True)
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


def test_a_port_that_is_taken_is_told(tmp_path, run):
    new_home(tmp_path / "home")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, said = run("serve", "--home", tmp_path / "home", "--port", taken.getsockname()[1])
    assert (code, "cannot-listen" in said) == (2, True)


def test_logs_are_json_and_name_no_secret(tmp_path):
    with serve(tmp_path / "home") as server:
        server.wait()
        url, secret = server.url, server.invitation
        ask("GET", f"{url}/join/{secret}")
        ask("GET", f"{url}/nowhere?token=hd_secret", headers={"Authorization": "Bearer hd_secret"})
        server.end()
        said = "".join(server.err)
        lines = [line for line in server.lines if line["logger"] == "halfdoor.access"]
    assert [line["path"] for line in lines] == ["/join/…", "/nowhere"]
    assert secret not in said
    assert "hd_secret" not in said
    assert len(server.lines) == len(server.err), "something else was written"


def test_the_public_log_is_there_for_anybody(tmp_path, run):
    with serve(tmp_path / "home", "--origin", "example.org/log") as server:
        server.wait()
        checkpoint = ask("GET", f"{server.url}/log/checkpoint")
        assert checkpoint.headers["cache-control"] == "no-store"
        assert checkpoint.data.startswith(b"example.org/log\n")
        for path in (
            "home.toml",
            "../home.toml",
            "%2e%2e/home.toml",
            "tile/0/../../../home.toml",
            "checkpoint/",
        ):
            assert ask("GET", f"{server.url}/log/{path}").status == 404
        key = next((tmp_path / "home" / "keys").glob("note-*.vkey"))
        code, out, _ = run("log", "verify", f"{server.url}/log", "--key", key, "--json")
        assert code == 0, out


def test_two_servers_of_one_home_share_the_work(tmp_path):
    new_home(tmp_path / "home")
    with serve(tmp_path / "home") as one, serve(tmp_path / "home") as two:
        one.wait(), two.wait()
        writers = [writer(server.url) for server in (one, two)]
        assert sorted(writers) == [0, 1]
        for server in (one, two):
            assert ask("GET", f"{server.url}/readyz").json()["ready"]
        first, second = (one, two) if writers[0] else (two, one)
        assert first.end() == 0
        for _ in range(200):
            if writer(second.url):
                break
            signal.sigtimedwait([], 0.05)
        assert writer(second.url) == 1
        assert ask("GET", f"{second.url}/readyz").json()["ready"]


def writer(url):
    text = ask("GET", f"{url}/metrics").data.decode()
    return int(next(line for line in text.splitlines() if line.startswith("halfdoor_log_writer ")).split()[1])


def test_an_old_copy_serves_nothing_new_and_says_so(tmp_path, run):
    with serve(tmp_path / "home") as server:
        server.wait().end()
    assert run("backup", "--home", tmp_path / "home", "--to", tmp_path / "copy")[0] == 0
    with serve(tmp_path / "home") as server:
        server.wait().end()
    code, said, _ = run("restore", tmp_path / "copy", "--home", tmp_path / "new")
    assert (code, "old copy" in said) == (1, True)
    with serve(tmp_path / "new") as server:
        server.wait()
        assert "The log does not take anything" in server.said
        assert server.invitation is None
        parts = ask("GET", f"{server.url}/readyz").json()["parts"]
        assert parts["log"] == "failed"
        assert server.end() == 0


def test_the_configuration_for_nginx_names_the_home(tmp_path, run):
    new_home(tmp_path / "home")
    code, out, _ = run(
        "serve", "--home", tmp_path / "home", "--print-nginx", "--public-url", "https://hub.example.org"
    )
    assert code == 0
    blobs = tmp_path / "home" / "blobs"
    assert f"alias {blobs}/;" in out
    assert "server_name hub.example.org;" in out
    assert "server 127.0.0.1:8790;" in out
    new_home(tmp_path / "a $b")
    assert run("serve", "--home", tmp_path / "a $b", "--print-nginx")[0] == 2


def test_backups_of_a_running_server_can_be_read_and_doctor_says_it_in_json(tmp_path, run):
    with serve(tmp_path / "home") as server:
        server.wait()
        code, said, _ = run("backup", "--home", tmp_path / "home", "--to", tmp_path / "copy.tar")
        assert code == 0
        assert "It holds the private keys" in said
        code, out, _ = run("doctor", "--home", tmp_path / "home", "--json", "--deep")
        assert (code, json.loads(out)) == (0, {"well": True, "findings": []})
    assert stat.S_IMODE((tmp_path / "copy.tar").stat().st_mode) == 0o600
    code, said, _ = run("restore", tmp_path / "copy.tar", "--home", tmp_path / "new")
    assert code in {0, 1}, "as the server went on meanwhile or not"
    assert run("doctor", "--home", tmp_path / "new")[0] == code


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_anything_is_served_ends_it(tmp_path, how):
    with serve(tmp_path / "home") as server:
        server.process.send_signal(how)
        server.process.wait(20)
