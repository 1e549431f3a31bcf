"""The client of the API that commands use: over HTTP to a real server."""

import io
import json
import stat

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Route

from commands import append, home, run
from controlled import world_in
from halfdoor.cli.client import keep_token, kept_token, tokens_file
from halfdoor.core.errors import InputError
from homes import new_home
from served import served

__all__ = ["append", "home", "run"]


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("HALFDOOR_TOKEN", raising=False)
    with world_in(new_home(tmp_path / "home")) as made:
        made.open()
        yield made


@pytest.fixture
def url(world):
    with served(world.app) as address:
        yield address


def test_somebody_registers_applies_and_gets_a_token_over_http(world, url, run, monkeypatch):
    there = ("--server", url)
    asked = ("apply", "lab/m", "--group", "vetted", *there)
    stated = [word for name in ("identity", "organisation", "purpose") for word in ("--field", f"{name}=x")]
    code, _, error = run(*asked, *stated)
    assert code == 2
    assert "--name --email --organisation" in error
    who = ("--name", "Eve", "--email", "eve@example.org", "--organisation", "Example")
    code, said, error = run(*asked, *stated, *who)
    assert code == 0, error
    assert "A reviewer decides on it." in said
    file = tokens_file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert kept_token(url).startswith("hd_")
    assert kept_token(url) not in said + error
    (one,) = json.loads(run("apply", "list", *there, "--json")[1])["applications"]
    monkeypatch.setenv("HALFDOOR_TOKEN", world.token(world.with_role("reviewer")))
    assert run("review", "approve", one["id"], *there)[0] == 0
    monkeypatch.delenv("HALFDOOR_TOKEN")
    code, said, _ = run("apply", "token", one["id"], *there)
    assert code == 0
    assert f"HF_ENDPOINT={url}" in said


def test_an_invitation_is_taken_up_and_the_token_kept(world, url, run, monkeypatch):
    invited = world.ask(world.admin, "POST", "/people", {"name": "Rex", "email": "rex@example.org"}).json
    keep_token(url, "hd_lost")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{invited['link']}\n"))
    code, said, error = run("people", "join", "--server", url)
    assert code == 0, error
    assert invited["person"] in said
    assert json.loads(run("people", "me", "--server", url, "--json")[1])["person"]["name"] == "Rex"


def test_a_refusal_keeps_its_words_and_chooses_the_exit_code(world, url, run, monkeypatch):
    monkeypatch.setenv("HALFDOOR_TOKEN", world.token(world.applicant()))
    code, said, error = run("people", "list", "--server", url)
    assert (code, said) == (1, "")
    assert "this is for people with the role admin or auditor [not-your-role]" in error
    code, _, error = run("people", "key", "add", __file__, "--server", url)
    assert (code, "[bad-" in error) == (2, True)
    monkeypatch.setenv("HALFDOOR_TOKEN", "hd_" + "x" * 36)
    code, _, error = run("people", "me", "--server", url)
    assert (code, "[bad-token]" in error) == (1, True)


def answering(answer):
    return Starlette(routes=[Route("/{path:path}", lambda _: answer, methods=["GET", "POST"])])


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (PlainTextResponse("hello"), "no-server"),
        (PlainTextResponse("gone", 502), "no-server"),
        (RedirectResponse("https://elsewhere.example/"), "redirected"),
        (JSONResponse({"code": "too-slow", "error": "it came too slowly"}, 408), "too-slow"),
        (JSONResponse({"error": {"code": "x", "message": "\x1b[2Jgone"}}, 400), "x"),
    ],
)
def test_whatever_answers_instead_is_told_calmly(world, run, monkeypatch, answer, code):
    monkeypatch.setenv("HALFDOOR_TOKEN", world.token(world.admin))
    with served(answering(answer)) as address:
        exit_code, _, error = run("people", "me", "--server", address)
    assert exit_code in {1, 2}
    assert f"[{code}]" in error
    assert "\x1b" not in error


def test_a_server_that_is_not_there_is_told(world, run, monkeypatch):
    monkeypatch.setenv("HALFDOOR_TOKEN", "hd_x")
    code, _, error = run("people", "me", "--server", "http://127.0.0.1:9")
    assert (code, "[unreachable]" in error) == (2, True)


def test_kept_tokens_are_for_each_server_and_damaged_ones_are_told(world):
    keep_token("https://a.example", "one")
    keep_token("https://b.example", "two")
    assert (kept_token("https://a.example"), kept_token("https://b.example")) == ("one", "two")
    tokens_file().write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="kept tokens"):
        kept_token("https://a.example")
